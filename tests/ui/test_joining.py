"""Models that join while others have been trained, in the real window."""

from __future__ import annotations

import time

import numpy as np
import pytest
from driving import trained
from PySide6.QtCore import Qt

from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import NonFinite
from aae_studio.core.joining import CatchUp
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.plane import View

SMALL = ExperimentConfig(models=("ae", "vae"), hidden=(16,), batch_size=64, precision="float32")
MANY = 400
# Where it matters that it lasts, a step of a newcomer takes so long.
SLOW_S = 0.05


@pytest.fixture
def studio(open_studio) -> Studio:
    return open_studio(SMALL)


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
    lanes = dict(window.lanes)
    told: list[tuple[dict[str, int], int, float]] = []
    bench.caught_up.connect(lambda: told.append((bench.joining, bench.step, bench.steps_per_second)))
    pressed(qtbot, studio, "aae")
    qtbot.waitUntil(lambda: "aae" in window.lanes, timeout=60_000)
    step = bench.step
    qtbot.waitUntil(lambda: bench.step > step + 20, timeout=60_000)
    assert bench.training
    for joining, goal, rate in told:
        assert set(joining) == {"aae"}
        assert 0 < joining["aae"] <= goal
        assert rate == 0, "the others stand still"
    assert not window.lane_row.waiting
    assert window.status_bar.message() == "AAE: as far as the others."
    # Somebody may be dragging in them.
    assert {name: window.lanes[name] for name in lanes} == lanes


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    take_step = CatchUp.take_step

    def slowly(newcomer: CatchUp) -> None:
        time.sleep(SLOW_S)
        take_step(newcomer)

    monkeypatch.setattr(CatchUp, "take_step", slowly)


@pytest.fixture
def waiting(qtbot, studio, slow) -> Studio:
    """GAN is asked for after hundreds of steps, and on its way."""
    trained(qtbot, studio, MANY)
    pressed(qtbot, studio, "gan")
    qtbot.waitUntil(lambda: "gan" in studio.window.lane_row.waiting, timeout=30_000)
    return studio


def test_it_says_how_far_it_is_and_one_can_think_better_of_it(qtbot, waiting):
    bench, window = waiting.workbench, waiting.window
    assert "of 400" in window.lane_row.waiting["gan"].note.text()
    assert "GAN" in window.status_bar.message()
    assert "– steps/s" in window.tool_bar._progress.text()
    # Something else is changed meanwhile: it holds at once, and the model goes on catching up.
    there = bench.joining["gan"]
    bench.configure(learning_rate=0.002)
    qtbot.waitUntil(lambda: bench.config.learning_rate == 0.002, timeout=30_000)
    assert bench.config.models == ("ae", "vae")
    qtbot.waitUntil(lambda: bench.joining.get("gan", 0) > there, timeout=30_000)
    pressed(qtbot, waiting, "gan")
    qtbot.waitUntil(lambda: bench.config == bench.asked == SMALL.with_(learning_rate=0.002), timeout=30_000)
    qtbot.waitUntil(lambda: not window.lane_row.waiting)
    qtbot.waitUntil(lambda: window.status_bar.message().startswith("Paused"))
    trained(qtbot, waiting, 3)
    assert list(window.lanes) == ["ae", "vae"]
    assert bench.step == MANY + 3


def test_another_may_join_and_one_may_leave_meanwhile(qtbot, waiting):
    bench, window = waiting.workbench, waiting.window
    there = bench.joining["gan"]
    bench.configure(models=("ae", "gan", "aae"))
    qtbot.waitUntil(lambda: {"gan", "aae"} <= bench.joining.keys(), timeout=30_000)
    assert bench.joining["gan"] >= there
    assert set(window.lane_row.waiting) == {"gan", "aae"}
    assert "as far" not in window.status_bar.message()
    assert list(window.lanes) == ["ae"]
    bench.configure(models=("ae",))
    qtbot.waitUntil(lambda: not window.lane_row.waiting, timeout=30_000)


