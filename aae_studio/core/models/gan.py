"""The generative adversarial network (Goodfellow et al., arXiv 1406.2661)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from aae_studio.core.losses import discriminator_loss, generator_loss, gradient_penalty
from aae_studio.core.models._discriminator import discriminator_options
from aae_studio.core.models.base import Batch, Curve, Losses, Model, Phase, Setting
from aae_studio.core.networks import Decoder, ImageDiscriminator


class GenerativeAdversarialNetwork(Model):
    """A generator (the forger) makes images from prior codes; a discriminator (the police) tells
    them from real ones. It has no encoder: no image has a place in its latent space."""

    title = "Generative adversarial network"
    short = "GAN"
    summary = "no encoder"
    color = "model-gan"
    order = 40
    options = discriminator_options(rate=1.0, r1=1.0)
    curves = (
        Curve("generator", "generator", "regularisation"),
        Curve("d_real", "D(x)", "discriminator"),
        Curve("d_fake", "D(G(z))", "discriminator"),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape = setting.architecture
        self.networks = {
            # The generator has the decoder's role and starts from the same weights.
            "generator": self.built("decoder", lambda: Decoder(shape)),
            "discriminator": self.built("image discriminator", lambda: ImageDiscriminator(shape)),
        }
        # β1 = 0.5: Radford et al., arXiv 1511.06434, section 3.
        self.phases = (
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator,
                self.adam("discriminator", beta1=0.5),
                repeats="discriminator_steps",
            ),
            Phase("generator", ("generator",), self.generate, self.adam("generator", beta1=0.5)),
        )

    def rate_factor(self, phase: Phase) -> float:
        return self.option["discriminator_rate"] if phase.name == "discriminator" else 1.0

    def decode(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        logits: Tensor = self.networks["generator"](codes)
        return logits.sigmoid()

    def judged(self, codes: Tensor, condition: Tensor | None = None) -> Tensor | None:
        logits: Tensor = self.networks["discriminator"](self.decode(codes))
        return logits.squeeze(1)

    def discriminator(self, batch: Batch) -> Losses:
        """Train D to say real to images x and fake to G(z)."""
        judge = self.networks["discriminator"]
        with torch.no_grad():
            forged = self.decode(self.prior_codes(len(batch)))
        images = batch.images.detach().requires_grad_(True)
        real, fake = judge(images), judge(forged)
        objective = discriminator_loss(real, fake)
        if self.option["r1"]:
            objective = objective + 0.5 * self.option["r1"] * gradient_penalty(real, images)
        figures = {"d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        return Losses(objective, figures)

    def generate(self, batch: Batch) -> Losses:
        """Train G to make D say real."""
        forged = self.decode(self.prior_codes(len(batch)))
        loss = generator_loss(self.networks["discriminator"](forged))
        return Losses(loss, {"generator": loss})
