"""Decodings: what is under the lanes' cursors, decoded at once where that is quick, else in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from aae_studio.ui.closing_thread import ClosingThread

if TYPE_CHECKING:
    from aae_studio.core.snapshot import FrozenModel

Array = npt.NDArray[np.float32]

# Three lanes and their painting are to fit into a frame of 16 ms.
LONGEST_S = 0.004
NEVER = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Place:
    """A code (latent size,) in one model's latent space, and the condition that it is decoded under."""

    frozen: FrozenModel
    code: Array
    condition: int


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a model makes of a place: the image, (C, H, W) in [0, 1], and how long it worked on it.

    `each`: the code decoded as each of the model's conditions, (n, C, H, W); None without any. `back`: the
    code that the image is encoded to, (latent size,); None until somebody asks.
    """

    code: Array
    image: Array
    seconds: float
    each: Array | None = None
    back: Array | None = None


def decoded_at(place: Place) -> Decoded:
    """Decode a place."""
    # Not by the clock on the wall: a busy machine does not make a decoder large.
    start = time.thread_time()
    frozen, code = place.frozen, place.code
    image, each = frozen.decode(code[None], place.condition)[0], None
    if count := len(frozen.conditions):
        each = frozen.decode(np.repeat(code[None], count, axis=0), np.arange(count))
    return Decoded(code, image, time.thread_time() - start, each)


class DecodeThread(ClosingThread):
    """Decodes for large decoders; of what waits for a lane, the newest wins. Emits `decoded`: the lane's
    name, the stamp that it was asked with, and Decoded, with `back` where there is an encoder; and `failed`
    (str)."""

    decoded = Signal(str, int, object)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("decode")
        self._news = threading.Condition()
        self._wanted: dict[str, tuple[int, Place]] = {}

    def ask(self, name: str, stamp: int, place: Place) -> None:
        """Decode this for a lane, in place of what waits for it."""
        with self._news:
            self._wanted[name] = stamp, place
            self._news.notify()
        if not self.isRunning():
            self.start()

    def forget(self) -> None:
        """What waits is about models that are gone."""
        with self._news:
            self._wanted.clear()

    def wake(self) -> None:
        with self._news:
            self._news.notify()

    def run(self) -> None:
        from aae_studio.core import compute

        compute.use_threads(1)
        while (wanted := self._next()) is not None:
            try:
                self._decode(*wanted)
            except Exception as fault:
                self.failed.emit(repr(fault))
            # A model that nobody shows any more is not to be kept by a thread that waits.
            del wanted

    def _decode(self, name: str, stamp: int, place: Place) -> None:
        found = decoded_at(place)
        if place.frozen.has_encoder:
            back = place.frozen.encode(found.image[None])[0]
            found = Decoded(found.code, found.image, found.seconds, found.each, back)
        self.decoded.emit(name, stamp, found)

    def _next(self) -> tuple[str, int, Place] | None:
        with self._news:
            while not self._wanted and not self.isInterruptionRequested():
                self._news.wait()
            if self.isInterruptionRequested():
                return None
            name = next(iter(self._wanted))
            return name, *self._wanted.pop(name)


class Decodings(QObject):
    """Decodes places for lanes. Emits `decoded`: the lane's name and Decoded; and `failed` (str).

    A decoder that took long the last two times works in a thread, so that the mouse never waits for it; its
    image follows as soon as it can. Once says nothing: the first time takes longer.
    """

    decoded = Signal(str, object)
    failed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        # By lane: how long the last two took.
        self._seconds: dict[str, tuple[float, float]] = {}
        # Counts what was asked: what came before the image on show, or before this experiment, is stale.
        self._asked = self._forgotten = 0
        self._shown: dict[str, int] = {}
        self._thread = DecodeThread()
        self._thread.decoded.connect(self._on_decoded)
        self._thread.failed.connect(self.failed)

    def ask(self, name: str, place: Place) -> None:
        """Decode a place for a lane, at once or as soon as it can be."""
        self._asked += 1
        if min(self._seconds.get(name, NEVER)) > LONGEST_S:
            self._thread.ask(name, self._asked, place)
        else:
            self._take(name, self._asked, decoded_at(place))

    def seconds(self, names: Iterable[str]) -> float:
        """Processor time of these lanes' last images, together."""
        return sum(self._seconds.get(name, NEVER)[1] for name in names)

    def forget(self) -> None:
        """There is another experiment."""
        self._forgotten = self._asked
        self._seconds.clear()
        self._shown.clear()
        self._thread.forget()

    def close(self, limit_ms: int = 3000) -> bool:
        """End the thread; False when it is still busy at the time limit."""
        return self._thread.close(limit_ms)

    def requestInterruption(self) -> None:
        """Ask the thread to end."""
        self._thread.requestInterruption()

    def _take(self, name: str, stamp: int, found: Decoded) -> None:
        self._shown[name] = stamp
        self._seconds[name] = self._seconds.get(name, NEVER)[1], found.seconds
        self.decoded.emit(name, found)

    def _on_decoded(self, name: str, stamp: int, found: Decoded) -> None:
        if stamp > self._shown.get(name, self._forgotten):
            self._take(name, stamp, found)
