"""A ring: the uniform distribution on a circle, blurred by a Gaussian."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aae_studio.core.priors.base import Polyline, Prior, circle

# In units of σ; each axis has the variance R²/2 + BLUR² = 1.
BLUR = 0.15
RADIUS = float(np.sqrt(2 * (1 - BLUR**2)))


class Ring(Prior):
    """A point on a circle plus Gaussian noise. The empty middle is what a Gaussian prior fills."""

    title = "Ring"
    summary = "A circle with an empty middle."
    order = 40
    smallest_latent = 2
    has_parts = True

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self.sample_given(self._anywhere(count, generator), 1, generator)

    def sample_given(self, labels: Tensor, classes: int, generator: torch.Generator) -> Tensor:
        angle = 2 * torch.pi * self._shares(labels, classes, generator)
        circle_points = RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)
        plane = circle_points + BLUR * self._noise((len(labels), 2), generator)
        return self._with_gaussian_rest(self.sigma * plane, generator)

    def part_of(self, codes: Tensor, classes: int) -> Tensor:
        turn = torch.atan2(codes[:, 1], codes[:, 0]) / (2 * torch.pi) % 1.0
        # Rounding can make the remainder of a tiny negative number exactly 1.
        return (turn * classes).long().clamp_max(classes - 1)

    def log_prob(self, codes: Tensor) -> Tensor:
        # ∫ N(z; R(cos t, sin t), b²I) dt/2π = exp(-(r² + R²)/2b²) I₀(rR/b²) / 2πb², with r = |z|.
        radius, blur = RADIUS * self.sigma, BLUR * self.sigma
        # The square root of exactly 0 has no finite gradient.
        distance = codes[:, :2].square().sum(dim=1).clamp_min(1e-12).sqrt()
        log_bessel = torch.log(torch.special.i0e(distance * radius / blur**2))
        log_plane = -0.5 * ((distance - radius) / blur) ** 2 + log_bessel
        return log_plane - float(np.log(2 * np.pi * blur**2)) + self._rest_log_prob(codes)

    def outline(self) -> list[Polyline]:
        return [circle(self.sigma * (RADIUS + side * 2 * BLUR)) for side in (-1, 1)]
