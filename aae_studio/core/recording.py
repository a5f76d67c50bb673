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

    All recordings of a process have one work space for their products, so that only one thread may train.
    """
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    # What other threads do with the device meanwhile is not recorded, and does not disturb it.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        answer = act()

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

    def takes(self, name: str, model: Model) -> bool:
        """Whether this model's next step is to be taken by `step`; to be asked once for every step."""
        if self._record is None or not model.settled or self._steps.get(name, ...) is None:
            return False
        self._direct[name] += 1
        return self._direct[name] > DIRECT_STEPS

    def step(
        self, name: str, model: Model, parts: Mapping[str, Batch], follow: Follow
    ) -> dict[str, float] | None:
        """Take a step on these batches, by phase; the figures, or None where it cannot be recorded.

        The model has this step's random numbers and learning rate. Raises NonFinite, before the update.
        """
        fixed = {
            phase.name: self._fixed(
                parts[phase.name], int(model.option[phase.labelled]) if phase.labelled else None
            )
            for phase in model.phases
        }
        if name not in self._steps:
            assert self._record is not None
            try:
                self._steps[name] = RecordedStep(name, model, fixed, follow, self._record)
            except RuntimeError:
                self._steps[name] = None
        step = self._steps[name]
        return None if step is None else step.take()

    def _fixed(self, batch: Batch, labelled: int | None) -> Batch:
        """The batch in memory that stays where it is; copied once for all models that share it.

        `labelled`: of how many labelled images it is; None for the batch of all models.
        """
        if labelled not in self._places:
            self._places[labelled] = (batch, _each(torch.clone, batch))
        last, place = self._places[labelled]
        if last is not batch:
            _each(Tensor.copy_, place, batch)
            self._places[labelled] = (batch, place)
        return place


def _each(change: Callable[..., Tensor], *batches: Batch) -> Batch:
    """A batch of what `change` makes of each tensor of these batches."""
    rows = zip(*(vars(batch).items() for batch in batches), strict=True)
    changed: dict[str, Any] = {
        row[0][0]: change(*(value for _, value in row)) for row in rows if isinstance(row[0][1], Tensor)
    }
    return replace(batches[0], **changed)


class RecordedStep:
    """A step of one model on batches that stay in place. Raises RuntimeError where it cannot be recorded."""

    def __init__(
        self, name: str, model: Model, parts: Mapping[str, Batch], follow: Follow, record: Record
    ) -> None:
        self._name, self._model, self._parts, self._follow = name, model, parts, follow
        device = model.setting.device
        self._optimizers = list({id(phase.optimizer): phase.optimizer for phase in model.phases}.values())
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
        self._replay = record(self._act, model.generator)

    def take(self) -> dict[str, float]:
        """Take it, with the batches, random numbers and learning rate as they are now. Raises NonFinite."""
        for place, (group, rate) in enumerate(self._rates):
            if group["lr"] != self._set[place]:
                self._set[place] = group["lr"]
                rate.fill_(group["lr"])
        values = self._replay().tolist()
        for (phase, what), value in zip(self._checked, values[len(self._figures) :], strict=True):
            if not math.isfinite(value):
                raise NonFinite(self._name, phase, self._model.step + 1, what)
        return dict(zip(self._figures, values, strict=False))

    def _act(self) -> Tensor:
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
            for substep in self._follow(self._parts, check):
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
