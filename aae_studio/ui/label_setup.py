"""What labels by hand need of an experiment, and how it comes to have that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.ids import read_ids, written_ids
from aae_studio.core.registry import MODELS, PRIORS
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Split

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


def set_up(config: ExperimentConfig, train: Split) -> dict[str, Any]:
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
        from aae_studio.core.labelling import labelled

        counted = {"labelling": "count", "labels": config.options.get("aae.labels", 0)}
        ids = train.ids[labelled(train, counted, config.seed)]
        named = read_ids(str(config.options.get("aae.labelled", "")))
        changes["aae.labelled"] = written_ids(np.union1d(ids, named))
    return changes


def _by_hand(config: ExperimentConfig) -> bool:
    return config.options.get("aae.labelling", "count") == "hand"