def test_a_fault_of_the_newcomer_is_its_own(qtbot, waiting, monkeypatch):
    bench, window = waiting.workbench, waiting.window
    bench.configure(learning_rate=0.002)

    def fail(_: CatchUp) -> None:
        raise NonFinite("GAN", "discriminator", 7, "a loss")

    with qtbot.waitSignal(bench.failed, timeout=60_000) as caught:
        monkeypatch.setattr(CatchUp, "take_step", fail)
    assert "cannot catch up" in str(caught.args[0])
    assert not isinstance(caught.args[0], NonFinite), "which would offer to rewind the others"
    assert bench.asked.models == bench.config.models == ("ae", "vae")
    # This the others have taken up.
    assert bench.config.learning_rate == bench.asked.learning_rate == 0.002
    qtbot.waitUntil(lambda: not window.lane_row.waiting)
    trained(qtbot, waiting, 3)
    assert bench.step == MANY + 3


def test_saving_and_what_fails_do_not_end_the_waiting(qtbot, waiting, tmp_path):
    bench = waiting.workbench
    with qtbot.waitSignal(bench.saved, timeout=30_000):
        bench.save(tmp_path / "run")
    assert session.read_config(tmp_path / "run").models == ("ae", "vae")
    (tmp_path / "file").write_text("mine")
    with qtbot.waitSignal(bench.failed, timeout=30_000):
        bench.save(tmp_path / "file" / "run")
    assert bench.asked.models == ("ae", "vae", "gan")
    there = bench.joining["gan"]
    qtbot.waitUntil(lambda: bench.joining.get("gan", 0) > there, timeout=30_000)
    waiting.set_theme("light")
    qtbot.waitUntil(lambda: "gan" in waiting.window.lane_row.waiting, timeout=30_000)


def test_catching_up_is_training_that_can_be_paused(qtbot, waiting):
    bench, window = waiting.workbench, waiting.window
    assert bench.training
    action = window.actions_by_name["train"]
    assert action.text() == "Pause"
    action.trigger()
    qtbot.waitUntil(lambda: not bench.training, timeout=30_000)
    there: list[object] = []
    bench.caught_up.connect(lambda: there.append(1))
    with qtbot.waitSignal(bench.saved, timeout=30_000):
        # Answered after whatever the thread was at.
        bench.save(bench.data_dir / "run")
    assert not there
    assert window.status_bar.message().endswith("without GAN: still catching up.")
    assert "gan" in window.lane_row.waiting
    action.trigger()
    qtbot.waitUntil(lambda: len(there) > 0 or "gan" in window.lanes, timeout=30_000)
    bench.pause()


def test_what_cannot_be_leaves_the_newcomer_on_its_way(qtbot, waiting):
    bench = waiting.workbench
    with qtbot.waitSignal(bench.failed, timeout=30_000):
        bench.configure(prior="uniform")
    assert bench.asked == SMALL.with_(models=("ae", "vae", "gan"))
    assert "gan" in waiting.window.lane_row.waiting
    # An option that holds at once does not wake who was paused.
    bench.pause()
    qtbot.waitUntil(lambda: not bench.training, timeout=30_000)
    bench.configure(learning_rate=0.002)
    with qtbot.waitSignal(bench.saved, timeout=30_000):
        # Answered after the option.
        bench.save(bench.data_dir / "run")
    assert bench.config.learning_rate == 0.002
    assert not bench.training
    bench.undo()
    # One goes back to what was, and not to what could not be.
    bench.undo()
    assert bench.asked == SMALL
    qtbot.waitUntil(lambda: not waiting.window.lane_row.waiting, timeout=30_000)


def test_a_fault_after_a_refused_wish_is_an_answer_too(qtbot, waiting, monkeypatch):
    bench, window = waiting.workbench, waiting.window
    with qtbot.waitSignal(bench.failed, timeout=30_000):
        bench.configure(prior="uniform")

    def break_down(_: CatchUp) -> None:
        raise RuntimeError("out of memory")

    with qtbot.waitSignal(bench.failed, timeout=30_000):
        monkeypatch.setattr(CatchUp, "take_step", break_down)
    assert bench.asked == bench.config == SMALL
    assert not window.lane_row.waiting


def test_only_the_answer_to_the_last_wish_counts(qtbot, studio):
    bench = studio.workbench
    with qtbot.waitSignal(bench.failed, timeout=30_000):
        bench.configure(prior="uniform")
        bench.configure(prior="ring")
    assert bench.asked.prior == "ring"
    qtbot.waitUntil(lambda: bench.config.prior == "ring", timeout=30_000)
    assert bench.asked == bench.config


