"""A prior that the user has painted: a density that is constant on each cell of a grid in the plane."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from aae_studio.core import painted_density
from aae_studio.core.contours import contours
from aae_studio.core.options import Option
from aae_studio.core.painted_density import CELL, HALF, SHAPES, SIDE, PictureOption
from aae_studio.core.priors.base import SIGMA, Polyline, Prior, gaussian_log_prob

# What `log_prob` is of: shares of the mass, and the deviation in σ of the Gaussians that they become.
BLURS = ((0.9, 0.1), (0.07, 0.4), (0.029, 1.2))
# The rest of the mass, in a Gaussian with the painting's own mean and spread.
REST = 1 - sum(share for share, _ in BLURS)
# The outline goes around the smallest region that holds so much of the mass (Hyndman, 1996).
OUTLINED = 0.9
# Less than this counts as nothing, so that no logarithm is infinite.
FAINTEST = 1e-30


class Painted(Prior):
    """Where there is ink, codes are to be: twice the ink, twice the density.

    The grid of 64 × 64 cells covers the square from -3σ to 3σ; where the painting lies, the codes lie, so
    its mean and deviation are what was painted. `sample` draws from exactly this density. `log_prob` is that
    of a smoothed one, which is positive everywhere and smooth, so that a gradient leads to the ink from
    wherever a code is: each cell's mass becomes Gaussians around its middle, 90 % of it one of 0.1σ (a cell
    is 0.094σ wide), 7 % one of 0.4σ, 2.9 % one of 1.2σ; 0.1 % is one Gaussian with the painting's mean and
    spread. What that moves of the starters' mass (total variation): 0.06 of the heart's, 0.11 of the
    islands', 0.13 of the ring's; KL(painted || smoothed) is 0.06, 0.12 and 0.14 nats.
    """

    title = "Painted"
    summary = "What you paint, or a picture."
    order = 60
    smallest_latent = 2
    options = (
        SIGMA,
        Option(
            "shape",
            "Shape",
            "heart",
            "What is painted where no picture is given.",
            choices=SHAPES,
            live=True,
            panel="paint_prior",
        ),
        PictureOption(
            "picture",
            "Picture",
            "",
            "A picture file, or a painting as text: where there is ink, codes are to be.",
            live=True,
            panel="paint_prior",
            word="FILE",
        ),
    )

    def __init__(self, latent_size: int, sigma: float = 1.0, shape: str = "heart", picture: str = "") -> None:
        """Raises ConfigError for a picture that is not a painting as text, or an empty one."""
        super().__init__(latent_size, sigma)
        self.ink = painted_density.read(picture) if picture else painted_density.starter(shape)
        # From the lower left, as the axes run.
        weight = torch.from_numpy(self.ink[::-1].astype(np.float64))
        self._mass = weight / weight.sum()
        self._copies: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor, Tensor]] = {}
        middles = _middles(self._mass)
        self._mean = torch.stack([(self._mass.sum(dim=axis) * middles).sum() for axis in (0, 1)])
        second = torch.stack([(self._mass.sum(dim=axis) * middles**2).sum() for axis in (0, 1)])
        self._spread = math.sqrt(float((second - self._mean**2).mean()) + CELL**2)
        # Made once, by whoever makes the prior: canvases ask for it at every paint.
        self._outline = self._region()

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        share = torch.rand((2, count), generator=generator, device=generator.device)
        mass, _, _ = self._like(share)
        row = _inverse(_cumulative(mass.sum(dim=1)[None]).expand(count, -1), share[0])
        column = _inverse(_cumulative(mass)[row.long().clamp_max(SIDE - 1)], share[1])
        plane = torch.stack([column, row], dim=1) * CELL - HALF
        return self._with_gaussian_rest(self.sigma * plane, generator)

    def log_prob(self, codes: Tensor) -> Tensor:
        """log p(z) of the smoothed density in nats, shape (n,), for codes of shape (n, latent size)."""
        # bfloat16 would round the density.
        with torch.autocast(codes.device.type, enabled=False):
            plane = codes[:, :2] / self.sigma
            near = self._blurred(plane)
            there = near > FAINTEST
            log_near = torch.where(there, torch.where(there, near, 1.0).log(), -torch.inf)
            _, mean, _ = self._like(plane)
            log_far = gaussian_log_prob(plane - mean, self._spread) + math.log(REST)
            plane_log_prob = torch.logaddexp(log_near, log_far) - 2 * math.log(self.sigma)
            return plane_log_prob + self._rest_log_prob(codes)

    def outline(self) -> list[Polyline]:
        return [self.sigma * line for line in self._outline]

    def _like(self, tensor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Each cell's mass, the mean, and `BLURS`, where and as the tensor is; copied there once."""
        key = tensor.device, tensor.dtype
        if key not in self._copies:
            # Whoever only looks may be the first to ask; training could not use what was made that way.
            with torch.inference_mode(mode=False):
                made = (self._mass, self._mean, torch.tensor(BLURS, dtype=torch.float64))
                mass, mean, blurs = (part.to(tensor.device, tensor.dtype, copy=True) for part in made)
            self._copies[key] = mass, mean, blurs
        return self._copies[key]

    def _blurred(self, plane: Tensor) -> Tensor:
        """The mixture of Gaussians around the middles of cells, (n,), at places (n, 2); all in units of σ."""
        mass, _, blurs = self._like(plane)
        shares, widths = blurs.T
        away = (plane.T[:, None, :, None] - _middles(plane)) / widths[:, None, None]
        # Along each axis, around each middle, (2, blurs, n, SIDE): the Gaussians are products of both.
        across, up = (-0.5 * away.square()).exp()
        each = ((up @ mass) * across).sum(dim=2)
        density_there: Tensor = (shares / (2 * torch.pi * widths**2)) @ each
        return density_there

    def _region(self) -> list[Polyline]:
        """The lines around the densest part of the painting, a little blurred, in units of σ."""
        middles = _middles(self._mass)
        spread = (-0.5 * ((middles[:, None] - middles) / BLURS[0][1]).square()).exp()
        blurred = (spread @ self._mass @ spread).numpy()
        falling = np.sort(blurred, axis=None)[::-1]
        held = np.searchsorted(falling.cumsum(), OUTLINED * falling.sum())
        return [(line + 0.5) * CELL - HALF for line in contours(blurred, float(falling[held]))]


def _middles(like: Tensor) -> Tensor:
    """The middles of the cells along an axis, (SIDE,), in σ."""
    return (torch.arange(SIDE, device=like.device, dtype=like.dtype) + 0.5) * CELL - HALF


def _cumulative(mass: Tensor) -> Tensor:
    """Distribution functions at the edges of cells, (n, cells + 1), of masses (n, cells)."""
    rising = torch.nn.functional.pad(mass.cumsum(dim=1), (1, 0))
    # Exactly 1 at the end; a row without mass is never asked.
    return rising / rising[:, -1:].clamp_min(FAINTEST)


def _inverse(cumulative: Tensor, share: Tensor) -> Tensor:
    """Where distribution functions (n, cells + 1), straight within cells, have the values (n,), in cells."""
    last = cumulative.shape[1] - 2
    cell = torch.searchsorted(cumulative[:, 1:].contiguous(), share[:, None], right=True).clamp_max(last)
    low, high = cumulative.gather(1, cell), cumulative.gather(1, cell + 1)
    place: Tensor = (cell + (share[:, None] - low) / (high - low))[:, 0]
    return place
