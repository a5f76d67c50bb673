"""Comparison: all models by all figures, live or over several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout

from aae_studio.core.registry import MODELS
from aae_studio.ui.comparison.figure_model import Entry
from aae_studio.ui.comparison.figures import figures, judged_by, tip
from aae_studio.ui.comparison.progress import SeriesBar
from aae_studio.ui.comparison.survey import Measured, Measuring
from aae_studio.ui.comparison.table import FigureTable
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.repeats import Series
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr, tr_error
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.metrics import Classifier
    from aae_studio.core.repeats import Measure

KEY = "compare"
SEEDS = 5

# Share of the steps by which live figures may lie apart and still be compared.
MOST_APART = 0.1


class Compare(Panel):
    """The table of figures. It asks for measures while it is shown, and has a series of the workbench's
    repeats."""

    title = "Comparison"
    tip = "Show all models by all figures, with the spread over several seeds."
    order = 80

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.figures = figures()
        self.table = FigureTable(self.figures, theme)
        self._measuring: Measuring | None = None
        # Of its own: the panel of the window before, in another theme, drops its question later.
        self.question = (KEY, id(self))
        # What the table was filled from: most surveys bring nothing new for it.
        self._shown: object = None
        self._arrange()
        workbench.prepared.connect(self._ask)
        workbench.surveyed.connect(self._schedule)
        workbench.training_changed.connect(self._on_training)
        workbench.repeats.judged.connect(self._ask)
        workbench.repeats.judged.connect(self._show_series)
        workbench.repeats.changed.connect(self._on_series)
        self._show_series()

    def demonstrate(self) -> None:
        self.repeat()

    def choices(self) -> bool:
        return self.over_seeds.isChecked()

    def choose(self, choices: bool) -> None:
        self.over_seeds.setChecked(choices and self.over_seeds.isEnabled())

    @property
    def settled(self) -> bool:
        series, seen = self._series, self._measured
        judged = seen is not None and (seen.judged or bool(self._bench.repeats.judge_faults))
        return not self.isVisible() or (judged and (series is None or not series.going))

    def repeat(self) -> None:
        """Train the configuration as it stands with several seeds, for as many steps as it has now."""
        from aae_studio.core.repeats import with_seeds

        bench, config = self._bench, self._bench.config
        bench.repeats.begin(KEY, config, with_seeds(config, SEEDS), bench.step, bench.data_dir)
        self.over_seeds.setChecked(True)

    # Layout

    def _arrange(self) -> None:
        intro = self.muted(
            tr(
                "A best value is marked only where it is better by more than chance. Point at a name to read "
                "what it says; click it to sort the models."
            )
        )
        self.caption, self.note, self.fault = (self.muted() for _ in range(3))
        self.fault.setProperty("muted", False)
        self.fault.setProperty("bad", True)
        self.repeat_button = QPushButton(tr("Repeat with {count} seeds", count=SEEDS))
        self.repeat_button.clicked.connect(self.repeat)
        self.bar = SeriesBar(self._cancel)
        column = QVBoxLayout(self, spacing=8)
        column.setContentsMargins(10, 8, 8, 8)
        column.addWidget(intro)
        column.addLayout(self._top())
        for part in (self.repeat_button, self.bar, self.fault, self.table, self.caption, self.note):
            column.addWidget(part)
        column.addStretch(1)

    def _top(self) -> QHBoxLayout:
        """Which figures the table shows, and what can be done with it."""
        self.live = self._choice(tr("Live"), tr("The models in the window, as they are now."))
        self.over_seeds = self._choice(
            tr("{count} seeds", count=SEEDS),
            tr("Mean and standard deviation over the runs with several seeds."),
        )
        self.live.setChecked(True)
        group = QButtonGroup(self)
        for button in (self.live, self.over_seeds):
            group.addButton(button)
            button.toggled.connect(self._refresh)
        self.copy_button = QToolButton()
        self.copy_button.setText(tr("Copy"))
        self.copy_button.setProperty("flat", True)
        self.copy_button.setToolTip(tr("Copy or sort the table (also by right click; Ctrl+C copies it)."))
        self.copy_button.clicked.connect(self._open_menu)
        row = QHBoxLayout(spacing=0)
        row.addWidget(self.live)
        row.addWidget(self.over_seeds)
        row.addStretch(1)
        row.addWidget(self.copy_button)
        return row

    def _choice(self, text: str, help: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(help)
        button.setAccessibleDescription(help)
        button.setCheckable(True)
        button.setProperty("choice", True)
        return button

    def _open_menu(self) -> None:
        menu = self.table.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.copy_button.mapToGlobal(self.copy_button.rect().bottomLeft()))

    # What is asked

    @property
    def _measured(self) -> Measured | None:
        return self._bench.questions.answers.get(self.question)

    @property
    def _series(self) -> Series | None:
        return self._bench.repeats.series.get(KEY)

    @property
    def _judge(self) -> Classifier | None:
        return self._bench.repeats.judge(self._bench.config, self._bench.data_dir)

    def _ask(self) -> None:
        """Have the models measured, anew where the classifier or the experiment is another."""
        if self.isVisible() and self._bench.snapshot is not None:
            self._measuring = Measuring(self._judge)
            self._bench.questions.ask(self.question, self._measuring)
            self._schedule()

    def _on_training(self, training: bool) -> None:
        if not training and self._measuring is not None and self.isVisible():
            self._measuring.hurry(self._bench.step)
            self._bench.questions.ask(self.question, self._measuring)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._bench.questions.drop(self.question)
        self._measuring = None

    # What is shown

    def _schedule(self) -> None:
        if self.isVisible():
            self._turns.ask(self._refresh)

    def _cancel(self) -> None:
        self._bench.repeats.cancel(KEY)

    def _on_series(self, name: str) -> None:
        if name == KEY:
            self._show_series()
            self._schedule()

    def _show_series(self) -> None:
        series = self._series
        self.bar.show_series(series)
        there = series is not None and (series.going or bool(series.runs))
        self.over_seeds.setEnabled(there)
        if not there:
            # Cancelled before the first run was over: there is nothing but the live figures.
            self.live.setChecked(True)
        self.repeat_button.setVisible(series is None or not series.going)
        faults = [] if series is None else [series.fault, *(run.fault for run in series.runs)]
        faults += self._bench.repeats.judge_faults.values()
        told = list(dict.fromkeys(tr_error(fault) for fault in faults if fault is not None))
        self.fault.setText("\n".join(told[:2]))
        self.fault.setVisible(bool(told))

    def _refresh(self) -> None:
        bench, series = self._bench, self._series
        if bench.snapshot is None:
            return
        state = (
            self._measured,
            self.over_seeds.isChecked(),
            None if series is None else (id(series), len(series.runs), series.going),
            self._judge is None,
            tuple(bench.models),
            bench.config,
            bench.step > 0,
        )
        if state == self._shown:
            return
        self._shown = state
        if series is not None and self.over_seeds.isChecked():
            measures = self._spread()
            self._show_table(measures, list(measures or bench.models))
            self.caption.setText(self._seeds_caption(series))
        else:
            self._show_table(self._live(), list(bench.models))
            self.caption.setText(self._live_caption())
        judge = self._judge
        self.note.setText(judged_by(None if judge is None else judge.validation_accuracy))
        trained = bench.step > 0
        self.repeat_button.setEnabled(trained)
        words = tr("Train first: the seeds are trained for as many steps.")
        if trained:
            words = tr(
                "Train this configuration, as it stands, from step 0 with {count} seeds for as many steps as "
                "it has now, behind the window's own training.",
                count=SEEDS,
            )
        explain(self.repeat_button, words)

    def _show_table(self, measures: Mapping[str, Mapping[str, Measure]], names: list[str]) -> None:
        from aae_studio.core.evaluation import LIVE_SIZE
        from aae_studio.core.repeats import best

        kinds = {name: MODELS.get(name) for name in names}
        entries = [
            Entry(name, kind.short, kind.color, measures.get(name, {})) for name, kind in kinds.items()
        ]
        marks = {
            figure.name: None
            if self._beyond_compare(measures)
            else best(
                figure.name,
                {
                    entry.name: entry.measures[figure.name]
                    for entry in entries
                    if figure.name in entry.measures
                },
            )
            for figure in self.figures
        }
        judge, test = self._judge, self._bench.snapshot.dataset.test
        accuracy = None if judge is None else judge.validation_accuracy
        tips = [tip(figure, min(LIVE_SIZE, len(test)), accuracy) for figure in self.figures]
        self.table.show_entries(entries, marks, tips)

    def _beyond_compare(self, measures: Mapping[str, Mapping[str, Measure]]) -> bool:
        """Whether these are live figures of models that are untrained, or at steps so different that none can
        be called best."""
        seen = self._measured
        if seen is None or measures is not seen.measures or not seen.steps:
            return False
        least, most = min(seen.steps.values()), max(seen.steps.values())
        return least == 0 or most - least > MOST_APART * most

    def _live(self) -> Mapping[str, Mapping[str, Measure]]:
        return {} if self._measured is None else self._measured.measures

    def _spread(self) -> Mapping[str, Mapping[str, Measure]]:
        """Over the seeds that were trained so far, if any were."""
        from aae_studio.core.repeats import spread

        return {} if self._series is None else spread(self._series.runs)

    def _live_caption(self) -> str:
        seen = self._measured
        if seen is None or not seen.steps:
            return tr("Measuring…")
        least, most = min(seen.steps.values()), max(seen.steps.values())
        if least == most:
            return tr("At step {step}, on {count} test images.", step=most, count=seen.count)
        return tr(
            "At steps {first} to {last}, one model after the other, on {count} test images.",
            first=least,
            last=most,
            count=seen.count,
        )

    def _seeds_caption(self, series: Series) -> str:
        done = sum(run.fault is None for run in series.runs)
        if not done and series.going:
            return tr("The first seed is not done yet.")
        words = tr(
            "Mean ± standard deviation over {done} seeds, {steps} steps each.",
            done=done,
            steps=series.steps,
        )
        return words if series.base == self._bench.config else f"{words} {tr('Of an earlier configuration.')}"
