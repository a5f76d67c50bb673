"""LabelBrush: gives labels to the training images under the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from aae_studio.ui.canvas import painting
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

# A click takes the nearest point within so many pixels, where the brush covers none.
REACH_PX = 9


class LabelBrush(QObject):
    """A tool: a round brush over the points of the overlay of labelled images.

    Dragging with the left button touches points; with Shift, or where `removing`, their labels are taken
    away. Enter does so to what is around the cursor, Delete takes labels away there. Esc takes a stroke
    back, or leaves. Emits `brushed` (ids, whether they get labels) once a stroke ends, and `left`.
    """

    brushed = Signal(object, bool)
    left = Signal()

    def __init__(self, workbench: Workbench, theme: Theme) -> None:
        super().__init__()
        self._bench, self._theme = workbench, theme
        self.radius, self.removing = 12.0, False
        # The label that is given, a place among the classes; None: each image's own.
        self.label: int | None = None
        # Where the mouse is, and over which lane.
        self._at: QPointF | None = None
        self._lane = ""
        # Ids that the stroke under way has touched.
        self._touched: set[int] | None = None
        self._removes = False

    def takes(self, event: QEvent, canvas: QWidget, name: str) -> bool:
        match event.type():
            case QEvent.Type.MouseButtonPress | QEvent.Type.MouseButtonDblClick:
                return self._press(event, canvas, name)
            case QEvent.Type.MouseMove:
                return self._move(event, canvas, name)
            case QEvent.Type.MouseButtonRelease:
                return self._release(event, canvas)
            case QEvent.Type.Leave:
                self._at = None
                canvas.update()
            case QEvent.Type.KeyPress:
                return self._key(event, canvas, name)
        return False

    def take_back(self) -> bool:
        """Forget the stroke under way; False when there is none."""
        there, self._touched = self._touched is not None, None
        return there

    # Mouse and keyboard

    def _press(self, event: QMouseEvent, canvas: QWidget, name: str) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._touched, self._removes = set(), self.removing or shift
        self._at, self._lane = event.position(), name
        self._touch(canvas, name, self._at, self._at)
        if not self._touched:
            self._touch_nearest(canvas, name, self._at)
        return True

    def _move(self, event: QMouseEvent, canvas: QWidget, name: str) -> bool:
        before, self._at, self._lane = self._at, event.position(), name
        canvas.update()
        if self._touched is not None:
            self._touch(canvas, name, before or self._at, self._at)
        # A drag with another button pans as ever.
        return self._touched is not None or not event.buttons()

    def _release(self, event: QMouseEvent, canvas: QWidget) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        self._finish(canvas)
        return True

    def _finish(self, canvas: QWidget) -> None:
        """End the stroke: what it touched changes its labels."""
        touched, self._touched = self._touched, None
        canvas.update()
        if touched:
            self.brushed.emit(np.array(sorted(touched), np.int64), not self._removes)

    def _key(self, event: QKeyEvent, canvas: QWidget, name: str) -> bool:
        key = Qt.Key(event.key())
        gives = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if gives or key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            place = np.array([self._bench.planes.cursor_place(name)], np.float32)
            x, y = self._bench.planes.views[name].to_pixels(place, canvas.width(), canvas.height())[0]
            at = QPointF(float(x), float(y))
            self._touched, self._removes = set(), self.removing or not gives
            self._touch(canvas, name, at, at)
            self._finish(canvas)
            return True
        if key == Qt.Key.Key_Escape:
            if not self.take_back():
                self.left.emit()
            canvas.update()
            return True
        return False

    # Points

    def _points(self, canvas: QWidget, name: str) -> tuple[Any, npt.NDArray[np.float32]] | None:
        """The overlay's points in a lane, and where they are, in pixels (n, 2)."""
        seen = self._bench.questions.answers.get(("labelled", name))
        if seen is None or name not in self._bench.planes.views:
            return None
        return seen, self._bench.planes.views[name].to_pixels(seen.places, canvas.width(), canvas.height())

    def _touch(self, canvas: QWidget, name: str, start: QPointF, end: QPointF) -> None:
        """Add the points that the brush covers on its way."""
        found = self._points(canvas, name)
        if found is None or self._touched is None:
            return
        seen, pixels = found
        covered = gaps_to_way(pixels, start, end) <= self.radius
        self._touched |= set(seen.ids[covered & self._changes(seen)].tolist())
        canvas.update()

    def _touch_nearest(self, canvas: QWidget, name: str, at: QPointF) -> None:
        found = self._points(canvas, name)
        if found is None or self._touched is None:
            return
        seen, pixels = found
        open_to = self._changes(seen)
        place = painting.nearest(pixels[open_to], at, REACH_PX)
        if place is not None:
            self._touched.add(int(seen.ids[open_to][place]))

    def _changes(self, seen: Any) -> npt.NDArray[np.bool_]:
        """Which points (n,) the stroke would give another label, or take it away."""
        if self._removes:
            return np.asarray(seen.known)
        return np.asarray(seen.told != (seen.own if self.label is None else self.label))

    # Drawing

    def draw(self, painter: QPainter, canvas: QWidget, name: str) -> None:
        theme = self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        found = self._points(canvas, name)
        if found is not None and self._touched:
            seen, pixels = found
            painter.setPen(QPen(theme.color("bad" if self._removes else "accent"), 2))
            for x, y in pixels[np.isin(seen.ids, list(self._touched))].tolist():
                painter.drawEllipse(QPointF(x, y), 5, 5)
        if self._at is not None and self._lane == name:
            style = Qt.PenStyle.DashLine if self.removing else Qt.PenStyle.SolidLine
            painter.setPen(QPen(theme.color("cursor"), 1.5, style))
            painter.drawEllipse(self._at, self.radius, self.radius)
        self._draw_notice(painter, canvas)

    def _draw_notice(self, painter: QPainter, canvas: QWidget) -> None:
        """That the mouse labels here, and how to leave: a frame and a line at the top."""
        theme, text = self._theme, tr("Labelling · Esc leaves")
        painter.setPen(QPen(theme.color("accent"), 3))
        painter.drawRect(QRectF(canvas.rect()).adjusted(1.5, 1.5, -1.5, -1.5))
        font = canvas.font()
        font.setPixelSize(11)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        width = metrics.horizontalAdvance(text) + 14
        space = QRectF(canvas.width() - width - 3, 3, width, metrics.height() + 6)
        painter.fillRect(space, theme.color("accent"))
        painter.setPen(theme.color("on-accent"))
        painter.drawText(space, Qt.AlignmentFlag.AlignCenter, text)


def gaps_to_way(places: npt.NDArray[np.float32], start: QPointF, end: QPointF) -> npt.NDArray[np.float64]:
    """Distances (n,) of places (n, 2) to the straight way between two points, in pixels."""
    x, y = places[:, 0].astype(np.float64) - start.x(), places[:, 1].astype(np.float64) - start.y()
    dx, dy = end.x() - start.x(), end.y() - start.y()
    length = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / length, 0, 1) if length else 0.0
    return np.hypot(x - along * dx, y - along * dy)
