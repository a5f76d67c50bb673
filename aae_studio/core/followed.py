"""A run that is trained elsewhere, read here whenever it has been saved again."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, Report, load_dataset
from aae_studio.core.history import History
from aae_studio.core.session import matching
from aae_studio.core.session_folder import config_of, read_document
from aae_studio.core.session_tensors import read_history, read_weights


class Novelty(Enum):
    """What reading brought: nothing, more steps of the same training, or another training."""

    NOTHING = auto()
    STEPS = auto()
    TRAINING = auto()


class FollowedRun:
    """The newest state of a RUN folder that another process goes on saving.

    After the first `read` that brought something, `config` is the run's configuration, `history` its
    curves, which grow in place, and `experiment` has its weights, on the CPU and not to be trained.
    """

    config: ExperimentConfig
    experiment: Experiment

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self.folder, self.data_dir = folder, data_dir
        self.history = History()
        self.tried = self._read = ""

    def read(self) -> Novelty:
        """Take what has been saved since the last time.

        Asks the folder itself, which may lie on a network mount, and reads one small file where nothing has
        changed. Raises SessionError, and keeps what was there, for a folder that is damaged or that was
        just being replaced; `tried` then names the state that could not be read. Raises what
        `load_dataset` raises.
        """
        self.tried = ""
        document = read_document(self.folder)
        self.tried = document["sha256"]
        if self.tried == self._read:
            return Novelty.NOTHING
        config = config_of(self.folder, document)
        same = bool(self._read) and config == self.config
        here = config.with_(device="cpu", precision=document["precision"])
        if same:
            experiment = self.experiment
        elif self._read and self.experiment.shares_data(here):
            experiment = Experiment(here, self.experiment.dataset)
        else:
            dataset = load_dataset(here, self.data_dir)
            experiment = Experiment(here, matching(self.folder, document, dataset))
        later = read_history(self.folder, document)
        read_weights(self.folder, document, experiment)
        experiment.step, experiment.seconds = document["step"], document["seconds"]
        self.config, self.experiment, self._read = config, experiment, self.tried
        if same and later.continues(self.history):
            self.history.catch_up(later)
            return Novelty.STEPS
        self.history = later
        return Novelty.TRAINING

    def report(self) -> Report:
        """The newest step's. Its losses are empty where the run has not been trained yet."""
        losses: dict[str, dict[str, float]] = {name: {} for name in self.config.models}
        for model, curve in self.history.curves if len(self.history) else ():
            if model in losses:
                losses[model][curve] = float(self.history.values(model, curve)[-1])
        experiment = self.experiment
        return Report(experiment.step, experiment.epoch, experiment.seconds, losses)
