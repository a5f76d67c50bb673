"""What each figure says where nothing is wrong: of two independent samples of one distribution.

Codes: two samples of the Gaussian prior in two axes. Neighbours' votes: classes drawn without looking at the
codes. Class shares: ten classes drawn with equal chances. Precision, recall and coverage: two halves of
MNIST's test images in the features of a classifier that never saw them. A row is a figure and the sizes of
both samples; `limit` is what 95 of 100 pairs keep to, on the side that looks worse.
The first pair of sizes is a lane's with the digits, the second an evaluation's with them, then a lane's and
an evaluation's with MNIST.
Usage: noise_floors.py [--json] [--rounds N]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from measuring import MNIST, arguments, publish

from aae_studio.core import metrics
from aae_studio.core.datasets.mnist import Mnist

CLASSES = 10
SIZES = ((360, 360), (360, 1000), (360, 5000), (1000, 1000), (5000, 5000))
HIGHER_IS_BETTER = {
    "code_std_least",
    "class_entropy",
    "smallest_class",
    "precision",
    "recall",
    "coverage",
}

Measured = dict[str, float]


def of_codes(size: int, against: int, draw: torch.Generator) -> Measured:
    """The figures of codes, of one pair of samples."""
    x, y = (torch.randn(count, 2, generator=draw) for count in (size, against))
    labels = torch.randint(CLASSES, (size,), generator=draw)
    mean, least, greatest = metrics.moments(x)
    return {
        "mmd_to_prior": metrics.mmd2(x, y),
        "sw1_to_prior": metrics.sliced_wasserstein1(x, y, generator=draw),
        "code_mean": mean,
        "code_std_least": least,
        "code_std_greatest": greatest,
        "knn_accuracy": metrics.knn_accuracy(x, labels),
        "class_entropy": metrics.class_entropy(labels, CLASSES),
        "smallest_class": metrics.smallest_share(labels, CLASSES),
    }


def real_images() -> torch.Tensor | None:
    """Features of MNIST's test images, where they are on this machine."""
    if not (MNIST / "MNIST").is_dir():
        return None
    data = Mnist(MNIST)
    images, labels = torch.from_numpy(data.to_unit(data.train.images)), torch.from_numpy(data.train.labels)
    classifier = metrics.train_classifier(images, labels, CLASSES)
    return classifier.features(torch.from_numpy(data.to_unit(data.test.images)))


def of_features(features: torch.Tensor, size: int, draw: torch.Generator) -> Measured:
    """The figures of features, of one pair of halves."""
    order = torch.randperm(len(features), generator=draw)
    real, generated = features[order[:size]], features[order[size : 2 * size]]
    return {name: getattr(metrics, name)(real, generated) for name in ("precision", "recall", "coverage")}


def repeated(measure: Callable[[], Measured], rounds: int, sizes: str) -> dict[str, Measured]:
    """One row a figure: its median, and what 95 of 100 keep to."""
    found = [measure() for _ in range(rounds)]
    rows = {}
    for name in found[0]:
        values = [one[name] for one in found]
        limit = np.quantile(values, 0.05 if name in HIGHER_IS_BETTER else 0.95)
        rows[f"{name}, {sizes}"] = {"median": float(np.median(values)), "limit": float(limit)}
    return rows


def main() -> None:
    options = arguments(__doc__, rounds=1000)
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(0)
    features = real_images()
    rows = {}
    for size, against in SIZES:
        # The larger, the slower, and the less they differ.
        rounds, words = max(20, options.rounds * 360 // size), f"{size} and {against}"
        rows |= repeated(lambda n=size, m=against: of_codes(n, m, draw), rounds, words)
        if features is not None and size == against:
            rows |= repeated(lambda n=size: of_features(features, n, draw), rounds, words)
    publish("noise floors", dict(sorted(rows.items())), options.json)


if __name__ == "__main__":
    main()
