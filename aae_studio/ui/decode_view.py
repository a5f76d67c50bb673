"""DecodeView and ImageStrip: decoded images, crisp or smooth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.theme import Theme

Array = npt.NDArray[np.float32]


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
    """Shows a row of images. Emits nothing."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._images: list[QImage] = []
        self._crisp = True
        self.setFixedHeight(34)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_images(self, images: Array) -> None:
        """Show images (n, C, H, W) in [0, 1]."""
        self._images = [to_qimage(image) for image in images]
        self.update()

    def set_crisp(self, crisp: bool) -> None:
        """Show pixels as squares, or smoothly."""
        self._crisp = crisp
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not self._crisp)
        side = float(self.height())
        count = max(1, min(len(self._images), int((self.width() + 3) // (side + 3))))
        gap = (self.width() - count * side) / max(1, count - 1)
        for place, image in enumerate(self._images[:count]):
            painter.drawImage(_fitted(image, QRectF(place * (side + gap), 0, side, side)), image)
        painter.end()


def _fitted(image: QImage, space: QRectF) -> QRectF:
    """The largest rectangle of the image's proportions in the middle of a space."""
    scale = min(space.width() / image.width(), space.height() / image.height())
    width, height = image.width() * scale, image.height() * scale
    return QRectF(
        space.x() + (space.width() - width) / 2, space.y() + (space.height() - height) / 2, width, height
    )
