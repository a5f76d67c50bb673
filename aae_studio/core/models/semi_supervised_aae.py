"""The semi-supervised adversarial autoencoder (Makhzani et al., arXiv 1511.05644, section 5)."""

from __future__ import annotations

from typing import Any

from aae_studio.core.models._categorical import (
    CATEGORICAL_OPTIONS,
    CROSS_ENTROPY,
    LABEL_OPTIONS,
    CategoricalAutoencoding,
)
from aae_studio.core.models.base import Setting


class SemiSupervisedAdversarialAutoencoder(CategoricalAutoencoding):
    """The categories are the classes: a few labelled images say which is which, all others follow."""

    title = "Semi-supervised AAE"
    short = "SS-AAE"
    summary = "few labels"
    color = "model-semi-supervised-aae"
    order = 70
    options = (*CATEGORICAL_OPTIONS, *LABEL_OPTIONS)
    curves = (*CategoricalAutoencoding.curves, CROSS_ENTROPY)

    def __init__(self, setting: Setting, **option: Any) -> None:
        count = len(setting.classes)
        super().__init__(setting, categories=count, told=count, **option)
        self.conditions = setting.classes
        self.phases = self.adversarial_phases(("encoder", "decoder"), labelled=True)
