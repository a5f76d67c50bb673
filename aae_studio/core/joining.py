"""Joining: models that are asked for when an experiment has been trained for a while, and those that left."""

from __future__ import annotations

from collections.abc import Mapping

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, Report
from aae_studio.core.history import History

# Reports are kept one by one for so many steps.
KEPT = 256


class CatchUp:
    """Trains one model alone on the batches that the others have had."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment, self.history = experiment, History()
        self._reports = list[Report]()

    def take_step(self) -> None:
        """One step. Raises what `Experiment.run` raises."""
        self._reports.append(self.experiment.take_step())
        if len(self._reports) >= KEPT:
            self.write_down()

    def write_down(self) -> None:
        """Put all steps into the history."""
        self.history.append(self._reports)
        self._reports = []


class Joining:
    """The models that `config` adds to an experiment, on their way to be as far as the others.

    The experiment knows nothing of them before `admit`. `left`: models that were taken away, trained or on
    their way, as they were then; one that is asked for again goes on from there, with the options that hold
    when it comes back.
    """

    def __init__(
        self,
        experiment: Experiment,
        config: ExperimentConfig,
        apart: Mapping[str, CatchUp] | None = None,
        left: Mapping[str, CatchUp] | None = None,
    ) -> None:
        self.config = config
        self.left = dict(left or {})
        self._experiment, self._apart = experiment, dict(apart or {})

    def adapted(self, config: ExperimentConfig) -> Joining:
        """What a later wish of the user makes of this: who is on the way, or left, goes on if possible.

        Raises StudioError, and changes nothing, for models that cannot be.
        """
        wanted = [name for name in config.models if name not in self._experiment.models]
        own = {name: config.with_(models=(name,)) for name in wanted}
        trained, apart = self.left | self._apart, dict[str, CatchUp]()
        for name in wanted:
            known = trained.get(name)
            if known is not None and known.experiment.accepts_live(own[name]):
                known.experiment.check(own[name])
                apart[name] = known
            else:
                apart[name] = CatchUp(self._experiment.newcomer(name, config))
        left = {name: each for name, each in trained.items() if name not in apart}
        return Joining(self._experiment, config, apart, left)

    def part(self) -> None:
        """Keep the models that the configuration takes away: to be called before the experiment changes."""
        for name in self._experiment.models.keys() - set(self.config.models):
            self.left[name] = CatchUp(self._experiment.parted(name))

    def begin(self) -> None:
        """Let the options of the configuration hold for those who were on the way already, or come back."""
        for name, each in self._apart.items():
            each.experiment.change(self.config.with_(models=(name,)))

    def goes_on(self, config: ExperimentConfig) -> bool:
        """Whether one that is on the way need not begin anew as this configuration has it."""
        return any(
            name in config.models and each.experiment.accepts_live(config.with_(models=(name,)))
            for name, each in self._apart.items()
        )

    @property
    def steps(self) -> dict[str, int]:
        """How far the models are that are on the way."""
        return {name: each.experiment.step for name, each in self._apart.items()}

    @property
    def arrived(self) -> str | None:
        """A model that is as far as the others, if one is."""
        return next((name for name, step in self.steps.items() if step >= self._experiment.step), None)

    def take_step(self) -> None:
        """One step of the first. Raises what `Experiment.run` raises."""
        next(iter(self._apart.values())).take_step()

    def admit(self, name: str, history: History) -> None:
        """Let a model that has arrived join, and its curves the history of the others."""
        newcomer = self._apart.pop(name)
        newcomer.write_down()
        history.join(newcomer.history)
        self._experiment.admit(newcomer.experiment, self.config.models)
