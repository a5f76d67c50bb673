"""Points: a lane's codes as an image that can be moved, and which of them is where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QPainter

from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.painting import nearest
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.raster import Raster, Tops, rasterise, topmost

Array = npt.NDArray[np.float32]
# Of more points than this the image is moved and stretched at first, and made anew when the view rests.
MANY = 30_000


class Points:
    """The image of codes in one view. It can be drawn in another view: moved and stretched until it is made
    again there."""

    def __init__(self, palette: npt.NDArray[np.uint32]) -> None:
        self._palette = palette
        self._places: Array = np.zeros((0, 2), np.float32)
        self._labels = self._classes = np.zeros(0, np.int64)
        self._raster: Raster | None = None
        # Which point is where: worked out when it is first asked for, which most images are not.
        self._tops: Tops | None = None
        self._view, self._size, self._ratio = View(0.0, 0.0, 1.0), QSize(), 1.0
        # The view that it was drawn in last.
        self._drawn = self._view

    @property
    def many(self) -> bool:
        """Whether they take so long that a moved image has to do while the view changes."""
        return len(self._places) > MANY

    def shows(self, places: Array, size: QSize, ratio: float, view: View | None = None) -> bool:
        """Whether the image shows these places on such a canvas, and in this view where one is given."""
        same = places is self._places and (size, ratio) == (self._size, self._ratio)
        return same and view in (None, self._view)

    def make(
        self, places: Array, labels: npt.NDArray[np.int64], view: View, size: QSize, ratio: float
    ) -> None:
        """Make the image of places (n, 2) with their classes (n or more,). Neither may change any more."""
        self._places, self._view, self._size, self._ratio = places, view, size, ratio
        if labels is not self._labels:
            # A class is looked up for each pixel: eight times as many fit into the processor's cache.
            self._labels, self._classes = labels, labels.astype(np.min_scalar_type(labels.max(initial=0)))
        classes, width, height = self._classes[: len(places)], size.width(), size.height()
        lens = view.lens(width, height, ratio)
        across, down = round(width * ratio), round(height * ratio)
        # The old image looks into the old raster, and goes with it.
        self._raster = rasterise(places, classes, self._palette, across, down, ratio, lens, self._raster)
        self._tops = None
        self._image = pixel_image(self._raster.pixels, ratio)

    def draw(self, painter: QPainter, view: View) -> None:
        """Draw the image where its view lies in this one."""
        size, before, self._drawn = self._size, self._view, view
        corner = np.array([before.to_plane(0, 0, size.width(), size.height())])
        x, y = view.to_pixels(corner, size.width(), size.height())[0].tolist()
        if view.half == before.half:
            # Between two pixels it would be smeared.
            x, y = round(x * self._ratio) / self._ratio, round(y * self._ratio) / self._ratio
        grown = before.half / view.half
        painter.drawImage(QRectF(x, y, size.width() * grown, size.height() * grown), self._image)

    def spot(self, point: int) -> QPointF | None:
        """Where a point was drawn, in logical pixels; None where there is no such point."""
        place = self._places[point : point + 1]
        for x, y in self._drawn.to_pixels(place, self._size.width(), self._size.height()).tolist():
            return QPointF(x, y)
        return None

    def at(self, spot: QPointF, reach: float) -> int | None:
        """The point drawn nearest to a logical pixel within reach, of those that lie above all others.

        None while the image is a moved one.
        """
        if self._raster is None or len(self._places) == 0 or self._drawn != self._view:
            return None
        if self._tops is None:
            down, across = self._raster.pixels.shape
            lens = self._view.lens(self._size.width(), self._size.height(), self._ratio)
            self._tops = topmost(self._places, across, down, lens)
        far = int(np.ceil(reach * self._ratio))
        row, column = int(spot.y() * self._ratio), int(spot.x() * self._ratio)
        around = self._tops[max(0, row - far) : row + far + 1, max(0, column - far) : column + far + 1]
        found = around[around > 0] - 1
        pixels = self._view.to_pixels(self._places[found], self._size.width(), self._size.height())
        place = nearest(pixels, spot, reach)
        return None if place is None else int(found[place])
