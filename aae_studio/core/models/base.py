"""What a model is: networks, and an ordered tuple of phases that train them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from aae_studio.core.compiler_shim import Adam
from aae_studio.core.corruption import AFFINE, Corruption
from aae_studio.core.errors import StudioError
from aae_studio.core.losses import each_error, reconstruction_error
from aae_studio.core.networks import Architecture, BatchNorm, Encoder, seed_for, seeded
from aae_studio.core.options import Option
from aae_studio.core.parallel import Share
from aae_studio.core.priors.base import Prior


@dataclass(frozen=True)
class Curve:
    """A figure that a model reports every step, and the plot it belongs to.

    `plot` is `reconstruction`, `regularisation` or `discriminator`.
    """

    name: str
    label: str
    plot: str


N = TypeVar("N", bound=nn.Module)
Networks = dict[str, nn.Module]
# How far a model moves images that are to mean the same to it.
MOVES = Corruption("affine", 0.3)
# The label of an image whose class a model may not see.
UNLABELLED = -1


@dataclass(frozen=True)
class Batch:
    """The samples of one step, the same for all models.

    `images`: (n, C, H, W) in [0, 1]. `labels`: (n,) int64, places in the dataset's classes. `ranks`: (n,)
    int64, each training image's place in the order in which labels are given away, class by class in
    turn: the first N ranks are a labelled set of N images with equal shares of the classes. `ids`: (n,)
    int64, as in a `Split`. `share` says which samples of a larger batch these are, where several processes
    divide it among themselves. `corrupted`: the images with noise on them, where encoders are to see those.
    """

    images: Tensor
    labels: Tensor
    ranks: Tensor
    ids: Tensor
    share: Share | None = None
    corrupted: Tensor | None = None

    @property
    def inputs(self) -> Tensor:
        """What an encoder is given, (n, C, H, W); `images` is what is to be reconstructed from it."""
        return self.images if self.corrupted is None else self.corrupted

    def __len__(self) -> int:
        return len(self.images)

    def known_labels(self, count: int) -> Tensor:
        """Labels (n,) where only `count` training images have one; `UNLABELLED` for the others."""
        return torch.where(self.ranks < count, self.labels, UNLABELLED)

    def labels_of(self, ids: Tensor, classes: Tensor) -> Tensor:
        """Labels (n,) where only the images with these rising ids (any,) have one; else `UNLABELLED`.

        `classes` (any,): which one, or below 0 for the dataset's.
        """
        if not len(ids):
            return torch.full_like(self.labels, UNLABELLED)
        place = torch.searchsorted(ids, self.ids).clamp(max=len(ids) - 1)
        label = torch.where(classes[place] < 0, self.labels, classes[place])
        return torch.where(ids[place] == self.ids, label, UNLABELLED)


@dataclass(frozen=True)
class Losses:
    """What one phase computes: the scalar to minimise, and the named figures to report.

    All are means over the batch's samples, or do not depend on which samples it has: several processes
    then get them for the whole batch from those of their shares.
    """

    objective: Tensor
    figures: dict[str, Tensor] = field(default_factory=dict)

    def weighted(self, share: Share | None) -> Losses:
        """What these losses, of one share, contribute to those of the whole batch."""
        if share is None:
            return self
        figures = {name: share.weight * figure for name, figure in self.figures.items()}
        return Losses(share.weight * self.objective, figures)


@dataclass(frozen=True)
class Phase:
    """One forward, backward and update.

    `trains` names the networks that move. `optimizer` belongs to the phase and keeps its own state;
    where a phase does not `update`, its objective waits and is added to that of the next phase with
    the same optimiser, so that one step follows both gradients. `repeats` names the live option that
    says how often the phase runs per training step. `labelled` names the option that says how many
    training images have labels: the phase is then given a batch of those alone. `typical`: what its
    networks see stands for the dataset, so that batch normalisation takes note of it.
    """

    name: str
    trains: tuple[str, ...]
    loss: Callable[[Batch], Losses]
    optimizer: Optimizer
    updates: bool = True
    repeats: str | None = None
    labelled: str | None = None
    typical: bool = True


@dataclass(frozen=True)
class Setting:
    """What every model of an experiment is given: the same shapes, prior, seed and choices.

    `classes` are the names of the dataset's classes.
    """

    architecture: Architecture
    prior: Prior
    seed: int
    reconstruction: str
    device: torch.device
    classes: tuple[str, ...] = ()


# What a model tells of an image by its `class_shares`.
Found = Literal["", "classes", "clusters"]


class Model(ABC):
    """Networks and phases. A subclass's file is one plug-in and reads like its paper.

    `options` declares what the user may choose; their values are in `self.option`. `networks` and
    `phases` are set by the subclass, and so is `conditions` where the decoder is told a class or a
    cluster beside the code: their names. `color` names the theme's colour for title, curve and cursor.
    `finds` says whether `class_shares` tells an image's place among the dataset's classes, or among
    clusters of the model's own. `order` is the teaching order; from 50 on a model has its place in a menu,
    not a button of its own.

    A loss is made from the batch, the options, the prior, and what is drawn by the methods below. One that
    keeps a count of its own would stand still where a GPU repeats a recorded step.
    """

    title: ClassVar[str]
    short: ClassVar[str]
    summary: ClassVar[str]
    color: ClassVar[str] = "model"
    order: ClassVar[int] = 50
    options: ClassVar[tuple[Option, ...]] = ()
    uses_prior: ClassVar[bool] = True
    curves: ClassVar[tuple[Curve, ...]] = ()
    finds: ClassVar[Found] = ""

    networks: Networks
    phases: tuple[Phase, ...]
    conditions: tuple[str, ...] = ()
    # The running mean of the networks' weights, once there is one: see `averaging`.
    average: AveragedModel | None = None

    # Set for each phase where several processes divide a batch among themselves.
    share: Share | None = None

    def __init__(self, setting: Setting, **option: Any) -> None:
        self.setting = setting
        self.prior = setting.prior
        self.option = option
        self.generator = torch.Generator(setting.device)
        self._step, self.step_was_asked = 0, False
        self.check_prior(setting.prior)

    @abstractmethod
    def decode(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images in [0, 1], shape (n, C, H, W), from codes (n, latent size).

        `condition`: (n, len(conditions)), shares of each that sum to 1, for instance one-hot; only for a
        model that has conditions.
        """

    def encode(self, images: Tensor) -> Tensor | None:
        """Codes (n, latent size) of images (n, C, H, W) in [0, 1]; None for a model without encoder.

        A probabilistic encoder gives the mean of q(z|x).
        """
        return None

    def sampled_codes(self, images: Tensor, noise_like: Callable[[Tensor], Tensor]) -> Tensor | None:
        """Codes z ~ q(z|x), one for each image; `noise_like` as in `Encoder.sampled`.

        `encode`'s where there is but one. A model whose encoder is random and that has an `encode` of its
        own has this of its own too.
        """
        return self.encode(images)

    def condition_of(self, images: Tensor, labels: Tensor) -> Tensor | None:
        """The condition that goes with the codes of images (n, C, H, W) when they are reconstructed.

        `labels`: (n,), for a model that is told the class; one that finds it out does not look at them.
        None for a model without conditions.
        """
        return None

    def class_shares(self, images: Tensor) -> Tensor | None:
        """q(y|x), (n, classes or clusters), of a model that finds out the class; None for any other."""
        return None

    def judged(self, codes: Tensor, condition: Tensor | None = None) -> Tensor | None:
        """What the discriminator says to codes (n, latent size), as logits (n,); None without one.

        A discriminator of images is shown what the codes are decoded to, with the condition.
        """
        return None

    def losses_at(self, codes: Tensor, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms of the objective that depend on the codes z of images x, by name, each (n,).

        `codes` (n, latent size) stand in for what the encoder gives. Each term has its weight and is per
        pixel, so that the gradients of one model's terms compare. The first is called `reconstruction`,
        whatever others there are pull toward the prior. `labels` as in `condition_of`. Empty for a model
        without encoder.
        """
        return {}

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Codes (count, latent size) as the generative model has them, z ~ p(z), and conditions.

        Conditions (count, len(conditions)) are one-hot, all equally likely; None without conditions.
        """
        codes = self.prior.sample(count, generator)
        if not self.conditions:
            return codes, None
        return codes, random_one_hot(count, len(self.conditions), generator)

    def check_prior(self, prior: Prior) -> None:
        """Raise StudioError, with a sentence, for a prior that this model cannot be trained toward."""

    def set_prior(self, prior: Prior) -> None:
        """Train toward another prior from the next step on. Raises what `check_prior` raises."""
        self.check_prior(prior)
        self.prior = prior

    def set_learning_rate(self, rate: float) -> None:
        """Set the step size of every optimiser, each times its own factor."""
        for phase in self.phases:
            own = rate * self.rate_factor(phase)
            if self.setting.device.type == "cuda":
                # A recorded step has it in single precision, and is to be the same to the bit.
                own = float(np.float32(own))
            for group in phase.optimizer.param_groups:
                group["lr"] = own

    @property
    def step(self) -> int:
        """The number of the step, from 0. A step that asks for it is not recorded on a GPU: it would be the
        same number in all repetitions."""
        self.step_was_asked = True
        return self._step

    def rate_factor(self, phase: Phase) -> float:
        """The phase's learning rate as a multiple of the experiment's."""
        return 1.0

    def reseed(self, step: int) -> None:
        """Make this step's random numbers depend on the seed, the model and the step alone."""
        self._step = step
        self.generator.manual_seed(seed_for(self.setting.seed, type(self).__name__, step))

    @property
    def shown(self) -> Networks:
        """The networks with the weights that are shown, judged and kept: averaged where they are."""
        if self.average is None:
            return self.networks
        averaged = self.average.module
        assert isinstance(averaged, nn.ModuleDict)
        return dict(averaged.items())

    def built(self, role: str, build: Callable[[], N]) -> N:
        """A network on the model's device, with initial weights that depend on seed and role alone."""
        return seeded(self.setting.seed, role, build).to(self.setting.device)

    @cached_property
    def norms(self) -> dict[str, tuple[BatchNorm, ...]]:
        """The batch normalisation in each of the networks, as they are when it is first asked for."""
        return {
            name: tuple(part for part in network.modules() if isinstance(part, BatchNorm))
            for name, network in self.networks.items()
        }

    def parameters(self, networks: Iterable[str]) -> list[nn.Parameter]:
        """The parameters of the named networks, in order."""
        return [weight for name in networks for weight in self.networks[name].parameters()]

    def adam(self, *networks: str, beta1: float = 0.9) -> Optimizer:
        """Adam (Kingma and Ba, arXiv 1412.6980) over the named networks; its rate is set before each step."""
        return Adam(self.parameters(networks), betas=(beta1, 0.999), fused=True)

    # Random numbers, a row for each sample of the batch. Models draw them by these methods, and not from the
    # generator itself, so that several processes draw for their shares what one would draw for all.

    def noise_like(self, tensor: Tensor) -> Tensor:
        """Standard normal numbers of the tensor's shape."""
        rest, device = tensor.shape[1:], self.setting.device
        return self._drawn(
            len(tensor), lambda count: torch.randn((count, *rest), generator=self.generator, device=device)
        )

    def moved(self, images: Tensor) -> Tensor:
        """Images (n, C, H, W), each turned, stretched, sheared and shifted a little, in a way of its own."""
        numbers = self.noise_like(images.new_empty(len(images), len(AFFINE)))
        # In bfloat16 places would be off by a pixel.
        with torch.autocast(images.device.type, enabled=False):
            return MOVES.of(images, numbers)

    def prior_codes(self, count: int) -> Tensor:
        """Codes z ~ p(z), shape (count, latent size)."""
        return self._drawn(count, lambda whole: self.prior.sample(whole, self.generator))

    def prior_codes_given(self, labels: Tensor) -> Tensor:
        """Codes from the part of the prior that belongs to each label (n,), shape (n, latent size).

        An `UNLABELLED` one gets a code from the whole prior.
        """
        everyone = labels if self.share is None else self.share.spread(labels, UNLABELLED)
        classes = len(self.setting.classes)
        return self._drawn(len(labels), lambda _: self.prior.sample_given(everyone, classes, self.generator))

    def one_hot_draws(self, count: int, size: int) -> Tensor:
        """y ~ Cat(1/K): rows (count, size) of one 1 among zeros."""
        return self._drawn(count, lambda whole: random_one_hot(whole, size, self.generator))

    def _drawn(self, count: int, draw: Callable[[int], Tensor]) -> Tensor:
        """The batch's rows of what `draw` gives for the whole batch that it is a share of."""
        if self.share is None:
            return draw(count)
        if count != len(self.share):
            raise StudioError(
                "“{title}” draws {count} random rows for {samples} samples, so several processes cannot "
                "train it together.",
                title=self.title,
                count=count,
                samples=len(self.share),
            )
        return self.share.of(draw(self.share.whole))

    def whole(self, rows: Tensor) -> Tensor:
        """The rows of the whole batch, for a loss that is not a mean over samples, (samples, …).

        `rows`: (n, …), one for each sample of the batch at hand. Gradients flow back through it.
        """
        return rows if self.share is None else self.share.gathered(rows)


def random_one_hot(count: int, size: int, generator: torch.Generator) -> Tensor:
    """y ~ Cat(1/K): rows (count, size) of one 1 among zeros, on the generator's device."""
    places = torch.randint(size, (count,), generator=generator, device=generator.device)
    return F.one_hot(places, size).float()


class Autoencoding(Model):
    """A model with an encoder and a decoder: AE, VAE and AAE."""

    def encode(self, images: Tensor) -> Tensor:
        codes: Tensor = self.networks["encoder"](images)
        return codes

    def sampled_codes(self, images: Tensor, noise_like: Callable[[Tensor], Tensor]) -> Tensor:
        return self.encoder.sampled(self.encoder.trunk(images), noise_like)

    def decode(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.decoded_logits(codes, condition).sigmoid()

    def decoded_logits(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """The decoder's answer before the sigmoid, (n, C, H, W); the condition stands behind the code."""
        inputs = codes if condition is None else torch.cat([codes, condition], dim=1)
        logits: Tensor = self.networks["decoder"](inputs)
        return logits

    @property
    def encoder(self) -> Encoder:
        network = self.networks["encoder"]
        assert isinstance(network, Encoder)
        return network

    def losses_at(self, codes: Tensor, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.decoded_logits(codes, self.condition_of(images, labels))
        return {"reconstruction": each_error(self.setting.reconstruction, logits, images)}

    def reconstruction_error(self, logits: Tensor, images: Tensor) -> Tensor:
        """The reported reconstruction error in the experiment's unit."""
        return reconstruction_error(self.setting.reconstruction, logits, images)
