"""Paths through latent spaces, against geometry that is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aae_studio.core import paths
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.experiment import Experiment

number = st.floats(-5, 5).map(lambda value: round(value, 3))


@given(st.lists(st.tuples(number, number), min_size=1, max_size=6), st.integers(2, 30))
def test_the_line_is_even_and_ends_where_it_should(pairs, count):
    start, end = np.array(pairs, np.float64).T
    found = paths.straight(start, end, count)
    for place, code in enumerate(found):
        for axis, value in enumerate(code):
            wanted = start[axis] + (end[axis] - start[axis]) * place / (count - 1)
            assert value == pytest.approx(wanted, abs=1e-5)


@settings(max_examples=60)
@given(st.integers(2, 8), st.integers(0, 10_000), st.integers(3, 20), st.sampled_from([1.0, 0.2, 3.0]))
def test_the_arc_turns_evenly_and_its_norm_changes_evenly(size, seed, count, ratio):
    random = np.random.default_rng(seed)
    start, end = random.normal(size=size), random.normal(size=size)
    end *= ratio * np.linalg.norm(start) / np.linalg.norm(end)
    arc = paths.spherical(start, end, count).astype(np.float64)
    norms = [math.hypot(*code) for code in arc]
    np.testing.assert_allclose(norms, np.linspace(norms[0], norms[-1], count), rtol=1e-5)

    def angle(a: np.ndarray, b: np.ndarray) -> float:
        return math.acos(max(-1.0, min(1.0, float(a @ b) / (math.hypot(*a) * math.hypot(*b)))))

    whole = angle(start, end)
    for place, code in enumerate(arc):
        assert angle(start, code) == pytest.approx(whole * place / (count - 1), abs=2e-3)
        assert angle(code, end) == pytest.approx(whole * (1 - place / (count - 1)), abs=2e-3)
    if ratio == 1.0 and whole > 0.05:
        # White's formula, term by term.
        share = np.linspace(0, 1, count)[:, None]
        wanted = (np.sin((1 - share) * whole) * start + np.sin(share * whole) * end) / math.sin(whole)
        np.testing.assert_allclose(arc, wanted, atol=2e-4 / math.sin(whole))


def test_opposite_codes_are_joined_by_half_a_turn_and_0_by_a_line():
    start = np.array([2.0, 0.0, 0.0])
    arc = paths.spherical(start, -start, 5)
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 2, rtol=1e-6)
    np.testing.assert_allclose(arc[[0, -1]], [start, -start], atol=1e-6)
    np.testing.assert_allclose(arc[2] @ start, 0, atol=1e-6)
    np.testing.assert_array_equal(paths.spherical(0 * start, start, 5), paths.straight(0 * start, start, 5))
    np.testing.assert_array_equal(paths.spherical([1.0], [-1.0], 4), paths.straight([1.0], [-1.0], 4))
    same = paths.spherical(start, start, 4)
    np.testing.assert_allclose(same, np.repeat(start[None], 4, axis=0), atol=1e-6)


# Decoders whose geodesics are known


def polar(codes: torch.Tensor) -> torch.Tensor:
    """Radius and angle to the plane: geodesics are the plane's straight lines."""
    radius, turn = codes[:, 0], codes[:, 1]
    return torch.stack([radius * turn.cos(), radius * turn.sin()], dim=1)


def sphere(codes: torch.Tensor) -> torch.Tensor:
    """Latitude and longitude to the unit sphere in space: geodesics are great circles."""
    north, east = codes[:, 0], codes[:, 1]
    return torch.stack([north.cos() * east.cos(), north.cos() * east.sin(), north.sin()], dim=1)


def decoded(decode, codes: np.ndarray) -> np.ndarray:
    return decode(torch.from_numpy(codes).double()).numpy()


def test_in_polar_coordinates_the_geodesic_is_the_chord():
    start, end, count = np.array([1.0, 0.2]), np.array([2.0, 1.7]), 25
    found = paths.geodesic(polar, start, end, count)
    a, b = (np.array([r * math.cos(t), r * math.sin(t)]) for r, t in (start, end))
    for place, code in enumerate(found):
        x, y = a + (b - a) * place / (count - 1)
        np.testing.assert_allclose(code, [math.hypot(x, y), math.atan2(y, x)], atol=2e-3)
    assert paths.energy(decoded(polar, found)) == pytest.approx(0.5 * math.dist(a, b) ** 2, rel=1e-4)


def test_on_the_sphere_the_geodesic_is_the_great_circle():
    start, end, count = np.array([0.9, -1.0]), np.array([0.7, 1.2]), 33
    found = decoded(sphere, paths.geodesic(sphere, start, end, count))
    ends = decoded(sphere, np.array([start, end], np.float32))
    angle = math.acos(float(ends[0] @ ends[1]))
    for place, point in enumerate(found):
        share = place / (count - 1)
        wanted = (math.sin((1 - share) * angle) * ends[0] + math.sin(share * angle) * ends[1]) / math.sin(
            angle
        )
        np.testing.assert_allclose(point, wanted, atol=4e-3)
    # The chords of an arc of `count` - 1 equal parts.
    chords = 2 * (count - 1) * math.sin(angle / (2 * (count - 1)))
    assert paths.length(found) == pytest.approx(chords, rel=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(3, 16))
