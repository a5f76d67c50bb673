"""For tests of the interface: no screen, no settings of the user's, nothing left behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import translation
from aae_studio.ui.app import Studio


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a running thread, a running timer or a visible window behind."""
    started: list[QThread | QTimer] = []

    def remembering(start: Callable[..., None]) -> Callable[..., None]:
        def remembered_start(one: QThread | QTimer, *args: object) -> None:
            started.append(one)
            start(one, *args)

        return remembered_start

    for kind in (QThread, QTimer):
        monkeypatch.setattr(kind, "start", remembering(kind.start))
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    there = [one for one in started if isValid(one)]
    running = [one.objectName() for one in there if isinstance(one, QThread) and one.isRunning()]
    windows = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    timers = {one.parent() for one in there if isinstance(one, QTimer) and one.isActive()}
    # What one test wears and speaks, the next one does not; nor does it answer for its windows.
    qapp.setStyleSheet("")
    translation.use("en", qapp)
    for window in windows:
        window.hide()
    assert not running, f"threads still running: {running}"
    assert not windows, f"still open: {windows}"
    assert not timers, f"timers still running, of: {timers}"


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and data of this test alone."""
    monkeypatch.setenv("AAE_STUDIO_SETTINGS", str(tmp_path / "settings.ini"))
    monkeypatch.setenv("AAE_STUDIO_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def open_studio(qtbot, qapp: QApplication, tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Opens Studios, each on the screen and with its first experiment, or `until` its workbench says another
    thing; they are closed after the test."""
    opened: list[Studio] = []

    def one_more(
        config: ExperimentConfig,
        size: tuple[int, int] = (1280, 800),
        before_start: Callable[[Studio], None] = lambda studio: None,
        until: str = "prepared",
    ) -> Studio:
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        settings.setValue("theme", "dark")
        studio = Studio(qapp, config, tmp_path / "data", settings)
        opened.append(studio)
        studio.window.resize(*size)
        studio.window.show()
        before_start(studio)
        with qtbot.waitSignal(getattr(studio.workbench, until), timeout=60_000):
            studio.start()
        return studio

    yield one_more
    for studio in opened:
        studio.window.close_at_once()
        studio.window.deleteLater()
