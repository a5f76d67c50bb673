"""The Wasserstein autoencoder with an MMD penalty (Tolstikhin et al., arXiv 1711.01558, algorithm 2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from aae_studio.core.losses import per_pixel
from aae_studio.core.models.base import Autoencoding, Batch, Curve, Losses, Phase, Setting
from aae_studio.core.networks import Decoder, Encoder
from aae_studio.core.options import Option

# Widths of the inverse multiquadratics, as in the authors' code: several, so that near and far count.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def imq_mmd2(codes: Tensor, wanted: Tensor) -> Tensor:
    """Unbiased MMD² between codes and prior samples, each (n, d) in units of the prior's σ; a scalar.

    The kernel is the sum over scales s of C / (C + |a - b|²) with C = 2 d s (section 4).
    """
    count, size = codes.shape
    within = 1 - torch.eye(count, device=codes.device)
    # Not by a difference for each pair and axis, which takes gigabytes for large batches; and not by
    # products of matrices, whose rounding swallows small distances.
    squared = [
        torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist").square()
        for left, right in ((codes, codes), (wanted, wanted), (codes, wanted))
    ]
    total = codes.new_zeros(())
    for scale in SCALES:
        width = 2 * size * scale
        near_codes, near_wanted, between = (width / (width + distance) for distance in squared)
        total = total + ((near_codes + near_wanted) * within).sum() / (count * (count - 1))
        total = total - 2 * between.mean()
    return total


class WassersteinAutoencoder(Autoencoding):
    """A distance between the batch's codes and samples of the prior takes the place of a discriminator."""

    title = "Wasserstein autoencoder"
    short = "WAE"
    summary = "MMD to prior"
    color = "model-wae"
    order = 50
    options = (
        Option(
            "mmd_weight",
            "MMD weight",
            0.1,
            "Weight of the distance to the prior beside the reconstruction. 0: a plain autoencoder.",
            minimum=0.0,
            maximum=100.0,
            live=True,
            logarithmic=True,
        ),
    )
    curves = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("mmd", "MMD²", "regularisation"),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape = setting.architecture
        self.networks = {
            "encoder": self.built("encoder", lambda: Encoder(shape)),
            "decoder": self.built("decoder", lambda: Decoder(shape)),
        }
        both = ("encoder", "decoder")
        self.phases = (Phase("transport", both, self.transport, self.adam(*both)),)

    def losses_at(self, codes: Tensor, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The distance is one of all codes together: each has it, so that the mean is what is minimised."""
        wanted = self.prior.sample(len(codes), torch.Generator(codes.device).manual_seed(0))
        mmd = imq_mmd2(codes / self.prior.sigma, wanted / self.prior.sigma)
        terms = super().losses_at(codes, images, labels)
        return terms | {"mmd": (self.option["mmd_weight"] * mmd).expand(len(codes))}

    def transport(self, batch: Batch) -> Losses:
        """Minimise the reconstruction error and the distance between E(x) and z ~ p(z)."""
        codes, sigma = self.encode(batch.inputs), self.prior.sigma
        error = self.reconstruction_error(self.decoded_logits(codes), batch.images)
        # The distance is one between whole samples of both, not a mean over codes.
        wanted = self.whole(self.prior_codes(len(batch)))
        mmd = imq_mmd2(self.whole(codes) / sigma, wanted / sigma)
        objective = per_pixel(self.setting.reconstruction, error, batch.images)
        return Losses(objective + self.option["mmd_weight"] * mmd, {"reconstruction": error, "mmd": mmd})