def test_the_geodesic_of_any_network_has_no_more_energy_than_the_line(seed, size, count):
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(size, 12, generator=generator)
    second = torch.randn(12, 9, generator=generator)

    def decode(codes: torch.Tensor) -> torch.Tensor:
        return ((codes @ first.to(codes)).tanh() @ second.to(codes)).sigmoid()

    start, end = torch.randn(2, size, generator=generator).numpy() * 2
    line, found = paths.straight(start, end, count), paths.geodesic(decode, start, end, count)
    np.testing.assert_allclose(found[[0, -1]], [start, end], atol=1e-6)
    energies = [paths.energy(decoded(decode, codes)) for codes in (found, line)]
    assert energies[0] <= energies[1] * (1 + 1e-5)
    # Half the squared length bounds the energy from below (Cauchy and Schwarz).
    assert energies[0] >= 0.5 * paths.length(decoded(decode, found)) ** 2 * (1 - 1e-9)


def test_energy_and_length_are_sums_over_steps():
    images = np.random.default_rng(0).normal(size=(6, 1, 3, 4))
    squares, distances = 0.0, 0.0
    for before, after in pairwise(images):
        square = math.fsum(float(x) ** 2 for x in (after - before).ravel())
        squares += square
        distances += math.sqrt(square)
    assert paths.energy(images) == pytest.approx(0.5 * 5 * squares)
    assert paths.length(images) == pytest.approx(distances)


def test_a_path_from_before_is_taken_up_with_its_new_ends():
    start, end, count = np.array([1.0, 0.0]), np.array([1.0, 2.5]), 21
    before = paths.geodesic(polar, start, end, count)
    moved = start + np.array([0.05, -0.02])
    warm = paths.geodesic(polar, moved, end, count, before, iterations=6)
    whole = paths.geodesic(polar, moved, end, count, iterations=200)
    np.testing.assert_allclose(warm[[0, -1]], [moved, end], atol=1e-6)
    energies = [paths.energy(decoded(polar, codes)) for codes in (warm, whole)]
    assert energies[0] == pytest.approx(energies[1], rel=1e-3)
    # One of another length is of no use, and does no harm.
    np.testing.assert_allclose(paths.geodesic(polar, start, end, count, before[:5]), before, atol=1e-6)


def test_ends_that_are_the_same_stay_where_they_are():
    np.testing.assert_array_equal(paths.geodesic(polar, [1.0, 1.0], [1.0, 1.0], 5), np.ones((5, 2)))


def test_a_models_geodesic_changes_its_images_evenly(tmp_path):
    config = ExperimentConfig(models=("ae", "supervised_aae"), hidden=(32,), batch_size=64)
    experiment = Experiment(config, Digits(tmp_path))
    for _, _ in zip(range(60), experiment.run(), strict=False):
        pass
    snapshot = experiment.snapshot()
    for frozen in snapshot.models.values():
        start, end = frozen.encode(snapshot.probe_images[:2]) * 2
        found = paths.model_geodesic(frozen, start, end, 15, condition=3 if frozen.conditions else 0)
        line = paths.straight(start, end, 15)
        images, direct = (frozen.decode(codes, 3 if frozen.conditions else 0) for codes in (found, line))
        assert paths.energy(images) < paths.energy(direct)
        assert paths.energy(images) == pytest.approx(0.5 * paths.length(images) ** 2, rel=0.02)


# Attributes


@given(st.lists(st.tuples(st.integers(0, 3), number, number), min_size=1, max_size=30), st.integers(4, 6))
def test_class_means_are_those_of_a_loop(rows, classes):
    labels = np.array([label for label, *_ in rows])
    codes = np.array([code for _, *code in rows], np.float32)
    found = paths.class_means(codes, labels, classes)
    for label in range(classes):
        own = [code for place, *code in rows if place == label]
        if own:
            wanted = [math.fsum(column) / len(own) for column in zip(*own, strict=True)]
            np.testing.assert_allclose(found[label], wanted, atol=1e-5)
        else:
            assert np.isnan(found[label]).all()


def test_an_attribute_leads_from_one_class_to_the_other():
    codes = np.array([[0, 0], [2, 2], [10, 0], [14, 2]], np.float32)
    found = paths.attribute(codes, [0, 0, 2, 2], 2, 0)
    np.testing.assert_allclose(found, [11, 0])
    np.testing.assert_allclose(paths.attribute(codes, [0, 0, 2, 2], 0, 2), -found)
    assert np.isnan(paths.attribute(codes, [0, 0, 2, 2], 0, 1)).all()
