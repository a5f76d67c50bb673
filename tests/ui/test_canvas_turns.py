"""Lanes make their pictures in turn, so that the mouse never waits for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QPixmap, QWheelEvent
from PySide6.QtWidgets import QApplication

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.latent_canvas import LatentCanvas


@pytest.fixture
def studio(qtbot, qapp, tmp_path: Path) -> Iterator[Studio]:
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, ExperimentConfig(hidden=(16,), batch_size=64), tmp_path / "data", settings)
    studio.window.show()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        studio.start()
    qtbot.waitUntil(lambda: len(studio.workbench.figures) == 3, timeout=20_000)
    qtbot.waitUntil(lambda: studio.window._turns.waiting == 0)
    studio.window.repaint()
    yield studio
    studio.window.close()
    studio.window.deleteLater()


def canvases(studio: Studio) -> list[LatentCanvas]:
    return [lane.canvas for lane in studio.window.lanes.values()]


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> list[LatentCanvas]:
    """The canvases that made a picture, in order."""
    made: list[LatentCanvas] = []
    original = LatentCanvas._painted_backdrop

    def remembered(canvas: LatentCanvas) -> QPixmap:
        made.append(canvas)
        return original(canvas)

    monkeypatch.setattr(LatentCanvas, "_painted_backdrop", remembered)
    return made


def test_news_for_all_lanes_is_painted_one_lane_at_a_time(qtbot, studio, pictures) -> None:
    first = canvases(studio)[0]
    studio.workbench.views_changed.emit()
    # A drag right now repaints all cursors, over the pictures that are there.
    studio.workbench.move_cursor("ae", (0.5, 0.5))
    for canvas in canvases(studio):
        canvas.grab()
    assert pictures == []
    counts = set()
    for _ in range(1000):
        QApplication.processEvents()
        counts.add(len(pictures))
        if len(pictures) == 3:
            break
        qtbot.wait(1)
    assert set(pictures) == set(canvases(studio))
    assert pictures[0] is first
    assert counts == {0, 1, 2, 3}, "two lanes were painted in one pass"


def test_the_lane_under_the_wheel_is_painted_at_once(qtbot, studio, pictures) -> None:
    canvas = canvases(studio)[1]
    middle = QPointF(canvas.rect().center())
    wheel = QWheelEvent(
        middle,
        canvas.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, wheel)
    for each in canvases(studio):
        each.grab()
    # The AAE, which has the same scale, follows in its turn.
    assert pictures == [canvas]
    qtbot.waitUntil(lambda: canvases(studio)[2] in pictures, timeout=5000)


def test_the_cursor_is_exact_over_an_older_picture(qtbot, studio, pictures) -> None:
    canvas = canvases(studio)[2]
    before = canvas.grab().toImage()
    studio.workbench.views_changed.emit()
    studio.workbench.move_cursor("aae", (1.0, 1.0))
    after = canvas.grab().toImage()
    spot = canvas.cursor_pixel().toPoint()
    assert before.pixelColor(spot) != after.pixelColor(spot)
    color = studio.window._theme.color("model-aae")
    near = [after.pixelColor(spot + QPoint(dx, dy)) for dx, dy in ((3, 3), (-3, 3), (3, -3))]
    assert all(pixel == color for pixel in near)
    assert pictures == []


def test_a_new_size_is_painted_at_once(qtbot, studio, pictures) -> None:
    canvas = canvases(studio)[0]
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.DevicePixelRatioChange))
    canvas.grab()
    assert pictures == [canvas]
    assert np.isfinite(canvas.cursor_pixel().x())
