"""The command line: most of it in this process, what concerns a process in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import aae_studio
from aae_studio import cli
from aae_studio.commands import flags, parsing, train, window
from aae_studio.core import compute, datasets, models, priors, session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.mnist import Mnist
from aae_studio.core.errors import StudioError
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.history import History

FIGURE_NAMES = (
    "recon_mse",
    "mmd_to_prior",
    "sw1_to_prior",
    "code_mean",
    "code_std_least",
    "code_std_greatest",
    "knn_accuracy",
    "class_error",
)
SMALL = ("--hidden", "8", "--aae-discriminator-hidden", "4", "--precision", "float32", "--quiet")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "training_threads", lambda processes=1: 1)


class Studio:
    """Runs the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> tuple[str, str]:
        """Check the exit code; returns what went to stdout and stderr."""
        found = cli.main([str(word) for word in words])
        out, err = self._capsys.readouterr()
        assert found == code, err
        return out, err

    def fault(self, *words: object) -> str:
        """Check that one sentence goes to stderr, and nothing to stdout."""
        out, err = self(*words, code=2)
        assert out == ""
        assert "Traceback" not in err
        assert all(line.startswith("aae-studio: ") for line in err.splitlines())
        return err


@pytest.fixture
def studio(capsys: pytest.CaptureFixture[str]) -> Studio:
    return Studio(capsys)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    words = ["train", "--models", "ae,gan,aae", "--steps", "3", "--latent-size", "3", "--out", str(folder)]
    assert cli.main([*words, *SMALL]) == 0
    return folder


