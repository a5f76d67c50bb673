"""Figures against brute force in numpy."""

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


def slow_knn(codes: Array, labels: npt.NDArray[np.int64], neighbours: int) -> float:
    right = 0
    for i, code in enumerate(codes):
        distances = ((codes - code) ** 2).sum(axis=1)
        distances[i] = np.inf
        votes = np.bincount(labels[np.argsort(distances, kind="stable")[:neighbours]])
        right += int(np.argmax(votes) == labels[i])
    return right / len(codes)


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(2, 60),
    size=st.integers(1, 5),
    classes=st.integers(1, 10),
    neighbours=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_knn_accuracy_is_brute_force(count: int, size: int, classes: int, neighbours: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, count)
    codes = normal(count, size, seed).numpy() + labels[:, None].astype(np.float32)
    wanted = slow_knn(codes.astype(np.float64), labels, min(neighbours, count - 1))
    given_ = metrics.knn_accuracy(torch.from_numpy(codes), torch.from_numpy(labels), neighbours)
    assert given_ == pytest.approx(wanted)


def test_knn_accuracy_of_known_pictures() -> None:
    labels = torch.arange(300) % 3
    apart = normal(300, 2, 0) + 50.0 * labels[:, None]
    assert metrics.knn_accuracy(apart, labels) == 1.0
    mixed = metrics.knn_accuracy(normal(3000, 2, 0), torch.arange(3000) % 3)
    assert mixed == pytest.approx(1 / 3, abs=0.05)
    # Leave-one-out: a code's own label does not count.
    line = torch.arange(10, dtype=torch.float32)[:, None]
    assert metrics.knn_accuracy(line, torch.arange(10) % 2, neighbours=1) == 0.0


def test_knn_accuracy_of_far_codes() -> None:
    labels = np.random.default_rng(0).integers(0, 5, 300)
    codes = normal(300, 2, 0, shift=3000.0).numpy() + labels[:, None].astype(np.float32)
    wanted = slow_knn(codes.astype(np.float64), labels, 10)
    given_ = metrics.knn_accuracy(torch.from_numpy(codes), torch.from_numpy(labels))
    assert given_ == pytest.approx(wanted, abs=0.01)


def test_mean_squared_error() -> None:
    left, right = torch.zeros(3, 1, 2, 2), torch.zeros(3, 1, 2, 2)
    right[0, 0, 0, 0] = 0.6
    right[2, 0, 1, 1] = 0.3
    assert metrics.mean_squared_error(left, right) == pytest.approx((0.36 + 0.09) / 12)
    assert metrics.mean_squared_error(torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)) == 1.0
