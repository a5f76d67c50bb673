"""What a prior is: a distribution over codes that can be sampled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aae_studio.core.errors import ConfigError, StudioError
from aae_studio.core.options import Option

Polyline = npt.NDArray[np.float64]

SIGMA = Option(
    "sigma",
    "Prior σ",
    1.0,
    "Standard deviation of each code axis under the prior.",
    minimum=0.01,
    maximum=100.0,
    live=True,
    logarithmic=True,
)


class Prior(ABC):
    """A distribution p(z) over codes of `latent_size` numbers, with mean 0 and the standard deviation σ.

    A plane figure (ring, Swiss roll, mixture) fills the first two axes; any further axes are
    Gaussian with the same σ. Only a painted figure has the mean and the deviation that it was painted
    with. Raises ConfigError when the latent size is below `smallest_latent`.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    order: ClassVar[int] = 50
    options: ClassVar[tuple[Option, ...]] = (SIGMA,)
    smallest_latent: ClassVar[int] = 1
    has_log_prob: ClassVar[bool] = True
    # A Gaussian posterior puts mass everywhere; where p(z) = 0 its KL divergence is infinite.
    positive_everywhere: ClassVar[bool] = True
    # Whether it has a part for each class: a component, or a stretch of the figure.
    has_parts: ClassVar[bool] = False

    def __init__(self, latent_size: int, sigma: float = 1.0) -> None:
        if latent_size < self.smallest_latent:
            raise ConfigError(
                "latent_size",
                "the prior “{title}” is a figure in a plane and needs at least {least} code axes.",
                title=self.title,
                least=self.smallest_latent,
            )
        self.latent_size = latent_size
        self.sigma = sigma

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw codes, shape (count, latent size), float32, on the generator's device."""

    def sample_given(self, labels: Tensor, classes: int, generator: torch.Generator) -> Tensor:
        """Draw a code for each label (n,), shape (n, latent size), from the part of that class.

        `labels` are places among `classes`; below 0, the code comes from the whole prior. A code does not
        depend on the labels of the others. Raises StudioError for a prior without parts.
        """
        raise StudioError("The prior “{title}” has no parts for classes.", title=self.title)

    def part_of(self, codes: Tensor, classes: int) -> Tensor:
        """The class whose part each code (n, latent size) most likely belongs to, (n,) int64."""
        raise StudioError("The prior “{title}” has no parts for classes.", title=self.title)

    def log_prob(self, codes: Tensor) -> Tensor:
        """log p(z) in nats, shape (n,), for codes of shape (n, latent size).

        Raises StudioError for a prior without a density (`has_log_prob` is False).
        """
        raise StudioError("The prior “{title}” has no density.", title=self.title)

    def kl_from_gaussian(self, mean: Tensor, log_variance: Tensor) -> Tensor | None:
        """KL(N(mean, exp(log_variance)) || p) in nats, shape (n,), where a closed form exists.

        Both arguments have the shape (n, latent size). None: there is no closed form.
        """
        return None

    @abstractmethod
    def outline(self) -> list[Polyline]:
        """Lines that show the prior in its first two axes: arrays of shape (points, 2)."""

    @property
    def extent(self) -> float:
        """Half the side of the square around 0 that shows the prior well, in code units."""
        return 3.3 * self.sigma

    def _noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        return torch.randn(shape, generator=generator, device=generator.device)

    def _shares(self, labels: Tensor, classes: int, generator: torch.Generator) -> Tensor:
        """Places along a figure from 0 to 1, (n,): in the stretch of each label, or anywhere."""
        share = torch.rand(labels.shape, generator=generator, device=generator.device)
        return torch.where(labels < 0, share, (labels + share) / classes)

    def _anywhere(self, count: int, generator: torch.Generator) -> Tensor:
        """Labels (count,) that ask for the whole prior."""
        return torch.full((count,), -1, device=generator.device)

    def _with_gaussian_rest(self, plane: Tensor, generator: torch.Generator) -> Tensor:
        """Append the axes beyond the first two."""
        rest = self._noise((len(plane), self.latent_size - 2), generator)
        return torch.cat([plane, self.sigma * rest], dim=1)

    def _rest_log_prob(self, codes: Tensor) -> Tensor:
        return gaussian_log_prob(codes[:, 2:], self.sigma)


def gaussian_log_prob(codes: Tensor, sigma: float) -> Tensor:
    """log N(z; 0, σ²I) in nats, shape (n,), for codes of shape (n, any)."""
    log_normaliser = float(np.log(sigma * np.sqrt(2 * np.pi)))
    return (-0.5 * (codes / sigma).square() - log_normaliser).sum(dim=1)


def circle(radius: float, center: tuple[float, float] = (0.0, 0.0)) -> Polyline:
    """A closed circle of 129 points for `outline`."""
    turn = np.linspace(0, 2 * np.pi, 129)
    return np.stack([center[0] + radius * np.cos(turn), center[1] + radius * np.sin(turn)], axis=1)
