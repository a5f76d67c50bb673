"""Models that join while others have been trained, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui.app import Studio

SMALL = ExperimentConfig(models=("ae", "vae"), hidden=(16,), batch_size=64, precision="float32")
# So many steps take seconds: there is time to look, and to think better of it.
MANY = 3000


@pytest.fixture
def studio(open_studio) -> Studio:
    return open_studio(SMALL)


def trained(qtbot, studio: Studio, steps: int) -> None:
    bench = studio.workbench
    goal = bench.step + steps
    bench.train(steps)
    qtbot.waitUntil(lambda: bench.step >= goal and not bench.training, timeout=60_000)


def pressed(qtbot, studio: Studio, name: str) -> None:
    qtbot.mouseClick(studio.window.tool_bar.model_buttons[name], Qt.MouseButton.LeftButton)


def test_a_model_joins_and_nothing_of_the_others_is_lost(qtbot, studio):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, 40)
    bench.planes.move_cursor("vae", (0.5, -0.25))
    before = bench.history.values("ae", "reconstruction").copy()
    pressed(qtbot, studio, "gan")
    qtbot.waitUntil(lambda: list(window.lanes) == ["ae", "vae", "gan"], timeout=30_000)
    assert bench.config.models == bench.asked.models == ("ae", "vae", "gan")
    assert bench.step == 40
    np.testing.assert_array_equal(bench.history.values("ae", "reconstruction"), before)
    assert len(bench.history.values("gan", "d_real")) == 40
    np.testing.assert_array_equal(bench.planes.cursors["gan"], bench.planes.cursors["vae"])
    qtbot.waitUntil(lambda: bench.findings.figures.keys() == {"ae", "vae"}, timeout=30_000)
    trained(qtbot, studio, 5)
    assert len(bench.history.values("gan", "d_real")) == len(bench.history) == 45
    plots = window.loss_plots
    plots.redraw()
    curve = next(card for card in plots.cards if card.name == "discriminator").plot.curves["gan", "d_real"]
    assert curve.isVisible()
    assert curve.shown_x[0] < 10
    window.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: list(window.lanes) == ["ae", "vae"], timeout=30_000)
    assert bench.step == 45


def test_the_others_wait_and_go_on(qtbot, studio):
    bench, window = studio.workbench, studio.window
    bench.train()
    qtbot.waitUntil(lambda: bench.step > 200, timeout=60_000)
    told: list[tuple[tuple[str, ...], int, int]] = []
    bench.caught_up.connect(lambda *news: told.append(news))
    pressed(qtbot, studio, "aae")
    qtbot.waitUntil(lambda: "aae" in window.lanes, timeout=60_000)
    step = bench.step
    qtbot.waitUntil(lambda: bench.step > step + 20, timeout=60_000)
    assert bench.training
    assert all(names == ("aae",) and 0 < there <= goal for names, there, goal in told)
    assert not window.lane_row.waiting


def test_one_can_think_better_of_it(qtbot, studio):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, MANY)
    pressed(qtbot, studio, "gan")
    qtbot.waitUntil(lambda: "gan" in window.lane_row.waiting, timeout=30_000)
    card = window.lane_row.waiting["gan"]
    assert "of 3\u202f000" in card.note.text()
    assert "GAN" in window.status_bar.message()
    # Something else is changed meanwhile: the model goes on catching up.
    bench.configure(learning_rate=0.002)
    pressed(qtbot, studio, "gan")
    qtbot.waitUntil(lambda: bench.config == bench.asked == SMALL.with_(learning_rate=0.002), timeout=30_000)
    qtbot.waitUntil(lambda: not window.lane_row.waiting)
    assert window.status_bar.message().startswith("Paused")
    trained(qtbot, studio, 3)
    assert list(window.lanes) == ["ae", "vae"]
    assert bench.step == MANY + 3


def test_a_model_that_cannot_be_stays_out_and_nothing_changes(qtbot, studio):
    bench = studio.workbench
    bench.configure(models=("ae",))
    bench.configure(prior="uniform")
    qtbot.waitUntil(lambda: bench.config.prior == "uniform", timeout=30_000)
    trained(qtbot, studio, 10)
    with qtbot.waitSignal(bench.failed, timeout=30_000) as caught:
        pressed(qtbot, studio, "vae")
    assert "VAE" in str(caught.args[0])
    assert bench.asked.models == bench.config.models == ("ae",)
    assert bench.step == 10
    assert not studio.window.tool_bar.model_buttons["vae"].isChecked()


def test_rewinding_ends_the_waiting(qtbot, studio):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, MANY)
    pressed(qtbot, studio, "gan")
    qtbot.waitUntil(lambda: "gan" in window.lane_row.waiting, timeout=30_000)
    bench.rewind()
    qtbot.waitUntil(lambda: "gan" in window.lanes and bench.step == 0, timeout=30_000)
    assert not window.lane_row.waiting
    assert bench.config.models == bench.asked.models == ("ae", "vae", "gan")
