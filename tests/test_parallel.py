"""Data parallelism, by torch's own launcher: several processes on the CPU do what one does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import parallel_worker as worker
import pytest
import torch

from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.errors import ConfigError
from aae_studio.core.experiment import Experiment
from aae_studio.core.parallel import Group, Share, joined
from aae_studio.core.registry import PRIORS

LIMIT_S = 90


def launched(processes: int, *words: object) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*launcher, "--nproc-per-node", str(processes), *map(str, words)]


def member(rank: int, size: int) -> Group:
    group = Group.__new__(Group)
    group.rank, group.size, group.local_rank, group.local_size = rank, size, rank, size
    return group


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Digits(Path())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made of all cases, before one of them was lost."""
    folder = tmp_path_factory.mktemp("parallel")
    done = subprocess.run(
        launched(2, worker.__file__, "first", folder), capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode != 0
    assert (folder / "news.json").is_file(), done.stderr
    return folder


def assert_same(folder: Path, case: str, processes: int, wanted: dict[str, np.ndarray]) -> None:
    """Check that the processes agree to the last bit, and with what one process has to float error."""
    each = [dict(np.load(folder / f"{case} {rank}.npz")) for rank in range(processes)]
    assert each[0].keys() == wanted.keys()
    for name, values in wanted.items():
        for other in each[1:]:
            np.testing.assert_array_equal(other[name], each[0][name], err_msg=name)
        # What a cluster's normalised logits gain by a unit that is on for all images is 0, but for the order
        # of sums, and Adam makes a part of a step of 0.001 of it. A loss of the share alone is off by 0.02.
        error = 1e-4 if name.startswith("clustering_aae encoder") else 1e-6
        np.testing.assert_allclose(each[0][name], values, rtol=1e-5, atol=error, err_msg=name)


@pytest.mark.parametrize("case", worker.CASES)
def test_two_processes_train_as_one(folder: Path, digits: Dataset, case: str) -> None:
    wanted = worker.trained(Experiment(worker.CASES[case], digits), worker.STEPS)
    assert_same(folder, case, 2, wanted)


def test_three_processes_go_on_where_two_stopped(folder: Path, digits: Dataset) -> None:
    done = subprocess.run(
        launched(3, worker.__file__, "resumed", folder), capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr
    alone, _ = session.restore(folder / "run", folder)
    assert alone.step == worker.STEPS
    assert_same(folder, "resumed", 3, worker.trained(alone, worker.STEPS))
    assert_same(folder, "tiny", 3, worker.trained(Experiment(worker.TINY, digits), worker.STEPS))


def test_what_fails_in_one_process_fails_in_all(folder: Path) -> None:
    news = json.loads((folder / "news.json").read_text())
    assert news["flags"] == [True, False]
    elsewhere, own, fine, not_finite, lost = news["faults"]
    assert elsewhere == "FaultElsewhere: Process 1 of this training has stopped: No luck in 1."
    assert own == "StudioError: No luck in 0."
    assert fine == "nothing"
    assert not_finite.startswith("NonFinite: VAE: a loss became infinite or undefined")
    assert lost.startswith("ProcessLost: Another process of this training has ended or does not answer")
    assert "\n" not in lost
    assert news["seconds"] < LIMIT_S / 3


def test_ctrl_c_stops_all_after_one_step_and_the_run_is_saved(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["--models", "aae", "--hidden", "8", "--aae-discriminator-hidden", "4", "--precision", "float32"]
    train = ["-m", "aae_studio", "train", *words, "--epochs", "100000", "--save-every", "0.1", "--out", run]
    process = subprocess.Popen(launched(2, *train), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + LIMIT_S
    while not (run / "session.json").is_file() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode != 0
    # The first process alone prints.
    assert out.count("steps,") == 1, err
    assert err.count("Stopping after this step.") == 1, err
    experiment, history = session.restore(run, tmp_path)
    assert len(history) == experiment.step > 0
    one = Experiment(experiment.config, experiment.dataset)
    curve = [report.losses["aae"]["reconstruction"] for report in islice(one.run(), 3)]
    np.testing.assert_allclose(history.values("aae", "reconstruction")[:3], curve, rtol=1e-5)


# Shares


@pytest.mark.parametrize(("count", "size"), [(33, 2), (128, 3), (3, 3), (2, 3), (1, 4), (7, 1)])
def test_shares_cover_a_batch(count: int, size: int) -> None:
    shares = [member(rank, size).share(count) for rank in range(size)]
    rows = torch.arange(count)
    each = [share.of(rows) for share in shares]
    assert sum(share.weight for share in shares) == pytest.approx(1)
    if count < size:
        assert all(torch.equal(part, rows) for part in each)
    else:
        assert torch.equal(torch.cat(each), rows)
        assert max(map(len, each)) - min(map(len, each)) <= 1
    # A mean over all is the weighted sum of the means over shares.
    values = torch.rand(count, dtype=torch.float64)
    parts = [share.weight * share.of(values).mean() for share in shares]
    torch.testing.assert_close(sum(parts), values.mean())


def test_a_spread_share_lies_in_its_place() -> None:
    spread = Share(1, 3, 5, 0.4).spread(torch.tensor([7, 8]), -1)
    assert spread.tolist() == [-1, 7, 8, -1, -1]


@pytest.mark.parametrize("name", [name for name in PRIORS.names() if PRIORS.get(name).has_parts])
def test_a_code_does_not_depend_on_the_labels_of_others(name: str) -> None:
    prior = PRIORS.get(name)(3)
    labels = torch.arange(12) % 5 - 1
    drawn = prior.sample_given(labels, 4, torch.Generator().manual_seed(1))
    padded = torch.where(torch.arange(12) < 5, labels, -1)
    again = prior.sample_given(padded, 4, torch.Generator().manual_seed(1))
    assert torch.equal(again[:5], drawn[:5])
    assert not torch.equal(again[5:], drawn[5:])


def test_devices_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    assert member(1, 2).device(torch.device("cpu")) == torch.device("cpu")
    assert member(1, 2).device(torch.device("cuda")) == torch.device("cuda:1")
    with pytest.raises(ConfigError, match="cannot train on mps"):
        member(0, 2).device(torch.device("mps"))
    for name, value in (("TORCHELASTIC_RUN_ID", "1"), ("LOCAL_RANK", "1"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="2 processes on this machine and only 1 GPUs"), joined("cuda"):
        pass


def test_a_model_that_draws_another_number_of_rows_is_refused(digits: Dataset) -> None:
    model = Experiment(ExperimentConfig(models=("ae",), hidden=(4,)), digits).models["ae"]
    model.share = Share(0, 2, 5, 0.4)
    model.reseed(0)
    assert model.noise_like(torch.empty(2, 3)).shape == (2, 3)
    with pytest.raises(Exception, match="draws 3 random rows for 2 samples"):
        model.prior_codes(3)
