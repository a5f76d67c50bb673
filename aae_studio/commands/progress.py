"""A progress bar on stderr: redrawn in place on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

WIDTH = 24
TERMINAL_PAUSE_S, FILE_PAUSE_S = 0.1, 5.0


class Progress:
    """Shows how far a task is. Nothing is written when `quiet`."""

    def __init__(self, label: str, quiet: bool = False) -> None:
        self.label = label
        self._stream = None if quiet else sys.stderr
        self._terminal = self._stream is not None and self._stream.isatty()
        self._start = self._shown = time.monotonic()
        self._open = False

    def show(self, done: int, total: int, note: str = "") -> None:
        """Show `done` of `total`, if the time for it has come or all is done."""
        now = time.monotonic()
        pause = TERMINAL_PAUSE_S if self._terminal else FILE_PAUSE_S
        if self._stream is None or (now - self._shown < pause and done < total):
            return
        self._shown = now
        filled = WIDTH * done // max(total, 1)
        left = (now - self._start) * (total - done) / max(done, 1)
        parts = [
            f"{self.label} [{'#' * filled}{'.' * (WIDTH - filled)}] {100 * done // max(total, 1)} %",
            note,
        ]
        line = " · ".join(part for part in (*parts, f"{left:.0f} s left" if done < total else "") if part)
        print(
            f"\r{line}\x1b[K" if self._terminal else line,
            end="" if self._terminal else "\n",
            file=self._stream,
        )
        self._stream.flush()
        self._open = self._terminal

    def close(self) -> None:
        """End the line on a terminal."""
        if self._open:
            print(file=self._stream)
            self._open = False
