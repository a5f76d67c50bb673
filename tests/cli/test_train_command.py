"""`train` and `reproduce`."""

from __future__ import annotations

import json
import os
import signal
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from console import SMALL, Studio
from PIL import Image

import aae_studio
from aae_studio.commands import train
from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
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


def test_missing_data_say_how_to_fetch_them(studio: Studio, tmp_path: Path) -> None:
    words = ("train", "--dataset", "mnist", "--data-dir", tmp_path)
    assert "`aae-studio download mnist --data-dir FOLDER`" in studio.fault(*words)


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


def test_training_where_a_session_lies_keeps_it_under_another_name(studio: Studio, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        words = ["--models", "ae", "--steps", 2, "--seed", seed, "--out", tmp_path / "run"]
        _, err = studio("train", *words, *SMALL)
    assert f"is now in {tmp_path / 'run.2'}" in err
    seeds = {name: session.read_config(tmp_path / name).seed for name in ("run.1", "run.2", "run")}
    assert seeds == {"run.1": 1, "run.2": 2, "run": 3}
    studio("train", "--resume", tmp_path / "run", "--steps", 2)
    assert not (tmp_path / "run.3").exists()


def test_a_mount_point_is_refused_before_training(studio: Studio, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(tmp_path))
    fault = studio.fault("train", "--steps", 1, "--out", tmp_path, *SMALL)
    assert "where a disk is mounted" in fault


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


def test_labels_by_hand_from_the_command_line(studio, tmp_path):
    words = ("--prior", "mixture", "--models", "aae", "--labelling", "hand", "--labelled", "9,3-5,4")
    studio("train", *words, "--steps", 2, *SMALL, "--out", tmp_path / "run")
    config = session.read_config(tmp_path / "run")
    assert (config.options["aae.labelling"], config.options["aae.labelled"]) == ("hand", "3-5,9")


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


def test_one_bar_that_breaks_off_does_not_take_the_others_with_it(studio: Studio, monkeypatch) -> None:
    from aae_studio.core.errors import DataMissing, StudioError
    from aae_studio.core.reproduction import bars
    from aae_studio.core.reproduction.bar import Bar, Limit

    def fragile(lab):
        if lab.seed == 1:
            raise StudioError("It broke.")
        return {"seed": 0.0}

    def hungry(lab):
        raise DataMissing("mnist", "MNIST is not in {folder}.", folder="nowhere")

    limits = (Limit("seed", "≤", 1.0),)
    both = [Bar("fragile", "", "here", fragile, limits), Bar("hungry", "", "here", hungry, limits, long=True)]
    monkeypatch.setattr(bars, "ALL", tuple(both))
    monkeypatch.setattr(bars, "BARS", {bar.name: bar for bar in both})
    out, err = studio("reproduce", "--all", "--seeds", "2", "--json", "--quiet", code=1)
    result = json.loads(out.splitlines()[-1])
    assert [row["fault"] for row in result["fragile"]["seeds"]] == ["", "It broke."]
    assert result["fragile"]["seeds"][0]["passed"]
    assert not result["fragile"]["passed"]
    assert "fragile, seed 1: It broke." in err
    assert "hungry, seed 0: MNIST is not in nowhere." in err
    # Alone, it says how to get them.
    fault = studio.fault("reproduce", "hungry")
    assert (
        "`aae-studio download mnist` fetches it. If it lies elsewhere, --data-dir FOLDER says where." in fault
    )
    assert "--all" in studio.fault("reproduce", "fragile", "--all")
    assert "--all" in studio.fault("reproduce", "--short")


def test_a_run_may_be_named_in_two_ways(studio: Studio, tmp_path: Path, monkeypatch) -> None:
    studio("train", "--steps", 2, "--models", "ae", "--hidden", "8", "--out", tmp_path / "run", "--quiet")
    monkeypatch.chdir(tmp_path)
    studio("train", "--resume", "run", "--steps", 2, "--out", tmp_path / "run", "--quiet")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_what_was_given_in_vain_is_said(studio, tmp_path):
    words = ("train", "--models", "ae", "--steps", 1, "--hidden", 8, "--beta", 5)
    out, err = studio(*words)
    assert "vae.beta changes nothing: vae takes no part." in err
    assert "--out RUN keeps the models" in err
    assert out.startswith("1 step, 0 epochs in ")
    _, err = studio(*words, "--out", tmp_path / "kept")
    assert f"It is kept in {tmp_path / 'kept'}: aae-studio open goes on with it." in err
    assert "--out RUN" not in err
    _, err = studio(*words, "--quiet", "--out", tmp_path / "run")
    assert err == ""
