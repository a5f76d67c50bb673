"""Changes: the configuration that the user asked for, with those before it to go back to."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aae_studio.core.config import ExperimentConfig

UNDO_DEPTH = 100


class Stand(NamedTuple):
    """What one can go to again: a configuration, the wish that led there, and whether what lies between
    began at step 0 where its options alone would not have."""

    config: ExperimentConfig
    wish: int
    restart: bool


class Changes:
    """What was asked for last, and whether it holds already.

    `held` holds; `asked` is what the user wants to hold. Between the two lies what the trainer has still to
    answer: wishes are numbered, and only the answer to the last one counts. A restart with the same
    configuration is a change, too, as long as the trainer keeps the experiment before.
    """

    def __init__(self, config: ExperimentConfig) -> None:
        self.held = self.asked = config
        self._before: list[Stand] = []
        self._after: list[Stand] = []
        # The two before what was asked for last.
        self._stood: tuple[list[Stand], list[Stand]] = [], []
        # The last one's number, and those that led to the experiment which the trainer keeps.
        self.wish = 0
        self._kept: Collection[int] = ()
        # Whatever held at some time, the newest last.
        self._past = [config]

    @property
    def before(self) -> ExperimentConfig | None:
        """What `undone` would go back to, if there is anything."""
        return self._before[-1].config if self._before else None

    @property
    def after(self) -> ExperimentConfig | None:
        """What `redone` would go to, if there is anything."""
        return self._after[-1].config if self._after else None

    @property
    def brings_back(self) -> bool:
        """Whether `undone` would bring back what was trained before."""
        return bool(self._before) and self._before[-1].wish in self._kept

    def remember(self, restart: bool = False) -> None:
        """Keep what is asked for now, for `undone`; what was taken back cannot be made again."""
        self._put([*self._before[-UNDO_DEPTH:], Stand(self.asked, self.wish, restart)], [])

    def extend(self) -> None:
        """What is asked for next belongs to the change before."""
        self._put(self._before, [])

    def undone(self) -> Stand | None:
        """What was before the last change, if there is anything."""
        if not self._before:
            return None
        *before, stand = self._before
        self._put(before, [*self._after, Stand(self.asked, self.wish, stand.restart)])
        return stand

    def redone(self) -> Stand | None:
        """What `undone` left, if there is anything."""
        if not self._after:
            return None
        *after, stand = self._after
        self._put([*self._before, Stand(self.asked, self.wish, stand.restart)], after)
        return stand

    def _put(self, before: list[Stand], after: list[Stand]) -> None:
        self._stood = self._before, self._after
        self._before, self._after = before, after

    def undoes_only(self, *names: str) -> bool:
        """Whether undoing would change these fields and options alone (`prior`, `painted.picture`)."""
        if not self._before:
            return False
        before, after = vars(self._before[-1].config), vars(self.asked)
        fields = {name for name in after if name != "options" and before[name] != after[name]}
        old, new = before["options"], after["options"]
        options = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        return bool(fields | options) and fields | options <= set(names)

    def forget(self) -> None:
        """Nothing of what was changed before can be taken back."""
        self._put([], [])
        self._stood = [], []

    # What became of it

    def ask(self, config: ExperimentConfig) -> int:
        """The trainer is asked to go over to this; gives the wish's number."""
        self.asked = config
        self.wish += 1
        return self.wish

    def hold(self, config: ExperimentConfig, wish: int | None = None) -> None:
        """The trainer went over to this, by a wish that a newer one may have overtaken, or by none."""
        self.approach(config)
        if wish is None or wish >= self.wish:
            self.asked = config

    def keep(self, wish: int | None, kept: Collection[int]) -> None:
        """By this wish another experiment is on show, and the trainer has kept where those of `kept` led. A
        restart whose experiment is gone is no change that one could take back."""
        self._kept = kept
        if wish != self.wish:
            # What a newer wish leads to is not known yet.
            return
        after, there = self.asked, []
        for stand in reversed(self._before):
            if stand.config != after or stand.wish in kept:
                there.append(stand)
            after = stand.config
        self._before = there[::-1]

    def approach(self, config: ExperimentConfig) -> None:
        """The trainer went over to this, on its way to what was asked for."""
        self.held = config
        self._past = [*self._past[-UNDO_DEPTH:], config]

    def fail(self, wish: int, standing: ExperimentConfig) -> None:
        """What was asked for cannot be: what holds, or what it is on its way to, stays. One cannot go back to
        what never held."""
        if wish < self.wish:
            return
        self.asked = standing
        self._before, self._after = self._stood
        self._before = [
            stand for stand in self._before if stand.config in self._past or stand.config == standing
        ]
        if self._before and self._before[-1].config == standing and not self._before[-1].restart:
            self._before = self._before[:-1]
