"""The adversarial autoencoder (Makhzani et al., arXiv 1511.05644, sections 2 and 2.3)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aae_studio.core.errors import StudioError
from aae_studio.core.ids import IdsOption, read_labels
from aae_studio.core.models._adversarial import ADVERSARIAL_OPTIONS, AdversarialAutoencoding
from aae_studio.core.models.base import UNLABELLED, Batch, Losses, Phase, Setting
from aae_studio.core.networks import CodeDiscriminator, Decoder
from aae_studio.core.options import Option
from aae_studio.core.priors.base import Prior


class AdversarialAutoencoder(AdversarialAutoencoding):
    """An autoencoder whose codes a discriminator compares with samples of the prior.

    With labels, the discriminator is told the class of each code, or that it has none: each class then
    goes to its own part of the prior (section 2.3).
    """

    title = "Adversarial autoencoder"
    short = "AAE"
    summary = "D vs prior"
    color = "model-aae"
    order = 30
    options = (
        *ADVERSARIAL_OPTIONS,
        Option(
            "labels",
            "Labels",
            0,
            "Training images whose class the discriminator is told, so that each class goes to its own part "
            "of the prior; of a dataset without end, so many in each epoch. 0: none.",
            minimum=0,
            maximum=10_000_000,
            logarithmic=True,
        ),
        Option(
            "labelling",
            "Labelling",
            "count",
            "count: as many images have labels as “Labels” says, equally many of each class. hand: those "
            "that were chosen one by one, which can be none at first.",
            choices=("count", "hand"),
        ),
        IdsOption(
            "labelled",
            "Labelled images",
            "",
            "Ids of the training images that have labels where they are chosen by hand, such as 3,17-20, "
            "or with another class than their own, counted from 0, such as 3,17-20=7.",
            live=True,
            panel="labels",
            word="IDS",
        ),
    )

    def __init__(self, setting: Setting, **option: Any) -> None:
        super().__init__(setting, **option)
        nothing = torch.empty(0, dtype=torch.int64, device=setting.device)
        self._by_hand: tuple[str, tuple[Tensor, Tensor]] = ("", (nothing, nothing))
        shape, widths = setting.architecture, self.option["discriminator_hidden"]
        # One more class stands for “unlabelled”.
        told = len(setting.classes) + 1 if self.informed else 0
        self.networks = {
            "encoder": self.make_encoder(),
            "decoder": self.built("decoder", lambda: Decoder(shape)),
            "discriminator": self.built(
                "code discriminator", lambda: CodeDiscriminator(shape.latent_size + told, widths)
            ),
        }
        both = ("encoder", "decoder")
        autoencoder = self.adam(*both)
        fooling = self.encoder_optimizer(autoencoder)
        self.phases = (
            Phase("reconstruction", both, self.reconstruction, autoencoder, updates=not self.joint),
            self.judge_phase("discriminator", self.discriminator),
            Phase("generator", ("encoder",), self.generate, fooling),
        )

    @property
    def informed(self) -> bool:
        """Whether the discriminator is told the classes of images, as far as they are labelled."""
        return bool(self.option["labels"]) or self.option["labelling"] == "hand"

    def check_prior(self, prior: Prior) -> None:
        if self.informed and not prior.has_parts:
            raise StudioError(
                "The AAE is to send each class to its own part of the prior, and “{title}” has no parts. "
                "Choose 10 Gaussians, the Swiss roll or the ring, or let the AAE have no labels.",
                title=prior.title,
            )

    def reconstruction(self, batch: Batch) -> Losses:
        """Train encoder and decoder on the reconstruction error."""
        return self.reconstruction_losses(self.decoded_logits(self.encoded(batch)), batch)

    def discriminator(self, batch: Batch) -> Losses:
        """Train D to tell z ~ p(z) (real) from E(x) (fake); no gradient reaches the encoder."""
        real = self._shown(self._prior_codes(batch), batch)
        fake = self._shown(self.encoded(batch), batch)
        loss, d_real, d_fake = self.discrimination("discriminator", real, fake)
        return Losses(loss, {"d_real": d_real, "d_fake": d_fake})

    def generate(self, batch: Batch) -> Losses:
        """Train the encoder to make D say real to its codes."""
        loss = self.fooling("discriminator", self._shown(self.encoded(batch), batch))
        self.forget_encoded()
        return Losses(self.option["adversarial_weight"] * loss, {"generator": loss})

    def judged(self, codes: Tensor, condition: Tensor | None = None) -> Tensor | None:
        """With labels, what D says to codes whose class it is not told."""
        unlabelled = torch.full((len(codes),), UNLABELLED, device=codes.device)
        logits: Tensor = self.networks["discriminator"](self._told(codes, unlabelled))
        return logits.squeeze(1)

    def _prior_codes(self, batch: Batch) -> Tensor:
        """z ~ p(z), or z from the part of the prior that belongs to each known label."""
        if not self.informed:
            return self.prior_codes(len(batch))
        return self.prior_codes_given(self._known_labels(batch))

    def _known_labels(self, batch: Batch) -> Tensor:
        """Labels (n,) of the images that have one."""
        if self.option["labelling"] == "hand":
            labels = batch.labels_of(*self._labelled_by_hand())
            return torch.where(labels < len(self.setting.classes), labels, UNLABELLED)
        return batch.known_labels(self.option["labels"])

    def _labelled_by_hand(self) -> tuple[Tensor, Tensor]:
        """Ids of the chosen images, rising, and their classes, on the device; copied there once."""
        text = self.option["labelled"]
        if self._by_hand[0] != text:
            ids, classes = (torch.tensor(part, device=self.setting.device) for part in read_labels(text))
            self._by_hand = text, (ids, classes)
        return self._by_hand[1]

    def _shown(self, codes: Tensor, batch: Batch) -> Tensor:
        """What D sees of a batch's codes."""
        return self._told(codes, self._known_labels(batch))

    def _told(self, codes: Tensor, labels: Tensor) -> Tensor:
        """Codes in units of σ, and where D is told labels (n,) the class of each."""
        codes = self.in_sigmas(codes)
        if not self.informed:
            return codes
        # “Unlabelled”, below 0, becomes the first of the classes + 1 places.
        told = F.one_hot(labels + 1, len(self.setting.classes) + 1)
        return torch.cat([codes, told.to(codes)], dim=1)
