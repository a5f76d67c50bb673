"""Points as an image: which one is where, moved while the view changes, exact when it rests."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.points import MANY, Points
from aae_studio.ui.screenshot import offscreen_studio

PALETTE = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint32)
SIZE = QSize(200, 160)
VIEW = View(0.1, -0.3, 2.0)


def made(count, view=VIEW, seed=0):
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(count, 2)).astype(np.float32)
    points = Points(PALETTE)
    points.make(places, rng.integers(0, 3, count), view, SIZE, 1.0)
    drawn(points, view)
    return points, places


def drawn(points, view):
    image = QImage(SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    points.draw(painter, view)
    painter.end()
    return np.frombuffer(image.constBits(), np.uint32).reshape(SIZE.height(), SIZE.width()).copy()


@pytest.mark.parametrize("count", [300, 50_000, 200_000])
def test_the_nearest_point_on_show_is_found(count):
    points, places = made(count)
    pixels = VIEW.to_pixels(places, SIZE.width(), SIZE.height())
    cells = np.floor(pixels).astype(int)
    last = {tuple(cell): place for place, cell in enumerate(cells)}
    shown = np.array([place for place, cell in enumerate(map(tuple, cells)) if last[cell] == place])
    rng = np.random.default_rng(1)
    for x, y in rng.uniform((20, 20), (180, 140), size=(40, 2)):
        gaps = np.hypot(*(pixels[shown] - [x, y]).T)
        nearest = int(shown[gaps.argmin()]) if gaps.min() <= 9 else None
        assert points.at(QPointF(x, y), 9) == nearest
    drawn(points, VIEW.panned(0.1, 0.0))
    assert points.at(QPointF(100, 80), 9) is None, "what is moved is not where it seems"


def test_a_point_is_found_where_new_places_have_it_and_not_where_it_was():
    points = Points(PALETTE)
    labels, size, view = np.zeros(1, np.int64), QSize(100, 100), View(0.0, 0.0, 1.0)
    for x in (-0.5, 0.5):
        places = np.array([[x, 0.0]], np.float32)
        points.make(places, labels, view, size, 1.0)
        canvas = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        painter = QPainter(canvas)
        points.draw(painter, view)
        painter.end()
        here, there = (QPointF(*view.to_pixels(at, 100, 100)[0].tolist()) for at in (places, -places))
        assert points.at(here, 3.0) == 0
        assert points.at(there, 3.0) is None


def test_a_moved_image_is_the_same_one_elsewhere():
    points, _ = made(MANY + 1)
    exact = drawn(points, VIEW)
    # 80 pixels are a code unit.
    scale = VIEW.scale(SIZE.width(), SIZE.height())
    moved = drawn(points, VIEW.panned(-12 / scale, 7 / scale))
    assert (moved[7:, 12:] == exact[:-7, :-12]).all()
    assert not moved[:7].any()
    assert not moved[:, :12].any()


def test_a_stretched_image_is_where_the_exact_one_will_be():
    points, places = made(MANY + 1)
    closer = VIEW.zoomed(2.0, 0.5, -0.5)
    stretched = drawn(points, closer) > 0
    points.make(places, np.zeros(len(places), int), closer, SIZE, 1.0)
    exact = drawn(points, closer) > 0
    rows, columns = np.nonzero(exact)
    # Each point is within a pixel of the old image, two of the new one, of where it was shown.
    shown = np.pad(stretched, 2)
    near = np.zeros(exact.shape, bool)
    for down, right in np.ndindex(5, 5):
        near |= shown[down : down + exact.shape[0], right : right + exact.shape[1]]
    assert near[rows, columns].all()


@pytest.fixture
def crowded(qtbot, tmp_path, monkeypatch):
    """A lane whose few codes count as many."""
    monkeypatch.setattr("aae_studio.ui.canvas.points.MANY", 100)
    config = ExperimentConfig(models=("aae",), seed=3)
    with offscreen_studio(config, tmp_path, (1000, 800), "dark", "en") as studio:
        studio.start()
        qtbot.waitUntil(lambda: "aae" in studio.workbench.findings.codes, timeout=20_000)
        studio.close_threads()
        studio.window.turns.finish()
        yield studio


def test_a_drag_moves_the_image_and_its_end_makes_it_exact(qtbot, crowded):
    canvas, bench = crowded.window.lanes["aae"].canvas, crowded.workbench
    canvas.grab()
    before = canvas._points._raster
    qtbot.mousePress(canvas, Qt.MouseButton.RightButton, pos=canvas.rect().center())
    for step in range(1, 4):
        qtbot.mouseMove(canvas, canvas.rect().center() + canvas.rect().center() * step / 40)
        canvas.grab()
        assert canvas._points._raster is before
    assert bench.planes.views["aae"] != bench.planes.home_view("aae")
    qtbot.mouseRelease(canvas, Qt.MouseButton.RightButton)
    crowded.window.turns.finish()
    rested = canvas.grab().toImage()
    assert canvas._points._raster is not before
    canvas._points = Points(canvas._points._palette)
    canvas.redraw()
    assert canvas.grab().toImage() == rested


def test_a_zoom_is_exact_once_it_rests(qtbot, crowded):
    canvas = crowded.window.lanes["aae"].canvas
    canvas.grab()
    before = canvas._points._raster
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    canvas.grab()
    assert canvas._points._raster is before
    qtbot.waitUntil(lambda: canvas.grab() is not None and canvas._points._raster is not before)
    assert canvas._points.shows(
        crowded.workbench.planes.places("aae"), canvas.size(), 1.0, crowded.workbench.planes.views["aae"]
    )


def test_few_points_are_exact_at_every_move(qtbot, crowded, monkeypatch):
    monkeypatch.setattr("aae_studio.ui.canvas.points.MANY", 100_000)
    canvas = crowded.window.lanes["aae"].canvas
    canvas.grab()
    before = canvas._points._raster
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    canvas.grab()
    assert canvas._points._raster is not before
