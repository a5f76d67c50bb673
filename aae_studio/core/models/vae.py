"""The variational autoencoder (Kingma and Welling, arXiv 1312.6114; β: Higgins et al., 2017)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from aae_studio.core.errors import StudioError
from aae_studio.core.models.base import Autoencoding, Curve, Losses, Phase, Setting
from aae_studio.core.networks import Decoder, Encoder, seeded
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
            "β (VAE)",
            1.0,
            "Weight of the KL divergence. 0: an autoencoder with noise. Large: codes forget the image.",
            minimum=0.0,
            maximum=1000.0,
            live=True,
            logarithmic=True,
        ),
        Option(
            "pixel_sigma",
            "Pixel σ (VAE)",
            0.25,
            "Standard deviation that the decoder grants a pixel, with mse. Smaller: sharper, less regular.",
            minimum=0.01,
            maximum=10.0,
            live=True,
            logarithmic=True,
        ),
    )
    curves = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("kl", "KL", "regularisation"),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        shape, seed = setting.architecture, setting.seed
        encoder = seeded(seed, "encoder", lambda: Encoder(shape, gaussian=True))
        self.networks = {
            "encoder": encoder.to(setting.device),
            "decoder": seeded(seed, "decoder", lambda: Decoder(shape)).to(setting.device),
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

    def elbo(self, images: Tensor) -> Losses:
        """Maximise the evidence lower bound: reconstruct from z ~ q(z|x), and keep q near p(z)."""
        mean, log_variance = self.encoder.posterior(images)
        noise = self.noise_like(mean)
        codes = mean + (0.5 * log_variance).exp() * noise
        error = self.reconstruction_error(self.networks["decoder"](codes), images)
        divergence = self.prior.kl_from_gaussian(mean, log_variance)
        if divergence is None:
            divergence = sampled_kl(self.prior, codes, noise, log_variance)
        kl = divergence.mean()
        pixels = images[0].numel()
        nats = error
        if self.setting.reconstruction == "mse":
            nats = error * pixels / (2 * self.option["pixel_sigma"] ** 2)
        objective = (nats + self.option["beta"] * kl) / pixels
        return Losses(objective, {"reconstruction": error, "kl": kl})
