"""Speed: how fast the Studio is on this machine, measured in its own window without a screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QPointF, QSize, Qt, QTimer
from PySide6.QtGui import QImage, QMouseEvent, QPainter
from PySide6.QtWidgets import QApplication

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.points import Points
from aae_studio.ui.screenshot import offscreen_studio

# A hand moves the mouse so often.
PERIOD_S = 0.016
COUNTS = (70_000, 1_000_000)
SIDE = 600
REPEATS = 7
# Before anything counts, so many steps are taken.
WARMING = 20


@dataclass(frozen=True)
class Speed:
    """`drags`: milliseconds from each time that the mouse should have moved until the images were painted.
    `steps_per_s` and `images_per_s` of three models that train meanwhile. `canvas`: milliseconds to draw so
    many points anew."""

    drags: tuple[float, ...]
    steps_per_s: float
    images_per_s: float
    canvas: dict[int, float]


def measured(seconds: float = 40.0) -> Speed:
    """Train three models on 28×28 images for so long, and drag through the planes the second half of it.

    Raises StudioError.
    """
    config = ExperimentConfig(dataset="shapes")
    faults: list[StudioError] = []
    with offscreen_studio(config, Path(), (1480, 900), "dark", "en") as studio:
        bench = studio.workbench
        bench.failed.connect(faults.append)
        studio.start(train=True)
        _wait(lambda: bool(faults) or bench.step >= WARMING)
        if faults:
            raise faults[0]
        step, start = bench.step, time.perf_counter()
        _wait(_after(seconds / 2))
        drags = _dragged(studio, seconds / 2)
        rate = (bench.step - step) / (time.perf_counter() - start)
    canvas = {count: _drawn(count) for count in COUNTS}
    return Speed(tuple(drags), rate, rate * config.batch_size, canvas)


def _dragged(studio: Studio, seconds: float) -> list[float]:
    """Move the cursor around a circle; what a move comes too late counts as well."""
    canvas = studio.window.lanes["aae"].canvas
    views = [lane.decode_view for lane in studio.window.lanes.values()]
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    found: list[float] = []
    due = time.perf_counter() + PERIOD_S

    def send(kind: QEvent.Type) -> None:
        angle, radius = len(found) / 20, 0.4 * min(canvas.width(), canvas.height())
        at = QPointF(
            canvas.width() / 2 + radius * np.cos(angle), canvas.height() / 2 + radius * np.sin(angle)
        )
        event = QMouseEvent(kind, at, QPointF(canvas.mapToGlobal(at)), left, left, none)
        QApplication.sendEvent(canvas, event)

    def move() -> None:
        nonlocal due
        now = time.perf_counter()
        if now < due:
            return
        send(QEvent.Type.MouseMove)
        for view in views:
            view.repaint()
        done = time.perf_counter()
        found.append((done - due) * 1e3)
        due = max(due + PERIOD_S, done)

    send(QEvent.Type.MouseButtonPress)
    timer = QTimer(studio)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(move)
    timer.start(1)
    _wait(_after(seconds))
    timer.stop()
    send(QEvent.Type.MouseButtonRelease)
    return found


def _drawn(count: int) -> float:
    """Median milliseconds to draw so many points of ten classes."""
    rng = np.random.default_rng(0)
    labels, size, view = rng.integers(0, 10, count), QSize(SIDE, SIDE), View(0.0, 0.0, 3.0)
    points = Points(rng.integers(0, 256, (10, 3)).astype(np.uint32))
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    times = []
    for _ in range(REPEATS):
        codes = rng.standard_normal((count, 2), dtype=np.float32)
        start = time.perf_counter()
        points.make(codes, labels, view, size, 1.0)
        painter = QPainter(image)
        points.draw(painter, view)
        painter.end()
        times.append((time.perf_counter() - start) * 1e3)
    return float(np.median(times))


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def _wait(done: Callable[[], bool]) -> None:
    """Let the window live until this holds."""
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if done() else None)
    timer.start(10)
    loop.exec()
    timer.stop()
