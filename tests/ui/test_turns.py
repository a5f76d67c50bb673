"""What is new is drawn one piece at a time, and what the mouse does never waits for more than one of them."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, QTimer
from shiboken6 import delete

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.latent_canvas import LatentCanvas
from aae_studio.ui.screenshot import offscreen_studio
from aae_studio.ui.turns import FIRST, FRAME_MS, GAP_MS, LAST, QUICKEST_MS, Turns

FIRST_MS, LAST_MS = round(FIRST * FRAME_MS), LAST * FRAME_MS


class Passes:
    """Counts passes of the event loop, one at most from one look to the next."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self._count = 0

    def note(self, name: str) -> None:
        self.seen.append((name, self._count))
        QTimer.singleShot(0, self._next)

    def _next(self) -> None:
        self._count += 1

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    @property
    def one_by_one(self) -> bool:
        counts = [count for _, count in self.seen]
        return len(set(counts)) == len(counts)


class Painter(QObject):
    """Wants turns."""

    def __init__(self, passes: Passes, name: str) -> None:
        super().__init__()
        self._passes = passes
        self.setObjectName(name)

    def draw(self) -> None:
        self._passes.note(self.objectName())


@pytest.fixture
def three(qapp) -> tuple[Turns, Passes, list[Painter]]:
    passes = Passes()
    return Turns(qapp), passes, [Painter(passes, name) for name in "abc"]


@pytest.fixture(autouse=True)
def no_turns_left(qapp) -> Iterator[None]:
    yield
    for turns in qapp.findChildren(Turns):
        delete(turns)


def test_turns_come_in_order_once_each_and_never_two_in_a_pass(qtbot, three):
    turns, passes, painters = three
    for painter in (*painters, painters[0], painters[1]):
        turns.ask(painter.draw)
    assert passes.names == []
    qtbot.waitUntil(lambda: len(passes.seen) >= 3)
    turns.ask(painters[1].draw)
    qtbot.waitUntil(lambda: len(passes.seen) >= 4)
    assert passes.names == ["a", "b", "c", "b"]
    assert passes.one_by_one


def test_who_has_left_loses_its_turn(qtbot, three):
    turns, passes, painters = three
    for painter in painters:
        turns.ask(painter.draw)
    delete(painters[1])
    qtbot.waitUntil(lambda: "c" in passes.names)
    assert passes.names == ["a", "c"]


