"""Findings: what the survey thread has found out of the newest snapshots."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aae_studio.ui.survey_thread import Survey

if TYPE_CHECKING:
    from aae_studio.core.region import Region
    from aae_studio.core.snapshot import Figures

Array = npt.NDArray[np.float32]


class Findings:
    """By model: the codes of the images that are drawn, the region that those of the probe subset fill,
    images decoded from prior samples, and figures. `step`: after how many steps; `figures_step`: that of the
    figures, which are measured more rarely; −1 before there are any."""

    def __init__(self) -> None:
        self.step = self.figures_step = -1
        self.codes: dict[str, Array] = {}
        self.regions: dict[str, Region] = {}
        self.samples: dict[str, Array] = {}
        self.figures: dict[str, Figures] = {}

    def take(self, survey: Survey, models: Container[str]) -> None:
        """Keep what was seen of models that are still there."""
        self.step = survey.step
        self.codes.update(survey.codes)
        self.regions.update(survey.regions)
        self.samples.update(survey.samples)
        if survey.figures:
            self.figures_step = survey.step
            self.figures.update(survey.figures)
        self.keep(models)

    def cut(self, count: int) -> None:
        """Keep at most so many codes of each model."""
        for name, codes in self.codes.items():
            if len(codes) > count:
                self.codes[name] = codes[:count]

    def keep(self, models: Container[str]) -> None:
        """Forget all other models."""
        for table in (self.codes, self.regions, self.samples, self.figures):
            for name in [name for name in table if name not in models]:
                del table[name]

    def clear(self) -> None:
        """Forget all: it was about another experiment."""
        self.step = self.figures_step = -1
        self.keep(())
