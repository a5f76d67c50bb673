"""The adversarial autoencoder (Makhzani et al., arXiv 1511.05644)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from aae_studio.core.models.base import (
    Autoencoding,
    Curve,
    Losses,
    Phase,
    Setting,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    per_pixel,
)
from aae_studio.core.networks import CodeDiscriminator, Decoder, Encoder, seeded
from aae_studio.core.options import Option


class AdversarialAutoencoder(Autoencoding):
    """An autoencoder whose codes a discriminator compares with samples of the prior.

    The discriminator takes the place of the VAE's KL divergence. It sees codes in units of the prior's
    σ. With `joint` updates, one Adam step of the encoder follows the reconstruction gradient plus the
    weighted generator gradient; with `two-phase`, as in the paper, each has its own optimiser. The
    first holds for as long as training goes on; the second drifts, because near equilibrium the
    generator's gradient vanishes and an Adam of its own scales the remaining noise up.
    """

    title = "Adversarial autoencoder"
    short = "AAE"
    summary = "D vs prior"
    color = "model-aae"
    order = 30
    options = (
        Option(
            "adversarial_weight",
            "Adversarial weight (AAE)",
            0.03,
            "Weight of the generator's gradient beside the reconstruction's. 0: a plain autoencoder. "
            "With two-phase updates it hardly matters: Adam does not mind scale.",
            minimum=0.0,
            maximum=10.0,
            live=True,
            logarithmic=True,
        ),
        Option(
            "discriminator_steps",
            "D steps (AAE)",
            1,
            "Discriminator updates per training step.",
            minimum=1,
            maximum=10,
            live=True,
        ),
        Option(
            "discriminator_rate",
            "D rate (AAE)",
            0.5,
            "The discriminator's learning rate as a multiple of the experiment's.",
            minimum=0.01,
            maximum=10.0,
            live=True,
            logarithmic=True,
        ),
        Option(
            "r1",
            "R1 penalty (AAE)",
            0.1,
            "Holds the discriminator's slope at prior samples down, so that it cannot saturate.",
            minimum=0.0,
            maximum=100.0,
            live=True,
            logarithmic=True,
        ),
        Option(
            "discriminator_hidden",
            "D layers (AAE)",
            (128, 128),
            "Widths of the discriminator's hidden layers.",
            minimum=1,
            maximum=8192,
        ),
        Option(
            "updates",
            "Updates (AAE)",
            "joint",
            "joint: one step for both gradients of the encoder. two-phase: the paper's, one after the other.",
            choices=("joint", "two-phase"),
        ),
        Option(
            "posterior",
            "Posterior (AAE)",
            "deterministic",
            "deterministic: z = E(x). gaussian: z ~ N(mean, variance), both from the encoder.",
            choices=("deterministic", "gaussian"),
        ),
    )
    curves = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("generator", "generator", "regularisation"),
        Curve("d_real", "D(z)", "discriminator"),
        Curve("d_fake", "D(E(x))", "discriminator"),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape, seed, device = setting.architecture, setting.seed, setting.device
        gaussian = self.option["posterior"] == "gaussian"
        widths = self.option["discriminator_hidden"]
        discriminator = seeded(
            seed, "code discriminator", lambda: CodeDiscriminator(shape.latent_size, widths)
        )
        self.networks = {
            "encoder": seeded(seed, "encoder", lambda: Encoder(shape, gaussian)).to(device),
            "decoder": seeded(seed, "decoder", lambda: Decoder(shape)).to(device),
            "discriminator": discriminator.to(device),
        }
        self.joint = self.option["updates"] == "joint"
        autoencoder = self.adam("encoder", "decoder")
        fool = autoencoder if self.joint else self.adam("encoder", beta1=0.5)
        judge = self.adam("discriminator", rate=self.option["discriminator_rate"], beta1=0.5)
        self.phases = (
            Phase(
                "reconstruction",
                ("encoder", "decoder"),
                self.reconstruction,
                autoencoder,
                updates=not self.joint,
            ),
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator,
                judge,
                repeats="discriminator_steps",
            ),
            Phase("generator", ("encoder",), self.generate, fool),
        )
        self._codes: tuple[Tensor, Tensor] | None = None

    def reconstruction(self, images: Tensor) -> Losses:
        """Train encoder and decoder on the reconstruction error."""
        codes = self._posterior_codes(images)
        # A separate update moves the encoder, and these codes are then out of date.
        self._codes = (images, codes) if self.joint else None
        logits = self.networks["decoder"](codes)
        error = self.reconstruction_error(logits, images)
        objective = per_pixel(self.setting.reconstruction, error, images)
        return Losses(objective, {"reconstruction": error})

    def discriminator(self, images: Tensor) -> Losses:
        """Train D to tell z ~ p(z) (real) from E(x) (fake); no gradient reaches the encoder."""
        real_codes = self._in_sigmas(self.prior_codes(len(images))).requires_grad_(True)
        fake_codes = self._in_sigmas(self._current_codes(images)).detach()
        logits = self.networks["discriminator"](torch.cat([real_codes, fake_codes]))
        real, fake = logits.split(len(images))
        objective = discriminator_loss(real, fake)
        if self.option["r1"]:
            objective = objective + 0.5 * self.option["r1"] * gradient_penalty(real, real_codes)
        figures = {"d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        return Losses(objective, figures)

    def generate(self, images: Tensor) -> Losses:
        """Train the encoder to make D say real to its codes."""
        codes = self._in_sigmas(self._current_codes(images))
        loss = generator_loss(self.networks["discriminator"](codes))
        self._codes = None
        return Losses(self.option["adversarial_weight"] * loss, {"generator": loss})

    def rate_factor(self, phase: Phase) -> float:
        return self.option["discriminator_rate"] if phase.name == "discriminator" else 1.0

    def _posterior_codes(self, images: Tensor) -> Tensor:
        if self.encoder.log_variance is None:
            return self.encode(images)
        mean, log_variance = self.encoder.posterior(images)
        return mean + (0.5 * log_variance).exp() * self.noise_like(mean)

    def _current_codes(self, images: Tensor) -> Tensor:
        """Codes of this batch from the encoder as it is now, computed once for all phases they serve."""
        if self._codes is None or self._codes[0] is not images:
            self._codes = (images, self._posterior_codes(images))
        return self._codes[1]

    def _in_sigmas(self, codes: Tensor) -> Tensor:
        return codes / self.prior.sigma
