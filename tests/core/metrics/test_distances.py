"""Distances between codes and the prior, against brute force in numpy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from aae_studio.core import metrics
from aae_studio.core.metrics import distances

Array = npt.NDArray[np.float64]


def normal(count: int, size: int, seed: int, shift: float = 0.0, spread: float = 1.0) -> Tensor:
    values = np.random.default_rng(seed).standard_normal((count, size))
    return torch.from_numpy((shift + spread * values).astype(np.float32))


def slow_mmd2(x: Array, y: Array, sigma: float, bandwidths: tuple[float, ...]) -> float:
    def kernel(a: Array, b: Array) -> float:
        gap = sum((float(p) - float(q)) ** 2 for p, q in zip(a, b, strict=True))
        width = sigma * math.sqrt(len(a) / 2)
        return sum(math.exp(-gap / (2 * (h * width) ** 2)) for h in bandwidths) / len(bandwidths)

    n, m = len(x), len(y)
    total = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                total += kernel(x[i], x[j]) / (n * (n - 1))
        for j in range(m):
            total -= 2 * kernel(x[i], y[j]) / (n * m)
    for i in range(m):
        for j in range(m):
            if i != j:
                total += kernel(y[i], y[j]) / (m * (m - 1))
    return total


@pytest.mark.parametrize(("n", "m", "size", "sigma"), [(30, 40, 2, 1.0), (40, 33, 1, 2.5), (50, 30, 8, 0.3)])
def test_mmd2_is_the_double_sum(n: int, m: int, size: int, sigma: float) -> None:
    x, y = normal(n, size, 0, spread=sigma), normal(m, size, 1, shift=0.5 * sigma, spread=1.4 * sigma)
    wanted = slow_mmd2(x.numpy(), y.numpy(), sigma, metrics.BANDWIDTHS)
    assert metrics.mmd2(x, y, sigma) == pytest.approx(wanted, abs=2e-5)
    chosen = (0.4, 3.0)
    wanted = slow_mmd2(x.numpy(), y.numpy(), sigma, chosen)
    assert metrics.mmd2(x, y, sigma, chosen) == pytest.approx(wanted, abs=2e-5)


def test_mmd2_sees_a_difference_in_many_axes() -> None:
    same = metrics.mmd2(normal(500, 64, 0), normal(500, 64, 1))
    other = metrics.mmd2(normal(500, 64, 0, spread=3.0), normal(500, 64, 1))
    assert abs(same) < 0.005
    assert other > 0.05


def test_mmd2_of_far_codes() -> None:
    """Codes of a plain autoencoder may lie far out: rounding must not make pairs look apart."""
    x, y = normal(60, 2, 0, shift=2000.0), normal(60, 2, 1, shift=2000.0)
    wanted = slow_mmd2(x.numpy(), y.numpy(), 1.0, metrics.BANDWIDTHS)
    assert metrics.mmd2(x, y) == pytest.approx(wanted, abs=1e-3)


def test_mmd2_has_no_bias() -> None:
    """Of two samples of one distribution it is 0 in the mean; a biased estimate would be 0.04 here."""
    values = [metrics.mmd2(normal(25, 2, 2 * i), normal(25, 2, 2 * i + 1)) for i in range(400)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert error < 0.002
    assert min(values) < 0


def test_mmd2_of_a_thousand_stays_small_and_grows_with_distance() -> None:
    reference = normal(1000, 2, 0)
    assert abs(metrics.mmd2(normal(1000, 2, 1), reference)) < 0.003
    shifted = [metrics.mmd2(normal(1000, 2, 1, shift=shift), reference) for shift in (0.3, 1.0, 100.0)]
    assert shifted == sorted(shifted)
    assert shifted[0] > 0.003
    assert shifted[-1] < 2
    point = torch.zeros(1000, 2)
    assert metrics.mmd2(point, reference) > 0.5


def test_mmd2_is_symmetric_and_in_units_of_sigma() -> None:
    x, y = normal(80, 3, 0), normal(90, 3, 1, shift=0.7)
    assert metrics.mmd2(x, y) == pytest.approx(metrics.mmd2(y, x), abs=1e-6)
    assert metrics.mmd2(x, y) == pytest.approx(metrics.mmd2(5 * x, 5 * y, 5.0), abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 1000), st.floats(-50, 50), st.floats(0.01, 100))
def test_what_does_not_change_mmd2(n: int, m: int, seed: int, shift: float, scale: float) -> None:
    x, y = normal(n, 3, seed), normal(m, 3, seed + 1, shift=0.5)
    value = metrics.mmd2(x, y)
    assert metrics.mmd2(x.flip(0), y.flip(0)) == pytest.approx(value, abs=1e-5)
    assert metrics.mmd2(x + shift, y + shift) == pytest.approx(value, abs=1e-3)
    assert metrics.mmd2(scale * x, scale * y, scale) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("block", [1, 100, 1 << 30])
def test_mmd2_does_not_depend_on_how_pairs_are_cut(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    x, y = normal(70, 3, 0), normal(41, 3, 1, shift=0.5)
    whole = metrics.mmd2(x, y)
    monkeypatch.setattr(distances, "BLOCK", block)
    assert metrics.mmd2(x, y) == pytest.approx(whole, abs=1e-6)


# Sliced Wasserstein-1


def slow_wasserstein1(x: Array, y: Array) -> float:
    """W1 on a line: every point split into as many as the other sample has, matched in order."""
    return float(np.abs(np.repeat(np.sort(x), len(y)) - np.repeat(np.sort(y), len(x))).mean())


samples = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=25)


@settings(max_examples=100, deadline=None)
@given(samples, samples, st.floats(0.1, 10))
def test_on_a_line_it_is_exact(first: list[float], second: list[float], sigma: float) -> None:
    x, y = np.array(first), np.array(second)
    found = metrics.sliced_wasserstein1(
        torch.tensor(first)[:, None], torch.tensor(second)[:, None], sigma, directions=1
    )
    assert found == pytest.approx(slow_wasserstein1(x, y) / sigma, rel=1e-4, abs=1e-4 / sigma)


@pytest.mark.parametrize(("n", "m", "axes"), [(40, 40, 2), (30, 47, 3), (5, 64, 8)])
def test_it_is_the_mean_over_directions(n: int, m: int, axes: int) -> None:
    x, y = normal(n, axes, 0), normal(m, axes, 1, shift=0.3, spread=1.7)
    found = metrics.sliced_wasserstein1(x, y, 2.0, 20, torch.Generator().manual_seed(5))
    wanted = 0.0
    for direction in torch.randn(20, axes, generator=torch.Generator().manual_seed(5)).double().numpy():
        unit = direction / math.sqrt(sum(value**2 for value in direction))
        wanted += slow_wasserstein1(x.double().numpy() @ unit, y.double().numpy() @ unit) / 20
    assert found == pytest.approx(wanted / 2.0, rel=1e-4)


@pytest.mark.parametrize("axes", [2, 3, 10])
def test_of_a_shifted_sample_it_is_the_mean_length_of_the_shifts_shadow(axes: int) -> None:
    """|v| E|cos| over uniform directions; 2/π |v| in the plane."""
    x, shift = normal(50, axes, 0), normal(1, axes, 1)
    share = math.gamma(axes / 2) / (math.sqrt(math.pi) * math.gamma((axes + 1) / 2))
    found = metrics.sliced_wasserstein1(
        x, x + shift, directions=20_000, generator=torch.Generator().manual_seed(0)
    )
    assert found == pytest.approx(share * float(shift.norm()), rel=0.02)


def test_of_two_gaussians_on_a_line_it_is_the_difference_of_their_deviations() -> None:
    """W1(N(0, a²), N(0, b²)) = |a - b| √(2/π)."""
    x, y = normal(40_000, 1, 0), normal(40_000, 1, 1, spread=3.0)
    assert metrics.sliced_wasserstein1(x, y) == pytest.approx(2 * math.sqrt(2 / math.pi), rel=0.02)


@settings(max_examples=25, deadline=None)
@given(
    axes=st.integers(1, 6),
    n=st.integers(1, 40),
    m=st.integers(1, 40),
    seed=st.integers(0, 1000),
    shift=st.floats(-1000, 1000),
    scale=st.floats(0.01, 100),
)
def test_what_does_not_change_a_sliced_distance(
    axes: int, n: int, m: int, seed: int, shift: float, scale: float
) -> None:
    def measured(a: Tensor, b: Tensor, sigma: float = 1.0) -> float:
        return metrics.sliced_wasserstein1(a, b, sigma, 8, torch.Generator().manual_seed(seed))

    x, y = normal(n, axes, seed), normal(m, axes, seed + 1, shift=0.5)
    value = measured(x, y)
    assert value >= 0
    assert measured(y, x) == pytest.approx(value, rel=1e-4)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    assert measured(x[order], y) == pytest.approx(value, rel=1e-4)
    assert measured(scale * x, scale * y, scale) == pytest.approx(value, rel=1e-3)
    assert measured(x + shift, y + shift) == pytest.approx(value, rel=1e-3, abs=1e-3)
    # A sample is as far from itself as nothing, also when each point is there three times.
    assert measured(x, x.repeat(3, 1)) == pytest.approx(0, abs=1e-6)


def test_a_sliced_distance_falls_with_the_square_root_of_the_size() -> None:
    small, large = (
        np.mean(
            [metrics.sliced_wasserstein1(normal(n, 2, 2 * i), normal(n, 2, 2 * i + 1)) for i in range(20)]
        )
        for n in (250, 4000)
    )
    assert small / large == pytest.approx(4, rel=0.25)


# Moments


@pytest.mark.parametrize("sigma", [1.0, 5.0])
def test_moments(sigma: float) -> None:
    codes = normal(200, 4, 0) * torch.tensor([1.0, 2.0, 0.5, 1.0]) + torch.tensor([0.0, 0.3, -4.0, 1.0])
    array = codes.double().numpy()
    mean, least, greatest = metrics.moments(codes, sigma)
    assert mean == pytest.approx(abs(array[:, 2].sum() / 200) / sigma, rel=1e-5)
    deviations = [math.sqrt(((column - column.mean()) ** 2).sum() / 199) / sigma for column in array.T]
    assert least == pytest.approx(min(deviations), rel=1e-5)
    assert greatest == pytest.approx(max(deviations), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 30), st.integers(1, 5), st.floats(0.01, 100))
def test_what_does_not_change_moments(seed: int, count: int, axes: int, scale: float) -> None:
    codes = normal(count, axes, seed, shift=0.5)
    plain = metrics.moments(codes)
    assert metrics.moments(scale * codes, scale) == pytest.approx(plain, rel=1e-3, abs=1e-6)
    assert metrics.moments(codes.flip(0).flip(1)) == pytest.approx(plain, rel=1e-4, abs=1e-6)
    assert metrics.moments(-codes) == pytest.approx(plain)
