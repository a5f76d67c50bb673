"""What labels by hand need of an experiment, and how it comes to have that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.ids import OWN, read_labels, written_labels
from aae_studio.core.registry import MODELS, PRIORS
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset

# A prior with a component for each class, and an adversary that few labels can move.
PRIOR = "mixture"
ADVERSARY = {"aae.adversarial_weight": 0.3, "aae.discriminator_rate": 1.0, "aae.discriminator_steps": 2}


def missing(config: ExperimentConfig) -> list[str]:
    """What keeps labels from being used, in sentences."""
    sentences = []
    if "aae" not in config.models:
        sentences.append(tr("No AAE is training."))
    prior = PRIORS.get(config.prior)
    if not prior.has_parts:
        sentences.append(tr("The prior “{title}” has no parts for classes.", title=tr(prior.title)))
    if not _by_hand(config):
        sentences.append(tr("The AAE's discriminator is not told labels that are given by hand."))
    return sentences


def set_up(config: ExperimentConfig, dataset: Dataset) -> dict[str, Any]:
    """The changes after which nothing is missing; labels that were counted are kept, each by its id."""
    models = {*config.models, "aae"}
    changes: dict[str, Any] = {
        "models": tuple(name for name in MODELS.all() if name in models),
        "latent_size": max(2, config.latent_size),
        "aae.labelling": "hand",
        **{key: value for key, value in ADVERSARY.items() if key not in config.options},
    }
    if not PRIORS.get(config.prior).has_parts:
        changes["prior"] = PRIOR
    if not _by_hand(config):
        from aae_studio.core.labelling import labels_told

        counted = {"labelling": "count", "labels": config.options.get("aae.labels", 0)}
        ids = dataset.train.ids[labels_told(dataset, counted, config.seed) >= 0]
        named, classes = read_labels(str(config.options.get("aae.labelled", "")))
        both = np.concatenate([ids, named]), np.concatenate([np.full(len(ids), OWN), classes])
        changes["aae.labelled"] = written_labels(*both)
    return changes


def _by_hand(config: ExperimentConfig) -> bool:
    return config.options.get("aae.labelling", "count") == "hand"
