"""The autoencoder (Hinton and Salakhutdinov, Science 313:504, 2006)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from aae_studio.core.models.base import Autoencoding, Curve, Losses, Phase, Setting
from aae_studio.core.networks import Decoder, Encoder, seeded


class Autoencoder(Autoencoding):
    """Encoder and decoder, trained on the reconstruction error alone. Its latent space is free."""

    title = "Autoencoder"
    short = "AE"
    summary = "no prior"
    color = "model-ae"
    order = 10
    uses_prior = False
    curves = (Curve("reconstruction", "reconstruction", "reconstruction"),)

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape, seed = setting.architecture, setting.seed
        self.networks = {
            "encoder": seeded(seed, "encoder", lambda: Encoder(shape)).to(setting.device),
            "decoder": seeded(seed, "decoder", lambda: Decoder(shape)).to(setting.device),
        }
        both = ("encoder", "decoder")
        self.phases = (Phase("reconstruction", both, self.reconstruction, self.adam(*both)),)

    def reconstruction(self, images: Tensor) -> Losses:
        """Minimise the distance between x and Dec(E(x))."""
        logits = self.networks["decoder"](self.encode(images))
        error = self.reconstruction_error(logits, images)
        return Losses(error, {"reconstruction": error})
