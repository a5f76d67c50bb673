"""The real main window without a screen, and its picture."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QEventLoop, QMessageLogContext, QSettings, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.ui import plugins
from aae_studio.ui.app import Studio, make_application
from aae_studio.ui.main_window import MainWindow

# What a picture shows may take this long to be worked out.
SETTLING_S = 60.0


def screenshot(
    config: ExperimentConfig,
    data_dir: Path,
    steps: int,
    out: Path,
    size: tuple[int, int],
    theme: str,
    language: str,
    run: Path | None = None,
    show: Sequence[str] = (),
) -> tuple[int, int]:
    """Train so many steps in the real main window and save its picture, with overlays and panels on show.

    Returns the picture's size in pixels. Raises StudioError.
    """
    with offscreen_studio(config, data_dir, size, theme, language) as studio:
        # A panel that shows a step takes the last one; before the first there is none to show.
        taken = any(kind.takes_step for name, kind in plugins.panels().items() if name in show)
        _train(studio, steps - taken if steps else 0, run)
        studio.window.demonstrate(show)
        _settle(studio.window)
        return _save(studio.window, size, out)


def _pass_on(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    """Print Qt's messages, but for one that every window without a screen causes."""
    if "propagateSizeHints" not in text:
        print(text, file=sys.stderr)


@contextlib.contextmanager
def offscreen_studio(
    config: ExperimentConfig, data_dir: Path, size: tuple[int, int], theme: str, language: str
) -> Iterator[Studio]:
    """A Studio with its real main window, drawn without a screen and without the user's settings."""
    if QApplication.instance() is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        qInstallMessageHandler(_pass_on)
    application = make_application()
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat)
        settings.setValue("theme", theme)
        settings.setValue("language", language)
        studio = Studio(application, config, data_dir, settings)
        studio.window.resize(*size)
        studio.window.show()
        try:
            yield studio
        finally:
            studio.close_threads()
            studio.window.close_at_once()
            studio.window.deleteLater()


def _train(studio: Studio, steps: int, run: Path | None) -> None:
    """Train so many steps, and wait until their weights have been surveyed."""
    faults: list[StudioError] = []
    goals: list[int] = []
    bench, loop = studio.workbench, QEventLoop()

    def finish_on_fault(fault: StudioError) -> None:
        faults.append(fault)
        loop.quit()

    def finish_when_surveyed() -> None:
        seen, models = bench.findings, bench.models
        whole = all(name in seen.figures for name, frozen in models.items() if frozen.has_encoder)
        if goals and seen.figures_step >= goals[0] and whole:
            loop.quit()

    def remember_goal() -> None:
        goals.append(bench.step + steps)

    bench.prepared.connect(remember_goal)
    bench.failed.connect(finish_on_fault)
    bench.surveyed.connect(finish_when_surveyed)
    studio.start(run)
    if steps:
        bench.train(steps)
    loop.exec()
    if faults:
        raise faults[0]


def _settle(window: MainWindow) -> None:
    """Wait until what was demonstrated is on show."""
    _process_events()
    patience = time.monotonic() + SETTLING_S
    while not window.settled and time.monotonic() < patience:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        # Without events that returns at once, and the threads have the answers to work out.
        time.sleep(0.005)
    window.catch_up()
    _process_events()


def _process_events() -> None:
    # Layouts that a first round of events made are drawn in the second.
    for _ in range(3):
        QApplication.processEvents()


def _save(window: MainWindow, size: tuple[int, int], out: Path) -> tuple[int, int]:
    if window.width() > size[0] or window.height() > size[1]:
        raise StudioError(
            "The window can be no smaller than {width}x{height}.",
            width=window.width(),
            height=window.height(),
        )
    picture = window.grab()
    if not out.parent.is_dir() or not picture.save(str(out)):
        raise StudioError("The picture {out} cannot be written.", out=out)
    return picture.width(), picture.height()
