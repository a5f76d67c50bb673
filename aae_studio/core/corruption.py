"""Corruption: noise that is put on images, to see who removes it, or to train who should.

Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML 2008, and Stacked
denoising autoencoders, JMLR 11, 2010, section 3.3: the encoder is given the corrupted image, and the loss
compares what the decoder makes of it with the clean one. A KL divergence or an adversary then holds
the codes of corrupted images to the prior (Im et al., arXiv 1511.06406; Creswell and Bharath, arXiv
1703.01220).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("gaussian", "salt-pepper", "mask")


@dataclass(frozen=True)
class Corruption:
    """One kind of noise, of one strength from 0 (none) to 1.

    `gaussian`: adds normal noise; the strength is its standard deviation σ, in pixel values. Nothing is cut
    off, so that values leave [0, 1]. `salt-pepper`: makes values 1 or 0, as a fair coin falls. `mask`: makes
    them 0. With both the strength ν is each value's probability; the papers destroy exactly the share ν of an
    image. Channels of a colour image are values of their own.
    """

    kind: str = KINDS[0]
    strength: float = 0.0

    def of(self, images: Tensor, noise: Tensor) -> Tensor:
        """Corrupted images, (n, C, H, W), of images in [0, 1] and standard normal numbers of their shape."""
        if self.kind == "gaussian":
            return images + self.strength * noise
        # Imported here: the window, which knows the kinds, is shown first.
        from statistics import NormalDist

        # The normal numbers beyond this, on both sides together, are the share ν of all.
        tail = self.strength / 2
        reach = -NormalDist().inv_cdf(tail) if tail > 0 else math.inf
        if self.kind == "mask":
            return images.masked_fill(noise.abs() > reach, 0.0)
        return images.masked_fill(noise > reach, 1.0).masked_fill(noise < -reach, 0.0)

    def expected_error(self, images: Tensor) -> float:
        """The mean squared error per pixel that it makes, in expectation over the noise.

        σ² for `gaussian`, ν E[x²] for `mask`, ν (E[x²] + E[(1 - x)²]) / 2 for `salt-pepper`.
        """
        if self.kind == "gaussian":
            return self.strength**2
        darkened = float(images.square().mean())
        if self.kind == "mask":
            return self.strength * darkened
        return self.strength * (darkened + float((1 - images).square().mean())) / 2


def decibels(error: float) -> float:
    """The peak signal-to-noise ratio in dB of a mean squared error per pixel, for values in [0, 1].

    10 log₁₀(1 / error): 20 dB where the error's root is a tenth of the range, infinite where there is none.
    """
    return math.inf if error <= 0 else -10 * math.log10(error)
