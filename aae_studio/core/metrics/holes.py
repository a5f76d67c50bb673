"""Holes: places where the prior has samples and the decoder was never taught what to make of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from aae_studio.core.metrics.distances import distance_rows, each_row
from aae_studio.core.metrics.neighbours import other_rows
from aae_studio.core.region import HOLE_REACH as HOLE_REACH

USUAL = 0.9


def hole_fraction(
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    codes: Tensor,
    sigma: float = 1.0,
    reach: float = HOLE_REACH,
) -> float:
    """Share of the codes z (n, d) that come back elsewhere, |E(Dec(z)) - z| > `reach` × `sigma`, from 0 to 1.

    `codes` are samples of the prior, `decode` gives their images and `encode` the images' codes (n, d).
    Makhzani et al. (arXiv 1511.05644, abstract) ask that every part of the prior decodes to a meaningful
    image; here that means one that its own encoder would have put there. An encoder that undoes its decoder
    has exactly 0; from n samples, a share p is known to √(p(1 - p)/n).
    """
    return float((displacement(codes, encode(decode(codes))) > reach * sigma).float().mean())


def displacement(codes: Tensor, back: Tensor) -> Tensor:
    """How far from codes z (n, d) their images are encoded, `back` = E(Dec(z)) (n, d): |back - z|, (n,)."""
    away: Tensor = (back - codes).norm(dim=1)
    return away


def unlikeness(images: Tensor, real: Tensor) -> Tensor:
    """Euclidean distance over all pixels from images (n, …) to the nearest of the real ones (m, …), (n,)."""
    images, real = images.flatten(1), real.flatten(1)
    return each_row(images, distance_rows(images, real), lambda rows: rows.amin(dim=1))


def usual_unlikeness(real: Tensor, share: float = USUAL) -> float:
    """How far this share of real images (m ≥ 2, …) is at most from the nearest other one.

    An image that is farther from all real ones is less like them than they are like each other.
    """
    real = real.flatten(1)
    nearest = each_row(real, other_rows(real), lambda rows: rows.amin(dim=1))
    return float(nearest.quantile(share))
