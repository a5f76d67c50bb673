"""Stretch: how fast the decoded image changes, and in which direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from aae_studio.ui.canvas import marks
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Grid, Scene, Stage
from aae_studio.ui.canvas.tints import faded
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
ROWS = 9
# Half axes in cells: what nine of ten are at most, and what none is beyond.
USUAL, LONGEST = 0.4, 0.5


@dataclass(frozen=True)
class Ellipses:
    """Singular values (n, 2) of the decoder's Jacobian and their directions (n, 2, 2) over a grid, and
    the singular value that a half axis of `USUAL` cells stands for."""

    grid: Grid
    values: Array
    directions: Array
    unit: float


class Stretch(Overlay):
    """The decoder's Jacobian over the plane as ellipses: long where a small step changes the image much."""

    title = "Stretch"
    tip = "Show how fast the decoded image changes, and in which direction, as ellipses."
    shortcut = "J"
    order = 60
    covers = True

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Ellipses:
        from aae_studio.core import fields

        grid = scene.grid(ROWS)
        frozen = snapshot.models[scene.model]
        values, directions = fields.stretch(frozen, grid.codes, scene.plane.basis, scene.condition)
        return Ellipses(grid, values, directions, max(float(np.quantile(values[:, 0], 0.9)), 1e-12))

    def draw(self, painter: QPainter, seen: Ellipses, stage: Stage) -> None:
        color, cell = stage.theme.color("stretch"), _cell(seen.grid, stage)
        half = np.clip(seen.values * (USUAL / seen.unit), 0.02, LONGEST) * cell
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, 1.3))
        # A veil over the points below.
        painter.setBrush(faded(stage.theme.color("well"), 0.45))
        marks.draw_ellipses(painter, marks.to_pixels(seen.grid.places, stage), half, seen.directions)

    def annotate(self, painter: QPainter, seen: Ellipses, stage: Stage) -> None:
        known = marks.round_below(seen.unit)
        length = USUAL * _cell(seen.grid, stage) * known / seen.unit
        space = marks.draw_note(painter, f"{known:g}", Qt.Corner.BottomLeftCorner, stage, 0, length + 6)
        painter.setPen(QPen(stage.theme.color("stretch"), 1.5))
        start = QPointF(space.left() + 5, space.center().y())
        painter.drawLine(start, start + QPointF(length, 0))

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        color = theme.color("stretch")
        return (
            LegendEntry("dot", "ellipse: how fast the image changes in each direction", (color,)),
            LegendEntry("line", "scale below left: image distance per code unit", (color,)),
        )


def _cell(grid: Grid, stage: Stage) -> float:
    """The side of a grid's cells in pixels."""
    scale = stage.view.scale(stage.size.width(), stage.size.height())
    return (grid.right - grid.left) / grid.columns * scale
