"""Diagnoses: each fires on a run that is provoked to fail, none on a healthy one, and remedies help."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from aae_studio.core.checkup import HOLD, Checkup, Judge
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.diagnosis.base import (
    HIGH_RATE,
    MARGIN,
    Diagnosis,
    Finding,
    Sign,
    eased,
    lowered_rate,
    restored,
)
from aae_studio.core.evaluation import classifier_for
from aae_studio.core.evidence import SIZE, Evidence
from aae_studio.core.experiment import Experiment
from aae_studio.core.history import History
from aae_studio.core.metrics import Classifier
from aae_studio.core.registry import MODELS

TINY = ExperimentConfig(hidden=(32,), batch_size=64, precision="float32").with_(
    **{"aae.discriminator_hidden": (32,)}
)


@dataclass
class Run:
    """An experiment in training, examined by a check-up."""

    experiment: Experiment
    classifier: Classifier | None = None

    def __post_init__(self) -> None:
        self.history, self.checkup = History(), Checkup()
        self._steps = self.experiment.run()

    def train(self, steps: int, every: int = 0) -> Run:
        """Train so many steps; examine all models every so often, or at the end alone."""
        for step in range(1, steps + 1):
            self.history.append([next(self._steps)])
            if step == steps or (every and step % every == 0):
                self.examine(self.checkup)
        return self

    def examine(self, checkup: Checkup) -> set[tuple[str, str]]:
        """What stands after an examination of all models now: (model, diagnosis)."""
        snapshot = self.experiment.snapshot()
        for name in snapshot.models:
            checkup.examine(name, snapshot, self.history, self.experiment.config, self.classifier)
        return {(one.model, one.diagnosis) for one in checkup.findings()}

    @property
    def findings(self) -> dict[tuple[str, str], Finding]:
        return {(one.model, one.diagnosis): one for one in self.checkup.findings()}

    def evidence(self, name: str) -> Evidence:
        snapshot = self.experiment.snapshot()
        rows = {curve: self.history.values(model, curve) for model, curve in self.history.curves}
        return Evidence(name, snapshot, self.experiment.config, snapshot.step, rows, self.classifier)

    def cure(self, finding: Finding) -> None:
        """Change what the remedy changes, while training goes on."""
        assert finding.remedy is not None
        config = self.experiment.config.with_(**finding.remedy.changes)
        assert self.experiment.accepts_live(config)
        self.experiment.change(config)


@pytest.fixture(scope="module")
def run(digits: Dataset) -> Callable[..., Run]:
    return lambda **changes: Run(Experiment(TINY.with_(**changes), digits))


# Provoked


def test_a_learning_rate_that_is_too_high(run, digits):
    sick = run(models=("aae",), learning_rate=0.3).train(150)
    assert list(sick.findings) == [("aae", "learning_rate")], "and none of its consequences"
    finding = sick.findings["aae", "learning_rate"]
    assert all(sign.speaks() for sign in finding.signs)
    assert not finding.remedy.restarts
    cured = Run(Experiment(sick.experiment.config.with_(**finding.remedy.changes), digits)).train(200)
    assert not cured.findings


def test_posterior_collapse_and_that_its_remedy_helps(run):
    sick = run(models=("vae",), **{"vae.beta": 100.0}).train(300)
    assert list(sick.findings) == [("vae", "posterior_collapse")]
    finding = sick.findings["vae", "posterior_collapse"]
    assert finding.remedy.changes == {"vae.beta": 1.0}
    sick.cure(finding)
    sick.train(250, every=50)
    assert sick.findings, "it stays until there are figures of steps since the change"
    sick.train(250, every=50)
    assert not sick.findings


def test_codes_that_explode_and_a_discriminator_that_is_too_slow(run):
    sick = run(models=("aae",), learning_rate=0.003, **{"aae.discriminator_rate": 0.01}).train(400)
    assert list(sick.findings) == [("aae", "exploding_codes")]
    sick.train(300, every=50)
    assert list(sick.findings) == [("aae", "blind_discriminator")], "which explains them"
    finding = sick.findings["aae", "blind_discriminator"]
    assert finding.remedy.changes == {"aae.discriminator_rate": 0.5}
    sick.cure(finding)
    sick.train(800, every=100)
    assert "blind_discriminator" not in {diagnosis for _, diagnosis in sick.findings}


def test_a_saturated_discriminator_and_mode_collapse(run, digits_classifier):
    sick = run(models=("gan",), batch_size=16, **{"gan.r1": 0.0, "gan.discriminator_steps": 10})
    sick.classifier = digits_classifier
    sick.train(200)
    assert list(sick.findings) == [("gan", "saturated_discriminator")]
    wanted = {"gan.r1": 1.0, "gan.discriminator_steps": 1}
    assert sick.findings["gan", "saturated_discriminator"].remedy.changes == wanted
    sick.train(100)
    assert ("gan", "mode_collapse") in sick.examine(Checkup())


def test_overfitting(digits):
    few = copy.copy(digits)
    few.train = digits.train.first(64)
    sick = Run(Experiment(TINY.with_(models=("ae", "vae"), latent_size=8, learning_rate=0.003), few))
    sick.train(500)
    assert ("ae", "overfitting") in sick.findings
    assert sick.findings["ae", "overfitting"].remedy.changes == {"hidden": (16,)}


# Healthy

# True of healthy models too.
TRUE = {("ae", "holes"), ("aae", "equilibrium"), ("gan", "equilibrium")}


def alarms(healthy: Run, steps: int, every: int = 50) -> set[tuple[str, str]]:
    """What came at any time, but for what is true of healthy models."""
    found = set()
    for _ in range(steps // every):
        healthy.train(every)
        found |= set(healthy.findings)
    return found - TRUE


@pytest.mark.parametrize("seed", [0, 1])
def test_no_alarm_on_small_healthy_models_and_what_is_true_of_them_is_said(run, digits_classifier, seed):
    healthy = run(models=("ae", "vae", "gan", "aae"), seed=seed, learning_rate=0.002)
    healthy.classifier = digits_classifier
    assert not alarms(healthy, 900, every=75)
    assert {("ae", "holes"), ("aae", "equilibrium")} <= set(healthy.findings)
    assert healthy.findings["aae", "equilibrium"].severity == "good"
    holes = healthy.findings["ae", "holes"]
    assert holes.remedy is None, "the AAE is beside it"
    alone = replace(healthy.evidence("ae"), config=TINY.with_(models=("ae",)))
    remedy = healthy.checkup.diagnoses["holes"].remedy(alone)
    assert remedy.restarts
    assert remedy.changes == {"models": ("ae", "aae")}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_no_alarm_on_the_defaults(digits, digits_classifier, seed):
    config = ExperimentConfig(models=("ae", "vae", "gan", "aae"), seed=seed)
    healthy = Run(Experiment(config, digits), digits_classifier)
    assert not alarms(healthy, 2200)
    assert {("aae", "equilibrium"), ("gan", "equilibrium")} <= set(healthy.findings)


def test_the_remedy_looks_at_the_rate_that_holds(run):
    """One that has fallen below the limit is not what is wrong now."""
    evidence = run(models=("ae",)).evidence("ae")
    rates = {"learning_rate": 2 * HIGH_RATE, "rate_decay": 100.0}
    evidence = replace(evidence, config=evidence.config.with_(**rates))
    for step, changes in ((0, {"learning_rate": 2 * HIGH_RATE / 10}), (100, {})):
        then = replace(evidence, snapshot=replace(evidence.snapshot, step=step))
        assert lowered_rate(then) == pytest.approx(changes)


# Evidence


@pytest.fixture(scope="module")
def measured(run, digits_classifier) -> Run:
    known = run(models=("ae", "vae", "gan"))
    known.classifier = digits_classifier
    return known.train(60)


def test_nats_per_axis_are_those_of_torch_distributions(measured):
    evidence = measured.evidence("vae")
    mean, log_variance = evidence.frozen.posterior(evidence._test_images)
    q = Normal(torch.tensor(mean).double(), torch.tensor(log_variance).double().div(2).exp())
    mixed = Normal(q.mean.mean(dim=0), (q.variance.mean(dim=0) + q.mean.var(dim=0, correction=0)).sqrt())
    expected = kl_divergence(q, mixed).mean(dim=0)
    np.testing.assert_allclose(evidence.nats_per_axis, expected.numpy(), rtol=1e-6, atol=1e-9)
    assert measured.evidence("ae").nats_per_axis is None


def test_errors_are_means_over_pixels(measured, digits):
    evidence = measured.evidence("ae")
    for split, error in ((digits.test, evidence.test_error), (digits.train, evidence.train_error)):
        images = digits.to_unit(split.images[:SIZE]).astype(np.float64)
        total = 0.0
        for image in images:
            rebuilt = evidence.frozen.decode(evidence.frozen.encode(image[None]))[0]
            total += ((rebuilt - image) ** 2).sum() / image.size
        assert error == pytest.approx(total / len(images), rel=1e-5)
    mean = digits.to_unit(digits.train.images[:SIZE]).mean(axis=0)
    test = digits.to_unit(digits.test.images[:SIZE])
    assert evidence.mean_image_error == pytest.approx(float(((test - mean) ** 2).mean()), rel=1e-5)


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_the_distance_from_the_prior_is_the_one_that_a_lane_shows(measured, name):
    evidence = measured.evidence(name)
    assert evidence.distance_to_prior == evidence.snapshot.figures(name).sw1_to_prior


def test_class_entropy_is_that_of_the_shares(measured, digits_classifier):
    evidence = measured.evidence("gan")
    images = evidence.frozen.decode(*evidence.frozen.draw(SIZE))
    named = digits_classifier(torch.from_numpy(images)).argmax(dim=1).tolist()
    entropy = 0.0
    for place in range(10):
        share = named.count(place) / len(named)
        entropy -= share * math.log(share) / math.log(10) if share else 0.0
    assert evidence.class_entropy == pytest.approx(entropy, abs=1e-9)
    assert replace(evidence, classifier=None).class_entropy is None


def test_what_the_discriminator_says_is_a_mean_over_steps(measured):
    evidence = replace(
        measured.evidence("gan"), curves={"d_real": np.array([0.5, 0.9]), "d_fake": np.ones(4)}
    )
    assert evidence.discriminator_gap == pytest.approx(-0.3)
    assert evidence.discriminator_offset == pytest.approx(0.5)
    assert not evidence.has("d_real", "generator")


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model_can_be_examined_and_every_remedy_is_a_configuration(run, digits_classifier, name):
    known = run(models=(name,))
    known.classifier = digits_classifier
    evidence = known.train(3).evidence(name)
    for diagnosis in known.checkup.diagnoses.values():
        for sign in diagnosis.signs(evidence):
            assert math.isfinite(sign.value)
            assert sign.limit > 0
        if diagnosis.signs(evidence) and (remedy := diagnosis.remedy(evidence)) is not None:
            config = known.experiment.config.with_(**remedy.changes)
            assert remedy.restarts or known.experiment.accepts_live(config)


# Limits and remedies


@given(st.floats(0.001, 100), st.booleans())
def test_a_sign_that_stands_is_given_some_ease(limit, below):
    def speaks(share: float, standing: bool) -> bool:
        return Sign("", limit * share, limit, below).speaks(standing)

    inside, just, far = (0.99, MARGIN * 0.99, MARGIN * 1.01) if below else (1.01, 0.81, 0.79)
    assert speaks(inside, False)
    assert speaks(inside, True)
    assert not speaks(just, False)
    assert speaks(just, True)
    assert not speaks(far, True)


def test_a_remedy_goes_back_to_the_default_first_and_then_beyond(run):
    def moved(**options: float) -> Evidence:
        return run(models=("aae",), **{f"aae.{key}": value for key, value in options.items()}).evidence("aae")

    assert eased(moved(r1=0.0), "r1", 10) == {"aae.r1": 0.1}
    assert eased(moved(), "r1", 10) == {"aae.r1": 1.0}
    assert eased(moved(r1=100.0), "r1", 10) == {}, "no farther than the option goes"
    assert eased(moved(r1=5.0), "r1", 0.1) == {"aae.r1": 0.1}
    assert eased(moved(), "beta", 2) == {}
    assert restored(moved(r1=0.0, discriminator_steps=1), r1="below", discriminator_steps="above") == {
        "aae.r1": 0.1
    }


# The course of a diagnosis


class Scripted(Diagnosis):
    """Holds where the script says so."""

    title, summary, patience = "Scripted", "Because.", 0

    def __init__(self) -> None:
        self.value: float | None = 0.0

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        return () if self.value is None else (Sign("value", self.value, 1.0),)


@pytest.fixture
def scripted(measured) -> Callable[..., bool]:
    """Examine at a step with a value; whether the diagnosis stands."""
    checkup, diagnosis = Checkup(), Scripted()
    checkup.diagnoses = {"scripted": diagnosis}
    snapshot, config = measured.experiment.snapshot(), measured.experiment.config

    def examine(step: int, value: float | None, **changes: object) -> bool:
        diagnosis.value = value
        now = replace(snapshot, step=step)
        checkup.examine("ae", now, measured.history, config.with_(**changes))
        return bool(checkup.findings())

    examine.diagnosis = diagnosis
    return examine


def test_what_holds_at_first_sight_stands_at_once(scripted):
    assert scripted(100, 2.0)


def test_an_examination_that_came_too_early_is_none(scripted):
    scripted.diagnosis.patience = 300
    assert not scripted(290, 2.0)
    assert not scripted(310, None), "the classifier is not trained yet"
    assert scripted(310, 2.0), "nothing more may come, where training stands still"


def test_it_comes_and_goes_when_it_held_for_a_while(scripted):
    assert not scripted(100, 0.0)
    assert not scripted(110, 2.0)
    assert not scripted(110 + HOLD - 1, 2.0)
    assert scripted(110 + HOLD, 2.0)
    assert scripted(300, 0.9), "within the margin"
    assert scripted(300 + HOLD, 0.9)
    assert scripted(500, 0.0)
    assert scripted(500 + HOLD - 1, 0.0)
    assert not scripted(500 + HOLD, 0.0)


def test_a_single_outlier_changes_nothing(scripted):
    assert not scripted(100, 0.0)
    for turn, step in enumerate(range(110, 1000, 20)):
        assert not scripted(step, 2.0 * (turn % 2))


def test_after_a_change_of_options_what_stands_waits_for_new_figures(scripted):
    scripted.diagnosis.patience = 200
    assert scripted(300, 2.0)
    assert scripted(400, 0.0, seed=7)
    assert scripted(400 + 190, 0.0, seed=7)
    assert scripted(400 + 200, 0.0, seed=7), "doubted from here on"
    assert not scripted(400 + 200 + HOLD, 0.0, seed=7)


# The judge


def test_the_judge_learns_bit_by_bit_what_the_classifier_learns_at_once(digits, monkeypatch):
    monkeypatch.setattr("aae_studio.core.metrics.classifier.STEPS", 40)
    at_once = classifier_for(digits)
    judge = Judge(digits)
    before = torch.get_rng_state()
    judge.learn(1e-9)
    assert torch.equal(torch.get_rng_state(), before), "others have the global generator in between"
    assert 0 < judge.learnt < 1
    while judge.classifier is None:
        torch.rand(3)
        judge.learn(1e-9)
    assert judge.learnt == 1
    for mine, other in zip(judge.classifier.parameters(), at_once.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert judge.classifier.validation_accuracy == at_once.validation_accuracy > 0.3
