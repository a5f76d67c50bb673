"""Dimensionality reduction with an adversarial autoencoder (Makhzani et al., arXiv 1511.05644, section 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aae_studio.core.models._categorical import (
    CATEGORICAL_OPTIONS,
    CROSS_ENTROPY,
    LABEL_OPTIONS,
    CategoricalAutoencoding,
    Latent,
)
from aae_studio.core.models.base import Batch, Losses, Setting, random_one_hot
from aae_studio.core.options import Option


class DimensionalityReductionAdversarialAutoencoder(CategoricalAutoencoding):
    """The code is the head of a cluster plus a style around it: z = W y + style.

    The decoder sees only z. A penalty keeps the heads apart; a few labels say which cluster is which.
    """

    title = "Dimensionality reduction AAE"
    short = "DR-AAE"
    summary = "heads + style"
    color = "model-reduction-aae"
    order = 90
    # The prior holds around each head, not around zero.
    uses_prior = False
    options = (
        *CATEGORICAL_OPTIONS,
        *LABEL_OPTIONS,
        Option(
            "head_distance",
            "Head distance",
            6.0,
            "Heads nearer to one another than this, in σ of the prior, are pushed apart.",
            minimum=0.0,
            maximum=100.0,
            live=True,
        ),
    )
    curves = (*CategoricalAutoencoding.curves, CROSS_ENTROPY)

    def __init__(self, setting: Setting, **option: Any) -> None:
        count = len(setting.classes)
        super().__init__(setting, categories=count, told=0, **option)
        size = setting.architecture.latent_size
        self.networks["heads"] = self.built("cluster heads", lambda: nn.Linear(count, size, bias=False))
        self.phases = self.adversarial_phases(("encoder", "heads", "decoder"), labelled=True)

    def encode(self, images: Tensor) -> Tensor:
        features = self.encoder.trunk(images)
        return self._represented(self._category(features), self.encoder.code(features))

    def sampled_codes(self, images: Tensor, noise_like: Callable[[Tensor], Tensor]) -> Tensor:
        features = self.encoder.trunk(images)
        return self._represented(self._category(features), self.encoder.sampled(features, noise_like))

    def _category(self, features: Tensor) -> Tensor:
        """q(y|x), (n, classes), from the encoder's features."""
        return self.encoder.categories(features).softmax(dim=1)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, None]:
        category = random_one_hot(count, self.categories, generator)
        return self._represented(category, self.prior.sample(count, generator)), None

    def judged(self, codes: Tensor, condition: Tensor | None = None) -> Tensor | None:
        """D sees styles alone: what it says to a code as the style around the head that suits it best."""
        weight = self.networks["heads"].weight
        assert isinstance(weight, Tensor)
        styles = self.in_sigmas(codes[:, None] - weight.T)
        logits: Tensor = self.networks["discriminator"](styles.flatten(0, 1))
        return logits.view(len(codes), -1).amax(dim=1)

    def rebuilt(self, latent: Latent) -> Tensor:
        return self.decoded_logits(self._represented(latent.category, latent.style))

    def reconstruction(self, batch: Batch) -> Losses:
        """Train encoder, heads and decoder on the distance between x and Dec(W y + z); keep heads apart."""
        losses = super().reconstruction(batch)
        return Losses(losses.objective + self._crowding(), losses.figures)

    def _represented(self, category: Tensor, style: Tensor) -> Tensor:
        """W y + z, (n, latent size)."""
        heads: Tensor = self.networks["heads"](category)
        return heads.float() + style

    def _crowding(self) -> Tensor:
        """How much heads are nearer to one another than they should be, in σ: linear below the threshold."""
        weight = self.networks["heads"].weight
        assert isinstance(weight, Tensor)
        gaps = F.pdist(weight.T / self.prior.sigma)
        return F.relu(self.option["head_distance"] - gaps).mean()
