"""Decoders that are told a class: the strip of one code as every class, and the menu of further models."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtWidgets import QApplication

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import theme as themes
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.canvas.latent_canvas import LatentCanvas
from aae_studio.ui.decode_view import ImageStrip
from aae_studio.ui.decodings import decoded_at


@pytest.fixture
def studio(open_studio) -> Studio:
    config = ExperimentConfig(models=("ae", "supervised_aae"), hidden=(16,), batch_size=64)
    return open_studio(config)


def on_show(studio: Studio, name: str = "supervised_aae") -> object:
    return studio.window.lanes[name].decode_view.image()


def decoded(studio: Studio, condition: int) -> object:
    bench = studio.workbench
    code = bench.planes.cursors["supervised_aae"][None]
    return to_qimage(bench.models["supervised_aae"].decode(code, condition)[0])


def test_a_click_on_a_class_decodes_the_code_as_that_class(qtbot, studio) -> None:
    strip = studio.window.lanes["supervised_aae"].strip
    assert len(strip.places()) == 10
    assert on_show(studio) == decoded(studio, 0)
    spot = strip.places()[3].center().toPoint()
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=spot)
    assert on_show(studio) == decoded(studio, 3) != decoded(studio, 0)
    for key, wanted in ((Qt.Key.Key_Right, 4), (Qt.Key.Key_Left, 3), (Qt.Key.Key_Left, 2)):
        qtbot.keyClick(strip, key)
        assert on_show(studio) == decoded(studio, wanted)


def test_the_strip_and_the_image_follow_the_cursor(qtbot, studio) -> None:
    bench = studio.workbench
    before = decoded_at(bench.at_cursor("supervised_aae")).each
    bench.planes.move_cursor("supervised_aae", (1.5, -0.5))
    after = decoded_at(bench.at_cursor("supervised_aae")).each
    assert after.shape == (10, 1, 8, 8)
    assert not np.allclose(before, after)
    assert on_show(studio) == decoded(studio, 0)
    # Each image of the strip is the cursor's code with that class.
    np.testing.assert_array_equal(to_qimage(after[7]).constBits(), decoded(studio, 7).constBits())


def test_a_lattice_is_decoded_as_the_chosen_class(qtbot, studio) -> None:
    bench = studio.workbench
    bench.display.show_overlay("lattice", True)
    key = ("lattice", "supervised_aae")
    qtbot.waitUntil(lambda: key in bench.questions.answers, timeout=10_000)
    first = bench.questions.answers[key].images
    bench.planes.set_condition("supervised_aae", 8)
    qtbot.waitUntil(lambda: not np.array_equal(bench.questions.answers[key].images, first), timeout=10_000)


def test_an_unconditional_lane_shows_samples_that_cannot_be_chosen(qtbot, studio) -> None:
    strip = studio.window.lanes["ae"].strip
    qtbot.waitUntil(lambda: len(strip.places()) > 0, timeout=10_000)
    before = on_show(studio, "ae")
    with qtbot.assertNotEmitted(strip.chosen):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert on_show(studio, "ae") == before


def test_a_lane_tells_how_often_a_model_that_finds_classes_is_wrong(qtbot, open_studio) -> None:
    names = {"ae": "kNN accuracy", "semi_supervised_aae": "class error", "clustering_aae": "cluster error"}
    studio = open_studio(ExperimentConfig(models=tuple(names), hidden=(16,), batch_size=64))
    bench = studio.workbench
    qtbot.waitUntil(lambda: set(bench.findings.figures) == set(names), timeout=10_000)
    studio.window.catch_up()
    for name, label in names.items():
        shown = studio.window.lanes[name].figures()
        assert list(shown)[-1] == label
        error = bench.findings.figures[name].class_error
        if error is not None:
            assert shown[label] == f"{100 * error:.1f} %"


def test_a_lane_says_where_its_points_are_not_what_is_held_against_the_prior(qtbot, open_studio) -> None:
    options = {"aae.posterior": "universal"}
    studio = open_studio(ExperimentConfig(models=("ae", "vae", "aae"), hidden=(16,), options=options))
    qtbot.waitUntil(lambda: len(studio.workbench.findings.figures) == 3, timeout=10_000)
    studio.window.catch_up()
    for name, random in (("ae", False), ("vae", True), ("aae", True)):
        tips = [row[1].toolTip() for row in studio.window.lanes[name]._rows]
        assert ["points are codes without it" in " ".join(tip.split()) for tip in tips] == [
            False,
            random,
            random,
            False,
        ]


def test_further_models_are_in_a_menu(qtbot, studio) -> None:
    bench, bar = studio.workbench, studio.window.tool_bar
    actions = {action.data(): action for action in bar.models_menu.actions()}
    assert {"wae", "supervised_aae", "semi_supervised_aae", "clustering_aae", "reduction_aae"} <= set(actions)
    assert "ae" not in actions
    assert set(bar.model_buttons) >= {"ae", "vae", "aae", "gan"}
    assert [name for name, action in actions.items() if action.isChecked()] == ["supervised_aae"]
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        actions["wae"].trigger()
    assert bench.config.models == ("ae", "wae", "supervised_aae"), "in teaching order"


@pytest.mark.parametrize("count", [2, 3, 10, 16, 30, 128])
@pytest.mark.parametrize("width", [150, 320, 640])
def test_all_classes_have_a_place_of_their_own(qtbot, count: int, width: int) -> None:
    strip = ImageStrip(themes.load("dark"), selectable=True)
    qtbot.addWidget(strip)
    strip.resize(width, strip.height())
    strip.set_images(np.zeros((count, 1, 8, 8), np.float32))
    places = strip.places()
    assert len(places) == count
    inside = QRectF(strip.rect()).adjusted(-0.01, -0.01, 0.01, 0.01)
    assert all(inside.contains(place) for place in places)
    assert not any(one.intersects(other) for one, other in combinations(places, 2))


def test_another_screen_is_noticed(qtbot, studio, monkeypatch) -> None:
    canvas = studio.window.lanes["ae"].canvas
    made: list[LatentCanvas] = []
    original = LatentCanvas._painted_backdrop
    canvas.grab()
    monkeypatch.setattr(LatentCanvas, "_painted_backdrop", lambda it: (made.append(it), original(it))[1])
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.DevicePixelRatioChange))
    canvas.grab()
    assert made[0] is canvas
