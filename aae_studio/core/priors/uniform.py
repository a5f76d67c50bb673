"""The uniform prior on a square (a cube in more axes)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aae_studio.core.priors.base import Polyline, Prior


class Uniform(Prior):
    """Every code inside the square is equally likely, none outside; each axis has the deviation σ."""

    title = "Uniform square"
    summary = "Flat inside a square, nothing outside."
    order = 50
    positive_everywhere = False

    @property
    def half_side(self) -> float:
        """Half the side of the square, in code units: the standard deviation of U(-a, a) is a/√3."""
        return float(np.sqrt(3.0)) * self.sigma

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        shape = (count, self.latent_size)
        unit = torch.rand(shape, generator=generator, device=generator.device)
        return self.half_side * (2 * unit - 1)

    def log_prob(self, codes: Tensor) -> Tensor:
        inside = (codes.abs() <= self.half_side).all(dim=1)
        level = -self.latent_size * float(np.log(2 * self.half_side))
        return torch.where(inside, level, -torch.inf)

    def outline(self) -> list[Polyline]:
        corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
        return [self.half_side * np.array(corners, dtype=np.float64)]
