"""The panel that shows the activations of every layer."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout

from aae_studio.ui.inside.layer_view import LayerView
from aae_studio.ui.inside.model_box import ModelBox
from aae_studio.ui.panels.base import Panel as Base
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

# From one picture to the next at least: a drag must not wait for them.
REST_MS = 80


class Panel(Base):
    """Shows what each layer of one model makes of the code under the cursor, or of the image whose point the
    mouse is over. It goes with the lane that was used last. Emits nothing.
    """

    title = "Layer by layer"
    tip = "What every layer of the networks makes of the code under the cursor, or of an image."
    shortcut = "Ctrl+L"
    order = 20

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._ask_turn)
        self._stale = True
        self._arrange()
        self._fill_models()
        workbench.prepared.connect(self._fill_models)
        workbench.planes.cursor_moved.connect(self._on_moved)
        for signal in (workbench.snapshot_changed, workbench.display.hovered, workbench.display.changed):
            signal.connect(self._refresh)

    @property
    def model(self) -> str:
        """The model on show."""
        return self.models.model

    def choices(self) -> str:
        return self.model

    def choose(self, choices: str) -> None:
        self.models.choose(choices)

    @property
    def settled(self) -> bool:
        return not self._stale

    def demonstrate(self) -> None:
        """Move the cursor of the model with most to show away from 0."""
        models = self._bench.models
        name = max(models, key=lambda name: len(models[name].model.networks))
        sigma = self._bench.snapshot.prior.sigma if self._bench.snapshot is not None else 1.0
        self._bench.planes.move_cursor(name, (0.8 * sigma, -0.9 * sigma))

    def show_newest(self) -> None:
        """Look through the newest networks, and show it."""
        from aae_studio.core import activations

        bench, name = self._bench, self.model
        if not self.isVisible() or name not in bench.models or bench.snapshot is None:
            return
        frozen, sample = bench.models[name], bench.display.hovered_sample
        if sample is None or not frozen.has_encoder:
            passage = activations.of_code(frozen, bench.planes.cursors[name], bench.planes.conditions[name])
            self.subject.setText(tr("The code under the cursor:"))
        else:
            label = int(bench.probe.labels[sample])
            passage = activations.of_image(frozen, bench.probe.image(sample), label)
            self.subject.setText(tr("The image under the mouse:"))
        self.view.show_passage(passage, bench.display.crisp)
        self._stale = False
        self._turns.ask(self.view.redraw)
        self._rest.start()

    def _refresh(self) -> None:
        """There is something new; it is shown in a turn, and not at once after the one before."""
        self._stale = True
        if self.isVisible() and not self._rest.isActive():
            self._turns.ask(self.show_newest)

    def _ask_turn(self) -> None:
        if self._stale and self.isVisible():
            self._turns.ask(self.show_newest)

    def _on_moved(self) -> None:
        if self._bench.planes.active != self.model:
            self.models.choose(self._bench.planes.active)
        self._refresh()

    def _fill_models(self) -> None:
        self.models.fill()
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._rest.stop()

    def _arrange(self) -> None:
        intro = self.muted(
            tr("What every layer makes of the code under the cursor. Hover a point: of its image instead.")
        )
        self.models = ModelBox(
            self._bench, tr("The model whose layers are shown: the lane that was used last.")
        )
        self.models.currentIndexChanged.connect(self._refresh)
        self.subject = QLabel()
        self.subject.setObjectName("cardTitle")
        self.view = LayerView(self._theme)
        self.view.setAccessibleName(tr("Activations"))
        positive, negative = (self._theme.color(name).name() for name in ("positive", "negative"))
        legend = self.muted(
            f"<span style='color:{positive}'>■</span> "
            + tr("above 0")
            + f" · <span style='color:{negative}'>■</span> "
            + tr("below 0")
            + " · "
            + tr("each layer has its own scale")
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(7)
        for widget in (intro, self.models, self.subject, self.view, legend):
            column.addWidget(widget)
        column.addStretch(1)
