"""ToolBar: training, progress, dataset, prior, and which models run."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from aae_studio.core.errors import StudioError
from aae_studio.core.registry import DATASETS, MODELS, PRIORS, Registry
from aae_studio.ui.icons import icon
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr, tr_error
from aae_studio.ui.workbench import Workbench

# Models of a higher order share a menu.
LAST_BUTTON = 49
# Below this width the name gives way, then the buttons show their icons only.
NARROW, NARROWER = 1420, 1320


class ToolBar(QWidget):
    """Shows the controls that are always wanted. Emits nothing."""

    def __init__(
        self, workbench: Workbench, theme: Theme, actions: dict[str, QAction], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench, self._theme, self._actions = workbench, theme, actions
        self.setObjectName("toolBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._brand = QLabel("AAE Studio")
        self._brand.setObjectName("brand")
        center = Qt.AlignmentFlag.AlignHCenter
        self._progress = Readout(theme.color("muted"), fixed_font(12), alignment=center)
        self._progress.setAccessibleName(tr("Progress of the training"))
        self.dataset_menu, self.prior_menu = QMenu(self), QMenu(self)
        self._dataset = self._menu_button(self.dataset_menu, tr("Dataset"))
        self._prior = self._menu_button(self.prior_menu, tr("Prior"))
        self._choices = QWidget()
        self._pills = QHBoxLayout()
        self._pills.setSpacing(5)
        self.model_buttons: dict[str, QToolButton] = {}
        self.models_menu = QMenu(self)
        self._more = self._menu_button(self.models_menu, tr("More models"))
        self._more.hide()
        self._icon_buttons: list[QToolButton] = []
        self._layout()
        workbench.progressed.connect(self.show_progress)
        workbench.caught_up.connect(self.show_progress)
        workbench.prepared.connect(self.show_progress)
        workbench.prepared.connect(self._fill)
        # Where the first experiment cannot be, another must be within reach.
        workbench.failed.connect(self._fill)
        workbench.failed.connect(self.show_progress)
        workbench.configured.connect(self._show_choices)
        workbench.configured.connect(self.show_progress)
        workbench.training_changed.connect(self.show_training)
        workbench.following_changed.connect(self.show_following)
        self.show_training(workbench.training)
        self.show_progress()
        self._show_choices()
        if workbench.snapshot is not None:
            self._fill()
        self.show_following(workbench.following is not None)

    def show_progress(self) -> None:
        """Show step, epoch, speed and seed."""
        bench = self._bench
        if bench.snapshot is None:
            self._progress.setText(bench.why_empty)
            return
        going = bench.training or bench.following is not None
        rate = f"{bench.steps_per_second:.0f}" if going and bench.steps_per_second else "–"
        self._progress.setText(
            tr(
                "step {step} · epoch {epoch} · {rate} steps/s · seed {seed}",
                step=bench.step,
                epoch=bench.epoch,
                rate=rate,
                seed=str(bench.config.seed),
            )
        )

    def show_training(self, training: bool) -> None:
        """Let the first button say what it will do."""
        action = self._actions["train"]
        action.setText(tr("Pause") if training else tr("Train"))
        color, disabled = self._theme.color("on-accent"), self._theme.color("disabled")
        action.setIcon(icon("pause" if training else "train", color, disabled))
        self.show_progress()

    def show_following(self, following: bool) -> None:
        """Show how to stop following; what is trained elsewhere offers no choices."""
        self._stop_following.setVisible(following)
        self._choices.setEnabled(not following)
        for menu in (self.dataset_menu, self.prior_menu):
            menu.menuAction().setEnabled(not following)
        self.show_progress()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._brand.setVisible(self.width() >= NARROW)
        style = Qt.ToolButtonStyle
        chosen = style.ToolButtonTextBesideIcon if self.width() >= NARROWER else style.ToolButtonIconOnly
        for button in self._icon_buttons:
            button.setToolButtonStyle(chosen)
        super().resizeEvent(event)

    def _layout(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 7, 12, 7)
        row.setSpacing(6)
        row.addWidget(self._brand)
        row.addSpacing(8)
        for name in ("train", "step", "rewind", "new_seed"):
            button = QToolButton()
            button.setObjectName(name)
            button.setDefaultAction(self._actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
            if name in ("rewind", "new_seed"):
                self._icon_buttons.append(button)
        self._stop_following = QToolButton()
        self._stop_following.setDefaultAction(self._actions["stop_following"])
        self._stop_following.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self._stop_following.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(self._stop_following)
        row.addWidget(self._progress, 1)
        row.addWidget(self._choices)
        choices = QHBoxLayout(self._choices)
        choices.setContentsMargins(0, 0, 0, 0)
        choices.setSpacing(6)
        choices.addWidget(self._dataset)
        choices.addWidget(self._prior)
        choices.addSpacing(8)
        choices.addLayout(self._pills)

    def _menu_button(self, menu: QMenu, name: str) -> QToolButton:
        button = QToolButton()
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(name)
        return button

    def _fill(self, *_: object) -> None:
        """List what there is. Done once, when the plug-ins are loaded."""
        if self.model_buttons:
            self._show_choices()
            return
        for registry, menu, field in (
            (DATASETS, self.dataset_menu, "dataset"),
            (PRIORS, self.prior_menu, "prior"),
        ):
            self._fill_menu(registry, menu, field)
        self.models_menu.setToolTipsVisible(True)
        for name, plugin in MODELS.all().items():
            if getattr(plugin, "order", 0) > LAST_BUTTON:
                self._add_model_action(name, plugin)
            else:
                self._add_model_button(name, plugin)
        self._pills.addWidget(self._more)
        self._more.setVisible(bool(self.models_menu.actions()))
        words = tr("More models: each can be on or off. One that joins first catches up with the others.")
        explain(self._more, words)
        self._show_choices()

    def _add_model_button(self, name: str, plugin: Any) -> None:
        button = QToolButton()
        self._pills.addWidget(button)
        self.model_buttons[name] = button
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if isinstance(plugin, StudioError):
            button.setText(name)
            button.setEnabled(False)
            button.setToolTip(tr_error(plugin))
            return
        button.setText(plugin.short)
        button.setAccessibleName(tr(plugin.title))
        words = tr(
            "{title}: on or off. A model that joins is first trained alone, on the same batches, until "
            "it is as far as the others. One that comes back goes on from where it was.",
            title=tr(plugin.title),
        )
        explain(button, words)
        color = self._theme.color(plugin.color).name()
        on = self._theme.color("on-model").name()
        button.setStyleSheet(
            f"QToolButton:checked {{ background: {color}; border-color: {color}; color: {on};"
            " font-weight: 600; }"
        )
        button.clicked.connect(partial(self._toggle_model, name))

    def _add_model_action(self, name: str, plugin: Any) -> None:
        action = self.models_menu.addAction(f"{tr(plugin.title)}\t{tr(plugin.summary)}")
        action.setCheckable(True)
        action.setData(name)
        action.triggered.connect(partial(self._toggle_model, name))

    def _fill_menu(self, registry: Registry, menu: QMenu, field: str) -> None:
        group = QActionGroup(menu)
        menu.setToolTipsVisible(True)
        for name, plugin in registry.all().items():
            action = QAction(name, menu)
            if isinstance(plugin, StudioError):
                reason: str | None = tr_error(plugin)
            else:
                action.setText(f"{tr(plugin.title)}\t{tr(plugin.summary)}")
                words = plugin.unavailable() if registry is DATASETS else None
                reason = words and tr(words)
            action.setCheckable(True)
            action.setData(name)
            action.setEnabled(reason is None)
            if reason:
                action.setToolTip(reason)
            action.triggered.connect(partial(self._choose, field, name))
            group.addAction(action)
            menu.addAction(action)

    def _show_choices(self) -> None:
        """Show which dataset, prior and models hold."""
        asked = self._bench.asked
        for menu, chosen in ((self.dataset_menu, asked.dataset), (self.prior_menu, asked.prior)):
            for action in menu.actions():
                action.setChecked(action.data() == chosen)
        for name, button in self.model_buttons.items():
            button.setChecked(name in asked.models)
        for action in self.models_menu.actions():
            action.setChecked(action.data() in asked.models)
        more = sum(action.isChecked() for action in self.models_menu.actions())
        self._more.setText((tr("More ({count})", count=more) if more else tr("More")) + " ▾")
        prior = _title_in(self.prior_menu, asked.prior)
        self._dataset.setText(f"{_title_in(self.dataset_menu, asked.dataset)} ▾")
        self._prior.setText(tr("Prior: {title}", title=prior) + " ▾")
        self._dataset.setToolTip(tr("The images that all models are trained on. Another starts from step 0."))
        self._prior.setToolTip(tr("The shape that VAE, AAE and GAN give the latent space. Changes at once."))

    def _choose(self, field: str, name: str) -> None:
        self._bench.try_configure(**{field: name})

    def _toggle_model(self, name: str) -> None:
        chosen = set(self._bench.asked.models) ^ {name}
        if not chosen:
            self._show_choices()
            return
        # Lanes stand in teaching order.
        models = tuple(other for other in MODELS.all() if other in chosen)
        self._bench.try_configure(models=models)


def _title_in(menu: QMenu, name: str) -> str:
    """A plug-in's title in its menu; its name as long as plug-ins are not loaded."""
    titles = {action.data(): action.text().partition("\t")[0] for action in menu.actions()}
    return titles.get(name, name)
