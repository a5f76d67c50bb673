"""Likelihoods against double loops, torch.distributions and a model whose log p(x) is known."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from aae_studio.core import metrics
from aae_studio.core.priors.gaussian import Gaussian

Array = npt.NDArray[np.float64]


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape, np.float32))


def normal(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


# Reconstruction


def test_mean_squared_error() -> None:
    left, right = torch.zeros(3, 1, 2, 2), torch.zeros(3, 1, 2, 2)
    right[0, 0, 0, 0] = 0.6
    right[2, 0, 1, 1] = 0.3
    assert metrics.mean_squared_error(left, right) == pytest.approx((0.36 + 0.09) / 12)
    assert metrics.mean_squared_error(torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)) == 1.0


def test_nats_are_the_sum_over_pixels_and_the_mean_over_images() -> None:
    logits, images = 3 * normal((5, 1, 3, 4), 0), random((5, 1, 3, 4), 1)
    wanted = 0.0
    for logit, x in zip(logits.double().flatten().tolist(), images.double().flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        wanted -= (x * math.log(p) + (1 - x) * math.log(1 - p)) / 5
    assert metrics.reconstruction_nats(logits, images) == pytest.approx(wanted, rel=1e-5)
    each = metrics.bernoulli_log_likelihood(logits, images)
    assert each.shape == (5,)
    assert -float(each.mean()) == pytest.approx(wanted, rel=1e-5)
    probabilities = metrics.logits_of(logits.sigmoid())
    assert metrics.reconstruction_nats(probabilities, images) == pytest.approx(wanted, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_nats_are_never_below_the_images_own_entropy(seed: int) -> None:
    images = random((4, 1, 3, 3), seed)
    x = images.double().numpy()
    entropy = -(x * np.log(x) + (1 - x) * np.log(1 - x)).sum() / 4
    assert metrics.reconstruction_nats(normal((4, 1, 3, 3), seed + 1), images) >= entropy
    assert metrics.reconstruction_nats(metrics.logits_of(images), images) == pytest.approx(entropy, rel=1e-4)


def test_what_was_rounded_to_0_or_1_stays_finite() -> None:
    logits = metrics.logits_of(torch.tensor([0.0, 1e-30, 0.5, 1.0]))
    assert torch.isfinite(logits).all()
    assert logits.tolist() == pytest.approx([-87.34, math.log(1e-30), 0.0, 16.64], abs=0.01)


def test_gaussian_log_likelihood() -> None:
    means, images = random((6, 3, 2, 2), 0), random((6, 3, 2, 2), 1)
    wanted = Independent(Normal(means.double(), 0.25), 3).log_prob(images.double())
    found = metrics.gaussian_log_likelihood(means, images, 0.25)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-4)


# Parzen windows


def slow_parzen(samples: Array, points: Array, sigma: float) -> list[float]:
    size = samples.shape[1]
    logs = []
    for x in points:
        exponents = [-sum((a - b) ** 2 for a, b in zip(x, s, strict=True)) / (2 * sigma**2) for s in samples]
        top = max(exponents)
        total = top + math.log(sum(math.exp(value - top) for value in exponents))
        logs.append(total - math.log(len(samples)) - size / 2 * math.log(2 * math.pi * sigma**2))
    return logs


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.floats(0.1, 3), st.integers(0, 1000))
def test_parzen_is_the_double_sum(n: int, m: int, size: int, sigma: float, seed: int) -> None:
    samples, points = normal((m, size), seed), normal((n, size), seed + 1)
    wanted = slow_parzen(samples.double().numpy(), points.double().numpy(), sigma)
    assert metrics.parzen_log_densities(samples, points, sigma).tolist() == pytest.approx(
        wanted, rel=1e-3, abs=1e-3
    )
    value = metrics.parzen_log_likelihood(samples, points, sigma)
    assert value == pytest.approx(np.mean(wanted), rel=1e-3, abs=1e-3)
    again = metrics.parzen_log_likelihood(samples.flip(0) + 7, points.flip(0) + 7, sigma)
    assert again == pytest.approx(value, rel=1e-3, abs=1e-3)


def test_parzen_takes_images_and_nears_the_density() -> None:
    images = random((9, 1, 2, 3), 0)
    flat = metrics.parzen_log_likelihood(images.flatten(1), images[:4].flatten(1), 0.3)
    assert metrics.parzen_log_likelihood(images, images[:4], 0.3) == flat
    # Of N(0, 1) with windows of 0.1: the density of N(0, 1 + 0.01).
    found = metrics.parzen_log_densities(normal((40_000, 1), 0), torch.tensor([[0.0], [1.0]]), 0.1)
    wanted = Normal(0.0, math.sqrt(1.01)).log_prob(torch.tensor([0.0, 1.0]))
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), atol=0.03)


def test_the_sigma_of_the_highest_validation_likelihood_is_taken() -> None:
    samples, validation = 0.3 * normal((80, 4), 0), 0.3 * normal((60, 4), 1)
    sigmas = (0.02, 0.1, 0.2, 0.5, 2.0)
    slow = [np.mean(slow_parzen(samples.double().numpy(), validation.double().numpy(), s)) for s in sigmas]
    best = sigmas[int(np.argmax(slow))]
    assert best not in (sigmas[0], sigmas[-1])
    assert metrics.parzen_sigma(samples, validation, sigmas) == best


# KL divergence and active units


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_kl_per_dimension(sigma: float) -> None:
    mean, log_variance = normal((50, 3), 0), normal((50, 3), 1)
    posterior = Normal(mean.double(), (0.5 * log_variance.double()).exp())
    wanted = kl_divergence(posterior, Normal(torch.zeros(3, dtype=torch.float64), sigma)).mean(dim=0)
    found = metrics.kl_per_dimension(mean, log_variance, sigma)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5)
    whole = Gaussian(3, sigma).kl_from_gaussian(mean, log_variance).mean()
    assert float(found.sum()) == pytest.approx(float(whole), rel=1e-5)
    nothing = torch.full((4, 3), 2 * math.log(sigma))
    np.testing.assert_allclose(metrics.kl_per_dimension(torch.zeros(4, 3), nothing, sigma), 0, atol=1e-6)


def test_active_units() -> None:
    mean = normal((400, 4), 0)
    mean = (mean - mean.mean(dim=0)) / mean.std(dim=0) * torch.tensor([1.0, 0.11, 0.09, 0.0]) + 3
    assert metrics.active_units(mean) == 2
    assert metrics.active_units(5 * mean, sigma=5.0) == 2
    assert metrics.active_units(mean, threshold=0.001) == 3
    assert metrics.active_units(mean.flip(0).flip(1)) == 2


# Bounds, for p(z) = N(0, I) and p(x|z) = N(Wz + b, s²I), whose log p(x) is N(x; b, WWᵀ + s²I)

W = torch.tensor([[1.0, 0.5], [-0.5, 1.0], [1.0, 0.5], [0.5, -1.0]])  # orthogonal columns
B, S = torch.tensor([0.3, -1.0, 0.0, 2.0]), 0.7
IMAGES = B + normal((6, 2), 0) @ W.T + S * normal((6, 4), 1)


def log_likelihood(codes: Tensor) -> Tensor:
    return Normal(codes @ W.T + B, S).log_prob(IMAGES).sum(dim=1)


def log_prior(codes: Tensor) -> Tensor:
    return Normal(0.0, 1.0).log_prob(codes).sum(dim=1)


def evidence() -> Tensor:
    covariance = (W @ W.T + S**2 * torch.eye(4)).double()
    return MultivariateNormal(B.double(), covariance).log_prob(IMAGES.double())


def true_posterior() -> tuple[Tensor, Tensor]:
    """Mean and log-variance; the columns of W make it diagonal."""
    precision = (W.T @ W / S**2 + torch.eye(2)).double()
    mean = torch.linalg.solve(precision, (W.T.double() @ (IMAGES - B).double().T) / S**2).T
    return mean, -precision.diagonal().log().expand(len(IMAGES), 2)


def weights(mean: Tensor, log_variance: Tensor, count: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return metrics.log_weights(mean.float(), log_variance.float(), log_likelihood, log_prior, count, draw)


def test_with_the_true_posterior_every_weight_is_the_evidence() -> None:
    found = weights(*true_posterior(), count=7)
    assert found.shape == (7, 6)
    np.testing.assert_allclose(found.numpy(), evidence().expand(7, 6).numpy(), atol=1e-4)
    wanted = float(evidence().mean())
    assert metrics.evidence_lower_bound(found) == pytest.approx(wanted, abs=1e-4)
    assert metrics.importance_weighted_bound(found) == pytest.approx(wanted, abs=1e-4)


def test_the_elbo_falls_short_by_the_divergence_from_the_true_posterior() -> None:
    mean, log_variance = true_posterior()
    rough = mean + 0.3, log_variance + 0.5
    gap = kl_divergence(
        Normal(rough[0], (0.5 * rough[1]).exp()), Normal(mean, (0.5 * log_variance).exp())
    ).sum(dim=1)
    found = weights(*rough, count=4000)
    wanted = float((evidence() - gap).mean())
    assert float(gap.mean()) > 0.2
    assert metrics.evidence_lower_bound(found) == pytest.approx(wanted, abs=0.03)
    # Many weights close the gap that one leaves.
    assert metrics.importance_weighted_bound(found) == pytest.approx(float(evidence().mean()), abs=0.03)


def test_more_weights_lie_nearer_to_the_evidence() -> None:
    mean, log_variance = true_posterior()
    bounds = [
        np.mean(
            [
                metrics.importance_weighted_bound(weights(mean + 0.4, log_variance + 0.5, k, seed))
                for seed in range(1000 // k)
            ]
        )
        for k in (1, 5, 50)
    ]
    assert bounds == sorted(bounds)
    assert bounds[1] - bounds[0] > 0.1
    assert bounds[2] < float(evidence().mean()) + 0.02


def test_one_weight_gives_the_elbo() -> None:
    mean, log_variance = true_posterior()
    one = weights(mean + 1, log_variance, 1)
    assert metrics.importance_weighted_bound(one) == pytest.approx(
        metrics.evidence_lower_bound(one), abs=1e-5
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 10), st.floats(-1e3, 1e3), st.integers(0, 1000))
def test_bounds_of_any_weights(count: int, images: int, shift: float, seed: int) -> None:
    some = 10 * normal((count, images), seed)
    elbo, bound = metrics.evidence_lower_bound(some), metrics.importance_weighted_bound(some)
    assert bound >= elbo - 1e-4
    slow = np.mean([np.log(np.mean(np.exp(column))) for column in some.double().numpy().T])
    assert bound == pytest.approx(slow, abs=1e-3)
    assert metrics.importance_weighted_bound(some.flip(0).flip(1)) == pytest.approx(bound, abs=1e-3)
    assert metrics.importance_weighted_bound(some + shift) == pytest.approx(bound + shift, abs=1e-2)
