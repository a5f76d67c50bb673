"""Following a run that another process trains: the window shows it while its folder is rewritten."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QToolButton

from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import DataMissing
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.followed import FollowedRun
from aae_studio.core.history import History
from aae_studio.core.session_folder import digest
from aae_studio.ui import follow_thread, workbench
from aae_studio.ui.app import Studio
from aae_studio.ui.decodings import decoded_at

CONFIG = ExperimentConfig(
    models=("ae", "aae"), hidden=(16,), batch_size=64, precision="float32", latent_size=3
)


class Elsewhere:
    """Trains a run, and saves it when it is told to."""

    def __init__(self, folder: Path, config: ExperimentConfig = CONFIG) -> None:
        self.folder = folder
        self.experiment, self.history = Experiment(config, load_dataset(config, folder)), History()
        self._steps = self.experiment.run()

    def train(self, steps: int, save: bool = True) -> None:
        self.history.append(list(islice(self._steps, steps)))
        if save:
            session.save(self.folder, self.experiment, self.history)

    def decoded(self, model: str, code: np.ndarray) -> np.ndarray:
        return self.experiment.snapshot().models[model].decode(code[None])[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_thread, "POLL_S", 0.02)
    monkeypatch.setattr(follow_thread, "RETRY_S", 0.02)


@pytest.fixture
def run(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path / "mount" / "run")


Follow = Callable[[Elsewhere], Studio]


@pytest.fixture
def follow(qtbot, qapp: QApplication, tmp_path: Path) -> Iterator[Follow]:
    """Opens a window that follows a run."""
    opened: list[Studio] = []

    def open_window(run: Elsewhere) -> Studio:
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        settings.setValue("theme", "dark")
        studio = Studio(qapp, ExperimentConfig(), tmp_path / "data", settings)
        opened.append(studio)
        studio.window.show()
        studio.start(run.folder, follow=True)
        qtbot.waitUntil(lambda: studio.window.loss_plots is not None)
        return studio

    yield open_window
    for studio in opened:
        assert studio.window.close()
        studio.window.deleteLater()


def shown(qtbot, studio: Studio, run: Elsewhere) -> None:
    """Wait until the window shows the run's step, with its codes."""
    bench = studio.workbench
    qtbot.waitUntil(
        lambda: (
            bench.findings.figures_step == bench.step == run.experiment.step
            and len(bench.findings.figures) == 2
        ),
        timeout=20_000,
    )


def test_a_window_shows_a_run_while_it_grows(qtbot, follow: Follow, run: Elsewhere, monkeypatch) -> None:
    monkeypatch.setattr(workbench, "RATE_WINDOW_S", 0.0)
    run.train(10)
    studio = follow(run)
    bench, window = studio.workbench, studio.window
    shown(qtbot, studio, run)
    assert bench.config == CONFIG
    assert list(window.lanes) == ["ae", "aae"]
    assert "Following" in window.statusBar().message()
    lanes, first, history = dict(window.lanes), bench.findings.codes["aae"].copy(), bench.history
    seconds = bench.seconds
    window.lanes["aae"].canvas.setFocus()
    bench.planes.move_cursor("aae", (0.5, -1.0))
    bench.planes.fit_view("aae")
    cursor = bench.planes.cursors["aae"].copy()

    run.train(30)
    shown(qtbot, studio, run)
    assert (bench.step, bench.epoch) == (40, run.experiment.epoch)
    assert bench.seconds == run.experiment.seconds
    assert bench.steps_per_second == pytest.approx(30 / (bench.seconds - seconds)), (
        "as fast as it was trained"
    )
    assert np.abs(bench.findings.codes["aae"] - first).max() > 0.01
    # The same curves have grown, and nothing that the person arranged has moved.
    assert bench.history is history
    for model, curve in run.history.curves:
        assert np.array_equal(history.values(model, curve), run.history.values(model, curve))
    assert bench.losses["aae"]["d_fake"] == run.history.values("aae", "d_fake")[-1]
    assert window.lanes == lanes
    assert np.array_equal(bench.planes.cursors["aae"], cursor)
    # Dragging decodes with the newest weights.
    bench.planes.move_cursor("aae", (1.0, 1.0))
    image = decoded_at(bench.at_cursor("aae")).image
    np.testing.assert_array_equal(image, run.decoded("aae", bench.planes.cursors["aae"]))


def test_what_is_trained_elsewhere_cannot_be_changed_here(qtbot, follow: Follow, run: Elsewhere) -> None:
    run.train(3)
    studio = follow(run)
    shown(qtbot, studio, run)
    window = studio.window
    for name in ("train", "step", "rewind", "new_seed", "save"):
        action = window.actions_by_name[name]
        assert not action.isEnabled()
        assert action.toolTip().startswith("This run is trained elsewhere.")
    assert window.actions_by_name["train"].toolTip().endswith("(Space)")
    assert not window.options_form.isEnabled()
    assert not any(button.isEnabled() for button in window.tool_bar.model_buttons.values())
    assert not window.tool_bar.prior_menu.menuAction().isEnabled()
    studio.set_language("ko")
    assert not studio.window.actions_by_name["train"].isEnabled()
    assert not studio.window.options_form.isEnabled()
    studio.set_language("en")


