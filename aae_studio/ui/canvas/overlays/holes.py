"""Holes: places that the prior asks for and the decoder was never taught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from aae_studio.ui.canvas import marks, painting
from aae_studio.ui.canvas.contours import contours
from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Grid, Scene, Stage
from aae_studio.ui.canvas.tints import faded, finer, tint
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
ROWS = 18
# Codes drawn from the prior, for the share of it that lies in holes.
DRAWN = 150
STRENGTH = 0.5
# Share of the prior outside of the region that is looked at.
OUTSIDE = 0.01
EDGE = 0.5


@dataclass(frozen=True)
class Seen:
    """Over a grid (rows, columns) each: how deep a place lies in a hole, because its image is encoded
    elsewhere and because its image is like no real one, from -1 to 1 and above 0 in a hole. The holes'
    outlines, and the share of the prior's samples that are encoded more than ½ σ of the prior elsewhere (in
    a model without encoder: that are like no real image)."""

    grid: Grid
    displaced: Array
    unlike: Array
    outlines: list[Array]
    share: float


class Holes(Overlay):
    """Where the decoder's image is encoded elsewhere, or is unlike every real image.

    Where the prior has no mass it asks for nothing, and there are no holes; a model without prior is looked
    at everywhere.
    """

    title = "Holes"
    tip = "Show where the decoder was never taught what to make of a code."
    shortcut = "H"
    order = 40

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Seen:
        from aae_studio.core import fields

        frozen, grid = snapshot.models[scene.model], scene.grid(ROWS)
        drawn, told = frozen.draw(DRAWN)
        toward_prior = frozen.model.uses_prior
        unit = snapshot.prior.sigma if toward_prior or codes is None else float(codes.std(axis=0).mean())
        conditions = np.concatenate([np.full(len(grid.codes), scene.condition), told])
        found = fields.holes(snapshot, scene.model, np.concatenate([grid.codes, drawn]), unit, conditions)
        unlike = found.unlike
        displaced = np.zeros_like(unlike) if found.displaced is None else found.displaced
        within = (
            _within_prior(snapshot, grid, drawn) if toward_prior else np.ones(len(grid.codes), np.float32)
        )
        depths = [
            np.clip(np.minimum(over[: len(within)] - 1, within), -1, 1).reshape(grid.rows, grid.columns)
            for over in (displaced, unlike)
        ]
        # As everywhere else, in σ of the prior, whether the model knows of it or not.
        astray = unlike if found.displaced is None else displaced * unit / snapshot.prior.sigma
        share = float((astray[len(within) :] > 1).mean())
        return Seen(grid, *depths, contours(np.maximum(*depths), 0.0, grid), share)

    def draw(self, painter: QPainter, seen: Seen, stage: Stage) -> None:
        for depth, name in ((seen.unlike, "unlike"), (seen.displaced, "hole")):
            # From nothing to all within a little of the limit.
            shares = np.clip(finer(depth) / 0.1 + 0.5, 0, 1)
            pixels = tint(shares, stage.theme.color(name), STRENGTH)
            painting.draw_over(painter, pixel_image(pixels, 1.0), seen.grid, stage.view, stage.size)
        marks.draw_lines(painter, seen.outlines, faded(stage.theme.color("hole"), 0.9), stage, 1.2)

    def annotate(self, painter: QPainter, seen: Seen, stage: Stage) -> None:
        text = tr("holes: {share} % of p(z)", share=round(100 * seen.share))
        marks.draw_note(painter, text, Qt.Corner.TopRightCorner, stage)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        return (
            LegendEntry(
                "area",
                "hole: the decoded image is encoded elsewhere",
                (faded(theme.color("hole"), STRENGTH),),
            ),
            LegendEntry(
                "area",
                "hole: the decoded image is like no real one",
                (faded(theme.color("unlike"), STRENGTH),),
            ),
        )


def _within_prior(snapshot: Snapshot, grid: Grid, drawn: Array) -> Array:
    """How many nats a grid's places lie within the region of the prior that holds all but `OUTSIDE` of it."""
    from aae_studio.core import fields

    here, there = fields.log_prior(snapshot, grid.codes), fields.log_prior(snapshot, drawn)
    if here is None or there is None:
        return np.ones(len(grid.codes), np.float32)
    # A flat prior is as dense at its edge as anywhere: the edge belongs to it.
    within: Array = here - np.quantile(there, OUTSIDE) + EDGE
    return within