def test_turns_come_after_a_drag_has_moved_and_then_wait_for_it(qtbot, three, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("aae_studio.ui.turns.time.monotonic", lambda: now[0])
    # So long that no busy machine reaches it in between.
    patience_ms = 60_000
    monkeypatch.setattr("aae_studio.ui.turns.PATIENCE_MS", patience_ms)
    turns, passes, painters = three
    turns.follow_move()
    turns.ask(painters[0].draw)
    # The move is on show; the next turn comes soon, while there is time until the next move.
    assert turns._timer.interval() == FIRST_MS
    now[0] += (LAST_MS + 1) / 1000
    turns.ask(painters[1].draw)
    qtbot.waitUntil(lambda: passes.names == ["a"])
    assert turns._timer.interval() == patience_ms
    # With the next move its time has come.
    turns.follow_move()
    assert turns._timer.interval() == round(FIRST * (LAST_MS + 1))
    due = turns._timer.remainingTime()
    turns.follow_move()
    assert turns._timer.remainingTime() <= due, "a quick mouse does not put it off"
    qtbot.waitUntil(lambda: passes.names == ["a", "b"])
    # A hand that rests keeps nobody waiting.
    now[0] += patience_ms / 1000 + 1
    turns.ask(painters[2].draw)
    assert turns._timer.interval() == GAP_MS


def test_a_turn_that_takes_long_leaves_the_next_to_the_next_move(qtbot, three, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("aae_studio.ui.turns.time.monotonic", lambda: now[0])
    monkeypatch.setattr("aae_studio.ui.turns.PATIENCE_MS", 60_000)
    turns, passes, painters = three
    note = passes.note

    def slow(name: str) -> None:
        now[0] += LAST_MS / 1000
        note(name)

    monkeypatch.setattr(passes, "note", slow)
    turns.follow_move()
    for painter in painters[:2]:
        turns.ask(painter.draw)
    qtbot.waitUntil(lambda: passes.names == ["a"])
    assert turns._timer.interval() == 60_000
    turns.follow_move()
    qtbot.waitUntil(lambda: passes.names == ["a", "b"])


@pytest.mark.parametrize("period_ms", [4.0, QUICKEST_MS, 12.0, FRAME_MS, 500.0])
def test_turns_begin_in_the_second_quarter_from_one_move_to_the_next(three, monkeypatch, period_ms):
    now = [100.0]
    monkeypatch.setattr("aae_studio.ui.turns.time.monotonic", lambda: now[0])
    turns, _, painters = three
    for _ in range(3):
        now[0] += period_ms / 1000
        turns.follow_move()
    period = min(max(period_ms, QUICKEST_MS), FRAME_MS)
    turns.ask(painters[0].draw)
    assert turns._timer.interval() == round(period / 4)
    for share, gap in ((0.15, round(0.1 * period)), (0.3, 1), (0.49, 1)):
        turns._timer.stop()
        now[0] = turns._moved_at + share * period / 1000
        turns.ask(painters[0].draw)
        assert turns._timer.interval() == max(1, gap)
    turns._timer.stop()
    now[0] = turns._moved_at + 0.51 * period / 1000
    turns.ask(painters[0].draw)
    assert turns._timer.interval() > FRAME_MS


def test_a_turn_that_fails_keeps_nobody_from_theirs(qtbot, three):
    turns, passes, painters = three

    class Faulty(QObject):
        def draw(self) -> None:
            raise RuntimeError("a defect")

    faulty = Faulty()
    turns.ask(faulty.draw)
    turns.ask(painters[0].draw)
    with qtbot.captureExceptions() as faults:
        qtbot.waitUntil(lambda: passes.names == ["a"])
    assert [kind for kind, *_ in faults] == [RuntimeError]


def test_a_drag_on_a_canvas_makes_turns_follow_it(qtbot, studio):
    canvas, turns = studio.window.lanes["aae"].canvas, studio.window.turns
    middle = canvas.rect().center()
    qtbot.mouseMove(canvas, middle)
    assert turns._moved_at < 0, "nothing is dragged"
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(canvas, middle * 1.1)
    assert turns._moved_at > 0
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton)


def test_finish_takes_all_at_once(qtbot, three):
    turns, passes, painters = three
    for painter in painters:
        turns.ask(painter.draw)
    turns.finish()
    assert passes.names == ["a", "b", "c"]


@pytest.fixture
def studio(qtbot, tmp_path) -> Iterator[Studio]:
    """A real window that has shown its first survey, and whose threads send no more news."""
    config = ExperimentConfig(hidden=(32,))
    with offscreen_studio(config, tmp_path, (1280, 800), "dark", "en") as studio:
        bench = studio.workbench
        studio.start()
        qtbot.waitUntil(lambda: len(bench.findings.figures) == 3, timeout=30_000)
        studio.close_threads()
        qtbot.waitUntil(lambda: not any(lane._drag_wait.isActive() for lane in studio.window.lanes.values()))
        studio.window.catch_up()
        yield studio


@pytest.fixture
def built(monkeypatch) -> Passes:
    """The lanes whose codes are painted anew from now on."""
    passes, paint = Passes(), LatentCanvas._painted_backdrop

    def noted(canvas: LatentCanvas):
        passes.note(canvas._name)
        return paint(canvas)

    monkeypatch.setattr(LatentCanvas, "_painted_backdrop", noted)
    return passes


def pictures(studio: Studio) -> dict[str, object]:
    return {name: lane.canvas.grab().toImage() for name, lane in studio.window.lanes.items()}


def test_a_canvas_shows_what_it_had_until_its_turn_and_lanes_never_share_a_pass(qtbot, studio, built):
    bench, before = studio.workbench, pictures(studio)
    for name, codes in bench.findings.codes.items():
        bench.findings.codes[name] = codes[::-1].copy()
    bench.surveyed.emit()
    bench.planes.views_changed.emit()
    assert pictures(studio) == before
    assert built.names == []
    qtbot.waitUntil(lambda: len(built.seen) >= 3)
    studio.window.turns.finish()
    after = pictures(studio)
    assert all(after[name] != before[name] for name in before)
    assert sorted(built.names) == ["aae", "ae", "vae"], "once each, whatever the news were"
    assert built.one_by_one


def test_the_cursor_is_exact_on_a_canvas_that_waits(qtbot, studio, built):
    bench, canvas = studio.workbench, studio.window.lanes["aae"].canvas
    bench.surveyed.emit()
    view = bench.planes.views["aae"]
    # Where no point shines through it.
    place = (view.x + 0.9 * view.half, view.y - 0.9 * view.half)
    bench.planes.move_cursor("aae", place)
    at = canvas.cursor_pixel()
    expected = view.to_pixels(np.array([place]), canvas.width(), canvas.height())[0]
    assert at.toTuple() == pytest.approx(tuple(expected), abs=1e-3)
    color = canvas.grab().toImage().pixelColor(round(at.x()) + 3, round(at.y()) + 3)
    assert color == canvas._color
    assert built.names == []


def test_the_lane_that_is_zoomed_is_painted_at_once_and_the_others_in_turn(qtbot, studio, built):
    canvas, before = studio.window.lanes["aae"].canvas, pictures(studio)
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    after = pictures(studio)
    assert built.names == ["aae"]
    assert after["aae"] != before["aae"]
    assert (after["ae"], after["vae"]) == (before["ae"], before["vae"])
    qtbot.waitUntil(lambda: len(built.seen) >= 3)
    studio.window.turns.finish()
    assert sorted(built.names) == ["aae", "ae", "vae"]
    assert built.one_by_one
    # Lanes that share a scale look alike again.
    assert pictures(studio)["vae"] != before["vae"]


def test_a_canvas_of_another_size_is_painted_at_once(qtbot, studio, built):
    canvas = studio.window.lanes["ae"].canvas
    canvas.resize(canvas.width() - 30, canvas.height() - 20)
    canvas.grab()
    assert built.names == ["ae"]
    assert canvas._backdrop.size() == canvas.size()


def test_new_weights_are_decoded_once_by_the_drag_or_by_themselves(qtbot, studio, monkeypatch):
    bench, lanes = studio.workbench, studio.window.lanes.values()
    decoded: list[str] = []
    ask = bench.decodings.ask
    monkeypatch.setattr(bench.decodings, "ask", lambda name, place: decoded.append(name) or ask(name, place))

    def news() -> None:
        bench.snapshot = dataclasses.replace(bench.snapshot)
        bench.snapshot_changed.emit()

    news()
    assert decoded == []
    bench.planes.move_cursor("aae", (0.5, 0.5))
    assert decoded == ["aae", "ae", "vae"]
    qtbot.waitUntil(lambda: not any(lane._drag_wait.isActive() for lane in lanes))
    studio.window.turns.finish()
    assert decoded == ["aae", "ae", "vae"], "the drag has shown them"
    news()
    qtbot.waitUntil(lambda: len(decoded) == 6)


def test_garbage_collection_leaves_out_what_stays_and_nothing_that_comes_later(qtbot, qapp, tmp_path):
    gc.unfreeze()
    with offscreen_studio(ExperimentConfig(hidden=(32,)), tmp_path, (1280, 800), "dark", "en") as studio:
        with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
            studio.start()
        spared = gc.get_freeze_count()
        # What a full pass looks at, torch's modules having been imported long ago.
        assert len(gc.get_objects()) < spared / 10
        with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
            studio.workbench.rewind()
        # Some of them have gone since, none have come.
        assert gc.get_freeze_count() <= spared
    assert gc.get_freeze_count() == 0
