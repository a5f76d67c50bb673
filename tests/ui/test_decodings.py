"""Large decoders work in a thread: the newest place wins, and nobody waits."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import decodings
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.decodings import Decodings, Place, decoded_at
from aae_studio.ui.screenshot import offscreen_studio


class Frozen(SimpleNamespace):
    """A model whose image shows its code and condition, when `go` lets it."""

    def __init__(self, conditions: tuple[str, ...] = (), has_encoder: bool = True) -> None:
        super().__init__(conditions=conditions, has_encoder=has_encoder)
        self.go, self.threads = threading.Event(), []
        self.go.set()

    def decode(self, codes: np.ndarray, condition: object = 0) -> np.ndarray:
        self.threads.append(threading.current_thread())
        assert self.go.wait(10)
        told = np.broadcast_to(np.asarray(condition), len(codes))
        values = codes[:, 0] + 100.0 * told
        return np.broadcast_to(values[:, None, None, None], (len(codes), 1, 2, 2))

    def encode(self, images: np.ndarray) -> np.ndarray:
        return -images.reshape(len(images), -1)[:, :2]


def place(frozen: Frozen, value: float, condition: int = 0) -> Place:
    return Place(frozen, np.array([value, 0.0]), condition)


@pytest.fixture
def made(qtbot):
    """Decodings, and what they have shown: (name, image, encoded again)."""
    kept = Decodings()
    seen: list[tuple[str, float, float | None]] = []

    def take(name: str, found: decodings.Decoded) -> None:
        seen.append((name, found.image[0, 0, 0], None if found.back is None else found.back[0]))

    kept.decoded.connect(take)
    yield kept, seen
    assert kept.close()


def test_a_place_is_decoded_with_its_condition_and_as_each():
    found = decoded_at(place(Frozen(conditions=("a", "b", "c")), 7.0, condition=2))
    assert found.image[0, 0, 0] == 207
    assert found.each[:, 0, 0, 0].tolist() == [7, 107, 207]
    assert decoded_at(place(Frozen(), 7.0)).each is None


def test_a_quick_decoder_is_not_kept_waiting(made):
    kept, seen = made
    frozen = Frozen()
    for value in (1.0, 2.0, 3.0):
        kept.ask("ae", place(frozen, value))
        assert seen[-1] == ("ae", value, None)
    assert set(frozen.threads) == {threading.current_thread()}


def test_a_large_decoder_works_elsewhere_and_the_newest_place_wins(qtbot, made, monkeypatch):
    kept, seen = made
    monkeypatch.setattr(decodings, "LONGEST_S", -1.0)
    large, gan = Frozen(), Frozen(has_encoder=False)
    large.go.clear()
    for value in range(1, 6):
        kept.ask("ae", place(large, float(value)))
        kept.ask("gan", place(gan, float(value)))
    assert seen == []
    large.go.set()
    qtbot.waitUntil(lambda: ("ae", 5.0, -5.0) in seen and ("gan", 5.0, None) in seen, timeout=5_000)
    # The first was under way; those between it and the last were never begun.
    assert [value for name, value, _ in seen if name == "ae"] in ([1, 5], [5])
    assert threading.current_thread() not in large.threads


def test_once_does_not_make_a_decoder_large(made, monkeypatch):
    kept, seen = made
    kept._seconds["ae"] = 0.0, 1.0
    kept.ask("ae", place(Frozen(), 1.0))
    assert seen == [("ae", 1.0, None)]


def test_an_image_of_an_earlier_experiment_is_not_shown(qtbot, made, monkeypatch):
    kept, seen = made
    monkeypatch.setattr(decodings, "LONGEST_S", -1.0)
    old, new = Frozen(), Frozen()
    old.go.clear()
    kept.ask("ae", place(old, 1.0))
    qtbot.waitUntil(lambda: bool(old.threads))
    kept.forget()
    kept.ask("ae", place(new, 2.0))
    old.go.set()
    qtbot.waitUntil(lambda: bool(seen), timeout=5_000)
    assert seen == [("ae", 2.0, -2.0)]


def test_an_older_image_does_not_replace_a_newer_one(qtbot, made, monkeypatch):
    kept, seen = made
    monkeypatch.setattr(decodings, "LONGEST_S", -1.0)
    slow = Frozen()
    slow.go.clear()
    kept.ask("ae", place(slow, 1.0))
    qtbot.waitUntil(lambda: bool(slow.threads))
    # The next one is quick enough for the interface again.
    monkeypatch.setattr(decodings, "LONGEST_S", 10.0)
    kept.ask("ae", place(Frozen(), 2.0))
    slow.go.set()
    monkeypatch.setattr(decodings, "LONGEST_S", -1.0)
    kept.ask("vae", place(Frozen(), 3.0))
    qtbot.waitUntil(lambda: len(seen) >= 2, timeout=5_000)
    assert seen == [("ae", 2.0, None), ("vae", 3.0, -3.0)]


def test_a_fault_in_a_decoder_is_said_and_the_next_place_decoded(qtbot, made, monkeypatch):
    kept, seen = made
    monkeypatch.setattr(decodings, "LONGEST_S", -1.0)
    faults: list[str] = []
    kept.failed.connect(faults.append)
    kept.ask("ae", place(SimpleNamespace(), 1.0))
    qtbot.waitUntil(lambda: bool(faults), timeout=5_000)
    kept.ask("ae", place(Frozen(), 2.0))
    qtbot.waitUntil(lambda: bool(seen), timeout=5_000)
    assert seen == [("ae", 2.0, -2.0)]


def test_the_window_follows_a_drag_with_large_decoders(qtbot, qapp, tmp_path, monkeypatch):
    monkeypatch.setattr(decodings, "LONGEST_S", -1.0)
    config = ExperimentConfig(hidden=(16,), models=("ae", "aae", "supervised_aae"))
    with offscreen_studio(config, tmp_path, (1280, 800), "dark", "en") as studio:
        bench, window = studio.workbench, studio.window
        with qtbot.waitSignal(bench.prepared, timeout=30_000):
            studio.start()
        qtbot.waitUntil(lambda: "aae" in bench.findings.regions, timeout=20_000)
        for step in range(20):
            bench.planes.move_cursor("aae", (step / 10, -step / 10))
        for name, lane in window.lanes.items():
            wanted = decoded_at(bench.at_cursor(name))
            qtbot.waitUntil(
                lambda lane=lane, wanted=wanted: lane.decode_view.image() == to_qimage(wanted.image),
                timeout=5_000,
            )
        assert bench.decodings._thread.isRunning()
    assert bench.decodings._thread.isFinished()