class FakeApp:
    """Stands in for the window and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def open_window(self, *given: Any, **named: Any) -> int:
        self.asked.append(("open_window", given, named))
        return 0

    def screenshot(self, *given: Any, **named: Any) -> tuple[int, int]:
        self.asked.append(("screenshot", given, named))
        return 1950, 1200


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    monkeypatch.setattr(window, "_app", lambda: fake)
    monkeypatch.setattr(window, "_pictures", lambda: fake)
    return fake


# Help and list


def test_help_and_version(studio: Studio) -> None:
    out, _ = studio("--help")
    assert all(name in out for name in cli.COMMANDS)
    assert studio("--version")[0] == f"aae-studio {aae_studio.__version__}\n"
    for name in cli.COMMANDS:
        assert f"usage: aae-studio {name}" in studio(name, "--help")[0]
    out, _ = studio("train", "--help")
    assert "--vae-beta" in out
    assert "--beta" in out
    assert "default 1, from 0 to 1000" in " ".join(out.split())


def test_list_shows_every_plugin(studio: Studio) -> None:
    found = json.loads(studio("list", "--json")[0])
    assert set(found) == {"models", "priors", "datasets"}
    rows = {row["name"]: row for rows in found.values() for row in rows}
    assert {"ae", "vae", "gan", "aae", "gaussian", "swiss_roll", "digits", "shapes", "mnist"} <= set(rows)
    beta = rows["vae"]["options"][0]
    assert beta["flags"] == ["--vae-beta", "--beta"]
    assert (beta["default"], beta["minimum"], beta["maximum"], beta["live"]) == (1.0, 0.0, 1000.0, True)
    assert rows["mnist"]["unavailable"] is None
    text, _ = studio("list")
    assert all(row["title"] in text and row["summary"] in text for row in rows.values())
    assert list(json.loads(studio("list", "priors", "--json")[0])) == ["priors"]
    assert "Did you mean models" in studio.fault("list", "model")


def test_list_says_why_a_dataset_is_not_available(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mnist, "unavailable", classmethod(lambda cls: "torchvision is not installed"))
    assert "not available: torchvision is not installed" in studio("list", "datasets")[0]
    assert "torchvision is not installed" in studio.fault("download", "mnist")


# Flags


def config_of(app: FakeApp) -> ExperimentConfig:
    config = app.asked[-1][1][0]
    assert isinstance(config, ExperimentConfig)
    return config


def test_every_option_is_a_flag(studio: Studio, app: FakeApp) -> None:
    words = """--dataset shapes --prior ring --models vae,aae --seed 5 --learning-rate 1e-2 --rate-decay 2
        --batch-size 32 --latent-size 4 --network conv --hidden 16,8 --reconstruction bernoulli --device cpu
        --noise mask --noise-strength 0.3 --precision bfloat16
        --beta 2 --gan-r1 0.5 --aae-updates two-phase --ring-sigma 2 --shapes-color true
        --color=yes --data-seed 3"""
    studio(*words.split())
    assert config_of(app) == ExperimentConfig(
        dataset="shapes",
        prior="ring",
        models=("vae", "aae"),
        seed=5,
        learning_rate=0.01,
        rate_decay=2.0,
        batch_size=32,
        latent_size=4,
        network="conv",
        hidden=(16, 8),
        reconstruction="bernoulli",
        noise="mask",
        noise_strength=0.3,
        precision="bfloat16",
        options={
            "vae.beta": 2.0,
            "gan.r1": 0.5,
            "aae.updates": "two-phase",
            "ring.sigma": 2.0,
            "shapes.color": True,
            "shapes.data_seed": 3,
        },
    )


def test_flags_of_commands_are_reserved() -> None:
    known = set()
    for command in (cli.WINDOW, *cli.COMMANDS.values()):
        parser = parsing.Parser("x", "")
        command.add_flags(parser)
        if command.takes_plugin_flags:
            flags.add_experiment_flags(parser)
        known |= {flag for flag in parser.flags() if flag.startswith("--")}
    assert known - {"--probe-qt"} <= flags.RESERVED


def test_short_flags_have_one_meaning() -> None:
    rows = flags.plugin_flags()
    every = [flag for row in rows for flag in row.flags]
    assert len(every) == len(set(every))
    assert not set(every) & flags.RESERVED
    by_key = {row.key: row.flags for row in rows}
    # Each prior has a σ, and screenshot has a --size of its own.
    assert by_key["ring.sigma"] == ("--ring-sigma",)
    assert by_key["shapes.size"] == ("--shapes-size",)
    assert by_key["swiss_roll.sigma"] == ("--swiss-roll-sigma",)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "There is no command called “trian”. Did you mean train?"),
        (["train", "--dataset", "mist"], "Did you mean mnist?"),
        (["train", "--prior", "gausian"], "Did you mean gaussian?"),
        (["train", "--models", "ae,vea"], "There is no model called “vea”"),
        (["train", "--models", ","], "choose at least one model"),
        (["train", "--models", "ae,ae"], "named twice"),
        (["train", "--bta", "3"], "There is no option called “--bta”. Did you mean --beta"),
        (["train", "--bta=3"], "“--bta”"),
        (["train", "--learning-rate", "-1e-3"], "learning_rate: -0.001 is below the least"),
        (["train", "--learning-rate", "fast"], "learning_rate: 'fast' is not a number"),
        (["train", "--learning-rate", "nan"], "learning_rate: nan is not a finite number"),
        (["train", "--batch-size", "5000"], "5000 is more than the 1437 training images"),
        (["train", "--batch-size", "2.5"], "not a whole number"),
        (["train", "--latent-size", "0"], "latent_size: 0 is below the least, 1"),
        (["train", "--latent-size", "1", "--prior", "ring"], "at least 2 code axes"),
        (["train", "--models", "vae", "--prior", "uniform"], "infinite"),
        (["train", "--hidden", "8,x"], "hidden"),
        (["train", "--seed", "-1"], "seed"),
        (["train", "--beta", "-1"], "vae.beta: -1 is below the least, 0"),
        (["train", "--shapes-color", "maybe"], "neither true nor false"),
        (["train", "--precision", "float16"], "one of auto, float32, bfloat16"),
        (["train", "--steps", "0"], "steps: 0 is below the least, 1"),
        (["train", "--epochs"], "expected one argument. See aae-studio train --help"),
        (["train", "--epochs", "1", "--steps", "2"], "not allowed with"),
        (["train", "now"], "does not take the word “now”"),
        (["--train", "train"], "does not take the word “train”"),
        (["--theme", "drak"], "There is no theme called “drak”. Did you mean dark?"),
        (["--language", "fr"], "There are: en, ko"),
        (["screenshot"], "--out"),
        (["screenshot", "--out", "x.png", "--size", "big"], "not a size such as 1600x1000"),
        (["screenshot", "--out", "x.png", "--size", "10x10"], "not between"),
        (["screenshot", "--out", "nowhere/x.png"], "cannot be written"),
        (["encode", "nowhere", "--out", "x.npz"], "There is no folder nowhere"),
        (["open", "nowhere"], "There is no folder nowhere"),
        (["download", "mnst"], "Did you mean mnist?"),
    ],
)
def test_bad_words_get_one_clear_sentence(studio: Studio, words: list[str], sentence: str) -> None:
    assert sentence in studio.fault(*words)


def test_missing_data_say_how_to_fetch_them(studio: Studio, tmp_path: Path) -> None:
    words = ("train", "--dataset", "mnist", "--data-dir", tmp_path)
    assert "`aae-studio download mnist --data-dir FOLDER`" in studio.fault(*words)


# Training


def test_json_is_the_last_line_and_equals_the_experiment(studio: Studio, tmp_path: Path) -> None:
    words = ("--models", "vae,gan", "--batch-size", 64, "--seed", 3, "--beta", 2, "--hidden", 8)
    out, err = studio(
        "train", *words, "--precision", "float32", "--epochs", 2, "--json", "--out", tmp_path / "r"
    )
    assert "100 %" in err
    result = json.loads(out.splitlines()[-1])
    assert set(result) == {
        "seed",
        "steps",
        "epochs",
        "samples_per_second",
        "seconds",
        "device",
        "processes",
        "precision",
        "models",
    }
    assert (result["seed"], result["steps"], result["epochs"]) == (3, 44, 2)
    assert (result["device"], result["precision"]) == ("cpu", "float32")
    assert result["samples_per_second"] == pytest.approx(44 * 64 / result["seconds"])
    config = ExperimentConfig(
        models=("vae", "gan"),
        batch_size=64,
        seed=3,
        hidden=(8,),
        precision="float32",
        options={"vae.beta": 2.0},
    )
    experiment = Experiment(config, load_dataset(config, tmp_path))
    reports = list(islice(experiment.run(), 44))
    for name in config.models:
        found = result["models"][name]
        assert set(found) == {*FIGURE_NAMES, "losses"}
        for curve, value in found["losses"].items():
            last_epoch = [report.losses[name][curve] for report in reports[-22:]]
            assert value == pytest.approx(np.mean(last_epoch))
    figures = experiment.snapshot().figures("vae", size=None)
    for name in FIGURE_NAMES:
        assert result["models"]["vae"][name] == getattr(figures, name)
        assert result["models"]["gan"][name] is None
    again, history = session.restore(tmp_path / "r", tmp_path)
    assert again.config == config
    assert len(history) == 44


def test_without_json_a_table(studio: Studio) -> None:
    """It has the figures that one of the models has."""
    out, err = studio("train", "--steps", 2, "--models", "ae,gan", *SMALL)
    assert err == ""
    assert "samples/s" in out
    titles, *rows = (line.split() for line in out.replace("std/", "").splitlines()[1:])
    assert [row[0] for row in rows] == ["ae", "gan"]
    assert "SW1/σ" in titles
    count = len(FIGURE_NAMES) - 1
    assert len(rows[0]) == 1 + count
    assert all(float(word) >= 0 for word in rows[0][3:])
    assert rows[1][1:] == ["–"] * count
    assert "class error" not in out
    out, _ = studio("train", "--steps", 2, "--models", "semi_supervised_aae,ae", *SMALL)
    head, *rows = out.splitlines()[1:]
    assert head.endswith("class error")
    # Figures stand below their titles, however long a model's name is.
    assert {len(row) for row in rows} == {len(head)}
    assert [len(row.split()) for row in rows] == [2 + count] * 2
    out, _ = studio("train", "--steps", 2, "--models", "gan", *SMALL)
    assert len(out.splitlines()) == 1


def test_twenty_epochs_are_the_default(studio: Studio) -> None:
    out, _ = studio("train", "--models", "ae", "--batch-size", 1437, "--json", *SMALL)
    assert json.loads(out)["epochs"] == 20


def test_a_resumed_run_is_one_that_never_stopped(studio: Studio, tmp_path: Path) -> None:
    def files(name: str) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in (tmp_path / name).glob("[!h]*.safetensors")}

    words = ("--models", "vae,aae", *SMALL)
    studio("train", *words, "--steps", 7, "--out", tmp_path / "whole")
    studio("train", *words, "--steps", 3, "--out", tmp_path / "part")
    before = files("part")
    out, _ = studio(
        "train", "--resume", tmp_path / "part", "--steps", 4, "--out", tmp_path / "copy", "--json"
    )
    assert json.loads(out)["steps"] == 7
    assert files("part") == before
    studio("train", "--resume", tmp_path / "part", "--steps", 4, "--quiet")
    assert files("part") == files("copy") == files("whole") != before
    histories = [session.restore(tmp_path / name, tmp_path)[1] for name in ("part", "whole")]
    assert all(history.steps.tolist() == [1, 2, 3, 4, 5, 6, 7] for history in histories)
    assert np.array_equal(*(history.values("aae", "d_fake") for history in histories))
    studio("train", "--resume", tmp_path / "part", "--epochs", 2, "--quiet")
    assert session.restore(tmp_path / "part", tmp_path)[0].step == 7 + 2 * 11


def test_resume_brings_its_own_experiment(studio: Studio, run: Path, tmp_path: Path) -> None:
    assert "leave the experiment's options out" in studio.fault("train", "--resume", run, "--seed", 4)
    assert "There is no" in studio.fault("train", "--resume", tmp_path / "nowhere")


def test_save_every_writes_while_training(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[tuple[int, int]] = []
    write = session.save

    def save(folder: Path, experiment: Experiment, history: Any, figures: Any = None) -> None:
        if len(saved) == 1:
            saved.append((0, 0))
            raise session.SessionError("The disk is full.")
        write(folder, experiment, history, figures)
        saved.append((experiment.step, len(session.restore(folder, tmp_path)[1])))

    monkeypatch.setattr(session, "save", save)
    monkeypatch.setattr(train, "PAUSE_S", 0.0)
    monkeypatch.setattr(train.Saves, "seconds", property(lambda _: 0.0, lambda *_: None), raising=False)
    words = ("--models", "ae", "--steps", 4, "--save-every", 5, "--out", tmp_path / "run", *SMALL)
    _, err = studio("train", *words)
    assert saved == [(1, 1), (0, 0), (3, 3), (4, 4), (4, 4)]
    assert err == "The disk is full. Training goes on.\n"
    assert "needs a folder" in studio.fault("train", "--save-every", 1, *SMALL)
    assert "0 is below the least, 0.1" in studio.fault("train", "--save-every", 0, *SMALL)


def test_ctrl_c_ends_training_between_two_steps_and_saves(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train.Progress, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    words = ("train", "--steps", 10**9, "--models", "ae,aae", "--json", "--out", tmp_path / "run", *SMALL)
    before = signal.getsignal(signal.SIGINT)
    out, err = studio(*words, code=130)
    assert "Stopping" in err
    assert signal.getsignal(signal.SIGINT) is before
    experiment, history = session.restore(tmp_path / "run", tmp_path)
    assert 0 < json.loads(out)["steps"] == experiment.step == len(history)


def test_a_second_ctrl_c_does_not_wait() -> None:
    with train.Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.came
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_losses_that_blow_up_stop_training_and_what_was_trained_is_saved(
    studio: Studio, tmp_path: Path
) -> None:
    words = ("--models", "ae,vae", "--learning-rate", 1e4, "--reconstruction", "bernoulli", "--steps", 500)
    err = studio.fault("train", *words, "--out", tmp_path / "run", *SMALL)
    assert "VAE: a loss became infinite or undefined in phase “elbo” at step" in err
    assert f"saved in {tmp_path / 'run'}" in err
    assert aae_studio.load(tmp_path / "run").decode(np.zeros((1, 2)), "vae").shape == (1, 1, 8, 8)


def test_the_out_folder_is_checked_before_training(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    monkeypatch.setattr(train, "_train", lambda *_: pytest.fail("it trained"))
    for name in ("file", "file/run", "folder"):
        assert str(tmp_path) in studio.fault("train", "--out", tmp_path / name)
    assert (tmp_path / "folder" / "thesis.tex").read_text() == "mine"


# Codes


def test_codes_go_out_and_come_back_as_images(studio: Studio, run: Path, tmp_path: Path) -> None:
    loaded = aae_studio.load(run)
    for split, count in (("test", 360), ("train", 1437), ("all", 1797)):
        out, _ = studio("encode", run, "--split", split, "--out", tmp_path / "codes")
        assert out == f"{tmp_path / 'codes'}: codes of ae, aae, {count} × 3\n"
        with np.load(tmp_path / "codes") as arrays:
            found = dict(arrays)
        assert set(found) == {"ae", "aae", "labels", "ids"}
        assert found["ae"].shape == (count, 3)
        assert found["labels"].shape == found["ids"].shape == (count,)
    test, unit = loaded.dataset.test, loaded.dataset.to_unit
    np.testing.assert_array_equal(found["ids"][-360:], test.ids)
    np.testing.assert_array_equal(found["labels"][-360:], test.labels)
    np.testing.assert_array_equal(found["aae"][-360:], loaded.encode(unit(test.images), "aae"))
    np.save(tmp_path / "z.npy", found["aae"])
    words = ("--model", "aae", "--codes", tmp_path / "z.npy", "--out", tmp_path / "images.npy")
    out, _ = studio("decode", run, *words)
    assert out == f"{tmp_path / 'images.npy'}: images, 1797 × 1 × 8 × 8\n"
    images = np.load(tmp_path / "images.npy")
    assert (images.shape, images.dtype) == ((1797, 1, 8, 8), np.float32)
    np.testing.assert_array_equal(images, loaded.decode(found["aae"], "aae"))
    (tmp_path / "codes").rename(tmp_path / "codes.npz")
    studio(
        "decode", run, "--model", "aae", "--codes", tmp_path / "codes.npz", "--out", tmp_path / "again.npy"
    )
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), images)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "again.npy",
        "codes.npz",
        "images.npy",
        "z.npy",
    ]


def test_decode_says_which_class_it_decodes_as(studio: Studio, tmp_path: Path) -> None:
    run, codes, images = tmp_path / "run", tmp_path / "z.npy", tmp_path / "x.npy"
    studio("train", "--steps", 2, "--models", "supervised_aae", *SMALL, "--out", run)
    np.save(codes, np.zeros((2, 2)))
    words = ("decode", run, "--codes", codes, "--out", images)
    assert studio(*words)[0] == f"{images}: images, 2 × 1 × 8 × 8, all as 0\n"
    zeros = np.load(images)
    assert studio(*words, "--condition", 7)[0].endswith(", all as 7\n")
    studio("train", "--steps", 2, "--models", "ae", *SMALL, "--out", tmp_path / "plain")
    words = ("decode", tmp_path / "plain", "--codes", codes, "--out", images, "--condition", 7)
    assert "is told nothing beside the code" in studio.fault(*words)
    assert not np.array_equal(np.load(images), zeros)


def test_codes_that_cannot_be_decoded(studio: Studio, run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros((4, 2)))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "other.npz", a=np.zeros((4, 3)))
    (tmp_path / "text.npy").write_text("0 0 0")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "flat.npy").read_bytes()[:-8])
    for name, sentence in (
        ("flat.npy", "(4, 2); expected (n, 3)"),
        ("object.npy", "not an array that numpy saved"),
        ("other.npz", "several arrays (a)"),
        ("text.npy", "not an array that numpy saved"),
        ("cut.npy", "damaged"),
        ("nothing.npy", "cannot be read: No such file"),
    ):
        words = ("decode", run, "--model", "ae", "--codes", tmp_path / name, "--out", tmp_path / "out.npy")
        assert sentence in studio.fault(*words)
    np.save(tmp_path / "z.npy", np.zeros((1, 3)))
    words = ("decode", run, "--codes", tmp_path / "z.npy", "--out")
    assert "ae, gan, aae" in studio.fault(*words, tmp_path / "out.npy")
    assert "cannot be written" in studio.fault(*words, tmp_path / "no" / "out.npy", "--model", "ae")
    assert "it is a folder" in studio.fault(*words, tmp_path, "--model", "ae")
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize(("name", "count"), [("semi_supervised_aae", 10), ("clustering_aae", 16)])
def test_what_a_model_finds_goes_out_beside_its_codes(
    studio: Studio, tmp_path: Path, name: str, count: int
) -> None:
    run, file = tmp_path / "run", tmp_path / "codes.npz"
    studio("train", "--models", f"ae,{name}", "--hidden", "16", "--steps", "3", "--quiet", "--out", run)
    studio("encode", run, "--out", file)
    loaded = aae_studio.load(run)
    with np.load(file) as arrays:
        shares, labels = arrays[f"{name}.class_shares"], arrays["labels"]
        assert "ae.class_shares" not in arrays
    assert (shares.shape, shares.dtype) == ((360, count), np.float32)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    images = loaded.dataset.to_unit(loaded.dataset.test.images)
    np.testing.assert_array_equal(shares, loaded.class_shares(images))
    if name == "semi_supervised_aae":
        frozen = loaded._frozen[name]
        assert (shares.argmax(axis=1) != labels).mean() == pytest.approx(frozen.class_error(images, labels))
    with pytest.raises(StudioError, match="find classes"):
        loaded.class_shares(images, "ae")


def test_a_run_without_encoder_cannot_encode(studio: Studio, tmp_path: Path) -> None:
    studio("train", "--models", "gan", "--steps", 1, "--out", tmp_path / "run", *SMALL)
    words = ("encode", tmp_path / "run", "--out", tmp_path / "codes.npz")
    assert "has an encoder" in studio.fault(*words)


# The window


def test_training_where_a_session_lies_keeps_it_under_another_name(studio: Studio, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        words = ["--models", "ae", "--steps", 2, "--seed", seed, "--out", tmp_path / "run"]
        _, err = studio("train", *words, *SMALL)
    assert f"is now in {tmp_path / 'run.2'}" in err
    seeds = {name: session.read_config(tmp_path / name).seed for name in ("run.1", "run.2", "run")}
    assert seeds == {"run.1": 1, "run.2": 2, "run": 3}
    studio("train", "--resume", tmp_path / "run", "--steps", 2)
    assert not (tmp_path / "run.3").exists()


def test_resuming_after_a_model_has_left(studio: Studio, tmp_path: Path) -> None:
    config = ExperimentConfig(models=("ae", "vae"), hidden=(8,))
    experiment, history = Experiment(config, load_dataset(config, tmp_path)), History()
    run = experiment.run()
    history.append([next(run)])
    experiment.change(config.with_(models=("ae",)))
    history.append([next(run)])
    session.save(tmp_path / "left", experiment, history, {})
    out, _ = studio("train", "--resume", tmp_path / "left", "--steps", 1, "--json", "--quiet")
    assert list(json.loads(out)["models"]) == ["ae"]


@pytest.mark.parametrize(
    "words",
    [
        ["open", "~nobodyofthisname/x"],
        ["train", "--out", "~nobodyofthisname/x"],
        ["train", "--data-dir", "~nobodyofthisname/x"],
        ["encode", "x" * 300, "--out", "codes.npz"],
        ["train", "--out", "loop"],
    ],
)
def test_odd_paths_get_a_sentence(studio: Studio, words: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    assert studio.fault(*words, *(SMALL if words[0] == "train" else ()))


def test_a_mount_point_is_refused_before_training(studio: Studio, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(tmp_path))
    fault = studio.fault("train", "--steps", 1, "--out", tmp_path, *SMALL)
    assert "where a disk is mounted" in fault


@pytest.mark.parametrize("damage", ["compressed", "header"])
def test_damaged_codes_get_a_sentence(studio: Studio, run: Path, tmp_path: Path, damage: str) -> None:
    file = tmp_path / ("codes.npz" if damage == "compressed" else "codes.npy")
    if damage == "compressed":
        np.savez_compressed(file, ae=np.random.default_rng(0).normal(size=(500, 3)))
        data = bytearray(file.read_bytes())
        data[200:400] = bytes(200)
    else:
        np.save(file, np.zeros((1, 3), np.float32))
        data = bytearray(file.read_bytes().replace(b"(1, 3)", b"(9999999999999, 3)"))
    file.write_bytes(bytes(data))
    studio.fault("decode", run, "--model", "ae", "--codes", file, "--out", tmp_path / "images.npy")


def test_great_numbers_are_shown_whole(studio: Studio) -> None:
    assert "2147483648 is above the greatest, 2147483647" in studio.fault("train", "--seed", 2**31)


def test_a_window_without_a_display_gets_a_sentence(tmp_path: Path) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "aae_studio"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("aae-studio: There is no display")


def test_window_commands_ask_the_window(studio: Studio, app: FakeApp, run: Path, tmp_path: Path) -> None:
    studio()
    assert app.asked[-1][1][0] == ExperimentConfig()
    assert app.asked[-1][2] == {"train": False, "theme": None, "language": None}
    studio("--train", "--theme", "light", "--language", "ko", "--data-dir", tmp_path, "--seed", 4)
    name, given, named = app.asked[-1]
    assert (name, given) == ("open_window", (ExperimentConfig(seed=4), tmp_path))
    assert named == {"train": True, "theme": "light", "language": "ko"}
    studio("open", run, "--train")
    assert config_of(app) == session.read_config(run)
    named = {"run": run, "train": True, "theme": None, "language": None, "follow": False}
    assert app.asked[-1][2] == named
    studio("open", tmp_path / "not yet", "--follow")
    assert config_of(app) == ExperimentConfig()
    assert app.asked[-1][2] == {**named, "run": tmp_path / "not yet", "train": False, "follow": True}
    assert "leave --train or --follow out" in studio.fault("open", run, "--follow", "--train")
    assert "no option called “--seed”" in studio.fault("open", run, "--seed", 3)
    picture = tmp_path / "shot.png"
    out, _ = studio(
        "screenshot",
        "--dataset",
        "digits",
        "--steps",
        5,
        "--theme",
        "dark",
        "--size",
        "800x600",
        "--out",
        picture,
    )
    name, given, named = app.asked[-1]
    assert name == "screenshot"
    assert out == f"{picture}: 1950 × 1200\n"
    assert given[2:] == (5, picture, (800, 600), "dark", "en")
    studio("screenshot", "--run", run, "--out", picture)
    assert config_of(app) == session.read_config(run)
    assert app.asked[-1][1][2] == 0
    assert app.asked[-1][2] == {"run": run, "show": ()}
    studio("screenshot", "--show", "lattice", "--out", picture)
    assert app.asked[-1][2] == {"run": None, "show": ("lattice",)}
    assert "no overlay or panel called “latice”" in studio.fault(
        "screenshot", "--show", "latice", "--out", picture
    )
    assert "leave the experiment's options out" in studio.fault(
        "screenshot", "--run", run, "--out", picture, "--seed", 3
    )


def test_a_window_that_cannot_load_points_to_the_doctor(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aae_studio.ui.app", None)
    monkeypatch.delattr("aae_studio.ui.app", raising=False)
    assert "`aae-studio doctor`" in studio.fault()


# Plug-ins and downloads

PRIOR = """
from aae_studio.core.options import Option
from aae_studio.core.priors.gaussian import Gaussian

