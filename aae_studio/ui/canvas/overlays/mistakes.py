"""Mistakes: which images are taken for another class, and for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QPainter

from aae_studio.ui.canvas import marks
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
RADIUS = 6.0


@dataclass(frozen=True)
class Mistaken:
    """Places (n, 2) in the plane of images that are taken for another class, and that class, (n,)."""

    places: Array
    classes: npt.NDArray[np.int64]


class Mistakes(Overlay):
    """Images of the probe subset that are taken for another class, each in a ring of that class's colour: by
    the rule of the lane's last figure, kNN accuracy or class error, which is of test images alone."""

    title = "Mistakes"
    tip = (
        "Ring the images that are taken for another class, in its colour: by their 10 nearest codes, or by "
        "the model itself where it finds classes or clusters. Of 2 000 images at most."
    )
    shortcut = "W"
    order = 85
    covers = True

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_encoder

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Mistaken | None:
        if codes is None:
            return None
        data = snapshot.dataset
        labels = data.probe.labels
        frozen = snapshot.models[scene.model]
        clusters = frozen.cluster_classes(data)
        taken = frozen.taken_for(snapshot.probe_images, codes, labels, clusters)
        # -1: in a cluster that has no class.
        wrong = (taken != labels) & (taken >= 0)
        return Mistaken(scene.places(codes, labels, len(data.classes))[wrong], taken[wrong])

    def draw(self, painter: QPainter, seen: Mistaken, stage: Stage) -> None:
        centres = marks.to_pixels(seen.places, stage)
        for place in np.unique(seen.classes).tolist():
            color = stage.theme.class_color(place)
            marks.draw_rings(painter, centres[seen.classes == place], RADIUS, color, stage)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        colors = (theme.class_color(1), theme.class_color(0))
        return (LegendEntry("halo", "taken for another class: the ring has its colour", colors),)
