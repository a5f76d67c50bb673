"""The terms of objectives: reconstruction errors, and what discriminators and generators minimise."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# What keeps the logarithm of 0 a number.
TINY = 1e-6


def reconstruction_error(kind: str, logits: Tensor, images: Tensor) -> Tensor:
    """The reconstruction error as it is reported, a scalar mean over the batch.

    `mse`: squared error per pixel, in [0, 1]. `bernoulli`: cross-entropy in nats per image.
    `logits` and `images` have the shape (n, C, H, W).
    """
    if kind == "mse":
        return F.mse_loss(logits.sigmoid(), images)
    total = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    return total / len(images)


def each_error(kind: str, logits: Tensor, images: Tensor) -> Tensor:
    """The reconstruction error of each image, per pixel, (n,); `kind` as in `reconstruction_error`."""
    if kind == "mse":
        return (logits.sigmoid() - images).square().flatten(1).mean(dim=1)
    each = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return each.flatten(1).mean(dim=1)


def per_pixel(kind: str, error: Tensor, images: Tensor) -> Tensor:
    """A reported reconstruction error as a mean over pixels, so that its weight beside other terms
    does not depend on the image size."""
    return error if kind == "mse" else error / images[0].numel()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-½ E[log D(real)] - ½ E[log(1 - D(fake))] from logits; ln 2 where D cannot tell.

    Goodfellow et al., arXiv 1406.2661, equation 1, halved as the mean over both kinds.
    """
    return 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())


def generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating generator loss -E[log D(fake)] from logits (arXiv 1406.2661, section 3)."""
    return F.softplus(-fake).mean()


def mutual_information(first: Tensor, second: Tensor) -> Tensor:
    """I(y; y′) in nats, a scalar, of the categories of two views of images, from shares (n, K) of each.

    0 where neither says anything of the other, log K where they are always the same and all K are equally
    frequent (Ji et al., arXiv 1807.06653, section 3.1).
    """
    both = (first + second).mean(dim=0) / 2
    # Shares are too small for bfloat16, in which products would be computed.
    with torch.autocast(first.device.type, enabled=False):
        excess = (first - both).T @ (second - both) / len(first)
    # How much more often than by chance a pair of categories comes, whichever view has which. Not a
    # difference of logarithms, which are all but equal at first.
    excess, chance = (excess + excess.T) / 2, torch.outer(both, both)
    ratio = excess / chance.clamp_min(TINY**2)
    return ((chance + excess) * ratio.clamp_min(TINY - 1).log1p()).sum()


def gradient_penalty(logits: Tensor, inputs: Tensor) -> Tensor:
    """R1: E[|∇ D(real)|²] of the logits, a scalar (Mescheder et al., arXiv 1801.04406, equation 9)."""
    (gradient,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return gradient.flatten(1).square().sum(dim=1).mean()
