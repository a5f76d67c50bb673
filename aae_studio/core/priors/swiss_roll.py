"""The Swiss roll of Makhzani et al. (arXiv 1511.05644, figure 4)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aae_studio.core.priors.base import Polyline, Prior, gaussian_log_prob

TURNS = 1.5
START = 0.25
BLUR = 0.06
NODES = 256


def _spiral(share: Tensor) -> Tensor:
    """The roll's middle line in units before scaling; `share` runs from 0 to 1 by arc length."""
    # The radius grows with the square root of the share, so that points lie evenly along the roll.
    radius = (START**2 + (1 - START**2) * share).sqrt()
    angle = 2 * torch.pi * TURNS * (radius - START) / (1 - START)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def _frame() -> tuple[float, float, float]:
    """Mean of the middle line, x and y, and the factor that gives the roll the standard deviation 1."""
    line = _spiral((torch.arange(NODES, dtype=torch.float64) + 0.5) / NODES)
    variance = float(line.var(dim=0, correction=0).mean())
    x, y = line.mean(dim=0).tolist()
    return x, y, float(np.sqrt((1 - BLUR**2) / variance))


MEAN_X, MEAN_Y, FACTOR = _frame()


class SwissRoll(Prior):
    """A spiral of one and a half turns with Gaussian thickness; its mean is 0, its overall σ is σ."""

    title = "Swiss roll"
    summary = "A rolled-up band: neighbours along it, not across it."
    order = 30
    smallest_latent = 2
    has_parts = True

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self.sample_given(self._anywhere(count, generator), 1, generator)

    def sample_given(self, labels: Tensor, classes: int, generator: torch.Generator) -> Tensor:
        share = self._shares(labels, classes, generator)
        plane = self._line(share) + BLUR * self._noise((len(labels), 2), generator)
        return self._with_gaussian_rest(self.sigma * plane, generator)

    def part_of(self, codes: Tensor, classes: int) -> Tensor:
        share = (torch.arange(NODES, device=codes.device, dtype=codes.dtype) + 0.5) / NODES
        nearest = torch.cdist(codes[:, :2], self.sigma * self._line(share)).argmin(dim=1)
        return (share[nearest] * classes).long()

    def log_prob(self, codes: Tensor) -> Tensor:
        # The integral along the roll by the midpoint rule; nodes lie closer than the thickness.
        share = (torch.arange(NODES, device=codes.device, dtype=codes.dtype) + 0.5) / NODES
        offsets = codes[:, None, :2] - self.sigma * self._line(share)
        each = gaussian_log_prob(offsets.reshape(-1, 2), BLUR * self.sigma)
        plane = torch.logsumexp(each.reshape(len(codes), NODES), dim=1) - float(np.log(NODES))
        return plane + self._rest_log_prob(codes)

    def outline(self) -> list[Polyline]:
        line = self._line(torch.linspace(0, 1, 200, dtype=torch.float64)).numpy()
        along = np.gradient(line, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        inner, outer = line - 2 * BLUR * normal, line + 2 * BLUR * normal
        return [self.sigma * np.concatenate([outer, inner[::-1], outer[:1]])]

    @staticmethod
    def _line(share: Tensor) -> Tensor:
        # The mean in numbers: a tensor of the CPU could not be part of what a GPU records.
        x, y = _spiral(share).unbind(dim=1)
        return FACTOR * torch.stack([x - MEAN_X, y - MEAN_Y], dim=1)
