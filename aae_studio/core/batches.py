"""Which samples each step is trained on: they depend on the seed and the step alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aae_studio.core.corruption import Corruption
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.models.base import Batch
from aae_studio.core.networks import seed_for
from aae_studio.core.parallel import ALONE, Alone

Ranks = npt.NDArray[np.int64]
# Numbers of labelled images whose images are kept at hand.
LABELLED_KEPT = 2


def giving_order(labels: Ranks, seed: int) -> Ranks:
    """The order, (n,) from 0 to n - 1, in which images are given their labels.

    Class by class in turn, within a class at random: the first N are a labelled set with equal shares of
    the classes, as in the semi-supervised experiments of Makhzani et al. (arXiv 1511.05644, section 5).
    """
    shuffled = np.random.default_rng(seed_for(seed, "labels")).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    turn = np.arange(len(labels)) - np.searchsorted(labels[by_class], labels[by_class])
    ranks = np.empty(len(labels), np.int64)
    ranks[by_class[np.lexsort((labels[by_class], turn))]] = np.arange(len(labels))
    return ranks


class Samples(NamedTuple):
    """Training samples on a device.

    `images`: (n, C, H, W) uint8, levels as in a `Split`. `about`: (3, n) int64, a `Batch`'s labels,
    ranks and ids.
    """

    images: Tensor
    about: Tensor


class Batches:
    """A dataset's training samples on a device, cut into batches; of each, the share of this process.

    `corruption` may change between two steps.
    """

    def __init__(
        self, dataset: Dataset, size: int, seed: int, device: torch.device, group: Alone = ALONE
    ) -> None:
        self._dataset, self._size, self._seed, self._device = dataset, size, seed, device
        self._group = group
        self.corruption = Corruption()
        self._resident: tuple[Split, Samples] | None = None
        self._epoch_data: tuple[int, Samples, Tensor] | None = None
        # By how many there are: models may be told different numbers of labels.
        self._labelled: dict[int, Samples] = {}

    @property
    def per_epoch(self) -> int:
        """Whole batches in the training split."""
        return len(self._dataset.train) // self._size

    def of_step(self, step: int) -> Batch:
        """The samples of a step: an epoch visits each at most once."""
        epoch, place = divmod(step, self.per_epoch)
        samples, order = self._epoch(epoch)
        places = order[place * self._size : (place + 1) * self._size]
        return self._taken(samples, places, "noise", step)

    def labelled(self, step: int, count: int) -> Batch:
        """A step's batch from the `count` images that have labels; all of them, if they are fewer."""
        samples = self._labelled_samples(count)
        shuffle = torch.Generator().manual_seed(seed_for(self._seed, "labelled", step))
        order = torch.randperm(len(samples.images), generator=shuffle)[: self._size]
        return self._taken(samples, order.to(self._device), "labelled noise", step)

    def _labelled_samples(self, count: int) -> Samples:
        if count not in self._labelled:
            # A slider that is moved asks for many numbers, one after the other.
            if len(self._labelled) == LABELLED_KEPT:
                del self._labelled[next(iter(self._labelled))]
            self._labelled[count] = self._loaded(self._dataset.train, count)
        return self._labelled[count]

    def _epoch(self, epoch: int) -> tuple[Samples, Tensor]:
        """All samples of an epoch and the order that they are taken in."""
        if self._epoch_data is None or self._epoch_data[0] != epoch:
            split = self._dataset.training_split(epoch)
            if self._resident is None or self._resident[0] is not split:
                self._resident = (split, self._loaded(split, len(split)))
            shuffle = torch.Generator().manual_seed(seed_for(self._seed, "epoch", epoch))
            order = torch.randperm(len(split), generator=shuffle).to(self._device)
            self._epoch_data = (epoch, self._resident[1], order)
        return self._epoch_data[1:]

    def _loaded(self, split: Split, count: int) -> Samples:
        """The first `count` samples in the giving order, images in whole levels: a quarter of the memory."""
        ranks = giving_order(split.labels, self._seed)
        given = ranks < count if count < len(split) else slice(None)
        about = np.stack([split.labels, ranks, split.ids])[:, given]
        images = torch.from_numpy(split.images[given]).to(self._device)
        return Samples(images, torch.from_numpy(about).to(self._device))

    def _taken(self, samples: Samples, places: Tensor, purpose: str, step: int) -> Batch:
        """The share of the samples at these places, with images in [0, 1]."""
        count, share = len(places), self._group.share(len(places))
        if share is not None:
            places = share.of(places)
        # Thirty times as fast as indexing, which looks at every byte's place anew.
        images = samples.images.index_select(0, places).float().mul_(1.0 / self._dataset.levels)
        corrupted = None
        if self.corruption.strength:
            # Drawn for the whole batch, whatever part of it is this process's; the same for all models.
            generator = torch.Generator(self._device).manual_seed(seed_for(self._seed, purpose, step))
            noise = torch.randn((count, *images.shape[1:]), generator=generator, device=self._device)
            corrupted = self.corruption.of(images, noise if share is None else share.of(noise))
        labels, ranks, ids = samples.about.index_select(1, places)
        return Batch(images, labels, ranks, ids, share, corrupted)
