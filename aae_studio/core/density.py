"""Densities in a plane: Gaussian kernels on codes, and what tells two densities apart. Numpy arrays in and
out."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[np.float32]
# Densities below this share of the greatest count little: a few codes in empty places say nothing.
FLOOR = 0.03
LEAST_EXPONENT = -40.0


def bandwidth(points: npt.ArrayLike) -> float:
    """The width of a Gaussian kernel for points (n, 2), in their unit, by Scott's rule: n^(-1/6) σ.

    σ² is the mean variance of both axes (Scott, Multivariate Density Estimation, 1992, equation 6.42).
    """
    places = np.asarray(points, np.float64)
    spread = float(np.sqrt(places.var(axis=0).mean()))
    return max(spread, 1e-6) * float(len(places) ** (-1 / 6))


def kernel_density(points: npt.ArrayLike, x: npt.ArrayLike, y: npt.ArrayLike, width: float) -> Array:
    """The density of points (n, 2) at all places of x (w,) and y (h,), float32 (h, w), per unit area.

    The mean over points of the Gaussian N(place; point, width² I) (Parzen, Annals of Mathematical Statistics
    33, 1962). It is the product of one kernel along each axis, so one product of matrices gives all places.
    """
    places = torch.from_numpy(np.asarray(points, np.float32))
    along, up = (
        _kernel((torch.from_numpy(np.asarray(axis, np.float32))[:, None] - column) / width)
        for axis, column in zip((x, y), places.T, strict=True)
    )
    density: Array = (up @ along.T / (len(places) * 2 * math.pi * width**2)).numpy()
    return density


def _kernel(distances: Tensor) -> Tensor:
    """exp(-d²/2), but never so small that a product of two would be subnormal: processors multiply such
    numbers a hundred times slower, and no eye could see them."""
    return (-0.5 * distances.square()).clamp_min_(LEAST_EXPONENT).exp_()


def contrast(codes: Array, prior: Array) -> Array:
    """Where densities q of codes and p of a prior, of one shape, differ: from -1, no codes, to 1, no prior.

    (q - p) / (q + p), damped where both are small. Without that it is 1 - 2 D for the best possible
    discriminator D = p / (p + q) (Goodfellow et al., arXiv 1406.2661, proposition 1).
    """
    floor = FLOOR * max(float(codes.max()), float(prior.max()), 1e-30)
    return (codes - prior) / (codes + prior + np.float32(floor))
