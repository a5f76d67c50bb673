"""Turns: pieces of drawing that can wait, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from shiboken6 import isValid

# From one turn to the next, so that mouse and keyboard come in between.
GAP_MS = 6
# During a drag turns begin in the second quarter of the time from one move to the next: then the move has
# been painted, and a turn ends before the next one. What it has no room for waits for that one, and is drawn
# less often; but it does not wait for ever, for the hand may rest.
FIRST, LAST, PATIENCE_MS = 0.25, 0.5, 40
# From one move to the next: what is expected of a hand that has moved once, and the least that leaves room.
FRAME_MS, QUICKEST_MS = 1000 / 60, 8.0


class Turns(QObject):
    """Lets widgets draw what is new one after the other, so that a drag waits for one of them at most.

    A turn is a method of a widget. Who asks again before its turn has come keeps its place. During a drag
    turns come after its moves, not when the next one is due. It belongs to a window and goes with it:
    collected later, by whatever thread, its timer would crash Qt.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: dict[Callable[[], None], None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take)
        self._moved_at = -1.0
        # From the move before the last to the last.
        self._period_ms = FRAME_MS

    def ask(self, turn: Callable[[], None]) -> None:
        """Have this method called in a turn of its own."""
        self._waiting[turn] = None
        if not self._timer.isActive():
            self._timer.start(self._gap_ms)

    def follow_move(self) -> None:
        """A drag has moved: what it shows is painted next, and there is time then until it moves again."""
        now = time.monotonic()
        self._period_ms = min(max(1000 * (now - self._moved_at), QUICKEST_MS), FRAME_MS)
        self._moved_at = now
        if self._waiting and self._timer.remainingTime() > self._gap_ms:
            self._timer.start(self._gap_ms)

    @property
    def _gap_ms(self) -> int:
        """From now to the next turn."""
        since = 1000 * (time.monotonic() - self._moved_at)
        if since < LAST * self._period_ms:
            return max(1, round(FIRST * self._period_ms - since))
        return PATIENCE_MS if since < PATIENCE_MS else GAP_MS

    def finish(self) -> None:
        """Take all turns now, those that they ask for included: for a picture."""
        while self._waiting:
            self._take()

    def _take(self) -> None:
        if not self._waiting:
            return
        turn = next(iter(self._waiting))
        del self._waiting[turn]
        try:
            # A lane may have left while it waited.
            if isValid(turn.__self__):
                turn()
        finally:
            # Now that it is known how much of the time until the next move it has taken.
            if self._waiting:
                self._timer.start(self._gap_ms)