def test_stop_following_makes_it_a_session_that_trains_on(
    qtbot, monkeypatch, follow: Follow, run: Elsewhere
) -> None:
    run.train(5)
    studio = follow(run)
    shown(qtbot, studio, run)
    bench, window = studio.workbench, studio.window
    button = next(
        part
        for part in window.tool_bar.findChildren(QToolButton)
        if part.defaultAction() is window.actions_by_name["stop_following"]
    )
    assert button.isVisible()
    run.train(5)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        button.click()
    assert bench.following is None
    assert not button.isVisible()
    assert window.options_form.isEnabled()
    assert window.actions_by_name["train"].isEnabled()
    assert window.actions_by_name["train"].toolTip() == "Train all models, or pause. (Space)"
    # Who trains it elsewhere goes on saving it there: Ctrl+S asks for another place, also
    # when it has been opened again.
    assert bench.folder is None
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.open(Path(os.path.relpath(run.folder)))
    assert bench.folder is None
    asked: list[str] = []
    monkeypatch.setattr(
        "aae_studio.ui.files.QFileDialog.getSaveFileName",
        lambda *words, **_: (asked.append(words[1]) or "", ""),
    )
    window.actions_by_name["save"].trigger()
    assert len(asked) == 1
    # Later news from elsewhere do not disturb what is trained here, and this is bit for bit what follows.
    run.train(4)
    window.actions_by_name["step"].trigger()
    qtbot.waitUntil(lambda: bench.step == 11, timeout=20_000)
    for model, curve in run.history.curves:
        assert np.array_equal(bench.history.values(model, curve), run.history.values(model, curve)[:11])


def tear(folder: Path, old: bytes) -> None:
    """Leave a new session.json beside an old file, as one finds them who reads while they are replaced."""
    (folder / "aae.safetensors").write_bytes(old)
    document = json.loads((folder / "session.json").read_text())
    document["seconds"] += 1.0
    document["sha256"] = digest(document)
    (folder / "session.json").write_text(json.dumps(document))


def test_a_torn_folder_is_read_again_and_damage_is_said_when_it_stays(
    qtbot, follow: Follow, run: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_thread, "PATIENCE_S", 60.0)
    failed: list[object] = []
    reads: list[int] = []
    read = FollowedRun.read
    monkeypatch.setattr(FollowedRun, "read", lambda followed: (reads.append(1), read(followed))[1])

    def read_some_times() -> None:
        goal = len(reads) + 4
        qtbot.waitUntil(lambda: len(reads) > goal, timeout=10_000)

    run.train(5)
    studio = follow(run)
    shown(qtbot, studio, run)
    bench, banner = studio.workbench, studio.window.banner
    bench.failed.connect(failed.append)
    old = (run.folder / "aae.safetensors").read_bytes()
    run.train(5)
    shown(qtbot, studio, run)

    # For a moment files do not belong together, and then there is no folder: what is shown stays.
    tear(run.folder, old)
    read_some_times()
    away = run.folder.with_name("away")
    run.folder.rename(away)
    read_some_times()
    assert bench.step == 10
    away.rename(run.folder)
    run.train(5)
    shown(qtbot, studio, run)
    assert failed == []

    # Damage that stays is said once; a good state mends it.
    monkeypatch.setattr(follow_thread, "PATIENCE_S", 0.2)
    tear(run.folder, old)
    qtbot.waitUntil(lambda: "aae.safetensors has changed" in banner.text(), timeout=10_000)
    read_some_times()
    assert len(failed) == 1
    assert bench.step == 15
    run.train(5)
    shown(qtbot, studio, run)
    assert banner.text() == ""


def test_another_training_in_the_folder_takes_its_place(qtbot, follow: Follow, run: Elsewhere) -> None:
    studio = follow(run)
    assert "Waiting for" in studio.window.statusBar().message()
    run.train(20)
    shown(qtbot, studio, run)
    again = Elsewhere(run.folder)
    again.train(30)
    shown(qtbot, studio, again)
    assert np.array_equal(studio.workbench.history.seconds, again.history.seconds)
    other = Elsewhere(run.folder, CONFIG.with_(models=("vae", "gan"), latent_size=2))
    other.train(4)
    shown(qtbot, studio, other)
    assert list(studio.window.lanes) == ["vae", "gan"]


