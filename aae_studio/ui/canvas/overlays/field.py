"""The discriminator's field: what D says to every place of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter

from aae_studio.ui.canvas import marks, painting
from aae_studio.ui.canvas.contours import contours
from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Grid, Scene, Stage
from aae_studio.ui.canvas.tints import diverging, ramp
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
ROWS = 40
STRENGTH = 0.8


@dataclass(frozen=True)
class Field:
    """D(z) (rows, columns) over a grid, and the lines where it is ½."""

    grid: Grid
    verdicts: Array
    undecided: list[Array]


class DiscriminatorField(Overlay):
    """D(z) over the plane; for a GAN, whose D sees images, D(G(z))."""

    title = "D(z) field"
    tip = "Colour the plane by what the discriminator says there: real or fake."
    shortcut = "I"
    order = 20

    absent = "{models}: no discriminator"

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_discriminator

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Field | None:
        from aae_studio.core import fields

        grid = scene.grid(ROWS)
        verdicts = fields.verdicts(snapshot.models[scene.model], grid.codes, scene.condition)
        if verdicts is None:
            return None
        table = verdicts.reshape(grid.rows, grid.columns)
        return Field(grid, table, contours(table, 0.5, grid))

    def draw(self, painter: QPainter, seen: Field, stage: Stage) -> None:
        fake, real = stage.theme.color("fake"), stage.theme.color("real")
        pixels = diverging(2 * seen.verdicts - 1, fake, real, STRENGTH)
        painting.draw_over(painter, pixel_image(pixels, 1.0), seen.grid, stage.view, stage.size)
        marks.draw_lines(painter, seen.undecided, stage.theme.color("half"), stage)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        colors = ramp(theme.color("fake"), theme.color("real"), STRENGTH)
        return (
            LegendEntry("ramp", "D(z): fake → real (GAN: D of the decoded image)", colors),
            LegendEntry("line", "D = ½: it cannot tell", (theme.color("half"),)),
        )
