"""Tints: numbers over a plane as translucent colours, so that what lies below stays readable."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor

from aae_studio.ui.canvas.raster import Pixels, premultiplied

Array = npt.NDArray[np.float32]
# Small values show too: alpha grows faster than they do.
GAMMA = 0.6


def tint(shares: Array, color: QColor, strength: float) -> Pixels:
    """A colour as opaque as `strength` where shares (h, w) are 1, and clear where they are 0."""
    return diverging(np.maximum(shares, 0), color, color, strength)


def diverging(values: Array, low: QColor, high: QColor, strength: float) -> Pixels:
    """Pixels (h, w) for values from -1 to 1: clear at 0, as opaque as `strength` at both ends."""
    alpha = np.abs(np.clip(values, -1, 1)) ** GAMMA * (255 * strength) + 0.5
    colors = np.array([low.getRgb()[:3], high.getRgb()[:3]], np.uint32)
    return premultiplied(colors[(values > 0).astype(np.intp)], alpha.astype(np.uint32))


def finer(table: Array, times: int = 4) -> Array:
    """A table (h, w) with so many times the rows and columns, what lies between filled in by straight lines.

    Where a limit is to be seen, it must be taken after this and not before.
    """
    for axis, length in enumerate(table.shape):
        place = np.clip((np.arange(length * times) + 0.5) / times - 0.5, 0, length - 1)
        low = np.minimum(place.astype(np.intp), max(0, length - 2))
        share = (place - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        first, second = table.take(low, axis), table.take(np.minimum(low + 1, length - 1), axis)
        table = first + (second - first) * share
    return table


def ramp(low: QColor, high: QColor, strength: float, stops: int = 9) -> tuple[QColor, ...]:
    """The colours that `diverging` runs through from -1 to 1, for a legend."""
    colors = []
    for value in np.linspace(-1, 1, stops):
        color = QColor(high if value > 0 else low)
        color.setAlphaF(float(abs(value) ** GAMMA * strength))
        colors.append(color)
    return tuple(colors)


def faded(color: QColor, alpha: float) -> QColor:
    """The colour, so opaque."""
    faint = QColor(color)
    faint.setAlphaF(alpha)
    return faint
