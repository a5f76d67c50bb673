"""Evaluations: which figures a model has, and that they are what they say."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from aae_studio.core import evaluation, metrics
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.evaluation import FIGURES, Meaning, evaluate
from aae_studio.core.metrics import Classifier
from aae_studio.core.snapshot import Snapshot

CODES = {
    "recon_mse",
    "recon_nats",
    "mmd_to_prior",
    "sw1_to_prior",
    "code_mean",
    "code_std_least",
    "code_std_greatest",
    "knn_accuracy",
    "hole_fraction",
}
GENERATED = {"class_entropy", "smallest_class", "precision", "recall", "coverage"}
BOUNDS = {"kl", "active_units", "elbo", "importance_weighted_bound"}
CLASSES = {"class_error"}
EVERYONE = ("ae", "vae", "gan", "aae")


@pytest.fixture(scope="module")
def snapshot(build) -> Snapshot:
    experiment = build(models=EVERYONE)
    list(islice(experiment.run(), 60))
    return experiment.snapshot()


def measured(snapshot: Snapshot, name: str, *words: object, **named: object) -> dict[str, float]:
    return evaluate(snapshot.models[name], snapshot.prior, snapshot.dataset, *words, **named)


def test_every_figure_is_in_the_table() -> None:
    assert set(FIGURES) == CODES | CLASSES | GENERATED | BOUNDS
    for meaning in FIGURES.values():
        assert meaning.unit
        assert meaning.ideal
        assert meaning.source
        assert (meaning.floor is None) == (meaning.live_floor is None)


@pytest.mark.parametrize("name", EVERYONE)
def test_a_model_has_the_figures_that_exist_for_it(
    snapshot: Snapshot, digits_classifier: Classifier, name: str
) -> None:
    wanted = (set() if name == "gan" else CODES) | (BOUNDS if name == "vae" else set())
    assert set(measured(snapshot, name, size=60)) == wanted
    figures = measured(snapshot, name, digits_classifier, size=60)
    assert set(figures) == wanted | GENERATED
    assert all(type(value) is float and math.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("name", ["semi_supervised_aae", "clustering_aae", "reduction_aae"])
def test_a_model_that_finds_classes_is_judged_by_them(build, name: str) -> None:
    snapshot = build(models=(name,)).snapshot()
    figures = measured(snapshot, name)
    assert set(figures) == CODES | CLASSES
    assert figures["class_error"] == snapshot.figures(name, size=None).class_error


@pytest.mark.parametrize("prior", ["gaussian", "ring", "uniform"])
def test_bounds_exist_where_the_priors_density_is_positive(build, prior: str) -> None:
    snapshot = build(models=("aae",), prior=prior, **{"aae.posterior": "gaussian"}).snapshot()
    figures = measured(snapshot, "aae", size=40)
    assert set(figures) == CODES | (set() if prior == "uniform" else BOUNDS)
    assert all(map(math.isfinite, figures.values()))


def test_figures_of_codes(snapshot: Snapshot, digits: Dataset) -> None:
    frozen, images = snapshot.models["aae"], digits.to_unit(digits.test.images)
    codes = frozen.encode(images)
    x, p = images.astype(np.float64), frozen.decode(codes).astype(np.float64)
    figures = measured(snapshot, "aae")
    assert figures["recon_mse"] == pytest.approx(((x - p) ** 2).mean(), rel=1e-5)
    nats = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum() / len(x)
    assert figures["recon_nats"] == pytest.approx(nats, rel=1e-4)
    live = snapshot.figures("aae", size=None)
    assert figures["knn_accuracy"] == pytest.approx(live.knn_accuracy, abs=0.006)
    assert figures["code_mean"] == pytest.approx(live.code_mean)
    assert figures["code_std_least"] == pytest.approx(live.code_std_least)
    # Other samples of the prior, and more of them.
    assert figures["mmd_to_prior"] == pytest.approx(live.mmd_to_prior, abs=0.02)
    assert figures["sw1_to_prior"] == pytest.approx(live.sw1_to_prior, abs=0.15)
    wide = snapshot.prior.sample(20_000, torch.Generator().manual_seed(9)).numpy()
    back = frozen.encode(frozen.decode(wide))
    holes = (np.linalg.norm(back - wide, axis=1) > 0.5).mean()
    assert figures["hole_fraction"] == pytest.approx(holes, abs=0.03)


def test_figures_of_generated_images(snapshot: Snapshot, digits_classifier: Classifier) -> None:
    figures = measured(snapshot, "gan", digits_classifier)
    wide = snapshot.prior.sample(20_000, torch.Generator().manual_seed(9)).numpy()
    images = torch.from_numpy(snapshot.models["gan"].decode(wide))
    shares = np.bincount(digits_classifier.classify(images), minlength=10) / len(wide)
    entropy = -sum(share * math.log(share) for share in shares if share) / math.log(10)
    assert figures["class_entropy"] == pytest.approx(entropy, abs=0.03)
    assert figures["smallest_class"] == pytest.approx(shares.min(), abs=0.01)


@pytest.mark.parametrize("reconstruction", ["mse", "bernoulli"])
def test_bounds(build, digits: Dataset, reconstruction: str) -> None:
    """KL in closed form, and the ELBO as reconstruction minus KL with many codes an image."""
    experiment = build(models=("vae",), reconstruction=reconstruction, **{"vae.pixel_sigma": 0.4})
    list(islice(experiment.run(), 60))
    snapshot = experiment.snapshot()
    frozen, images = snapshot.models["vae"], digits.to_unit(digits.test.images[:50])
    figures = measured(snapshot, "vae", size=50)
    mean, log_variance = (torch.from_numpy(part).double() for part in frozen.posterior(images))
    posterior = Normal(mean, (0.5 * log_variance).exp())
    kl = float(kl_divergence(posterior, Normal(0.0, 1.0)).sum(dim=1).mean())
    assert figures["kl"] == pytest.approx(kl, rel=1e-4)
    torch.manual_seed(0)
    x, likelihoods, weights = images.astype(np.float64), [], []
    for _ in range(20 * evaluation.IMPORTANCE_SAMPLES):
        codes = posterior.sample()
        p = frozen.decode(codes.numpy()).astype(np.float64)
        if reconstruction == "mse":
            each = -((x - p) ** 2) / (2 * 0.16) - 0.5 * math.log(2 * math.pi * 0.16)
        else:
            each = x * np.log(p) + (1 - x) * np.log(1 - p)
        likelihoods.append(each.sum(axis=(1, 2, 3)))
        densities = Normal(0.0, 1.0).log_prob(codes) - posterior.log_prob(codes)
        weights.append(likelihoods[-1] + densities.sum(dim=1).numpy())
    # Each group of codes is what an evaluation draws: how far groups differ is how far it may.
    groups = np.stack(weights).reshape(20, evaluation.IMPORTANCE_SAMPLES, len(x))
    likelihood = np.stack(likelihoods).reshape(groups.shape).mean(axis=(1, 2))
    top = groups.max()
    bounds = (np.log(np.exp(groups - top).mean(axis=1)) + top).mean(axis=1)
    for name, values in (("elbo", likelihood - kl), ("importance_weighted_bound", bounds)):
        spread = values.std(ddof=1)
        assert spread < 0.5
        assert abs(figures[name] - values.mean()) < 4 * spread, name
    assert figures["elbo"] < figures["importance_weighted_bound"]
    assert figures["active_units"] == sum(mean.numpy().var(axis=0, ddof=1) > 0.01)


def test_bounds_of_a_model_that_is_told_the_class_are_told_it(build, digits: Dataset) -> None:
    experiment = build(
        models=("supervised_aae",), reconstruction="bernoulli", **{"supervised_aae.posterior": "gaussian"}
    )
    list(islice(experiment.run(), 150))
    snapshot = experiment.snapshot()
    frozen, test = snapshot.models["supervised_aae"], digits.test.first(100)
    x = digits.to_unit(test.images).astype(np.float64)
    mean, log_variance = frozen.posterior(digits.to_unit(test.images))
    draw, likelihoods = np.random.default_rng(0), []
    for _ in range(evaluation.IMPORTANCE_SAMPLES):
        codes = mean + np.exp(log_variance / 2) * draw.standard_normal(mean.shape)
        # One image at a time, each with its own class.
        pairs = zip(codes, test.labels, strict=True)
        p = np.concatenate([frozen.decode(code[None], int(label)) for code, label in pairs])
        p = p.astype(np.float64)
        likelihoods.append((x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2, 3)).mean())
    figures = measured(snapshot, "supervised_aae", size=100)
    assert figures["elbo"] == pytest.approx(np.mean(likelihoods) - figures["kl"], abs=0.3)


def test_kl_without_a_closed_form_is_sampled(build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Gaussian prior, once as it is and once as if its closed form were not known."""
    snapshot = build(models=("vae",)).snapshot()
    closed = measured(snapshot, "vae")
    monkeypatch.setattr(type(snapshot.prior), "kl_from_gaussian", lambda *_: None)
    sampled = measured(snapshot, "vae")
    assert sampled["kl"] == pytest.approx(closed["kl"], abs=0.03)


