"""Composition root: builds threads, workbench and window, and wires them."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog

from aae_studio import paths
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.ui import theme as themes
from aae_studio.ui import translation
from aae_studio.ui.follow_thread import FollowThread
from aae_studio.ui.main_window import MainWindow
from aae_studio.ui.survey_thread import SurveyThread
from aae_studio.ui.trainer_thread import TrainerThread
from aae_studio.ui.workbench import Workbench

# The interface takes the interpreter back from a training thread after at most this long.
SWITCH_INTERVAL_S = 0.00005
# What holds as long as nobody has chosen.
DEFAULTS = {"theme": "system", "language": "en"}
# A step of a large network on a busy machine may take this long.
CLOSE_LIMIT_MS = 5000
# After a new experiment or window, when the old one is gone: what it held is given back.
TIDY_MS = 2000


class Studio(QObject):
    """The running program: three threads, one workbench, one window."""

    def __init__(
        self, application: QApplication, config: ExperimentConfig, data_dir: Path, settings: QSettings
    ) -> None:
        super().__init__()
        self._application, self.settings = application, settings
        self.trainer, self.survey, self.follower = TrainerThread(), SurveyThread(), FollowThread()
        self.workbench = Workbench(config, data_dir, self.trainer, self.survey, self.follower)
        self.workbench.prepared.connect(self._quiet_torch)
        self.workbench.prepared.connect(self._spare_what_stays)
        self._closed = False
        # Models that were replaced, and windows: without it every new seed kept 25 MB.
        self._tidying = QTimer(self)
        self._tidying.setSingleShot(True)
        self._tidying.setInterval(TIDY_MS)
        self._tidying.timeout.connect(self._tidy)
        self.workbench.prepared.connect(self._tidy_later)
        self.workbench.failed.connect(self._print_fault)
        self.window = self._new_window()
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)

    def start(self, run: Path | None = None, train: bool = False, follow: bool = False) -> None:
        """Bring up the experiment behind the window that is already shown."""
        # Imported here: the window is shown first.
        from threadpoolctl import threadpool_limits

        sys.setswitchinterval(SWITCH_INTERVAL_S)
        # Threads in which numpy multiplies matrices go at the interface's priority: they took 7 % of the
        # trainer's core.
        threadpool_limits(1, user_api="blas")
        self.trainer.start()
        self.survey.start()
        self.workbench.begin(run, train, follow)

    def close_threads(self) -> bool:
        """End all threads; False when one is still busy at the time limit."""
        bench = self.workbench
        threads = (self.trainer, self.survey, self.follower, bench.repeats, bench.decodings)
        for thread in threads:
            thread.requestInterruption()
        self._tidying.stop()
        gc.unfreeze()
        ended = [thread.close(CLOSE_LIMIT_MS) for thread in threads]
        self._closed = all(ended)
        return self._closed

    def leave(self, *_: object) -> None:
        """Close the window without a question: what Ctrl-C in the terminal does."""
        self.window.close_at_once()

    def set_theme(self, choice: str) -> None:
        """Dress in `dark`, `light` or as the `system`."""
        self._choose("theme", choice)

    def set_language(self, language: str) -> None:
        """Speak `en` or `ko`."""
        self._choose("language", language)

    def _choose(self, setting: str, value: str) -> None:
        """Keep a setting, and have another window where it is another one."""
        before = self.settings.value(setting, DEFAULTS[setting])
        self.settings.setValue(setting, value)
        if value != before:
            self._rebuild()

    def _new_window(self) -> MainWindow:
        translation.use(str(self.settings.value("language", DEFAULTS["language"])), self._application)
        self._theme = themes.resolve(str(self.settings.value("theme", DEFAULTS["theme"])))
        themes.apply(self._application, self._theme)
        window = MainWindow(self.workbench, self._theme, self.settings, self.close_threads)
        window.theme_chosen.connect(self.set_theme)
        window.language_chosen.connect(self.set_language)
        return window

    def _rebuild(self) -> None:
        """Another window on the same workbench: words and colours are chosen when widgets are made."""
        old = self.window
        old.save_layout()
        self.window = self._new_window()
        self.window.resume(old)
        in_front = [name for name, dock in old.panel_docks.items() if dock.in_front]
        # First: panels that are hidden take back what they asked, and those of the new window ask the same.
        old.hide()
        for dock in old.panel_docks.values():
            # A floating one is not hidden with its window.
            dock.hide()
        self.window.show()
        for name in in_front:
            self.window.panel_docks[name].raise_()
        for dialog in old.findChildren(QDialog):
            # A download ends its thread before its dialog is destroyed.
            dialog.reject()
        old.deleteLater()
        self._tidy_later()

    def _follow_system(self) -> None:
        if themes.resolve(str(self.settings.value("theme", "system"))) != self._theme:
            self._rebuild()

    def _quiet_torch(self) -> None:
        """Decode with one thread on the interface thread: waking others costs more than it saves."""
        from aae_studio.core import compute

        compute.use_threads(1)

    def _spare_what_stays(self) -> None:
        """Keep the modules and the window out of garbage collection: a full pass over torch alone takes
        0.15 s, in which nothing moves."""
        # Once: what a later experiment leaves behind must be collected.
        if gc.get_freeze_count() == 0:
            gc.freeze()

    def _tidy_later(self) -> None:
        # News may come after the window has been closed, and even destroyed.
        if not self._closed:
            self._tidying.start()

    def _tidy(self) -> None:
        from aae_studio.core import compute

        compute.return_memory()

    def _print_fault(self, fault: StudioError) -> None:
        print(f"aae-studio: {fault}", file=sys.stderr)


class _Probe(QObject):
    fired = Signal(bool)

    def take(self, value: bool) -> None:
        """Receive and forget."""


def qt_loses_references() -> bool:
    """Whether this PySide6 loses a reference to True on every emit (6.12.0 before Python 3.12 does)."""
    probe = _Probe()
    probe.fired.connect(probe.take)
    before = sys.getrefcount(True)
    for _ in range(64):
        probe.fired.emit(True)
    return sys.getrefcount(True) < before - 32


def make_application() -> QApplication:
    """The QApplication, checked and named. Raises StudioError when this Qt would crash."""
    existing = QApplication.instance()
    if existing is None and _lacks_display():
        raise StudioError(
            "There is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. "
            "`aae-studio train` and `aae-studio screenshot` do without one."
        )
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("AAE Studio")
    application.setDesktopFileName("aae-studio")
    if qt_loses_references():
        raise StudioError(
            "This version of PySide6 crashes on this Python. Install another: "
            "pip install 'PySide6-Essentials!=6.12.0'"
        )
    return application


def _lacks_display() -> bool:
    """Whether Qt would abort for want of a screen."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return sys.platform == "linux" and not any(os.environ.get(name) for name in names)


def user_settings() -> QSettings:
    """The window's settings on disk."""
    return QSettings(str(paths.settings_file()), QSettings.Format.IniFormat)


def open_window(
    config: ExperimentConfig,
    data_dir: Path,
    run: Path | None = None,
    train: bool = False,
    theme: str | None = None,
    language: str | None = None,
    follow: bool = False,
) -> int:
    """Open the Studio and return its exit code when it is closed. Raises StudioError."""
    application = make_application()
    settings = user_settings()
    if theme is not None:
        settings.setValue("theme", theme)
    if language is not None:
        settings.setValue("language", language)
    elif settings.value("language") is None:
        settings.setValue("language", translation.system_language())
    studio = Studio(application, config, data_dir, settings)
    sys.excepthook = _report_defect
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, studio.leave)
    # Shown first, then the work that needs torch.
    start = partial(studio.start, run, train, follow)
    studio.window.first_painted.connect(start, Qt.ConnectionType.QueuedConnection)
    studio.window.show()
    return application.exec()


def _report_defect(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """A defect in a slot is printed; the window goes on."""
    traceback.print_exception(kind, fault, trace)
