"""Repeats: what is trained and measured, what the spread says, and when a value is the best."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aae_studio.core import repeats
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import ConfigError, DataMissing, NonFinite
from aae_studio.core.evaluation import FIGURES, LIVE_SIZE, PAIRED_SIZE, chance, evaluate
from aae_studio.core.experiment import Experiment
from aae_studio.core.metrics import Classifier, classifier, classifier_training, train_classifier
from aae_studio.core.repeats import COMPARED, Judge, Measure, Progress, Run, data_of, repeat

STEPS = 3


@pytest.fixture
def judges(configure, digits_classifier: Classifier) -> dict:
    return {data_of(configure()): digits_classifier}


# Noise


def test_chance_goes_through_what_was_measured_and_falls_with_the_count() -> None:
    for name, meaning in FIGURES.items():
        if meaning.floor is None:
            assert chance(name, 100) is None
            continue
        assert chance(name, LIVE_SIZE) == pytest.approx(abs(meaning.live_floor - meaning.centre))
        assert chance(name, PAIRED_SIZE) == pytest.approx(abs(meaning.floor - meaning.centre))
        assert chance(name, 360) > chance(name, 1000) > chance(name, 2000) > chance(name, 10_000) > 0


def test_chance_is_about_what_two_samples_of_the_prior_differ_by() -> None:
    from aae_studio.core import metrics

    draw = torch.Generator().manual_seed(3)
    apart = [
        metrics.mmd2(torch.randn(360, 2, generator=draw), torch.randn(360, 2, generator=draw))
        for _ in range(30)
    ]
    limit = chance("mmd_to_prior", 360)
    assert sum(distance > limit for distance in apart) <= 6
    assert max(apart) > limit / 3


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_the_noise_of_a_share_holds_in_95_of_100(share: float) -> None:
    drawn = np.random.default_rng(0).binomial(200, share, 4000) / 200
    inside = np.mean([abs(p - share) <= repeats.share_noise(p, 200) + 1 / 200 for p in drawn])
    assert 0.94 <= inside <= 0.999
    assert repeats.share_noise(0.0, 1000) > 0


def test_the_noise_of_a_mean_holds_in_95_of_100() -> None:
    values = np.random.default_rng(0).gamma(2.0, 3.0, (2000, 50))
    inside = np.mean([abs(row.mean() - 6.0) <= repeats.mean_noise(row) for row in values])
    assert inside == pytest.approx(0.94, abs=0.02)


def test_students_quantiles_hold_95_of_100() -> None:
    for freedom, quantile in enumerate(repeats.STUDENT, start=1):
        x = np.linspace(0, quantile, 20_001)
        scale = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)
        density = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
        within = 2 * float(((density[1:] + density[:-1]) / 2).sum() * (x[1] - x[0]))
        assert within == pytest.approx(0.95, abs=0.001)


# Spread and best


def run_of(config, **values: float) -> Run:
    measures = {name: Measure(value, 0.1) for name, value in values.items()}
    return Run(config, STEPS, {"ae": measures})


def test_the_spread_is_mean_and_deviation_over_the_runs_that_were_trained(configure) -> None:
    values = [0.1, 0.4, 0.35, 0.9, 0.2]
    runs = [run_of(configure(), recon_mse=value, recall=0.5) for value in values]
    runs.insert(2, Run(configure(), STEPS, fault=NonFinite("ae", "reconstruction", 1, "a loss")))
    found = repeats.spread(runs)["ae"]
    assert list(found) == ["recon_mse", "recall"]
    measure = found["recon_mse"]
    assert measure.value == pytest.approx(np.mean(values))
    assert measure.deviation == pytest.approx(np.std(values, ddof=1))
    assert measure.noise == pytest.approx(2.776 * np.std(values, ddof=1) / np.sqrt(5), rel=2e-3)
    assert measure.count == 5
    assert (found["recall"].deviation, found["recall"].noise) == (0, 0)


def test_one_run_has_no_spread_and_none_have_no_figures(configure) -> None:
    run = run_of(configure(), recon_mse=0.3)
    assert repeats.spread([run]) == {"ae": {"recon_mse": Measure(0.3, 0.1)}}
    assert repeats.spread([]) == {}


# Not of 1e-252, whose squares are 0, and noises that no two figures differ by exactly: there two ways to
# compute a root need not agree.
measures = st.builds(
    Measure,
    st.integers(-2000, 2000).map(lambda count: count / 1000),
    st.integers(0, 1000).map(lambda count: count / 1000 * math.pi / 4),
)


@given(st.lists(measures, max_size=5), st.sampled_from(["recon_mse", "recall"]))
def test_the_best_is_better_than_every_other_by_more_than_both_noises(found, figure) -> None:
    better = []
    for place, mine in enumerate(found):
        gains = [
            (mine.value - other.value) * (1 if figure == "recall" else -1)
            for at, other in enumerate(found)
            if at != place
        ]
        noises = [(mine.noise**2 + o.noise**2) ** 0.5 for at, o in enumerate(found) if at != place]
        if gains and all(gain > noise for gain, noise in zip(gains, noises, strict=True)):
            better.append(place)
    assert repeats.best(figure, dict(enumerate(found))) == (better[0] if better else None)


# Training


def test_a_run_is_what_training_by_hand_gives(configure, digits: Dataset, judges) -> None:
    config = configure(models=("vae", "gan"))
    *_, run = repeat([config], STEPS, Path(), judges)
    experiment = Experiment(config, digits)
    list(islice(experiment.run(), STEPS))
    snapshot = experiment.snapshot()
    np.testing.assert_array_equal(run.codes["vae"], snapshot.models["vae"].encode(snapshot.probe_images))
    np.testing.assert_array_equal(run.labels, digits.probe.labels)
    assert set(run.codes) == {"vae"}
    assert run.extent == experiment.prior.extent
    judge = next(iter(judges.values()))
    figures = evaluate(snapshot.models["vae"], snapshot.prior, digits, judge, LIVE_SIZE, config.seed)
    assert set(run.measures["vae"]) == set(COMPARED)
    for name, measure in run.measures["vae"].items():
        assert measure.value == figures[name]
    assert set(run.measures["gan"]) == {"precision", "recall", "coverage"}
    images = digits.to_unit(digits.test.images).astype(np.float64)
    rebuilt = snapshot.models["vae"].reconstruct(images, digits.test.labels)
    errors = [((a - b) ** 2).mean() for a, b in zip(images, rebuilt, strict=True)]
    expected = 1.96 * np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert run.measures["vae"]["recon_mse"].noise == pytest.approx(expected, rel=1e-4)


def test_every_step_of_every_seed_can_be_left(configure, judges) -> None:
    configs = repeats.with_seeds(configure(models=("ae",), seed=2**31 - 1), 2)
    assert [config.seed for config in configs] == [2**31 - 1, 0]
    events = list(repeat(configs, STEPS, Path(), judges))
    told = [(e.place, e.step) for e in events if isinstance(e, Progress)]
    assert list(dict.fromkeys(told)) == [(run, step) for run in (0, 1) for step in range(STEPS + 1)]
    first, second = (event for event in events if isinstance(event, Run))
    assert first.config == configs[0]
    assert not np.array_equal(first.codes["ae"], second.codes["ae"])
    left = repeat(configs, 10**9, Path(), judges)
    assert [event.step for event in islice(left, 5)] == [0, 1, 2, 3, 4]
    left.close()
    assert list(left) == []


def test_what_cannot_be_trained_says_why_and_the_next_one_follows(configure, judges, tmp_path) -> None:
    good = configure(models=("ae",))
    configs = [
        good.with_(models=("vae",), learning_rate=1e4),
        good.with_(batch_size=60_000),
        good.with_(dataset="mnist"),
        good.with_(**{"ae.nothing": 1}),
        good,
    ]
    runs = [event for event in repeat(configs, 60, tmp_path, judges) if isinstance(event, Run)]
    assert [run.config for run in runs] == configs
    kinds = [type(run.fault) for run in runs]
    assert kinds[:3] == [NonFinite, ConfigError, DataMissing]
    assert runs[3].fault is not None
    assert runs[4].fault is None
    assert not runs[0].measures


def test_the_classifier_is_trained_once_for_the_same_data(configure, monkeypatch) -> None:
    monkeypatch.setattr(classifier, "STEPS", 4)
    monkeypatch.setattr(repeats, "STEPS", 4)
    configs = repeats.with_seeds(configure(models=("ae",)), 2)
    events = list(repeat(configs, 1, Path()))
    found = [event for event in events if isinstance(event, Judge)]
    assert [event.data for event in found] == [data_of(configs[0])]
    judging = [event.step for event in events if isinstance(event, Progress) and event.judging]
    assert judging == [0, 1, 2, 3, 4]
    alone = list(repeats.judge_of(configs[0], Path()))[-1].classifier
    assert torch.equal(alone.head[1].weight, found[0].classifier.head[1].weight)


def test_the_classifiers_training_leaves_the_callers_random_numbers(digits: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(classifier, "STEPS", 5)
    images = torch.from_numpy(digits.to_unit(digits.train.images))
    labels = torch.from_numpy(digits.train.labels)
    whole = train_classifier(images, labels, 10, seed=3)
    torch.manual_seed(11)
    expected = torch.rand(7)
    torch.manual_seed(11)
    steps = [(trained, torch.rand(1)) for trained in classifier_training(images, labels, 10, seed=3)]
    trained, drawn = steps[-1][0], [number for _, number in steps]
    assert torch.equal(torch.cat(drawn)[:6], expected[:6])
    for mine, other in zip(whole.parameters(), trained.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert not trained.training
