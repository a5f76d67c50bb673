"""What the AAEs with a categorical code share (Makhzani et al., arXiv 1511.05644, sections 5 to 7)."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from aae_studio.core.losses import mutual_information
from aae_studio.core.models._adversarial import ADVERSARIAL_OPTIONS, AdversarialAutoencoding
from aae_studio.core.models.base import Batch, Curve, Found, Losses, Phase, Setting
from aae_studio.core.networks import CodeDiscriminator, Decoder
from aae_studio.core.options import Option

CROSS_ENTROPY = Curve("cross_entropy", "cross-entropy", "regularisation")


class Latent(NamedTuple):
    """What the encoder makes of a batch: logits of q(y|x), (n, categories), and z, (n, latent size)."""

    logits: Tensor
    style: Tensor

    @property
    def category(self) -> Tensor:
        """q(y|x), shares that sum to 1, (n, categories)."""
        return self.logits.softmax(dim=1)


CATEGORICAL_OPTIONS: tuple[Option, ...] = (
    *ADVERSARIAL_OPTIONS,
    Option(
        "category_weight",
        "Category weight",
        0.1,
        "Weight of the gradient that makes q(y|x) look like draws of one category.",
        minimum=0.0,
        maximum=10.0,
        live=True,
        logarithmic=True,
    ),
    Option(
        "consistency_weight",
        "Consistency weight",
        0.1,
        "How firmly an image and the same image turned, stretched and shifted a little are given the same "
        "category. Needs no label. 0: not at all, as in the paper.",
        minimum=0.0,
        maximum=10.0,
        live=True,
        logarithmic=True,
    ),
)


LABEL_OPTIONS: tuple[Option, ...] = (
    Option(
        "labels",
        "Labels",
        100,
        "Training images whose class the model is told.",
        minimum=1,
        maximum=10_000_000,
        logarithmic=True,
        live=True,
    ),
    Option(
        "classification_weight",
        "Label weight",
        0.1,
        "Weight of the cross-entropy on the labelled images beside the reconstruction.",
        minimum=0.0,
        maximum=100.0,
        live=True,
        logarithmic=True,
    ),
)


class CategoricalAutoencoding(AdversarialAutoencoding):
    """The encoder gives a category y and a style z; a discriminator of its own watches over each.

    One makes q(y) look like Cat(1/K), so that each image belongs to one category and all are equally
    frequent; the other makes q(z) look like p(z), so that the style does not depend on the category. What
    the paper does not have: a category is to tell as much as it can of that of the image when it is moved
    (Ji et al., arXiv 1807.06653), and with it of what is in the image.
    """

    finds: ClassVar[Found] = "classes"
    curves: ClassVar[tuple[Curve, ...]] = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("generator", "generator z", "regularisation"),
        Curve("category_generator", "generator y", "regularisation"),
        Curve("consistency", "log K − I(y; y′)", "regularisation"),
        Curve("d_real", "D(z)", "discriminator"),
        Curve("d_fake", "D(E(x))", "discriminator"),
        Curve("category_d_real", "D(y)", "discriminator"),
        Curve("category_d_fake", "D(q(y|x))", "discriminator"),
    )

    def __init__(self, setting: Setting, categories: int, told: int, **option: Any) -> None:
        """`categories`: K. `told`: numbers behind the code that the decoder gets."""
        super().__init__(setting, **option)
        shape, widths = setting.architecture, self.option["discriminator_hidden"]
        self.categories = categories
        self.networks = {
            "encoder": self.make_encoder(categories),
            "decoder": self.built("told decoder", lambda: Decoder(shape, told)),
            "discriminator": self.built(
                "code discriminator", lambda: CodeDiscriminator(shape.latent_size, widths)
            ),
            "category_discriminator": self.built(
                "category discriminator", lambda: CodeDiscriminator(categories, widths)
            ),
        }

    def adversarial_phases(self, autoencoder: tuple[str, ...], labelled: bool) -> tuple[Phase, ...]:
        """Reconstruction of these networks, both discriminators, the encoder against them, before it what
        makes categories consistent, and with `labelled` the classification of images that have labels."""
        shared, encoder = self.adam(*autoencoder), ("encoder",)
        fooling = self.encoder_optimizer(shared)
        phases = (
            Phase("reconstruction", autoencoder, self.reconstruction, shared, updates=not self.joint),
            self.judge_phase("category_discriminator", self.category_discriminator),
            self.judge_phase("discriminator", self.discriminator),
            # One step follows it and the discriminators. Images that are moved do not stand for all.
            Phase("consistency", encoder, self.consistency, fooling, updates=False, typical=False),
            # A joint step is taken by the last phase of the encoder.
            Phase("generator", encoder, self.generate, fooling, updates=not (labelled and self.joint)),
        )
        if not labelled:
            return phases
        optimizer = self.encoder_optimizer(shared)
        # The few images that have labels do not stand for all either.
        last = Phase(
            "classification", encoder, self.classification, optimizer, labelled="labels", typical=False
        )
        return (*phases, last)

    def class_shares(self, images: Tensor) -> Tensor:
        # Without the style, which may be drawn: looking must not touch the training's random numbers.
        return self.encoder.categories(self.encoder.trunk(images)).softmax(dim=1)

    def condition_of(self, images: Tensor, labels: Tensor) -> Tensor | None:
        return self.class_shares(images) if self.conditions else None

    def encode_batch(self, batch: Batch) -> Latent:
        return self._latent(batch.inputs)

    def reconstruction(self, batch: Batch) -> Losses:
        """Train encoder and decoder on the distance between x and Dec(y, z)."""
        return self.reconstruction_losses(self.rebuilt(self.encoded(batch)), batch)

    def rebuilt(self, latent: Latent) -> Tensor:
        """The decoder's logits for what the encoder found."""
        return self.decoded_logits(latent.style, latent.category)

    def category_discriminator(self, batch: Batch) -> Losses:
        """Train D to tell y ~ Cat(1/K) (real) from q(y|x) (fake)."""
        real = self.one_hot_draws(len(batch), self.categories)
        fake = self.encoded(batch).category
        loss, d_real, d_fake = self.discrimination("category_discriminator", real, fake)
        return Losses(loss, {"category_d_real": d_real, "category_d_fake": d_fake})

    def discriminator(self, batch: Batch) -> Losses:
        """Train D to tell z ~ p(z) (real) from the style of E(x) (fake)."""
        real, fake = self.prior_codes(len(batch)), self.encoded(batch).style
        loss, d_real, d_fake = self.discrimination(
            "discriminator", self.in_sigmas(real), self.in_sigmas(fake)
        )
        return Losses(loss, {"d_real": d_real, "d_fake": d_fake})

    def consistency(self, batch: Batch) -> Losses:
        """Train the encoder to find the category again when the image is moved: log K − I(y; y′) → 0 nats."""
        weight, here = self.option["consistency_weight"], self.encoded(batch).category
        # Without weight it is a figure alone, for which nothing goes back through the second pass.
        with torch.set_grad_enabled(weight > 0):
            there = self.encoder.categories(self.encoder.trunk(self.moved(batch.images))).softmax(dim=1)
        # A figure of the whole batch, not a mean over images, and no more than log K.
        missing = math.log(self.categories) - mutual_information(self.whole(here), self.whole(there))
        return Losses(weight * missing, {"consistency": missing})

    def generate(self, batch: Batch) -> Losses:
        """Train the encoder to make both discriminators say real."""
        latent = self.encoded(batch)
        category = self.fooling("category_discriminator", latent.category)
        style = self.fooling("discriminator", self.in_sigmas(latent.style))
        self.forget_encoded()
        objective = self.option["adversarial_weight"] * style + self.option["category_weight"] * category
        return Losses(objective, {"generator": style, "category_generator": category})

    def classification(self, batch: Batch) -> Losses:
        """Train the encoder to give the labelled images their classes."""
        logits = self.encoder.categories(self.encoder.trunk(batch.inputs))
        loss = F.cross_entropy(logits, batch.labels)
        return Losses(self.option["classification_weight"] * loss, {"cross_entropy": loss})

    def _latent(self, images: Tensor) -> Latent:
        features = self.encoder.trunk(images)
        return Latent(self.encoder.categories(features), self.encoder.sampled(features, self.noise_like))
