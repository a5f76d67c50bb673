"""The panel of paths: ends, ways, the animation, attributes, and the GIF."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from aae_studio.core import paths
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.ui import theme as themes
from aae_studio.ui.app import Studio
from aae_studio.ui.panels.paths import FRAME_MS
from aae_studio.ui.travel.film import GAP, HEAD, SIDE, Reel, film, there_and_back
from aae_studio.ui.travel.journey import COUNT, WAYS


@pytest.fixture
def studio(qtbot, open_studio) -> Studio:
    config = ExperimentConfig(models=("ae", "aae", "gan"), hidden=(16,), batch_size=64)
    studio = open_studio(config, (1400, 900))
    qtbot.waitUntil(lambda: set(studio.workbench.findings.codes) == {"ae", "aae"}, timeout=30_000)
    return studio


@pytest.fixture
def panel(qtbot, studio: Studio):
    return studio.window.panel_docks["paths"].open()


def shown(qtbot, panel) -> None:
    """Wait until paths are answered and on show."""
    qtbot.waitUntil(lambda: bool(panel.journeys()) and panel.save.isEnabled(), timeout=10_000)


def test_places_at_the_cursor_are_joined_by_lines_in_every_lane(qtbot, studio, panel):
    bench = studio.workbench
    assert not panel.play.isEnabled()
    bench.planes.move_cursor("aae", (-1.0, 0.5))
    start = {name: code.copy() for name, code in bench.planes.cursors.items()}
    qtbot.mouseClick(panel.set_a, Qt.MouseButton.LeftButton)
    bench.planes.move_cursor("aae", (1.5, 0.25))
    qtbot.mouseClick(panel.set_b, Qt.MouseButton.LeftButton)
    shown(qtbot, panel)
    journeys = panel.journeys()
    assert set(journeys) == {"ae", "aae", "gan"}
    for name, journey in journeys.items():
        np.testing.assert_allclose(journey.codes[0], start[name], atol=1e-6)
        np.testing.assert_allclose(journey.codes[-1], bench.planes.cursors[name], atol=1e-6)
        np.testing.assert_allclose(journey.images, bench.models[name].decode(journey.codes), atol=1e-5)
        steps = np.diff(journey.codes, axis=0)
        np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-5)
    trace = bench.display.traces["paths"]["aae"]
    np.testing.assert_allclose(trace.lines[-1].places[[0, -1]], [[-1.0, 0.5], [1.5, 0.25]], atol=1e-5)
    assert [sign.letter for sign in trace.signs[:2]] == ["A", "B"]


def test_a_path_goes_from_image_to_image_also_where_the_class_is_told(qtbot, open_studio):
    names = ("supervised_aae", "clustering_aae")
    studio = open_studio(ExperimentConfig(models=names, hidden=(16,), batch_size=64), (1400, 900))
    bench, panel = studio.workbench, studio.window.panel_docks["paths"].open()
    qtbot.waitUntil(lambda: set(bench.findings.codes) == set(names), timeout=30_000)
    panel.take_random()
    shown(qtbot, panel)
    a, b = (panel.ends[letter].picked for letter in "AB")
    kinds = bench.probe.labels[[a, b]]
    for name, journey in panel.journeys().items():
        if name == "clustering_aae":
            shares = bench.models[name].class_shares(bench.snapshot.probe_images[[a, b]])
            kinds = shares.argmax(axis=1)
        ends = bench.models[name].decode(journey.codes[[0, -1]], kinds)
        np.testing.assert_allclose(journey.images[[0, -1]], ends, atol=1e-5)
        half = np.zeros((1, len(bench.models[name].conditions)), np.float32)
        np.add.at(half[0], kinds, 0.5)
        middle = bench.models[name].decode(journey.codes[COUNT // 2 : COUNT // 2 + 1], half)
        np.testing.assert_allclose(journey.images[COUNT // 2], middle[0], atol=1e-5)


def test_an_end_keeps_the_class_that_was_told_when_it_was_taken(qtbot, open_studio):
    config = ExperimentConfig(models=("supervised_aae",), hidden=(16,), batch_size=64)
    studio = open_studio(config, (1400, 900))
    bench, planes, name = studio.workbench, studio.workbench.planes, "supervised_aae"
    panel = studio.window.panel_docks["paths"].open()
    qtbot.waitUntil(lambda: bool(bench.findings.codes), timeout=30_000)
    held = int(np.flatnonzero(bench.probe.labels == 7)[0])

    def told() -> list[int]:
        """As which class each end is decoded, once the path is that of the newest ends."""
        ends = [panel.ends[letter].code(name, bench.findings.codes) for letter in "AB"]
        qtbot.waitUntil(
            lambda: name in panel.journeys() and np.allclose(panel.journeys()[name].codes[[0, -1]], ends),
            timeout=10_000,
        )
        every = [bench.models[name].decode(np.repeat(end[None], 10, axis=0), np.arange(10)) for end in ends]
        images = panel.journeys()[name].images[[0, -1]]
        away = [((each - image) ** 2).sum(axis=(1, 2, 3)) for each, image in zip(every, images, strict=True)]
        assert max(one.min() for one in away) < 1e-8
        return [int(one.argmin()) for one in away]

    planes.set_condition(name, 4)
    planes.move_cursor(name, (-1.0, 0.5))
    panel.take_a()
    planes.move_cursor(name, (1.0, 0.0))
    panel.take_b()
    assert told() == [4, 4]
    planes.pick(held)
    panel.way.setCurrentIndex(1)
    assert told() == [4, 4], "what the lane is told now is another matter"
    panel.take_b()
    assert told() == [4, 7], "a held image has its own"
    planes.set_condition(name, 8)
    panel.take_a()
    assert told() == [8, 7], "unless another was chosen for it"


def test_images_have_a_path_where_there_is_an_encoder_and_follow_the_training(qtbot, studio, panel):
    bench = studio.workbench
    bench.planes.pick(5)
    panel.take_a()
    bench.planes.pick(11)
    panel.take_b()
    shown(qtbot, panel)
    assert set(panel.journeys()) == {"ae", "aae"}
    before = panel.journeys()["ae"].codes[0].copy()
    np.testing.assert_allclose(before, bench.findings.codes["ae"][5], atol=1e-6)
    bench.train(20)
    qtbot.waitUntil(lambda: bench.findings.step == 20, timeout=30_000)
    after = panel.journeys()["ae"].codes
    assert not np.allclose(after[0], before)
    np.testing.assert_allclose(after[[0, -1]], bench.findings.codes["ae"][[5, 11]], atol=1e-5)
    # Other weights from the start: the images are still A and B.
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.new_seed()
    assert {letter: end.picked for letter, end in panel.ends.items()} == {"A": 5, "B": 11}
    shown(qtbot, panel)
    assert set(panel.journeys()) == {"ae", "aae"}


def test_another_latent_size_forgets_places(qtbot, studio, panel):
    bench = studio.workbench
    panel.take_a()
    bench.planes.pick(3)
    panel.take_b()
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.configure(latent_size=3)
    assert set(panel.ends) == {"B"}


def test_another_latent_size_stops_the_animation_between_places(qtbot, studio, panel):
    bench = studio.workbench
    panel.take_a()
    bench.planes.move_cursor("ae", (1.0, 1.0))
    panel.take_b()
    shown(qtbot, panel)
    qtbot.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    assert panel._timer.isActive()
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.configure(latent_size=3)
    assert not panel._timer.isActive()
    assert not panel.play.isChecked()


@pytest.mark.parametrize("way", WAYS[1:])
def test_another_way_is_that_of_the_core(qtbot, studio, panel, way):
    bench = studio.workbench
    bench.planes.pick(2)
    panel.take_a()
    bench.planes.pick(9)
    panel.take_b()
    shown(qtbot, panel)
    line = panel.journeys()["ae"]
    panel.way.setCurrentIndex(WAYS.index(way))
    qtbot.waitUntil(lambda: panel.journeys()["ae"] is not line, timeout=10_000)
    found = panel.journeys()["ae"]
    ends = bench.findings.codes["ae"][[2, 9]]
    if way == "spherical":
        np.testing.assert_allclose(found.codes, paths.spherical(*ends, COUNT), atol=1e-5)
    else:
        assert paths.energy(found.images) <= paths.energy(line.images)
        assert found.length <= line.length + 1e-4
    np.testing.assert_allclose(found.line, line.codes, atol=1e-6)


def test_the_animation_goes_there_and_back_and_stops_with_the_panel(qtbot, studio, panel):
    panel.take_random()
    shown(qtbot, panel)
    panel.slider.setValue(COUNT - 2)
    places: list[int] = []
    panel.slider.valueChanged.connect(places.append)
    qtbot.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(places) >= 3, timeout=10_000)
    assert places[:3] == [COUNT - 1, COUNT - 2, COUNT - 3]
    studio.window.panel_docks["paths"].close()
    assert not panel._timer.isActive()
    assert not {"paths", "attribute"} & set(studio.workbench.questions)
    assert not studio.workbench.display.traces["paths"]


def test_an_image_of_the_strip_is_gone_to_by_key(qtbot, studio, panel):
    panel.take_random()
    shown(qtbot, panel)
    row = panel.rows["ae"]
    row.strip.setFocus()
    qtbot.keyClick(row.strip, Qt.Key.Key_Right)
    assert panel.slider.value() == 3
    assert row.view.image() is not None
    reached = studio.workbench.display.traces["paths"]["ae"].signs[-1].places[0]
    np.testing.assert_allclose(reached, panel.journeys()["ae"].codes[3], atol=1e-5)


def test_an_attribute_is_the_difference_of_class_means_times_its_strength(qtbot, studio, panel):
    bench, box = studio.workbench, panel.attributes
    box.present.setCurrentIndex(3)
    box.absent.setCurrentIndex(8)
    box.strength.setValue(10)  # Half.
    qtbot.waitUntil(lambda: set(box.codes()) == {"ae", "aae"}, timeout=10_000)
    labels = bench.probe.labels
    for name in ("ae", "aae"):
        # Until the question about these classes has been answered.
        direction = bench.findings.codes[name][labels == 3].mean(axis=0) - bench.findings.codes[name][
            labels == 8
        ].mean(axis=0)
        wanted = bench.planes.cursors[name] + 0.5 * direction
        qtbot.waitUntil(
            lambda name=name, wanted=wanted: np.allclose(box.codes()[name], wanted, atol=1e-4), timeout=10_000
        )
    wanted = box.codes()
    qtbot.waitUntil(lambda: box.go.isEnabled(), timeout=10_000)
    qtbot.mouseClick(box.go, Qt.MouseButton.LeftButton)
    for name, code in wanted.items():
        np.testing.assert_allclose(bench.planes.cursors[name], code, atol=1e-6)


def test_the_gif_shows_all_models_there_and_back(qtbot, studio, panel, tmp_path):
    panel.take_random()
    shown(qtbot, panel)
    panel.save_gif(tmp_path / "path.gif")
    qtbot.waitUntil(lambda: "path.gif" in panel.saved.text(), timeout=20_000)
    assert "gif" not in studio.workbench.questions
    with Image.open(tmp_path / "path.gif") as image:
        durations = []
        for frame in range(image.n_frames):
            image.seek(frame)
            durations.append(image.info["duration"])
        # Frames that are alike are written as one that stays longer.
        assert sum(durations) == (2 * COUNT - 2) * FRAME_MS
        assert image.size == (2 * (SIDE + GAP) + GAP, SIDE + HEAD + 2 * GAP)


def test_a_gif_that_cannot_be_written_is_a_fault_in_the_window(qtbot, studio, panel, tmp_path):
    panel.take_random()
    shown(qtbot, panel)
    with qtbot.waitSignal(studio.workbench.failed) as fault:
        panel.save_gif(tmp_path / "nowhere" / "path.gif")
    assert isinstance(fault.args[0], StudioError)
    assert "nowhere" in str(fault.args[0])
    assert studio.window.banner.isVisible()


def test_frames_have_the_images_in_their_places(qapp):
    images = np.zeros((2, 3, 4, 4), np.float32)
    images[1] = np.array([1.0, 0.5, 0.0], np.float32)[:, None, None]
    reels = [Reel("A", "model-ae", images), Reel("B", "model-vae", images[::-1])]
    first, second = film(reels, themes.load("dark"), True, [0, 1])
    middle = GAP + HEAD + SIDE // 2
    for frame, place in ((first, 0), (second, 1)):
        np.testing.assert_allclose(frame[middle, GAP + SIDE // 2], images[place, :, 0, 0] * 255, atol=1)
        right = 2 * GAP + SIDE + SIDE // 2
        np.testing.assert_allclose(frame[middle, right], images[1 - place, :, 0, 0] * 255, atol=1)


def test_a_loop_shows_no_place_twice_in_a_row():
    assert there_and_back(4) == [0, 1, 2, 3, 2, 1]
