"""Experiment: several models trained in lockstep on the same batches from the same seed."""

from __future__ import annotations

import copy
import math
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aae_studio.core import averaging, compute
from aae_studio.core.batches import Batches
from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import ConfigError, NonFinite, StudioError
from aae_studio.core.models.base import Batch, Losses, Model, Phase, Setting
from aae_studio.core.networks import Architecture
from aae_studio.core.options import Value
from aae_studio.core.parallel import ALONE, Alone, Share
from aae_studio.core.priors.base import Prior
from aae_studio.core.recording import Check, Recorder, cuda_graph
from aae_studio.core.registry import DATASETS, MODELS, PRIORS
from aae_studio.core.snapshot import Snapshot, Spares


@dataclass(frozen=True)
class Report:
    """What one step gave. `seconds` is training time since step 0; `losses` is model → curve → value."""

    step: int
    epoch: int
    seconds: float
    losses: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Substep:
    """Where a training step stands for a moment, between two of its parts.

    `at` is `batch` (the phase is about to see `batch`), `forward` (its `losses` are known), `backward` (the
    gradients of its optimiser's weights are in their `grad`) or `update` (the optimiser has moved them).
    A phase whose objective waits for a later one has neither of the last two.
    """

    at: str
    phase: Phase
    batch: Batch
    losses: Losses | None = None

    @property
    def figures(self) -> dict[str, Tensor]:
        """What is reported, once: with the losses."""
        return self.losses.figures if self.at == "forward" and self.losses is not None else {}


# From a model's name and the batch to the model's step, sub-step by sub-step.
Substeps = Callable[[str, Batch], Iterable[Substep]]


def load_dataset(config: ExperimentConfig, data_dir: Path) -> Dataset:
    """Load or draw the configuration's dataset. Raises StudioError, DataMissing or ConfigError."""
    plugin = DATASETS.get(config.dataset)
    options = config.options_of(config.dataset, plugin.options)
    try:
        dataset: Dataset = plugin(data_dir, **options)
        dataset.check()
    except StudioError:
        raise
    except Exception as fault:
        # Of a file that the user may have written: where it is says what to mend.
        last = traceback.extract_tb(fault.__traceback__)[-1]
        raise StudioError(
            "“{title}” cannot be made: {fault} ({file}, line {line}).",
            title=plugin.title,
            fault=repr(fault),
            file=Path(last.filename).name,
            line=last.lineno,
        ) from fault
    if config.batch_size > len(dataset.train):
        raise ConfigError(
            "batch_size",
            "{batch} is more than the {count} training images of “{title}”.",
            batch=config.batch_size,
            count=len(dataset.train),
            title=dataset.title,
        )
    return dataset


