"""MainWindow: layout and menus only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QChildEvent, QEvent, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLineEdit,
    QMainWindow,
    QMenu,
    QMessageBox,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from aae_studio import __version__
from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import plugins
from aae_studio.ui.actions import ROWS, describe, make_actions, overlay_rows
from aae_studio.ui.banner import Banner
from aae_studio.ui.code_panel import CodePanel
from aae_studio.ui.files import Files
from aae_studio.ui.icons import application_icon
from aae_studio.ui.keys import keys_table
from aae_studio.ui.lane import Lane
from aae_studio.ui.lane_row import LaneRow
from aae_studio.ui.legend_bar import LegendBar
from aae_studio.ui.menus import Menus
from aae_studio.ui.options_form import OptionsForm
from aae_studio.ui.panel_dock import PanelDock
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.points_box import PointsBox
from aae_studio.ui.show_panel import ShowPanel
from aae_studio.ui.state.difference import in_short
from aae_studio.ui.status_bar import StatusBar
from aae_studio.ui.theme import Theme
from aae_studio.ui.tool_bar import ToolBar
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.ui.plots.loss_plots import LossPlots, PlotChoices

LAYOUT_VERSION = 2
FORM_WIDTH = 228
# A window that is not painted (minimised, say) goes on after this long all the same.
LATEST_MS = 1500
# What only an experiment of one's own can do.
TRAINING = ("train", "step", "rewind", "new_seed", "save", "save_as")
# What the display has switches for, by name, beside the overlays.
SWITCHES = ("show_codes", "show_prior", "drags_data", "crisp")


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
        self._painted = False
        # Of the experiment on show.
        self._generation = -1
        self._show_title()
        self.setWindowIcon(application_icon())
        self.overlays = plugins.overlays()
        rows = (*ROWS, *overlay_rows(self.overlays))
        self.actions_by_name = make_actions(self, theme, rows, self._slots())
        self.tool_bar = ToolBar(workbench, theme, self.actions_by_name)
        self.banner, self.status_bar = Banner(workbench), StatusBar(workbench, self)
        self.setStatusBar(self.status_bar)
        self._make_center()
        self._make_docks()
        self._make_menus()
        self._connect()
        self.resize(_first_size())
        self._default_state = self.saveState(LAYOUT_VERSION)
        self._restore_layout()
        self.code_dock.setVisible(self.code_panel.relevant)
        # What takes long to import waits until the window is on the screen.
        self.first_painted.connect(self._make_plots, Qt.ConnectionType.QueuedConnection)
        self.first_painted.connect(self._complete_menus, Qt.ConnectionType.QueuedConnection)
        QTimer.singleShot(LATEST_MS, self._announce_paint)

    # Layout

    def _make_center(self) -> None:
        self.lane_row = LaneRow(self._bench, self._theme, self.turns, self.overlays)
        center = QWidget()
        column = QVBoxLayout(center)
        column.setContentsMargins(4, 8, 8, 2)
        column.setSpacing(8)
        column.addWidget(self.banner)
        column.addWidget(self.lane_row, 1)
        column.addWidget(LegendBar(self._bench, self._theme, self.overlays))
        self.setCentralWidget(center)
        self.setMenuWidget(self._top())

    def _top(self) -> QWidget:
        """The menu bar above the tool bar, both over the docks."""
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._menus = Menus(self.actions_by_name, self._settings)
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
        shown = (self.actions_by_name[name] for name in self._layers())
        self.show_panel = ShowPanel(shown, PointsBox(self._bench))
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
        # What was chosen in another window's plots, until there are some here.
        self._plot_choices: PlotChoices | None = None
        # Upright at the side, several titles can be read; side by side above a panel they could not.
        self.setTabPosition(Qt.DockWidgetArea.RightDockWidgetArea, QTabWidget.TabPosition.East)

    @cached_property
    def panel_docks(self) -> dict[str, PanelDock]:
        """A dock for each kind of panel, where it was when the window was last closed."""
        docks = {
            name: PanelDock(name, kind, self._make_panel, self) for name, kind in plugins.panels().items()
        }
        for dock in docks.values():
            dock.left.connect(self._focus_canvas)
        # What is put away first is hidden, and stays so when it is restored.
        self._put_away([dock for dock in docks.values() if not self.restoreDockWidget(dock)])
        return docks

    def _put_away(self, docks: Iterable[PanelDock]) -> None:
        """Hide panels at the right, one behind the other."""
        for dock in docks:
            dock.setFloating(False)
            self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
            dock.hide()
        for first, second in pairwise(docks):
            self.tabifyDockWidget(first, second)

    @property
    def lanes(self) -> dict[str, Lane]:
        """The lanes by model."""
        return self.lane_row.lanes

    def resume(self, before: MainWindow) -> None:
        """Take over what was chosen in the form, panels and plots of another window on this workbench."""
        self.options_form.unfold(before.options_form.unfolded)
        plots = before.loss_plots
        self._plot_choices = before._plot_choices if plots is None else plots.choices()
        for name, dock in before.panel_docks.items():
            self.panel_docks[name].keep(dock.choices())

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
        # One that lies behind another is told nothing, and nobody sees it.
        panels = [dock.panel for dock in self.panel_docks.values() if dock.in_front and dock.panel]
        return not self._bench.questions.unanswered and all(panel.settled for panel in panels)

    def _dock(self, name: str, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(content)
        self.addDockWidget(area, dock)
        return dock

    def _make_plots(self) -> None:
        from aae_studio.ui.plots.loss_plots import LossPlots

        self.loss_plots = LossPlots(self._bench, self._theme, self.turns, self._plot_choices)
        self._plot_choices = None
        layout = self._plots_host.layout()
        assert layout is not None
        layout.addWidget(self.loss_plots)

    def catch_up(self) -> None:
        """Draw what waits for its turn now: for a picture."""
        self.lane_row.show_newest()
        self.turns.finish()
        if self.loss_plots is not None:
            self.loss_plots.redraw()

    # Menus

    def _make_menus(self) -> None:
        docks = (self.options_dock, self.code_dock, self.show_dock, self.plots_dock)
        data, prior = self.tool_bar.dataset_menu, self.tool_bar.prior_menu
        data.setTitle(tr("Dataset"))
        prior.setTitle(tr("Prior"))
        toggles = (dock.toggleViewAction() for dock in docks)
        for title, parts in (
            ("&File", ("open", "follow", "save", "save_as", "", "data_dir", "", "quit")),
            ("&Edit", ("undo", "redo")),
            ("E&xperiment", ("train", "step", "rewind", "new_seed", "stop_following", "", data, prior)),
            (
                "&View",
                (
                    *(*self._layers(), "", "linked", "drags_data", "crisp", "fit", ""),
                    *(*toggles, "reset_layout", "", *self._menus.choices()),
                ),
            ),
            ("&Panels", ()),
            ("&Help", ("keys", "about")),
        ):
            self._menus.add(title, parts)
        self._menus.theme_chosen.connect(self.theme_chosen)
        self._menus.language_chosen.connect(self.language_chosen)

    def _complete_menus(self) -> None:
        """Add what is known by importing plug-ins."""
        files, panels = (self._menus.findChild(QMenu, title) for title in ("&File", "&Panels"))
        panels.addActions([dock.action for dock in self.panel_docks.values()])
        # Before the line above the last action.
        files.insertActions(files.actions()[-2], self.files.download_actions())

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
            **{name: partial(self._set_display, name) for name in SWITCHES},
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
        bench.failed.connect(self._enable_training)
        bench.following_changed.connect(self._on_following)
        for news in (bench.prepared, bench.saved, bench.following_changed):
            news.connect(self._show_title)
        self.banner.download_asked.connect(self.files.download)
        self.banner.folder_asked.connect(self.files.choose_data_dir)
        self.files.said.connect(self.status_bar.say)
        self.banner.rewind_asked.connect(bench.rewind)
        bench.display.changed.connect(self._show_switches)
        self.actions_by_name["linked"].setChecked(bench.planes.linked)
        self._show_switches()
        self._show_undo()
        self._on_following(bench.following is not None)

    def _show_title(self) -> None:
        """The session's folder, as windows of other programs have their document's name."""
        folder = self._bench.following or self._bench.folder
        self.setWindowTitle("AAE Studio" if folder is None else f"{folder.name} — AAE Studio")

    def _show_switches(self) -> None:
        for name in SWITCHES:
            self.actions_by_name[name].setChecked(getattr(self._bench.display, name))
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
        fresh = self._bench.generation != self._generation
        self._generation = self._bench.generation
        focus = QApplication.focusWidget()
        in_lane = focus is not None and self.lane_row.isAncestorOf(focus)
        self.lane_row.show_models()
        self.code_dock.setVisible(self.code_panel.relevant)
        self._enable_training()
        typing = isinstance(focus, QLineEdit | QAbstractSpinBox | QComboBox)
        gone = focus is None or (in_lane and not focus.isVisible())
        if (fresh and not typing) or gone:
            self._focus_canvas()

    def _focus_canvas(self) -> None:
        """Keys speak to the first canvas until the person chooses otherwise."""
        if self.lanes:
            next(iter(self.lanes.values())).canvas.setFocus()

    def _show_undo(self) -> None:
        """Let the menu say what would be taken back, and what would be made again."""
        changes = self._bench.changes
        self._name_change("undo", tr("Undo"), changes.before, changes.asked)
        self._name_change("redo", tr("Redo"), changes.asked, changes.after)

    def _name_change(
        self, name: str, verb: str, before: ExperimentConfig | None, after: ExperimentConfig | None
    ) -> None:
        action = self.actions_by_name[name]
        # What other places than the menu call it.
        action.setIconText(verb)
        action.setEnabled(before is not None and after is not None)
        words = "" if before is None or after is None else in_short(before, after).replace("&", "&&")
        action.setText(f"{verb}: {words}" if words else verb)

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
        # After it: the default state knows no panels, and would part those that lie behind one another.
        self._put_away(self.panel_docks.values())
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

    def childEvent(self, event: QChildEvent) -> None:
        super().childEvent(event)
        # Asked for only then: a Python object for every child took 18 ms of the start.
        if event.type() == QEvent.Type.ChildPolished and isinstance(bar := event.child(), QTabBar):
            # Qt shortens the titles of panels that lie behind one another until none can be read.
            bar.setElideMode(Qt.TextElideMode.ElideNone)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self._announce_paint()

    def _announce_paint(self) -> None:
        if not self._painted:
            self._painted = True
            self.first_painted.emit()

    def close_at_once(self) -> None:
        """Close without asking whether anything is to be saved."""
        self.files.loses = True
        for dialog in self.findChildren(QDialog):
            dialog.reject()
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_leave():
            event.ignore()
            return
        self.save_layout()
        # Gone at once for the person; the threads end behind it.
        self.hide()
        if self._may_close():
            event.accept()
        else:
            self.show()
            self.status_bar.say(tr("Training did not stop yet. Close once more."))
            event.ignore()


def _first_size() -> QSize:
    """The window's size before anyone chose one: no larger than the screen."""
    size, screen = QSize(1480, 900), QGuiApplication.primaryScreen()
    # The screen that stands in for none has a size of no meaning.
    if screen is None or QGuiApplication.platformName() == "offscreen":
        return size
    return size.boundedTo(screen.availableSize())
