"""The classifier: right often enough, the same for the same seed, and measured on what it held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from aae_studio.core import metrics
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.datasets.mnist import Mnist
from aae_studio.core.evaluation import classifier_for
from aae_studio.core.metrics import Classifier, classifier


def tensors(dataset: Dataset, split: Split) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(dataset.to_unit(split.images)), torch.from_numpy(split.labels)


def accuracy(judge: Classifier, dataset: Dataset) -> float:
    images, labels = tensors(dataset, dataset.test)
    return 1 - metrics.error_rate(judge.classify(images), labels)


def test_digits(digits: Dataset, digits_classifier: Classifier) -> None:
    assert accuracy(digits_classifier, digits) >= 0.95
    assert digits_classifier.validation_accuracy >= 0.95


@pytest.mark.long
def test_mnist(shared_data: Path) -> None:
    dataset = Mnist(shared_data)
    judge = classifier_for(dataset)
    assert accuracy(judge, dataset) >= 0.97
    assert judge.validation_accuracy == pytest.approx(accuracy(judge, dataset), abs=0.01)


def test_what_it_gives(digits: Dataset, digits_classifier: Classifier) -> None:
    images, _ = tensors(digits, digits.test)
    features = digits_classifier.features(images)
    assert features.shape == (360, 64)
    assert features.min() >= 0
    # Classes follow from the features, and neither depends on how many are asked for at once.
    logits = digits_classifier.head(features)
    assert torch.equal(logits.argmax(dim=1), digits_classifier.classify(images))
    torch.testing.assert_close(digits_classifier.features(images[5:6]), features[5:6])
    assert not any(weight.requires_grad for weight in digits_classifier.parameters())
    many = images.repeat(4, 1, 1, 1)
    assert torch.equal(digits_classifier.classify(many)[1080:], digits_classifier.classify(images))


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 30, 30), (3, 64, 64)])
def test_shapes(shape: tuple[int, int, int]) -> None:
    judge = Classifier(shape, 7).eval()
    assert judge(torch.rand(2, *shape)).shape == (2, 7)
    assert judge.features(torch.rand(2, *shape)).shape == (2, 64)


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "STEPS", 25)


def weights(judge: Classifier) -> Tensor:
    return torch.cat([weight.flatten() for weight in judge.parameters()])


@pytest.mark.usefixtures("briefly")
def test_a_seed_fixes_it_and_nothing_else_is_touched(digits: Dataset) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = weights(classifier_for(digits, seed=3))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(weights(classifier_for(digits, seed=3)), first)
    assert not torch.equal(weights(classifier_for(digits, seed=4)), first)


@pytest.mark.usefixtures("briefly")
def test_what_is_held_out_does_not_train(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = tensors(digits, digits.train)
    used: list[Tensor] = []
    draw = classifier._batches

    def watched(places: Tensor, generator: torch.Generator):
        used.append(places)
        return draw(places, generator)

    monkeypatch.setattr(classifier, "_batches", watched)
    plain = metrics.train_classifier(images, labels, 10)
    held_out = np.setdiff1d(np.arange(len(images)), used[0].numpy())
    assert len(held_out) == 143
    other_images, other_labels = images.clone(), labels.clone()
    other_images[held_out] = 0.5
    other_labels[held_out] = 9 - other_labels[held_out]
    spoilt = metrics.train_classifier(other_images, other_labels, 10)
    assert torch.equal(weights(spoilt), weights(plain))
    assert spoilt.validation_accuracy < plain.validation_accuracy
    right = plain.classify(images[held_out]) == labels[held_out]
    assert plain.validation_accuracy == pytest.approx(float(right.float().mean()))
