"""Decoded arrays as Qt images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided
from PySide6.QtGui import QImage

Array = npt.NDArray[np.float32]


def to_qimage(image: Array) -> QImage:
    """An image (C, H, W) in [0, 1], with one or three channels, as a QImage that owns its memory."""
    _, height, width = image.shape
    levels = (image.clip(0, 1) * 255 + 0.5).astype(np.uint32)
    # 0xFFRRGGBB is what screens have: other formats are converted again at every paint.
    if len(levels) == 1:
        pixels = levels[0] * 0x010101 | 0xFF000000
    else:
        red, green, blue = levels
        pixels = 0xFF000000 | red << 16 | green << 8 | blue
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()


def tiled(images: Array, rows: int) -> Array:
    """Images (rows × columns, C, H, W), row by row, as one (C, rows × H, columns × W)."""
    count, channels, height, width = images.shape
    columns = count // rows
    grid = images.reshape(rows, columns, channels, height, width).transpose(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)


def pixel_image(pixels: npt.NDArray[np.uint32], ratio: float) -> QImage:
    """Premultiplied ARGB pixels (H, W) as a QImage for a screen of this pixel ratio.

    The image looks into `pixels`, which must outlive it. They may be a part of wider ones.
    """
    (height, width), (line, step) = pixels.shape, pixels.strides
    assert step == pixels.itemsize, "the pixels of a line lie side by side"
    # Qt is given the memory from the first pixel to the last, with what lies between its lines.
    memory = as_strided(pixels, (max(0, (height - 1) * line // 4 + width),), (4,))
    image = QImage(memory.data, width, height, line, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    return image
