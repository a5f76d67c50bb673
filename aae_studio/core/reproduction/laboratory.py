"""The laboratory of one seed: trains configurations, again and again from where it was interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from aae_studio import paths
from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.errors import StudioError
from aae_studio.core.evaluation import classifier_for, evaluate
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.history import History
from aae_studio.core.metrics import Classifier
from aae_studio.core.session_folder import set_aside
from aae_studio.core.snapshot import FrozenModel

SAVE_EVERY_S = 300.0
VALIDATION_SHARE = 6


class HeldOut(Dataset):
    """A dataset whose test split is a sixth of the training split: settings are chosen on it."""

    def __init__(self, whole: Dataset) -> None:
        order = np.random.default_rng(0).permutation(len(whole.train))
        size = len(order) // VALIDATION_SHARE
        self.title, self.levels, self.classes = whole.title, whole.levels, whole.classes  # type: ignore[misc]
        self.test = _part(whole.train, order[:size])
        self.train = _part(whole.train, order[size:])


def _part(split: Split, places: np.ndarray) -> Split:
    return Split(*(column[places] for column in vars(split).values()))


class Laboratory:
    """Where one seed of a bar is measured.

    `folder`: where runs are kept and taken up again; None: nowhere. With `validation`, a part of the
    training data takes the place of the test data. `say` is told how many epochs of how many a run
    has behind it, and its name. `device`: where runs are trained, as in a configuration.
    """

    def __init__(
        self,
        seed: int,
        data_dir: Path,
        folder: Path | None = None,
        validation: bool = False,
        say: Callable[[int, int, str], None] = lambda done, goal, words: None,
        device: str = "cpu",
    ) -> None:
        self.seed, self.data_dir, self.folder, self.device = seed, data_dir, folder, device
        self.validation, self.say = validation, say
        self._datasets: dict[str, Dataset] = {}
        self._notes: dict[str, list[dict[str, float]]] = {}

    def dataset(self, config: ExperimentConfig) -> Dataset:
        """The configuration's dataset, loaded once. Raises what `load_dataset` raises."""
        if config.dataset not in self._datasets:
            dataset = load_dataset(config, self.data_dir)
            self._datasets[config.dataset] = HeldOut(dataset) if self.validation else dataset
        return self._datasets[config.dataset]

    @cached_property
    def classifier(self) -> Classifier:
        """The judge of generated digits; the same for all seeds."""
        return classifier_for(self.dataset(ExperimentConfig(dataset="mnist")))

    def trained(
        self, name: str, config: ExperimentConfig, epochs: int, dataset: Dataset | None = None
    ) -> Experiment:
        """The configuration with this laboratory's seed and device, trained for so many epochs.

        `name` is that of its folder. `dataset` takes the place of the configuration's own. Raises
        StudioError when training fails.
        """
        *_, last = self.epochs(name, config, epochs, dataset)
        return last

    def epochs(
        self, name: str, config: ExperimentConfig, epochs: int, dataset: Dataset | None = None
    ) -> Iterator[Experiment]:
        """The same, after every epoch; a run that was taken up begins with its next epoch."""
        config = config.with_(seed=self.seed, device=self.device)
        experiment, history, target = self._begun(name, config, epochs, dataset or self.dataset(config))
        size, saved, waiting = experiment.steps_per_epoch, time.monotonic(), []
        run = experiment.run()
        if experiment.step >= epochs * size:
            yield experiment
        while experiment.step < epochs * size:
            waiting.append(next(run))
            if experiment.step % size:
                continue
            history.append(waiting)
            waiting = []
            self.say(experiment.epoch, epochs, f"{name}, epoch {experiment.epoch} of {epochs}")
            yield experiment
            if target and (time.monotonic() - saved > SAVE_EVERY_S or experiment.epoch == epochs):
                session.save(target, experiment, history, figures={})
                saved = time.monotonic()

    def notes(self, name: str) -> list[dict[str, float]]:
        """What was noted under a name, also before an interruption."""
        file = self._notes_file(name)
        if file is not None and name not in self._notes and file.is_file():
            try:
                self._notes[name] = json.loads(file.read_text("utf-8"))
            except ValueError as fault:
                template = "{file} is damaged: {fault}. Remove it, and the run beside it, to begin anew."
                raise StudioError(template, file=file, fault=fault) from fault
        return self._notes.setdefault(name, [])

    def note(self, name: str, row: dict[str, float]) -> list[dict[str, float]]:
        """Note one more row under a name; gives all of them."""
        rows = self.notes(name)
        rows.append(row)
        file = self._notes_file(name)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            # Whole or not at all: runs are there to be broken off.
            new = paths.sibling(file)
            new.write_text(json.dumps(rows, indent=1), "utf-8")
            new.replace(file)
        return rows

    def _forget_notes(self, name: str) -> None:
        """What was noted belongs to a run that is not gone on with."""
        self._notes[name] = []
        file = self._notes_file(name)
        if file is not None:
            file.unlink(missing_ok=True)

    def _notes_file(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{self._run_name(name)}.json"

    def _run_name(self, name: str) -> str:
        ending = "" if self.device == "cpu" else f"-{self.device}"
        return f"{name}-{'validation' if self.validation else 'test'}-{self.seed}{ending}"

    def evaluate(self, experiment: Experiment, name: str, generated: bool = False) -> dict[str, float]:
        """All figures of one model on the test split; with `generated`, also those of generated images."""
        frozen = self.frozen(experiment, name)
        judge = self.classifier if generated else None
        return evaluate(frozen, experiment.prior, experiment.dataset, judge, seed=self.seed)

    @staticmethod
    def frozen(experiment: Experiment, name: str) -> FrozenModel:
        """One model as it is now."""
        return experiment.snapshot().models[name]

    def _begun(
        self, name: str, config: ExperimentConfig, epochs: int, dataset: Dataset
    ) -> tuple[Experiment, History, Path | None]:
        """Where a run is taken up, or begun. One of other settings, or that has gone farther than asked, says
        nothing; as it may have taken hours, it is kept under another name."""
        target = None
        if self.folder is not None:
            target = self.folder / self._run_name(name)
            if target.is_dir() and session.read_config(target) == config:
                experiment, history = session.restore(target, self.data_dir, dataset=dataset)
                if experiment.step <= epochs * experiment.steps_per_epoch:
                    return experiment, history, target
            set_aside(target)
        self._forget_notes(name)
        return Experiment(config, dataset), History(), target
