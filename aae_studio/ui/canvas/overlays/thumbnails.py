"""Thumbnails: images in place of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from aae_studio.ui.canvas import marks
from aae_studio.ui.canvas.images import tiled, to_qimage
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
SIDE = 24
GAP = SIDE + 2


@dataclass(frozen=True)
class Pictures:
    """Images (n, C, H, W), their places (n, 2) in the plane and classes (n,)."""

    images: Array
    places: Array
    classes: npt.NDArray[np.int64]


class Thumbnails(Overlay):
    """As many of the encoded images as find room, each where its code is."""

    title = "Thumbnails"
    tip = "Draw images in place of points, as many as find room. Zoom in for more."
    shortcut = "T"
    order = 50
    replaces_points = True

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_encoder

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Pictures | None:
        if codes is None:
            return None
        labels = snapshot.dataset.probe.labels[: len(codes)]
        places = scene.places(codes, labels, len(snapshot.dataset.classes))
        shown = scene.spaced(places, GAP)
        return Pictures(snapshot.probe_images[shown], places[shown], labels[shown])

    def draw(self, painter: QPainter, seen: Pictures, stage: Stage) -> None:
        if len(seen.images) == 0:
            return
        strip = to_qimage(tiled(seen.images, 1))
        _, _, height, width = seen.images.shape
        side = SIDE / max(height, width)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not stage.crisp or side < 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        corners = np.rint(marks.to_pixels(seen.places, stage) - side * np.array([width, height]) / 2)
        for place, (x, y) in enumerate(corners.tolist()):
            space = QRectF(x, y, width * side, height * side)
            painter.drawImage(space, strip, QRectF(place * width, 0, width, height))
            painter.setPen(QPen(stage.theme.class_color(int(seen.classes[place])), 1.3))
            painter.drawRect(space)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        return (
            LegendEntry(
                "dot", "image at its code, framed in the colour of its class", (theme.class_color(0),)
            ),
        )
