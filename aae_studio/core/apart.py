"""Apart: a generator that runs in a process of its own, behind everything else on the machine."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from aae_studio.core.errors import StudioError

# Behind training in the window, which has 10.
NICE = 12
# How often who waits is told how far it has come.
INTERVAL_S = 0.05


class Passing:
    """What a generator yields only to say how far it is: of several in a short time some are left out."""


class Apart:
    """Iterates `function(*arguments)` in another process, at low priority and on one thread.

    The function, its arguments and what it yields are pickled, so the function is one of a module. Use it as
    a context: leaving it kills the process, at whatever step it is, and waits for it. The process ends by
    itself when nobody listens to it any more. It shares neither torch's random numbers nor the interpreter's
    lock with this one.
    """

    def __init__(self, function: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        # A fork would copy locks that other threads hold.
        context = multiprocessing.get_context("spawn")
        self._inbox, outbox = context.Pipe(duplex=False)
        # Pickled here: the tensors of arguments would else go through shared memory, whose files can be lost.
        work = pickle.dumps((NICE, function, arguments))
        self._process = context.Process(target=_serve, args=(outbox, work), name="apart", daemon=True)
        self._process.start()
        outbox.close()
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._inbox.close()

    def next(self, patience: float) -> Any:
        """What the generator yields next, or None when after `patience` seconds there is nothing yet.

        At its end `ended` is set and None is returned. Raises the StudioError that the generator raised,
        or one that says that the process was lost.
        """
        if not self._inbox.poll(patience):
            return None
        try:
            item = pickle.loads(self._inbox.recv_bytes())
        except EOFError:
            raise StudioError(
                "The process that trained in the background has ended unexpectedly. Begin again."
            ) from None
        if isinstance(item, StudioError):
            raise item
        self.ended = item is None
        return item


def _serve(outbox: Connection, work: bytes) -> None:
    """The other process: sends what the generator yields, then None, or the fault that ended it."""
    from aae_studio.core import compute

    nice, function, arguments = pickle.loads(work)
    compute.lower_priority(nice)
    compute.use_threads(1)
    told = 0.0
    try:
        for item in function(*arguments):
            now = time.monotonic()
            if not isinstance(item, Passing):
                outbox.send_bytes(pickle.dumps(item))
            elif now - told >= INTERVAL_S:
                told = now
                outbox.send_bytes(pickle.dumps(item))
        outbox.send_bytes(pickle.dumps(None))
    except StudioError as fault:
        outbox.send_bytes(pickle.dumps(fault))
    except (BrokenPipeError, KeyboardInterrupt):
        # Who started this has gone.
        return
