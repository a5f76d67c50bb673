"""Walk: one training step of one model, taken for real and written down part by part.

For each phase: which networks it called with what, the loss and what it was made from, how far gradients got,
and by how much the weights moved. Everything comes from the phases that the model declares.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aae_studio.core import flow
from aae_studio.core.experiment import Experiment, Report, Substep
from aae_studio.core.models.base import Batch, Losses, Model, Phase
from aae_studio.core.networks import mean_images

Array = npt.NDArray[np.float32]
# Samples of each tensor that are kept: the batch's first ones.
SAMPLES = 8


@dataclass(frozen=True)
class Value:
    """A tensor that was passed on. `call`: the place, in the phase's `calls`, of the call that put it out.

    `name`: for what came from outside, one of `images`, `corrupted`, `moved`, `labels`, `prior`, `noise`
    and `categories`; for what a network put out, the name of its last module with weights. `samples`,
    float32 (blocks × at most `SAMPLES`, …): the first rows of each block, where a tensor holds several
    batches one behind the other, as what a discriminator sees may do. `gradient`: the norm of the phase's
    gradient with respect to this tensor; None: no gradient flows back through it.
    """

    name: str
    call: int | None
    shape: tuple[int, ...]
    samples: Array
    blocks: int
    gradient: float | None


@dataclass(frozen=True)
class Call:
    """One run of a network. `inputs` and `outputs` are places in the phase's `values`.

    `entering`: the shape of the tensor that the network was given, made from the inputs. `layers`: shapes,
    without the batch, of what each module with weights put out. `earlier`: made in an earlier phase of
    the step, whose outcome is used again. `standardises`: whether images lose the mean image first.
    """

    network: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    entering: tuple[int, ...]
    layers: tuple[tuple[int, ...], ...]
    earlier: bool
    standardises: bool


@dataclass(frozen=True)
class Term:
    """A named figure of a phase, and the places in `values` that it was made from. `label`: its curve's."""

    name: str
    label: str
    figure: float
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class PhaseWalk:
    """One phase of the step, the `turn`-th of `turns` in a row.

    `gradients`: by network, the norm of the gradient of this phase's own loss with respect to its weights;
    None where it does not reach them. `updates`: by network, the norm of the change of its weights over
    the norm of its weights, for those that moved; None where the phase did not update. `joins`: the later
    phase whose update follows this phase's gradient too, or None where it needs none.
    """

    name: str
    summary: str
    trains: tuple[str, ...]
    optimizer: str
    turn: int
    turns: int
    joins: str | None
    values: tuple[Value, ...]
    calls: tuple[Call, ...]
    loss: float
    loss_inputs: tuple[int, ...]
    terms: tuple[Term, ...]
    gradients: dict[str, float | None]
    updates: dict[str, float] | None


@dataclass(frozen=True)
class Walk:
    """A step of one model. `step`: its number, from 1. `networks`: all that the model has.

    `taken`: whether the step was a whole one of training; else it was tried out without any update, or
    it was a single phase.
    """

    model: str
    step: int
    taken: bool
    networks: tuple[str, ...]
    phases: tuple[PhaseWalk, ...]


def walk_step(experiment: Experiment, name: str) -> tuple[Report, Walk]:
    """Take one step of all models and write down this one's.

    Weights, optimisers and losses are to the bit what `Experiment.run` makes of them. Raises NonFinite.
    """
    recorder = _Recorder(experiment.models[name])

    def substeps(other: str, batch: Batch) -> Iterable[Substep]:
        passing = experiment.substeps(other, batch)
        return recorder.watched(passing) if other == name else passing

    report = experiment.take_step(substeps)
    return report, recorder.walk(name, report.step, taken=True)


def walk_phase(experiment: Experiment, name: str, phase: str, ahead: int = 0) -> Walk:
    """Run one phase of one model once, with an update of its own; no step is counted, nothing is reported.

    Batch and noise are those of `ahead` steps from now. Raises NonFinite.
    """
    model = experiment.models[name]
    chosen = next(item for item in model.phases if item.name == phase)
    return _beside(experiment, name, (replace(chosen, updates=True, repeats=None),), ahead)


