"""Mark: a place in a latent plane that a panel points to, drawn as ✚ with an image beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen

from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

Array = npt.NDArray[np.float32]
ARM = 8
IMAGE = 40
MARGIN = 4
# A mark outside the view stands so far from the edge nearest to it.
INSET = 12


@dataclass(frozen=True, eq=False)
class Mark:
    """A place (2,) in a plane, and the image that belongs to it. `text` says what it is."""

    text: str
    place: Array
    image: QImage


def draw_mark(
    painter: QPainter, spot: QPointF, text: str, image: QImage, size: QSize, theme: Theme, crisp: bool
) -> None:
    """A cross at a pixel, its text and its image on a card beside it, all within the canvas.

    Where the pixel is outside, the cross stands at the edge, hollow, and the text says so.
    """
    x = min(max(spot.x(), INSET), size.width() - INSET)
    y = min(max(spot.y(), INSET), size.height() - INSET)
    inside = abs(x - spot.x()) + abs(y - spot.y()) < 1
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_cross(painter, QPointF(x, y), theme, inside)
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    metrics, words = QFontMetricsF(font), text if inside else tr("{name}: outside", name=text)
    width = max(IMAGE, metrics.horizontalAdvance(words)) + 2 * MARGIN
    height = IMAGE + metrics.height() + 2 * MARGIN
    left = x + ARM + 5 if x + ARM + 5 + width < size.width() else x - ARM - 5 - width
    top = min(max(y - height - 2, 2), size.height() - height - 2)
    painter.setPen(QPen(theme.color("border"), 1))
    painter.setBrush(theme.color("card"))
    painter.drawRoundedRect(QRectF(left, top, width, height), 4, 4)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not crisp)
    painter.drawImage(QRectF(left + (width - IMAGE) / 2, top + MARGIN, IMAGE, IMAGE), image)
    painter.setPen(theme.color("text"))
    below = QRectF(left, top + MARGIN + IMAGE, width, metrics.height() + MARGIN)
    painter.drawText(below, Qt.AlignmentFlag.AlignCenter, words)
    painter.restore()


def _draw_cross(painter: QPainter, at: QPointF, theme: Theme, filled: bool) -> None:
    """✚, in the cursor's colour, ringed to stand out on any ground."""
    across, down = QPointF(ARM, 0), QPointF(0, ARM)
    for color, width in _strokes(theme, filled):
        painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        grown = 1 + (2 if width > 6 else 0) / ARM
        painter.drawLine(at - across * grown, at + across * grown)
        painter.drawLine(at - down * grown, at + down * grown)


def _strokes(theme: Theme, filled: bool) -> tuple[tuple[QColor, float], ...]:
    ring, inner = theme.color("well"), theme.color("cursor")
    return ((ring, 8.0), (inner, 4.5)) if filled else ((ring, 8.0), (inner, 4.5), (ring, 2.0))
