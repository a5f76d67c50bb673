"""The variational autoencoder (Kingma and Welling, arXiv 1312.6114).

β: Higgins et al., ICLR 2017. Annealing: Bowman et al., arXiv 1511.06349.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from aae_studio.core.errors import StudioError
from aae_studio.core.models.base import Autoencoding, Batch, Curve, Losses, Phase, Setting
from aae_studio.core.networks import Decoder, Encoder
from aae_studio.core.options import Option
from aae_studio.core.priors.base import Prior


def sampled_kl(prior: Prior, codes: Tensor, noise: Tensor, log_variance: Tensor) -> Tensor:
    """One-sample Monte Carlo estimate of KL(q || p) in nats, shape (n,).

    `codes` = mean + exp(log_variance / 2) · noise; log q(z|x) - log p(z) at that one z (section 2.3).
    """
    log_q = -0.5 * (noise.square() + log_variance + math.log(2 * math.pi)).sum(dim=1)
    return log_q - prior.log_prob(codes)


class VariationalAutoencoder(Autoencoding):
    """The encoder gives a Gaussian q(z|x); a KL divergence pulls it toward the prior.

    With `mse` the decoder is N(x; Dec(z), s²I) with a fixed s, so the negative log-likelihood is the
    squared error over 2s² (plus a constant); with `bernoulli` it is the cross-entropy. The objective is
    that, in nats per image, plus β · KL, over the number of pixels.
    """

    title = "Variational autoencoder"
    short = "VAE"
    summary = "KL to prior"
    color = "model-vae"
    order = 20
    options = (
        Option(
            "beta",
            "β",
            1.0,
            "Weight of the KL divergence. 0: an autoencoder with noise. Large: codes forget the image.",
            minimum=0.0,
            maximum=1000.0,
            live=True,
            logarithmic=True,
        ),
        Option(
            "annealing_steps",
            "β annealing",
            0,
            "Steps in which β rises from 0 to its value, so that the codes learn something first.",
            minimum=0,
            maximum=10_000_000,
            live=True,
            logarithmic=True,
            rare=True,
        ),
        Option(
            "pixel_sigma",
            "Pixel σ",
            0.25,
            "Standard deviation that the decoder grants a pixel, with mse. Smaller: sharper, less regular.",
            minimum=0.01,
            maximum=10.0,
            live=True,
            logarithmic=True,
            rare=True,
        ),
    )
    curves = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("kl", "KL", "regularisation"),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape = setting.architecture
        self.networks = {
            "encoder": self.built("encoder", lambda: Encoder(shape, gaussian=True)),
            "decoder": self.built("decoder", lambda: Decoder(shape)),
        }
        both = ("encoder", "decoder")
        self.phases = (Phase("elbo", both, self.elbo, self.adam(*both)),)

    def check_prior(self, prior: Prior) -> None:
        if not prior.has_log_prob:
            raise StudioError(
                "The VAE needs a prior with a density for its KL divergence, and “{title}” has none. "
                "Choose another prior, or train the AAE toward it.",
                title=prior.title,
            )
        if not prior.positive_everywhere:
            raise StudioError(
                "The VAE's KL divergence to “{title}” is infinite, because that prior is zero outside "
                "its figure. Choose another prior, or train the AAE toward it.",
                title=prior.title,
            )

    @property
    def beta(self) -> float:
        """β at this step: it rises in a straight line while it is annealed."""
        steps = self.option["annealing_steps"]
        share = min(1.0, self.step / steps) if steps else 1.0
        return float(self.option["beta"] * share)

    def losses_at(self, codes: Tensor, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """At z ~ q(z|x): of KL(q || p) = E[log q] - E[log p], the mean of q moves the second part alone."""
        terms = super().losses_at(codes, images, labels)
        if self.setting.reconstruction == "mse":
            terms["reconstruction"] = terms["reconstruction"] / (2 * self.option["pixel_sigma"] ** 2)
        return terms | {"kl": -self.beta * self.prior.log_prob(codes) / images[0].numel()}

    def elbo(self, batch: Batch) -> Losses:
        """Maximise the evidence lower bound: reconstruct from z ~ q(z|x), and keep q near p(z)."""
        images = batch.images
        mean, log_variance = self.encoder.posterior(batch.inputs)
        noise = self.noise_like(mean)
        codes = mean + (0.5 * log_variance).exp() * noise
        error = self.reconstruction_error(self.decoded_logits(codes), images)
        divergence = self.prior.kl_from_gaussian(mean, log_variance)
        if divergence is None:
            divergence = sampled_kl(self.prior, codes, noise, log_variance)
        kl = divergence.mean()
        pixels = images[0].numel()
        nats = error
        if self.setting.reconstruction == "mse":
            nats = error * pixels / (2 * self.option["pixel_sigma"] ** 2)
        objective = (nats + self.beta * kl) / pixels
        return Losses(objective, {"reconstruction": error, "kl": kl})
