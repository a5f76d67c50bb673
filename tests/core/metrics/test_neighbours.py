"""Nearest neighbours of codes and features, against brute force in numpy and what is known of them."""

from __future__ import annotations

import subprocess
import sys

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


def normal(count: int, size: int, seed: int, shift: float = 0.0) -> Tensor:
    values = np.random.default_rng(seed).standard_normal((count, size))
    return torch.from_numpy((shift + values).astype(np.float32))


# Votes


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


@pytest.mark.parametrize("block", [1, 500])
def test_knn_accuracy_does_not_depend_on_how_pairs_are_cut(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    labels = torch.arange(120) % 4
    codes = normal(120, 2, 0) + labels[:, None]
    whole = metrics.knn_accuracy(codes, labels)
    assert 0.3 < whole < 0.99
    monkeypatch.setattr(distances, "BLOCK", block)
    assert metrics.knn_accuracy(codes, labels) == whole


# Manifolds


def distance(a: Array, b: Array) -> float:
    return float(np.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True))))


def slow_radii(features: Array, k: int) -> list[float]:
    """Distance of each to its k-th nearest other one."""
    return [
        sorted(distance(a, b) for j, b in enumerate(features) if j != i)[k - 1]
        for i, a in enumerate(features)
    ]


def slow_precision(real: Array, generated: Array, k: int) -> float:
    radii = slow_radii(real, k)
    inside = [any(distance(y, x) <= r for x, r in zip(real, radii, strict=True)) for y in generated]
    return sum(inside) / len(generated)


def slow_coverage(real: Array, generated: Array, k: int) -> float:
    radii = slow_radii(real, k)
    reached = [any(distance(y, x) <= r for y in generated) for x, r in zip(real, radii, strict=True)]
    return sum(reached) / len(real)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(8, 30),
    m=st.integers(8, 30),
    axes=st.integers(1, 5),
    k=st.integers(1, 6),
    shift=st.floats(0, 3),
    seed=st.integers(0, 1000),
)
def test_manifolds_are_brute_force(n: int, m: int, axes: int, k: int, shift: float, seed: int) -> None:
    real, generated = normal(n, axes, seed), normal(m, axes, seed + 1, shift)
    x, y = real.double().numpy(), generated.double().numpy()
    assert metrics.precision(real, generated, k) == pytest.approx(slow_precision(x, y, k))
    assert metrics.recall(real, generated, k) == pytest.approx(slow_precision(y, x, k))
    assert metrics.coverage(real, generated, k) == pytest.approx(slow_coverage(x, y, k))


def test_the_papers_numbers_of_neighbours_are_the_defaults() -> None:
    real, generated = normal(60, 3, 0), normal(50, 3, 1, 1.0)
    x, y = real.double().numpy(), generated.double().numpy()
    assert metrics.precision(real, generated) == pytest.approx(slow_precision(x, y, 3))
    assert metrics.recall(real, generated) == pytest.approx(slow_precision(y, x, 3))
    assert metrics.coverage(real, generated) == pytest.approx(slow_coverage(x, y, 5))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-50, 50), st.floats(0.01, 100), st.sampled_from([1, 64, 1 << 18]))
def test_what_does_not_change_a_manifold(seed: int, shift: float, scale: float, block: int) -> None:
    real, generated = normal(40, 3, seed), normal(30, 3, seed + 1, 0.7)
    for figure in (metrics.precision, metrics.recall, metrics.coverage):
        value = figure(real, generated)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(distances, "BLOCK", block)
            assert figure(real, generated) == value
        assert figure(real.flip(0), generated.flip(0)) == value
        # Rounding may move one that lies on a ball's edge.
        assert figure(scale * (real + shift), scale * (generated + shift)) == pytest.approx(value, abs=0.04)


@pytest.mark.parametrize("axes", [1, 2, 16])
@pytest.mark.parametrize("k", [1, 5])
def test_coverage_of_one_distribution_is_known_in_any_number_of_axes(axes: int, k: int) -> None:
    """Naeem et al., lemma 2: 1 - Π (n - i) / (n + m - i), i = 1…k."""
    n, m = 300, 200
    missed = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    values = [metrics.coverage(normal(n, axes, 2 * i), normal(m, axes, 2 * i + 1), k) for i in range(60)]
    assert np.mean(values) == pytest.approx(1 - missed, abs=4 * np.std(values) / np.sqrt(60))


def test_manifolds_of_known_pictures() -> None:
    real = normal(300, 2, 0)
    for figure in (metrics.precision, metrics.recall, metrics.coverage):
        assert figure(real, real) == 1.0
        assert figure(real, real + 100.0) == 0.0
    # All generated images one and the same real-looking one: right, and not diverse.
    one = torch.zeros(300, 2)
    assert metrics.precision(real, one) == 1.0
    assert metrics.recall(real, one) == 0.0
    assert metrics.coverage(real, one) < 0.1
    # One outlier among the generated ones: their manifold then reaches everywhere, coverage does not.
    few = torch.cat([normal(4, 2, 1, shift=50.0), torch.full((1, 2), -500.0)])
    assert metrics.recall(real, few) == 1.0
    assert metrics.coverage(real, few) == 0.0


def test_a_ball_without_size_holds_its_own_center() -> None:
    """Many equal images: the balls are closed."""
    points = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [-2.0, -2.0]])
    real = points.repeat(10, 1)
    for figure in (metrics.precision, metrics.recall, metrics.coverage):
        assert figure(real, real) == 1.0


MEMORY = """
import torch
from aae_studio.core import metrics
torch.set_num_threads(1)
x, y, labels = torch.randn(10_000, 64), torch.randn(10_000, 64), torch.randint(10, (10_000,))
def all_of(x, y, labels):
    metrics.precision(x, y), metrics.coverage(x, y), metrics.knn_accuracy(x, labels)
    metrics.parzen_log_likelihood(x, y, 1.0)
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
all_of(x[:200], y[:200], labels[:200])
before = peak()
all_of(x, y, labels)
print(peak() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_thousand_against_ten_thousand_need_little_memory() -> None:
    """All distances would be 381 MiB. VmHWM, because `ru_maxrss` begins with this process's own peak; several
    runs, because memory that blocks leave in pieces grows in some runs and not in others."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
        assert 1 < float(done.stdout) < 100
