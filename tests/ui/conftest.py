"""For tests of the interface: no screen, no settings of the user's, nothing left behind."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from aae_studio.ui import translation


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a running thread, a running timer or a visible window behind."""
    started: list[QThread] = []
    start = QThread.start

    def remembered_start(thread: QThread, *args: object) -> None:
        started.append(thread)
        start(thread, *args)

    monkeypatch.setattr(QThread, "start", remembered_start)
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    running = [thread.objectName() for thread in started if isValid(thread) and thread.isRunning()]
    assert not running, f"threads still running: {running}"
    windows = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    assert not windows, f"still open: {windows}"
    timers = [timer for timer in qapp.findChildren(QTimer) if timer.isActive()]
    assert not timers, "a timer of the application is still running"
    # What one test wears and speaks, the next one does not.
    qapp.setStyleSheet("")
    translation.use("en", qapp)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and data of this test alone."""
    monkeypatch.setenv("AAE_STUDIO_SETTINGS", str(tmp_path / "settings.ini"))
    monkeypatch.setenv("AAE_STUDIO_DATA", str(tmp_path / "data"))
    return tmp_path


class Journal(QObject):
    """Remembers every value that a signal carried."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[object] = []

    def take(self, value: object) -> None:
        """Remember one."""
        self.entries.append(value)
