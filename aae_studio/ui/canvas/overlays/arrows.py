"""Forces: where each loss term pulls the codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter

from aae_studio.ui.canvas import marks
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
# Images whose forces are computed, and the pixels between those that are shown.
IMAGES = 192
GAP = 28
# Three of four arrows of a kind are at most so long, in pixels, and none is longer than the second number.
USUAL, LONGEST = 20.0, 44.0


@dataclass(frozen=True)
class Pulls:
    """Places (n, 2), and by the loss term's name the force (n, 2) there, both in the plane, and the force
    that an arrow of the length `USUAL` stands for."""

    places: Array
    forces: dict[str, Array]
    units: dict[str, float]


class Arrows(Overlay):
    """Minus the gradient of each loss term at some codes: reconstruction, and what pulls to the prior."""

    title = "Forces"
    tip = "Show where reconstruction, KL divergence and discriminator pull the codes."
    shortcut = "A"
    order = 70
    covers = True

    def applies(self, frozen: FrozenModel) -> bool:
        return frozen.has_encoder

    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Pulls | None:
        from aae_studio.core import fields

        if codes is None:
            return None
        labels = snapshot.dataset.probe.labels[:IMAGES]
        places = scene.places(codes[:IMAGES], labels, len(snapshot.dataset.classes))
        shown = scene.spaced(places, GAP)
        found = fields.forces(snapshot.models[scene.model], snapshot.probe_images[:IMAGES], labels)
        forces = {name: force[shown] @ scene.plane.basis.T for name, force in found.items()}
        return Pulls(places[shown], forces, {name: _usual(force) for name, force in forces.items()})

    def draw(self, painter: QPainter, seen: Pulls, stage: Stage) -> None:
        tails = marks.to_pixels(seen.places, stage)
        for name, force in seen.forces.items():
            steps = force * np.array([1, -1], np.float32) * (USUAL / seen.units[name])
            lengths = np.linalg.norm(steps, axis=1, keepdims=True)
            steps = steps * np.minimum(1, LONGEST / (lengths + 1e-12))
            marks.draw_arrows(painter, tails, steps, _color(stage.theme, name), stage)

    def annotate(self, painter: QPainter, seen: Pulls, stage: Stage) -> None:
        for row, (name, unit) in enumerate(seen.units.items()):
            known = marks.round_below(unit)
            corner, lead = Qt.Corner.BottomRightCorner, USUAL + 6
            space = marks.draw_note(painter, f"{known:g}", corner, stage, row, lead)
            length = USUAL * known / unit
            scale = np.array([[space.left() + 5, space.center().y()], [length, 0]], np.float32)
            marks.draw_arrows(painter, scale[:1], scale[1:], _color(stage.theme, name), stage)

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        return (
            LegendEntry("arrow", "pull of the reconstruction", (_color(theme, "reconstruction"),)),
            LegendEntry("arrow", "pull to the prior: KL, discriminator or MMD", (_color(theme, "prior"),)),
            LegendEntry("arrow", "scale below right: loss per pixel and code unit", (theme.color("muted"),)),
        )


def _usual(force: Array) -> float:
    """The length that three of four forces (n, 2) have at most."""
    return max(float(np.quantile(np.linalg.norm(force, axis=1), 0.75)), 1e-12) if len(force) else 1.0


def _color(theme: Theme, term: str) -> QColor:
    return theme.color("pull-reconstruction" if term == "reconstruction" else "pull-prior")
