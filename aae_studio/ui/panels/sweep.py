"""Sweep: one model with several values of two options, as a grid of latent planes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.options import Option
from aae_studio.core.registry import MODELS
from aae_studio.core.sweeps import crossed, swept_options
from aae_studio.ui.comparison.axis_row import AxisRow
from aae_studio.ui.comparison.figures import figures
from aae_studio.ui.comparison.grid import SweepGrid
from aae_studio.ui.comparison.plan import Plan, cells_of
from aae_studio.ui.comparison.progress import SeriesBar
from aae_studio.ui.comparison.thumbnail import thumbnail
from aae_studio.ui.option_editors import NumberEntry, QuietBox
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.repeats import Series
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr, tr_error
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.repeats import Run

KEY = "sweep"
STEPS = Option("steps", "Steps", 300, "", minimum=1, maximum=1_000_000, logarithmic=True)


@dataclass(frozen=True)
class Choices:
    """A model, key and text of both axes, steps, and the figure below the cells."""

    model: str
    axes: tuple[tuple[str, str], ...]
    steps: int
    figure: str


class Sweep(Panel):
    """The grid of a sweep and what begins it. It has a series of the workbench's repeats."""

    title = "Sweep"
    tip = "Train one model with several values of two options, and see all its latent planes."
    order = 85

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.grid = SweepGrid(theme)
        self._images: dict[int, QImage] = {}
        self._series: Series | None = None
        # What the grid was filled from: most news of a series are its progress alone.
        self._shown: object = None
        self._arrange()
        workbench.prepared.connect(self._offer_models)
        workbench.configured.connect(self._offer_models)
        workbench.configured.connect(self._mark)
        workbench.repeats.changed.connect(self._on_series)
        self._offer_models()
        self._on_series(KEY)

    def demonstrate(self) -> None:
        self.begin()

    def choices(self) -> Choices:
        axes = tuple((row.key, row.values.text()) for row in (self.across, self.down))
        return Choices(self.model.currentData(), axes, int(self.steps.value), self.figure.currentData())

    def choose(self, choices: Choices) -> None:
        if choices.model not in self._bench.asked.models:
            return
        self.model.setCurrentIndex(self.model.findData(choices.model))
        self._offer_options()
        for row, axis in zip((self.across, self.down), choices.axes, strict=True):
            row.choose(*axis)
        self.steps.show_value(choices.steps)
        self.figure.setCurrentIndex(self.figure.findData(choices.figure))
        self._turns.ask(self._show)

    @property
    def settled(self) -> bool:
        series = self._series
        drawn = series is None or len(self._images) == len(series.runs)
        return not self.isVisible() or (drawn and (series is None or not series.going))

    # Layout

    def _arrange(self) -> None:
        intro = self.muted(
            tr(
                "Each cell is one training: the model's latent plane, coloured by class. Click one to train "
                "it in the window."
            )
        )
        self.model, self.figure = QuietBox(), QuietBox()
        self.steps = NumberEntry(STEPS, tr("Steps"))
        self.across, self.down = AxisRow(tr("Across")), AxisRow(tr("Down"))
        self.figures = {figure.name: figure for figure in figures()}
        for name, figure in self.figures.items():
            self.figure.addItem(figure.title, name)
            self.figure.setItemData(self.figure.count() - 1, figure.meaning, Qt.ItemDataRole.ToolTipRole)
        self.begin_button = QPushButton(tr("Start"))
        self.begin_button.setObjectName("primary")
        self.begin_button.clicked.connect(self.begin)
        self.bar = SeriesBar(self._cancel)
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        self.sentence.setProperty("bad", True)
        self.told = self.muted()
        column = QVBoxLayout(self, spacing=8)
        column.setContentsMargins(10, 8, 8, 8)
        column.addWidget(intro)
        column.addLayout(self._choices())
        for part in (self.sentence, self.bar, self.grid, self.told):
            column.addWidget(part)
        column.addStretch(1)
        self._connect()

    def _choices(self) -> QGridLayout:
        """What is trained, with which values, and what is written below the cells."""
        grid = QGridLayout(horizontalSpacing=6, verticalSpacing=4)
        steps = self._label(tr("Steps"), self.steps, tr("Training steps of each cell."))
        last = QHBoxLayout(spacing=6)
        last.addWidget(steps)
        last.addWidget(self.steps, 1)
        model = self._label(
            tr("Model"), self.model, tr("Which model is trained; the others do not matter to it.")
        )
        figure = self._label(tr("Figure"), self.figure, tr("What is written below each cell."))
        for row, parts in enumerate(
            (
                (model, self.model, last),
                (self.across.label, self.across.choice, self.across.values),
                (self.down.label, self.down.choice, self.down.values),
            )
        ):
            for column, part in enumerate(parts):
                if isinstance(part, QHBoxLayout):
                    grid.addLayout(part, row, column)
                else:
                    grid.addWidget(part, row, column)
        grid.addWidget(figure, 3, 0)
        grid.addWidget(self.figure, 3, 1, 1, 2)
        grid.addWidget(self.begin_button, 4, 1, 1, 2)
        grid.setColumnStretch(2, 1)
        return grid

    def _label(self, text: str, editor: QWidget, help: str) -> QLabel:
        label = QLabel(text)
        label.setProperty("muted", True)
        label.setBuddy(editor)
        label.setToolTip(help)
        editor.setToolTip(help)
        editor.setAccessibleName(text)
        return label

    def _connect(self) -> None:
        self.model.activated.connect(self._offer_options)
        self.figure.activated.connect(self._show)
        self.steps.chosen.connect(self.steps.show_value)
        self.steps.refused.connect(self._say)
        for row in (self.across, self.down):
            row.changed.connect(self._check)
            row.entered.connect(self.begin)
        self.grid.pointed.connect(self._tell)
        self.grid.opened.connect(self.open)

    # What can be swept

    def _offer_models(self) -> None:
        """Offer the models of the window's experiment."""
        asked = self._bench.asked
        if self._bench.snapshot is None:
            return
        chosen = self.model.currentData()
        self.model.clear()
        for name in asked.models:
            self.model.addItem(MODELS.get(name).short, name)
            self.model.setItemData(
                self.model.count() - 1, tr(MODELS.get(name).title), Qt.ItemDataRole.ToolTipRole
            )
        # The VAE's β is what a first sweep is about.
        for wanted in (chosen, "vae"):
            if wanted in asked.models:
                self.model.setCurrentIndex(asked.models.index(wanted))
                break
        self._offer_options()

    def _offer_options(self) -> None:
        options, config = swept_options(self.model.currentData()), self._bench.asked
        first, *_ = options
        self.across.offer(options, config, first)
        second = "learning_rate" if first != "learning_rate" else "batch_size"
        self.down.offer(options, config, second)
        self._check()

    def plan(self) -> Plan:
        """What is to be swept. Raises ConfigError for values that cannot be."""
        across, down = ((row.option, row.key, row.chosen()) for row in (self.across, self.down))
        return Plan(self.model.currentData(), across, down)

    def _check(self) -> None:
        """Say what is wrong as soon as it is entered."""
        self._say("")
        if not self.down.key:
            return
        faults: list[str] = []
        for row in (self.across, self.down):
            try:
                row.chosen()
                row.mark("")
            except StudioError as fault:
                row.mark(tr_error(fault))
                faults.append(tr_error(fault))
        if self.across.key == self.down.key:
            faults.append(tr("Choose two different options."))
        self._say("\n".join(faults))

    def _say(self, sentence: str) -> None:
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self._enable()

    def _enable(self) -> None:
        able = self._bench.snapshot is not None and not self.sentence.text()
        self.begin_button.setEnabled(able)
        self.begin_button.setToolTip(
            tr("Train all cells one after the other, behind the window's own training.")
            if able
            else tr("What is entered above cannot be.")
        )

    # The sweep

    def begin(self) -> None:
        """Train all cells."""
        self.steps.commit()
        if not self.begin_button.isEnabled():
            return
        bench, base = self._bench, self._bench.asked
        try:
            plan = self.plan()
            alone = base.with_(models=(plan.model,))
            configs = crossed(alone, plan.across[1:], plan.down[1:])
        except StudioError as fault:
            self._say(tr_error(fault))
            return
        bench.repeats.begin(KEY, base, configs, int(self.steps.value), bench.data_dir, plan)

    def open(self, place: int) -> None:
        """Train a cell's configuration in the window, from step 0 for as many steps; it can be undone."""
        series, bench = self._series, self._bench
        trained = series is not None and place < len(series.runs) and series.runs[place].fault is None
        if not trained:
            return
        if bench.following is not None:
            self.told.setText(tr("This run is trained elsewhere. Stop following it to go on here."))
            return
        config = self._config(place)
        changes = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
        # Else what is trained already would go on with the new options.
        bench.try_configure(restart=True, **changes)
        if bench.asked == config:
            bench.train(series.steps)

    def _cancel(self) -> None:
        self._bench.repeats.cancel(KEY)

    def _on_series(self, name: str) -> None:
        if name != KEY:
            return
        series = self._bench.repeats.series.get(KEY)
        if series is not self._series:
            self._images.clear()
        self._series = series
        going = series is not None and series.going
        self.bar.show_series(series)
        self.begin_button.setVisible(not going)
        if series is not None:
            if series.fault is not None:
                self._say(tr_error(series.fault))
            self._turns.ask(self._show)

    def _show(self) -> None:
        """Show the cells that are there, drawing one picture that is new."""
        series = self._series
        if series is None:
            return
        missing = [place for place in range(len(series.runs)) if place not in self._images]
        figure = self.figure.currentData()
        state = (id(series), len(series.runs), figure)
        if state == self._shown and not missing:
            return
        self._shown = state
        if missing:
            self._images[missing[0]] = self._drawn(series.runs[missing[0]], series.about.model)
        if len(missing) > 1:
            self._turns.ask(self._show)
        cells = cells_of(series, self._images, self.figures, figure)
        self.grid.show_cells(series.about.heads(), cells)
        self._mark()
        self._tell(self.grid.current)

    def _mark(self) -> None:
        """Mark the cell that the window has, if it is one of them."""
        series, asked = self._series, self._bench.asked
        places = range(len(series.runs)) if series is not None else ()
        self.grid.mark(next((place for place in places if self._config(place) == asked), -1))

    def _config(self, place: int) -> ExperimentConfig:
        """The window's configuration for a cell of the series."""
        assert self._series is not None
        found: ExperimentConfig = self._series.base.with_(**self._series.about.changes(place))
        return found

    def _drawn(self, run: Run, model: str) -> QImage:
        if model not in run.codes:
            blank = QImage(1, 1, QImage.Format.Format_ARGB32_Premultiplied)
            blank.fill(0)
            return blank
        extent = run.extent if MODELS.get(model).uses_prior else None
        return thumbnail(run.codes[model], run.labels, extent, self._theme)

    def _tell(self, place: int) -> None:
        """Say below the grid what the cell tells that one points at."""
        series = self._series
        if series is None:
            self.told.setText("")
        elif 0 <= place < len(self.grid.cells):
            self.told.setText(self.grid.cells[place].told)
        else:
            self.told.setText(
                tr(
                    "{done} of {count} cells, {steps} steps each. Point at a cell for its figures; click "
                    "it, or press Enter, to train it in the window from step 0 (Ctrl+Z goes back).",
                    done=len(series.runs),
                    count=len(series.configs),
                    steps=series.steps,
                )
            )
