"""Process start to window shown, with `--train` to the first loss drawn, and from the closing to the end.

The window counts as shown when it has painted itself once with its lanes' places. It is closed while it
trains. All modules are compiled beforehand, as they are once a program is installed. It is started as the
console script starts it, command line and all. The peer is napari's window, without its command line, where
the environment variable NAPARI_PYTHON names an interpreter that has it.
Usage: startup.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

TRAINING_MS = 2000
NAPARI = """
import sys, time, napari
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer()
QApplication.processEvents()
print(time.time() - float(sys.argv[1]))
"""


def one(began: float) -> None:
    """Start the Studio as the console script does; prints the seconds since the process was asked for."""
    from PySide6.QtCore import QTimer

    from aae_studio.cli import main as studio
    from aae_studio.ui import app

    seen: dict[str, float] = {}

    class TimedWindow(app.MainWindow):
        """The main window, with a clock on its first paint and on its first loss."""

        def paintEvent(self, event) -> None:
            super().paintEvent(event)
            seen.setdefault("window_s", time.time() - began)

        def _make_plots(self) -> None:
            super()._make_plots()
            plots, redraw = self.loss_plots, self.loss_plots.redraw

            def timed_redraw() -> None:
                redraw()
                if self._bench.step and "first_loss_s" not in seen:
                    plots.grab()
                    seen["first_loss_s"] = time.time() - began
                    QTimer.singleShot(TRAINING_MS, self._close_timed)

            plots.redraw = timed_redraw
            self._bench.progressed.connect(timed_redraw)

        def _close_timed(self) -> None:
            seen["closing"] = time.time()
            self.close()

    app.MainWindow = TimedWindow
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AAE_STUDIO_SETTINGS"] = str(Path(folder) / "settings.ini")
        code = studio(["--train"])
    print(json.dumps(seen), flush=True)
    sys.exit(code)


def timed(compiled: str) -> dict[str, float]:
    """One start and one end of the program, its modules compiled in this folder."""
    from measuring import child

    seen = child(__file__, "--one", repr(time.time()), **written_to(compiled))
    return seen | {"closed_s": time.time() - seen["closing"]}


def peer(interpreter: str, compiled: str) -> float:
    """Seconds to napari's window, its modules compiled in this folder."""
    from measuring import run

    words = run([interpreter, "-c", NAPARI, repr(time.time())], **written_to(compiled))
    return float(words.strip().splitlines()[-1])


def written_to(compiled: str) -> dict[str, str]:
    """The environment in which Python writes what it has compiled to this folder, and reads it there."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(float(sys.argv[2]))
        return
    # Not above: what measures is no part of what is measured.
    from measuring import arguments, publish, spread

    options = arguments(__doc__, rounds=7)
    napari = os.environ.get("NAPARI_PYTHON")
    with tempfile.TemporaryDirectory() as compiled:
        # The first round compiles, and warms the disk's cache.
        rounds = [
            timed(compiled) | ({"napari_s": peer(napari, compiled)} if napari else {})
            for _ in range(1 + options.rounds)
        ]
    seen = rounds[1:]
    rows = {name: spread([result[name] for result in seen]) for name in seen[0] if name != "closing"}
    note = "" if napari else "napari left out: NAPARI_PYTHON names no interpreter"
    if napari:
        rows["window_s"]["napari/ours"] = rows["napari_s"]["median"] / rows["window_s"]["median"]
    publish("startup", rows, options.json, unit="seconds", note=note)


if __name__ == "__main__":
    main()
