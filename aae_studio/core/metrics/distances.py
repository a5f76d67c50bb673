"""How far two samples of codes lie apart, and where one of them lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

BANDWIDTHS = (0.1, 0.25, 0.5, 1.0, 2.0)
DIRECTIONS = 64
# Distances that are in memory at once: few enough for a processor's cache.
BLOCK = 1 << 18


def mmd2(x: Tensor, y: Tensor, sigma: float = 1.0, bandwidths: Sequence[float] = BANDWIDTHS) -> float:
    """Unbiased squared maximum mean discrepancy between samples x (n, d) and y (m, d), n and m ≥ 2.

    The mean over RBF kernels exp(-|a - b|² / 2h²), h = bandwidth × sigma × √(d / 2): distances grow with
    the number of axes d, and a kernel that does not grow with them sees nothing (Gretton et al.,
    JMLR 13, 2012, equation 3). Without unit, between 0 and 2 up to sampling noise, which can take it
    slightly below 0: of 100 pairs of samples of one distribution, 95 stay below 0.0007 with 1 000 codes each,
    0.00015 with 5 000.
    """
    unit = sigma * math.sqrt(x.shape[1] / 2)
    x, y = x / unit, y / unit
    n, m = len(x), len(y)
    # The diagonal holds k(a, a) = 1, which the unbiased estimate leaves out.
    within_x = (_kernel_sum(x, x, bandwidths) - n) / (n * (n - 1))
    within_y = (_kernel_sum(y, y, bandwidths) - m) / (m * (m - 1))
    return within_x + within_y - 2 * _kernel_sum(x, y, bandwidths) / (n * m)


def _kernel_sum(x: Tensor, y: Tensor, bandwidths: Sequence[float]) -> float:
    """The sum over all pairs of the mean kernel."""
    total = 0.0
    for _, distances in distance_rows(x, y):
        squared = distances.square_()
        total += sum(float((squared * (-0.5 / h**2)).exp_().sum()) for h in bandwidths)
    return total / len(bandwidths)


def sliced_wasserstein1(
    x: Tensor,
    y: Tensor,
    sigma: float = 1.0,
    directions: int = DIRECTIONS,
    generator: torch.Generator | None = None,
) -> float:
    """Sliced Wasserstein-1 distance between samples x (n, d) and y (m, d), in units of `sigma`.

    The mean, over random unit directions from `generator`, of the exact W1 between the projected samples,
    ∫ |F_x(t) - F_y(t)| dt (Rabin et al., SSVM 2011; Bonneel et al., JMIV 51, 2015, section 3, with p = 1).
    With one axis it is exact. At least 0. For two samples of one distribution it is not 0 but falls as
    √(1/n + 1/m): in two axes 0.055 with 1 000 each and 0.023 with 5 000, in the median.
    """
    axes = x.shape[1]
    pointing = torch.ones(1, 1)
    if axes > 1:
        pointing = torch.randn(directions, axes, generator=generator)
        pointing /= pointing.norm(dim=1, keepdim=True)
    both = torch.cat([x, y])
    # Far from 0, rounding would swallow small distances.
    projected = pointing.to(both) @ ((both - both.mean(dim=0)) / sigma).T
    values, places = projected.sort(dim=1)
    # Whole steps of 1/nm: their sums stay exact.
    step = torch.full((len(both),), -len(x), dtype=torch.float64, device=both.device)
    step[: len(x)] = len(y)
    apart = step[places].cumsum(dim=1)[:, :-1].abs() / (len(x) * len(y))
    return float((apart * values.diff(dim=1)).sum(dim=1).mean())


class Moments(NamedTuple):
    """Where codes lie and how far they spread, over σ: the greatest |mean| of an axis, and the least and
    greatest standard deviation of one."""

    mean: float
    std_least: float
    std_greatest: float


def moments(codes: Tensor, sigma: float = 1.0) -> Moments:
    """Mean and standard deviation (unbiased variance) of codes (n, d), n ≥ 2, over `sigma`.

    Of a prior with standard deviation σ the mean is 0 and both deviations are 1. A sample's differ by about
    1/√n and 1/√2n on each axis.
    """
    means, deviations = codes.mean(dim=0) / sigma, codes.std(dim=0) / sigma
    return Moments(float(means.abs().max()), float(deviations.min()), float(deviations.max()))


def each_row(x: Tensor, rows: Iterable[tuple[int, Tensor]], reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """One number for each row of distances from x (n, d), as `reduce` makes them of some rows: (n,).

    The numbers have their place from the start. Small results that are kept between large blocks split the
    memory which the blocks leave, and the process can grow to the size of all distances together.
    """
    whole = x.new_empty(len(x))
    for start, part in rows:
        whole[start : start + len(part)] = reduce(part)
    return whole


def distance_rows(x: Tensor, y: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Euclidean distances between all of x (n, d) and all of y (m, d), some rows at a time.

    Yields the place of the first row and the rows' distances, (rows, m).
    """
    # `cdist` multiplies matrices: far from 0, its rounding would swallow small distances.
    center = y.mean(dim=0)
    x, y = x - center, y - center
    rows = max(1, BLOCK // len(y))
    for start in range(0, len(x), rows):
        yield start, torch.cdist(x[start : start + rows], y)
