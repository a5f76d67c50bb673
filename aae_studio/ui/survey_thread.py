"""SurveyThread: looks at the newest snapshot, so that neither training nor the interface has to."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Signal

from aae_studio.core.region import Region
from aae_studio.ui.closing_thread import ClosingThread

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Figures, Snapshot

Array = npt.NDArray[np.float32]

# While training goes on, a survey rests this many times as long as it worked, not counting what it waited
# for a busy machine; figures, which take longest, have a rest of their own. In the first seconds of a
# training, when most changes, the rests are as much shorter as these are not over.
REST = 16.0
FIGURES_REST = 40.0
SETTLING_S = 30.0
# Where more points are drawn than the probe subset, the user pays for them: it rests this many times as long.
CROWDED_REST = 0.1
SHORTEST_REST_S = 0.03
SAMPLES = 8
NICE = 19


# What is asked of a snapshot, with its codes of the probe subset, and no more, by model.
Question = Callable[["Snapshot", Mapping[str, Array]], Any]


@dataclass(frozen=True)
class Request:
    """What to look at, how many images to encode (None: all), and the questions to be answered.

    `urgent` requests do not wait for a rest to end; `thorough` ones ask for all figures at once.
    """

    generation: int
    snapshot: Snapshot
    questions: Mapping[Hashable, Question]
    thorough: bool = False
    urgent: bool = False
    points: int | None = 0

    @property
    def crowded(self) -> bool:
        """Whether more than the probe subset is encoded."""
        data = self.snapshot.dataset
        return len(data.drawn(self.points)) > len(data.probe)


@dataclass(frozen=True)
class Survey:
    """What was seen in one snapshot, by model: codes, first those of the probe subset, and the region these
    fill, images decoded from prior samples, and figures, if they were measured this time. Answers go by
    their questions' keys."""

    generation: int
    step: int
    codes: Mapping[str, Array]
    regions: Mapping[str, Region]
    samples: Mapping[str, Array]
    figures: Mapping[str, Figures]
    answers: Mapping[Hashable, Any]
    questions: Mapping[Hashable, Question]


