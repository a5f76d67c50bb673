"""Encoders, decoders and discriminators: multilayer perceptrons and a small convolutional pair."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)

CHANNELS = (32, 64)


@dataclass(frozen=True)
class Architecture:
    """Shapes of an experiment's networks. `image_shape` is (channels, height, width)."""

    image_shape: tuple[int, int, int]
    latent_size: int
    network: str = "mlp"
    hidden: tuple[int, ...] = (256, 256)


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between them; the last one is linear."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(sizes):
        layers += [nn.Linear(width_in, width_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class FullPrecision(nn.Module):
    """A network's outputs out of bfloat16, because losses are computed in float32."""

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs.float() if outputs.dtype == torch.bfloat16 else outputs


def _coarse(length: int) -> int:
    """Pixels along an edge after two convolutions of stride 2."""
    return -(-length // 4)


def image_trunk(shape: Architecture) -> nn.Sequential:
    """From images (n, C, H, W) to features (n, hidden[-1]), ReLU last."""
    channels, height, width = shape.image_shape
    if shape.network == "mlp":
        sizes = (channels * height * width, *shape.hidden)
        return nn.Sequential(nn.Flatten(), *mlp(sizes), nn.ReLU())
    narrow, wide = CHANNELS
    return nn.Sequential(
        nn.Conv2d(channels, narrow, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(narrow, wide, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(wide * _coarse(height) * _coarse(width), shape.hidden[-1]),
        nn.ReLU(),
    )


class Encoder(nn.Module):
    """From images (n, C, H, W) to the mean of q(z|x), and with `gaussian` to its log-variance too."""

    def __init__(self, shape: Architecture, gaussian: bool = False) -> None:
        super().__init__()
        self.trunk, self.full = image_trunk(shape), FullPrecision()
        self.mean = nn.Linear(shape.hidden[-1], shape.latent_size)
        # Last, so that deterministic and Gaussian encoders of one seed share all other weights.
        self.log_variance = nn.Linear(shape.hidden[-1], shape.latent_size) if gaussian else None

    def forward(self, images: Tensor) -> Tensor:
        """The mean (or the deterministic code), shape (n, latent size)."""
        mean: Tensor = self.full(self.mean(self.trunk(images)))
        return mean

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (n, latent size)."""
        assert self.log_variance is not None
        features = self.trunk(images)
        return self.full(self.mean(features)), self.full(self.log_variance(features))


class Crop(nn.Module):
    """The upper left part of the given height and width."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, images: Tensor) -> Tensor:
        return images[..., : self.height, : self.width]


class Decoder(nn.Sequential):
    """From codes (n, latent size) to the *logits* of pixels (n, C, H, W); their sigmoid is the image."""

    def __init__(self, shape: Architecture) -> None:
        channels, height, width = shape.image_shape
        if shape.network == "mlp":
            sizes = (shape.latent_size, *reversed(shape.hidden), channels * height * width)
            super().__init__(*mlp(sizes), nn.Unflatten(1, shape.image_shape), FullPrecision())
            return
        narrow, wide = CHANNELS
        rows, columns = _coarse(height), _coarse(width)
        super().__init__(
            nn.Linear(shape.latent_size, shape.hidden[-1]),
            nn.ReLU(),
            nn.Linear(shape.hidden[-1], wide * rows * columns),
            nn.ReLU(),
            nn.Unflatten(1, (wide, rows, columns)),
            nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(narrow, channels, 4, stride=2, padding=1),
            Crop(height, width),
            FullPrecision(),
        )


class ImageDiscriminator(nn.Sequential):
    """From images (n, C, H, W) to one logit each (n, 1)."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__(image_trunk(shape), nn.Linear(shape.hidden[-1], 1), FullPrecision())


class CodeDiscriminator(nn.Sequential):
    """From codes in units of the prior's σ (n, latent size) to one logit each (n, 1)."""

    def __init__(self, latent_size: int, hidden: Sequence[int]) -> None:
        super().__init__(*mlp((latent_size, *hidden, 1)), FullPrecision())


def seed_for(seed: int, *names: str | int) -> int:
    """A seed for one purpose, so that no purpose's random numbers depend on another's."""
    return zlib.crc32(repr((seed, *names)).encode()) | (seed & 0x7FFF) << 32


def seeded(seed: int, role: str, build: Callable[[], N]) -> N:
    """Build a network whose initial weights depend on the seed and its role only.

    Models that are given the same seed start with the same weights wherever their shapes agree.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, role))
        return build()
