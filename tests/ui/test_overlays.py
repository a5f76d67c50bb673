"""Overlays: what is asked, what is drawn, and that what is off costs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage, QPainter

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas import painting
from aae_studio.ui.canvas.latent_canvas import LatentCanvas
from aae_studio.ui.canvas.layers import Layers, Piece
from aae_studio.ui.canvas.overlays.lattice import Decoded, Lattice
from aae_studio.ui.canvas.plane import View, axis_plane
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.legend_bar import LegendBar
from aae_studio.ui.theme import load


@pytest.fixture
def studio(open_studio) -> Studio:
    config = ExperimentConfig(models=("ae", "aae"), hidden=(16,), batch_size=64, latent_size=3)
    return open_studio(config)


def scene(size: QSize, code: tuple[float, ...] = (0.0, 0.0)) -> Scene:
    view = View(1.0, -2.0, 3.0)
    return Scene.at("ae", axis_plane(len(code), 0, 1), view, np.array(code, np.float32), 0, size)


@given(st.integers(20, 900), st.integers(20, 900), st.integers(1, 40))
def test_a_grid_covers_the_canvas_and_its_cells_are_square(width, height, rows):
    grid = scene(QSize(width, height)).grid(rows)
    corners = np.array([[grid.left, grid.top], [grid.right, grid.bottom]], np.float32)
    (left, top), (right, bottom) = View(1.0, -2.0, 3.0).to_pixels(corners, width, height)
    assert left <= 0.51
    assert right >= width - 0.51
    assert top <= 0.51
    assert bottom >= height - 0.51
    assert (grid.right - grid.left) / grid.columns == pytest.approx((grid.top - grid.bottom) / grid.rows)
    assert len(grid.codes) == grid.rows * grid.columns
    # Row by row from the upper left.
    assert grid.places[0, 1] == grid.places[:, 1].max()
    assert grid.places[0, 0] == grid.places[:, 0].min()
    assert min(grid.rows, grid.columns) == rows


def test_codes_keep_what_lies_across_the_plane():
    found = scene(QSize(100, 100), (0.5, 0.25, 7.0)).codes_at(np.array([[2.0, -1.0]], np.float32))
    np.testing.assert_allclose(found, [[2.0, -1.0, 7.0]])


def test_a_drag_within_the_plane_shows_the_same_scene_and_one_across_it_another():
    size = QSize(100, 80)
    here = scene(size, (0.0, 0.0, 1.0))
    assert here.shows(scene(size, (2.0, -1.0, 1.0)))
    assert not here.shows(scene(size, (0.0, 0.0, 1.5)))
    assert not here.shows(scene(QSize(100, 81), (0.0, 0.0, 1.0)))


def test_an_overlay_that_is_off_asks_nothing_and_one_that_is_on_is_answered(qtbot, studio):
    bench = studio.workbench
    assert not bench.questions
    studio.window.actions_by_name["overlay_lattice"].setChecked(True)
    assert studio.window.show_panel.boxes["overlay_lattice"].isChecked()
    qtbot.waitUntil(
        lambda: set(bench.questions.answers) == {("lattice", "ae"), ("lattice", "aae")}, timeout=10_000
    )
    answer = bench.questions.answers["lattice", "ae"]
    np.testing.assert_allclose(answer.images, bench.models["ae"].decode(answer.grid.codes), atol=1e-6)
    studio.window.show_panel.boxes["overlay_lattice"].setChecked(False)
    assert not bench.questions
    assert not bench.questions.answers


def test_the_lattice_is_on_the_canvas_and_follows_the_zoom(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["ae"].canvas
    bench.display.set(show_codes=False, show_prior=False)
    before = canvas.grab().toImage()
    bench.display.show_overlay("lattice", True)
    qtbot.waitUntil(lambda: ("lattice", "ae") in bench.questions.answers, timeout=10_000)
    qtbot.waitUntil(lambda: canvas.grab().toImage() != before, timeout=10_000)
    view = bench.planes.views["ae"]
    bench.planes.set_view("ae", view.zoomed(2.0, view.x, view.y))

    def follows() -> bool:
        grid = bench.questions.answers["lattice", "ae"].grid
        cell = (grid.right - grid.left) / grid.columns
        return cell * min(grid.rows, grid.columns) == pytest.approx(view.half)

    qtbot.waitUntil(follows, timeout=10_000)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_images_of_the_lattice_do_not_run_together(qapp, theme):
    size = QSize(140, 140)
    seen = Decoded(scene(size).grid(7), np.ones((49, 1, 8, 8), np.float32))
    canvas = QImage(size, QImage.Format.Format_RGB32)
    with QPainter(canvas) as painter:
        stage = Stage(View(1.0, -2.0, 3.0), size, load(theme), False, QColor("red"))
        Lattice().draw(painter, seen, stage)
    # Seven white images of twenty pixels: each is white, and between two of them there is a dark line.
    row = [canvas.pixelColor(x, 70).lightness() for x in range(140)]
    assert row[10::20] == [255] * 7
    assert all(min(row[edge - 1 : edge + 2]) < 80 for edge in range(20, 140, 20))


def test_a_question_is_forgotten_with_its_experiment_and_asked_anew(qtbot, studio):
    bench = studio.workbench
    bench.display.show_overlay("lattice", True)
    qtbot.waitUntil(lambda: len(bench.questions.answers) == 2, timeout=10_000)
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(models=("ae",), hidden=(8,))
    qtbot.waitUntil(lambda: set(bench.questions.answers) == {("lattice", "ae")}, timeout=10_000)


def test_the_legend_names_the_classes_by_their_markers(qtbot, studio):
    bench, look = studio.workbench, load("dark")
    legend = studio.window.findChild(LegendBar)
    assert [(key.text, key.colors[0]) for key in legend.signs()] == [
        (str(digit), look.class_color(digit)) for digit in range(10)
    ]
    assert len({key.sign for key in legend.signs()}) == 10
    # Drawn in their colours: each has a pixel of its own.
    picture = legend.grab().toImage()
    seen = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
    assert {key.colors[0].rgb() for key in legend.signs()} <= seen
    studio.window.actions_by_name["show_codes"].setChecked(False)
    assert legend.signs() == []
    assert legend.isHidden()
    studio.window.actions_by_name["show_codes"].setChecked(True)
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(dataset="shapes", models=("ae",))
    assert [key.text for key in legend.signs()][:2] == ["circle", "square"]
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(models=("gan",))
    # Without encoder there are no points.
    assert legend.signs() == []


def test_all_overlays_together_say_what_they_mean_and_leave_a_drag_alone(qtbot, studio, monkeypatch):
    bench, window = studio.workbench, studio.window
    for name in window.overlays:
        window.actions_by_name[f"overlay_{name}"].setChecked(True)
    wanted = {(name, "aae") for name in window.overlays} - {("posterior", "aae")}
    qtbot.waitUntil(lambda: wanted <= set(bench.questions.answers), timeout=20_000)
    assert ("field", "ae") not in bench.questions
    legend = window.findChild(LegendBar)
    entries = legend.signs()
    wanted_texts = [key.text for overlay in window.overlays.values() for key in overlay.legend(load("dark"))]
    assert [key.text for key in entries] == [*map(str, range(10)), *wanted_texts]
    assert all(overlay.legend(load("dark")) for overlay in window.overlays.values())
    assert legend.notes() == ["AE: no discriminator", "AE, AAE: q(z|x) is no Gaussian"]
    window.turns.finish()
    questions, backdrops = dict(bench.questions), []
    paint = LatentCanvas._painted_backdrop
    monkeypatch.setattr(
        LatentCanvas, "_painted_backdrop", lambda canvas: backdrops.append(canvas) or paint(canvas)
    )
    bench.pause()
    for step in range(5):
        bench.planes.move_cursor("aae", (0.1 * step, -0.1 * step))
    window.lanes["aae"].canvas.repaint()
    assert bench.questions == questions
    assert not backdrops
    # Across the plane there is something else to see.
    bench.planes.set_code_axis(2, 1.0)
    assert bench.questions["stretch", "aae"] is not questions["stretch", "aae"]


def test_with_one_axis_what_is_drawn_at_codes_stands_in_the_rows_of_their_classes(qtbot, studio):
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(latent_size=1)
    bench.display.show_overlay("thumbnails", True)
    qtbot.waitUntil(lambda: ("thumbnails", "aae") in bench.questions.answers, timeout=10_000)
    places = bench.planes.places("aae")
    for place in bench.questions.answers["thumbnails", "aae"].places:
        assert np.abs(places - place).max(axis=1).min() < 1e-5


def test_a_question_in_other_words_is_unanswered_until_it_is_answered_itself(qtbot, studio):
    bench = studio.workbench
    bench.display.show_overlay("lattice", True)
    qtbot.waitUntil(
        lambda: len(bench.questions.answers) == 2 and not bench.questions.unanswered, timeout=10_000
    )
    canvas = studio.window.lanes["ae"].canvas
    bench.planes.set_view("ae", bench.planes.views["ae"].zoomed(2.0, 0.0, 0.0))
    assert ("lattice", "ae") in bench.questions.unanswered
    assert ("lattice", "ae") in bench.questions.answers, "the older one is shown until then"
    qtbot.waitUntil(lambda: not bench.questions.unanswered, timeout=10_000)
    grid = bench.questions.answers["lattice", "ae"].grid
    cell = 2 * bench.planes.views["ae"].half / min(grid.rows, grid.columns)
    assert (grid.right - grid.left) / grid.columns == pytest.approx(cell)
    assert canvas.isVisible()


def test_a_panel_behind_another_is_brought_to_the_front_and_one_in_front_is_closed(qtbot, studio):
    sketch, noise = (studio.window.panel_docks[name] for name in ("sketch", "noise"))
    sketch.action.trigger()
    noise.action.trigger()
    qtbot.waitUntil(lambda: noise.panel is not None and noise.panel.isVisible(), timeout=5_000)
    qtbot.waitUntil(lambda: not sketch.panel.isVisible(), timeout=5_000)
    assert sketch.action.isChecked(), "open, behind the other"
    sketch.action.trigger()
    qtbot.waitUntil(sketch.panel.isVisible, timeout=5_000)
    sketch.action.trigger()
    qtbot.waitUntil(lambda: sketch.isHidden() and not sketch.action.isChecked(), timeout=5_000)


def test_what_fails_while_it_paints_leaves_no_painter_behind(studio, monkeypatch) -> None:
    """Qt ends a program whose picture goes while a painter is at it."""
    canvas = studio.window.lanes["ae"].canvas

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Layers().paint(Piece(("odd", "ae"), None, fail), canvas._stage(), 1.0)
    monkeypatch.setattr(painting, "draw_grid", fail)
    with pytest.raises(ZeroDivisionError):
        canvas._painted_backdrop()
    monkeypatch.undo()
    assert not canvas.grab().isNull()
