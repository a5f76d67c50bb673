"""Turns: pieces of drawing that can wait, one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from shiboken6 import isValid

# From one turn to the next, so that mouse and keyboard come in between.
GAP_MS = 6
# During a drag turns begin in these milliseconds after a move, when it has been painted and the next one, at
# sixty a second, is far enough off for a turn to end; then they wait for it, but not for ever, for the hand
# may rest.
AFTER_MOVE_MS, LAST_AFTER_MOVE_MS, PATIENCE_MS = 4, 9, 40


class Turns(QObject):
    """Lets widgets draw what is new one after the other, so that a drag waits for one of them at most.

    A turn is a method of a widget. Who asks again before its turn has come keeps its place. During a drag
    turns come right after its moves, not when the next one is due. It belongs to a window and goes with it:
    collected later, by whatever thread, its timer would crash Qt.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: dict[Callable[[], None], None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take)
        self._moved_at = -1.0

    def ask(self, turn: Callable[[], None]) -> None:
        """Have this method called in a turn of its own."""
        self._waiting[turn] = None
        if not self._timer.isActive():
            self._timer.start(self._gap_ms)

    def follow_move(self) -> None:
        """A drag has moved: what it shows is painted next, and there is time then until it moves again."""
        self._moved_at = time.monotonic()
        if self._waiting and self._timer.remainingTime() > AFTER_MOVE_MS:
            self._timer.start(AFTER_MOVE_MS)

    @property
    def _gap_ms(self) -> int:
        """From now to the next turn."""
        since = 1000 * (time.monotonic() - self._moved_at)
        if since < LAST_AFTER_MOVE_MS:
            return max(1, round(AFTER_MOVE_MS - since))
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
        # A lane may have left while it waited.
        if isValid(turn.__self__):
            turn()
        if self._waiting:
            # Now that it is known how much of the time until the next move it has taken.
            self._timer.start(self._gap_ms)
