"""Posterior: how sure the encoder is of some images' codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter, QPen

from aae_studio.ui.canvas import marks
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.canvas.tints import faded
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
IMAGES = 600
GAP = 26


@dataclass(frozen=True)
class Clouds:
    """Places (n, 2) of means, deviations (n, 2) along axes (n, 2, 2), all in the plane, and classes (n,)."""

    places: Array
    deviations: Array
    directions: Array
    classes: npt.NDArray[np.int64]


class Posterior(Overlay):
    """q(z|x) of some images as ellipses of one and two deviations, for each model where it is a Gaussian."""

    title = "Posterior"
    tip = "Show q(z|x) of some images, where it is a Gaussian: the cloud of codes of a single image."
    shortcut = "Q"
    order = 80
    covers = True
    absent = "{models}: q(z|x) is no Gaussian"

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_posterior

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Clouds | None:
        from aae_studio.core import fields

        if codes is None:
            return None
        labels = snapshot.dataset.probe.labels[:IMAGES]
        places = scene.places(codes[:IMAGES], labels, len(snapshot.dataset.classes))
        shown = scene.spaced(places, GAP)
        posterior = snapshot.models[scene.model].posterior(snapshot.probe_images[shown])
        if posterior is None:
            return None
        return Clouds(places[shown], *fields.posterior_axes(posterior[1], scene.plane.basis), labels[shown])

    def draw(self, painter: QPainter, seen: Clouds, stage: Stage) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # A veil over the points below, most of which have the same colour.
        ground = stage.theme.color("well")
        centres = marks.to_pixels(seen.places, stage)
        half = seen.deviations * stage.view.scale(stage.size.width(), stage.size.height())
        for label in np.unique(seen.classes).tolist():
            color, own = stage.theme.class_color(label), seen.classes == label
            for turns, fill, line in ((2, faded(ground, 0.55), 0.8), (1, faded(color, 0.5), 1.0)):
                painter.setPen(QPen(faded(color, line), 1.3))
                painter.setBrush(fill)
                marks.draw_ellipses(painter, centres[own], turns * half[own], seen.directions[own])

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        return (
            LegendEntry("dot", "q(z|x) of one image: 1 and 2 σ around its mean", (theme.class_color(0),)),
        )