def rehearse(experiment: Experiment, name: str) -> Walk:
    """What the next step would send where: no weight moves, no step is counted. Raises NonFinite."""
    model = experiment.models[name]
    phases = tuple(replace(phase, updates=False, repeats=None) for phase in model.phases)
    return _beside(experiment, name, phases, 0)


def _beside(experiment: Experiment, name: str, phases: tuple[Phase, ...], ahead: int) -> Walk:
    """Phases that are run beside training."""
    recorder = _Recorder(experiment.models[name])
    here = experiment.step
    experiment.step += ahead
    try:
        batch = experiment.batches.of_step(experiment.step)
        for _ in recorder.watched(experiment.substeps(name, batch, phases)):
            pass
    finally:
        experiment.step = here
    return recorder.walk(name, here + 1, taken=False)


class _Recorder:
    """Writes down the sub-steps of a model while they pass."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._phases: list[PhaseWalk] = []
        self._before: dict[str, list[Tensor]] = {}
        self._calls_before = 0

    def walk(self, name: str, step: int, taken: bool) -> Walk:
        """What was written down."""
        return Walk(name, step, taken, tuple(self._model.networks), tuple(_numbered(self._phases)))

    def watched(self, substeps: Iterable[Substep]) -> Iterator[Substep]:
        """The same sub-steps, passed on."""
        with flow.Flow(self._model) as self._flow:
            for substep in substeps:
                getattr(self, f"_{substep.at}")(substep)
                yield substep

    def _batch(self, substep: Substep) -> None:
        self._calls_before = len(self._flow.calls)
        self._flow.take(substep.batch)

    def _forward(self, substep: Substep) -> None:
        self._flow.rest()
        losses = substep.losses
        assert losses is not None
        origins = {
            "": self._flow.origin(losses.objective),
            **{name: self._flow.origin(figure) for name, figure in losses.figures.items()},
        }
        calls = self._calls_of(value for origin in origins.values() for value in origin)
        values = list(
            dict.fromkeys(
                value
                for group in (*((*call.inputs, *call.outputs) for call in calls), *origins.values())
                for value in group
            )
        )
        gradients, through = self._gradients(losses.objective, values)
        places = {value: place for place, value in enumerate(values)}
        phase, fresh = substep.phase, self._flow.calls[self._calls_before :]
        later = self._model.phases[[item.name for item in self._model.phases].index(phase.name) + 1 :]
        joined = (item.name for item in later if item.optimizer is phase.optimizer and item.updates)
        self._phases.append(
            PhaseWalk(
                phase.name,
                " ".join((inspect.getdoc(phase.loss) or "").split("\n\n")[0].split()),
                phase.trains,
                type(phase.optimizer).__name__,
                1,
                1,
                None if phase.updates else next(joined, None),
                tuple(
                    _value(value, calls, len(substep.batch), gradient)
                    for value, gradient in zip(values, through, strict=True)
                ),
                tuple(self._call(call, places, call not in fresh) for call in calls),
                losses.objective.item(),
                tuple(places[value] for value in origins[""]),
                self._terms(losses, origins, places),
                gradients,
                None,
            )
        )

    def _backward(self, substep: Substep) -> None:
        self._before = self._weights()

    def _update(self, substep: Substep) -> None:
        with torch.no_grad():
            moved = {
                name: float(_norm(torch._foreach_sub(weights, self._before[name])) / _norm(weights))
                for name, weights in self._weights(copies=False).items()
                if weights
            }
        updates = {name: size for name, size in moved.items() if size}
        self._phases[-1] = replace(self._phases[-1], updates=updates)

    def _weights(self, copies: bool = True) -> dict[str, list[Tensor]]:
        """The weights of all networks; whoever moved is found by looking, not by asking the phase."""
        return {
            name: [weight.detach().clone() if copies else weight.detach() for weight in network.parameters()]
            for name, network in self._model.networks.items()
        }

    def _calls_of(self, values: Iterable[flow.Value]) -> list[flow.Call]:
        """The calls of this phase, and those of earlier phases that they or these values came from."""
        wanted: set[flow.Call] = set()
        waiting = [*self._flow.calls[self._calls_before :], *(value.call for value in values if value.call)]
        while waiting:
            call = waiting.pop()
            if call not in wanted:
                wanted.add(call)
                waiting += [value.call for value in call.inputs if value.call]
        return [call for call in self._flow.calls if call in wanted]

    def _gradients(
        self, objective: Tensor, values: list[flow.Value]
    ) -> tuple[dict[str, float | None], list[float | None]]:
        """Norms of the gradient of a phase's own loss: by network, and for each value."""
        weights = self._weights_to_train()
        passed = [value.tensor for value in values]
        inputs = [*(weight for _, weight in weights), *(tensor for tensor in passed if tensor.requires_grad)]
        found = iter(torch.autograd.grad(objective, inputs, retain_graph=True, allow_unused=True))
        by_network: dict[str, list[Tensor]] = {name: [] for name in self._model.networks}
        for name, _ in weights:
            gradient = next(found)
            if gradient is not None:
                by_network[name].append(gradient)
        through = [next(found) if tensor.requires_grad else None for tensor in passed]
        # From what came in no gradient flows anywhere, though R1 asks for one there.
        through = [gradient if value.call else None for value, gradient in zip(values, through, strict=True)]
        return (
            {name: float(_norm(parts)) if parts else None for name, parts in by_network.items()},
            [None if gradient is None else float(_norm([gradient])) for gradient in through],
        )

    def _call(self, call: flow.Call, places: dict[flow.Value, int], earlier: bool) -> Call:
        return Call(
            call.network,
            tuple(places[value] for value in call.inputs),
            tuple(places[value] for value in call.outputs),
            tuple(call.entered[0][0].shape) if call.entered else (),
            tuple(call.layers),
            earlier,
            next(mean_images(self._model.networks[call.network]), None) is not None,
        )

    def _terms(
        self,
        losses: Losses,
        origins: dict[str, tuple[flow.Value, ...]],
        places: dict[flow.Value, int],
    ) -> tuple[Term, ...]:
        labels = {curve.name: curve.label for curve in self._model.curves}
        return tuple(
            Term(name, labels.get(name, name), figure.item(), tuple(places[value] for value in origins[name]))
            for name, figure in losses.figures.items()
        )

    def _weights_to_train(self) -> list[tuple[str, Tensor]]:
        return [
            (name, weight)
            for name, network in self._model.networks.items()
            for weight in network.parameters()
            if weight.requires_grad
        ]


def _norm(tensors: Iterable[Tensor]) -> Tensor:
    """The Euclidean norm of all numbers in all tensors."""
    whole: Tensor = torch.stack(torch._foreach_norm([tensor.float() for tensor in tensors])).norm()
    return whole


def _numbered(phases: list[PhaseWalk]) -> Iterator[PhaseWalk]:
    """Each phase with its turn, where it runs several times in a row."""
    names = [phase.name for phase in phases]
    for place, phase in enumerate(phases):
        turn = names[: place + 1].count(phase.name)
        yield replace(phase, turn=turn, turns=names.count(phase.name))


def _value(value: flow.Value, calls: list[flow.Call], batch: int, gradient: float | None) -> Value:
    tensor = value.tensor.detach()
    shape = tuple(tensor.shape)
    rows = shape[0] if shape else 1
    blocks = rows // batch if rows % batch == 0 else 1
    kept = tensor.reshape(blocks, rows // blocks, *shape[1:])[:, :SAMPLES].flatten(0, 1)
    samples = kept.to("cpu", torch.float32, copy=True).numpy()
    call = None if value.call is None else calls.index(value.call)
    return Value(value.name, call, shape, samples, blocks, gradient)
