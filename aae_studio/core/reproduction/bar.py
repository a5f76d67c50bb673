"""What a bar is: a measurement, and the limits that its figures must keep to for every seed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aae_studio.core.reproduction.laboratory import Laboratory

SIGNS: Mapping[str, Callable[[float, float], bool]] = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Limit:
    """One figure and what it must reach. `published` is what a paper gives for it, where one does."""

    figure: str
    sign: str
    bound: float
    published: str = ""

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is there and keeps to the limit; one that is not a number does not."""
        return self.figure in figures and SIGNS[self.sign](figures[self.figure], self.bound)


@dataclass(frozen=True)
class Bar:
    """A result to reproduce. `measure` takes a laboratory and gives the figures of one seed.

    `long` bars take more than some minutes. `source` says where the figures come from.
    """

    name: str
    summary: str
    source: str
    measure: Callable[[Laboratory], dict[str, float]]
    limits: tuple[Limit, ...]
    long: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one seed gave: figures by name, and how long it took, in seconds.

    `fault`: the sentence of what broke it off, after which there are no figures; `missing`: the dataset that
    it lacked, if that was it.
    """

    bar: Bar
    seed: int
    figures: Mapping[str, float]
    seconds: float
    fault: str = ""
    missing: str = ""

    @property
    def passed(self) -> bool:
        """Whether every limit holds."""
        return all(limit.holds(self.figures) for limit in self.bar.limits)

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain values."""
        return {
            "seed": self.seed,
            "passed": self.passed,
            "failed": [limit.figure for limit in self.bar.limits if not limit.holds(self.figures)],
            "figures": dict(self.figures),
            "seconds": self.seconds,
            "fault": self.fault,
        }
