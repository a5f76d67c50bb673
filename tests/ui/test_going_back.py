"""Restarts can be taken back: what was trained comes back as it was, and trains on as if nothing had been."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from driving import trained

from aae_studio.core import experiment
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.models.aae import AdversarialAutoencoder
from aae_studio.core.snapshot import Snapshot
from aae_studio.ui import way_back
from aae_studio.ui.app import Studio
from aae_studio.ui.keys import keys_table
from aae_studio.ui.state.changes import Changes

SMALL = ExperimentConfig(models=("ae", "aae"), hidden=(32,), batch_size=64)


@pytest.fixture
def studio(open_studio, monkeypatch) -> Studio:
    # No training of these tests is too brief to be kept: how long a few steps take is the machine's affair.
    monkeypatch.setattr(way_back, "BRIEF_S", 0.0)
    return open_studio(SMALL)


def brought(qtbot, studio: Studio, change) -> None:
    """Do something that puts another experiment on show."""
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        change()


def codes(studio: Studio) -> np.ndarray:
    """Of an image, by the AAE: its weights in short."""
    return aae_codes(studio.workbench.snapshot)


def aae_codes(snapshot: Snapshot) -> np.ndarray:
    dataset = snapshot.dataset
    return snapshot.models["aae"].encode(dataset.to_unit(dataset.test.first(1).images))


def codes_after(steps: int) -> np.ndarray:
    """The same of an experiment that has trained without a window, and never been put aside."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = Experiment(SMALL, load_dataset(SMALL, Path()))
    for _ in islice(alone.run(), steps):
        pass
    torch.set_num_threads(threads)
    return aae_codes(alone.snapshot())


