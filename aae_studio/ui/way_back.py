"""WayBack: the experiment that was trained before the one on show, and the wishes that led to either."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aae_studio.core.experiment import Experiment
    from aae_studio.core.history import History
    from aae_studio.core.joining import CatchUp

# An experiment of so few seconds of training may be a key that was pressed twice.
BRIEF_S = 2.0


class Former(NamedTuple):
    """An experiment that another has taken the place of, and models that had left it."""

    number: int
    experiment: Experiment
    history: History
    left: dict[str, CatchUp]


class WayBack:
    """Numbers experiments, and keeps the one that was trained last before the one on show, `number`."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.number = 0
        self.former: Former | None = None
        # By wish: the number of the experiment that it led to.
        self._reached: dict[int, int] = {}

    @property
    def wishes(self) -> frozenset[int]:
        """Those that led to the former experiment."""
        former = self.former
        if former is None:
            return frozenset()
        return frozenset(wish for wish, number in self._reached.items() if number == former.number)

    def led_to(self, wish: int | None) -> int | None:
        """The number of the experiment that a wish led to, if that is on show or kept."""
        return None if wish is None else self._reached.get(wish)

    def reach(self, wish: int | None) -> None:
        """A wish led to the experiment on show."""
        there = {self.number} if self.former is None else {self.number, self.former.number}
        self._reached = {old: number for old, number in self._reached.items() if number in there}
        if wish is not None:
            self._reached[wish] = self.number

    def is_worth(self, experiment: Experiment) -> bool:
        """Whether the experiment on show is to be kept: one that was not trained is made again as fast, and
        one of a moment does not push out one that was trained for longer."""
        if experiment.step == 0:
            return False
        return self.former is None or experiment.seconds >= min(BRIEF_S, self.former.experiment.seconds)

    def keep(self, experiment: Experiment, history: History, left: dict[str, CatchUp]) -> None:
        """Keep the experiment on show, in place of the former one."""
        self.former = Former(self.number, experiment, history, left)

    def go_on(self, number: int | None) -> None:
        """Another experiment is on show: a new one, or the one that had this number."""
        self.number = next(self._numbers) if number is None else number
