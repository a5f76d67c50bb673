"""Turns: one piece of work in each pass of the event loop."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

PAUSE_MS = 8


class Turns(QObject):
    """Does what is asked for one after the other, with a pause between two pieces. Emits nothing.

    News that concerns all lanes comes at once; painted at once, it would make the mouse wait for all.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: dict[Callable[[], None], None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._take)

    def ask(self, work: Callable[[], None]) -> None:
        """Do this when its turn comes; once, however often it is asked for until then."""
        self._waiting[work] = None
        if not self._timer.isActive():
            self._timer.start()

    def forget(self, work: Callable[[], None]) -> None:
        """It has been done, or is no longer wanted."""
        self._waiting.pop(work, None)

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()

    @property
    def waiting(self) -> int:
        """How many pieces of work have not had their turn yet."""
        return len(self._waiting)

    def _take(self) -> None:
        if self._waiting:
            work = next(iter(self._waiting))
            del self._waiting[work]
            work()
        if self._waiting:
            self._timer.start()
