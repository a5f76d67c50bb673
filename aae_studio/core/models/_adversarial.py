"""What all models of the adversarial autoencoder's paper share (Makhzani et al., arXiv 1511.05644)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from aae_studio.core.losses import discriminator_loss, generator_loss, gradient_penalty, per_pixel
from aae_studio.core.models._discriminator import discriminator_options
from aae_studio.core.models.base import Autoencoding, Batch, Curve, Losses, Phase, Setting
from aae_studio.core.networks import Encoder
from aae_studio.core.options import Option

# η of the universal approximator posterior: so many standard normal numbers.
NOISE_SIZE = 16


ADVERSARIAL_OPTIONS: tuple[Option, ...] = (
    Option(
        "adversarial_weight",
        "Adversarial weight",
        0.06,
        "Weight of the generator's gradient beside the reconstruction's. 0: a plain autoencoder. "
        "With two-phase updates it hardly matters: Adam does not mind scale.",
        minimum=0.0,
        maximum=10.0,
        live=True,
        logarithmic=True,
    ),
    *discriminator_options(rate=0.5, r1=0.1),
    Option(
        "discriminator_hidden",
        "D layers",
        (256, 256),
        "Widths of the discriminator's hidden layers.",
        minimum=1,
        maximum=8192,
        rare=True,
    ),
    Option(
        "updates",
        "Updates",
        "joint",
        "joint: one step for both gradients of the encoder. two-phase: the paper's, one after the other.",
        choices=("joint", "two-phase"),
    ),
    Option(
        "posterior",
        "Posterior",
        "deterministic",
        "deterministic: z = E(x). gaussian: z ~ N(mean, variance), both from the encoder. universal: "
        "z = E(x, η) with noise η, which can take any shape.",
        choices=("deterministic", "gaussian", "universal"),
    ),
)


class AdversarialAutoencoding(Autoencoding):
    """An autoencoder whose codes a discriminator compares with samples of the prior.

    The discriminator takes the place of the VAE's KL divergence. It sees codes in units of the prior's
    σ. With `joint` updates, one Adam step of the encoder follows the reconstruction gradient plus the
    weighted generator gradient; with `two-phase`, as in the paper, each has its own optimiser. The
    first holds for as long as training goes on; the second drifts, because near equilibrium the
    generator's gradient vanishes and an Adam of its own scales the remaining noise up.
    """

    curves: ClassVar[tuple[Curve, ...]] = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("generator", "generator", "regularisation"),
        Curve("d_real", "D(z)", "discriminator"),
        Curve("d_fake", "D(E(x))", "discriminator"),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        self._encoded: tuple[Batch, Any] | None = None

    def make_encoder(self, categories: int = 0) -> nn.Module:
        """The encoder that the option `posterior` asks for, with logits of so many classes or clusters."""
        gaussian = self.option["posterior"] == "gaussian"
        noise = NOISE_SIZE if self.option["posterior"] == "universal" else 0
        shape, clusters = self.setting.architecture, self.finds == "clusters"
        return self.built("encoder", lambda: Encoder(shape, gaussian, noise, categories, clusters))

    @property
    def joint(self) -> bool:
        """Whether all gradients of the encoder go into one step."""
        return bool(self.option["updates"] == "joint")

    def encoder_optimizer(self, shared: Optimizer) -> Optimizer:
        """The optimiser of a phase that trains the encoder alone: the shared one with joint updates."""
        return shared if self.joint else self.adam("encoder", beta1=0.5)

    def judge_phase(self, network: str, loss: Callable[[Batch], Losses]) -> Phase:
        """The phase, named as its network, that trains one discriminator."""
        optimizer = self.adam(network, beta1=0.5)
        return Phase(network, (network,), loss, optimizer, repeats="discriminator_steps")

    def rate_factor(self, phase: Phase) -> float:
        return self.option["discriminator_rate"] if phase.repeats == "discriminator_steps" else 1.0

    def encode_batch(self, batch: Batch) -> Any:
        """What the phases need of the encoder: codes z ~ q(z|x), (n, latent size)."""
        return self.encoder.sampled(self.encoder.trunk(batch.inputs), self.noise_like)

    def encoded(self, batch: Batch) -> Any:
        """What `encode_batch` gives with the encoder as it is now, computed once for all phases it serves."""
        if self._encoded is None or self._encoded[0] is not batch:
            self._encoded = (batch, self.encode_batch(batch))
        return self._encoded[1]

    def forget_encoded(self) -> None:
        """To be called where an update follows that moves the encoder."""
        self._encoded = None

    def in_sigmas(self, codes: Tensor) -> Tensor:
        """Codes as the discriminator sees them: whatever the prior's σ, they have the scale 1."""
        return codes / self.prior.sigma

    def judged(self, codes: Tensor, condition: Tensor | None = None) -> Tensor | None:
        logits: Tensor = self.networks["discriminator"](self.in_sigmas(codes))
        return logits.squeeze(1)

    def losses_at(self, codes: Tensor, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.judged(codes)
        assert logits is not None
        adversarial = self.option["adversarial_weight"] * F.softplus(-logits)
        return super().losses_at(codes, images, labels) | {"adversarial": adversarial}

    def reconstruction_losses(self, logits: Tensor, batch: Batch) -> Losses:
        """The reconstruction error as objective and figure; what separate updates make stale is forgotten."""
        if not self.joint:
            self.forget_encoded()
        error = self.reconstruction_error(logits, batch.images)
        objective = per_pixel(self.setting.reconstruction, error, batch.images)
        return Losses(objective, {"reconstruction": error})

    def discrimination(self, network: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """D's loss, and the mean of what it says to real and fake vectors (n, size); no gradient reaches
        where the fakes came from."""
        real = real.detach().requires_grad_(True)
        logits = self.networks[network](torch.cat([real, fake.detach()]))
        says_real, says_fake = logits.split(len(real))
        loss = discriminator_loss(says_real, says_fake)
        if self.option["r1"]:
            loss = loss + 0.5 * self.option["r1"] * gradient_penalty(says_real, real)
        return loss, says_real.sigmoid().mean(), says_fake.sigmoid().mean()

    def fooling(self, network: str, fake: Tensor) -> Tensor:
        """The generator's loss: how far D is from saying real to these vectors."""
        return generator_loss(self.networks[network](fake))
