"""Recorded steps: on a GPU, all that a model does in a step is launched at once, as one CUDA graph.

A step of small networks is some hundred short kernels, and to launch them one by one takes longer than they
run. A graph is recorded from the phases themselves and repeated with the next batch, random numbers and
learning rate, so that its steps are to the bit those that are taken directly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from aae_studio.core.errors import NonFinite
from aae_studio.core.models.base import Batch, Model, Phase

if TYPE_CHECKING:
    from aae_studio.core.experiment import Substep

# Told a number that is finite as long as all is well, in which phase it was met, and what it is.
Check = Callable[[Tensor, Phase, str], None]
# Follows a model's phases; each is given the batch under its name.
Follow = Callable[[Mapping[str, Batch], Check], Iterable["Substep"]]
# From something to do, and the generator that it draws from, to what does it again.
Record = Callable[[Callable[[], Tensor], torch.Generator], Callable[[], Tensor]]

# Steps that are taken directly first: libraries prepare themselves, and optimisers make their state.
DIRECT_STEPS = 3


def cuda_graph(act: Callable[[], Tensor], generator: torch.Generator) -> Callable[[], Tensor]:
    """Record what `act` launches. Raises RuntimeError for what a GPU cannot do by itself.

    cuBLAS has one work space for all recordings of a process: two threads that train at once would write
    over one another's.
    """
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    graph.register_generator_state(generator)
    try:
        # What other threads do with the device meanwhile is not recorded, and does not disturb it.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            answer = act()
    except RuntimeError:
        # torch leaves its own stream behind where a recording is broken off.
        torch.cuda.set_stream(stream)
        raise

    def replay() -> Tensor:
        graph.replay()
        return answer

    return replay


class Recorder:
    """The recorded steps of an experiment's models. `record`: how; None where nothing is to be recorded."""

    def __init__(self, record: Record | None) -> None:
        self._record = record
        self.forget()

    def forget(self) -> None:
        """Record anew, because what a step computes has changed."""
        self._steps: dict[str, RecordedStep | None] = {}
        self._direct: Counter[str] = Counter()
        self._places: dict[int | None, tuple[Batch, Batch]] = {}

    def ready(self, name: str) -> bool:
        """Whether this model's next step may be one for `step`."""
        given_up = name in self._steps and self._steps[name] is None
        return self._record is not None and not given_up and self._direct[name] >= DIRECT_STEPS

    def note_direct(self, name: str) -> None:
        """A step of this model was taken directly, to its end."""
        self._direct[name] += 1

    def step(
        self, name: str, model: Model, parts: Mapping[str, Batch], follow: Follow
    ) -> dict[str, float] | None:
        """Take a step on these batches, by phase; the figures, or None where it is to be taken directly.

        Only where it is `ready`. The model has this step's random numbers and learning rate. Raises
        NonFinite, before the update.
        """
        fixed = self._fixed(model, parts)
        if fixed is None:
            return None
        if name not in self._steps:
            assert self._record is not None
            try:
                self._steps[name] = RecordedStep(model, fixed, follow, self._record)
            except RuntimeError:
                self._steps[name] = None
                # The old one may wait for a recording that was broken off; each step gives it its seed.
                model.generator = torch.Generator(model.setting.device)
        step = self._steps[name]
        return None if step is None else step.take()

    def _fixed(self, model: Model, parts: Mapping[str, Batch]) -> dict[str, Batch] | None:
        """The batches in memory that stays where it is, copied once for all models that share them; None
        where there is none of their size."""
        fixed = {}
        for phase in model.phases:
            batch, labelled = parts[phase.name], int(model.option[phase.labelled]) if phase.labelled else None
            if labelled not in self._places:
                self._places[labelled] = (batch, _each(torch.clone, batch))
            last, place = self._places[labelled]
            if _shapes(place) != _shapes(batch):
                return None
            if last is not batch:
                _each(Tensor.copy_, place, batch)
                self._places[labelled] = (batch, place)
            fixed[phase.name] = place
        return fixed


def _tensors(batch: Batch) -> dict[str, Tensor]:
    return {name: value for name, value in vars(batch).items() if isinstance(value, Tensor)}


