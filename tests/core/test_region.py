"""The region of the data's codes, against loops over all pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aae_studio.core import metrics
from aae_studio.core.region import HOLE_REACH, JUDGED, SHARE, Region, Trust, Verdict


def cloud(count: int, size: int = 2, seed: int = 0, at: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(count, size)) + at).astype(np.float32)


def kth_distance(codes: np.ndarray, code: np.ndarray, k: int, but: int | None = None) -> float:
    """The k-th smallest distance, one pair after the other."""
    distances = [
        math.dist([float(value) for value in other], [float(value) for value in code])
        for place, other in enumerate(codes)
        if place != but
    ]
    return sorted(distances)[k - 1]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 40),
    st.integers(1, 5),
    st.integers(0, 1000),
    st.integers(1, 8),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
    st.sampled_from([0.0, 300.0]),
)
def test_limit_and_strangeness_are_those_of_a_loop_over_all_pairs(count, size, seed, k, share, at):
    codes = cloud(count, size, seed, at)
    region = Region.of(codes, k, share)
    kept = min(k, count - 1)
    own = sorted(kth_distance(codes, code, kept, place) for place, code in enumerate(codes))
    # numpy's quantile by hand: linear between order statistics.
    where = share * (count - 1)
    low = own[math.floor(where)]
    expected = low + (where - math.floor(where)) * (own[math.ceil(where)] - low)
    assert region.limit == pytest.approx(expected, rel=1e-4)
    probe = cloud(1, size, seed + 1, at)[0]
    wanted = kth_distance(codes, probe, kept) / expected
    assert region.strangeness(probe) == pytest.approx(wanted, rel=1e-3)
    order = sorted(range(count), key=lambda place: kth_distance(codes[place : place + 1], probe, 1))
    assert list(region.nearest(probe, 5)) == order[:5]


@pytest.mark.parametrize("size", [1, 2, 8])
def test_new_codes_of_the_same_distribution_lie_inside_as_often_as_promised(size):
    # Over many regions, since the level of one limit is itself random.
    inside = []
    for seed in range(20):
        drawn = cloud(1100, size, seed)
        region = Region.of(drawn[:1000])
        inside += [region.strangeness(code) <= 1 for code in drawn[1000:]]
    assert np.mean(inside) == pytest.approx(SHARE, abs=0.015)


def test_the_gap_between_two_clouds_is_far_and_their_middles_are_inside():
    codes = np.concatenate([cloud(300, at=-6.0), cloud(300, seed=1, at=6.0)])
    region = Region.of(np.random.default_rng(0).permutation(codes))
    assert region.strangeness(np.zeros(2, np.float32)) > 5
    for middle in (-6.0, 6.0):
        assert region.strangeness(np.full(2, middle, np.float32)) < 0.5


def test_only_the_first_codes_are_judged_but_all_are_neighbours():
    codes = cloud(JUDGED + 200)
    stranger = codes.copy()
    stranger[JUDGED:] += 100
    assert Region.of(codes).limit < Region.of(codes[:JUDGED]).limit
    assert Region.of(stranger).limit == pytest.approx(Region.of(codes[:JUDGED]).limit)


def test_codes_that_are_all_the_same_have_only_their_own_place_inside():
    region = Region.of(np.full((10, 2), 3.0, np.float32))
    assert region.strangeness(np.full(2, 3.0, np.float32)) == 0
    assert region.strangeness(np.full(2, 3.1, np.float32)) > 1


def test_deviation_is_the_mean_of_all_axes():
    codes = cloud(500) * np.array([3.0, 1.0], np.float32)
    columns = [[float(value) for value in column] for column in codes.T]
    means = [math.fsum(column) / len(column) for column in columns]
    deviations = [
        math.sqrt(math.fsum((value - mean) ** 2 for value in column) / len(column))
        for column, mean in zip(columns, means, strict=True)
    ]
    assert Region.of(codes).deviation == pytest.approx(math.fsum(deviations) / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("strangeness", "displacement", "verdict"),
    [
        (1.0, 0.5, Verdict.INSIDE),
        (1.0, 0.51, Verdict.HOLE),
        (1.01, 0.0, Verdict.EDGE),
        (2.0, 0.5, Verdict.EDGE),
        (2.0, 0.51, Verdict.HOLE),
        (2.01, 0.0, Verdict.FAR),
        (2.01, 9.0, Verdict.FAR),
        (math.nan, 0.0, Verdict.FAR),
        (0.0, math.nan, Verdict.HOLE),
    ],
)
def test_the_verdict_trusts_only_what_is_known_to_be_sound(strangeness, displacement, verdict):
    assert Trust(strangeness, displacement).verdict is verdict


def test_a_hole_is_reached_farther_away_with_more_axes():
    # Both ends of a step of the same length along each axis.
    for axes in (1, 2, 8):
        step = math.dist([0.0] * axes, [HOLE_REACH / math.sqrt(2)] * axes)
        assert Trust(0.0, step * 0.999, axes).verdict is Verdict.INSIDE
        assert Trust(0.0, step * 1.001, axes).verdict is Verdict.HOLE


def test_a_hole_at_the_cursor_is_one_in_the_figures_too():
    assert HOLE_REACH == metrics.HOLE_REACH


def test_codes_that_have_all_become_one_overflow_nothing() -> None:
    """A learning rate far too high brings it about; warnings are errors here."""
    region = Region.of(np.zeros((50, 2), np.float32))
    assert region.strangeness(np.full(2, 1e6, np.float32)) > 1
    assert region.strangeness(np.zeros(2, np.float32)) <= 1
