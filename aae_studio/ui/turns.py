"""Turns: pieces of drawing that can wait, one at a time."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from shiboken6 import isValid

# From one turn to the next, so that mouse and keyboard come in between.
GAP_MS = 6


class Turns(QObject):
    """Lets widgets draw what is new one after the other, so that a drag waits for one of them at most.

    A turn is a method of a widget. Who asks again before its turn has come keeps its place. It belongs to
    a window and goes with it: collected later, by whatever thread, its timer would crash Qt.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: dict[Callable[[], None], None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(GAP_MS)
        self._timer.timeout.connect(self._take)

    def ask(self, turn: Callable[[], None]) -> None:
        """Have this method called in a turn of its own."""
        self._waiting[turn] = None
        if not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """Take all turns now, those that they ask for included: for a picture."""
        while self._waiting:
            self._take()

    def _take(self) -> None:
        if not self._waiting:
            return
        turn = next(iter(self._waiting))
        del self._waiting[turn]
        if self._waiting:
            self._timer.start()
        # A lane may have left while it waited.
        if isValid(turn.__self__):
            turn()
