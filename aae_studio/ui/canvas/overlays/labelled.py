"""Labelled images: which training images have a label, in every plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QPainter

from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay, Stage
from aae_studio.ui.canvas.raster import rasterise
from aae_studio.ui.canvas.scene import Scene
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
# Training images that are shown, those with a label before all others.
SHOWN = 2000
# How opaque points without a label are, so that the others stand out.
FAINT = 0.5


@dataclass(frozen=True)
class TrainingPoints:
    """Some training images: `places` (n, 2) in the plane, `ids`, their `own` classes, and what is `told` of
    them, below 0: nothing."""

    places: Array
    ids: npt.NDArray[np.int64]
    own: npt.NDArray[np.int64]
    told: npt.NDArray[np.int64]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which have a label."""
        return self.told >= 0


class Labelled(Overlay):
    """Training images as points: grey without a label, in the class's colour and shape with one."""

    title = "Labelled images"
    tip = (
        "Show which training images a model is told the class of; all others are grey. A lane whose model is "
        "told none shows what the AAE is told."
    )
    order = 90
    replaces_points = True

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_encoder

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> TrainingPoints:
        train = snapshot.dataset.train
        told = _told(snapshot, scene.model)
        known = told >= 0
        shown = np.argsort(~known, kind="stable")[:SHOWN]
        images = snapshot.dataset.to_unit(train.images[shown])
        places = scene.plane.project(snapshot.models[scene.model].encode(images))
        own, told = train.labels[shown], told[shown]
        return TrainingPoints(places, train.ids[shown], own, told)

    def draw(self, painter: QPainter, seen: Any, stage: Stage) -> None:
        theme, without = stage.theme, ~seen.known
        painter.setOpacity(FAINT)
        nothing = np.zeros(int(without.sum()), np.int64)
        _draw_points(painter, seen.places[without], nothing, [theme.color("disabled")], stage)
        painter.setOpacity(1.0)
        colors = [theme.class_color(place) for place in range(len(theme.classes))]
        _draw_points(painter, seen.places[seen.known], seen.told[seen.known], colors, stage)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        return (
            LegendEntry("dot", "training image with a label, in its label's colour", (theme.class_color(0),)),
            LegendEntry("dot", "training image without one", (theme.color("disabled"),)),
        )


def _told(snapshot: Snapshot, name: str) -> npt.NDArray[np.int64]:
    """The class (n,) of each training image that a model is told, -1: none; of one that is told no class what
    the AAE is told."""
    from aae_studio.core.labelling import labels_told

    train, model = snapshot.dataset.train, snapshot.models[name].model
    if model.conditions and not model.finds:
        return train.labels
    if "labels" not in model.option and "aae" in snapshot.models:
        model = snapshot.models["aae"].model
    if "labels" not in model.option:
        return np.full(len(train), -1)
    return labels_told(snapshot.dataset, model.option, model.setting.seed)


def _draw_points(
    painter: QPainter, places: Array, classes: npt.NDArray[np.int64], colors: Sequence[QColor], stage: Stage
) -> None:
    width, height = stage.size.width(), stage.size.height()
    ratio = painter.device().devicePixelRatioF()
    palette = np.array([color.getRgb()[:3] for color in colors], np.uint32)
    lens = stage.view.lens(width, height, ratio)
    seen = rasterise(places, classes, palette, round(width * ratio), round(height * ratio), ratio, lens)
    painter.drawImage(QPoint(0, 0), pixel_image(seen.pixels, ratio))