def _shapes(batch: Batch) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in _tensors(batch).items()}


def _each(change: Callable[..., Tensor], *batches: Batch) -> Batch:
    """A batch of what `change` makes of each tensor of these batches."""
    rows = [_tensors(batch) for batch in batches]
    changed: dict[str, Any] = {name: change(*(row[name] for row in rows)) for name in rows[0]}
    return replace(batches[0], **changed)


class RecordedStep:
    """A step of one model on batches that stay in place.

    Raises RuntimeError where it cannot be recorded: something in it is not the device's own work, depends on
    the number of the step, or is moved by an optimiser that does not look at a flag before.
    """

    def __init__(self, model: Model, parts: Mapping[str, Batch], follow: Follow, record: Record) -> None:
        # What is recorded reads the prior's tensors.
        self._model, self._prior = model, model.prior
        self._optimizers = list({id(phase.optimizer): phase.optimizer for phase in model.phases}.values())
        if not all(map(_heeds_flags, self._optimizers)):
            raise RuntimeError("Of torch's optimisers only fused Adam can be held back by a flag.")
        device = model.setting.device
        # As fused Adam reads it there.
        kind = torch.float32 if device.type == "cuda" else torch.float64
        self._rates = [
            (group, torch.tensor(group["lr"], dtype=kind, device=device))
            for optimizer in self._optimizers
            for group in optimizer.param_groups
        ]
        self._set = [group["lr"] for group, _ in self._rates]
        # Becomes NaN at the first number that is not finite; the flag of an optimiser, 1, then holds it back.
        self._soundness, self._fault = torch.zeros((), device=device), torch.zeros((), device=device)
        model.step_was_asked = False
        self._replay = record(lambda: self._act(parts, follow), model.generator)
        if model.step_was_asked:
            raise RuntimeError("What a step computes depends on its number.")

    def take(self) -> dict[str, float]:
        """Take it, with the batches, random numbers and learning rate as they are now. Raises NonFinite."""
        for place, (group, rate) in enumerate(self._rates):
            if group["lr"] != self._set[place]:
                self._set[place] = group["lr"]
                rate.fill_(group["lr"])
        values = self._replay().tolist()
        for (phase, what), value in zip(self._checked, values[len(self._figures) :], strict=True):
            if not math.isfinite(value):
                raise NonFinite(self._model.short, phase, self._model.step + 1, what)
        return dict(zip(self._figures, values, strict=False))

    def _act(self, parts: Mapping[str, Batch], follow: Follow) -> Tensor:
        """Take the step; all figures, and after them all numbers that were checked."""
        self._checked: list[tuple[str, str]] = []
        figures: dict[str, Tensor] = {}
        checks: list[Tensor] = []

        def check(number: Tensor, phase: Phase, what: str) -> None:
            checks.append(number.detach())
            self._checked.append((phase.name, what))
            # 0 × number is NaN for infinity and NaN, and stays in the sum.
            self._soundness.add_(checks[-1], alpha=0)
            torch.ne(self._soundness, 0, out=self._fault)

        self._soundness.zero_()
        with self._steered():
            for substep in follow(parts, check):
                figures |= substep.figures
        self._figures = list(figures)
        return torch.stack([*figures.values(), *checks])

    @contextmanager
    def _steered(self) -> Iterator[None]:
        """Optimisers take their rates, and whether they may move, from the device's memory."""
        plain = [group["lr"] for group, _ in self._rates]
        for optimizer in self._optimizers:
            optimizer.found_inf = self._fault  # type: ignore[attr-defined]
        for group, rate in self._rates:
            group["lr"], group["capturable"] = rate, True
        try:
            yield
        finally:
            for (group, _), before in zip(self._rates, plain, strict=True):
                group["lr"], group["capturable"] = before, False
            for optimizer in self._optimizers:
                del optimizer.found_inf  # type: ignore[attr-defined]


def _heeds_flags(optimizer: Optimizer) -> bool:
    return isinstance(optimizer, torch.optim.Adam) and bool(optimizer.defaults["fused"])
