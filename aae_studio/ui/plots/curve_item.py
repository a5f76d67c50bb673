"""CurveItem: one curve in a plot, and Trace, which says whose it is and how it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPen

from aae_studio.ui.plots.timeline import Floats
from aae_studio.ui.theme import Theme

# Pixels of line and of gap; the first curve of a model in a plot has no gaps.
PATTERNS = ((1, 0), (7, 4), (2, 3), (14, 4))
# Broken lines are measured along the curve from place to place so far apart.
TREND_PIXELS = 6


@dataclass(frozen=True)
class Trace:
    """A curve to show: whose it is, what the legend calls it and its model, and how it looks.

    `color` names a colour of the theme. `place` counts the curves of one model in one plot; it decides
    on the line style, so that colour alone carries nothing.
    """

    model: str
    curve: str
    label: str
    color: str
    place: int
    short: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.model, self.curve

    @property
    def pattern(self) -> tuple[int, int]:
        """Pixels of line and of gap."""
        return PATTERNS[self.place % len(PATTERNS)]

    def pen(self, theme: Theme, width: float) -> QPen:
        """A pen without gaps."""
        pen = QPen(theme.color(self.color), width)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        return pen


class CurveItem(pg.PlotCurveItem):
    """A curve that is as large as its view, which is quicker than to look through the values for it.

    It is drawn as segments: thirty times as fast as one line of the same width. Qt cannot break
    segments by a pattern, so broken lines are cut here.
    """

    def __init__(self, trace: Trace) -> None:
        super().__init__(antialias=True, skipFiniteCheck=True)
        self.trace = trace
        self.shown_x = self.shown_y = np.empty(0)
        self.setSegmentedLineMode("on")

    def draw(self, x: Floats, y: Floats, pixel: tuple[float, float]) -> None:
        """Draw values; those that are not finite leave a gap. `pixel` is its width on the x axis and its
        height on the y axis.
        """
        self.shown_x, self.shown_y = x, y
        line, gap = self.trace.pattern
        drawn: Floats | bool = True
        if gap and len(x) > 1:
            x, y, drawn = _cut(x, y, pixel, line, line + gap)
        joined = np.isfinite(y)
        if not joined.all():
            y = np.where(joined, y, 0.0)
            joined[:-1] &= joined[1:]
        joined[:-1] &= drawn
        self.setData(x, y, connect=joined)

    def boundingRect(self) -> QRectF:
        view = self.getViewBox()
        return QRectF() if view is None else view.viewRect()


def _cut(
    x: Floats, y: Floats, pixel: tuple[float, float], line: int, period: int
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The same curve with a point wherever a line of its pattern begins or ends, and what to draw of it."""
    # Along the trend: along every bit of noise, a noisy curve would be all gaps or none.
    stride = max(1, round(TREND_PIXELS * pixel[0] * (len(x) - 1) / (x[-1] - x[0])))
    at = np.append(np.arange(0, len(x) - 1, stride), len(x) - 1)
    rise = np.nan_to_num(np.diff(y[at]) / pixel[1])
    along = np.interp(x, x[at], np.append(0.0, np.hypot(np.diff(x[at]) / pixel[0], rise).cumsum()))
    starts = np.arange(0, along[-1], period)
    cuts = np.interp(np.append(starts, starts + line), along, x)
    every = np.union1d(x, cuts)
    middles = np.interp((every[:-1] + every[1:]) / 2, x, along)
    return every, np.interp(every, x, y), middles % period < line
