"""What an overlay is: something about a model, seen in a snapshot and drawn over its latent plane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor, QPainter

from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.theme import Theme

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LegendEntry:
    """One entry of a legend: what a sign means.

    `sign` is `line`, `arrow`, `dot`, `halo`, `area`, `ramp` or the shape of a marker; a ramp has the colours
    that it runs through, a halo those of its dot and its ring, any other sign has one.
    """

    sign: str
    text: str
    colors: tuple[QColor, ...]


class Overlay(ABC):
    """One overlay. A subclass's file is one plug-in: menu, check box, legend and `screenshot --show` follow.

    `order` is its place in menus, and among overlays the order of drawing. It lies below the points of the
    encoded data unless it `covers` them; with `replaces_points` they are not drawn at all.
    """

    title: ClassVar[str]
    tip: ClassVar[str]
    shortcut: ClassVar[str] = ""
    order: ClassVar[int] = 50
    covers: ClassVar[bool] = False
    replaces_points: ClassVar[bool] = False
    # What the legend says of models in which there is nothing to see.
    absent: ClassVar[str] = "{models}: no encoder"

    def applies(self, frozen: FrozenModel) -> bool:
        """Whether there is anything to see in this model."""
        return True

    def stands_in(self, frozen: FrozenModel) -> bool:
        """Whether it is shown unasked, because this model has no codes to show."""
        return False

    @abstractmethod
    def look(self, scene: Scene, snapshot: Snapshot, codes: Array | None) -> Any:
        """What there is to draw, as numpy arrays: called in the survey thread for each newest snapshot.

        `codes` (n, latent size) are those of the probe subset; None for a model without encoder.
        """

    @abstractmethod
    def draw(self, painter: QPainter, seen: Any, stage: Stage) -> None:
        """Draw what `look` gave, which may come from an older snapshot or view than the newest."""

    def annotate(self, painter: QPainter, seen: Any, stage: Stage) -> None:
        """Write the figures that belong to it, above whatever else is drawn."""

    def legend(self, theme: Theme) -> tuple[LegendEntry, ...]:
        """What its signs mean."""
        return ()
