"""Repeats: what is trained beside the window's own experiment, and what came of it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.ui.repeats_thread import Job, RepeatsThread

if TYPE_CHECKING:
    from aae_studio.core.metrics import Classifier
    from aae_studio.core.repeats import Progress, Run


@dataclass
class Series:
    """Configurations that are trained one after the other, each for so many steps, and their runs so far.

    `base` is the configuration that they were made from, `about` what else its owner remembers of that.
    """

    base: ExperimentConfig
    configs: Sequence[ExperimentConfig]
    steps: int
    about: Any = None
    runs: list[Run] = field(default_factory=list)
    progress: Progress | None = None
    going: bool = True
    fault: StudioError | None = None


class Repeats(QObject):
    """Holds one series for each name, and the classifiers that judge generated images.

    It belongs to the workbench, so that a series goes on when another theme or language is chosen. Emits
    `changed` (name) when a series has news, and `judged` when there is another classifier, or it is known
    that there will be none.
    """

    changed = Signal(str)
    judged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.series: dict[str, Series] = {}
        self.judges: dict[Hashable, Classifier] = {}
        self._thread = RepeatsThread()
        # In the thread itself, so that the next series already has it.
        self._thread.happened.connect(self._keep, Qt.ConnectionType.DirectConnection)
        self._thread.happened.connect(self._on_happened)
        self._thread.ended.connect(self._on_ended)
        self._jobs: dict[Job, str] = {}
        # Why there is no classifier for these data.
        self.judge_faults: dict[Hashable, StudioError] = {}
        self._judging: dict[Job, Hashable] = {}

    def begin(
        self,
        name: str,
        base: ExperimentConfig,
        configs: Sequence[ExperimentConfig],
        steps: int,
        data_dir: Path,
        about: Any = None,
    ) -> None:
        """Train these configurations, in place of the series of this name."""
        self.cancel(name)
        self.series[name] = Series(base, configs, steps, about)
        job = Job(partial(self._repeat, configs, steps, data_dir))
        self._jobs[job] = name
        self._thread.begin(job)
        self.changed.emit(name)

    def cancel(self, name: str) -> None:
        """Leave a series as far as it is."""
        for job in [job for job, owner in self._jobs.items() if owner == name]:
            del self._jobs[job]
            self._thread.cancel(job)
        if name in self.series and self.series[name].going:
            self.series[name].going = False
            self.changed.emit(name)

    def judge(self, config: ExperimentConfig, data_dir: Path) -> Classifier | None:
        """The classifier for a configuration's data; where there is none yet, it is trained and `judged`.

        What failed is not tried again: the reason is in `judge_faults`.
        """
        from aae_studio.core.repeats import data_of

        data = data_of(config)
        known = {*self.judges, *self.judge_faults, *self._judging.values()}
        if data not in known:
            job = Job(partial(self._judge, config, data_dir))
            self._judging[job] = data
            self._thread.begin(job)
        return self.judges.get(data)

    def close(self, limit_ms: int = 3000) -> bool:
        """End what is going on; False when it is still busy at the time limit."""
        return self._thread.close(limit_ms)

    def requestInterruption(self) -> None:
        """Ask the thread to end."""
        self._thread.requestInterruption()

    def _repeat(self, configs: Sequence[ExperimentConfig], steps: int, data_dir: Path) -> Any:
        from aae_studio.core.repeats import repeat

        return repeat, (configs, steps, data_dir, dict(self.judges))

    def _judge(self, config: ExperimentConfig, data_dir: Path) -> Any:
        from aae_studio.core.repeats import judge_of

        return judge_of, (config, data_dir)

    # News from the thread

    def _keep(self, job: Job, event: object) -> None:
        from aae_studio.core.repeats import Judge

        if isinstance(event, Judge):
            self.judges[event.data] = event.classifier

    def _on_happened(self, job: Job, event: object) -> None:
        from aae_studio.core.repeats import Judge, Progress, Run

        if isinstance(event, Judge):
            self.judged.emit()
        name = self._jobs.get(job)
        if name is None:
            return
        series = self.series[name]
        if isinstance(event, Run):
            series.runs.append(event)
        elif isinstance(event, Progress):
            series.progress = event
        self.changed.emit(name)

    def _on_ended(self, job: Job, fault: StudioError | None) -> None:
        data = self._judging.pop(job, None)
        if data is not None and fault is not None:
            self.judge_faults[data] = fault
            self.judged.emit()
        name = self._jobs.pop(job, None)
        if name is not None:
            series = self.series[name]
            series.going, series.fault, series.progress = False, fault, None
            self.changed.emit(name)
