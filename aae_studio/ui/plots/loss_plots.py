"""LossPlots: the curves of all models while they train."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from aae_studio.ui.plots.axis import figure
from aae_studio.ui.plots.card import Extract, Key, PlotCard, make_cards, traces_of
from aae_studio.ui.plots.controls import STYLE as CONTROLS_STYLE
from aae_studio.ui.plots.controls import PlotControls
from aae_studio.ui.plots.timeline import Range, Timeline
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns

if TYPE_CHECKING:
    from aae_studio.core.history import History
    from aae_studio.ui.workbench import Workbench

# From one round over the three plots to the next; and to one that moves no curve by a pixel.
REDRAW_MS, LATEST_MS = 200, 1000
# A round waits until this many times the last one's work has passed: plots took half of all that the
# interface does while models train, and so from their training.
PATIENCE = 50
# Names in @ signs are colours of the theme.
STYLE = """
#cursorLine { background: @outline@; }
#plotMessage { color: @muted@; font-size: 11px; }
#levelWords { background: @card@; color: @good@; font-size: 11px; }
"""


@dataclass(frozen=True)
class PlotChoices:
    """What a person has chosen in the plots. `span`: what was zoomed to in this history; None: all steps."""

    logarithmic: bool
    in_seconds: bool
    smoothing: int
    hidden: frozenset[Key]
    span: Range | None
    history: History | None


class LossPlots(QWidget):
    """Three plots over one x axis, and a row of controls above them.

    While the models train it draws each plot at most five times a second, in a turn of its own, and only
    when it can be seen; where the new steps fill less than a pixel, once a second. It follows the training
    until the user zooms or pans; a double click follows again.
    """

    def __init__(
        self, workbench: Workbench, theme: Theme, turns: Turns, choices: PlotChoices | None = None
    ) -> None:
        """`choices`: what was chosen in other plots of this workbench."""
        super().__init__()
        self._workbench, self._theme, self._turns = workbench, theme, turns
        self._timeline = Timeline()
        self._hidden: set[Key] = set()
        self._log = False
        # Where the user points, as a fraction of the x axis.
        self._pointed: float | None = None
        # Plots that the round has not come to yet, whether another round must follow, and whether that one
        # has more to show than new steps.
        self._waiting: list[PlotCard] = []
        self._news = self._resized = False
        # What the last round, or the one that is under way, has worked, in seconds.
        self._work = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._begin_round)
        self._latest = QTimer(self)
        self._latest.setSingleShot(True)
        self._latest.setInterval(LATEST_MS)
        self._latest.timeout.connect(self._start_round)
        self.controls = PlotControls()
        self.cards = make_cards()
        self._arrange()
        self.set_theme(theme)
        if choices is not None:
            self._restore(choices)
        self._listen()
        self._rebuild()

    def _restore(self, choices: PlotChoices) -> None:
        """Choose what was chosen in other plots, before there are curves."""
        self._hidden = set(choices.hidden)
        self.set_logarithmic(choices.logarithmic)
        self.set_in_seconds(choices.in_seconds)
        self.set_smoothing(choices.smoothing)
        # Of another experiment the whole history is shown.
        if choices.history is self._workbench.history:
            self._timeline.history, self._timeline.span = choices.history, choices.span

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
        self._workbench.progressed.connect(self._schedule)
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
        self._timeline.use_seconds(on)
        self.controls.axis.set_second(on)
        self.redraw()

    def set_smoothing(self, steps: int) -> None:
        """Draw the mean of so many steps."""
        self.controls.set_smoothing(steps)

    def show_all(self) -> None:
        """Show all steps and follow the training."""
        self._timeline.fit()
        self.redraw()

    def choices(self) -> PlotChoices:
        """What was chosen here, for other plots of this workbench."""
        timeline = self._timeline
        return PlotChoices(
            self._log,
            timeline.in_seconds,
            self.controls.smoothing,
            frozenset(self._hidden),
            timeline.span,
            timeline.history,
        )

    # Drawing

    def redraw(self) -> None:
        """Draw what the history holds now."""
        self._timer.stop()
        self._latest.stop()
        self._waiting.clear()
        self._news = self._resized = False
        self.controls.fit.setEnabled(self._timeline.span is not None)
        for card in self.cards:
            self._draw(card)

    def _draw(self, card: PlotCard) -> None:
        timeline = self._timeline
        if not self.isVisible() or timeline.history is None:
            return
        extract = Extract(
            timeline.history,
            timeline.x,
            *timeline.rows(),
            timeline.shown,
            tr("training time (s)") if timeline.in_seconds else tr("step"),
            not timeline.in_seconds,
            self.controls.smoothing,
            self._log,
        )
        card.show_history(extract)
        self._show_cursor((card,))

    def _show_cursor(self, cards: Sequence[PlotCard]) -> None:
        """The cursor line and the values there."""
        timeline = self._timeline
        row = None if self._pointed is None else timeline.row_at(self._pointed)
        for card in cards:
            if row is None or timeline.history is None or not card.drawn_rows:
                card.show_cursor(None)
                continue
            # More rows may have come since the card was drawn.
            there = min(row, card.drawn_rows - 1)
            words = tr("step {step}", step=int(timeline.history.steps[there]))
            if timeline.in_seconds:
                words += " · " + tr("{seconds} s", seconds=figure(float(timeline.history.seconds[there])))
            card.show_cursor(there, words)

    # News

    def _rebuild(self) -> None:
        """Other models, or another experiment."""
        bench = self._workbench
        if bench.history is not self._timeline.history:
            self._timeline.history = bench.history
            self._timeline.fit()
            self._pointed = None
        bernoulli = bench.config.reconstruction == "bernoulli"
        titles = {
            "reconstruction": tr("nats per image") if bernoulli else tr("MSE per pixel"),
            "regularisation": tr("loss"),
            "discriminator": tr("D(real), D(fake)"),
        }
        for card in self.cards:
            card.set_traces(list(traces_of(bench.models, card.name)), self._hidden, self._theme)
            card.plot.left_axis.set_title(titles[card.name])
        self._even_rows()
        self.redraw()

    def _schedule(self) -> None:
        """Draw soon; all that happens until then is drawn together."""
        self._news = True
        self._begin_round()

    def _begin_round(self) -> None:
        """Draw all plots anew, if there is news and it is time."""
        if not self._news or self._timer.isActive():
            return
        if self._moves_curves():
            self._start_round()
        elif not self._latest.isActive():
            self._latest.start()

    def _moves_curves(self) -> bool:
        """Whether the steps since the last round are as many as one drawn value stands for."""
        new = len(self._timeline.x) - min(card.drawn_rows for card in self.cards)
        return self._resized or new >= max(card.spacing for card in self.cards)

    def _start_round(self) -> None:
        if self.isVisible() and not self._waiting:
            self._latest.stop()
            self._waiting = list(self.cards)
            self._news = self._resized = False
            self._timer.start(max(REDRAW_MS, round(1000 * PATIENCE * self._work)))
            self._work = 0.0
            self._turns.ask(self._draw_next)

    def _draw_next(self) -> None:
        """Draw one plot, so that nothing else waits for all of them."""
        if self._waiting:
            start = time.thread_time()
            self._draw(self._waiting.pop(0))
            self._work += time.thread_time() - start
        if self._waiting:
            self._turns.ask(self._draw_next)
        else:
            self._begin_round()

    def _on_smoothed(self, _steps: int) -> None:
        self.redraw()

    def _on_toggled(self, key: Key, shown: bool) -> None:
        self._hidden = self._hidden - {key} if shown else self._hidden | {key}
        self.redraw()

    def _on_pointed(self, fraction: float | None) -> None:
        self._pointed = fraction
        self._show_cursor(self.cards)

    def _on_nudged(self, direction: int) -> None:
        """To the next value that is drawn, left or right; at first to the newest."""
        row = None if self._pointed is None else self._timeline.row_at(self._pointed)
        self._pointed = 1.0
        if row is not None:
            step = direction * max(card.spacing for card in self.cards)
            self._pointed = self._timeline.fraction_of(row + step)
        self._show_cursor(self.cards)

    def _on_zoomed(self, factor: float, fraction: float) -> None:
        self._timeline.zoom(factor, fraction)
        self.redraw()

    def _on_panned(self, fraction: float) -> None:
        self._timeline.pan(fraction)
        self.redraw()

    def _even_rows(self) -> None:
        """Give all title rows the height of the highest, so that the plots line up."""
        height = max(card.title_height() for card in self.cards)
        for card in self.cards:
            card.row.setFixedHeight(height)

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.redraw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._even_rows()
        self._resized = True
        self._schedule()
