"""Reading a run that another process goes on saving, without a window."""

from __future__ import annotations

import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from aae_studio.core import session, session_folder
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import DataMissing, SessionError
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.followed import FollowedRun, Novelty
from aae_studio.core.history import History

CONFIG = ExperimentConfig(models=("vae", "gan"), hidden=(8,), batch_size=64, precision="float32")


class Writer:
    """An experiment that is trained and saved."""

    def __init__(self, folder: Path, config: ExperimentConfig = CONFIG) -> None:
        self.folder = folder
        self.experiment, self.history = Experiment(config, load_dataset(config, folder)), History()

    def write(self, steps: int) -> None:
        self.history.append(list(islice(self.experiment.run(), steps)))
        session.save(self.folder, self.experiment, self.history)


def weights(experiment: Experiment) -> list[np.ndarray]:
    """Those that are shown."""
    networks = [network for model in experiment.models.values() for network in model.shown.values()]
    return [weight.numpy().copy() for network in networks for weight in network.state_dict().values()]


def test_each_reading_brings_what_was_saved(tmp_path: Path) -> None:
    writer, followed = Writer(tmp_path / "run"), FollowedRun(tmp_path / "run", tmp_path)
    with pytest.raises(SessionError, match="There is no"):
        followed.read()
    writer.write(3)
    assert followed.read() is Novelty.TRAINING
    assert followed.read() is Novelty.NOTHING
    experiment, history = followed.experiment, followed.history
    writer.write(4)
    assert followed.read() is Novelty.STEPS
    assert followed.history is history
    assert followed.experiment is experiment
    assert history.steps.tolist() == [1, 2, 3, 4, 5, 6, 7]
    for model, curve in writer.history.curves:
        assert np.array_equal(history.values(model, curve), writer.history.values(model, curve))
    for found, wanted in zip(weights(experiment), weights(writer.experiment), strict=True):
        assert np.array_equal(found, wanted)
    report = followed.report()
    assert (report.step, report.seconds) == (7, writer.experiment.seconds)
    assert report.losses["vae"]["kl"] == writer.history.values("vae", "kl")[-1]


def test_a_training_that_begins_again_is_another(tmp_path: Path) -> None:
    followed = FollowedRun(tmp_path / "run", tmp_path)
    Writer(followed.folder).write(3)
    followed.read()
    dataset = followed.experiment.dataset
    # The same steps with the same seed, but at other times.
    Writer(followed.folder).write(5)
    assert followed.read() is Novelty.TRAINING
    Writer(followed.folder, CONFIG.with_(latent_size=3)).write(6)
    assert followed.read() is Novelty.TRAINING
    assert followed.config.latent_size == 3
    assert followed.experiment.dataset is dataset
    assert len(followed.history) == 6


def test_a_run_of_another_device_is_read_here(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run")
    writer.experiment.config = CONFIG.with_(device="cuda", precision="auto")
    writer.write(1)
    followed = FollowedRun(writer.folder, tmp_path)
    followed.read()
    assert followed.config.device == "cuda"
    assert followed.experiment.device.type == "cpu"


def test_what_cannot_be_read_leaves_what_was_there(tmp_path: Path) -> None:
    writer, followed = Writer(tmp_path / "run"), FollowedRun(tmp_path / "run", tmp_path)
    writer.write(3)
    followed.read()
    before = followed.tried
    writer.write(3)
    (writer.folder / "history.safetensors").write_bytes(b"")
    kept = weights(followed.experiment)
    with pytest.raises(SessionError, match="safetensors has changed"):
        followed.read()
    assert followed.tried not in ("", before)
    assert (followed.experiment.step, len(followed.history)) == (3, 3)
    # Nor is it half of one state and half of another where the last model's file is damaged.
    writer.write(0)
    name = list(writer.experiment.models)[-1]
    (writer.folder / f"{name}.safetensors").write_bytes(b"")
    with pytest.raises(SessionError, match="safetensors has changed"):
        followed.read()
    assert len(writer.experiment.models) > 1
    assert all(map(np.array_equal, weights(followed.experiment), kept))
    writer.write(3)
    assert followed.read() is Novelty.STEPS
    assert (followed.experiment.step, len(followed.history)) == (9, 9)


def test_missing_data_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(tmp_path / "run")
    writer.experiment.config = CONFIG.with_(dataset="mnist")
    writer.write(1)
    with pytest.raises(DataMissing):
        FollowedRun(writer.folder, tmp_path / "nowhere").read()


# Sessions that are replaced while they are read


def test_restoring_while_another_thread_saves(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run")
    writer.write(1)
    done = threading.Event()

    def write() -> None:
        for _ in range(12):
            writer.write(1)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    restored = 0
    while not done.is_set():
        experiment, history = session.restore(writer.folder, tmp_path)
        assert len(history) == experiment.step
        restored += 1
    thread.join()
    assert restored > 1


def test_a_replaced_session_is_read_again_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "run")
    writer.write(1)
    steps: list[int] = []

    def read(document: dict[str, int]) -> int:
        steps.append(document["step"])
        if len(steps) < 3:
            writer.write(1)
            raise SessionError("A file is of another state.")
        return document["step"]

    assert session_folder.read_steadily(writer.folder, read) == 3
    assert steps == [1, 2, 3]

    def damaged(document: dict[str, int]) -> int:
        steps.append(document["step"])
        raise SessionError("damaged")

    with pytest.raises(SessionError, match="damaged"):
        session_folder.read_steadily(writer.folder, damaged)
    assert steps == [1, 2, 3, 3]
