"""The autoencoder (Hinton and Salakhutdinov, Science 313:504, 2006)."""

from __future__ import annotations

from typing import Any

from aae_studio.core.models.base import Autoencoding, Batch, Curve, Losses, Phase, Setting
from aae_studio.core.networks import Decoder, Encoder


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
        shape = setting.architecture
        self.networks = {
            "encoder": self.built("encoder", lambda: Encoder(shape)),
            "decoder": self.built("decoder", lambda: Decoder(shape)),
        }
        both = ("encoder", "decoder")
        self.phases = (Phase("reconstruction", both, self.reconstruction, self.adam(*both)),)

    def reconstruction(self, batch: Batch) -> Losses:
        """Minimise the distance between x and Dec(E(x))."""
        error = self.reconstruction_error(self.decoded_logits(self.encode(batch.inputs)), batch.images)
        return Losses(error, {"reconstruction": error})
