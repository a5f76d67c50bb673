"""The isotropic Gaussian prior of Kingma and Welling (arXiv 1312.6114, section 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aae_studio.core.priors.base import Polyline, Prior, circle, gaussian_log_prob


class Gaussian(Prior):
    """p(z) = N(0, σ²I). The outline shows one, two and three σ."""

    title = "Gaussian"
    summary = "A round cloud, densest in the middle."
    order = 10

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self.sigma * self._noise((count, self.latent_size), generator)

    def log_prob(self, codes: Tensor) -> Tensor:
        return gaussian_log_prob(codes, self.sigma)

    def kl_from_gaussian(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        # Kingma and Welling, appendix B, with σ.
        ratio = (log_variance.exp() + mean.square()) / self.sigma**2
        return 0.5 * (ratio - 1 - log_variance + 2 * math.log(self.sigma)).sum(dim=1)

    def outline(self) -> list[Polyline]:
        return [circle(turns * self.sigma) for turns in (1, 2, 3)]