class Cloud(Gaussian):
    title = "Cloud"
    summary = "Another Gaussian."
    options = (*Gaussian.options, Option("fluffiness", "Fluff", 0.5, "100 % fluffy.", minimum=0, maximum=1))

    def __init__(self, latent_size, sigma=1.0, fluffiness=0.5):
        super().__init__(latent_size, sigma)
"""
DATASET = """
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.errors import DataMissing

class Far(Digits):
    title = "Far"

    def __init__(self, data_dir, **option):
        if not (data_dir / "far").exists():
            raise DataMissing("far", "Far is not here.")
        super().__init__(data_dir, **option)

    @classmethod
    def download(cls, data_dir):
        try:
            yield 1, 2
            (data_dir / "far").touch()
            yield 2, 2
        finally:
            (data_dir / "closed").touch()
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three more files beside the plug-ins that are there; one of them does not load."""
    before = set(sys.modules)
    for package, name, text in (
        (priors, "cloud", PRIOR),
        (datasets, "far", DATASET),
        (models, "broken", "import a_module_that_is_not_there"),
    ):
        folder = tmp_path / "plugins" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield
    for name in set(sys.modules) - before:
        if name.rpartition(".")[2] in ("cloud", "far", "broken"):
            del sys.modules[name]


@pytest.mark.usefixtures("plugins")
def test_a_new_file_is_a_new_plugin(studio: Studio, app: FakeApp) -> None:
    rows = {row["name"]: row for row in json.loads(studio("list", "priors", "--json")[0])["priors"]}
    assert rows["cloud"]["options"][1]["flags"] == ["--cloud-fluffiness", "--fluffiness"]
    studio("--prior", "cloud", "--fluffiness", "0.7")
    assert config_of(app).options == {"cloud.fluffiness": 0.7}
    assert "100 % fluffy" in studio("train", "--help")[0]
    assert "fluffiness" in studio.fault("train", "--prior", "cloud", "--fluffiness", "2")
    assert json.loads(studio("train", "--prior", "cloud", "--steps", 2, "--json", *SMALL)[0])["steps"] == 2


@pytest.mark.usefixtures("plugins")
def test_a_plugin_that_does_not_load_is_listed_with_the_reason(studio: Studio) -> None:
    assert "a_module_that_is_not_there" in studio("list", "models")[0]
    assert "cannot be loaded" in studio.fault("train", "--models", "broken")


@pytest.mark.usefixtures("plugins")
def test_datasets_are_fetched_on_request(studio: Studio, tmp_path: Path) -> None:
    words = ("train", "--dataset", "far", "--data-dir", tmp_path, "--steps", 1, *SMALL)
    assert "download far" in studio.fault(*words)
    studio(*words, "--download")
    (tmp_path / "far").unlink()
    out, err = studio("download", "far", "--data-dir", tmp_path)
    assert "Far is ready" in out
    assert "download far [########################] 100 %" in err
    assert (tmp_path / "far").exists()
    assert "Digits is ready" in studio("download", "digits")[0]


@pytest.mark.usefixtures("plugins")
def test_ctrl_c_cancels_a_download(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "aae_studio.commands.download.Progress.show", lambda *_: signal.raise_signal(signal.SIGINT)
    )
    # Whoever starts the tests in the background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _, err = studio("download", "far", "--data-dir", tmp_path, code=130)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "cancelled" in err
    assert not (tmp_path / "far").exists()
    assert (tmp_path / "closed").exists()


# Processes


def process(
    *words: str, env: dict[str, str] | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    above = str(Path(aae_studio.__file__).parent.parent)
    whole = {**os.environ, "PYTHONPATH": above, "PYTHONIOENCODING": "utf-8", **(env or {})}
    done = subprocess.run(
        [sys.executable, *words], env=whole, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    return done


LOADED = """
import sys, types
from aae_studio import cli
class App(types.ModuleType):
    def open_window(self, *given, **named): return 0
