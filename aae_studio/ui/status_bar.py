"""StatusBar: device, memory, frames per second, and the newest message."""

from __future__ import annotations

import time

import psutil
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

PERIOD_MS = 1000


class StatusBar(QStatusBar):
    """Shows measured figures of the program itself, once a second. Emits nothing."""

    def __init__(self, workbench: Workbench, canvas_area: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._device, self._memory, self._frames = QLabel(), QLabel(), QLabel()
        self._message = QLabel()
        self._message.setProperty("muted", True)
        self._device.setToolTip(tr("Where training runs, and in which precision."))
        self._memory.setToolTip(tr("Memory that the Studio holds."))
        self._frames.setToolTip(tr("Frames drawn in the last second; the window only draws what changes."))
        self.addWidget(self._message, 1)
        for label in (self._device, self._memory, self._frames):
            self.addPermanentWidget(label)
        self.setSizeGripEnabled(False)
        self._process = psutil.Process()
        self._painted, self._since = 0, time.perf_counter()
        # Every frame of the window passes through its update request.
        self._area = canvas_area
        canvas_area.installEventFilter(self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._refresh)
        self._timer.start(PERIOD_MS)
        self._refresh()

    def say(self, text: str) -> None:
        """Show a message until the next one."""
        self._message.setText(text)

    def message(self) -> str:
        """The message on show."""
        return self._message.text()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.UpdateRequest:
            self._painted += 1
        return False

    def _refresh(self) -> None:
        now = time.perf_counter()
        rate = self._painted / max(now - self._since, 1e-6)
        self._painted, self._since = 0, now
        self._frames.setText(tr("{rate} frames/s", rate=f"{rate:.0f}"))
        megabytes = self._process.memory_info().rss / 1e6
        self._memory.setText(f"{megabytes:.0f} MB")
        device = self._bench.config.device.upper()
        self._device.setText(f"{device} · {self._bench.precision}" if self._bench.precision else device)
