"""Conditions: what each model's decoder is told beside the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aae_studio.ui.state.findings import Findings
from aae_studio.ui.state.probe import Probe

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot


class Told(NamedTuple):
    """What decoders are told, by model, and which of it was chosen."""

    places: dict[str, int]
    chosen: frozenset[str]


class Conditions:
    """By model a place among the classes or clusters that its decoder can be told; at first it is 0."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._snapshot: Snapshot | None = None
        self._places: dict[str, int] = {}
        # Those that were chosen since a sample was picked last: they do not follow it.
        self._chosen: set[str] = set()

    def __getitem__(self, name: str) -> int:
        return self._places.get(name, 0)

    @property
    def told(self) -> Told:
        """All of them, to go back there."""
        return Told(dict(self._places), frozenset(self._chosen))

    def go_back(self, told: Told) -> None:
        """Tell decoders what they were told before, but for those that have left."""
        there = () if self._snapshot is None else self._snapshot.models
        self._places = {name: place for name, place in told.places.items() if name in there}
        self._chosen = set(told.chosen).intersection(there)

    def choose(self, name: str, place: int) -> None:
        """Tell a decoder this, whatever class or cluster a sample is of."""
        self._places[name] = place
        self._chosen.add(name)

    def pick(self, sample: int) -> None:
        """Tell each decoder the class or cluster of a drawn sample."""
        self._chosen.clear()
        self.follow(sample)

    def follow(self, sample: int) -> None:
        """The same by the newest weights, but where another was chosen."""
        for name in self._findings.codes.keys() - self._chosen:
            place = self.of(name, sample)
            if place is not None:
                self._places[name] = place

    def of(self, name: str, sample: int) -> int | None:
        """The class or cluster under which a model has a drawn sample; None if its decoder is told none, or
        if the sample is not drawn any more."""
        snapshot, drawn = self._snapshot, len(self._findings.codes.get(name, ()))
        frozen = None if snapshot is None else snapshot.models.get(name)
        if snapshot is None or frozen is None or not frozen.conditions or sample >= drawn:
            return None
        probe = Probe(snapshot.dataset, drawn)
        places = frozen.condition_of(probe.image(sample)[None], probe.labels[sample, None])
        return None if places is None else int(places[0])

    # News, which the planes pass on

    def prepare(self, snapshot: Snapshot) -> None:
        """Another experiment: nothing is chosen."""
        self._snapshot, self._places = snapshot, {}
        self._chosen.clear()

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """New weights, of other models perhaps: for those that are gone nothing is chosen."""
        self._snapshot = snapshot
        self.go_back(self.told)
