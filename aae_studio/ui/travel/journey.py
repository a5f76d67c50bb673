"""Journeys: the way from A to B in every model's latent space, and what is decoded on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
# Places on a path, and how many of them lie between the images of a strip.
COUNT = 25
STRIDE = 3
WAYS = ("straight", "spherical", "geodesic")


@dataclass(frozen=True, eq=False)
class End:
    """An end of a path: an image by its place in the probe subset, or else by model a code (latent size,).

    An image's codes are those that each model has for it at the time. `told`, by model: the class or cluster
    that the decoder is told there; at an image it is the image's own where nothing is said.
    """

    picked: int | None
    codes: Mapping[str, Array]
    told: Mapping[str, int] = field(default_factory=dict)

    def code(self, name: str, probe: Mapping[str, Array]) -> Array | None:
        """Where it is in one model, whose codes of the probe subset are known; None: it is nowhere."""
        if self.picked is None:
            return self.codes.get(name)
        return probe[name][self.picked] if name in probe else None


@dataclass(frozen=True, eq=False)
class Journey:
    """A path in one model: codes and the line beside them, each (`COUNT`, latent size), and the images.

    `length` is how far the images change, as Euclidean distance over all pixels.
    """

    codes: Array
    line: Array
    images: Array
    length: float


class Journeys:
    """The question for all paths from one end to another. It remembers them, to begin with the next time.

    Where a decoder is told one class or cluster at the one end and another at the other, the one gives way
    to the other between them.
    """

    def __init__(
        self,
        way: str,
        start: End,
        end: End,
        before: Journeys | None = None,
    ) -> None:
        self._way, self._start, self._end = way, start, end
        self._known: dict[str, Array] = before._known if before is not None else {}

    def __call__(self, snapshot: Snapshot, codes: Mapping[str, Array]) -> dict[str, Journey]:
        """By model; those without a place for an end are left out. Called in the survey thread."""
        found = {}
        for name in snapshot.models:
            start, end = self._start.code(name, codes), self._end.code(name, codes)
            if start is not None and end is not None:
                found[name] = self._journey(snapshot, name, start, end)
        return found

    def _journey(self, snapshot: Snapshot, name: str, start: Array, end: Array) -> Journey:
        from aae_studio.core import paths

        frozen, condition = snapshot.models[name], self._told(snapshot, name)
        path = line = paths.straight(start, end, COUNT)
        if self._way == "spherical":
            path = paths.spherical(start, end, COUNT)
        elif self._way == "geodesic":
            before = self._known.get(name)
            path = paths.model_geodesic(frozen, start, end, COUNT, condition, before)
            self._known[name] = path
        images = frozen.decode(path, condition)
        return Journey(path, line, images, paths.length(images))

    def _told(self, snapshot: Snapshot, name: str) -> int | Array:
        """What the decoder is told on the way: one condition, or shares of each, (`COUNT`, conditions)."""
        a, b = (self._condition(snapshot, name, end) for end in (self._start, self._end))
        if a == b:
            return a
        shares = np.zeros((COUNT, len(snapshot.models[name].conditions)), np.float32)
        shares[:, b] = np.linspace(0, 1, COUNT)
        shares[:, a] = 1 - shares[:, b]
        return shares

    def _condition(self, snapshot: Snapshot, name: str, end: End) -> int:
        if end.picked is None or name in end.told:
            return end.told.get(name, 0)
        one = slice(end.picked, end.picked + 1)
        labels = snapshot.dataset.probe.labels[one]
        found = snapshot.models[name].condition_of(snapshot.probe_images[one], labels)
        return 0 if found is None else int(found[0])


@dataclass(frozen=True)
class Attribute:
    """The question for the mean code of one class minus that of another, by model."""

    present: int
    absent: int

    def __call__(self, snapshot: Snapshot, codes: Mapping[str, Array]) -> dict[str, Array]:
        """Directions (latent size,) of the models in which both classes have codes."""
        from aae_studio.core import paths

        labels = snapshot.dataset.probe.labels
        found = {
            name: paths.attribute(own, labels[: len(own)], self.present, self.absent)
            for name, own in codes.items()
        }
        return {name: direction for name, direction in found.items() if np.isfinite(direction).all()}
