"""Decoded lattice: what the decoder makes of the whole plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter

from aae_studio.ui.canvas import painting
from aae_studio.ui.canvas.images import tiled, to_qimage
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Grid, Scene, Stage
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
ROWS = 14


@dataclass(frozen=True)
class Decoded:
    """Images (rows × columns, C, H, W) of a grid's codes."""

    grid: Grid
    images: Array


class Lattice(Overlay):
    """Images decoded over the plane, each centred on its code; it follows the zoom."""

    title = "Decoded lattice"
    tip = "Show what the decoder makes of the whole plane."
    shortcut = "D"
    order = 10

    def stands_in(self, frozen: FrozenModel) -> bool:
        return not frozen.has_encoder

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Decoded:
        grid = scene.grid(ROWS)
        return Decoded(grid, snapshot.models[scene.model].decode(grid.codes, scene.condition))

    def draw(self, painter: QPainter, seen: Any, stage: Stage) -> None:
        image = to_qimage(tiled(seen.images, seen.grid.rows))
        painting.draw_over(painter, image, seen.grid, stage.view, stage.size, smooth=not stage.crisp)
        # Where strokes reach the edges, as in images of eight pixels, neighbours would run together.
        painting.draw_seams(painter, seen.grid, stage.view, stage.size)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        return (LegendEntry("area", "image: the place at its middle, decoded", (theme.color("muted"),)),)
