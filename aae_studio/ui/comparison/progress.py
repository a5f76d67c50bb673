"""SeriesBar: how far a series of runs has come, and a button that leaves it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from aae_studio.ui.repeats import Series
from aae_studio.ui.translation import tr

BAR_STEPS = 1000
BAR_HEIGHT = 10
# What is left is told once this much is known of the pace.
SEEN_S = 2.0


class SeriesBar(QWidget):
    """Shown while a series is going on. Escape cancels, like its button. Emits nothing; calls `cancel`."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._cancel = cancel
        # The series on show, and its share and the time when its first step was reported.
        self._begun: tuple[Series, float, float] | None = None
        self.bar = QProgressBar()
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(BAR_HEIGHT)
        self.bar.setAccessibleName(tr("Progress of the runs"))
        self.words = QLabel()
        self.words.setProperty("muted", True)
        self.words.setWordWrap(True)
        self.button = QPushButton(tr("Cancel"))
        self.button.setToolTip(tr("Leave the runs; what is done stays (Esc)."))
        self.button.clicked.connect(cancel)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self, spacing=4)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.words)
        self.hide()

    def show_series(self, series: Series | None) -> None:
        """Show how far this series is; nothing once it is over."""
        self.setVisible(series is not None and series.going)
        if series is not None and series.going:
            self.bar.setValue(round(BAR_STEPS * _share(series)))
            self.words.setText(" · ".join(filter(None, (_words(series), self._left(series)))))

    def _left(self, series: Series) -> str:
        """How long it will go on at the pace so far; nothing before that is known."""
        if series.progress is None or series.progress.judging:
            return ""
        share, now = _share(series), time.monotonic()
        if self._begun is None or self._begun[0] is not series:
            self._begun = (series, share, now)
        _, before, since = self._begun
        if now - since < SEEN_S or share <= before:
            return ""
        seconds = (now - since) * (1 - share) / (share - before)
        if seconds < 60:
            return tr("about {count} s left", count=math.ceil(seconds))
        return tr("about {count} min left", count=math.ceil(seconds / 60))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._cancel()
        else:
            super().keyPressEvent(event)


def _share(series: Series) -> float:
    """How much of all steps is done, from 0 to 1."""
    now = series.progress
    begun = 0.0 if now is None or now.judging or not now.steps else now.step / now.steps
    return min(
        1.0, (len(series.runs) + (begun if len(series.runs) == _place(series) else 0)) / len(series.configs)
    )


def _place(series: Series) -> int:
    return 0 if series.progress is None else series.progress.place


def _words(series: Series) -> str:
    now = series.progress
    if now is None:
        return tr("Starting a process in the background…")
    if now.judging:
        return tr("Training the small classifier first: {share} %", share=round(100 * now.step / now.steps))
    return tr(
        "Run {place} of {runs} · step {step} of {steps}",
        place=now.place + 1,
        runs=now.runs,
        step=now.step,
        steps=now.steps,
    )
