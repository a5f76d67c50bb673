"""The label paintbrush, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.ids import OWN
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.label_brush import gaps_to_way
from aae_studio.ui.label_setup import missing
from aae_studio.ui.panels.labels import Labels

SHIFT, LEFT = Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.LeftButton


@pytest.fixture
def studio(open_studio) -> Studio:
    config = ExperimentConfig(models=("ae",), hidden=(16,), batch_size=64)
    return open_studio(config.with_(**{"aae.discriminator_hidden": (8,)}), (1280, 900))


@pytest.fixture
def panel(studio: Studio) -> Labels:
    found = studio.window.panel_docks["labels"].open()
    assert isinstance(found, Labels)
    return found


@pytest.fixture
def ready(qtbot, studio: Studio, panel: Labels) -> Labels:
    """The panel, set up by its one click."""
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        panel._set_up.click()
    return panel


def points(studio: Studio, name: str):
    return studio.workbench.questions.answers["labelled", name]


def shown(qtbot, studio: Studio, count: int) -> None:
    """Wait until the planes show so many labelled images."""
    answers = studio.workbench.questions.answers
    qtbot.waitUntil(
        lambda: all(
            (seen := answers.get(("labelled", name))) is not None and seen.known.sum() == count
            for name in studio.workbench.models
        ),
        timeout=10_000,
    )


def pixels(studio: Studio, name: str) -> np.ndarray:
    canvas = studio.window.lanes[name].canvas
    return studio.workbench.planes.views[name].to_pixels(
        points(studio, name).places, canvas.width(), canvas.height()
    )


def inner_point(studio: Studio, name: str) -> tuple[int, QPoint]:
    """A point that lies well within the canvas: its place among the points, and its pixel."""
    canvas, places = studio.window.lanes[name].canvas, pixels(studio, name)
    away = np.abs(places - (canvas.width() / 2, canvas.height() / 2)).max(axis=1)
    place = int(away.argmin())
    return place, QPoint(*np.rint(places[place]).astype(int).tolist())


def place_of(studio: Studio, name: str, one: int) -> tuple[int, QPoint]:
    """The point with an id, and its pixel."""
    place = int(np.flatnonzero(points(studio, name).ids == one)[0])
    return place, QPoint(*np.rint(pixels(studio, name)[place]).astype(int).tolist())


def test_what_is_missing_is_said_and_one_click_sets_it_up(qtbot, studio, panel):
    bench = studio.workbench
    assert "No AAE" in panel._needs.text()
    assert "“Gaussian” has no parts" in panel._needs.text()
    assert not panel.mode.isEnabled()
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        panel._set_up.click()
    assert bench.config.models == ("ae", "aae")
    assert bench.config.prior == "mixture"
    assert bench.config.options["aae.labelling"] == "hand"
    assert missing(bench.config) == []
    assert not panel._card.isVisibleTo(panel)
    assert panel.mode.isEnabled()
    assert panel.ids().size == 0
    bench.undo()
    qtbot.waitUntil(lambda: bench.config.models == ("ae",), timeout=10_000)
    qtbot.waitUntil(lambda: panel._card.isVisibleTo(panel), timeout=10_000)


def test_labels_that_were_counted_are_kept_by_the_set_up(qtbot, studio, panel):
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.configure(models=("aae",), prior="ring", **{"aae.labels": 50})
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        panel._set_up.click()
    assert bench.config.prior == "ring"
    assert len(panel.ids()) == 50
    assert [text.split()[0] for text, _ in panel.table.texts()] == ["5"] * 10


def test_the_first_of_each_class_are_labelled_live_and_counted(qtbot, studio, ready):
    bench, panel = studio.workbench, ready
    bench.train(2)
    qtbot.waitUntil(lambda: bench.step == 2, timeout=10_000)
    panel.each.setValue(7)
    panel._first.click()
    qtbot.waitUntil(lambda: len(bench.config.options["aae.labelled"]) > 0, timeout=10_000)
    assert bench.step == 2, "labels do not start again"
    train = bench.snapshot.dataset.train
    totals = np.bincount(train.labels)
    assert [text for text, _ in panel.table.texts()] == [f"7 / {total}" for total in totals]
    assert "70 of 1\u202f437" in panel._total.text()
    panel._none.click()
    qtbot.waitUntil(lambda: bench.config.options["aae.labelled"] == "", timeout=10_000)
    bench.undo()
    assert len(panel.ids()) == 70


def test_the_share_is_that_of_all_test_codes(qtbot, studio, ready):
    bench, panel = studio.workbench, ready
    panel._first.click()
    bench.train(3)
    qtbot.waitUntil(lambda: bench.step == 3 and bench.findings.step == 3, timeout=20_000)
    bench.questions.ask("labels", type(bench.questions["labels"])())
    bench.questions.answers.pop("labels", None)
    qtbot.waitUntil(lambda: bench.questions.answers.get("labels") is not None, timeout=10_000)
    test = bench.snapshot.dataset.test
    codes = bench.models["aae"].encode(bench.snapshot.dataset.to_unit(test.images)).astype(np.float64)
    # Components are ellipses of 0.36 along and 0.12 across, on a circle.
    radius = np.sqrt(2 - 0.36**2 - 0.12**2)
    angles = 2 * np.pi * np.arange(10) / 10
    along = codes @ np.stack([np.cos(angles), np.sin(angles)]) - radius
    across = codes @ np.stack([-np.sin(angles), np.cos(angles)])
    nearest = ((along / 0.36) ** 2 + (across / 0.12) ** 2).argmin(axis=1)
    own = nearest == test.labels
    assert bench.questions.answers["labels"].whole == pytest.approx(own.mean(), abs=0.006)
    assert f"{bench.questions.answers['labels'].whole:.0%} of all 360 test images" in panel._whole.text()
    assert panel.table.texts()[3][1] == f"{bench.questions.answers['labels'].each[3]:.0%}"


def test_a_label_can_be_another_class_and_another_one_again(qtbot, studio, ready):
    panel = ready
    panel.mode.click()
    shown(qtbot, studio, 0)
    panel._size.setValue(4)
    canvas = studio.window.lanes["ae"].canvas
    place, at = inner_point(studio, "ae")
    one, own = int(points(studio, "ae").ids[place]), int(points(studio, "ae").own[place])
    for wrong in ((own + 1) % 10, (own + 2) % 10):
        panel.given.setCurrentIndex(1 + wrong)
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
        given = dict(zip(*map(np.ndarray.tolist, panel._labels()), strict=True))
        assert given[one] == wrong
        counts = [int(text.split()[0]) for text, _ in panel.table.texts()]
        assert counts == [len(given) * (place == wrong) for place in range(10)]

        def told(wrong=wrong) -> bool:
            seen = points(studio, "ae")
            return (seen.told[seen.ids == one] == wrong).all()

        qtbot.waitUntil(told, timeout=10_000)
        _, at = place_of(studio, "ae", one)
    # And its own class after all.
    panel.given.setCurrentIndex(0)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert dict(zip(*map(np.ndarray.tolist, panel._labels()), strict=True))[one] == OWN


def test_a_click_in_any_plane_labels_a_point_and_with_shift_takes_its_label_away(qtbot, studio, ready):
    bench, panel = studio.workbench, ready
    panel.mode.click()
    assert bench.display.tool is panel.brush
    assert studio.window.actions_by_name["overlay_labelled"].isChecked()
    shown(qtbot, studio, 0)
    panel._size.setValue(4)
    for count, name in enumerate(("ae", "aae"), start=1):
        place, at = inner_point(studio, name)
        chosen, before = int(points(studio, name).ids[place]), len(panel.ids())
        cursor = bench.planes.cursor_place(name)
        qtbot.mouseClick(studio.window.lanes[name].canvas, LEFT, pos=at)
        assert chosen in panel.ids()
        assert bench.planes.cursor_place(name) == cursor
        assert len(panel.ids()) > before >= count - 1
        shown(qtbot, studio, len(panel.ids()))
    before = set(panel.ids().tolist())
    places, known = pixels(studio, "ae"), points(studio, "ae").known
    labelled = int(np.flatnonzero(known)[0])
    at = QPoint(*np.rint(places[labelled]).astype(int).tolist())
    qtbot.mouseClick(studio.window.lanes["ae"].canvas, LEFT, SHIFT, pos=at)
    assert set(panel.ids().tolist()) < before


def test_a_stroke_labels_all_that_it_covers_and_is_one_undo(qtbot, studio, ready):
    bench, panel, canvas = studio.workbench, ready, studio.window.lanes["ae"].canvas
    panel.set_mode(True)
    shown(qtbot, studio, 0)
    panel._size.setValue(20)
    start, end = (
        QPoint(canvas.width() // 3, canvas.height() // 2),
        QPoint(canvas.width() // 2, canvas.height() // 2),
    )
    gaps = gaps_to_way(pixels(studio, "ae"), QPointF(start), QPointF(end))
    wanted = sorted(points(studio, "ae").ids[gaps <= 20].tolist())
    qtbot.mousePress(canvas, LEFT, pos=start)
    qtbot.mouseMove(canvas, end)
    qtbot.mouseRelease(canvas, LEFT, pos=end)
    assert panel.ids().tolist() == wanted
    assert len(wanted) > 3
    shown(qtbot, studio, len(wanted))
    bench.undo()
    assert panel.ids().size == 0


def test_the_keys_label_around_the_cursor_and_escape_leaves(qtbot, studio, ready):
    bench, panel, canvas = studio.workbench, ready, studio.window.lanes["aae"].canvas
    panel.mode.click()
    shown(qtbot, studio, 0)
    place, _ = inner_point(studio, "aae")
    bench.planes.move_cursor("aae", tuple(points(studio, "aae").places[place].tolist()))
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    assert int(points(studio, "aae").ids[place]) in panel.ids()
    shown(qtbot, studio, len(panel.ids()))
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    assert panel.ids().size == 0
    before = bench.planes.cursor_place("aae")
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert bench.planes.cursor_place("aae") != before
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert bench.display.tool is None
    assert not panel.mode.isChecked()
    assert "labelled" not in bench.display.overlays


def test_escape_takes_a_stroke_back_before_it_leaves(qtbot, studio, ready):
    bench, panel, canvas = studio.workbench, ready, studio.window.lanes["ae"].canvas
    panel.set_mode(True)
    shown(qtbot, studio, 0)
    _, at = inner_point(studio, "ae")
    qtbot.mousePress(canvas, LEFT, pos=at)
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    qtbot.mouseRelease(canvas, LEFT, pos=at)
    assert panel.ids().size == 0
    assert bench.display.tool is panel.brush
    # The frame around the plane says that the mode is on.
    on = canvas.grab().toImage()
    panel.set_mode(False)
    assert on.pixelColor(1, 50) == studio.window._theme.color("accent")
    assert canvas.grab().toImage().pixelColor(1, 50) != on.pixelColor(1, 50)


def test_a_hidden_panel_asks_nothing_and_leaves_the_mode(qtbot, studio, ready):
    bench = studio.workbench
    ready.set_mode(True)
    assert "labels" in bench.questions
    studio.window.panel_docks["labels"].close()
    assert bench.display.tool is None
    assert not bench.questions


def test_labels_are_saved_with_the_session(qtbot, studio, ready, tmp_path):
    bench, panel = studio.workbench, ready
    panel.label([3, 4, 5, 9])
    with qtbot.waitSignal(bench.saved, timeout=10_000):
        bench.save(tmp_path / "run")
    panel.remove_all()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.open(tmp_path / "run")
    assert panel.ids().tolist() == [3, 4, 5, 9]
    assert "4 of 1\u202f437" in panel._total.text()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-200, 200), st.floats(-200, 200)), min_size=1, max_size=5),
    st.tuples(st.floats(-200, 200), st.floats(-200, 200)),
    st.tuples(st.floats(-200, 200), st.floats(-200, 200)),
)
def test_the_gap_to_a_way_is_that_to_its_nearest_point(places, start, end):
    found = gaps_to_way(np.array(places, np.float32), QPointF(*start), QPointF(*end))
    way = np.array(start) + np.linspace(0, 1, 2001)[:, None] * np.subtract(end, start)
    wanted = np.sqrt(((np.array(places)[:, None] - way) ** 2).sum(axis=2)).min(axis=1)
    np.testing.assert_allclose(found, wanted, atol=0.3)
