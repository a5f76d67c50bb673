"""Who has a label, and whether codes lie where the labels send them (arXiv 1511.05644, section 2.3)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from aae_studio.core.batches import giving_order
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.ids import Ids, read_labels, told
from aae_studio.core.options import Value
from aae_studio.core.priors.base import Prior
from aae_studio.core.snapshot import Array, Snapshot

Flags = npt.NDArray[np.bool_]
# Codes of all test data cost time: they are looked at again after so many times what it took.
REST = 20.0


def labels_told(dataset: Dataset, options: Mapping[str, Value], seed: int) -> Ids:
    """The class (n,) that a model with these options is told of each training image; -1: none."""
    split = dataset.train
    if options.get("labelling") == "hand":
        given = read_labels(str(options["labelled"]))
        return told(split.labels, split.ids, given, len(dataset.classes))
    count = options["labels"]
    assert isinstance(count, int)
    if not count:
        return np.full(len(split), -1)
    return np.where(giving_order(split.labels, seed) < count, split.labels, -1)


def first_of_each_class(split: Split, count: int, seed: int) -> Ids:
    """The ids of the first `count` images of each class, or of all that it has, in the giving order."""
    order = np.argsort(giving_order(split.labels, seed))
    classes = range(int(split.labels.max(initial=-1)) + 1)
    return np.concatenate(
        [
            np.empty(0, np.int64),
            *(split.ids[order[split.labels[order] == place][:count]] for place in classes),
        ]
    )


def own_parts(prior: Prior, codes: npt.ArrayLike, labels: npt.ArrayLike, classes: int) -> Flags:
    """Whether codes (n, latent size) lie in the part of the prior that belongs to their label (n,).

    By chance alone one in `classes` does. Raises StudioError for a prior without parts.
    """
    with torch.inference_mode():
        parts = prior.part_of(torch.from_numpy(np.asarray(codes, np.float32)), classes)
    return np.asarray(parts.numpy() == np.asarray(labels))


@dataclass(frozen=True)
class OwnShares:
    """Shares of the AAE's codes that lie in the part of their class: of all `count` test images, of each
    class's, and of the labelled training images, in the part of the class that they were given (None without
    any; at most the first 2 000)."""

    count: int
    whole: float
    each: npt.NDArray[np.float64]
    labelled: float | None


def own_shares(snapshot: Snapshot) -> OwnShares | None:
    """The shares in a snapshot; None without an AAE, or for a prior without parts."""
    if "aae" not in snapshot.models or not snapshot.prior.has_parts:
        return None
    dataset, frozen = snapshot.dataset, snapshot.models["aae"]
    count = len(dataset.classes)

    def own(images: npt.NDArray[np.uint8], labels: Ids) -> Flags:
        return own_parts(snapshot.prior, frozen.encode(dataset.to_unit(images)), labels, count)

    test, train = dataset.test.labels, dataset.train
    found = own(dataset.test.images, test)
    right, whole = np.bincount(test[found], minlength=count), np.bincount(test, minlength=count)
    labels = labels_told(dataset, frozen.model.option, frozen.model.setting.seed)
    known = np.flatnonzero(labels >= 0)[:2000]
    taught = float(own(train.images[known], labels[known]).mean()) if len(known) else None
    return OwnShares(len(test), float(found.mean()), right / np.maximum(whole, 1), taught)


class RestingShares:
    """`own_shares` as a question of the window, which rests between two looks at one and the same prior."""

    def __init__(self) -> None:
        self._seen: tuple[Prior, OwnShares | None] | None = None
        self._due = 0.0

    def __call__(self, snapshot: Snapshot, codes: Mapping[str, Array]) -> OwnShares | None:
        if self._seen is not None and self._seen[0] is snapshot.prior and time.perf_counter() < self._due:
            return self._seen[1]
        start = time.thread_time()
        found = own_shares(snapshot)
        self._seen = (snapshot.prior, found)
        self._due = time.perf_counter() + REST * (time.thread_time() - start)
        return found
