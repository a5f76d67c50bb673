"""MainWindow: layout and menus only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QActionGroup, QCloseEvent, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QMenu,
    QMessageBox,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from aae_studio import __version__
from aae_studio.core.errors import DataMissing, StudioError
from aae_studio.ui import plugins
from aae_studio.ui.actions import ROWS, describe, make_actions, overlay_rows
from aae_studio.ui.banner import Banner
from aae_studio.ui.code_panel import CodePanel
from aae_studio.ui.files import Files
from aae_studio.ui.icons import application_icon
from aae_studio.ui.keys import keys_table
from aae_studio.ui.lane import Lane
from aae_studio.ui.legend_bar import LegendBar
from aae_studio.ui.options_form import OptionsForm
from aae_studio.ui.panel_dock import PanelDock
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.show_panel import ShowPanel
from aae_studio.ui.status_bar import StatusBar
from aae_studio.ui.theme import Theme
from aae_studio.ui.tool_bar import ToolBar
from aae_studio.ui.translation import LANGUAGES, tr, tr_error
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.ui.plots.loss_plots import LossPlots

LAYOUT_VERSION = 2
FORM_WIDTH = 228
# A window that is not painted (minimised, say) goes on after this long all the same.
LATEST_MS = 1500
# What only an experiment of one's own can do.
TRAINING = ("train", "step", "rewind", "new_seed", "save", "save_as")
THEMES = {"system": "As the system", "dark": "Dark", "light": "Light"}


class MainWindow(QMainWindow):
    """The Studio's window.

    Emits `theme_chosen` and `language_chosen`, after which the composition root builds another window
    on the same workbench, and `first_painted`, once, when it is on the screen. `may_close` is asked
    before it closes for good.
    """

    theme_chosen = Signal(str)
    language_chosen = Signal(str)
    first_painted = Signal()

    def __init__(
        self,
        workbench: Workbench,
        theme: Theme,
        settings: QSettings,
        may_close: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._bench, self._theme, self._settings, self._may_close = workbench, theme, settings, may_close
        self.turns = Turns(self)
        self.files = Files(self, workbench, settings)
        self.lanes: dict[str, Lane] = {}
        self._painted = False
        self._last_step = workbench.step
        self.setWindowTitle("AAE Studio")
        self.setWindowIcon(application_icon())
        self.overlays, self.panel_docks = plugins.overlays(), dict[str, PanelDock]()
        rows = (*ROWS, *overlay_rows(self.overlays))
        self.actions_by_name = make_actions(self, theme, rows, self._slots())
        self.tool_bar = ToolBar(workbench, theme, self.actions_by_name)
        self.banner = Banner()
        self.setStatusBar(StatusBar(workbench, self))
        self._make_center()
        self._make_docks()
        self._make_menus()
        self._connect()
        self.resize(1480, 900)
        self._default_state = self.saveState(LAYOUT_VERSION)
        self._restore_layout()
        self._show_lanes()
        # What takes long to import waits until the window is on the screen.
        self.first_painted.connect(self._make_plots, Qt.ConnectionType.QueuedConnection)
        QTimer.singleShot(LATEST_MS, self._announce_paint)

    # Layout

    def _make_center(self) -> None:
        self._lane_row = QHBoxLayout()
        self._lane_row.setContentsMargins(0, 0, 0, 0)
        self._lane_row.setSpacing(8)
        center = QWidget()
        column = QVBoxLayout(center)
        column.setContentsMargins(4, 8, 8, 2)
        column.setSpacing(8)
        column.addWidget(self.banner)
        column.addWidget(_scrolling_sideways(self._lane_row), 1)
        column.addWidget(LegendBar(self._bench, self._theme, self.overlays))
        self.setCentralWidget(center)
        self.setMenuWidget(self._top())

    def _top(self) -> QWidget:
        """The menu bar above the tool bar, both over the docks."""
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._menus = self.menuBar()
        column.addWidget(self._menus)
        column.addWidget(self.tool_bar)
        return top

    def _make_docks(self) -> None:
        self.options_form = OptionsForm(self._bench, self._theme)
        self.code_panel = CodePanel(self._bench, self._theme)
        self.code_panel.relevance_changed.connect(self._show_code_dock)
        self.options_form.setMinimumWidth(FORM_WIDTH)
        side = Qt.DockWidgetArea.LeftDockWidgetArea
        self.options_dock = self._dock("options", tr("Experiment"), self.options_form, side)
        self.code_dock = self._dock("code", tr("Latent axes"), self.code_panel, side)
        self.show_panel = ShowPanel(self.actions_by_name[name] for name in self._layers())
        self.show_dock = self._dock("show", tr("Show"), self.show_panel, side)
        self._plots_host = QWidget()
        host = QVBoxLayout(self._plots_host)
        host.setContentsMargins(4, 0, 8, 6)
        self.plots_dock = self._dock(
            "losses", tr("Losses"), self._plots_host, Qt.DockWidgetArea.BottomDockWidgetArea
        )
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.resizeDocks([self.options_dock], [FORM_WIDTH], Qt.Orientation.Horizontal)
        self.resizeDocks([self.plots_dock], [214], Qt.Orientation.Vertical)
        self.loss_plots: LossPlots | None = None
        for name, kind in plugins.panels().items():
            self.panel_docks[name] = dock = PanelDock(name, kind, self._make_panel, self)
            self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
            dock.hide()
        # Upright at the side, several titles can be read; side by side above a panel they could not.
        self.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.East)
        for first, second in pairwise(self.panel_docks.values()):
            self.tabifyDockWidget(first, second)

    def _make_panel(self, kind: type[Panel]) -> Panel:
        return kind(self._bench, self._theme, self.turns)

    def _layers(self) -> list[str]:
        """The actions that show or hide something on the canvases."""
        return ["show_codes", "show_prior", *(f"overlay_{name}" for name in self.overlays)]

    def demonstrate(self, names: Iterable[str]) -> None:
        """Show these overlays and panels, and in a panel what a person would do first."""
        for name in names:
            if name in self.overlays:
                self.actions_by_name[f"overlay_{name}"].setChecked(True)
            else:
                self.panel_docks[name].open().demonstrate()

    @property
    def settled(self) -> bool:
        """Whether what was demonstrated is on show, as far as the threads have to do with it."""
        panels = [dock.panel for dock in self.panel_docks.values() if dock.panel is not None]
        return not self._bench.questions.unanswered and all(panel.settled for panel in panels)

    def _dock(self, name: str, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(content)
        self.addDockWidget(area, dock)
        return dock

    def _make_plots(self) -> None:
        from aae_studio.ui.plots.loss_plots import LossPlots

        self.loss_plots = LossPlots(self._bench, self._theme, self.turns)
        layout = self._plots_host.layout()
        assert layout is not None
        layout.addWidget(self.loss_plots)

    def _show_lanes(self) -> None:
        """One lane a model, in the configuration's order; cards to wait before there are models."""
        while (item := self._lane_row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.lanes = {
            name: Lane(self._bench, name, self._theme, self.turns, self.overlays)
            for name in self._bench.models
        }
        for lane in self.lanes.values():
            self._lane_row.addWidget(lane, 1)
        if not self.lanes:
            for name in self._bench.config.models:
                self._lane_row.addWidget(_waiting_card(name), 1)
        self.code_dock.setVisible(self.code_panel.relevant)

    def catch_up(self) -> None:
        """Draw what waits for its turn now: for a picture."""
        for lane in self.lanes.values():
            lane.show_newest()
        self.turns.finish()
        if self.loss_plots is not None:
            self.loss_plots.redraw()

    # Menus

    def _make_menus(self) -> None:
        actions = self.actions_by_name
        sections = (
            ("&File", ("open", "follow", "save", "save_as", "", "data_dir", "downloads", "", "quit")),
            ("&Edit", ("undo", "redo")),
            ("E&xperiment", ("train", "step", "rewind", "new_seed", "stop_following")),
            ("&View", (*self._layers(), "", "linked", "crisp", "fit", "")),
            ("&Panels", ()),
            ("&Help", ("keys", "about")),
        )
        for title, names in sections:
            menu = self._menus.addMenu(tr(title))
            menu.setObjectName(title)
            for name in names:
                if name == "downloads":
                    menu.addActions(self.files.download_actions())
                elif name:
                    menu.addAction(actions[name])
                else:
                    menu.addSeparator()
            if title == "E&xperiment":
                self.tool_bar.dataset_menu.setTitle(tr("Dataset"))
                self.tool_bar.prior_menu.setTitle(tr("Prior"))
                menu.addSeparator()
                menu.addMenu(self.tool_bar.dataset_menu)
                menu.addMenu(self.tool_bar.prior_menu)
            if title == "&View":
                self._fill_view_menu(menu)
            if title == "&Panels":
                for dock in self.panel_docks.values():
                    menu.addAction(dock.action)

    def _fill_view_menu(self, menu: QMenu) -> None:
        for dock in (self.options_dock, self.code_dock, self.show_dock, self.plots_dock):
            menu.addAction(dock.toggleViewAction())
        menu.addAction(self.actions_by_name["reset_layout"])
        menu.addSeparator()
        chosen = (self._settings.value("theme", "system"), self._settings.value("language", "en"))
        for title, choices, current, signal in (
            (tr("Theme"), {key: tr(text) for key, text in THEMES.items()}, chosen[0], self.theme_chosen),
            ("Language · 언어", LANGUAGES, chosen[1], self.language_chosen),
        ):
            submenu = menu.addMenu(title)
            group = QActionGroup(submenu)
            for key, text in choices.items():
                action = submenu.addAction(text)
                action.setCheckable(True)
                action.setChecked(key == current)
                action.triggered.connect(partial(self._choose, signal, key))
                group.addAction(action)

    def _choose(self, signal: Signal, key: str) -> None:
        signal.emit(key)  # type: ignore[attr-defined]

    def _slots(self) -> dict[str, Callable[..., object]]:
        bench = self._bench
        return {
            "train": bench.toggle_training,
            "step": partial(bench.train, 1),
            "rewind": bench.rewind,
            "new_seed": bench.new_seed,
            "open": self.files.open_session,
            "follow": self.files.follow_run,
            "stop_following": bench.stop_following,
            "save": self.files.save_session,
            "save_as": self.files.save_session_as,
            "data_dir": self.files.choose_data_dir,
            "quit": self.close,
            "undo": bench.undo,
            "redo": bench.redo,
            "linked": bench.planes.set_linked,
            **{name: partial(self._set_display, name) for name in ("crisp", "show_codes", "show_prior")},
            **{f"overlay_{name}": partial(bench.display.show_overlay, name) for name in self.overlays},
            "fit": self._fit_all,
            "reset_layout": self.reset_layout,
            "keys": self.show_keys,
            "about": self.show_about,
        }

    def _connect(self) -> None:
        bench = self._bench
        bench.prepared.connect(self._on_prepared)
        bench.configured.connect(self._show_undo)
        bench.failed.connect(self._on_failed)
        bench.saved.connect(self._on_saved)
        bench.training_changed.connect(self._on_training)
        bench.following_changed.connect(self._on_following)
        bench.progressed.connect(self._on_progressed)
        self.banner.download_asked.connect(self.files.download)
        self.banner.folder_asked.connect(self.files.choose_data_dir)
        self.files.said.connect(self.say)
        bench.display.changed.connect(self._show_overlays)
        self.banner.rewind_asked.connect(bench.rewind)
        self.actions_by_name["linked"].setChecked(bench.planes.linked)
        for name in ("crisp", "show_codes", "show_prior"):
            self.actions_by_name[name].setChecked(getattr(bench.display, name))
        self._show_overlays()
        self._show_undo()
        self._on_following(bench.following is not None)

    def _show_overlays(self) -> None:
        for name in self.overlays:
            self.actions_by_name[f"overlay_{name}"].setChecked(name in self._bench.display.overlays)

    def _set_display(self, name: str, shown: bool) -> None:
        self._bench.display.set(**{name: shown})

    def _show_code_dock(self, relevant: bool) -> None:
        self.code_dock.setVisible(relevant)

    def _fit_all(self) -> None:
        for name in self._bench.models:
            self._bench.planes.fit_view(name)

    # News from the workbench

    def _on_prepared(self) -> None:
        self.banner.hide()
        lost, self._last_step = self._last_step, self._bench.step
        self._show_lanes()
        self._enable_training()
        if not isinstance(QApplication.focusWidget(), QLineEdit | QAbstractSpinBox | QComboBox):
            # Keys speak to the first canvas until the person chooses otherwise.
            next(iter(self.lanes.values())).canvas.setFocus()
        if self._bench.training:
            return
        if self._bench.following is None and lost > self._bench.step:
            self.say(tr("Started again from step 0: what was trained to step {step} is gone.", step=lost))
        elif self._bench.following is None:
            self.say(tr("Ready: press Space to train, drag in a plane to look around."))
        else:
            self._say_following()

    def _on_training(self, training: bool) -> None:
        if training:
            self.banner.hide()
            self.say(tr("Training. Drag the point: the decoded image follows."))
        elif self._bench.step and self._bench.following is None:
            self.say(tr("Paused at step {step}.", step=self._bench.step))

    def _on_failed(self, fault: StudioError) -> None:
        self.banner.show_fault(fault)
        self._enable_training()
        self.say(tr_error(fault) if not isinstance(fault, DataMissing) else tr("Data missing."))

    def _on_saved(self, folder: Path) -> None:
        self.say(tr("Saved in {folder}.", folder=folder))

    def _show_undo(self) -> None:
        self.actions_by_name["undo"].setEnabled(self._bench.changes.can_undo)
        self.actions_by_name["redo"].setEnabled(self._bench.changes.can_redo)

    def _enable_training(self) -> None:
        own, loaded = self._bench.following is None, self._bench.snapshot is not None
        for name in TRAINING:
            # What is asked for while the first experiment is made is done when it is there.
            self.actions_by_name[name].setEnabled(own and (loaded or name == "train"))

    def _on_following(self, following: bool) -> None:
        """What is trained elsewhere can be looked at, and not changed."""
        self._enable_training()
        for row in ROWS:
            if row.name in TRAINING:
                elsewhere = tr("This run is trained elsewhere. Stop following it to go on here.")
                describe(self.actions_by_name[row.name], elsewhere if following else tr(row.tip))
        self.actions_by_name["stop_following"].setVisible(following)
        self.options_form.setEnabled(not following)
        if following:
            # What it offers would change an experiment that is no longer on show.
            self.banner.hide()
            self._say_following()

    def _say_following(self) -> None:
        folder, there = self._bench.following, self._bench.snapshot is not None
        self.say(
            tr("Following {folder}, which is trained elsewhere.", folder=folder)
            if there
            else tr("Waiting for {folder} to be saved…", folder=folder)
        )

    def _on_progressed(self) -> None:
        self._last_step = self._bench.step
        # A run that could not be read for a while can be read again.
        if self._bench.following is not None and not self.banner.isHidden():
            self.banner.hide()
            self._say_following()

    def say(self, text: str) -> None:
        """Show a message in the status bar."""
        bar = self.statusBar()
        assert isinstance(bar, StatusBar)
        bar.say(text)

    # Help

    def show_keys(self) -> None:
        """Say what mouse and keyboard do."""
        panels = (dock.action for dock in self.panel_docks.values())
        QMessageBox.information(
            self, tr("Mouse and keys"), keys_table([*self.actions_by_name.values(), *panels])
        )

    def show_about(self) -> None:
        """Say which version this is, and whose data it shows."""
        snapshot = self._bench.snapshot
        source = tr(snapshot.dataset.attribution) if snapshot is not None else ""
        QMessageBox.about(self, tr("About AAE Studio"), f"AAE Studio {__version__}\nMIT\n\n{source}")

    # Leaving

    def reset_layout(self) -> None:
        """Put all panels back where they were."""
        self.restoreState(self._default_state, LAYOUT_VERSION)
        self.code_dock.setVisible(self.code_panel.relevant)

    def save_layout(self) -> None:
        """Remember size and panels."""
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("state", self.saveState(LAYOUT_VERSION))

    def _restore_layout(self) -> None:
        geometry, state = self._settings.value("geometry"), self._settings.value("state")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if state is not None:
            self.restoreState(state, LAYOUT_VERSION)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self._announce_paint()

    def _announce_paint(self) -> None:
        if not self._painted:
            self._painted = True
            self.first_painted.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.save_layout()
        # Gone at once for the person; the threads end behind it.
        self.hide()
        if self._may_close():
            event.accept()
        else:
            self.show()
            self.say(tr("Training did not stop yet. Close once more."))
            event.ignore()


def _scrolling_sideways(row: QHBoxLayout) -> QScrollArea:
    """An area with this row in it: more lanes than fit make it scroll, and not the window wider."""
    content, area = QWidget(), QScrollArea()
    content.setLayout(row)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def _waiting_card(name: str) -> QFrame:
    """What a lane's place shows until the models are there."""
    card = QFrame()
    card.setObjectName("card")
    column = QVBoxLayout(card)
    title, note = QLabel(name.upper()), QLabel(tr("loading…"))
    title.setObjectName("cardTitle")
    note.setProperty("muted", True)
    note.setAlignment(Qt.AlignmentFlag.AlignCenter)
    column.addWidget(title)
    column.addWidget(note, 1)
    return card
