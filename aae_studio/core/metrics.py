"""Figures that tell AE, VAE, GAN and AAE apart. All take and give float32 tensors on one device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

BANDWIDTHS = (0.1, 0.25, 0.5, 1.0, 2.0)
NEIGHBOURS = 10


def mmd2(x: Tensor, y: Tensor, sigma: float = 1.0, bandwidths: Sequence[float] = BANDWIDTHS) -> float:
    """Unbiased squared maximum mean discrepancy between samples x (n, d) and y (m, d).

    The mean over RBF kernels exp(-|a - b|² / 2h²), h = bandwidth × sigma × √(d / 2): distances grow with
    the number of axes d, and a kernel that does not grow with them sees nothing (Gretton et al.,
    JMLR 13, 2012, equation 3). Between 0 and 2 up to sampling noise; it can fall slightly below 0, and
    for two samples of 1 000 from one distribution it stays within about ±0.002.
    """
    n, m = len(x), len(y)
    unit = sigma * math.sqrt(x.shape[1] / 2)
    squared = _distances(torch.cat([x, y]) / unit).square()
    within_x = within_y = between = 0.0
    for bandwidth in bandwidths:
        kernel = torch.exp(squared * (-0.5 / bandwidth**2))
        # The diagonal holds k(a, a) = 1, which the unbiased estimate leaves out.
        within_x += (float(kernel[:n, :n].sum()) - n) / (n * (n - 1))
        within_y += (float(kernel[n:, n:].sum()) - m) / (m * (m - 1))
        between += float(kernel[:n, n:].mean())
    return (within_x + within_y - 2 * between) / len(bandwidths)


def knn_accuracy(codes: Tensor, labels: Tensor, neighbours: int = NEIGHBOURS) -> float:
    """Share of codes (n, d) whose nearest other codes vote for their own label, from 0 to 1.

    Leave-one-out; a tie goes to the smaller label. Chance is the share of the largest class.
    """
    neighbours = min(neighbours, len(codes) - 1)
    distances = _distances(codes)
    distances.fill_diagonal_(torch.inf)
    nearest = distances.topk(neighbours, largest=False).indices
    votes = F.one_hot(labels[nearest]).sum(dim=1)
    return float((votes.argmax(dim=1) == labels).float().mean())


def _distances(codes: Tensor) -> Tensor:
    """Distances between all codes (n, d), shape (n, n)."""
    # `cdist` multiplies matrices: far from 0, its rounding would swallow small distances.
    centered = codes - codes.mean(dim=0)
    return torch.cdist(centered, centered)


def mean_squared_error(reconstructions: Tensor, images: Tensor) -> float:
    """Squared error per pixel, a mean over all; in [0, 1] for images in [0, 1]."""
    return float(F.mse_loss(reconstructions, images))
