"""LossPlots: the curves of all models while they train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from aae_studio.ui.plots.axis import figure, grouped
from aae_studio.ui.plots.card import Extract, Key, PlotCard
from aae_studio.ui.plots.controls import STYLE as CONTROLS_STYLE
from aae_studio.ui.plots.controls import PlotControls
from aae_studio.ui.plots.curve_item import Floats, Trace
from aae_studio.ui.plots.curve_plot import Range
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.history import History
    from aae_studio.core.snapshot import FrozenModel
    from aae_studio.ui.workbench import Workbench

REDRAW_MS = 100
# The least that can be zoomed in on.
FEWEST_STEPS = 8
# Names in @ signs are colours of the theme.
STYLE = """
#cursorLine { background: @outline@; }
#plotMessage { color: @muted@; font-size: 11px; }
#levelWords { color: @good@; font-size: 11px; }
"""


def traces_of(models: Mapping[str, FrozenModel], plot: str) -> Iterator[Trace]:
    """The curves that the models declare for a plot."""
    for name, frozen in models.items():
        mine = [curve for curve in frozen.model.curves if curve.plot == plot]
        for place, curve in enumerate(mine):
            short = frozen.model.short
            # In the plot “reconstruction”, a curve of that name needs no more than its model's.
            label = short if curve.label == plot else f"{short} {tr(curve.label)}"
            yield Trace(name, curve.name, label, frozen.model.color, place)


class LossPlots(QWidget):
    """Three plots over one x axis, and a row of controls above them.

    While the models train it draws at most ten times a second, and only when it can be seen. It follows
    the training until the user zooms or pans; a double click follows again.
    """

    def __init__(self, workbench: Workbench, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._theme = workbench, theme
        self._history: History | None = None
        self._hidden: set[Key] = set()
        self._log = self._in_seconds = False
        # What the user zoomed to; None: everything, also what is still to come.
        self._span: Range | None = None
        # Where the user points, as a fraction of the x axis.
        self._pointed: float | None = None
        self._stale = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        self.controls = PlotControls()
        self.cards = self._make_cards()
        self._arrange()
        self.set_theme(theme)
        self._listen()
        self._rebuild()

    def _make_cards(self) -> tuple[PlotCard, ...]:
        return (
            PlotCard(
                "reconstruction",
                tr("Reconstruction"),
                tr("How far decoded images are from the images of the batch. Lower is better."),
            ),
            PlotCard(
                "regularisation",
                tr("Regularisation"),
                tr("What pulls codes toward the prior: the KL divergence, or the generator's loss."),
            ),
            PlotCard(
                "discriminator",
                tr("Discriminator"),
                tr("How sure the discriminator is that real and made things are real. ½: it cannot tell."),
            ),
        )

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self.controls)
        row = QHBoxLayout()
        row.setSpacing(8)
        for card in self.cards:
            row.addWidget(card, 1)
        column.addLayout(row, 1)

    def _listen(self) -> None:
        self._workbench.prepared.connect(self._rebuild)
        self._workbench.progressed.connect(self._on_progressed)
        self.controls.log_chosen.connect(self.set_logarithmic)
        self.controls.seconds_chosen.connect(self.set_in_seconds)
        self.controls.smoothed.connect(self._on_smoothed)
        self.controls.fitted.connect(self.show_all)
        for card in self.cards:
            card.toggled.connect(self._on_toggled)
            card.plot.pointed.connect(self._on_pointed)
            card.plot.nudged.connect(self._on_nudged)
            card.plot.zoomed.connect(self._on_zoomed)
            card.plot.panned.connect(self._on_panned)
            card.plot.fitted.connect(self.show_all)

    # What the window may set

    def set_theme(self, theme: Theme) -> None:
        """Wear another theme."""
        self._theme = theme
        style = STYLE + CONTROLS_STYLE
        for name, color in theme.colors.items():
            style = style.replace(f"@{name}@", color)
        self.setStyleSheet(style)
        for card in self.cards:
            card.set_theme(theme)

    def set_logarithmic(self, on: bool) -> None:
        """Draw reconstruction and regularisation on a logarithmic scale."""
        self._log = on
        self.controls.scale.set_second(on)
        self.redraw()

    def set_in_seconds(self, on: bool) -> None:
        """Draw over training time; else over steps. What is zoomed to stays."""
        before = self._x()
        self._in_seconds = on
        self.controls.axis.set_second(on)
        after = self._x()
        if self._span is not None and len(before):
            rows = np.clip(np.searchsorted(before, self._span), 0, len(before) - 1)
            self._span = float(after[rows[0]]), float(after[rows[1]])
        self.redraw()

    def set_smoothing(self, steps: int) -> None:
        """Draw the mean of so many steps."""
        self.controls.set_smoothing(steps)

    def show_all(self) -> None:
        """Show all steps and follow the training."""
        self._span = None
        self.redraw()

    # Drawing

    def redraw(self) -> None:
        """Draw what the history holds now."""
        self._timer.stop()
        self._stale = not self.isVisible()
        if self._stale or self._history is None:
            return
        x = self._x()
        span = self._clamped(self._span) or self._everything(x)
        first, last = (int(row) for row in np.searchsorted(x, span))
        title = tr("training time (s)") if self._in_seconds else tr("step")
        view = Extract(
            self._history,
            x,
            max(first, 0),
            min(last + 1, len(x)),
            span,
            title,
            self.controls.smoothing,
            self._log,
        )
        for card in self.cards:
            card.show_history(view)
        self.controls.fit.setEnabled(self._span is not None)
        self._show_cursor()

    def _x(self) -> Floats:
        """A place on the x axis for each row of the history that is complete."""
        if self._history is None:
            return np.empty(0)
        # The thread appends seconds last: rows up to there are whole.
        seconds = self._history.seconds
        return seconds if self._in_seconds else self._history.steps[: len(seconds)]

    def _everything(self, x: Floats) -> Range:
        if not len(x):
            return 0.0, 100.0
        assert self._history is not None
        # Steps that are counted from 1 begin at the origin.
        low = 0.0 if self._history.steps[0] <= 1 else float(x[0])
        return low, max(float(x[-1]), low + 1e-3)

    def _clamped(self, span: Range | None) -> Range | None:
        """The span, moved and cut to where there are steps; None when that is everything."""
        x = self._x()
        if span is None or not len(x):
            return None
        low, high = self._everything(x)
        width = max(span[1] - span[0], FEWEST_STEPS * (high - low) / max(len(x), FEWEST_STEPS))
        if width >= high - low:
            return None
        left = min(max(span[0], low), high - width)
        return left, left + width

    def _show_cursor(self) -> None:
        """The cursor line and the values there, in all plots."""
        x = self._x()
        row = None
        words = ""
        if self._pointed is not None and len(x) and self.cards[0].view is not None:
            row = self._row_at(x, self._pointed)
            assert self._history is not None
            step = tr("step {step}", step=grouped(float(self._history.steps[row])))
            seconds = tr("{seconds} s", seconds=figure(float(self._history.seconds[row])))
            words = f"{step} · {seconds}" if self._in_seconds else step
        for card in self.cards:
            card.show_cursor(row, words)

    def _row_at(self, x: Floats, fraction: float) -> int:
        """The row of the history that is nearest to a fraction of what is shown."""
        low, high = self._shown_span()
        place = low + fraction * (high - low)
        right = int(np.clip(np.searchsorted(x, place), 0, len(x) - 1))
        left = max(right - 1, 0)
        return left if place - x[left] < x[right] - place else right

    def _shown_span(self) -> Range:
        view = self.cards[0].view
        assert view is not None
        return view.span

    # News

    def _rebuild(self) -> None:
        """Other models, or another experiment."""
        if self._workbench.history is not self._history:
            self._history = self._workbench.history
            self._span = self._pointed = None
        titles = {
            "reconstruction": tr("nats per image")
            if self._workbench.config.reconstruction == "bernoulli"
            else tr("MSE per pixel"),
            "discriminator": tr("D(real), D(fake)"),
        }
        for card in self.cards:
            traces = list(traces_of(self._workbench.models, card.name))
            card.set_traces(traces, self._hidden, self._theme)
            card.plot.left_axis.set_title(titles.get(card.name, tr("KL · generator (nats)")))
        self._even_rows()
        self.redraw()

    def _on_progressed(self) -> None:
        self._stale = True
        self._schedule()

    def _schedule(self) -> None:
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _on_smoothed(self, _steps: int) -> None:
        self.redraw()

    def _on_toggled(self, key: Key, shown: bool) -> None:
        self._hidden = self._hidden - {key} if shown else self._hidden | {key}
        self.redraw()

    def _on_pointed(self, fraction: float | None) -> None:
        self._pointed = fraction
        self._show_cursor()

    def _on_nudged(self, direction: int) -> None:
        """The next row that is drawn, to the left or right; from nowhere, the newest."""
        x = self._x()
        if not len(x) or self.cards[0].view is None:
            return
        low, high = self._shown_span()
        if self._pointed is None:
            self._pointed = 1.0
        else:
            row = self._row_at(x, self._pointed) + direction * max(card.spacing for card in self.cards)
            self._pointed = (float(x[min(max(row, 0), len(x) - 1)]) - low) / (high - low)
            self._pointed = min(max(self._pointed, 0.0), 1.0)
        self._show_cursor()

    def _on_zoomed(self, factor: float, fraction: float) -> None:
        low, high = self._shown_span()
        fixed = low + fraction * (high - low)
        self._span = self._clamped((fixed - (fixed - low) * factor, fixed + (high - fixed) * factor))
        self.redraw()

    def _on_panned(self, fraction: float) -> None:
        if self._span is not None:
            low, high = self._span
            shift = fraction * (high - low)
            self._span = self._clamped((low + shift, high + shift))
            self.redraw()

    def _even_rows(self) -> None:
        """Give all title rows the height of the highest, so that the plots line up."""
        height = max(card.row.height_for(card.contentsRect().width() - 16) for card in self.cards)
        for card in self.cards:
            card.row.setFixedHeight(height)

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._even_rows()
        self._schedule()
