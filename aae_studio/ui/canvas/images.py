"""Decoded arrays as Qt images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

Array = npt.NDArray[np.float32]


def to_qimage(image: Array) -> QImage:
    """An image (C, H, W) in [0, 1], with one or three channels, as a QImage that owns its memory."""
    channels, height, width = image.shape
    levels = np.ascontiguousarray(np.clip(image, 0, 1).transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)
    form = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
    return QImage(levels.data, width, height, width * channels, form).copy()


def tiled(images: Array, rows: int) -> Array:
    """Images (rows × columns, C, H, W), row by row, as one (C, rows × H, columns × W)."""
    count, channels, height, width = images.shape
    columns = count // rows
    grid = images.reshape(rows, columns, channels, height, width).transpose(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)


def pixel_image(pixels: npt.NDArray[np.uint32], ratio: float) -> QImage:
    """Premultiplied ARGB pixels (H, W) as a QImage for a screen of this pixel ratio.

    The image looks into `pixels`, which must outlive it.
    """
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    return image
