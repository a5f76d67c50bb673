"""Shares of classes, names of clusters and holes, against counting."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from aae_studio.core import metrics

lists = st.lists(st.integers(0, 5), min_size=1, max_size=40)


def test_shares_of_known_classes() -> None:
    equal = torch.arange(100) % 10
    assert metrics.class_entropy(equal, 10) == pytest.approx(1)
    assert metrics.smallest_share(equal, 10) == pytest.approx(0.1)
    one = torch.full((50,), 3)
    assert metrics.class_entropy(one, 10) == 0
    assert metrics.smallest_share(one, 10) == 0
    # Half of the classes, equally: log 5 / log 10. What is never made still counts.
    half = torch.arange(100) % 5
    assert metrics.class_entropy(half, 10) == pytest.approx(math.log(5) / math.log(10))
    assert metrics.smallest_share(half, 10) == 0
    assert metrics.smallest_share(torch.tensor([0, 0, 0, 1]), 2) == 0.25


@settings(max_examples=50, deadline=None)
@given(lists, st.integers(6, 12))
def test_shares_are_counts(values: list[int], classes: int) -> None:
    predicted = torch.tensor(values)
    counts = Counter(values)
    shares = [counts[place] / len(values) for place in range(classes)]
    entropy = -sum(share * math.log(share) for share in shares if share) / math.log(classes)
    assert metrics.class_entropy(predicted, classes) == pytest.approx(entropy, abs=1e-9)
    assert metrics.smallest_share(predicted, classes) == pytest.approx(min(shares))
    assert metrics.class_entropy(predicted.flip(0), classes) == pytest.approx(entropy, abs=1e-9)
    # Other names for the classes change nothing.
    assert metrics.class_entropy(classes - 1 - predicted, classes) == pytest.approx(entropy, abs=1e-9)


def test_error_rate() -> None:
    assert metrics.error_rate(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2])) == 0.25


def cluster_error(
    clusters: torch.Tensor, labels: torch.Tensor, confidence: torch.Tensor | None = None
) -> float:
    """The error when each cluster answers with the class that it is named after."""
    return metrics.error_rate(metrics.cluster_names(clusters, labels, confidence)[clusters], labels)


def slow_cluster_error(clusters: list[int], labels: list[int]) -> float:
    wrong = 0
    for cluster in set(clusters):
        members = Counter(label for own, label in zip(clusters, labels, strict=True) if own == cluster)
        wrong += sum(members.values()) - max(members.values())
    return wrong / len(labels)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5)), min_size=1, max_size=40))
def test_majorities_are_counts(pairs: list[tuple[int, int]]) -> None:
    clusters, labels = (list(column) for column in zip(*pairs, strict=True))
    found = cluster_error(torch.tensor(clusters), torch.tensor(labels))
    assert found == pytest.approx(slow_cluster_error(clusters, labels))
    order = list(reversed(range(len(pairs))))
    turned = cluster_error(torch.tensor(clusters)[order], torch.tensor(labels)[order])
    assert turned == pytest.approx(found)
    assert cluster_error(7 - torch.tensor(clusters), torch.tensor(labels)) == pytest.approx(found)


def test_an_empty_cluster_has_no_name_and_a_tie_takes_the_smaller() -> None:
    names = metrics.cluster_names(torch.tensor([0, 0, 2, 2, 2]), torch.tensor([4, 1, 3, 3, 0]))
    assert names.tolist() == [1, -1, 3]
    names = metrics.cluster_names(torch.tensor([0]), torch.tensor([4]), count=3)
    assert names.tolist() == [4, -1, -1]


def test_the_most_confident_example_names_the_cluster() -> None:
    """Cluster 0 has two members of class 1 and one of class 2; the surest of it is the one of class 2."""
    clusters, labels = torch.tensor([0, 0, 0, 1]), torch.tensor([1, 1, 2, 3])
    confidence = torch.tensor([[0.6, 0.4], [0.7, 0.3], [0.9, 0.1], [0.2, 0.8]])
    assert metrics.cluster_names(clusters, labels).tolist() == [1, 3]
    assert metrics.cluster_names(clusters, labels, confidence).tolist() == [2, 3]
    assert cluster_error(clusters, labels) == 0.25
    assert cluster_error(clusters, labels, confidence) == 0.5


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 1000))
def test_the_confident_rule_is_its_sentence(count: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q = rng.dirichlet(np.ones(size), count)
    labels = rng.integers(0, 4, count)
    clusters = q.argmax(axis=1)
    wrong = 0
    for cluster, label in zip(clusters, labels, strict=True):
        best = max(range(count), key=lambda n, i=cluster: q[n, i])
        wrong += int(labels[best] != label)
    found = cluster_error(torch.tensor(clusters), torch.tensor(labels), torch.tensor(q))
    assert found == pytest.approx(wrong / count)


# Holes


def same(values: Tensor) -> Tensor:
    return values


def test_an_encoder_that_undoes_its_decoder_leaves_no_holes() -> None:
    codes = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    assert metrics.hole_fraction(lambda images: images / 2, lambda z: 2 * z, codes) == 0
    assert metrics.hole_fraction(lambda images: images * 0 + 99, same, codes) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.floats(0.1, 10), st.integers(0, 1000))
def test_holes_are_counted_in_sigmas(count: int, axes: int, sigma: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = (sigma * rng.standard_normal((count, axes))).astype(np.float32)
    moved = (sigma * rng.uniform(-0.6, 0.6, (count, axes))).astype(np.float32)
    far = sum(math.sqrt(sum(float(v) ** 2 for v in row)) > 0.5 * sigma for row in moved)
    found = metrics.hole_fraction(
        lambda images: images + torch.from_numpy(moved), same, torch.from_numpy(codes), sigma
    )
    assert found == pytest.approx(far / count)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(2, 20), st.integers(1, 9), st.integers(0, 1000))
def test_unlikeness_is_the_distance_to_the_nearest_real_image(
    count: int, real: int, pixels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    images, others = rng.random((count, 1, 1, pixels)), rng.random((real, 1, 1, pixels))
    found = metrics.unlikeness(torch.from_numpy(images), torch.from_numpy(others))
    wanted = [min(math.dist(image.ravel(), other.ravel()) for other in others) for image in images]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_usual_unlikeness_leaves_each_image_out() -> None:
    # Distances to the nearest other one: 1, 1, 2 and 10.
    real = torch.tensor([0.0, 1.0, 3.0, 13.0])[:, None]
    assert metrics.usual_unlikeness(real, 0.5) == pytest.approx(1.5)
    assert metrics.usual_unlikeness(real, 1.0) == pytest.approx(10)
