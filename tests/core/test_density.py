"""Kernel densities against loops in float64, and what tells two of them apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aae_studio.core import density


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.floats(0.05, 5), st.integers(0, 1000))
def test_a_kernel_density_is_the_mean_of_gaussians(count: int, width: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((count, 2))
    x, y = rng.standard_normal(3), rng.standard_normal(5)
    found = density.kernel_density(points, x, y, width)
    assert found.shape == (5, 3)
    assert found.dtype == np.float32
    for row, up in enumerate(y):
        for column, right in enumerate(x):
            total = sum(
                math.exp(-((right - px) ** 2 + (up - py) ** 2) / (2 * width**2)) / (2 * math.pi * width**2)
                for px, py in points
            )
            assert found[row, column] == pytest.approx(total / count, rel=1e-3, abs=1e-6 / width**2)


def test_a_density_integrates_to_one() -> None:
    points = np.random.default_rng(0).standard_normal((300, 2)) * (1, 2)
    axis = np.linspace(-12, 12, 121)
    assert density.kernel_density(points, axis, axis, 0.5).sum() * 0.2**2 == pytest.approx(1, abs=1e-3)


def test_far_away_it_is_next_to_nothing_but_not_subnormal() -> None:
    far = density.kernel_density(np.zeros((1, 2)), [1e6], [-1e6], 0.1)
    assert 0 <= far[0, 0] < 1e-30
    assert far[0, 0] >= np.finfo(np.float32).tiny


def test_scotts_rule_narrows_with_the_sixth_root() -> None:
    points = np.random.default_rng(0).standard_normal((64, 2))
    few = density.bandwidth(points)
    assert few == pytest.approx(math.sqrt(points.var(axis=0).mean()) / 2)
    assert density.bandwidth(np.tile(points, (64, 1))) == pytest.approx(few / 2)
    assert density.bandwidth(3 * points + 7) == pytest.approx(3 * few)
    assert density.bandwidth(np.zeros((5, 2))) > 0


def test_contrast_is_what_the_best_discriminator_says() -> None:
    rng = np.random.default_rng(0)
    codes, prior = rng.uniform(0.2, 1, (2, 4, 5)).astype(np.float32)
    best = prior / (prior + codes)
    np.testing.assert_allclose(density.contrast(codes, prior), 1 - 2 * best, atol=0.1)
    nothing = np.zeros_like(codes)
    assert density.contrast(codes, nothing).min() > 0.8
    assert density.contrast(nothing, prior).max() < -0.8
    assert not density.contrast(codes, codes).any()
    # Where both are next to nothing, little is said.
    codes[0, 0], prior[0, 0] = 1e-4, 0
    assert 0 < density.contrast(codes, prior)[0, 0] < 0.01
    assert not density.contrast(nothing, nothing).any()
