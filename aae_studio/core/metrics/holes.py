"""Holes: places where the prior has samples and the decoder was never taught what to make of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

REACH = 0.5


def hole_fraction(
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    codes: Tensor,
    sigma: float = 1.0,
    reach: float = REACH,
) -> float:
    """Share of the codes z (n, d) that come back elsewhere, |E(Dec(z)) - z| > `reach` × `sigma`, from 0 to 1.

    `codes` are samples of the prior, `decode` gives their images and `encode` the images' codes (n, d).
    Makhzani et al. (arXiv 1511.05644, abstract) ask that every part of the prior decodes to a meaningful
    image; here that means one that its own encoder would have put there. An encoder that undoes its decoder
    has exactly 0; from n samples, a share p is known to √(p(1 - p)/n).
    """
    back = encode(decode(codes))
    return float(((back - codes).norm(dim=1) > reach * sigma).float().mean())
