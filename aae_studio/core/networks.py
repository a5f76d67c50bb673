"""Encoders, decoders and discriminators: multilayer perceptrons and a small convolutional pair."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import PixelScale
    from aae_studio.core.parallel import Share

N = TypeVar("N", bound=nn.Module)

# What an architecture's `activation` means. GELU: Hendrycks and Gimpel, arXiv 1606.08415.
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh}
CHANNELS = (32, 64)
# Of batch normalisation: what is added to variances, and what the newest batch counts.
EPSILON, MOMENTUM = 1e-5, 0.1
# Of K equally frequent clusters that are told for certain, a logit of deviation 1 is √K higher than the
# others, which is too little for a certain softmax.
CLUSTER_SCALE = 2.5
# Initial weights and dropout take the global generator, which all threads share.
_GLOBAL_GENERATOR = threading.Lock()


@dataclass(frozen=True)
class Architecture:
    """What an experiment's networks are made of. `image_shape` is (channels, height, width).

    `pixels`: the scale that encoders standardise images by; None: they see them as they are.
    """

    image_shape: tuple[int, int, int]
    latent_size: int
    network: str = "mlp"
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "gelu"
    encoder_norm: str = "none"
    pixels: PixelScale | None = field(default=None, compare=False)


class BatchNorm(nn.Module):
    """Every feature with mean 0 and variance 1, of (n, features) or (n, features, height, width), plus β.

    In training over the batch, else over the batches of late (Ioffe and Szegedy, arXiv 1502.03167, section
    3). Without γ, which the weights behind it make up for. `follow` is for whoever updates the network: a
    batch that moves no weight leaves no trace.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor
    batch_mean: Tensor
    batch_variance: Tensor
    gamma: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        # Of the batch, where several processes divide it: the statistics are those of all of it.
        self.share: Share | None = None
        # Whether the batch is one that `follow` is to follow.
        self.notes = True
        # Whether one was noted since the last that was followed.
        self.noted = False
        zeros, ones = torch.zeros(features), torch.ones(features)
        self.register_buffer("mean", zeros.clone())
        self.register_buffer("variance", ones.clone())
        # Updates that were followed.
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("batch_mean", zeros.clone(), persistent=False)
        self.register_buffer("batch_variance", ones.clone(), persistent=False)
        # On a GPU torch has no gradient for β alone.
        self.register_buffer("gamma", ones.clone(), persistent=False)

    def forward(self, features: Tensor, beta: Tensor) -> Tensor:
        if not self.training:
            return self._normalised(features, beta, self.mean, self.variance)
        if self.share is None:
            return self._by_batch(features, beta)
        # Processes do not exchange bfloat16.
        whole = self._by_batch(self.share.gathered(features.float()), beta)
        return self.share.of(whole).to(features.dtype)

    def _by_batch(self, features: Tensor, beta: Tensor) -> Tensor:
        # Tensors of their own: the way back needs them, also where another batch has come through since.
        mean, variance = torch.zeros_like(self.mean), torch.zeros_like(self.variance)
        normalised = self._normalised(features, beta, mean, variance)
        if self.notes:
            self.batch_mean.copy_(mean)
            self.batch_variance.copy_(variance)
            self.noted = True
        return normalised

    def _normalised(self, features: Tensor, beta: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """By these statistics; in training they become those of the batch, with a momentum of 1."""
        # Not `functional.batch_norm`, which refuses a batch of one: a part with labels may be that small.
        return torch.batch_norm(
            features, self.gamma, beta, mean, variance, self.training, 1.0, EPSILON, False
        )

    def follow(self, held: Tensor | None) -> None:
        """The network was updated: let the statistics of the last batch that was noted count, once.

        `held`: the optimiser's flag, not 0 where it held the update back.
        """
        if not self.noted:
            return
        self.noted = False
        if held is None:
            held = torch.zeros_like(self.count)
        self.count.add_((held == 0).float())
        # The first ten batches count alike.
        share = (1 / self.count.clamp(min=1)).clamp(min=MOMENTUM)
        for kept, new in ((self.mean, self.batch_mean), (self.variance, self.batch_variance)):
            kept.copy_(torch.where(held == 0, kept.lerp(new, share), kept))


class NormalisedLinear(nn.Linear):
    """A linear layer whose outputs are normalised before the bias is added."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out)
        self.norm = BatchNorm(width_out)

    def forward(self, features: Tensor) -> Tensor:
        normalised: Tensor = self.norm(F.linear(features, self.weight), self.bias)
        return normalised


class NormalisedConv2d(nn.Conv2d):
    """A convolution whose outputs are normalised before the bias is added."""

    def __init__(self, channels: int, wide: int, kernel_size: int, stride: int, padding: int) -> None:
        super().__init__(channels, wide, kernel_size, stride, padding)
        self.norm = BatchNorm(wide)

    def forward(self, features: Tensor) -> Tensor:
        normalised: Tensor = self.norm(self._conv_forward(features, self.weight, None), self.bias)
        return normalised


class ClusterHead(NormalisedLinear):
    """Logits of clusters, (n, clusters), of features (n, features).

    Each has the same deviation over a batch, so that all clusters take part before anything has been learnt:
    else some take most images, and others die out.
    """

    def forward(self, features: Tensor) -> Tensor:
        return CLUSTER_SCALE * super().forward(features)


def mlp(
    sizes: Sequence[int], activation: type[nn.Module], linear: type[nn.Linear] = nn.Linear
) -> nn.Sequential:
    """Linear layers of these sizes with the activation between them; the last one is linear."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers += [linear(width_in, width_out), activation()]
    return nn.Sequential(*layers[:-1])


class FullPrecision(nn.Module):
    """A network's outputs out of bfloat16, because losses are computed in float32."""

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs.float() if outputs.dtype == torch.bfloat16 else outputs


def _coarse(length: int) -> int:
    """Pixels along an edge after two convolutions of stride 2."""
    return -(-length // 4)


# How bright a pixel of the mean image may be, in deviations, for its part to go into a bias: in bfloat16 a
# large one is rounded by more than what it is added to.
MOST_DEVIATIONS = 3.0


class ImageTrunk(nn.Sequential):
    """From images (n, C, H, W) to features (n, hidden[-1]), the activation last."""

    # None where images are seen as they are.
    pixel_mean: Tensor | None
    pixel_deviation: Tensor | None

    def __init__(self, shape: Architecture) -> None:
        super().__init__(*_image_layers(shape))
        scale = shape.pixels
        self.register_buffer("pixel_mean", None if scale is None else torch.from_numpy(scale.mean.copy()))
        self.register_buffer("pixel_deviation", None if scale is None else torch.tensor(scale.deviation))

    def forward(self, images: Tensor) -> Tensor:
        if self.pixel_mean is not None and self.pixel_deviation is not None:
            images = (images - self.pixel_mean) / self.pixel_deviation
        for layer in self:
            images = layer(images)
        return images

    def absorb_scale(self) -> None:
        """Let the first layer's weights do what standardising does: the same features but for rounding, with
        two passes over all pixels less. A convolution, which pads with 0, a layer whose outputs are
        normalised, and one whose bias would be so large that rounding tells stay as they are."""
        first = next(layer for layer in self if not isinstance(layer, nn.Flatten))
        if self.pixel_mean is None or self.pixel_deviation is None or type(first) is not nn.Linear:
            return
        if self.pixel_mean.max() > MOST_DEVIATIONS * self.pixel_deviation:
            return
        with torch.no_grad():
            first.weight.div_(self.pixel_deviation)
            first.bias.sub_(first.weight @ self.pixel_mean.flatten())
        self.pixel_mean = self.pixel_deviation = None


def mean_images(network: nn.Module) -> Iterator[Tensor]:
    """What the trunks in a network take away from an image, (C, H, W), where they standardise."""
    for part in network.modules():
        if isinstance(part, ImageTrunk) and part.pixel_mean is not None:
            yield part.pixel_mean


def _image_layers(shape: Architecture) -> list[nn.Module]:
    active = ACTIVATIONS[shape.activation]
    normalised = shape.encoder_norm == "batch"
    linear = NormalisedLinear if normalised else nn.Linear
    convolution = NormalisedConv2d if normalised else nn.Conv2d
    channels, height, width = shape.image_shape
    if shape.network == "mlp":
        sizes = (channels * height * width, *shape.hidden)
        return [nn.Flatten(), *mlp(sizes, active, linear), active()]
    narrow, wide = CHANNELS
    return [
        convolution(channels, narrow, kernel_size=3, stride=2, padding=1),
        active(),
        convolution(narrow, wide, kernel_size=3, stride=2, padding=1),
        active(),
        nn.Flatten(),
        linear(wide * _coarse(height) * _coarse(width), shape.hidden[-1]),
        active(),
    ]


class Encoder(nn.Module):
    """From images (n, C, H, W) to codes (n, latent size), by features that several heads share.

    With `gaussian` there is a log-variance of q(z|x) beside the mean. With `noise` the code is E(x, η),
    where η has so many numbers: the universal approximator of Makhzani et al. (arXiv 1511.05644,
    section 2). With `categories` there are logits of q(y|x) for so many classes, or, with `clusters`, for
    so many clusters.
    """

    def __init__(
        self,
        shape: Architecture,
        gaussian: bool = False,
        noise: int = 0,
        categories: int = 0,
        clusters: bool = False,
    ) -> None:
        super().__init__()
        width, active = shape.hidden[-1], ACTIVATIONS[shape.activation]
        self.trunk = ImageTrunk(shape)
        self.full, self.noise = FullPrecision(), noise
        self.mean = nn.Linear(width, shape.latent_size)
        # Extra heads last, so that all encoders of one seed share their other weights.
        self.log_variance = nn.Linear(width, shape.latent_size) if gaussian else None
        self.blend = nn.Sequential(nn.Linear(width + noise, width), active()) if noise else None
        head = ClusterHead if clusters else nn.Linear
        self.category = head(width, categories) if categories else None

    def forward(self, images: Tensor) -> Tensor:
        """The mean, or the deterministic code, or E(x, 0); shape (n, latent size)."""
        return self.code(self.trunk(images))

    def code(self, features: Tensor, noise: Tensor | None = None) -> Tensor:
        """What `forward` gives, from the trunk's features; `noise`: η, (n, noise), 0 if it is left out."""
        if self.blend is not None:
            noise = features.new_zeros(len(features), self.noise) if noise is None else noise
            features = self.blend(torch.cat([features, noise.to(features)], dim=1))
        code: Tensor = self.full(self.mean(features))
        return code

    @property
    def random(self) -> bool:
        """Whether one image has many codes, z ~ q(z|x), and not E(x) alone."""
        return self.log_variance is not None or self.noise > 0

    def sampled(self, features: Tensor, noise_like: Callable[[Tensor], Tensor]) -> Tensor:
        """z ~ q(z|x), (n, latent size), from the trunk's features; E(x) where the encoder is deterministic.

        `noise_like`: gives standard normal numbers of a tensor's shape.
        """
        if self.noise:
            return self.code(features, noise_like(torch.empty(len(features), self.noise)))
        mean = self.code(features)
        if self.log_variance is None:
            return mean
        return mean + (0.5 * self.variance(features)).exp() * noise_like(mean)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (n, latent size)."""
        features = self.trunk(images)
        return self.code(features), self.variance(features)

    def variance(self, features: Tensor) -> Tensor:
        """The log-variance of q(z|x), (n, latent size)."""
        assert self.log_variance is not None
        log_variance: Tensor = self.full(self.log_variance(features))
        return log_variance

    def categories(self, features: Tensor) -> Tensor:
        """The logits of q(y|x), (n, categories)."""
        assert self.category is not None
        logits: Tensor = self.full(self.category(features))
        return logits


class Crop(nn.Module):
    """The upper left part of the given height and width."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, images: Tensor) -> Tensor:
        return images[..., : self.height, : self.width]


class Decoder(nn.Sequential):
    """From codes (n, latent size) to the *logits* of pixels (n, C, H, W); their sigmoid is the image.

    With `conditions`, so many numbers stand behind each code.
    """

    def __init__(self, shape: Architecture, conditions: int = 0) -> None:
        size = shape.latent_size + conditions
        channels, height, width = shape.image_shape
        active = ACTIVATIONS[shape.activation]
        if shape.network == "mlp":
            sizes = (size, *reversed(shape.hidden), channels * height * width)
            super().__init__(*mlp(sizes, active), nn.Unflatten(1, shape.image_shape), FullPrecision())
            return
        narrow, wide = CHANNELS
        rows, columns = _coarse(height), _coarse(width)
        super().__init__(
            nn.Linear(size, shape.hidden[-1]),
            active(),
            nn.Linear(shape.hidden[-1], wide * rows * columns),
            active(),
            nn.Unflatten(1, (wide, rows, columns)),
            nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1),
            active(),
            nn.ConvTranspose2d(narrow, channels, 4, stride=2, padding=1),
            Crop(height, width),
            FullPrecision(),
        )


class ImageDiscriminator(nn.Sequential):
    """From images (n, C, H, W) to one logit each (n, 1); plain, with ReLU."""

    def __init__(self, shape: Architecture) -> None:
        plain = replace(shape, activation="relu", encoder_norm="none", pixels=None)
        super().__init__(ImageTrunk(plain), nn.Linear(shape.hidden[-1], 1), FullPrecision())


class CodeDiscriminator(nn.Sequential):
    """From codes in units of the prior's σ, or other vectors (n, size), to one logit each (n, 1); ReLU."""

    def __init__(self, size: int, hidden: Sequence[int]) -> None:
        super().__init__(*mlp((size, *hidden, 1), nn.ReLU), FullPrecision())


def seed_for(seed: int, *names: str | int) -> int:
    """A seed for one purpose, so that no purpose's random numbers depend on another's."""
    return zlib.crc32(repr((seed, *names)).encode()) | (seed & 0x7FFF) << 32


def seeded(seed: int, role: str, build: Callable[[], N]) -> N:
    """Build a network whose initial weights depend on the seed and its role only.

    Models that are given the same seed start with the same weights wherever their shapes agree.
    """
    with global_generator(torch.Generator().manual_seed(seed_for(seed, role)).get_state()):
        return build()


@contextmanager
def global_generator(state: Tensor) -> Iterator[None]:
    """Have torch's global generator in this state, alone among threads, and put it back afterwards."""
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        yield
