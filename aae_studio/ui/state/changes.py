"""Changes: the configuration that the user asked for, with those before it to go back to."""

from __future__ import annotations

from typing import NamedTuple

from aae_studio.core.config import ExperimentConfig

UNDO_DEPTH = 100


class Before(NamedTuple):
    """What to go back to: a configuration, and the number of the experiment that had it."""

    config: ExperimentConfig
    number: int


class Changes:
    """What was asked for last, and whether it holds already.

    `held` holds; `asked` is what the user wants to hold. Between the two lies what the trainer has still to
    answer: wishes are numbered, and only the answer to the last one counts. `number`: of the experiment on
    show. A restart with the same configuration is a change, too, as long as the experiment before is kept.
    """

    def __init__(self, config: ExperimentConfig) -> None:
        self.held = self.asked = config
        self.number = 0
        self._before: list[Before] = []
        self._after: list[Before] = []
        self._wish = 0
        # Whatever held at some time, the newest last.
        self._past = [config]

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        return bool(self._after)

    @property
    def before(self) -> ExperimentConfig | None:
        """What `undone` would go back to."""
        return self._before[-1].config if self._before else None

    def remember(self) -> None:
        """Keep what is asked for now, for `undone`; what was taken back cannot be made again."""
        self._before = [*self._before[-UNDO_DEPTH:], Before(self.asked, self.number)]
        self._after.clear()

    def extend(self) -> None:
        """What is asked for next belongs to the change before."""
        self._after.clear()

    def undone(self) -> Before | None:
        """What was before the last change, if there is anything."""
        if not self._before:
            return None
        self._after.append(Before(self.asked, self.number))
        return self._before.pop()

    def redone(self) -> Before | None:
        """What `undone` left, if there is anything."""
        if not self._after:
            return None
        self._before.append(Before(self.asked, self.number))
        return self._after.pop()

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
        self._before.clear()
        self._after.clear()

    # What became of it

    def ask(self, config: ExperimentConfig) -> int:
        """The trainer is asked to go over to this; gives the wish's number."""
        self.asked = config
        self._wish += 1
        return self._wish

    def hold(self, config: ExperimentConfig, wish: int | None = None) -> None:
        """The trainer went over to this, by a wish that a newer one may have overtaken, or by none."""
        self.approach(config)
        if wish is None or wish >= self._wish:
            self.asked = config

    def change_experiment(self, number: int, former: int | None) -> None:
        """Another experiment is on show, and that of `former` is kept. One cannot go back to another one, nor
        to a configuration that is there."""
        self.number, after, kept = number, self.asked, []
        for before in reversed(self._before):
            if before.config != after or before.number == former:
                kept.append(before)
            after = before.config
        self._before = kept[::-1]

    def approach(self, config: ExperimentConfig) -> None:
        """The trainer went over to this, on its way to what was asked for."""
        self.held = config
        self._past = [*self._past[-UNDO_DEPTH:], config]

    def fail(self, wish: int, standing: ExperimentConfig) -> None:
        """What was asked for cannot be: what holds, or what it is on its way to, stays. One cannot go back to
        what never held."""
        if wish < self._wish:
            return
        self.asked = standing
        self._before = [
            before for before in self._before if before.config in self._past or before.config == standing
        ]
        if self._before and self._before[-1].config == standing:
            self._before.pop()
