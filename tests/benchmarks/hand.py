"""A hand that drags in the running window, and how long each of its moves takes to be painted."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from aae_studio.ui.app import Studio
from aae_studio.ui.decode_view import DecodeView

# One move a frame, sixty a second.
PERIOD_MS = 16
# The first moves find caches cold.
UNCOUNTED = 20

_painted: dict[int, float] = {}
_paint = DecodeView.paintEvent


def _timed_paint(view: DecodeView, event: object) -> None:
    _paint(view, event)  # type: ignore[arg-type]
    # The first paint of a move: a later one shows the same place by newer weights.
    _painted.setdefault(id(view), time.perf_counter())


# Before any view is made: Qt asks each once which method paints it.
DecodeView.paintEvent = _timed_paint  # type: ignore[method-assign, assignment]


class Hand(QObject):
    """Drags the cursor around a circle, so many moves, then calls `done` with the milliseconds of each.

    A move is posted as Qt posts the mouse's; it ends when all lanes have painted the image decoded there.
    `own`: the milliseconds until the lane that is dragged in had.
    """

    def __init__(self, studio: Studio, drags: int, done: Callable[[list[float]], None]) -> None:
        super().__init__()
        window = studio.window
        self._canvas, self._view = window.lanes["aae"].canvas, window.lanes["aae"].decode_view
        self._views = [lane.decode_view for lane in window.lanes.values()]
        self._goal, self._done = drags + UNCOUNTED, done
        self._moves = 0
        self._latencies: list[float] = []
        self.own: list[float] = []
        self._asked: float | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._move)
        planes = studio.workbench.planes
        move_cursor = planes.move_cursor

        def move(name: str, place: tuple[float, float]) -> None:
            # Paints of the place before don't count.
            _painted.clear()
            move_cursor(name, place)

        planes.move_cursor = move  # type: ignore[method-assign]
        self._post(QEvent.Type.MouseButtonPress)
        self._timer.start(PERIOD_MS)

    def _post(self, kind: QEvent.Type) -> None:
        angle = self._moves / 20
        radius = 0.4 * min(self._canvas.width(), self._canvas.height())
        at = QPointF(
            self._canvas.width() / 2 + radius * np.cos(angle),
            self._canvas.height() / 2 + radius * np.sin(angle),
        )
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        globally = QPointF(self._canvas.mapToGlobal(at))
        QApplication.postEvent(self._canvas, QMouseEvent(kind, at, globally, left, left, none))

    def _move(self) -> None:
        if self._asked is not None:
            painted = [_painted.get(id(view), 0.0) for view in self._views]
            if min(painted) < self._asked:
                # Not painted within a tick: wait on, and count the whole time.
                return
            self._latencies.append((max(painted) - self._asked) * 1e3)
            self.own.append((_painted[id(self._view)] - self._asked) * 1e3)
        self._moves += 1
        if len(self._latencies) >= self._goal:
            self._timer.stop()
            self._post(QEvent.Type.MouseButtonRelease)
            del self._latencies[:UNCOUNTED], self.own[:UNCOUNTED]
            self._done(self._latencies)
            return
        self._post(QEvent.Type.MouseMove)
        self._asked = time.perf_counter()
