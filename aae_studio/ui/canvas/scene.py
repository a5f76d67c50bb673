"""Scene: the part of a model's latent plane that is on show; Stage: what it is drawn on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor

from aae_studio.ui.canvas.plane import Plane, View, placed
from aae_studio.ui.theme import Theme

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Stage:
    """What an overlay is drawn on."""

    view: View
    size: QSize
    theme: Theme
    crisp: bool
    color: QColor


@dataclass(frozen=True)
class Grid:
    """Codes at the middles of square cells over a scene, row by row from the upper left.

    `codes`: (rows × columns, latent size). `places`: (rows × columns, 2), the same in the plane. The four
    edges are those of the outermost cells, in code units.
    """

    codes: Array
    places: Array
    rows: int
    columns: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, eq=False)
class Scene:
    """What an overlay looks at: a model by its name, and what its canvas shows of its plane.

    `level` (latent size,) is the code at the plane's place (0, 0): in a latent space of more axes the
    cursor says where the plane lies across them. `condition` is what codes are decoded with. `width` and
    `height` are the canvas's, in logical pixels. `home` is the view that shows the plane whole.
    """

    model: str
    plane: Plane
    view: View
    level: Array
    condition: int
    width: int
    height: int
    home: View

    @classmethod
    def at(
        cls,
        model: str,
        plane: Plane,
        view: View,
        code: Array,
        condition: int,
        size: QSize,
        home: View | None = None,
    ) -> Scene:
        """The scene of a canvas of this size, its plane through this code (latent size,)."""
        level = plane.moved(code, (0.0, 0.0)).astype(np.float32)
        return cls(model, plane, view, level, condition, size.width(), size.height(), home or view)

    def shows(self, other: Scene) -> bool:
        """Whether another scene has the same to show, so that nobody need look again."""
        mine = (self.model, self.view, self.condition, self.width, self.height, self.home)
        return (
            mine == (other.model, other.view, other.condition, other.width, other.height, other.home)
            and np.allclose(self.level, other.level, atol=1e-4)
            and np.allclose(self.plane.basis, other.plane.basis, atol=1e-4)
        )

    def codes_at(self, places: Array) -> Array:
        """Codes (n, latent size) at places (n, 2) of the plane."""
        return (self.level + places @ self.plane.basis).astype(np.float32)

    def places(self, codes: Array, labels: npt.NDArray[np.int64], classes: int) -> Array:
        """Where codes (n, latent size) with labels (n,) of so many classes are in the plane, (n, 2)."""
        return placed(self.plane, self.home, codes, labels, classes)

    def spaced(self, places: Array, gap: float) -> npt.NDArray[np.intp]:
        """Which of some places (n, 2) can be shown without crowding, by their index, (k,).

        Squares of `gap` pixels around them do not overlap and lie within the canvas. Earlier places go
        first, so that those that are shown stay the same while training moves them.
        """
        pixels = self.view.to_pixels(places, self.width, self.height)
        room = np.array([self.width, self.height], np.float32) - gap / 2
        free = ((pixels >= gap / 2) & (pixels <= room)).all(axis=1)
        chosen = []
        while free.any():
            chosen.append(first := int(free.argmax()))
            free &= (np.abs(pixels - pixels[first]) >= gap).any(axis=1)
        return np.array(chosen, np.intp)

    def grid(self, rows: int) -> Grid:
        """Cells over the whole scene, so many along its shorter side, centred in the view."""
        cell = 2 * self.view.half / rows
        across, down = (self._cells(length, rows) for length in (self.width, self.height))
        x = self.view.x + (np.arange(across) - (across - 1) / 2) * cell
        y = self.view.y - (np.arange(down) - (down - 1) / 2) * cell
        places = np.stack([column.ravel() for column in np.meshgrid(x, y)], axis=1).astype(np.float32)
        half = cell / 2
        edges = (float(x[0] - half), float(y[0] + half), float(x[-1] + half), float(y[-1] - half))
        return Grid(self.codes_at(places), places, down, across, *edges)

    def _cells(self, length: int, rows: int) -> int:
        """How many cells cover a side of the canvas."""
        return int(np.ceil(rows * length / min(self.width, self.height) - 1e-9))
