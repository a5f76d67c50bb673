"""Who has a label, and whether codes lie where the labels send them (arXiv 1511.05644, section 2.3)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from aae_studio.core.batches import giving_order
from aae_studio.core.datasets.base import Split
from aae_studio.core.ids import Ids, read_ids
from aae_studio.core.options import Value
from aae_studio.core.priors.base import Prior

Flags = npt.NDArray[np.bool_]


def labelled(split: Split, options: Mapping[str, Value], seed: int) -> Flags:
    """Which training images (n,) an AAE with these options is told the class of."""
    if options["labelling"] == "hand":
        return np.isin(split.ids, read_ids(str(options["labelled"])))
    count = options["labels"]
    assert isinstance(count, int)
    return giving_order(split.labels, seed) < count if count else np.zeros(len(split), np.bool_)


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
