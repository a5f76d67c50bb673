"""Measures of the long bars, small and for an epoch: each gives the figures that its limits ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.reproduction import measures
from aae_studio.core.reproduction.bar import Bar
from aae_studio.core.reproduction.bars import BARS
from aae_studio.core.reproduction.laboratory import Laboratory

SMALL = ExperimentConfig(dataset="digits", hidden=(16,), batch_size=128, precision="float32")
MEASURES = {
    "aae-long-15": measures.long_run(2),
    "aae-swiss-roll": measures.informed("swiss_roll", 1),
    "gan": measures.adversarial_network,
    "parzen": measures.parzen,
    "semi-supervised-100": measures.semi_supervised(100),
    "clustering-30": measures.clustering(30),
    "dimensionality-reduction": measures.reduction,
}


@pytest.fixture
def lab(monkeypatch, digits, digits_classifier) -> Laboratory:
    """Every measure on the digits, so small and so short that it takes a moment."""
    monkeypatch.setattr(measures, "PROTOCOL", SMALL)
    monkeypatch.setattr(measures, "CATEGORICAL", SMALL.with_(latent_size=4))
    for name in (
        "GAN_EPOCHS",
        "PARZEN_EPOCHS",
        "SEMI_SUPERVISED_EPOCHS",
        "REDUCTION_EPOCHS",
    ):
        monkeypatch.setattr(measures, name, 1)
    monkeypatch.setattr(measures, "CLUSTERING_EPOCHS", {2: 1, 30: 1})
    lab = Laboratory(0, Path())
    vars(lab)["classifier"] = digits_classifier
    return lab


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_gives_a_number_for_every_limit_of_its_bar(lab: Laboratory, name: str) -> None:
    bar: Bar = BARS[name]
    figures = MEASURES[name](lab)
    for limit in bar.limits:
        assert torch.isfinite(torch.tensor(figures[limit.figure])), limit.figure


def test_a_cluster_is_named_by_the_training_image_that_is_surest_of_it(lab: Laboratory, monkeypatch) -> None:
    """Section 6 of the paper: argmax over n of q(y_i|x_n), whichever cluster holds that image."""
    naming = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.55, 0.45]]), torch.tensor([3, 7, 5])
    judged = torch.tensor([[0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.7, 0.3]]), torch.tensor([7, 5, 3, 3])
    found = iter([naming, judged])
    monkeypatch.setattr(measures, "_found", lambda *_: next(found))
    figures = measures.clustering(2)(lab)
    # Cluster 0 is 7, cluster 1 is 5 although no training image belongs to it: the third and fourth are wrong.
    assert figures["error"] == pytest.approx(0.5)
    # By majority of three classes with one image each the smallest one names cluster 0, nothing cluster 1.
    assert figures["error_by_majority"] == pytest.approx(0.75)
