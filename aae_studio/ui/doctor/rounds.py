"""Rounds: the question that the doctor asks of each newest snapshot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aae_studio.core.config import ExperimentConfig

if TYPE_CHECKING:
    from aae_studio.core.checkup import Checkup, Judge
    from aae_studio.core.diagnosis.base import Finding
    from aae_studio.core.history import History
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
# While training goes on, the doctor rests this many times as long as it worked.
REST = 25.0
# The classifier of generated images is trained for so long at a time.
LESSON_S = 0.05


@dataclass(frozen=True)
class Visit:
    """What the doctor has to say at a step.

    `early`: so many steps must pass until every diagnosis can be made. `learnt`: how far the classifier of
    generated images is, from 0 to 1; None where it is not needed. `accuracy`: the share of held-out images
    that it names rightly, once it is trained.
    """

    step: int
    findings: tuple[Finding, ...]
    early: int
    learnt: float | None = None
    accuracy: float | None = None

    @property
    def complete(self) -> bool:
        """Whether all was looked at that there is in this snapshot."""
        return self.learnt is None or self.learnt == 1.0


class Rounds:
    """Examines the models of one experiment: one after the other while they train, else all at once.

    `visit` is called in the survey thread alone. Another experiment on the same data may take over the
    `judge` of the one before.
    """

    def __init__(self, judge: Judge | None = None) -> None:
        self.judge = judge
        self._checkup: Checkup | None = None
        self._last: tuple[Snapshot, Visit] | None = None
        self._turn = 0
        self._due = 0.0

    def visit(
        self,
        config: ExperimentConfig,
        history: History,
        training: bool,
        snapshot: Snapshot,
        codes: Mapping[str, Array],
    ) -> Visit:
        """See the models. With `training` there is a rest between two visits: its last one counts."""
        if self._last is not None:
            seen, visit = self._last
            rests = training and time.perf_counter() < self._due
            if rests or (seen is snapshot and visit.complete and not training):
                return visit
        start = time.thread_time()
        visit = self._see(config, history, training, snapshot)
        self._last = (snapshot, visit)
        self._due = time.perf_counter() + REST * (time.thread_time() - start)
        return visit

    def _see(self, config: ExperimentConfig, history: History, training: bool, snapshot: Snapshot) -> Visit:
        # Imported here: importing torch takes a second, and the window must not wait for it.
        from aae_studio.core.checkup import Checkup

        if self._checkup is None:
            self._checkup = Checkup()
        judge = self._taught(snapshot)
        names = list(snapshot.models)
        if training and self._last is not None:
            self._turn += 1
            names = [names[self._turn % len(names)]]
        for name in names:
            classifier = None if judge is None else judge.classifier
            self._checkup.examine(name, snapshot, history, config, classifier)
        early = self._checkup.early(snapshot.step)
        if judge is None:
            return Visit(snapshot.step, self._checkup.findings(), early)
        accuracy = None if judge.classifier is None else judge.classifier.validation_accuracy
        return Visit(snapshot.step, self._checkup.findings(), early, judge.learnt, accuracy)

    def _taught(self, snapshot: Snapshot) -> Judge | None:
        """The judge after one more lesson; None where no model is judged by its images."""
        from aae_studio.core.checkup import Judge

        if all(frozen.has_encoder for frozen in snapshot.models.values()):
            return None
        if self.judge is None or self.judge.dataset is not snapshot.dataset:
            self.judge = Judge(snapshot.dataset)
        self.judge.learn(LESSON_S)
        return self.judge
