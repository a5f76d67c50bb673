"""Probe: the dataset's samples that the planes show, in the interface's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset, Split


@dataclass(frozen=True)
class Probe:
    """The probe subset of a dataset, and with more `points` than it has, samples beyond it; None: all."""

    dataset: Dataset
    points: int | None

    @property
    def split(self) -> Split:
        return self.dataset.drawn(self.points)

    def __len__(self) -> int:
        return len(self.split)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Classes, (n,), as places in `classes`."""
        return self.split.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the dataset's classes."""
        return tuple(tr(name) for name in self.dataset.classes)

    def image(self, place: int) -> npt.NDArray[np.float32]:
        """One sample, (C, H, W) in [0, 1]."""
        return self.dataset.to_unit(self.split.images[place])

    def caption(self, place: int) -> str:
        """The class and the id of one sample."""
        name, sample = self.classes[int(self.labels[place])], int(self.split.ids[place])
        return tr("{name} · id {id} · x → Dec(E(x))", name=name, id=str(sample))
