"""Thumbnails of latent planes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor, QImage

from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.plane import View, axis_plane, fitting_view
from aae_studio.ui.canvas.raster import rasterise
from aae_studio.ui.theme import Theme

Array = npt.NDArray[np.float32]
# Painted large and shown small: markers of a canvas would cover a thumbnail.
SIDE = 264


def thumbnail(codes: Array, labels: npt.NDArray[np.int64], extent: float | None, theme: Theme) -> QImage:
    """The plane of the first two axes of codes (n, latent size), each in the colour of its class (n,).

    It shows what a canvas shows: as far as `extent` around 0, or all codes where that is None. A single axis
    leaves the height free: there each class has a row of its own.
    """
    size = codes.shape[1]
    places = axis_plane(size, 0, min(1, size - 1)).project(codes)
    view = fitting_view(places) if extent is None else View(0.0, 0.0, extent)
    if size == 1:
        rows = labels / max(1, int(labels.max(initial=0)))
        places[:, 1] = view.y + view.half * (1.5 * rows - 0.75)
    palette = np.array([QColor(color).getRgb()[:3] for color in theme.classes], np.uint32)
    seen = rasterise(places, labels, palette, SIDE, SIDE, lens=view.lens(SIDE, SIDE))
    return pixel_image(seen.pixels, 1.0).copy()
