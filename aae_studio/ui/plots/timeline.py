"""Timeline: which part of a history is shown, and over what. Arithmetic alone, no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from aae_studio.core.history import History

Floats = npt.NDArray[np.float64]
Range = tuple[float, float]

# The least that can be zoomed in on.
FEWEST_STEPS = 8
NOTHING_YET = (0.0, 100.0)


class Timeline:
    """The x axis that all plots share: steps or seconds, everything or a span of it.

    `span` is what the user zoomed to; None is everything, also what is still to come.
    """

    def __init__(self) -> None:
        self.history: History | None = None
        self.in_seconds = False
        self.span: Range | None = None

    @property
    def x(self) -> Floats:
        """A place on the axis for each row of the history that is complete."""
        if self.history is None:
            return np.empty(0)
        # The thread appends seconds last: rows up to there are complete.
        seconds = self.history.seconds
        return seconds if self.in_seconds else self.history.steps[: len(seconds)]

    @property
    def everything(self) -> Range:
        """From the first step to the newest."""
        x = self.x
        if self.history is None or not len(x):
            return NOTHING_YET
        # Steps that are counted from 1 begin at the origin.
        low = 0.0 if self.history.steps[0] <= 1 else float(x[0])
        return low, max(float(x[-1]), low + 1e-3)

    @property
    def shown(self) -> Range:
        """What the axis covers."""
        return self.span or self.everything

    def rows(self) -> tuple[int, int]:
        """First row that is shown, and the one after the last."""
        x, (low, high) = self.x, self.shown
        return int(np.searchsorted(x, low)), int(np.searchsorted(x, high, side="right"))

    def row_at(self, fraction: float) -> int | None:
        """The row that is nearest to a fraction of what is shown; None when there are no steps."""
        x, (low, high) = self.x, self.shown
        if not len(x):
            return None
        place = low + fraction * (high - low)
        right = min(int(np.searchsorted(x, place)), len(x) - 1)
        left = max(right - 1, 0)
        return left if place - x[left] < x[right] - place else right

    def fraction_of(self, row: int) -> float:
        """Where a row is, as a fraction of what is shown; the ends for rows outside."""
        x, (low, high) = self.x, self.shown
        place = float(x[min(max(row, 0), len(x) - 1)])
        return min(max((place - low) / (high - low), 0.0), 1.0)

    def use_seconds(self, on: bool) -> None:
        """Count seconds or steps. The rows that are shown stay."""
        before, self.in_seconds = self.x, on
        if self.span is not None:
            after = self.x
            low, high = np.clip(np.searchsorted(before, self.span), 0, len(after) - 1)
            self._show(float(after[low]), float(after[high]))

    def zoom(self, factor: float, fraction: float) -> None:
        """Show `factor` times as much; what is at this fraction stays there."""
        low, high = self.shown
        fixed = low + fraction * (high - low)
        self._show(fixed - (fixed - low) * factor, fixed + (high - fixed) * factor)

    def pan(self, fraction: float) -> None:
        """Move on by a fraction of what is shown. Where everything is shown, there is nowhere to go."""
        if self.span is not None:
            low, high = self.span
            shift = fraction * (high - low)
            self._show(low + shift, high + shift)

    def fit(self) -> None:
        """Show everything, and go on doing so."""
        self.span = None

    def _show(self, low: float, high: float) -> None:
        """Show this, moved and cut to where there are steps."""
        first, last = self.everything
        least = FEWEST_STEPS * (last - first) / max(len(self.x), FEWEST_STEPS)
        width = max(high - low, least)
        left = min(max((low + high - width) / 2, first), last - width)
        self.span = None if width >= last - first else (left, left + width)
