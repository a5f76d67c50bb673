"""Decoders that are told a class: the strip of one code as every class, and the menu of further models."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from driving import trained
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.region import EDGE
from aae_studio.ui import theme as themes
from aae_studio.ui.app import Studio
from aae_studio.ui.at_cursor.sight import sight, trust_in
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.canvas.latent_canvas import LatentCanvas
from aae_studio.ui.decode_view import ImageStrip
from aae_studio.ui.decodings import decoded_at
from aae_studio.ui.state.conditions import Told
from aae_studio.ui.state.probe import Probe


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
    right, left, up, down = Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Down
    for key, wanted in ((right, 4), (left, 3), (left, 2), (down, 2), (up, 2)):
        qtbot.keyClick(strip, key)
        assert on_show(studio) == decoded(studio, wanted)


def test_linked_lanes_are_told_the_same_class(qtbot, open_studio) -> None:
    told = ("supervised_aae", "semi_supervised_aae")
    names = (*told, "clustering_aae", "ae")
    config = ExperimentConfig(models=names, hidden=(16,), options={"clustering_aae.clusters": 10})
    planes = open_studio(config).workbench.planes
    planes.set_condition("supervised_aae", 3)
    assert planes.conditions.told.places == dict.fromkeys(told, 3)
    # A cluster's number is no class, whatever the classes are called.
    models = planes._snapshot.models
    models["clustering_aae"].model.conditions = models["supervised_aae"].conditions
    planes.set_condition("clustering_aae", 5)
    assert planes.conditions.told.places == {**dict.fromkeys(told, 3), "clustering_aae": 5}
    planes.set_condition("supervised_aae", 4)
    assert planes.conditions.told.places == {**dict.fromkeys(told, 4), "clustering_aae": 5}
    planes.set_linked(False)
    planes.set_condition("semi_supervised_aae", 7)
    assert planes.conditions["supervised_aae"] == 4
    planes.move_cursor("semi_supervised_aae", (0.5, 0.5))
    planes.set_linked(True)
    assert planes.conditions["supervised_aae"] == 7
    before = planes.conditions.told
    for active in ("ae", "clustering_aae"):
        planes.set_linked(False)
        planes.move_cursor(active, (0.2, 0.1))
        planes.set_linked(True)
        assert planes.conditions.told == before, "these have no class to share"


def test_arrow_keys_go_from_row_to_row(qtbot) -> None:
    strip = ImageStrip(themes.load("dark"), selectable=True)
    qtbot.addWidget(strip)
    strip.resize(200, strip.height())
    strip.set_images(np.zeros((15, 1, 8, 8), np.float32))
    rows = [place.y() for place in strip.places()]
    assert rows[:8] == [0.0] * 8
    assert rows[8:] == [rows[8]] * 7 > [0.0]
    strip.chosen.connect(strip.select)
    keys = (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up, *[Qt.Key.Key_Left] * 2)
    with qtbot.waitSignals(
        [strip.chosen] * 5, check_params_cbs=[lambda p, w=w: p == w for w in (8, 9, 1, 0, 0)]
    ):
        for key in keys:
            qtbot.keyClick(strip, key)
    # Below the last of a longer row is nothing.
    strip.select(7)
    with qtbot.assertNotEmitted(strip.chosen):
        qtbot.keyClick(strip, Qt.Key.Key_Down)


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


# A data point brings its class or cluster with it


def test_a_picked_image_is_decoded_as_its_own_class(qtbot, studio) -> None:
    bench, planes = studio.workbench, studio.workbench.planes
    place = int(np.flatnonzero(bench.probe.labels == 7)[0])
    planes.pick(place)
    assert planes.conditions.told.places == {"supervised_aae": 7}
    assert on_show(studio) == decoded(studio, 7)
    code = bench.findings.codes["supervised_aae"][place]
    told = bench.models["supervised_aae"].decode(code[None], 7)[0]
    np.testing.assert_allclose(told, bench.reconstruction("supervised_aae", place)[1], atol=1e-6)


def test_a_class_that_was_chosen_for_a_picked_image_stays_until_the_next(qtbot, studio) -> None:
    planes = studio.workbench.planes
    planes.pick(int(np.flatnonzero(studio.workbench.probe.labels == 7)[0]))
    planes.set_condition("supervised_aae", 2)
    planes.take_codes()
    assert planes.conditions.told.places == {"supervised_aae": 2}, "new codes do not take it back"
    planes.pick(int(np.flatnonzero(studio.workbench.probe.labels == 4)[0]))
    assert planes.conditions.told.places == {"supervised_aae": 4}


def test_a_class_is_forgotten_with_its_experiment(qtbot, studio) -> None:
    bench = studio.workbench
    bench.planes.set_condition("supervised_aae", 2)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.rewind()
    assert bench.planes.conditions.told == Told({}, frozenset())


def test_what_has_left_is_told_nothing_when_one_goes_back(qtbot, studio) -> None:
    bench, planes = studio.workbench, studio.workbench.planes
    planes.set_condition("supervised_aae", 2)
    before = planes.kept()
    bench.configure(models=("ae",))
    qtbot.waitUntil(lambda: list(bench.models) == ["ae"], timeout=20_000)
    assert planes.conditions.told == Told({}, frozenset())
    planes.put_back(before)
    assert planes.conditions.told == Told({}, frozenset())


def test_images_beyond_the_probe_have_their_own_class(qtbot, open_studio) -> None:
    config = ExperimentConfig(dataset="shapes", models=("supervised_aae",), hidden=(16,), batch_size=64)
    studio = open_studio(config)
    bench, planes = studio.workbench, studio.workbench.planes
    bench.draw_points(None)
    everything = bench.snapshot.dataset.everything
    qtbot.waitUntil(
        lambda: len(bench.findings.codes.get("supervised_aae", ())) == len(everything), timeout=60_000
    )
    assert len(everything) > 2100
    for place in (5, 2100, len(everything) - 1):
        planes.pick(place)
        assert planes.conditions["supervised_aae"] == everything.labels[place]
    # Held, it is not lost while a restart is made and taken back, though its code is the last to come.
    trained(qtbot, studio, 5)
    planes.pick(2100)
    for change in (bench.rewind, bench.undo):
        with qtbot.waitSignal(bench.prepared, timeout=20_000):
            change()
    qtbot.waitUntil(
        lambda: len(bench.findings.codes.get("supervised_aae", ())) == len(everything), timeout=60_000
    )
    assert planes.picked == 2100
    np.testing.assert_array_equal(
        planes.cursors["supervised_aae"], bench.findings.codes["supervised_aae"][2100]
    )
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.redo()
    bench.draw_points(0)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.undo()
    assert planes.picked is None, "it is no point any more"
    qtbot.waitUntil(lambda: 0 < len(bench.findings.codes.get("supervised_aae", ())) < 2100, timeout=60_000)
    assert planes.conditions.of("supervised_aae", 2100) is None, "it is not drawn any more"


@pytest.mark.parametrize("press_first", [False, True])
@pytest.mark.parametrize("back", ["Esc", "double click"])
def test_the_class_from_before_a_drag_from_image_to_image_comes_back(
    qtbot, studio, press_first: bool, back: str
) -> None:
    planes, canvas = studio.workbench.planes, studio.window.lanes["ae"].canvas
    other = int(np.flatnonzero(studio.workbench.probe.labels == 9)[0])
    if press_first:
        planes.pick(other)
    planes.set_condition("supervised_aae", 5)
    before = planes.kept()
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, shift, canvas.rect().center())
    chosen = planes.picked
    assert chosen is not None
    assert planes.conditions["supervised_aae"] == studio.workbench.probe.labels[chosen]
    if back == "Esc":
        qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    else:
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, shift, canvas.rect().center())
    planes.take_codes()
    assert planes.conditions.told == Told({"supervised_aae": 5}, frozenset({"supervised_aae"}))
    assert planes.picked == before.picked == (other if press_first else None)
    np.testing.assert_array_equal(planes.cursors["supervised_aae"], before.codes["supervised_aae"])


def test_as_another_class_a_held_image_is_not_rebuilt(qtbot, studio) -> None:
    bench, planes = studio.workbench, studio.workbench.planes
    qtbot.waitUntil(lambda: "supervised_aae" in bench.findings.codes, timeout=20_000)
    place = int(np.flatnonzero(bench.probe.labels == 6)[0])
    planes.pick(place)
    seen = sight(bench, "supervised_aae")
    np.testing.assert_array_equal(seen.rebuilt, bench.reconstruction("supervised_aae", place)[1])
    assert place not in seen.nearest
    planes.set_condition("supervised_aae", 8)
    seen = sight(bench, "supervised_aae")
    assert seen.rebuilt is None
    assert to_qimage(seen.image) == on_show(studio)
    assert sight(bench, "ae").rebuilt is not None


def test_an_image_of_the_data_is_not_far_from_them(qtbot, studio) -> None:
    bench, planes = studio.workbench, studio.workbench.planes
    qtbot.waitUntil(lambda: "ae" in bench.findings.codes, timeout=20_000)
    codes, region = bench.findings.codes["ae"], bench.findings.regions["ae"]
    odd = max(range(len(codes)), key=lambda place: region.strangeness(codes[place]))
    assert region.strangeness(codes[odd]) > EDGE
    planes.pick(odd)
    assert trust_in(bench, "ae", decoded_at(bench.at_cursor("ae")))[0].strangeness == EDGE
    planes.place_cursors({"ae": codes[odd]})
    assert trust_in(bench, "ae", decoded_at(bench.at_cursor("ae")))[0].strangeness > EDGE


@pytest.fixture
def finders(qtbot, open_studio) -> Studio:
    """A lane that is told nothing, and two whose models find classes and clusters, with their figures."""
    names = ("ae", "semi_supervised_aae", "clustering_aae")
    studio = open_studio(ExperimentConfig(models=names, hidden=(16,), batch_size=64))
    trained(qtbot, studio, 2)
    qtbot.waitUntil(lambda: studio.workbench.findings.figures_step == 2, timeout=60_000)
    studio.window.catch_up()
    return studio


def shares_of(studio: Studio, name: str, place: int) -> np.ndarray:
    """q(y|x) of an image, (classes or clusters,)."""
    image = studio.workbench.probe.image(place)
    return studio.workbench.models[name].class_shares(image[None])[0]


FINDERS = ("semi_supervised_aae", "clustering_aae")


def test_a_picked_image_is_decoded_as_what_the_model_finds(qtbot, finders) -> None:
    planes = finders.workbench.planes
    for place in range(40):
        planes.pick(place)
        wanted = {name: int(shares_of(finders, name, place).argmax()) for name in FINDERS}
        assert planes.conditions.told == Told(wanted, frozenset())


def test_what_the_model_finds_is_followed_while_it_trains(qtbot, finders) -> None:
    planes, place = finders.workbench.planes, 3
    planes.pick(place)
    best = {name: int(shares_of(finders, name, place).argmax()) for name in FINDERS}
    other = {name: (found + 1) % 10 for name, found in best.items()}
    planes.conditions.go_back(Told(other, frozenset({"clustering_aae"})))
    planes.take_codes()
    chosen = {"clustering_aae": other["clustering_aae"]}
    assert planes.conditions.told == Told(best | chosen, frozenset(chosen))


def test_the_strip_marks_what_the_image_under_the_mouse_is_taken_for(qtbot, finders) -> None:
    bench, window = finders.workbench, finders.window
    best = int(shares_of(finders, "clustering_aae", 3).argmax())
    strip = window.lanes["clustering_aae"].strip
    around = strip.places()[best].adjusted(-1, -1, 1, 1)
    # Also where it is the one that is decoded.
    for chosen in ((best + 1) % 16, best):
        bench.planes.set_condition("clustering_aae", chosen)
        window.catch_up()
        plain = strip.grab().toImage()
        bench.display.hover(3)
        window.catch_up()
        marked = strip.grab().toImage()
        changed = [
            QPointF(x, y)
            for x in range(plain.width())
            for y in range(plain.height())
            if plain.pixel(x, y) != marked.pixel(x, y)
        ]
        assert changed
        assert all(map(around.contains, changed))
        bench.display.hover(None)
        window.catch_up()
        assert strip.grab().toImage() == plain


def test_the_mark_is_that_of_the_newest_weights(qtbot, finders) -> None:
    bench, lane = finders.workbench, finders.window.lanes["clustering_aae"]
    bench.display.hover(3)
    trained(qtbot, finders, 5)
    finders.window.catch_up()
    wanted = int(shares_of(finders, "clustering_aae", 3).argmax())
    lane.strip.mark((wanted + 1) % 16)
    lane.show_figures()
    assert lane.strip.marked == wanted
    bench.display.hover(None)
    finders.window.catch_up()
    assert lane.strip.marked is None


def cluster(studio: Studio, place: int) -> str:
    """What a cluster is called: by the class of most training images in it."""
    bench = studio.workbench
    train = bench.snapshot.dataset.train
    shares = bench.models["clustering_aae"].class_shares(bench.snapshot.dataset.to_unit(train.images))
    inside = train.labels[shares.argmax(axis=1) == place]
    return f"cluster {place + 1}" + (f" ≈ {np.bincount(inside).argmax()}" if len(inside) else "")


def test_a_cluster_has_no_class_before_it_was_measured(qtbot, finders, monkeypatch) -> None:
    bench = finders.workbench
    figures = bench.findings.figures.pop("clustering_aae")
    assert bench.condition_names("clustering_aae")[6] == "cluster 7"
    bench.findings.figures["clustering_aae"] = replace(figures, clusters=(-1,) * 16)
    assert bench.condition_names("clustering_aae")[6] == "cluster 7"
    bench.findings.figures["clustering_aae"] = figures
    # An untrained model's clusters are no classes.
    bench.findings.figures_step = 0
    assert bench.condition_names("clustering_aae")[6] == "cluster 7"
    bench.findings.figures_step = 2
    assert bench.condition_names("clustering_aae") == tuple(cluster(finders, place) for place in range(16))
    # A class alone says nothing.
    monkeypatch.setattr(Probe, "classes", ("image",))
    assert bench.condition_names("clustering_aae")[6] == "cluster 7"


def test_the_card_of_a_point_says_what_the_model_takes_it_for(qtbot, finders) -> None:
    bench = finders.workbench
    finders.window.catch_up()
    for name, lane in finders.window.lanes.items():
        canvas = lane.canvas
        spot = canvas.view().to_pixels(bench.planes.places(name), canvas.width(), canvas.height())[0]
        canvas.grab()
        canvas.hover(QPointF(*map(float, spot)))
        place = bench.display.hovered_sample
        assert place is not None
        wanted = [bench.probe.caption(place)]
        if name in FINDERS:
            shares = shares_of(finders, name, place)
            best = int(shares.argmax())
            word = cluster(finders, best) if name == "clustering_aae" else str(best)
            wanted.append(f"found: {word}, {100 * shares[best]:.0f} %")
        assert canvas.card().captions == tuple(wanted)
        canvas.leave_point()


@pytest.mark.parametrize(("share", "words"), [(0.994, "99 %"), (0.997, ">99 %"), (1.0, "100 %")])
def test_what_is_less_than_certain_is_not_said_to_be_certain(
    qtbot, finders, monkeypatch, share, words
) -> None:
    monkeypatch.setattr(type(finders.workbench), "found", lambda *_: ("4", share))
    canvas = finders.window.lanes["semi_supervised_aae"].canvas
    assert canvas._captions(0)[1] == f"found: 4, {words}"


def test_each_image_of_the_strip_has_its_name(qtbot, finders, monkeypatch) -> None:
    shown: list[tuple[str, QRect]] = []
    # A tooltip of its own is a window, which this platform does not raise.
    monkeypatch.setattr(QToolTip, "showText", lambda at, text, of, area: shown.append((text, area)))
    for name, words in (("semi_supervised_aae", "6"), ("clustering_aae", cluster(finders, 6))):
        strip = finders.window.lanes[name].strip
        assert len(strip.places()) == (10 if name == "semi_supervised_aae" else 16)
        spot = strip.places()[6].center().toPoint()
        QApplication.sendEvent(strip, QHelpEvent(QEvent.Type.ToolTip, spot, strip.mapToGlobal(spot)))
        text, area = shown[-1]
        assert text == f"<p>{words}</p>{strip.toolTip()}"
        assert area.contains(spot)
        assert not area.contains(strip.places()[7].center().toPoint())


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