class Experiment:
    """The models of a configuration and their training. `run` is the trainer.

    Construction builds untrained models and raises StudioError for an impossible configuration. It is not
    thread-safe: whoever iterates `run` calls the other methods between two steps. Where a `group` of
    processes trains, each has an experiment of its own, and all take the same steps.
    """

    def __init__(self, config: ExperimentConfig, dataset: Dataset, group: Alone = ALONE) -> None:
        self.config, self.dataset, self.group = config, dataset, group
        self.device = group.device(compute.choose_device(config.device))
        self.precision = compute.choose_precision(config.precision, self.device)
        self.prior = self._prior(config)
        setting = Setting(
            Architecture(
                dataset.image_shape,
                config.latent_size,
                config.network,
                config.hidden,
                config.activation,
                config.encoder_norm,
                dataset.pixels if config.inputs == "standardised" else None,
            ),
            self.prior,
            config.seed,
            config.reconstruction,
            self.device,
            dataset.classes,
        )
        self.models: dict[str, Model] = {}
        for name in config.models:
            plugin = MODELS.get(name)
            self.models[name] = plugin(setting, **config.options_of(name, plugin.options))
        self.step, self.seconds = 0, 0.0
        self._spares: Spares = defaultdict(list)
        self.batches = Batches(dataset, config.batch_size, config.seed, self.device, group)
        # Losses of the models that have taken the step which is under way.
        self.ahead: dict[str, dict[str, float]] = {}
        self.batches.corruption = config.corruption
        self.recorder = self._new_recorder()

    def _new_recorder(self) -> Recorder:
        # Several processes speak to one another in the middle of a step.
        alone_on_gpu = self.device.type == "cuda" and self.group.size == 1
        return Recorder(cuda_graph if alone_on_gpu else None)

    def run(self) -> Iterator[Report]:
        """Train step by step without end; yields one report a step.

        Raises NonFinite, before the update, when a loss or gradient is not a finite number; then it does so
        in all processes of the group. Models that had taken the step by then do not take it again when a
        new `run` goes on. Raises StudioError when a process is lost.
        """
        # What `auto` measured could differ from one process to the next.
        self.precision = self.group.first(self.precision)
        while True:
            yield self.take_step()

    def take_step(self, substeps: Substeps | None = None) -> Report:
        """One step of all models. Raises what `run` raises.

        `substeps` stands in for the method of that name: it may look at what passes, and passes it on.
        """
        start = time.perf_counter()
        batch = self.batches.of_step(self.step)
        for name in self.models:
            if name not in self.ahead:
                taken = self._taken(substeps(name, batch)) if substeps else self.train_step(name, batch)
                self.ahead[name] = taken
                if self.config.averaging:
                    averaging.follow(self.models[name], self.step + 1, self.config.averaging)
        losses = {name: self.ahead[name] for name in self.models}
        self.ahead = {}
        self.step += 1
        self.seconds += time.perf_counter() - start
        return Report(self.step, self.epoch, self.seconds, losses)

    def train_step(self, name: str, batch: Batch) -> dict[str, float]:
        """Run all phases of one model on a batch; returns its curves' values, those of the whole batch."""
        model = self.models[name]
        if self.recorder.ready(name):
            self._begin(model)
            follow = partial(self._followed, model, model.phases)
            figures = self.recorder.step(name, model, self._parts(model, model.phases, batch), follow)
            if figures is not None:
                return figures
        figures = self._taken(self.substeps(name, batch))
        self.recorder.note_direct(name)
        return figures

    def _taken(self, substeps: Iterable[Substep]) -> dict[str, float]:
        figures: dict[str, Tensor] = {}
        for substep in substeps:
            figures |= substep.figures
        values = self.group.summed(torch.stack(list(figures.values()))).tolist()
        return dict(zip(figures, values, strict=True))

    def substeps(self, name: str, batch: Batch, phases: Iterable[Phase] | None = None) -> Iterator[Substep]:
        """Run a model's phases on a batch, standing still between their parts; to be followed to the end.

        `phases`: others than all of them.
        """
        model = self.models[name]
        chosen = model.phases if phases is None else tuple(phases)
        self._begin(model)

        def check(number: Tensor, phase: Phase, what: str) -> None:
            if not math.isfinite(number.item()):
                raise NonFinite(model.short, phase.name, self.step + 1, what)

        yield from self._followed(model, chosen, self._parts(model, chosen, batch), check)

    def _begin(self, model: Model) -> None:
        """Give a model this step's random numbers and learning rate."""
        model.reseed(self.step)
        model.set_learning_rate(self.config.rate_at(self.step))
        for norm in chain.from_iterable(model.norms.values()):
            # What was noted before belongs to a step that is over, or was broken off.
            norm.noted = False

    def _parts(self, model: Model, phases: Iterable[Phase], batch: Batch) -> dict[str, Batch]:
        """What each phase is given: the step's batch, or, to learn from labels, one of labelled images."""
        return {
            phase.name: batch
            if phase.labelled is None
            else self.batches.labelled(self.step, int(model.option[phase.labelled]))
            for phase in phases
        }

    def _followed(
        self, model: Model, phases: Iterable[Phase], parts: Mapping[str, Batch], check: Check
    ) -> Iterator[Substep]:
        """The phases' sub-steps, each phase on its own part; `check` is told what must be finite."""
        waiting: dict[Any, Tensor] = {}
        for phase in phases:
            for _ in range(int(model.option[phase.repeats]) if phase.repeats else 1):
                part = parts[phase.name]
                model.share = part.share
                _prepare_norms(model, phase, part.share)
                yield Substep("batch", phase, part)
                with self.autocast():
                    losses = phase.loss(part).weighted(part.share)
                objective = losses.objective + waiting.pop(phase.optimizer, 0.0)
                check(self.group.summed(objective), phase, "a loss")
                yield Substep("forward", phase, part, losses)
                if not phase.updates:
                    waiting[phase.optimizer] = objective
                    continue
                self._take_gradients(phase, objective, check)
                yield Substep("backward", phase, part, losses)
                phase.optimizer.step()
                _follow_norms(model, phase)
                for weight in _weights(phase):
                    weight.grad = None
                yield Substep("update", phase, part, losses)

    def _take_gradients(self, phase: Phase, objective: Tensor, check: Check) -> None:
        """Gradients for the optimiser's own weights and no others."""
        weights = _weights(phase)
        gradients = self.group.summed_each(torch.autograd.grad(objective, weights, allow_unused=True))
        check(_total([gradient for gradient in gradients if gradient is not None]), phase, "a gradient")
        for weight, gradient in zip(weights, gradients, strict=True):
            # Fused Adam reads a gradient in its weight's memory layout; a convolution's may have another.
            weight.grad = None if gradient is None else gradient.contiguous()

    # The data

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the training split."""
        return self.batches.per_epoch

    @property
    def epoch(self) -> int:
        """Epochs begun and finished so far: 0 until the first is complete."""
        return self.step // self.steps_per_epoch

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which networks run at the experiment's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)

    # Live changes

    def accepts_live(self, config: ExperimentConfig) -> bool:
        """Whether the running experiment can go over to this configuration without starting again."""
        live = {option.name for option in OPTIONS if option.live} | {"prior", "options", "models"}
        if any(
            getattr(config, name) != getattr(self.config, name) for name in vars(config) if name not in live
        ):
            return False
        # A model can leave; one that joins has to catch up first: see `Joining`.
        if not set(config.models) <= set(self.config.models):
            return False
        return all(
            option.live or before[option.name] == after[option.name]
            for name, plugin in (
                *((model, MODELS.get(model)) for model in config.models),
                (config.dataset, DATASETS.get(config.dataset)),
            )
            for before, after in [
                (
                    self.config.options_of(name, plugin.options),
                    config.options_of(name, plugin.options),
                )
            ]
            for option in plugin.options
        )

    def shares_data(self, config: ExperimentConfig) -> bool:
        """Whether a new experiment with this configuration can use the dataset that is loaded here."""
        plugin = DATASETS.get(config.dataset)
        return (
            config.dataset == self.config.dataset
            and config.batch_size <= len(self.dataset.train)
            and config.options_of(config.dataset, plugin.options)
            == self.config.options_of(config.dataset, plugin.options)
        )

    def check(self, config: ExperimentConfig) -> tuple[Prior, dict[str, dict[str, Value]]]:
        """The prior, and the options by model, of a configuration that `accepts_live` said yes to.

        Raises StudioError for an impossible option, and when a model cannot take the prior.
        """
        chosen = {name: config.options_of(name, self.models[name].options) for name in config.models}
        before, options = self.config, PRIORS.get(config.prior).options
        same = config.prior == before.prior and (
            config.options_of(config.prior, options) == before.options_of(config.prior, options)
        )
        # One that stays is the same object: views are about it.
        prior = self.prior if same else self._prior(config)
        for name in config.models:
            self.models[name].check_prior(prior)
        return prior, chosen

    def change(self, config: ExperimentConfig) -> None:
        """Go over to a configuration that `accepts_live` said yes to, from the next step on.

        Raises what `check` raises, and changes nothing then.
        """
        prior, options = self.check(config)
        staying = {name: self.models[name] for name in config.models}
        # Neither the rate nor the mean is part of what is recorded.
        apart = {name: getattr(config, name) for name in ("learning_rate", "rate_decay", "averaging")}
        if self.config.with_(**apart) != config:
            self.recorder.forget()
        for name in self.models.keys() - staying.keys():
            # Of no use to anybody: where it is trained on, `parted` has its own.
            self.ahead.pop(name, None)
            self._spares.pop(name, None)
        self.config, self.prior, self.models = config, prior, staying
        if not config.averaging:
            self.forget_averages()
        self.batches.corruption = config.corruption
        for name, model in staying.items():
            model.option = options[name]
            model.set_prior(prior)

    def newcomer(self, name: str, config: ExperimentConfig) -> Experiment:
        """A model that is not there, untrained, in an experiment of its own on these batches.

        Raises what construction raises.
        """
        other = Experiment(config.with_(models=(name,)), self.dataset, self.group)
        other.precision, other.batches = self.precision, self.batches
        return other

    def parted(self, name: str) -> Experiment:
        """A model as it is, in an experiment of its own, where it is trained on when it is no longer here.

        Its seconds count from 0: those until now are this experiment's.
        """
        other = copy.copy(self)
        other.config, other.models = self.config.with_(models=(name,)), {name: self.models[name]}
        other.seconds, other._spares, other.recorder = 0.0, defaultdict(list), self._new_recorder()
        # It may have taken a step in which another model failed.
        other.ahead = {key: losses for key, losses in self.ahead.items() if key == name}
        return other

    def admit(self, other: Experiment, order: tuple[str, ...]) -> None:
        """Take in newcomers that are as far as this experiment, at their places in an `order` of models.

        They are to the bit what they would be had they been here all the time with the options that they
        were trained with: batches and random numbers depend on the seed and the step alone.
        """
        assert other.step == self.step
        everyone = self.models | other.models
        self.models = {name: everyone[name] for name in order if name in everyone}
        for model in other.models.values():
            model.set_prior(self.prior)
        self.seconds += other.seconds
        self.ahead |= other.ahead
        self.config = self.config.with_(models=tuple(self.models))

    def _prior(self, config: ExperimentConfig) -> Prior:
        plugin = PRIORS.get(config.prior)
        values: dict[str, Value] = config.options_of(config.prior, plugin.options)
        prior: Prior = plugin(config.latent_size, **values)
        return prior

    def forget_averages(self) -> None:
        """Show the weights themselves. A mean begins anew with the next step."""
        for model in self.models.values():
            model.average = None

    def snapshot(self) -> Snapshot:
        """Frozen copies of all models as they are shown between two steps."""
        return Snapshot.of(self.models, self.prior, self.dataset, self.step, self._spares)


def _prepare_norms(model: Model, phase: Phase, share: Share | None) -> None:
    """Tell batch normalisation of the batch that comes."""
    for norm in chain.from_iterable(model.norms.values()):
        norm.share, norm.notes = share, phase.typical


def _follow_norms(model: Model, phase: Phase) -> None:
    """The phase's networks were updated."""
    for norm in chain.from_iterable(model.norms[name] for name in phase.trains):
        norm.follow(getattr(phase.optimizer, "found_inf", None))


def _weights(phase: Phase) -> list[Tensor]:
    """What the phase's optimiser moves."""
    return [weight for group in phase.optimizer.param_groups for weight in group["params"]]


def _total(tensors: list[Tensor]) -> Tensor:
    """A scalar that is finite only where all numbers are."""
    if tensors[0].is_cuda:
        # One kernel for all; on the CPU the norm takes ten times as long as the sum.
        return torch.stack(torch._foreach_norm(tensors, 1)).sum()
    return torch.stack([tensor.sum() for tensor in tensors]).sum()