def test_a_seed_fixes_an_evaluation(snapshot: Snapshot, digits_classifier: Classifier) -> None:
    first = measured(snapshot, "vae", digits_classifier, size=80)
    torch.manual_seed(7)
    assert measured(snapshot, "vae", digits_classifier, size=80) == first
    other = measured(snapshot, "vae", digits_classifier, size=80, seed=1)
    for name in ("recon_mse", "recon_nats", "kl"):
        assert other[name] == first[name], name
    # Samples of the prior, of directions and of the posterior.
    codes = ("mmd_to_prior", "sw1_to_prior", "code_mean", "code_std_least", "code_std_greatest")
    for name in (*codes, "class_entropy", "elbo", "importance_weighted_bound"):
        assert other[name] != first[name], name


def test_codes_are_shuffled_before_they_are_compared(
    snapshot: Snapshot, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test split in the order of its classes: the codes that are compared are of all of them."""
    order = np.argsort(digits.test.labels, kind="stable")

    class Sorted(Dataset):
        def __init__(self) -> None:
            self.test = Split(*(column[order] for column in vars(digits.test).values()))
            self.levels = digits.levels

    compared = []
    monkeypatch.setattr(evaluation, "PAIRED_SIZE", 100)
    monkeypatch.setattr(metrics, "knn_accuracy", lambda codes, labels: compared.append(labels) or 0.0)
    evaluate(snapshot.models["ae"], snapshot.prior, Sorted())
    assert len(compared[0]) == 100
    assert len(compared[0].unique()) == 10


FLOORS = [(name, meaning) for name, meaning in FIGURES.items() if meaning.live_floor is not None]
IMAGES = {"precision", "recall", "coverage"}


@pytest.mark.parametrize(("name", "meaning"), [pair for pair in FLOORS if pair[0] not in IMAGES])
def test_noise_floors(name: str, meaning: Meaning) -> None:
    """Of 40 pairs of 1 000, about two lie beyond the floor: more than 8, or none near it, contradict it."""
    draw = torch.Generator().manual_seed(11)
    values = []
    for _ in range(40):
        x, y = torch.randn(1000, 2, generator=draw), torch.randn(1000, 2, generator=draw)
        labels = torch.randint(10, (1000,), generator=draw)
        values.append(
            {
                "mmd_to_prior": lambda x=x, y=y: metrics.mmd2(x, y),
                "sw1_to_prior": lambda x=x, y=y: metrics.sliced_wasserstein1(x, y, generator=draw),
                "code_mean": lambda x=x: metrics.moments(x).mean,
                "code_std_least": lambda x=x: metrics.moments(x).std_least,
                "code_std_greatest": lambda x=x: metrics.moments(x).std_greatest,
                "knn_accuracy": lambda x=x, labels=labels: metrics.knn_accuracy(x, labels),
                "class_entropy": lambda labels=labels: metrics.class_entropy(labels, 10),
                "smallest_class": lambda labels=labels: metrics.smallest_share(labels, 10),
            }[name]()
        )
    floor = meaning.live_floor
    assert floor is not None
    sign = 1 if np.median(values) < floor else -1
    beyond = sum(sign * value > sign * floor for value in values)
    assert beyond <= 8
    ordered = sorted(sign * value for value in values)
    # The tenth from the top is on the near side, by no more than the spread of all.
    assert sign * floor - ordered[-10] < ordered[-1] - ordered[0]
