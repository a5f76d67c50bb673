"""Corruption: what is done to images, to see who undoes it, or to train who should.

Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML 2008, and Stacked
denoising autoencoders, JMLR 11, 2010, section 3.3: the encoder is given the corrupted image, and the loss
compares what the decoder makes of it with the clean one. A KL divergence or an adversary then holds
the codes of corrupted images to the prior (Im et al., arXiv 1511.06406; Creswell and Bharath, arXiv
1703.01220). Three kinds are noise; `affine` moves what is in the image, as Simard et al. do to train
classifiers (Best practices for convolutional neural networks, ICDAR 2003, section 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("gaussian", "salt-pepper", "mask", "affine")
# Standard deviations of an affine map at full strength: radians that it turns by, logarithms of width and
# height, shear, and shifts in half sides of the image.
AFFINE = (0.5, 0.3, 0.3, 0.4, 0.2, 0.2)


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption, of one strength from 0 (none) to 1.

    `gaussian`: adds normal noise; the strength is its standard deviation σ, in pixel values. Nothing is cut
    off, so that values leave [0, 1]. `salt-pepper`: makes values 1 or 0, as a fair coin falls. `mask`: makes
    them 0. With both the strength ν is each value's probability; the papers destroy exactly the share ν of an
    image. Channels of a colour image are values of their own. `affine`: turns, stretches, shears and
    shifts each image, by normal numbers of its own whose deviations are the strength's share of `AFFINE`;
    what comes in from outside is 0.
    """

    kind: str = KINDS[0]
    strength: float = 0.0

    def of(self, images: Tensor, noise: Tensor) -> Tensor:
        """Corrupted images, (n, C, H, W), of images in [0, 1] and standard normal numbers of their shape."""
        if self.kind == "gaussian":
            return images + self.strength * noise
        if self.kind == "affine":
            return self._moved(images, noise)
        # Imported here: the window, which knows the kinds, is shown first.
        from statistics import NormalDist

        # The normal numbers beyond this, on both sides together, are the share ν of all.
        tail = self.strength / 2
        reach = -NormalDist().inv_cdf(tail) if tail > 0 else math.inf
        if self.kind == "mask":
            return images.masked_fill(noise.abs() > reach, 0.0)
        return images.masked_fill(noise > reach, 1.0).masked_fill(noise < -reach, 0.0)

    def _moved(self, images: Tensor, noise: Tensor) -> Tensor:
        """Each image under an affine map of its own, with pixels between pixels interpolated."""
        # Imported here: the window, which knows the kinds, is shown first.
        import torch
        from torch.nn import functional

        numbers = noise.flatten(1)[:, : len(AFFINE)].unbind(1)
        turn, wide, tall, shear, right, down = (
            self.strength * deviation * number for deviation, number in zip(AFFINE, numbers, strict=True)
        )
        across, along = wide.exp(), tall.exp()
        # For each pixel, where its value comes from: [cos -sin; sin cos] [across shear; 0 along] and a shift.
        rows = (
            (across * turn.cos(), shear * turn.cos() - along * turn.sin(), right),
            (across * turn.sin(), shear * turn.sin() + along * turn.cos(), down),
        )
        maps = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        places = functional.affine_grid(maps, list(images.shape), align_corners=False)
        return functional.grid_sample(images, places, align_corners=False)

    def expected_error(self, images: Tensor) -> float | None:
        """The mean squared error per pixel that it makes, in expectation over the noise.

        σ² for `gaussian`, ν E[x²] for `mask`, ν (E[x²] + E[(1 - x)²]) / 2 for `salt-pepper`; None for
        `affine`, which has no closed form.
        """
        if self.kind == "affine":
            return None
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
