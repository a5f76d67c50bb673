"""Density: where the codes are too many and where too few, measured by the prior."""

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
PRIOR_SAMPLES = 4000
# Images whose posteriors are sampled: more cost more than they tell.
POSTERIORS = 1000
STRENGTH = 0.55
# Of the contrast: one density is (1 + 0.4) / (1 - 0.4) = 2.3 times the other.
LEVELS = (-0.4, 0.4)


@dataclass(frozen=True)
class Contrast:
    """Codes against prior, from -1 to 1 (rows, columns), and lines of equal contrast by level."""

    grid: Grid
    values: Array
    lines: dict[float, list[Array]]


class Density(Overlay):
    """The density of the aggregated posterior beside that of the prior, both seen through one kernel.

    Both are what falls onto the plane from the whole latent space, however many axes it has.
    """

    title = "Density"
    tip = "Show where there are more codes than the prior asks for, and where fewer."
    shortcut = "M"
    order = 30

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_encoder

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Contrast | None:
        from aae_studio.core import density

        if codes is None:
            return None
        frozen, grid = snapshot.models[scene.model], scene.grid(ROWS)
        if frozen.random_encoder:
            codes = frozen.aggregated_posterior(snapshot.probe_images[:POSTERIORS], codes[:POSTERIORS])
        found = scene.plane.project(codes)
        wanted = scene.plane.project(frozen.draw(PRIOR_SAMPLES)[0])
        width = density.bandwidth(found)
        x, y = grid.places[: grid.columns, 0], grid.places[:: grid.columns, 1]
        if codes.shape[1] == 1:
            # What a single axis leaves free has no density.
            y = np.zeros_like(y)
        values = density.contrast(
            density.kernel_density(found, x, y, width), density.kernel_density(wanted, x, y, width)
        )
        return Contrast(grid, values, {level: contours(values, level, grid) for level in LEVELS})

    def draw(self, painter: QPainter, seen: Contrast, stage: Stage) -> None:
        few, many = stage.theme.color("too-few"), stage.theme.color("too-many")
        image = pixel_image(diverging(seen.values, few, many, STRENGTH), 1.0)
        painting.draw_over(painter, image, seen.grid, stage.view, stage.size)
        for level, lines in seen.lines.items():
            marks.draw_lines(painter, lines, many if level > 0 else few, stage, 1.2)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        colors = ramp(theme.color("too-few"), theme.color("too-many"), STRENGTH)
        return (
            LegendEntry("ramp", "codes: fewer → more than the prior asks for", colors),
            LegendEntry("line", "2.3 times as many", (theme.color("too-many"),)),
            LegendEntry("line", "2.3 times as few", (theme.color("too-few"),)),
        )
