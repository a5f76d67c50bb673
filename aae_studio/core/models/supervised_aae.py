"""The supervised adversarial autoencoder (Makhzani et al., arXiv 1511.05644, section 4)."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from aae_studio.core.models._adversarial import ADVERSARIAL_OPTIONS, AdversarialAutoencoding
from aae_studio.core.models.base import Batch, Losses, Phase, Setting
from aae_studio.core.networks import CodeDiscriminator, Decoder


class SupervisedAdversarialAutoencoder(AdversarialAutoencoding):
    """The decoder is told the class of the image, so that the code has to hold nothing but the style."""

    title = "Supervised AAE"
    short = "S-AAE"
    summary = "class + style"
    color = "model-supervised-aae"
    order = 60
    options = ADVERSARIAL_OPTIONS

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape, widths = setting.architecture, self.option["discriminator_hidden"]
        self.conditions = setting.classes
        self.networks = {
            "encoder": self.make_encoder(),
            "decoder": self.built("told decoder", lambda: Decoder(shape, len(self.conditions))),
            "discriminator": self.built(
                "code discriminator", lambda: CodeDiscriminator(shape.latent_size, widths)
            ),
        }
        both = ("encoder", "decoder")
        autoencoder = self.adam(*both)
        self.phases = (
            Phase("reconstruction", both, self.reconstruction, autoencoder, updates=not self.joint),
            self.judge_phase("discriminator", self.discriminator),
            Phase("generator", ("encoder",), self.generate, self.encoder_optimizer(autoencoder)),
        )

    def condition_of(self, images: Tensor, labels: Tensor) -> Tensor:
        return F.one_hot(labels, len(self.conditions)).float()

    def reconstruction(self, batch: Batch) -> Losses:
        """Train encoder and decoder on the distance between x and Dec(y, E(x))."""
        told = self.condition_of(batch.images, batch.labels)
        return self.reconstruction_losses(self.decoded_logits(self.encoded(batch), told), batch)

    def discriminator(self, batch: Batch) -> Losses:
        """Train D to tell z ~ p(z) (real) from E(x) (fake)."""
        real, fake = self.prior_codes(len(batch)), self.encoded(batch)
        loss, d_real, d_fake = self.discrimination(
            "discriminator", self.in_sigmas(real), self.in_sigmas(fake)
        )
        return Losses(loss, {"d_real": d_real, "d_fake": d_fake})

    def generate(self, batch: Batch) -> Losses:
        """Train the encoder to make D say real to its codes: they then cannot tell the class."""
        loss = self.fooling("discriminator", self.in_sigmas(self.encoded(batch)))
        self.forget_encoded()
        return Losses(self.option["adversarial_weight"] * loss, {"generator": loss})
