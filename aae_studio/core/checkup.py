"""Checkup: examines models again and again while they train, and says what has held for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.diagnosis.base import Diagnosis, Finding, Severity, Sign
from aae_studio.core.evidence import Evidence, Floats
from aae_studio.core.history import History
from aae_studio.core.metrics import Classifier, classifier_training
from aae_studio.core.metrics.classifier import STEPS as CLASSIFIER_STEPS
from aae_studio.core.registry import DIAGNOSES
from aae_studio.core.snapshot import Snapshot

# Curves are judged over so many steps.
WINDOW = 200
# A diagnosis comes, and goes, when every examination within so many steps was of that mind.
HOLD = 60
WEIGHT: dict[Severity, int] = {"warning": 0, "hint": 1, "good": 2}


class Judge:
    """The small classifier that names generated images, trained on a dataset whenever there is time."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.classifier: Classifier | None = None
        self._training = self._steps()
        self._taken = 0

    @property
    def learnt(self) -> float:
        """How far the training is, from 0 to 1."""
        return 1.0 if self.classifier is not None else self._taken / (CLASSIFIER_STEPS + 1)

    def learn(self, seconds: float) -> None:
        """Train for so much of this thread's processor time, one step at least, or until it is done."""
        end = time.thread_time() + seconds
        while self.classifier is None:
            latest = next(self._training)
            self._taken += 1
            self.classifier = None if latest.training else latest
            if time.thread_time() >= end:
                return

    def _steps(self) -> Iterator[Classifier]:
        train = self.dataset.train
        images = torch.from_numpy(self.dataset.to_unit(train.images))
        yield from classifier_training(images, torch.from_numpy(train.labels), len(self.dataset.classes))


@dataclass
class _Course:
    """How one diagnosis of one model goes: whether it stands, and since when figures say otherwise."""

    finding: Finding | None = None
    doubted: int | None = None
    begun: bool = False


class Checkup:
    """Examines an experiment's models. Not thread-safe.

    A diagnosis that holds when it is first looked for stands at once: training may stand still. Afterwards
    it comes when it held, and goes when it did not hold, through `HOLD` steps. After a change of options what
    stands stays until there are figures of steps since then.
    """

    def __init__(self) -> None:
        self.diagnoses: dict[str, Diagnosis] = {name: kind() for name, kind in DIAGNOSES.all().items()}
        self._courses: dict[str, dict[str, _Course]] = {}
        self._config: ExperimentConfig | None = None
        self._changed = 0

    def examine(
        self,
        name: str,
        snapshot: Snapshot,
        history: History,
        config: ExperimentConfig,
        classifier: Classifier | None = None,
    ) -> None:
        """Examine one model. `history` reaches at least to the snapshot's step."""
        if self._config is not None and config != self._config:
            self._changed = snapshot.step
        self._config = config
        age = snapshot.step - self._changed
        evidence = Evidence(name, snapshot, config, age, self._recent(name, history), classifier)
        courses = self._courses.setdefault(name, {key: _Course() for key in self.diagnoses})
        for key, diagnosis in self.diagnoses.items():
            if age >= diagnosis.patience:
                self._follow(courses[key], key, diagnosis, evidence)

    def findings(self) -> tuple[Finding, ...]:
        """What stands, the gravest first, without what another diagnosis of the same model explains."""
        found: list[Finding] = []
        for courses in self._courses.values():
            standing = [course.finding for course in courses.values() if course.finding is not None]
            explained = {name for one in standing for name in self.diagnoses[one.diagnosis].explains}
            found += [one for one in standing if one.diagnosis not in explained]
        return tuple(sorted(found, key=lambda one: WEIGHT[one.severity]))

    def early(self, step: int) -> int:
        """So many steps after `step` every diagnosis can be made; 0 where it can already."""
        patience = max(diagnosis.patience for diagnosis in self.diagnoses.values())
        return max(0, self._changed + patience - step)

    def _recent(self, name: str, history: History) -> dict[str, Floats]:
        """The model's curves in the last steps since options changed."""
        rows = len(history)
        first = max(rows - WINDOW, int(np.searchsorted(history.steps[:rows], self._changed, side="right")))
        return {
            curve: history.values(model, curve)[first:rows]
            for model, curve in history.curves
            if model == name
        }

    def _follow(self, course: _Course, key: str, diagnosis: Diagnosis, evidence: Evidence) -> None:
        """Take one examination into account."""
        signs, step = diagnosis.signs(evidence), evidence.snapshot.step
        standing = course.finding is not None
        holds = bool(signs) and all(sign.speaks(standing) for sign in signs)
        if holds != standing:
            if course.doubted is None:
                course.doubted = step
            if course.begun and step - course.doubted < HOLD:
                return
        course.doubted, course.begun = None, course.begun or bool(signs)
        course.finding = finding_of(key, diagnosis, evidence, signs) if holds else None


def finding_of(key: str, diagnosis: Diagnosis, evidence: Evidence, signs: tuple[Sign, ...]) -> Finding:
    """What a diagnosis comes to for one model."""
    return Finding(
        key,
        evidence.name,
        diagnosis.title,
        diagnosis.summary,
        diagnosis.severity,
        signs,
        diagnosis.overlays,
        diagnosis.curves,
        diagnosis.remedy(evidence),
    )