CHANGES = {
    "R": lambda bench: bench.rewind(),
    "N": lambda bench: bench.new_seed(),
    "latent size": lambda bench: bench.configure(latent_size=3),
    "another dataset": lambda bench: bench.configure(dataset="shapes"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_undo_brings_back_what_was_trained_and_it_trains_on(qtbot, studio, change: str):
    bench = studio.workbench
    trained(qtbot, studio, 30)
    before, curve = codes(studio), bench.history.values("aae", "reconstruction").copy()
    seconds = bench.seconds
    brought(qtbot, studio, lambda: CHANGES[change](bench))
    assert bench.step == 0
    trained(qtbot, studio, 5)
    brought(qtbot, studio, bench.undo)
    assert (bench.step, bench.config, bench.seconds) == (30, SMALL, seconds)
    assert not bench.training
    np.testing.assert_array_equal(codes(studio), before)
    np.testing.assert_array_equal(bench.history.values("aae", "reconstruction"), curve)
    trained(qtbot, studio, 10)
    brought(qtbot, studio, bench.redo)
    assert bench.step == 5, "what it was undone from was trained, too"


def test_what_came_back_learns_as_if_it_had_never_been_put_aside(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 20)
    brought(qtbot, studio, bench.rewind)
    trained(qtbot, studio, 3)
    brought(qtbot, studio, bench.undo)
    trained(qtbot, studio, 15)
    np.testing.assert_allclose(codes(studio), codes_after(35), rtol=1e-4, atol=1e-5)


def test_what_was_never_trained_does_not_take_the_place_of_what_was(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 30)
    brought(qtbot, studio, lambda: bench.configure(latent_size=3))
    brought(qtbot, studio, lambda: bench.configure(hidden=(16,)))
    brought(qtbot, studio, bench.undo)
    assert (bench.step, bench.config.latent_size, bench.config.hidden) == (0, 3, (32,))
    brought(qtbot, studio, bench.undo)
    assert (bench.step, bench.config) == (30, SMALL)


def test_an_experiment_comes_back_with_the_options_it_had_then(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 10)
    bench.configure(learning_rate=0.003)
    trained(qtbot, studio, 10)
    brought(qtbot, studio, bench.rewind)
    bench.configure(learning_rate=0.005)
    trained(qtbot, studio, 5)
    bench.undo()
    qtbot.waitUntil(lambda: bench.config.learning_rate == 0.003, timeout=10_000)
    assert bench.step == 5, "an option that applies at once is taken back at once"
    brought(qtbot, studio, bench.undo)
    assert (bench.step, bench.config.learning_rate) == (20, 0.003)
    bench.undo()
    qtbot.waitUntil(lambda: bench.config.learning_rate == 0.001, timeout=10_000)
    assert bench.step == 20
    assert bench.changes.before is None


def test_one_rewind_is_kept_and_no_other_is_promised(qtbot, studio):
    bench = studio.workbench
    undo = studio.window.actions_by_name["undo"]
    brought(qtbot, studio, bench.rewind)
    assert not undo.isEnabled(), "nothing was trained"
    for steps in (10, 20):
        trained(qtbot, studio, steps)
        brought(qtbot, studio, bench.rewind)
        assert undo.isEnabled()
    brought(qtbot, studio, undo.trigger)
    assert bench.step == 20
    assert not undo.isEnabled()
    brought(qtbot, studio, bench.redo)
    assert bench.step == 0


def test_it_comes_back_with_its_folder_and_what_of_it_is_saved(qtbot, studio, tmp_path: Path):
    bench = studio.workbench
    trained(qtbot, studio, 10)
    with qtbot.waitSignal(bench.saved, timeout=20_000):
        bench.save(tmp_path / "run")
    assert bench.unsaved_seconds == 0.0
    trained(qtbot, studio, 10)
    unsaved = bench.unsaved_seconds
    brought(qtbot, studio, bench.rewind)
    assert bench.folder is None
    assert bench.unsaved_seconds == 0.0
    brought(qtbot, studio, bench.undo)
    assert bench.folder == tmp_path / "run"
    assert bench.unsaved_seconds == unsaved > 0.0


def test_it_comes_back_while_another_trains_and_stands_still(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 10)
    bench.train()
    qtbot.waitUntil(lambda: bench.step > 12, timeout=20_000)
    brought(qtbot, studio, bench.rewind)
    qtbot.waitUntil(lambda: bench.step > 2, timeout=20_000)
    brought(qtbot, studio, bench.undo)
    qtbot.waitUntil(lambda: not bench.training, timeout=20_000)
    assert bench.step == len(bench.history) > 12, "no step was lost"


def test_opening_a_session_is_not_taken_back(qtbot, studio, tmp_path: Path):
    bench = studio.workbench
    trained(qtbot, studio, 10)
    with qtbot.waitSignal(bench.saved, timeout=20_000):
        bench.save(tmp_path / "run")
    brought(qtbot, studio, bench.rewind)
    trained(qtbot, studio, 5)
    brought(qtbot, studio, lambda: bench.open(tmp_path / "run"))
    assert bench.step == 10
    assert bench.changes.before is None
    assert bench.folder == tmp_path / "run"


def test_a_change_of_nothing_but_the_experiment_is_no_painting():
    changes = Changes(SMALL)
    changes.remember(restart=True)
    assert changes.before is not None
    assert not changes.undoes_only("prior", "painted.picture", "painted.shape")


def test_the_status_says_what_has_become_of_the_training(qtbot, studio, tmp_path: Path):
    bench, said = studio.workbench, studio.window.status_bar.message
    trained(qtbot, studio, 10)
    with qtbot.waitSignal(bench.saved, timeout=20_000):
        bench.save(tmp_path / "run")
    brought(qtbot, studio, bench.rewind)
    assert said() == "Started again from step 0. Ctrl+Z brings back what was trained."
    trained(qtbot, studio, 20)
    brought(qtbot, studio, bench.undo)
    assert said() == "Paused at step 10."
    trained(qtbot, studio, 5)
    brought(qtbot, studio, lambda: bench.open(tmp_path / "run"))
    assert said() == "Paused at step 10.", "it did not start again"


def test_cursors_come_back_to_where_they_were(qtbot, studio):
    bench, planes = studio.workbench, studio.workbench.planes
    bench.configure(models=("ae", "supervised_aae"))
    qtbot.waitUntil(lambda: list(bench.models) == ["ae", "supervised_aae"], timeout=20_000)

    def coded() -> None:
        """First codes, which may move cursors, are there."""
        qtbot.waitUntil(lambda: bench.findings.codes.keys() == {"ae", "supervised_aae"}, timeout=20_000)

    trained(qtbot, studio, 20)
    coded()
    planes.move_cursor("supervised_aae", (0.6, -0.9))
    planes.set_condition("supervised_aae", 7)
    there = planes.kept()
    brought(qtbot, studio, bench.rewind)
    trained(qtbot, studio, 5)
    coded()
    planes.move_cursor("supervised_aae", (-0.3, 0.2))
    other = planes.kept()
    for change, wanted in ((bench.undo, there), (bench.redo, other), (bench.undo, there)):
        brought(qtbot, studio, change)
        # First codes do not move them.
        coded()
        now = planes.kept()
        assert (now.told, now.picked) == (wanted.told, None)
        for name, code in wanted.codes.items():
            np.testing.assert_array_equal(now.codes[name], code)


def test_cursors_that_were_apart_come_back_linked(qtbot, studio):
    bench, planes = studio.workbench, studio.workbench.planes
    planes.set_linked(False)
    trained(qtbot, studio, 20)
    planes.move_cursor("ae", (0.4, 0.3))
    planes.move_cursor("aae", (0.6, -0.9))
    brought(qtbot, studio, bench.rewind)
    planes.set_linked(True)
    brought(qtbot, studio, bench.undo)
    qtbot.waitUntil(lambda: bench.findings.codes.keys() == {"ae", "aae"}, timeout=20_000)
    wanted = planes.views["aae"].carried(planes.cursor_place("aae"), planes.views["ae"])
    assert planes.cursor_place("ae") == pytest.approx(wanted, abs=1e-5)


def test_the_image_that_is_held_comes_back(qtbot, studio):
    bench, planes = studio.workbench, studio.workbench.planes
    trained(qtbot, studio, 10)
    qtbot.waitUntil(lambda: "aae" in bench.findings.codes, timeout=20_000)
    planes.pick(11)
    brought(qtbot, studio, bench.rewind)
    assert planes.picked is None
    brought(qtbot, studio, bench.undo)
    assert planes.picked == 11
    qtbot.waitUntil(lambda: "aae" in bench.findings.codes, timeout=20_000)
    np.testing.assert_array_equal(planes.cursors["aae"], bench.findings.codes["aae"][11])


# Faster than the trainer answers


def at_rest(qtbot, studio: Studio, step: int) -> None:
    """What was asked for last holds, at this step."""
    bench = studio.workbench
    qtbot.waitUntil(
        lambda: bench.config == bench.asked and bench.snapshot.step == bench.step == step, timeout=30_000
    )
    # Answers that were under way have come, too.
    done: list[object] = []
    bench.walked.connect(done.append)
    bench.watch("ae")
    qtbot.waitUntil(lambda: bool(done), timeout=20_000)
    bench.watch(None)
    assert bench.step == step


def test_undo_redo_undo_at_once(qtbot, studio):
    bench = studio.workbench
    brought(qtbot, studio, lambda: bench.configure(latent_size=3))
    trained(qtbot, studio, 20)
    brought(qtbot, studio, lambda: bench.configure(latent_size=2))
    trained(qtbot, studio, 3)
    for act in (bench.undo, bench.redo, bench.undo):
        act()
    at_rest(qtbot, studio, 20)
    assert bench.config.latent_size == 3
    brought(qtbot, studio, bench.redo)
    assert (bench.step, bench.config.latent_size) == (3, 2)


@pytest.mark.parametrize("acts", [("undo", "redo"), ("undo", "rewind")])
def test_what_is_kept_can_be_reached_after_hasty_keys(qtbot, studio, acts: tuple[str, ...]):
    bench = studio.workbench
    trained(qtbot, studio, 20)
    brought(qtbot, studio, bench.rewind)
    for act in acts:
        getattr(bench, act)()
    at_rest(qtbot, studio, 0)
    brought(qtbot, studio, bench.undo)
    assert bench.step == 20


def test_an_option_changed_right_after_a_rewind_is_undone_first(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 30)
    bench.rewind()
    bench.configure(learning_rate=0.004)
    at_rest(qtbot, studio, 0)
    trained(qtbot, studio, 5)
    bench.undo()
    at_rest(qtbot, studio, 5)
    assert bench.config.learning_rate == 0.001
    brought(qtbot, studio, bench.undo)
    assert bench.step == 30


def test_a_key_pressed_twice_does_not_cost_a_long_training(qtbot, studio, monkeypatch):
    bench = studio.workbench
    monkeypatch.setattr(way_back, "BRIEF_S", math.inf)
    trained(qtbot, studio, 60)
    brought(qtbot, studio, bench.rewind)
    trained(qtbot, studio, 2)
    brought(qtbot, studio, bench.rewind)
    brought(qtbot, studio, bench.undo)
    assert bench.step == 60
    assert bench.changes.before is None
    assert not studio.window.actions_by_name["rewind"].autoRepeat()
    assert studio.window.actions_by_name["undo"].autoRepeat()


# Restarts with options that would not need one, as the sweep makes them


@pytest.mark.parametrize("before", [0, 30])
def test_a_sweeps_cell_is_undone_and_made_again(qtbot, studio, before: int):
    bench = studio.workbench
    if before:
        trained(qtbot, studio, before)
    brought(qtbot, studio, lambda: bench.configure(restart=True, learning_rate=0.01))
    trained(qtbot, studio, 10)
    brought(qtbot, studio, bench.undo)
    assert (bench.step, bench.config.learning_rate) == (before, 0.001)
    brought(qtbot, studio, bench.redo)
    assert (bench.step, bench.config.learning_rate) == (10, 0.01)


def test_an_untrained_cell_begins_anew_when_it_is_made_again(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 30)
    brought(qtbot, studio, lambda: bench.configure(restart=True, learning_rate=0.01))
    brought(qtbot, studio, bench.undo)
    brought(qtbot, studio, bench.redo)
    assert (bench.step, bench.config.learning_rate) == (0, 0.01)


# What goes with it


def test_a_folder_that_was_written_over_belongs_to_who_did(qtbot, studio, tmp_path: Path):
    bench = studio.workbench
    for steps in (10, 5):
        trained(qtbot, studio, steps)
        with qtbot.waitSignal(bench.saved, timeout=20_000):
            bench.save(tmp_path / "run")
        if steps == 10:
            brought(qtbot, studio, bench.rewind)
    brought(qtbot, studio, bench.undo)
    assert bench.step == 10
    assert bench.folder is None
    assert bench.unsaved_seconds == bench.seconds > 0.0
    brought(qtbot, studio, bench.redo)
    assert bench.folder == tmp_path / "run"
    assert bench.unsaved_seconds == 0.0


def test_who_was_catching_up_is_waited_for_after_an_undo(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 300)
    wanted = ("ae", "vae", "aae")
    bench.configure(models=wanted)
    bench.rewind()
    qtbot.waitUntil(lambda: bench.step == 0 and "vae" in bench.models, timeout=30_000)
    seen: list[tuple[str, ...]] = []
    bench.configured.connect(lambda: seen.append(bench.asked.models))
    brought(qtbot, studio, bench.undo)
    qtbot.waitUntil(lambda: set(bench.models) == set(wanted), timeout=60_000)
    assert set(seen) == {wanted}, "what is asked for never lacked the model"
    assert bench.step == bench.snapshot.step == 300
    assert len(bench.history.values("vae", "reconstruction")) == 300


def test_a_model_that_was_turned_off_comes_back_as_far_as_it_was(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 100)
    bench.configure(models=("aae",))
    qtbot.waitUntil(lambda: list(bench.models) == ["aae"], timeout=20_000)
    brought(qtbot, studio, bench.rewind)
    brought(qtbot, studio, bench.undo)
    steps: list[object] = []
    bench.caught_up.connect(lambda: steps.append(dict(bench.joining)))
    bench.configure(models=("ae", "aae"))
    qtbot.waitUntil(lambda: list(bench.models) == ["ae", "aae"], timeout=30_000)
    assert not steps, "it had nothing to catch up with"


def test_a_refused_undo_leaves_all_as_it_was(qtbot, studio, monkeypatch):
    bench = studio.workbench
    brought(qtbot, studio, lambda: bench.configure(dataset="shapes"))
    trained(qtbot, studio, 10)
    monkeypatch.setattr(experiment, "load_dataset", lambda *_: (_ for _ in ()).throw(StudioError("Gone.")))
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.undo()
    assert bench.asked.dataset == "shapes"
    assert bench.changes.before is not None
    assert bench.changes.after is None
    assert bench.step == 10


def test_a_rewind_after_a_refused_option_is_taken_back(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 10)
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.configure(dataset="mnist")
    brought(qtbot, studio, bench.rewind)
    assert bench.changes.before is not None
    brought(qtbot, studio, bench.undo)
    assert bench.step == 10


def test_a_rewind_while_a_model_catches_up_is_not_said_to_train(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 300)
    bench.configure(models=("ae", "vae", "aae"))
    qtbot.waitUntil(lambda: bench.training and bool(bench.joining), timeout=20_000)
    brought(qtbot, studio, bench.rewind)
    qtbot.waitUntil(lambda: not bench.training, timeout=20_000)
    assert not studio.window.status_bar.message().startswith("Training")


def test_a_refused_option_leaves_the_rewind_that_can_be_taken_back(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 10)
    brought(qtbot, studio, bench.rewind)
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.refine(dataset="mnist")
    assert bench.changes.before is not None
    brought(qtbot, studio, bench.undo)
    assert bench.step == 10


def test_the_menu_says_what_would_be_taken_back(qtbot, studio):
    bench, actions = studio.workbench, studio.window.actions_by_name
    undo, redo = actions["undo"], actions["redo"]
    assert (undo.text(), undo.isEnabled(), redo.text(), redo.isEnabled()) == ("Undo", False, "Redo", False)
    bench.configure(learning_rate=1e-4)
    assert undo.text() == "Undo: Learning rate 0.001 → 0.0001"
    trained(qtbot, studio, 10)
    brought(qtbot, studio, bench.rewind)
    assert undo.text() == "Undo: Rewind"
    brought(qtbot, studio, bench.undo)
    assert redo.text() == "Redo: Rewind"
    bench.undo()
    assert (undo.text(), undo.isEnabled()) == ("Undo", False)
    assert redo.text() == "Redo: Learning rate 0.001 → 0.0001"
    brought(qtbot, studio, lambda: bench.configure(batch_size=32, latent_size=3, hidden=(16,)))
    assert undo.text() == "Undo: Batch 64 → 32, Latent size 2 → 3 …"
    assert (redo.text(), redo.isEnabled()) == ("Redo", False)
    # What is spelt out and was so before is no rewind.
    bench.configure(**{"aae.r1": bench.asked.options_of("aae", AdversarialAutoencoder.options)["r1"]})
    assert undo.text() == "Undo"
    assert undo.isEnabled()
    brought(qtbot, studio, lambda: bench.configure(hidden=(16,) * 40))
    assert undo.text().startswith("Undo: Hidden layers 16 → 16,16,16")
    assert len(undo.text()) < 90
    assert "Undo: " not in keys_table([undo])
    assert ">Undo<" in keys_table([undo])
