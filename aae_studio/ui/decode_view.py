"""DecodeView and ImageStrip: decoded images, crisp or smooth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import tooltip

Array = npt.NDArray[np.float32]
STRIP_HEIGHT = 34
# The least space between images in a row, in pixels.
GAP = 3


class DecodeView(QWidget):
    """Shows one image, as large as fits. Emits nothing."""

    def __init__(self, theme: Theme, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._side = theme, side
        self._image: QImage | None = None
        self._crisp = True
        self.setFixedSize(side, side)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_image(self, image: Array | None) -> None:
        """Show an image (C, H, W) in [0, 1]."""
        self._image = None if image is None else to_qimage(image)
        self.update()

    def set_crisp(self, crisp: bool) -> None:
        """Show pixels as squares, or smoothly."""
        self._crisp = crisp
        self.update()

    def image(self) -> QImage | None:
        """What is on show."""
        return self._image

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("well"))
        if self._image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not self._crisp)
            painter.drawImage(_fitted(self._image, QRectF(self.rect())), self._image)
        painter.end()


class ImageStrip(QWidget):
    """Shows images in a row, or in several where they are many. Emits `chosen` (place of an image).

    With `selectable` an image can be chosen by a click or the arrow keys, and stands in a frame. With `names`
    each has its own before the tooltip of the whole.
    """

    chosen = Signal(int)

    def __init__(
        self,
        theme: Theme,
        selectable: bool = False,
        names: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._selectable, self._names = theme, selectable, names
        self._images: list[QImage] = []
        self._crisp = True
        self._selected = 0
        self.marked: int | None = None
        self.setFixedHeight(STRIP_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if selectable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_images(self, images: Array) -> None:
        """Show images (n, C, H, W) in [0, 1]."""
        self._images = [to_qimage(image) for image in images]
        self.update()

    def set_crisp(self, crisp: bool) -> None:
        """Show pixels as squares, or smoothly."""
        self._crisp = crisp
        self.update()

    def set_names(self, names: Sequence[str]) -> None:
        """Call the images by other names."""
        self._names = names

    def select(self, place: int) -> None:
        """Frame the image at this place."""
        if place != self._selected:
            self._selected = place
            self.update()

    def mark(self, place: int | None) -> None:
        """Put the image at this place in a dashed frame, beside the one that is selected."""
        if place != self.marked:
            self.marked = place
            self.update()

    def places(self) -> list[QRectF]:
        """Where images stand: as many as fit, or all of them where one can be chosen."""
        count, width, height = len(self._images), float(self.width()), float(self.height())
        if not count:
            return []
        if not self._selectable:
            count = max(1, min(count, int((width + GAP) // (height + GAP))))
            return _row(count, 0.0, height, (width - count * height) / max(1, count - 1))
        # The number of rows that leaves the images largest.
        rows = max((1, 2, 3), key=lambda rows: min(height / rows, width / -(-count // rows)))
        columns, side = -(-count // rows), min(height / rows, width / -(-count // rows)) - 1
        gap = (width - columns * side) / max(1, columns - 1)
        found: list[QRectF] = []
        for row in range(rows):
            found += _row(min(columns, count - row * columns), row * (side + 1), side, gap)
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not self._crisp)
        for place, (space, image) in enumerate(zip(self.places(), self._images, strict=False)):
            painter.drawImage(_fitted(image, space), image)
            if self._selectable and place == self._selected:
                self._draw_frame(painter, space.adjusted(1, 1, -1, -1), Qt.PenStyle.SolidLine)
            if place == self.marked:
                # Within the other frame, where both are.
                inset = 1 if place != self._selected else min(4.0, space.width() / 6)
                frame = space.adjusted(inset, inset, -inset, -inset)
                self._draw_frame(painter, frame, Qt.PenStyle.DotLine)
        painter.end()

    def _draw_frame(self, painter: QPainter, frame: QRectF, style: Qt.PenStyle) -> None:
        """A frame with a seam that sets it off from a black image, in the light theme, too."""
        painter.setPen(QPen(self._theme.color("card"), 3))
        painter.drawRect(frame)
        painter.setPen(QPen(self._theme.color("accent"), 2, style))
        painter.drawRect(frame)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._names:
            place = self._place_at(QPointF(event.pos()))
            if place is not None:
                # Anew at each image: a tooltip stays as long as the mouse is within its rectangle.
                area = self.places()[place].toAlignedRect()
                QToolTip.showText(event.globalPos(), tooltip(self._names[place]) + self.toolTip(), self, area)
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position())
        if self._selectable and place is not None:
            self.chosen.emit(place)

    def _place_at(self, at: QPointF) -> int | None:
        """The place of the image there."""
        return next((place for place, space in enumerate(self.places()) if space.contains(at)), None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        spaces = self.places()
        row = sum(space.y() == 0 for space in spaces)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -row, Qt.Key.Key_Down: row}
        step = steps.get(Qt.Key(event.key()))
        if self._selectable and spaces and step is not None:
            place = self._selected + step
            if abs(step) == 1 or place in range(len(self._images)):
                self.chosen.emit(min(max(place, 0), len(self._images) - 1))
        else:
            super().keyPressEvent(event)


def _row(count: int, y: float, side: float, gap: float) -> list[QRectF]:
    return [QRectF(place * (side + gap), y, side, side) for place in range(count)]


def _fitted(image: QImage, space: QRectF) -> QRectF:
    """The largest rectangle of the image's proportions in the middle of a space."""
    scale = min(space.width() / image.width(), space.height() / image.height())
    width, height = image.width() * scale, image.height() * scale
    return QRectF(
        space.x() + (space.width() - width) / 2, space.y() + (space.height() - height) / 2, width, height
    )