def test_a_defect_while_catching_up_ends_the_joining_alone(qtbot, waiting, monkeypatch):
    bench, window = waiting.workbench, waiting.window

    def break_down(_: CatchUp) -> None:
        raise RuntimeError("out of memory")

    with qtbot.waitSignal(bench.failed, timeout=30_000):
        monkeypatch.setattr(CatchUp, "take_step", break_down)
    assert bench.asked == bench.config == SMALL
    assert not window.lane_row.waiting
    assert not window.tool_bar.model_buttons["gan"].isChecked()


def test_following_a_run_ends_the_waiting(qtbot, waiting, tmp_path):
    bench, window = waiting.workbench, waiting.window
    bench.follow(tmp_path / "not yet")
    assert not bench.joining
    assert not window.lane_row.waiting
    assert bench.asked == bench.config == SMALL


def test_one_that_comes_back_is_shown_as_at_first(qtbot, studio):
    bench, planes = studio.workbench, studio.workbench.planes
    bench.configure(models=("ae", "vae", "clustering_aae"))
    qtbot.waitUntil(lambda: "clustering_aae" in studio.window.lanes, timeout=30_000)
    planes.set_condition("clustering_aae", 15)
    planes.set_view("ae", View(3.0, 3.0, 0.5))
    bench.configure(models=("vae",))
    qtbot.waitUntil(lambda: list(studio.window.lanes) == ["vae"], timeout=30_000)
    bench.configure(models=("ae", "vae", "clustering_aae"), **{"clustering_aae.clusters": 5})
    qtbot.waitUntil(lambda: len(studio.window.lanes) == 3, timeout=30_000)
    assert planes.views["ae"].half != 0.5
    assert planes.conditions["clustering_aae"] == 0


def test_the_cursor_of_one_that_joins_is_in_sight(qtbot, open_studio):
    studio = open_studio(ExperimentConfig(models=("aae",), batch_size=64))
    bench, planes = studio.workbench, studio.workbench.planes
    trained(qtbot, studio, 20)
    planes.move_cursor("aae", (0.5, 1.0))
    bench.configure(models=("ae", "aae"))
    qtbot.waitUntil(lambda: "ae" in bench.findings.codes, timeout=30_000)
    wanted = planes.views["aae"].carried((0.5, 1.0), planes.views["ae"])
    assert planes.cursor_place("ae") == pytest.approx(wanted, abs=1e-5)
    assert planes.cursor_place("aae") == pytest.approx((0.5, 1.0), abs=1e-6)


def test_cards_stand_where_the_lanes_will(qtbot, studio, slow):
    bench, row = studio.workbench, studio.window.lane_row
    bench.configure(models=("vae",))
    trained(qtbot, studio, MANY)
    pressed(qtbot, studio, "ae")
    qtbot.waitUntil(lambda: "ae" in row.waiting, timeout=30_000)
    qtbot.waitUntil(lambda: row.waiting["ae"].x() < row.lanes["vae"].x())


def test_opening_a_session_ends_the_waiting(qtbot, waiting, tmp_path):
    bench = waiting.workbench
    bench.save(tmp_path / "run")
    bench.open(tmp_path / "run")
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        pass
    told: list[object] = []
    bench.caught_up.connect(lambda: told.append(1))
    trained(qtbot, waiting, 30)
    assert not told
    assert list(waiting.window.lanes) == ["ae", "vae"]
    assert bench.asked.models == ("ae", "vae")


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


def test_rewinding_ends_the_waiting(qtbot, waiting):
    bench, window = waiting.workbench, waiting.window
    bench.rewind()
    qtbot.waitUntil(lambda: "gan" in window.lanes and bench.step == 0, timeout=30_000)
    assert not window.lane_row.waiting
    assert bench.config.models == bench.asked.models == ("ae", "vae", "gan")
    # It stood still before, and what was catching up is there: nothing is trained any more.
    qtbot.waitUntil(lambda: not bench.training, timeout=10_000)
    assert window.actions_by_name["train"].text() == "Train"
    bench.toggle_training()
    qtbot.waitUntil(lambda: bench.step > 0, timeout=10_000)


