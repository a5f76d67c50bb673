"""Unsupervised clustering with an adversarial autoencoder (Makhzani et al., arXiv 1511.05644, section 6)."""

from __future__ import annotations

from typing import Any

from aae_studio.core.models._categorical import CATEGORICAL_OPTIONS, CategoricalAutoencoding
from aae_studio.core.models.base import Setting
from aae_studio.core.options import Option


class ClusteringAdversarialAutoencoder(CategoricalAutoencoding):
    """The categories are clusters that the model finds by itself; nobody tells it a label."""

    title = "Clustering AAE"
    short = "C-AAE"
    summary = "clusters + style"
    color = "model-clustering-aae"
    order = 80
    finds = "clusters"
    options = (
        *CATEGORICAL_OPTIONS,
        Option("clusters", "Clusters", 16, "Categories of the code y.", minimum=2, maximum=128),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        count = option["clusters"]
        super().__init__(setting, categories=count, told=count, **option)
        self.conditions = tuple(str(place + 1) for place in range(count))
        self.phases = self.adversarial_phases(("encoder", "decoder"), labelled=False)
