"""SketchPad: a square of ink to draw on with mouse or keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

Array = npt.NDArray[np.float32]
# Pixels of ink along each edge: a multiple of 8 and of 28, so that an image of the data can be drawn exactly.
SIDE = 280
UNDO_DEPTH = 50
THINNEST, THICKNESS, THICKEST = 6, 24, 60
NUDGE = 6
KEYS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}


class SketchPad(QWidget):
    """Drawn on with the mouse: the left button inks, the right one erases, Esc takes the stroke back.

    With the keyboard: arrow keys move the pen, with Shift they draw; Enter sets a dot, Delete clears, Ctrl+Z
    takes back. Emits `changed` whenever the ink has.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._ink = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
        self._ink.fill(Qt.GlobalColor.black)
        self._undo: list[QImage] = []
        self.color = QColor(Qt.GlobalColor.white)
        self.thickness, self.erasing = THICKNESS, False
        self._pen = QPointF(SIDE / 2, SIDE / 2)
        # The button that draws at the moment, while one does; or that arrow keys do.
        self._button = Qt.MouseButton.NoButton
        self._key_stroke = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # The ink

    def picture(self, channels: int) -> Array:
        """What is drawn, (channels, 280, 280) in [0, 1], light on black: channels 1 or 3."""
        colors = [(self._pixels() >> shift & 0xFF).astype(np.float32) for shift in (16, 8, 0)]
        levels = np.stack(colors if channels == 3 else [np.maximum.reduce(colors)])
        return levels / np.float32(255)

    @property
    def blank(self) -> bool:
        """Whether nothing is drawn."""
        return not (self._pixels() & 0xFFFFFF).any()

    def _pixels(self) -> npt.NDArray[np.uint32]:
        """The ink, 0xFFRRGGBB, as long as it is not drawn on."""
        return np.frombuffer(self._ink.constBits(), np.uint32).reshape(SIDE, SIDE)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    def show_picture(self, picture: Array) -> None:
        """Replace the ink by a picture (C, 280, 280) in [0, 1]."""
        self._remember()
        self._ink = to_qimage(picture)
        self._announce()

    def stroke(self, places: Sequence[tuple[float, float]]) -> None:
        """Draw one line through places, in shares of the width and height."""
        self._remember()
        points = [QPointF(x * SIDE, y * SIDE) for x, y in places]
        for start, end in zip(points, points[1:] or points, strict=False):
            self._draw(start, end)
        self._pen = points[-1]
        self._announce()

    def clear(self) -> None:
        """Take all ink away."""
        if not self.blank:
            self._remember()
            self._ink.fill(Qt.GlobalColor.black)
            self._announce()

    def undo(self) -> None:
        """Take the last stroke, picture or clearing back."""
        if self._undo:
            self._ink = self._undo.pop()
            self._announce()

    def _remember(self) -> None:
        self._undo = [*self._undo[-UNDO_DEPTH:], self._ink.copy()]

    def _announce(self) -> None:
        self.update()
        self.changed.emit()

    def _draw(self, start: QPointF, end: QPointF, erase: bool = False) -> None:
        color = QColor(Qt.GlobalColor.black) if erase or self.erasing else self.color
        painter = QPainter(self._ink)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
        painter.setPen(QPen(color, self.thickness, Qt.PenStyle.SolidLine, cap, join))
        if start == end:
            painter.drawPoint(start)
        else:
            painter.drawLine(start, end)
        painter.end()

    # Mouse and keyboard

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (
            event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
            and not self._button.value
        ):
            self._button, self._key_stroke = event.button(), False
            self._remember()
            self._pen = self._place(event.position())
            self._draw(self._pen, self._pen, self._button == Qt.MouseButton.RightButton)
            self._announce()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._button.value:
            start, self._pen = self._pen, self._place(event.position())
            self._draw(start, self._pen, self._button == Qt.MouseButton.RightButton)
            self._announce()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == self._button:
            self._button = Qt.MouseButton.NoButton

    def event(self, event: QEvent) -> bool:
        # Ctrl+Z is the window's where nothing can be taken back here.
        if event.type() == QEvent.Type.ShortcutOverride and self.can_undo:
            assert isinstance(event, QKeyEvent)
            if event.matches(QKeySequence.StandardKey.Undo):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in KEYS:
            self._walk(KEYS[key], bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._remember()
            self._draw(self._pen, self._pen)
            self._announce()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        elif event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif key == Qt.Key.Key_Escape and self._button.value:
            self._button = Qt.MouseButton.NoButton
            self.undo()
        else:
            super().keyPressEvent(event)

    def _walk(self, direction: QPointF, drawing: bool) -> None:
        """Move the pen by an arrow key; what is drawn without a pause is one stroke."""
        start = self._pen
        there = start + direction * NUDGE
        self._pen = QPointF(min(max(there.x(), 0), SIDE), min(max(there.y(), 0), SIDE))
        if drawing:
            if not self._key_stroke:
                self._remember()
            self._draw(start, self._pen)
            self.changed.emit()
        self._key_stroke = drawing
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._key_stroke = False
        self.update()

    # Drawing

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("window"))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        square = self._square()
        painter.drawImage(square, self._ink)
        if self.blank:
            painter.setPen(self._theme.color("outline"))
            words = tr("Draw here,\nor drop a picture")
            painter.drawText(square, Qt.AlignmentFlag.AlignCenter, words)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.color("accent" if self.hasFocus() else "border"), 1))
        painter.drawRect(square.adjusted(0, 0, -1, -1))
        if self.hasFocus() and not self._button.value:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            scale = square.width() / SIDE
            painter.drawEllipse(
                square.topLeft() + self._pen * scale, scale * self.thickness / 2, scale * self.thickness / 2
            )
        painter.end()

    def _square(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def _place(self, at: QPointF) -> QPointF:
        """A pixel of the widget as one of the ink."""
        square = self._square()
        return (at - square.topLeft()) * (SIDE / square.width())