def test_a_zoom_is_that_of_the_lanes_which_share_the_prior(qtbot, studio):
    bench, planes = studio.workbench, studio.workbench.planes
    trained(qtbot, studio, 5)
    planes.set_view("vae", View(0.25, 0.0, 0.5))
    pressed(qtbot, studio, "aae")
    qtbot.waitUntil(lambda: "aae" in studio.window.lanes, timeout=30_000)
    trained(qtbot, studio, 5)
    qtbot.waitUntil(lambda: bench.findings.step == 10, timeout=30_000)
    assert planes.views["aae"] == planes.views["vae"] == View(0.25, 0.0, 0.5)


def test_one_that_is_taken_away_by_mistake_is_back_at_once_with_all_it_had_learnt(qtbot, studio, monkeypatch):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, 30)
    images = bench.models["vae"].decode([[0.5, 0.5], [-1.0, 0.0]])
    curve = bench.history.values("vae", "kl").copy()

    def never(newcomer: CatchUp) -> None:
        raise AssertionError("there is nothing to be learnt again")

    monkeypatch.setattr(CatchUp, "take_step", never)
    for bring_back in (lambda: pressed(qtbot, studio, "vae"), window.actions_by_name["undo"].trigger):
        pressed(qtbot, studio, "vae")
        qtbot.waitUntil(lambda: list(window.lanes) == ["ae"], timeout=30_000)
        bring_back()
        qtbot.waitUntil(lambda: list(window.lanes) == ["ae", "vae"], timeout=30_000)
        assert bench.step == 30
        np.testing.assert_array_equal(bench.models["vae"].decode([[0.5, 0.5], [-1.0, 0.0]]), images)
        np.testing.assert_array_equal(bench.history.values("vae", "kl"), curve)


def test_what_breaks_off_a_return_leaves_what_was_learnt(qtbot, studio, monkeypatch):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, 30)
    pressed(qtbot, studio, "vae")
    qtbot.waitUntil(lambda: list(window.lanes) == ["ae"], timeout=30_000)
    trained(qtbot, studio, 30)
    faults = []
    bench.failed.connect(faults.append)
    take_step, taken = CatchUp.take_step, []

    def exploding(newcomer: CatchUp) -> None:
        taken.append(newcomer.experiment.step)
        if len(taken) == 11:
            raise NonFinite("VAE", "elbo", 41, "a loss")
        take_step(newcomer)

    monkeypatch.setattr(CatchUp, "take_step", exploding)
    pressed(qtbot, studio, "vae")
    qtbot.waitUntil(lambda: len(faults) == 1, timeout=30_000)
    qtbot.waitUntil(lambda: "vae" not in bench.asked.models, timeout=30_000)
    pressed(qtbot, studio, "vae")
    qtbot.waitUntil(lambda: list(window.lanes) == ["ae", "vae"], timeout=30_000)
    assert taken == [*range(30, 41), *range(40, 60)]
    assert len(bench.history.values("vae", "kl")) == len(bench.history) == 60


def test_the_last_that_is_as_far_stays_until_others_have_caught_up(qtbot, waiting):
    bench = waiting.workbench
    faults = []
    bench.failed.connect(faults.append)
    bench.configure(models=("gan",))
    qtbot.waitUntil(lambda: len(faults) == 1, timeout=30_000)
    assert "must stay" in str(faults[0])
    assert bench.step == MANY
    assert bench.config.models == ("ae", "vae")
    # What begins anew anyway need not wait.
    bench.configure(models=("gan",), hidden=(8,))
    qtbot.waitUntil(lambda: bench.config.models == ("gan",) and bench.step == 0, timeout=30_000)
    assert len(faults) == 1


def test_after_a_rewind_nobody_goes_on_from_before(qtbot, studio):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, 30)
    pressed(qtbot, studio, "vae")
    qtbot.waitUntil(lambda: list(window.lanes) == ["ae"], timeout=30_000)
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.rewind()
    pressed(qtbot, studio, "vae")
    qtbot.waitUntil(lambda: list(window.lanes) == ["ae", "vae"], timeout=30_000)
    trained(qtbot, studio, 2)
    assert len(bench.history.values("vae", "kl")) == len(bench.history) == 2
