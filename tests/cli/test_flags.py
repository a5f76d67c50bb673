"""Help, lists and flags, and what is said of words that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from console import SMALL, FakeApp, Studio, config_of

import aae_studio
from aae_studio import cli
from aae_studio.commands import flags, parsing
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.mnist import Mnist


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


def test_names_may_have_the_dashes_of_flags(studio: Studio, app: FakeApp) -> None:
    studio("--models", "ae,clustering-aae,semi_supervised_aae", "--prior", "swiss-roll")
    assert config_of(app).models == ("ae", "clustering_aae", "semi_supervised_aae")
    assert config_of(app).prior == "swiss_roll"


def test_list_says_why_a_dataset_is_not_available(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mnist, "unavailable", classmethod(lambda cls: "torchvision is not installed"))
    assert "not available: torchvision is not installed" in studio("list", "datasets")[0]
    assert "torchvision is not installed" in studio.fault("download", "mnist")


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
        (["train", "--learning-rate", "-1e-3"], "--learning-rate: -0.001 is below the least"),
        (["train", "--learning-rate", "fast"], "--learning-rate: 'fast' is not a number"),
        (["train", "--learning-rate", "nan"], "--learning-rate: nan is not a finite number"),
        (["train", "--batch-size", "5000"], "5000 is more than the 1437 training images"),
        (["train", "--batch-size", "2.5"], "not a whole number"),
        (["train", "--latent-size", "0"], "--latent-size: 0 is below the least, 1"),
        (["train", "--latent-size", "1", "--prior", "ring"], "at least 2 code axes"),
        (["train", "--models", "vae", "--prior", "uniform"], "infinite"),
        (["train", "--hidden", "8,x"], "hidden"),
        (["train", "--seed", "-1"], "seed"),
        (["train", "--beta", "-1"], "--vae-beta: -1 is below the least, 0"),
        (["train", "--shapes-color", "maybe"], "neither true nor false"),
        (["train", "--precision", "float16"], "one of auto, float32, bfloat16"),
        (["train", "--steps", "0"], "--steps: 0 is below the least, 1"),
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


def test_great_numbers_are_shown_whole(studio: Studio) -> None:
    assert "2147483648 is above the greatest, 2147483647" in studio.fault("train", "--seed", 2**31)


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--painted-picture", "nowhere.png"),
            "--painted-picture: nowhere.png cannot be read as a picture: No such",
        ),
        (("--painted-picture", "!"), "--painted-picture: nothing is painted there"),
        (("--painted-shape", "star"), "--painted-shape: 'star' is not one of heart, ring, islands"),
        (("--aae-labelled", "3-"), "--aae-labelled: “3-” is neither an id nor a range"),
        (("--aae-labelling", "hand"), "The AAE is to send each class to its own part of the prior"),
    ],
)
def test_impossible_paintings_and_labels(studio, words, sentence):
    assert sentence in studio.fault("train", "--prior", "painted", *words, "--steps", 1, *SMALL)
