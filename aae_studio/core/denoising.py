"""What models make of corrupted images, and how much of the corruption they take away, in dB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from aae_studio.core.corruption import Corruption, decibels
from aae_studio.core.networks import seed_for
from aae_studio.core.snapshot import Array, Snapshot

# Enough for a tenth of a dB, few enough to be measured several times a second while models train.
SIZE = 500


@dataclass(frozen=True)
class Denoising:
    """Test images with noise on them, before and after models reconstructed them.

    `clean`, `noisy` and, by model, `rebuilt`: one image of each class, float32 (n, C, H, W); noisy values may
    leave [0, 1]. All figures are PSNR in dB, from the mean squared error per pixel against the clean images
    over the first `count` of `total` test images: `before` of the noisy images, `expected` what it should be
    in expectation over the noise, None where that has no closed form, `after` of each model's
    reconstructions of them, and `without_noise` of its reconstructions of the clean images.
    """

    corruption: Corruption
    seed: int
    clean: Array
    noisy: Array
    rebuilt: Mapping[str, Array]
    count: int
    total: int
    before: float
    expected: float | None
    after: Mapping[str, float]
    without_noise: Mapping[str, float]


def denoised(
    snapshot: Snapshot, corruption: Corruption, seed: int, shown: int, size: int = SIZE
) -> Denoising:
    """Have every model with an encoder reconstruct the first `size` test images with noise on them.

    The noise depends on the seed alone, so that it is the same for every snapshot. `shown`: so many images,
    each of another class, are kept to be looked at.
    """
    test, data = snapshot.dataset.test.first(size), snapshot.dataset
    clean = torch.from_numpy(data.to_unit(test.images))
    generator = torch.Generator().manual_seed(seed_for(seed, "noise lab"))
    noisy = corruption.of(clean, torch.randn(clean.shape, generator=generator))
    expected = corruption.expected_error(clean)
    _, places = np.unique(test.labels, return_index=True)
    kept = places[:shown]
    rebuilt, after, without_noise = {}, {}, {}
    for name, frozen in snapshot.models.items():
        if frozen.has_encoder:
            images = frozen.reconstruct(noisy.numpy(), test.labels)
            rebuilt[name] = images[kept]
            after[name] = _psnr(images, clean.numpy())
            without_noise[name] = _psnr(frozen.reconstruct(clean.numpy(), test.labels), clean.numpy())
    return Denoising(
        corruption,
        seed,
        clean[kept].numpy(),
        noisy[kept].numpy(),
        rebuilt,
        len(test),
        len(data.test),
        _psnr(noisy.numpy(), clean.numpy()),
        None if expected is None else decibels(expected),
        after,
        without_noise,
    )


def _psnr(images: Array, wanted: Array) -> float:
    return decibels(float(np.square(images - wanted).mean(dtype=np.float64)))
