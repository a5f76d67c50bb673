"""PlotCard: one of the loss plots with its title and legend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from aae_studio.ui.plots.axis import figure
from aae_studio.ui.plots.curve_item import Trace
from aae_studio.ui.plots.curve_plot import CurvePlot
from aae_studio.ui.plots.legend import LegendButton, TitleRow
from aae_studio.ui.plots.timeline import Floats, Range
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.history import History
    from aae_studio.core.snapshot import FrozenModel

# Left, top, right, bottom.
MARGINS = (10, 6, 6, 5)
# Room above and below the curves, as a part of their height.
ROOM = 0.06
UNIT_RANGE = (-0.04, 1.04)

Key = tuple[str, str]
Rows = npt.NDArray[np.int64]


def traces_of(models: Mapping[str, FrozenModel], plot: str) -> Iterator[Trace]:
    """The curves that the models declare for a plot."""
    for name, frozen in models.items():
        mine = [curve for curve in frozen.model.curves if curve.plot == plot]
        for place, curve in enumerate(mine):
            short = frozen.model.short
            # In the plot “reconstruction”, a curve of that name needs no more than its model's.
            label = short if curve.label == plot else f"{short} {tr(curve.label)}"
            yield Trace(name, curve.name, label, frozen.model.color, place, short)


@dataclass(frozen=True)
class Extract:
    """A part of a history to draw: rows from `first` up to, not including, `last`.

    `x` has a place for each row of the history, `span` is what the x axis covers, `title` says what it
    counts, and `whole` whether that is whole numbers.
    """

    history: History
    x: Floats
    first: int
    last: int
    span: Range
    title: str
    whole: bool
    smoothing: int
    log: bool


class PlotCard(QFrame):
    """A title, a legend and a plot. Emits `toggled` (key of the curve, whether it shows)."""

    toggled = Signal(object, bool)

    def __init__(self, name: str, title: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.name = name
        self.traces: list[Trace] = []
        self.hidden: set[Key] = set()
        self.extract: Extract | None = None
        # Rows of the history from one drawn value to the next.
        self.spacing = 1
        self.row = TitleRow(title)
        self.row.title.setToolTip(tip)
        self.plot = CurvePlot()
        self.plot.setAccessibleName(title)
        self.plot.setAccessibleDescription(tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(*MARGINS)
        column.setSpacing(0)
        column.addWidget(self.row)
        column.addWidget(self.plot, 1)
        self.unit_range = name == "discriminator"
        if self.unit_range:
            self.plot.add_level(0.5, tr("½ · it cannot tell"))
        self.plot.set_message(self._why_empty())

    def set_traces(self, traces: Sequence[Trace], hidden: set[Key], theme: Theme) -> None:
        """Have these curves, those in `hidden` switched off."""
        self.traces = list(traces)
        self.hidden = {trace.key for trace in traces} & hidden
        self.plot.set_traces(traces)
        buttons = [LegendButton(trace, theme, trace.key not in hidden, self.row) for trace in traces]
        for button in buttons:
            button.toggled.connect(partial(self._on_toggled, button))
            button.pointed.connect(self.plot.point_out)
        self.row.set_buttons(buttons, theme)

    def title_height(self) -> int:
        """The height that the title row needs in this width."""
        return self.row.height_for(self.contentsRect().width() - MARGINS[0] - MARGINS[2])

    def set_theme(self, theme: Theme) -> None:
        self.plot.set_theme(theme)
        self.row.set_theme(theme)

    def show_history(self, extract: Extract) -> None:
        """Draw a part of the history, with about one value a pixel."""
        # Curves without a row leave no other spacing behind.
        self.extract, self.spacing = extract, 1
        points = max(2, round(self.plot.area().width()))
        # A history without steps does not know its curves yet.
        known = set(extract.history.curves) if len(extract.x) else set()
        drawn: dict[Key, tuple[Floats, Floats]] = {}
        low, high = math.inf, -math.inf
        for trace in self.traces:
            shown = trace.key in known - self.hidden
            self.plot.curves[trace.key].setVisible(shown)
            if shown:
                rows, values = self._values(trace, points)
                drawn[trace.key] = extract.x[rows], values
                seen = values[(rows >= extract.first) & np.isfinite(values)]
                if len(seen):
                    low, high = min(low, float(seen.min())), max(high, float(seen.max()))
        log = extract.log and not self.unit_range
        self.plot.set_ranges(extract.span, UNIT_RANGE if self.unit_range else _roomy(low, high, log), log)
        for key, (x, y) in drawn.items():
            self.plot.show_curve(key, x, y)
        self.plot.set_message(self._why_empty() if low > high else "")
        self.plot.bottom_axis.whole = extract.whole
        title = extract.title
        if self.spacing > extract.smoothing:
            title = tr("{axis} · mean of {count} steps", axis=title, count=self.spacing)
        self.plot.bottom_axis.set_title(title)

    @property
    def drawn_rows(self) -> int:
        """How many rows the history had when this was drawn."""
        return 0 if self.extract is None else len(self.extract.x)

    def _values(self, trace: Trace, points: int) -> tuple[Rows, Floats]:
        """Rows of the history and what is drawn at them."""
        extract = self.extract
        # One value more on each side, so that curves go on to the edges.
        reach = 2 * -(-(extract.last - extract.first) // points)
        first, last = extract.first - reach, min(extract.last + reach, len(extract.x))
        rows, values = extract.history.window(*trace.key, first, last, points + 4, extract.smoothing)
        self.spacing = int(rows[1] - rows[0]) if len(rows) > 2 else 1
        if extract.log and not self.unit_range:
            # Logarithms are of positive values only; the others leave a gap.
            values = np.log10(values, where=values > 0, out=np.full(len(values), np.nan))
        return rows, values

    def show_cursor(self, row: int | None, words: str = "") -> None:
        """Draw the cursor line at a row of the history and say what the curves show there."""
        extract = self.extract
        if row is None or extract is None:
            self.plot.show_cursor(None)
            return
        lines = []
        for trace in self.traces:
            if self.plot.curves[trace.key].isVisible():
                smoothing = max(extract.smoothing, self.spacing)
                _, values = extract.history.window(*trace.key, row, row + 1, 2, smoothing)
                lines.append((trace, figure(float(values[-1]))))
        self.plot.show_cursor(float(extract.x[row]), words, lines)

    def _why_empty(self) -> str:
        if self.extract is None:
            return tr("No curves yet.")
        if not self.traces:
            return tr("None of these models has a curve here.")
        if len(self.hidden) == len(self.traces):
            return tr("All curves are hidden. Click them in the legend.")
        if not len(self.extract.x):
            return tr("No steps yet: press Train.")
        return tr("Nothing positive to show on a logarithmic scale.")

    def _on_toggled(self, button: LegendButton, shown: bool) -> None:
        key = button.trace.key
        self.hidden = self.hidden - {key} if shown else self.hidden | {key}
        self.plot.point_out(())
        self.toggled.emit(key, shown)


def _roomy(low: float, high: float, log: bool) -> Range:
    """The range of y for values from `low` to `high`, with some room around them."""
    if low > high:
        return (-1.0, 0.0) if log else (0.0, 1.0)
    room = max(ROOM * (high - low), 0.02 if log else 1e-3 * abs(high), 1e-9)
    return low - room, high + room


def make_cards() -> tuple[PlotCard, ...]:
    """The three plots."""
    return (
        PlotCard(
            "reconstruction",
            tr("Reconstruction"),
            tr("How far decoded images are from the images of the batch. Lower is better."),
        ),
        PlotCard(
            "regularisation",
            tr("Regularisation"),
            tr(
                "What codes and categories are held to beside the reconstruction: the KL divergence, the "
                "generator's loss, consistency, labels."
            ),
        ),
        PlotCard(
            "discriminator",
            tr("Discriminator"),
            tr("How sure the discriminator is that real and made things are real. ½: it cannot tell."),
        ),
    )
