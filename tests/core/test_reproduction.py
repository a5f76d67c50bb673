"""Bars: limits, the laboratory's memory, and the checks that need no training."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from aae_studio.core import session_folder as session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.errors import ConfigError, StudioError
from aae_studio.core.reproduction import checks, measures
from aae_studio.core.reproduction.bar import Bar, Limit, Outcome
from aae_studio.core.reproduction.bars import ALL, BARS
from aae_studio.core.reproduction.laboratory import HeldOut, Laboratory

TINY = ExperimentConfig(models=("ae",), hidden=(8,), precision="float32")


def test_a_limit_holds_at_its_bound_and_never_for_what_is_missing_or_undefined() -> None:
    for sign, inside, outside in (("≤", 0.9, 1.1), ("≥", 1.1, 0.9)):
        limit = Limit("error", sign, 1.0)
        assert limit.holds({"error": 1.0})
        assert limit.holds({"error": inside})
        assert not limit.holds({"error": outside})
        assert not limit.holds({"error": math.nan})
        assert not limit.holds({})


def test_an_outcome_names_what_failed() -> None:
    bar = Bar("x", "", "", lambda lab: {}, (Limit("a", "≤", 1.0), Limit("b", "≥", 2.0)))
    outcome = Outcome(bar, 3, {"a": 0.5, "b": 1.5}, 0.1)
    assert not outcome.passed
    assert outcome.as_json()["failed"] == ["b"]
    assert Outcome(bar, 3, {"a": 0.5, "b": 2.0}, 0.1).passed


def test_every_result_is_a_bar_with_limits() -> None:
    assert len(BARS) == len(ALL)
    assert all(bar.limits and bar.summary and bar.source for bar in ALL)
    families = ("ae", "vae", "aae", "aae-long", "aae-mixture", "aae-swiss-roll", "digits", "gan", "parzen")
    families += ("semi-supervised", "clustering", "dimensionality-reduction", "equivalence", "phases")
    assert all(any(name.startswith(family) for name in BARS) for family in families)


def test_held_out_images_come_from_the_training_split_alone() -> None:
    whole = Digits(Path())
    part = HeldOut(whole)
    assert len(part.test) == len(whole.train) // 6
    ids = set(part.train.ids) | set(part.test.ids)
    assert ids == set(whole.train.ids)
    assert not set(part.train.ids) & set(part.test.ids)
    assert not ids & set(whole.test.ids)


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("aae_studio.core.reproduction.laboratory.SAVE_EVERY_S", 0.0)

    def weights(experiment) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in experiment.models["ae"].parameters(("encoder",))])

    straight = Laboratory(5, Path(), None).trained("run", TINY, 4)
    assert (straight.epoch, straight.config.seed) == (4, 5)
    first = Laboratory(5, Path(), tmp_path)
    for experiment in first.epochs("run", TINY, 4):
        if experiment.epoch == 3:
            break
    later = Laboratory(5, Path(), tmp_path)
    seen = [experiment.epoch for experiment in later.epochs("run", TINY, 4)]
    # The epoch that was broken off is trained again, the saved ones are not.
    assert seen == [3, 4]
    assert torch.equal(weights(later.trained("run", TINY, 4)), weights(straight))
    # Other settings begin anew.
    other = Laboratory(5, Path(), tmp_path).epochs("run", TINY.with_(learning_rate=0.01), 1)
    assert [experiment.epoch for experiment in other] == [1]


def test_notes_of_a_run_that_begins_anew_are_forgotten(tmp_path: Path, monkeypatch) -> None:
    """They would be mixed with those of other settings, or of a run that was lost before it was saved."""
    monkeypatch.setattr("aae_studio.core.reproduction.laboratory.SAVE_EVERY_S", 0.0)
    for changes, known in (({}, []), ({}, [{"mse": 1.0}]), ({"learning_rate": 0.01}, [])):
        lab = Laboratory(5, Path(), tmp_path)
        lab.trained("run", TINY.with_(**changes), 1)
        assert lab.notes("run") == known
        # Nor does whoever comes next find them.
        assert Laboratory(5, Path(), tmp_path).notes("run") == known
        lab.note("run", {"mse": 1.0})


def test_a_run_that_went_farther_than_asked_is_not_the_one_that_was_asked_for(tmp_path: Path) -> None:
    assert Laboratory(5, Path(), tmp_path).trained("run", TINY, 3).epoch == 3
    assert Laboratory(5, Path(), tmp_path).trained("run", TINY, 2).epoch == 2
    # But it is still there.
    steps = {folder.name: session.read_document(folder)["step"] for folder in tmp_path.iterdir()}
    assert steps == {"run-test-5": 2 * 11, "run-test-5.1": 3 * 11}


def test_damaged_notes_are_a_sentence(tmp_path: Path) -> None:
    lab = Laboratory(0, Path(), tmp_path)
    lab.note("long", {"epoch": 2.0})
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text("utf-8")[:-3], "utf-8")
    with pytest.raises(StudioError, match="is damaged"):
        Laboratory(0, Path(), tmp_path).notes("long")


def test_the_time_of_a_run_that_is_taken_up_is_all_of_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(measures, "ExperimentConfig", lambda models: TINY.with_(models=models))
    first = measures.digits(Laboratory(0, Path(), tmp_path))
    assert measures.digits(Laboratory(0, Path(), tmp_path))["seconds"] == first["seconds"] > 0.1


def test_a_run_belongs_to_its_device(tmp_path: Path) -> None:
    first = Laboratory(5, Path(), tmp_path)
    first.trained("run", TINY, 1)
    first.note("run", {"mse": 1.0})
    elsewhere = Laboratory(5, Path(), tmp_path, device="cuda")
    assert elsewhere.notes("run") == []
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="no cuda"):
            elsewhere.trained("run", TINY, 1)
    assert Laboratory(5, Path(), tmp_path).notes("run") == [{"mse": 1.0}]


def test_notes_outlast_an_interruption_and_belong_to_a_seed(tmp_path: Path) -> None:
    Laboratory(0, Path(), tmp_path).note("long", {"epoch": 2.0, "mse": 0.5})
    assert Laboratory(0, Path(), tmp_path).note("long", {"epoch": 3.0})[0] == {"epoch": 2.0, "mse": 0.5}
    assert Laboratory(1, Path(), tmp_path).notes("long") == []
    assert Laboratory(0, Path(), tmp_path, validation=True).notes("long") == []
    assert Laboratory(0, Path()).notes("long") == []


def test_the_models_are_what_the_arithmetic_says() -> None:
    figures = checks.equivalence(Laboratory(0, Path()))
    assert BARS["equivalence"].limits[0].holds(figures)


def test_a_wrong_gradient_is_noticed(monkeypatch) -> None:
    backward = checks.Dense.backward

    def skewed(dense, slope):
        found, at_input = backward(dense, slope)
        found[0][0, 0] *= 1.01
        return found, at_input

    monkeypatch.setattr(checks.Dense, "backward", skewed)
    assert checks.equivalence(Laboratory(0, Path()))["greatest_difference"] > 1e-5


def test_a_phase_that_strays_is_noticed(monkeypatch) -> None:
    from aae_studio.core.models.gan import GenerativeAdversarialNetwork as Gan

    plain = Gan.adam
    monkeypatch.setattr(
        Gan, "adam", lambda self, *names, **more: plain(self, "generator", "discriminator", **more)
    )
    assert checks.phases(Laboratory(0, Path()))["strays"] > 0


def test_a_phase_that_moves_nothing_is_noticed(monkeypatch) -> None:
    monkeypatch.setattr("aae_studio.core.compiler_shim.Adam.step", lambda self, closure=None: None)
    figures = checks.phases(Laboratory(0, Path()))
    assert figures["strays"] == 0
    assert figures["idle"] > 20


@pytest.mark.parametrize("name", ["equivalence", "phases"])
def test_short_bars_pass_for_another_seed(name: str) -> None:
    outcome = Outcome(BARS[name], 7, BARS[name].measure(Laboratory(7, Path())), 0.0)
    assert outcome.passed, outcome.as_json()
