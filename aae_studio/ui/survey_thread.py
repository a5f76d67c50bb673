"""SurveyThread: looks at the newest snapshot, so that neither training nor the interface has to."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QThread, Signal

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Figures, Snapshot

Array = npt.NDArray[np.float32]

# While training goes on, a survey rests this many times as long as it worked.
REST = 4.0
FIGURES_REST = 25.0
SHORTEST_REST_S = 0.03
SAMPLES = 8
NICE = 15


@dataclass(frozen=True)
class Survey:
    """What was seen in one snapshot: codes of the probe subset, and images decoded from prior samples.

    `figures` holds the newest figures of those models that were measured this time.
    """

    generation: int
    step: int
    codes: Mapping[str, Array]
    samples: Mapping[str, Array]
    figures: Mapping[str, Figures]


class SurveyThread(QThread):
    """Surveys snapshots; the newest wins. Emits `surveyed` (Survey) and `failed` (str)."""

    surveyed = Signal(object)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("survey")
        self._news = threading.Condition()
        self._wanted: tuple[int, Snapshot, bool] | None = None
        self._figures_due = 0.0
        self._turn = 0

    def look(self, generation: int, snapshot: Snapshot, thorough: bool) -> None:
        """Survey this snapshot next, in place of any that still waits.

        `thorough`: with all figures and at once, for a training that stands still.
        """
        with self._news:
            self._wanted = (generation, snapshot, thorough)
            self._news.notify()

    def close(self, limit_ms: int = 3000) -> bool:
        """Ask the thread to end and wait; False when it is still busy at the time limit."""
        self.requestInterruption()
        with self._news:
            self._news.notify()
        return self.wait(limit_ms)

    def run(self) -> None:
        prepared = False
        while (wanted := self._next()) is not None:
            if not prepared:
                from aae_studio.core import compute

                compute.lower_priority(NICE)
                compute.use_threads(1)
                prepared = True
            start = time.perf_counter()
            try:
                survey = self._survey(*wanted)
            except Exception as fault:
                self.failed.emit(repr(fault))
                continue
            if self.isInterruptionRequested():
                return
            self.surveyed.emit(survey)
            self._rest(max(SHORTEST_REST_S, REST * (time.perf_counter() - start)))

    def _next(self) -> tuple[int, Snapshot, bool] | None:
        with self._news:
            while self._wanted is None and not self.isInterruptionRequested():
                self._news.wait()
            wanted, self._wanted = self._wanted, None
            return None if self.isInterruptionRequested() else wanted

    def _rest(self, seconds: float) -> None:
        """Wait, but not when something thorough is asked for or the thread is to end."""
        with self._news:
            self._news.wait_for(
                lambda: self.isInterruptionRequested() or (self._wanted is not None and self._wanted[2]),
                timeout=seconds,
            )

    def _survey(self, generation: int, snapshot: Snapshot, thorough: bool) -> Survey:
        prior_codes = snapshot.prior_samples(SAMPLES)
        codes, samples = {}, {}
        for name, frozen in snapshot.models.items():
            samples[name] = frozen.decode(prior_codes)
            if frozen.has_encoder:
                codes[name] = frozen.encode(snapshot.probe_images)
        return Survey(generation, snapshot.step, codes, samples, self._figures(snapshot, thorough))

    def _figures(self, snapshot: Snapshot, thorough: bool) -> dict[str, Figures]:
        """All models' figures, or one model's when its turn has come."""
        names = list(snapshot.models)
        if thorough:
            return {name: snapshot.figures(name) for name in names}
        start = time.perf_counter()
        if start < self._figures_due:
            return {}
        self._turn += 1
        name = names[self._turn % len(names)]
        figures = {name: snapshot.figures(name)}
        end = time.perf_counter()
        self._figures_due = end + FIGURES_REST * (end - start)
        return figures