if "fake" in sys.argv:
    sys.modules["aae_studio.ui.app"] = App("app")
code = cli.main(sys.argv[2:])
print("loaded:", *sorted({"torch", "PySide6", "numpy", "pyqtgraph"} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["real", "--help"], ""),
        (["real", "--version"], ""),
        (["real", "list", "--json"], "numpy torch"),
        # The window shows before torch is there.
        (["fake", "--train", "--theme", "dark", "--dataset", "shapes"], ""),
    ],
)
def test_nothing_loads_before_it_is_needed(words: list[str], loaded: str) -> None:
    done = process("-c", LOADED, *words)
    assert done.stderr.splitlines()[-1].removeprefix("loaded:").strip() == loaded


def test_a_module_is_the_program_and_a_closed_pipe_is_no_fault() -> None:
    assert process("-m", "aae_studio", "--version").stdout.strip() == f"aae-studio {aae_studio.__version__}"
    assert "Did you mean" in process("-m", "aae_studio", "opn", code=2).stderr
    pipe = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'aae_studio', '--help']"
    read = ", stdout=-1, stderr=-1); p.stdout.close(); sys.stdout.write(p.stderr.read().decode()); p.wait()"
    assert process("-c", pipe + read).stdout == ""


def test_doctor_finds_nothing_wrong_offscreen(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("AAE_STUDIO_SETTINGS", str(tmp_path / "settings.ini"))
    out, _ = studio("doctor", "--data-dir", tmp_path)
    for words in ("PySide6-Essentials", "torchvision", "pyqtgraph", "platform offscreen", "auto picks"):
        assert words in out
    assert f"{tmp_path} (MNIST is not in it)" in out
    assert "Korean font" in out
    assert out.endswith("All is well.\n")


def test_doctor_speaks_json(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aae_studio.commands import doctor

    measured = doctor.Finding("Drag", "the image follows", "close programs", figures={"p99_ms": 17.5})
    monkeypatch.setattr(doctor, "speed", lambda: iter([measured]))
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "a-package-that-is-not-there"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    out, _ = studio("doctor", "--json", "--bench", "--data-dir", tmp_path, code=1)
    found = json.loads(out)
    by_name = {finding["name"]: finding for finding in found["findings"]}
    assert found["wrong"] == 1
    assert by_name["a-package-that-is-not-there"]["wrong"]
    assert "pip install" in by_name["a-package-that-is-not-there"]["mend"]
    assert by_name["Drag"]["figures"] == {"p99_ms": 17.5}
    assert not by_name["Drag"]["wrong"]


def test_doctor_survives_a_qt_and_a_torch_that_do_not_load(tmp_path: Path) -> None:
    for name, reason in (("PySide6", "libEGL.so.1: cannot open"), ("torch", "libtorch_cpu.so: cannot open")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('{reason} shared object file')")
    above = str(Path(aae_studio.__file__).parent.parent)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), above]), "QT_QPA_PLATFORM": "offscreen"}
    out = process("-m", "aae_studio", "doctor", env=env, code=1).stdout
    assert "WRONG  Qt             fails to load: libEGL.so.1" in out
    assert "WRONG  torch          fails to load: libtorch_cpu.so" in out
    assert "2 wrong." in out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_doctor_says_that_there_is_no_display(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    out, _ = studio("doctor", code=1)
    assert "WRONG  Display" in out
    assert "xvfb-run" in out


def test_doctor_says_what_cannot_be_written(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("AAE_STUDIO_SETTINGS", str(tmp_path / "file" / "settings.ini"))
    out, _ = studio("doctor", "--data-dir", tmp_path / "file" / "data", code=1)
    assert "--data-dir or $AAE_STUDIO_DATA" in out
    assert "$AAE_STUDIO_SETTINGS" in out
    assert "2 wrong." in out


def test_doctor_names_the_packages_of_missing_libraries(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aae_studio.commands import doctor

    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(doctor, "QT_LIBRARIES", {"libnot-there.so.9": "libnot-there9"})
    monkeypatch.setattr(doctor, "_probe", lambda _: (None, "it ended with code -6"))
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "a-package-that-is-not-there"))
    out, _ = studio("doctor", code=1)
    assert "Qt needs libnot-there.so.9" in out
    assert "apt install libnot-there9" in out
    assert "-m pip install a-package-that-is-not-there" in out


def test_progress_on_a_terminal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    stream = SimpleNamespace(isatty=lambda: True, write=written.append, flush=lambda: None)
    monkeypatch.setattr(sys, "stderr", stream)
    progress = train.Progress("train")
    progress._shown -= 1
    progress.show(1, 4, "step 1")
    progress.show(2, 4, "too soon")
    progress.show(4, 4, "step 4")
    progress.close()
    text = "".join(written)
    assert text.count("\r") == 2
    assert text.count("\n") == 1
    assert "25 % · step 1" in text
    assert "100 % · step 4" in text


def test_reproduce_lists_measures_and_fails_where_a_limit_does_not_hold(studio: Studio, monkeypatch) -> None:
    from aae_studio.core.reproduction import bars
    from aae_studio.core.reproduction.bar import Bar, Limit

    assert "semi-supervised-100" in studio("reproduce")[0]
    limits = (Limit("seed", "≤", 1.0, "0"),)
    bar = Bar("tiny", "the seed itself", "here", lambda lab: {"seed": float(lab.seed)}, limits)
    monkeypatch.setattr(bars, "BARS", {"tiny": bar})
    out, _ = studio("reproduce", "tiny", "--seeds", "2", "--json")
    result = json.loads(out.splitlines()[-1])["tiny"]
    assert result["passed"]
    assert [row["figures"] for row in result["seeds"]] == [{"seed": 0.0}, {"seed": 1.0}]
    out, _ = studio("reproduce", "tiny", "--seeds", "3", code=1)
    assert "| tiny | seed | 0, 1, 2 | 0 | ≤ 1 | not reached |" in out
    assert "Did you mean tiny?" in studio.fault("reproduce", "tyny")


# Painted priors and labels by hand


def test_a_picture_file_is_a_prior_and_travels_with_the_run(studio, tmp_path):
    pixels = np.full((40, 40), 255, np.uint8)
    pixels[5:35, 18:22] = 0
    picture, run = tmp_path / "line.png", tmp_path / "run"
    Image.fromarray(pixels).save(picture)
    words = ("--prior", "painted", "--painted-picture", picture, "--models", "vae,aae", "--steps", 2)
    studio("train", *words, *SMALL, "--out", run)
    picture.unlink()
    config = session.read_config(run)
    assert config.options["painted.picture"].startswith("8$29.")
    studio("train", "--resume", run, "--steps", 1, "--quiet")
    again = session.read_config(run)
    assert again == config
    # The text in session.json is a word for the same flag.
    text = config.options["painted.picture"]
    studio("train", "--prior", "painted", "--painted-picture", text, "--steps", 1, *SMALL, "--out", run)
    assert session.read_config(run).options["painted.picture"] == text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--painted-picture", "nowhere.png"),
            "painted.picture: nowhere.png cannot be read as a picture: No such",
        ),
        (("--painted-picture", "!"), "painted.picture: nothing is painted there"),
        (("--painted-shape", "star"), "painted.shape: 'star' is not one of heart, ring, islands"),
        (("--aae-labelled", "3-"), "aae.labelled: “3-” is neither an id nor a range"),
        (("--aae-labelling", "hand"), "The AAE is to send each class to its own part of the prior"),
    ],
)
def test_impossible_paintings_and_labels(studio, words, sentence):
    assert sentence in studio.fault("train", "--prior", "painted", *words, "--steps", 1, *SMALL)


def test_labels_by_hand_from_the_command_line(studio, tmp_path):
    words = ("--prior", "mixture", "--models", "aae", "--labelling", "hand", "--labelled", "9,3-5,4")
    studio("train", *words, "--steps", 2, *SMALL, "--out", tmp_path / "run")
    config = session.read_config(tmp_path / "run")
    assert (config.options["aae.labelling"], config.options["aae.labelled"]) == ("hand", "3-5,9")
