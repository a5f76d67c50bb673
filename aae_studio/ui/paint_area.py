"""PaintArea: ink on a square grid, painted with the mouse or the keys."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.core import painted_density
from aae_studio.core.painted_density import CELL, HALF, LEVELS, Ink
from aae_studio.ui.canvas import painting
from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.raster import premultiplied
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr

Place = tuple[float, float]
KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
FAR = 5
LEAST, MOST = 120, 420
# How opaque full ink is: the grid shows through.
OPAQUE = 0.85


class PaintArea(QWidget):
    """Shows ink over the plane from -3σ to 3σ, and lets it be painted.

    The left button paints, or erases where `erasing`; the right button erases. The arrow keys move the
    brush (Shift: farther), Enter puts it down and lifts it again, Esc takes the stroke back. Emits `begun`
    with a stroke's first ink, `changed` with each further one, `ended`, and `taken_back`.
    """

    begun = Signal()
    changed = Signal()
    ended = Signal()
    taken_back = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.ink: Ink = np.zeros((painted_density.SIDE, painted_density.SIDE), np.uint8)
        self.radius, self.level, self.erasing, self.sigma = 0.3, LEVELS, False, 1.0
        self._before: Ink | None = None
        self._rubbing = False
        self._at: Place = (0.0, 0.0)
        self._over = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumSize(LEAST, LEAST)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(tr("The painted prior"))
        words = tr(
            "Drag: paint (right button: erase). Arrow keys: move the brush (Shift: farther), Enter: "
            "put it down or lift it, Esc: take the stroke back."
        )
        explain(self, words)

    def sizeHint(self) -> QSize:
        return QSize(300, 300)

    def heightForWidth(self, width: int) -> int:
        return min(width, MOST)

    @property
    def painting(self) -> bool:
        """Whether a stroke is being painted."""
        return self._before is not None

    def show_ink(self, ink: Ink, sigma: float) -> None:
        """Show this ink; axes are numbered in code units."""
        self.ink, self.sigma = ink, sigma
        self.update()

    def set_brush(self, radius: float, level: int, erasing: bool) -> None:
        """Paint with a brush of this radius, in σ, up to this level, or erase with it."""
        self.radius, self.level, self.erasing = radius, level, erasing
        self.update()

    # Strokes

    def _begin(self, place: Place, rubbing: bool) -> None:
        self._before, self._rubbing = self.ink, rubbing
        self._go_on(place, place)
        self.begun.emit()

    def _go_on(self, start: Place, end: Place) -> None:
        self.ink = painted_density.stroked(self.ink, start, end, self.radius, self.level, self._rubbing)
        self.update()

    def _move_to(self, place: Place) -> None:
        start, self._at = self._at, place
        if self.painting:
            self._go_on(start, place)
            self.changed.emit()
        self.update()

    def _end(self) -> None:
        if self.painting:
            self._before = None
            self.ended.emit()

    def _take_back(self) -> None:
        if self._before is not None:
            self.ink, self._before = self._before, None
            self.update()
            self.taken_back.emit()

    # Mouse and keyboard

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
        if event.button() in (left, right) and not self.painting:
            self._at = self._place(event.position())
            self._begin(self._at, self.erasing or event.button() == right)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._over = True
        self._move_to(self._place(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in KEYS:
            step = CELL * (FAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            x, y = (at + step * way for at, way in zip(self._at, KEYS[key], strict=True))
            self._move_to((min(max(x, -HALF), HALF), min(max(y, -HALF), HALF)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.painting:
                self._end()
            else:
                self._begin(self._at, self.erasing)
        elif key == Qt.Key.Key_Escape and self.painting:
            self._take_back()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._end()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._over = False
        self.update()

    # Drawing

    def _square(self) -> QRectF:
        """Where the grid is: the largest square in the middle."""
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, at: QPointF) -> Place:
        """A pixel's place, in σ."""
        x, y = View(0.0, 0.0, HALF).to_plane(at.x(), at.y(), self.width(), self.height())
        return x, y

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self._theme
        painter.fillRect(self.rect(), theme.color("window"))
        square = self._square()
        painter.setClipRect(square)
        painter.fillRect(square, theme.color("well"))
        painting.draw_grid(painter, View(0.0, 0.0, HALF * self.sigma), self.size(), theme)
        color = np.array(theme.color("accent").getRgb()[:3], np.uint32)
        alpha = np.rint(self.ink * (255 * OPAQUE / LEVELS)).astype(np.uint32)
        pixels = np.ascontiguousarray(premultiplied(color, alpha))
        painter.drawImage(square, pixel_image(pixels, 1.0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._over or self.hasFocus():
            self._draw_brush(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("accent" if self.hasFocus() else "border"), 1))
        painter.drawRect(square.adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_brush(self, painter: QPainter) -> None:
        """A circle as large as the brush: dashed where it erases, thick while it is down."""
        places = np.array([self._at], np.float32)
        x, y = View(0.0, 0.0, HALF).to_pixels(places, self.width(), self.height())[0]
        dashed = self._rubbing if self.painting else self.erasing
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(self._theme.color("cursor"), 2.5 if self.painting else 1.5, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        reach = self.radius * self._square().width() / (2 * HALF)
        painter.drawEllipse(QPointF(float(x), float(y)), reach, reach)