def test_following_from_the_menu_leaves_ones_own_experiment(
    qtbot, follow: Follow, run: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.train(3)
    studio = follow(run)
    shown(qtbot, studio, run)
    bench, window = studio.workbench, studio.window
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.stop_following()
    bench.train()
    qtbot.waitUntil(lambda: bench.step > 10, timeout=20_000)
    monkeypatch.setattr("aae_studio.ui.files.QFileDialog.getExistingDirectory", lambda *_: str(run.folder))
    window.actions_by_name["follow"].trigger()
    assert bench.following == run.folder
    assert not bench.training
    shown(qtbot, studio, run)
    assert bench.step == 3


def test_the_window_closes_at_once_while_it_waits(qtbot, follow: Follow, run: Elsewhere, monkeypatch) -> None:
    monkeypatch.setattr(follow_thread, "POLL_S", 60.0)
    run.train(2)
    studio = follow(run)
    shown(qtbot, studio, run)
    assert studio.follower.close(1000)


def test_a_real_train_process_is_followed(qtbot, follow: Follow, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ["--models", "ae,aae", "--hidden", "16", "--precision", "float32", "--quiet"]
    command = [sys.executable, "-m", "aae_studio", "train", *words, "--epochs", "100000"]
    process = subprocess.Popen(
        [*command, "--save-every", "0.3", "--out", str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        run = Elsewhere.__new__(Elsewhere)
        run.folder = folder
        studio = follow(run)
        bench = studio.workbench
        steps: list[int] = []
        bench.progressed.connect(lambda: steps.append(bench.step))
        qtbot.waitUntil(lambda: len(steps) >= 3, timeout=60_000)
        assert steps == sorted(set(steps))
        qtbot.waitUntil(lambda: "aae" in bench.findings.codes, timeout=20_000)
        assert len(bench.history) >= steps[0]
        assert studio.window.banner.text() == ""
    finally:
        process.terminate()
        process.wait(30)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.stop_following()
    goal = bench.step + 2
    bench.train(2)
    qtbot.waitUntil(lambda: bench.step == goal, timeout=20_000)
    shutil.rmtree(folder)


def test_a_session_that_cannot_be_opened_leaves_what_is_followed_on_show(
    qtbot, follow: Follow, run: Elsewhere
) -> None:
    """The trainer has another experiment, or none: its news would be mixed with what is on show."""
    run.train(3)
    studio = follow(run)
    shown(qtbot, studio, run)
    bench = studio.workbench
    models = list(bench.models)
    run.folder.rename(run.folder.with_name("gone"))
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.stop_following()
    assert bench.following == run.folder
    assert list(bench.models) == models
    assert not studio.window.actions_by_name["train"].isEnabled()
    run.folder.with_name("gone").rename(run.folder)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.stop_following()
    assert bench.following is None
    # Without anything that is followed, what was changed can still be taken back.
    bench.configure(learning_rate=0.02)
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.open(run.folder / "nothing")
    assert bench.changes.before is not None
    bench.train(2)
    qtbot.waitUntil(lambda: bench.step == 5 and not bench.training, timeout=20_000)


def test_of_two_folders_that_are_opened_the_one_that_is_there_is_saved_to(
    qtbot, follow: Follow, run: Elsewhere, tmp_path: Path
) -> None:
    """Ctrl+S asks nothing: it must not write over a session that could not be opened."""
    run.train(3)
    studio = follow(run)
    shown(qtbot, studio, run)
    bench = studio.workbench
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.open(run.folder)
        bench.open(tmp_path / "nothing")
    assert bench.following == run.folder, "the second was asked for, and it failed"
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.stop_following()
    bench.configure(learning_rate=0.02)
    kept = shutil.copytree(run.folder, tmp_path / "kept")
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.open(kept)
        bench.open(tmp_path / "nothing")
    assert bench.folder == kept
    assert bench.changes.before is None
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.new_seed()
    assert bench.folder is None


def test_what_lacked_its_data_is_opened_after_the_download_also_from_a_run_that_is_followed(
    qtbot, follow: Follow, run: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.train(3)
    studio = follow(run)
    shown(qtbot, studio, run)
    bench, restore = studio.workbench, session.restore

    def hungry(*_: object) -> None:
        raise DataMissing("mnist", "MNIST is not there.")

    monkeypatch.setattr(session, "restore", hungry)
    other = run.folder.with_name("other")
    shutil.copytree(run.folder, other)
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.open(other)
    assert bench.following == run.folder
    monkeypatch.setattr(session, "restore", restore)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.retry()
    assert (bench.following, bench.folder) == (None, other)


def test_the_noise_lab_only_looks_at_a_run_that_is_trained_against_noise(
    qtbot, follow: Follow, tmp_path: Path
) -> None:
    noisy = Elsewhere(tmp_path / "noisy", CONFIG.with_(noise="mask", noise_strength=0.3))
    noisy.train(3)
    studio = follow(noisy)
    shown(qtbot, studio, noisy)
    bench, lab = studio.workbench, studio.window.panel_docks["noise"].open()
    lab.strength.setValue(50)
    lab.kind.setCurrentIndex(0)
    qtbot.waitUntil(lambda: lab.settled, timeout=10_000)
    assert not lab._pause.isActive()
    assert (bench.asked.noise, bench.asked.noise_strength) == ("mask", 0.3)
    # What is on show is not what is trained against there, and stays when news come.
    assert not lab.train.isChecked()
    bench.configured.emit()
    assert (lab.kind.currentIndex(), lab.strength.value()) == (0, 50)
    lab.kind.setCurrentIndex(2)
    lab.strength.setValue(30)
    assert lab.train.isChecked()
    assert bench.changes.before is None