class SurveyThread(ClosingThread):
    """Surveys snapshots; the newest wins. Emits `surveyed` (Survey) and `failed` (str).

    When it is time for figures, the same survey comes once more, with them.
    """

    surveyed = Signal(object)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("survey")
        self._news = threading.Condition()
        self._wanted: Request | None = None
        self._figures_due = 0.0
        # When the training that is surveyed began.
        self._began = 0.0
        # The snapshot of the last survey of many points, how many there were, and their codes.
        self._crowded: tuple[Snapshot, int | None, Mapping[str, Array]] | None = None
        # The experiment that was surveyed last.
        self._known = -1

    def look(self, request: Request) -> None:
        """Do this survey next, in place of any that still waits."""
        with self._news:
            waiting = self._wanted
            if waiting is not None and waiting.generation == request.generation:
                request = dataclasses.replace(
                    request,
                    thorough=request.thorough or waiting.thorough,
                    urgent=request.urgent or waiting.urgent,
                )
            self._wanted = request
            self._news.notify()

    def wake(self) -> None:
        with self._news:
            self._news.notify()

    def run(self) -> None:
        humble = False
        while (wanted := self._next()) is not None:
            from aae_studio.core import compute

            compute.use_threads(1)
            start = time.thread_time()
            try:
                survey = self._survey(wanted)
                self._tell(survey)
                worked = time.thread_time() - start
                if wanted.thorough or time.perf_counter() >= self._figures_due:
                    # After the codes, which do not wait for them.
                    figures = self._figures(wanted.snapshot)
                    self._tell(dataclasses.replace(survey, figures=figures, answers={}, questions={}))
            except Exception as fault:
                self.failed.emit(repr(fault))
                continue
            if not humble:
                # Not before: the first figures are what a person waits for.
                compute.lower_priority(NICE)
                humble = True
            rest = CROWDED_REST if wanted.crowded else REST * self._settled
            self._rest(max(SHORTEST_REST_S, rest * worked))

    def _tell(self, survey: Survey) -> None:
        """Hand a survey on, if it was not broken off."""
        if not self.isInterruptionRequested():
            self.surveyed.emit(survey)

    def _next(self) -> Request | None:
        with self._news:
            while self._wanted is None and not self.isInterruptionRequested():
                self._news.wait()
            wanted, self._wanted = self._wanted, None
            return None if self.isInterruptionRequested() else wanted

    def _rest(self, seconds: float) -> None:
        """Wait, but not when something urgent is asked for or the thread is to end."""
        with self._news:
            self._news.wait_for(self._is_urgent, timeout=seconds)

    @property
    def _settled(self) -> float:
        """From 0, at the first step, to 1."""
        return min(1.0, (time.perf_counter() - self._began) / SETTLING_S)

    def _is_urgent(self) -> bool:
        wanted = self._wanted
        return self.isInterruptionRequested() or (wanted is not None and (wanted.urgent or wanted.thorough))

    def _survey(self, request: Request) -> Survey:
        snapshot = request.snapshot
        if snapshot.step == 0 or request.generation != self._known:
            self._began = time.perf_counter()
        if request.generation != self._known:
            # Those on show are of another experiment.
            self._figures_due = 0.0
        codes, regions, samples = {}, {}, {}
        for name, frozen in snapshot.models.items():
            if self.isInterruptionRequested():
                break
            samples[name] = frozen.decode(*frozen.draw(SAMPLES))
            if frozen.has_encoder:
                codes[name] = frozen.encode(snapshot.probe_images)
                regions[name] = Region.of(codes[name])
        answers: dict[Hashable, Any] = {}
        for key, question in request.questions.items():
            if self.isInterruptionRequested():
                break
            answers[key] = question(snapshot, codes)
        drawn: Mapping[str, Array] = codes
        if request.crowded and request.generation != self._known:
            # Many points take seconds: those of the probe subset are there until then.
            self._look_again(request)
        elif request.crowded:
            drawn = self._crowd(request, codes)
        else:
            # Neither its codes nor its weights are of use to anybody.
            self._crowded = None
        self._known = request.generation
        return Survey(
            request.generation, snapshot.step, drawn, regions, samples, {}, answers, request.questions
        )

    def _look_again(self, request: Request) -> None:
        """Do the same survey once more, unless another waits."""
        with self._news:
            if self._wanted is None:
                self._wanted = dataclasses.replace(request, thorough=False, urgent=True)

    def _crowd(self, request: Request, probe: Mapping[str, Array]) -> Mapping[str, Array]:
        """The probe subset's codes by model, and those of all other images that are drawn.

        Where a question alone is new, the codes are those of the last survey.
        """
        snapshot, points = request.snapshot, request.points
        if self._crowded is not None and self._crowded[0] is snapshot and self._crowded[1] == points:
            return self._crowded[2]
        data = snapshot.dataset
        parts = {name: [codes] for name, codes in probe.items()}
        for part in snapshot.encoded(data.drawn(points).after(len(data.probe))):
            if self._is_overtaken(request):
                return probe
            for name in parts:
                parts[name].append(part[name])
        codes = {name: np.concatenate(own) for name, own in parts.items()}
        self._crowded = snapshot, points, codes
        return codes

    def _is_overtaken(self, request: Request) -> bool:
        """Whether nobody waits for this any more: the thread is to end, or another experiment is there."""
        with self._news:
            wanted = self._wanted
        other = wanted is not None and wanted.generation != request.generation
        return other or self.isInterruptionRequested()

    def _figures(self, snapshot: Snapshot) -> dict[str, Figures]:
        """All models' figures, of one step, so that they compare."""
        start, figures = time.thread_time(), {}
        for name in snapshot.models:
            if not self.isInterruptionRequested():
                figures[name] = snapshot.figures(name)
        rest = FIGURES_REST * self._settled * (time.thread_time() - start)
        self._figures_due = time.perf_counter() + rest
        return figures
