"""The mixture of ten 2-D Gaussians of Makhzani et al. (arXiv 1511.05644, figure 4)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aae_studio.core.priors.base import Polyline, Prior, gaussian_log_prob

COMPONENTS = 10
# In units of σ. Each component is an ellipse that points outwards, as the paper draws them; the radius
# makes the standard deviation of each axis exactly σ: (R² + along² + across²) / 2 = 1.
ALONG, ACROSS = 0.36, 0.12
RADIUS = float(np.sqrt(2 - ALONG**2 - ACROSS**2))


class Mixture(Prior):
    """Ten equally likely Gaussians around a circle, each an ellipse pointing outwards."""

    title = "10 Gaussians"
    summary = "Ten separate clouds around a circle."
    order = 20
    smallest_latent = 2
    has_parts = True

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self.sample_given(self._anywhere(count, generator), COMPONENTS, generator)

    def sample_given(self, labels: Tensor, classes: int, generator: torch.Generator) -> Tensor:
        anyone = torch.randint(COMPONENTS, labels.shape, generator=generator, device=generator.device)
        # Classes beyond the tenth share components with the first.
        component = torch.where(labels < 0, anyone, labels % COMPONENTS)
        angle = 2 * torch.pi * component / COMPONENTS
        noise = self._noise((len(labels), 2), generator)
        out = RADIUS + ALONG * noise[:, 0]
        side = ACROSS * noise[:, 1]
        cos, sin = angle.cos(), angle.sin()
        plane = torch.stack([out * cos - side * sin, out * sin + side * cos], dim=1)
        return self._with_gaussian_rest(self.sigma * plane, generator)

    def part_of(self, codes: Tensor, classes: int) -> Tensor:
        return self._each_log_prob(codes)[:, :classes].argmax(dim=1)

    def log_prob(self, codes: Tensor) -> Tensor:
        plane: Tensor = torch.logsumexp(self._each_log_prob(codes), dim=1) - np.log(COMPONENTS)
        return plane + self._rest_log_prob(codes)

    def _each_log_prob(self, codes: Tensor) -> Tensor:
        """The log-density of each component in the first two axes, (n, COMPONENTS)."""
        angle = 2 * torch.pi * torch.arange(COMPONENTS, device=codes.device) / COMPONENTS
        x, y = codes[:, :1], codes[:, 1:2]
        out = x * angle.cos() + y * angle.sin() - RADIUS * self.sigma
        side = y * angle.cos() - x * angle.sin()
        each = gaussian_log_prob(out.reshape(-1, 1), ALONG * self.sigma) + gaussian_log_prob(
            side.reshape(-1, 1), ACROSS * self.sigma
        )
        return each.reshape(len(codes), COMPONENTS)

    def outline(self) -> list[Polyline]:
        turn = np.linspace(0, 2 * np.pi, 65)
        lines = []
        for angle in 2 * np.pi * np.arange(COMPONENTS) / COMPONENTS:
            out, side = RADIUS + 2 * ALONG * np.cos(turn), 2 * ACROSS * np.sin(turn)
            x = out * np.cos(angle) - side * np.sin(angle)
            y = out * np.sin(angle) + side * np.cos(angle)
            lines.append(self.sigma * np.stack([x, y], axis=1))
        return lines
