"""Data parallelism: several processes train as one, each on its share of every batch.

`torchrun` starts the processes. Gradients are summed by one `all_reduce` of all of them per update, which
is what DistributedDataParallel does. Its wrapper itself does not fit here: it hangs its sums on
`backward()` of one loss, whereas a phase takes the gradients of its own optimiser's weights with
`torch.autograd.grad`, phases share forward passes, and R1 differentiates twice.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from aae_studio.core.errors import ConfigError, FaultElsewhere, ProcessLost, StudioError

T = TypeVar("T")

# A process that has ended is noticed at once, one that hangs after this long.
LIMIT = timedelta(minutes=5)
# The launcher ends all processes as soon as one has failed; so long the one at fault has to say why.
SPEECH_S = 1.0


@dataclass(frozen=True)
class Share:
    """The part of a batch that one process works on: rows `first` up to `last` of `whole`.

    `weight` is what a mean over these rows counts in the mean over all of them. A batch with fewer rows
    than there are processes is not cut: each process works on all of it, with an equal weight.
    """

    first: int
    last: int
    whole: int
    weight: float

    def __len__(self) -> int:
        return self.last - self.first

    def of(self, rows: Tensor) -> Tensor:
        """The process's own of all rows, (whole, …)."""
        return rows[self.first : self.last]

    def spread(self, rows: Tensor, fill: float) -> Tensor:
        """The process's own rows in their places among all, (whole, …); `fill` stands for the others'."""
        spread = rows.new_full((self.whole, *rows.shape[1:]), fill)
        spread[self.first : self.last] = rows
        return spread

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows of all processes, (whole, …). Gradients find their way back to each process's own.

        Raises StudioError for any other number of rows than the process's own.
        """
        if len(rows) != len(self):
            raise StudioError(
                "{count} rows for {samples} samples: several processes cannot train this together.",
                count=len(rows),
                samples=len(self),
            )
        if len(self) == self.whole:
            return rows
        gathered: Tensor = _Sum.apply(self.spread(rows, 0))  # type: ignore[no-untyped-call]
        return gathered


class Alone:
    """A process that trains by itself: its batches are whole, and its sums are those of all.

    `rank` is its place among `size` processes, `local_rank` and `local_size` the same for this machine.
    """

    rank = local_rank = 0
    size = local_size = 1

    def share(self, count: int) -> Share | None:
        """The process's share of `count` rows; None where it takes all and nothing is to be summed."""
        return None

    def summed(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, the same to the last bit for each of them."""
        return values

    def summed_each(self, tensors: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """Each tensor summed over all processes. Where there is None, it is None for all of them."""
        return tensors

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in one of the processes."""
        return flag

    def first(self, value: T) -> T:
        """The value that the first process has."""
        return value

    def device(self, device: torch.device) -> torch.device:
        """The device of this kind that is the process's own. Raises ConfigError."""
        return device

    def together(self) -> AbstractContextManager[None]:
        """What is done within fails for all processes when it fails for one; they wait for one another.

        Of those that meet a StudioError the first keeps its own; all others raise FaultElsewhere.
        """
        return nullcontext()


ALONE = Alone()


class Group(Alone):
    """The processes that torchrun started, in all of which the same calls are made in the same order.

    Its methods raise ProcessLost when another process has ended or does not answer within `LIMIT`.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.local_rank = int(os.environ["LOCAL_RANK"])
        self.local_size = int(os.environ["LOCAL_WORLD_SIZE"])

    def share(self, count: int) -> Share:
        if count < self.size:
            return Share(0, count, count, 1 / self.size)
        first, last = (count * place // self.size for place in (self.rank, self.rank + 1))
        return Share(first, last, count, (last - first) / count)

    def summed(self, values: Tensor) -> Tensor:
        return _summed(values)

    def summed_each(self, tensors: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        there = [tensor for tensor in tensors if tensor is not None]
        flat = _summed(torch.cat([tensor.flatten() for tensor in there]))
        parts = iter(torch.split(flat, [tensor.numel() for tensor in there]))
        return [None if tensor is None else next(parts).view_as(tensor) for tensor in tensors]

    def any(self, flag: bool) -> bool:
        kind = "cuda" if dist.get_backend() == "nccl" else "cpu"
        return bool(_summed(torch.tensor(float(flag), device=kind)))

    def first(self, value: T) -> T:
        values = [value]
        with _answered():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def device(self, device: torch.device) -> torch.device:
        if device.type == "mps":
            raise ConfigError("device", "several processes cannot train on mps. Use cpu or cuda.")
        return torch.device(device.type, self.local_rank) if device.type == "cuda" else device

    @contextmanager
    def together(self) -> Iterator[None]:
        own: StudioError | None = None
        try:
            yield
        except ProcessLost:
            raise
        except StudioError as fault:
            own = fault
        words: list[str | None] = [None] * self.size
        with _answered():
            dist.all_gather_object(words, None if own is None else str(own))
        failed = [rank for rank, sentence in enumerate(words) if sentence is not None]
        if not failed:
            return
        if own is not None and failed[0] == self.rank:
            raise own
        raise FaultElsewhere(failed[0], str(words[failed[0]])) from own


@contextmanager
def joined(device: str) -> Iterator[Alone]:
    """The group that this process belongs to; `ALONE` where torchrun did not start it.

    Joins it, by NCCL for the device `cuda` and else by gloo, and leaves it at the end. Raises StudioError.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched():
        yield ALONE
        return
    # Its functions take the group of the moment as default, for good, and optimisers import it: after the
    # group is made, it would outlive its end, and its threads with it, which can abort the process.
    import torch.distributed.nn.functional

    gpu = device == "cuda" and torch.cuda.is_available()
    if gpu:
        _take_gpu()
    with _answered():
        dist.init_process_group("nccl" if gpu else "gloo", timeout=LIMIT)
    try:
        yield Group()
    except FaultElsewhere:
        time.sleep(SPEECH_S)
        raise
    finally:
        dist.destroy_process_group()


def _take_gpu() -> None:
    """Make the local rank's GPU this process's own: NCCL does not share one. Raises ConfigError."""
    place, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if place >= count:
        raise ConfigError(
            "device",
            "there are {processes} processes on this machine and only {count} GPUs.",
            processes=os.environ["LOCAL_WORLD_SIZE"],
            count=count,
        )
    torch.cuda.set_device(place)


@contextmanager
def _answered() -> Iterator[None]:
    """Turns what torch says of a process that is gone into ProcessLost."""
    try:
        yield
    except RuntimeError as fault:
        # “[…/pair.cc:537] Read error …: Connection reset by peer. This is typically caused by …”
        first_sentence = re.sub(r"^\[[^]]*\] ", "", str(fault)).splitlines()[0].split(". ")[0]
        raise ProcessLost(first_sentence) from fault


def _summed(values: Tensor) -> Tensor:
    total = values.detach().clone()
    with _answered():
        dist.all_reduce(total)
    return total


class _Sum(torch.autograd.Function):
    """The sum over all processes. Each process's share of the objective depends on every summand."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient.contiguous())
