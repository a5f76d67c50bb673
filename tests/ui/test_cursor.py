"""The truth at the cursor: verdicts in the lanes, the panel, and drags over the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt

from aae_studio.core import fields
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.region import Trust, Verdict
from aae_studio.ui.app import Studio
from aae_studio.ui.at_cursor.verdict_line import verdict_words
from aae_studio.ui.canvas.painting import next_toward

MODELS = ("ae", "aae", "gan")


@pytest.fixture
def studio(qtbot, open_studio) -> Studio:
    config = ExperimentConfig(models=MODELS, hidden=(16,), batch_size=64)
    studio = open_studio(config, (1400, 900))
    qtbot.waitUntil(lambda: set(studio.workbench.findings.regions) == {"ae", "aae"}, timeout=30_000)
    return studio


def opened(qtbot, studio: Studio):
    panel = studio.window.panel_docks["cursor"].open()
    qtbot.waitUntil(lambda: all(card.seen is not None for card in panel.cards), timeout=10_000)
    return panel


def test_nobody_judges_an_untrained_model(qtbot, open_studio) -> None:
    studio = open_studio(ExperimentConfig(models=("ae", "aae"), hidden=(16,)))
    cards = opened(qtbot, studio).cards
    lines = [lane.verdict for lane in studio.window.lanes.values()] + [card.verdict for card in cards]
    qtbot.waitUntil(lambda: [line.text() for line in lines] == ["not trained yet"] * 4, timeout=10_000)
    muted = studio.window.lanes["ae"]._theme.color("muted")
    assert all(line._color == muted for line in lines)
    studio.workbench.train(3)
    words = {verdict_words(verdict) for verdict in Verdict}
    short = words | {word.partition(":")[0] for word in words}
    qtbot.waitUntil(lambda: all(line.text() in short for line in lines), timeout=10_000)


def test_nobody_judges_by_the_codes_of_an_untrained_model(qtbot, studio):
    """The first steps are taken before codes have been looked at again."""
    bench, lane = studio.workbench, studio.window.lanes["ae"]
    bench.train(3)
    qtbot.waitUntil(lambda: bench.findings.step == 3, timeout=10_000)
    studio.window.catch_up()
    assert lane.verdict.text() != "not trained yet"
    bench.findings.step = 0
    lane.show_figures()
    assert lane.verdict.text() == "not trained yet"


def test_a_lane_says_whether_its_cursor_is_inside_the_data(qtbot, studio):
    bench, lanes = studio.workbench, studio.window.lanes
    bench.train(3)
    qtbot.waitUntil(lambda: bench.findings.step == 3, timeout=10_000)
    codes = bench.findings.codes["ae"]
    bench.planes.set_linked(False)
    bench.planes.move_cursor("ae", (1000.0, 1000.0))
    qtbot.waitUntil(lambda: lanes["ae"].verdict.text() == verdict_words(Verdict.FAR), timeout=5_000)
    middle = codes[np.linalg.norm(codes - np.median(codes, axis=0), axis=1).argmin()]
    bench.planes.move_cursor("ae", tuple(map(float, middle)))
    back = bench.models["ae"].encode(bench.models["ae"].decode(middle[None]))[0]
    away = np.linalg.norm(back - middle) / codes.std(axis=0).mean()
    expected = Verdict.HOLE if away > 0.5 else Verdict.INSIDE
    qtbot.waitUntil(lambda: lanes["ae"].verdict.text() == verdict_words(expected), timeout=5_000)
    # Without encoder nothing is known of where real images are.
    assert lanes["gan"].verdict.text() == ""


def test_a_verdict_is_as_long_as_its_line_is_wide(qtbot, studio):
    line, words = studio.window.lanes["ae"].verdict, verdict_words(Verdict.FAR)
    line.show_trust(Trust(9.0, 0.0, 2), 1)
    wide = line.fontMetrics().horizontalAdvance(words) + 40
    for width, wanted in ((wide, words), (wide // 2, words.partition(":")[0]), (wide, words)):
        line.resize(width, line.height())
        assert line.text() == wanted


def test_the_panel_shows_what_the_models_say_of_the_place(qtbot, studio):
    bench, panel = studio.workbench, opened(qtbot, studio)
    bench.planes.move_cursor("aae", (0.4, -0.3))
    card = {card.name: card for card in panel.cards}["aae"]
    qtbot.waitUntil(lambda: card.figures["log p(z)"].text() == "−1.96", timeout=10_000)
    code, frozen = bench.planes.cursors["aae"], bench.models["aae"]
    # log N(z; 0, I) by hand.
    assert card.seen.log_prior == pytest.approx(-0.5 * (0.4**2 + 0.3**2) - np.log(2 * np.pi), abs=1e-4)
    assert card.seen.says == pytest.approx(float(fields.verdicts(frozen, code[None])[0]), abs=1e-5)
    image = frozen.decode(code[None])
    np.testing.assert_allclose(card.seen.back, frozen.encode(image)[0], atol=1e-5)
    np.testing.assert_allclose(card.seen.again, frozen.decode(frozen.encode(image))[0], atol=1e-5)
    distances = np.linalg.norm(bench.findings.codes["aae"] - code, axis=1)
    assert list(card.seen.nearest) == list(np.argsort(distances, kind="stable")[:5])
    assert {"D(z)", "log p(z)"} & set(panel.cards[0].figures) == set(), "the plain AE has neither"


def test_what_was_found_is_marked_in_the_planes_while_the_panel_is_open(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["ae"].canvas
    bench.display.set(show_codes=False)
    qtbot.wait(0)
    panel = opened(qtbot, studio)
    qtbot.waitUntil(lambda: set(bench.display.traces.get("cursor", {})) == {"ae", "aae"}, timeout=10_000)
    marked = canvas.grab().toImage()
    trace = bench.display.traces["cursor"]["ae"]
    seen = panel.cards[0].seen
    np.testing.assert_allclose(
        trace.signs[0].places, bench.findings.codes["ae"][list(seen.nearest)], atol=1e-6
    )
    np.testing.assert_allclose(trace.lines[0].places[1], seen.back, atol=1e-6)
    studio.window.panel_docks["cursor"].close()
    assert not bench.display.traces["cursor"]
    assert canvas.grab().toImage() != marked


def test_shift_and_drag_take_every_cursor_to_one_images_codes(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["aae"].canvas
    panel = opened(qtbot, studio)
    place = bench.planes.places("aae")[7]
    x, y = bench.planes.views["aae"].to_pixels(place[None], canvas.width(), canvas.height())[0]
    at = QPointF(float(x), float(y)).toPoint()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, at)
    pixels = bench.planes.views["aae"].to_pixels(bench.planes.places("aae"), canvas.width(), canvas.height())
    found = int(((pixels - [at.x(), at.y()]) ** 2).sum(axis=1).argmin())
    assert bench.planes.picked == found
    for name in ("ae", "aae"):
        np.testing.assert_array_equal(bench.planes.cursors[name], bench.findings.codes[name][found])
    qtbot.waitUntil(lambda: all(card.seen.rebuilt is not None for card in panel.cards[:2]), timeout=10_000)
    seen = panel.cards[1].seen
    assert found not in seen.nearest
    np.testing.assert_allclose(seen.rebuilt, bench.reconstruction("aae", found)[1], atol=1e-5)
    # The drag goes on to the next image.
    qtbot.mouseMove(canvas, QPoint(2, 2))
    corner = int(((pixels - [2, 2]) ** 2).sum(axis=1).argmin())
    qtbot.waitUntil(lambda: bench.planes.picked == corner, timeout=5_000)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(2, 2))
    # Without Shift the cursor is let go.
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(40, 40))
    assert bench.planes.picked is None


def test_with_the_switch_the_arrow_keys_go_from_image_to_image(qtbot, studio):
    bench, panel = studio.workbench, opened(qtbot, studio)
    canvas = studio.window.lanes["ae"].canvas
    panel.drags_data.setChecked(True)
    switch = studio.window.actions_by_name["drags_data"]
    assert switch.isChecked(), "it is to be seen without the panel, too"
    start = canvas.cursor_pixel().x()
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    first = bench.planes.picked
    assert first is not None
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert bench.planes.picked != first
    assert canvas.cursor_pixel().x() > start
    np.testing.assert_array_equal(bench.planes.cursors["ae"], bench.findings.codes["ae"][bench.planes.picked])
    switch.trigger()
    assert not panel.drags_data.isChecked()
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert bench.planes.picked is None


def test_a_picked_image_is_followed_while_training_moves_its_codes(qtbot, studio):
    bench = studio.workbench
    bench.planes.pick(3)
    before = bench.planes.cursors["ae"].copy()
    bench.train(20)
    qtbot.waitUntil(lambda: bench.findings.step == 20, timeout=30_000)
    assert not np.allclose(bench.planes.cursors["ae"], before)
    np.testing.assert_array_equal(bench.planes.cursors["ae"], bench.findings.codes["ae"][3])


def test_the_error_map_is_the_ground_without_error_and_red_with_all(qtbot, studio):
    card = opened(qtbot, studio).cards[0]
    black, white = np.zeros((1, 2, 2), np.float32), np.ones((1, 2, 2), np.float32)
    for rebuilt, color in ((black, "well"), (white, "bad")):
        wanted = card._theme.color(color).getRgbF()[:3]
        np.testing.assert_allclose(card.error_map(black, rebuilt)[:, 0, 0], wanted, atol=1e-5)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12),
    st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]),
)
def test_the_next_point_in_a_direction_is_the_nearest_within_its_quadrant(points, direction):
    places = np.array(points, np.float32)
    found = next_toward(places, QPointF(15, 15), direction, 0)
    there = []
    for place, (x, y) in enumerate(points):
        dx, dy = x - 15, y - 15
        ahead, aside = dx * direction[0] + dy * direction[1], abs(dx * direction[1] + dy * direction[0])
        if place != 0 and ahead > 0 and aside <= ahead:
            there.append((dx * dx + dy * dy, place))
    assert found == (min(there)[1] if there else None)
