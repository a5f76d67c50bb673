"""CatchUp: models that join an experiment which has been trained for a while."""

from __future__ import annotations

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, Report
from aae_studio.core.history import History


class CatchUp:
    """Trains the models that `config` adds to an experiment on the batches that the others have had, until
    they are as far. Neither knows of the other before `finish`.

    Construction raises StudioError for models that cannot be.
    """

    def __init__(self, experiment: Experiment, config: ExperimentConfig) -> None:
        self.config = config
        self._experiment, self._newcomers = experiment, experiment.newcomers(config)
        self._steps, self._reports = self._newcomers.run(), list[Report]()

    @property
    def models(self) -> tuple[str, ...]:
        """The models that join."""
        return tuple(self._newcomers.models)

    @property
    def step(self) -> int:
        """The steps that they have taken."""
        return self._newcomers.step

    @property
    def over(self) -> bool:
        """Whether they are as far as the others."""
        return self._newcomers.step >= self._experiment.step

    def take_step(self) -> None:
        """One step. Raises what `Experiment.run` raises."""
        self._reports.append(next(self._steps))

    def change(self, config: ExperimentConfig) -> bool:
        """Go over to a later wish of the user; False, and nothing done, if that has to begin anew."""
        wanted = tuple(name for name in config.models if name not in self._experiment.models)
        own = config.with_(models=wanted)
        if wanted != self.models or not self._newcomers.accepts_live(own):
            return False
        self._newcomers.change(own)
        self.config = config
        return True

    def finish(self, history: History) -> None:
        """Let them join, and their curves the history of the others."""
        own = History()
        own.append(self._reports)
        history.join(own)
        self._experiment.admit(self._newcomers, self.config)
