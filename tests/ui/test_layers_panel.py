"""The panel “Layer by layer”, in a real window."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from aae_studio.core.activations import of_code, of_image
from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.app import Studio
from aae_studio.ui.inside.layer_view import LABEL_WIDTH, MAPS, LayerView, Part, map_grid, parts
from aae_studio.ui.theme import load


@pytest.fixture
def studio(open_studio) -> Studio:
    config = ExperimentConfig(models=("ae", "aae", "gan"), hidden=(16,), batch_size=64, precision="float32")
    return open_studio(config)


@pytest.fixture
def panel(qtbot, studio: Studio):
    panel = studio.window.panel_docks["layers"].open()
    qtbot.waitUntil(lambda: bool(panel.view.parts()))
    return panel


def shows(panel, passage) -> bool:
    """Whether exactly this is on show."""
    found, wanted = panel.view.parts(), parts(passage)
    return [part.title for part in found] == [part.title for part in wanted] and all(
        one.values is None or np.array_equal(one.values, other.values)
        for one, other in zip(found, wanted, strict=True)
    )


def test_it_follows_the_cursor_and_the_lane_in_use(qtbot, studio, panel):
    bench = studio.workbench
    assert panel.model == "ae"
    bench.planes.move_cursor("aae", (0.5, -1.5))
    qtbot.waitUntil(lambda: shows(panel, of_code(bench.models["aae"], bench.planes.cursors["aae"])))
    assert panel.model == "aae"
    assert [part.title for part in panel.view.parts() if part.values is None] == [
        "decoder",
        "encoder",
        "discriminator",
    ]
    bench.planes.move_cursor("gan", (1.0, 1.0))
    qtbot.waitUntil(lambda: shows(panel, of_code(bench.models["gan"], bench.planes.cursors["gan"])))


def test_a_hovered_point_shows_its_image(qtbot, studio, panel):
    bench = studio.workbench
    canvas = studio.window.lanes["ae"].canvas
    qtbot.waitUntil(lambda: "ae" in bench.findings.codes, timeout=10_000)
    qtbot.waitUntil(lambda: canvas.grab() is not None and canvas._dotted)
    places = bench.planes.views["ae"].to_pixels(bench.planes.places("ae"), canvas.width(), canvas.height())
    inside = np.flatnonzero((places > 8).all(axis=1) & (places < 100).all(axis=1))
    at = places[inside[0] if len(inside) else 0]
    canvas.hover(QPointF(float(at[0]), float(at[1])))
    sample = bench.display.hovered_sample
    assert sample is not None
    image = bench.snapshot.probe_images[sample]
    qtbot.waitUntil(lambda: shows(panel, of_image(bench.models["ae"], image)))
    assert panel.subject.text() == "The image under the mouse:"
    canvas.leave_point()
    qtbot.waitUntil(lambda: shows(panel, of_code(bench.models["ae"], bench.planes.cursors["ae"])))


def test_it_follows_training_and_does_nothing_while_hidden(qtbot, studio, panel):
    bench = studio.workbench
    bench.train(5)
    qtbot.waitUntil(lambda: bench.step == 5)
    qtbot.waitUntil(lambda: shows(panel, of_code(bench.models["ae"], bench.planes.cursors["ae"])))
    studio.window.panel_docks["layers"].hide()
    before = panel.view.parts()
    bench.planes.move_cursor("ae", (1.0, 1.0))
    bench.train(2)
    qtbot.waitUntil(lambda: bench.step == 7)
    studio.window.turns.finish()
    assert panel.view.parts() is before
    studio.window.panel_docks["layers"].open()
    qtbot.waitUntil(lambda: shows(panel, of_code(bench.models["ae"], bench.planes.cursors["ae"])))


def test_convolutions_are_shown_as_maps(qtbot, studio, panel):
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(models=("ae",), network="conv")
    wanted = [(32, 4, 4), (1, 8, 8), (1, 8, 8), (32, 4, 4), (64, 2, 2)]

    def maps() -> list[tuple[int, ...]]:
        return [part.values.shape for part in panel.view.parts() if part.kind == "maps"]

    qtbot.waitUntil(lambda: maps() == wanted)
    studio.window.turns.finish()
    assert panel.view.height() == round(sum(space.height() + 5 for space in panel.view._spaces()))
    empty = panel.view.grab().toImage()
    bench.planes.move_cursor("ae", (3.0, -3.0))
    qtbot.waitUntil(lambda: shows(panel, of_code(bench.models["ae"], bench.planes.cursors["ae"])))
    studio.window.turns.finish()
    assert panel.view.grab().toImage() != empty


@pytest.mark.parametrize("count", [1, 7, 8, 9, 32, 33, 64, 500])
def test_all_maps_have_a_place(count):
    columns, rows = map_grid(count)
    assert (rows - 1) * columns < min(count, MAPS) <= rows * columns


@pytest.mark.parametrize(("number", "coloured"), [(0.004, False), (-0.02, False), (0.5, True), (-3.0, True)])
def test_a_number_that_reads_as_nothing_has_no_colour(qtbot, number: float, coloured: bool) -> None:
    view = LayerView(load("dark"))
    qtbot.addWidget(view)
    view.resize(300, 100)
    view._parts = [Part("code", "", np.array([number], np.float32), kind="numbers")]
    view.redraw()
    image = view.grab().toImage()
    # Beside the number's words, within its cell.
    colour = image.pixelColor(LABEL_WIDTH + 3, 9)
    assert (max(colour.getRgb()[:3]) - min(colour.getRgb()[:3]) > 40) == coloured, colour.name()
