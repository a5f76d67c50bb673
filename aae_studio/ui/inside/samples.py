"""Samples of a tensor as small pictures: images, numbers, or squares of coloured cells."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.readout import signed
from aae_studio.ui.theme import Theme, load

Array = npt.NDArray[np.float32]
# So many numbers are written out; more become coloured cells.
WRITTEN = 2
LINE = 13
# Shades of either sign.
LEVELS = 127


def draw_sample(painter: QPainter, space: QRectF, sample: Array, scale: float, theme: Theme) -> None:
    """One sample of a tensor, within a space. `scale`: the number that gets the full colour."""
    if is_image(sample):
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(fitted(sample.shape[-1] / sample.shape[-2], space), to_qimage(sample))
    elif sample.size <= WRITTEN:
        draw_numbers(painter, space, sample.ravel(), scale, theme)
    else:
        draw_cells(painter, space, sample.ravel(), scale, theme)


def as_shown(samples: Array) -> Array:
    """Samples of a tensor as they are drawn: logits of pixels become pixels, features of maps stay."""
    if len(samples) and is_image(samples[0]) and (samples.min() < 0 or samples.max() > 1):
        shown: Array = 1 / (1 + np.exp(-np.clip(samples, -60, 60)))
        return shown
    return samples


def is_image(sample: Array) -> bool:
    """Whether a sample (C, H, W) can be seen as it is: grey or in colour."""
    return sample.ndim == 3 and sample.shape[0] in (1, 3)


def scale_of(samples: Array) -> float:
    """The largest magnitude, which gets the full colour."""
    return float(np.abs(samples).max(initial=0.0)) or 1.0


def fitted(proportion: float, space: QRectF) -> QRectF:
    """The largest rectangle with this width over height in the middle of a space."""
    width = min(space.width(), space.height() * proportion)
    height = width / proportion
    return QRectF(space.center().x() - width / 2, space.center().y() - height / 2, width, height)


def draw_numbers(painter: QPainter, space: QRectF, numbers: Array, scale: float, theme: Theme) -> None:
    """Each number on a ground whose colour says its sign and size."""
    height = min(LINE + 2.0, space.height() / max(1, len(numbers)))
    top = space.center().y() - height * len(numbers) / 2
    whole = bool((numbers == numbers.round()).all())
    for place, number in enumerate(numbers):
        cell = QRectF(space.left(), top + place * height, space.width(), height - 1)
        painter.fillRect(cell, tinted(float(number) / scale, theme, 0.55))
        painter.setPen(theme.color("text"))
        short = f"{number:.0f}" if whole else f"{number:+.0f}"
        text = signed(float(number)) if not whole and abs(number) < 10 else short.replace("-", "−")
        painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)


def draw_cells(painter: QPainter, space: QRectF, numbers: Array, scale: float, theme: Theme) -> None:
    """All numbers as coloured cells, row by row in a square."""
    columns = math.ceil(math.sqrt(len(numbers)))
    rows = -(-len(numbers) // columns)
    cells = np.zeros(rows * columns, np.float32)
    cells[: len(numbers)] = numbers
    image = heat_image(cells.reshape(rows, columns) / scale, theme)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(fitted(columns / rows, space), image)


def heat_image(values: Array, theme: Theme) -> QImage:
    """Values (H, W) from −1 to 1 as colours: 0 is the ground, either sign has its own."""
    places = (np.clip(values, -1, 1) * LEVELS + LEVELS).astype(np.uint16)
    pixels = _colors(theme.name)[places]
    height, width = values.shape
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()


@cache
def _colors(theme: str) -> npt.NDArray[np.uint32]:
    """0xFFRRGGBB for the places 0 to 2 `LEVELS`, which stand for −1 to 1."""
    shares = np.arange(-LEVELS, LEVELS + 1) / LEVELS
    return np.array([tinted(share, load(theme)).rgb() for share in shares], np.uint32)


def tinted(value: float, theme: Theme, most: float = 1.0) -> QColor:
    """The colour of one value from −1 to 1; `most`: how strong it can get."""
    end = theme.color("positive" if value >= 0 else "negative")
    return blended(theme.color("well"), end, most * min(1.0, abs(value)))


def blended(ground: QColor, end: QColor, share: float) -> QColor:
    """A colour between two."""
    pairs = zip(ground.getRgb()[:3], end.getRgb()[:3], strict=True)
    return QColor(*(round(low + share * (high - low)) for low, high in pairs))
