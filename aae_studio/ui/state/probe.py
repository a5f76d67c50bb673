"""Probe: the dataset's samples that the planes show, in the interface's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset


@dataclass(frozen=True)
class Probe:
    """The probe subset of a dataset."""

    dataset: Dataset

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Classes, (n,), as places in `classes`."""
        return self.dataset.probe.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the dataset's classes."""
        return tuple(tr(name) for name in self.dataset.classes)

    def caption(self, place: int) -> str:
        """The class and the id of one sample."""
        name, sample = self.classes[int(self.labels[place])], int(self.dataset.probe.ids[place])
        return tr("{name} · id {id} · x → x̂", name=name, id=sample)
