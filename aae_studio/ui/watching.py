"""Watching: which steps of a training are written down, and how often."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aae_studio.core.experiment import Experiment, Report
    from aae_studio.core.walk import Walk

# Of so many steps, and in so long, one at most is watched: it costs up to twice as much as the others.
WATCH_STEPS = 6
WATCH_INTERVAL_S = 0.3


class Watching:
    """Writes down steps of one model for the trainer's thread. `model`: the one that is watched, if any."""

    def __init__(self) -> None:
        self.model: str | None = None
        # When a step was last written down, and how many were not since then.
        self._walked_at, self._unwatched = 0.0, WATCH_STEPS
        # Phases that were run alone since the last whole step: each is to see another batch.
        self._alone = 0

    def is_due(self) -> bool:
        """Whether the next step should be written down."""
        late = time.perf_counter() - self._walked_at >= WATCH_INTERVAL_S
        return late and self._unwatched >= WATCH_STEPS

    def let_pass(self) -> None:
        """A step was taken that was not."""
        self._unwatched, self._alone = self._unwatched + 1, 0

    def step(self, experiment: Experiment, model: str) -> tuple[Report, Walk]:
        """Take one step of all models and write this one's down."""
        # Imported here, and below: importing torch takes a second, and the window must not wait for it.
        from aae_studio.core import walk

        found = walk.walk_step(experiment, model)
        self._walked_at, self._unwatched, self._alone = time.perf_counter(), 0, 0
        return found

    def phase(self, experiment: Experiment, model: str, phase: str) -> Walk:
        """One phase alone, with a batch that none before it had since the last step."""
        from aae_studio.core import walk

        seen = walk.walk_phase(experiment, model, phase, self._alone)
        self._alone += 1
        return seen

    def rehearsal(self, experiment: Experiment, model: str) -> Walk:
        """How the next step would go."""
        from aae_studio.core import walk

        return walk.rehearse(experiment, model)
