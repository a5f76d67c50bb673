"""Measuring: the question that the table of figures asks about each snapshot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QThread

if TYPE_CHECKING:
    from aae_studio.core.metrics import Classifier
    from aae_studio.core.repeats import Measure
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
# While training goes on, measuring rests this many times as long as it worked.
REST = 40.0


@dataclass(frozen=True)
class Measured:
    """The measures of each model, the step that they were taken at, how many test images they were made from,
    and whether there was a classifier."""

    measures: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    count: int = 0
    judged: bool = False


class Measuring:
    """Called in the survey thread with each newest snapshot. It takes one model at a time and then rests, and
    all of them when it was told to `hurry`."""

    def __init__(self, judge: Classifier | None) -> None:
        self._judge = judge
        self._seen = Measured(judged=judge is not None)
        self._due = 0.0
        self._turn = 0
        # From which step on all models are to be measured at once; None: from none.
        self._hurried: int | None = 0

    def hurry(self, step: int) -> None:
        """Measure all models of the next snapshot that is at this step or later. From any thread."""
        self._hurried = step

    def __call__(self, snapshot: Snapshot, codes: Mapping[str, Array]) -> Measured:
        from aae_studio.core.evaluation import LIVE_SIZE
        from aae_studio.core.repeats import measured

        names = list(snapshot.models)
        if self._hurried is not None and snapshot.step >= self._hurried:
            self._hurried = None
        elif time.perf_counter() < self._due:
            return self._seen
        else:
            self._turn += 1
            names = [names[self._turn % len(names)]]
        start = time.thread_time()
        measures, steps = dict(self._seen.measures), dict(self._seen.steps)
        for name in names:
            if QThread.currentThread().isInterruptionRequested():
                break
            measures[name], steps[name] = measured(snapshot, name, self._judge), snapshot.step
        self._due = time.perf_counter() + REST * (time.thread_time() - start)
        there = {name: measures[name] for name in snapshot.models if name in measures}
        count = min(LIVE_SIZE, len(snapshot.dataset.test))
        self._seen = Measured(there, steps, count, self._judge is not None)
        return self._seen
