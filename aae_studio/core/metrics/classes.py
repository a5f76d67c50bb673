"""What predicted classes and clusters tell."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def class_entropy(predicted: Tensor, classes: int) -> float:
    """Shannon entropy of the predicted classes' shares over log K, from 0 (one class) to 1 (equal shares).

    `predicted`: (n,), int64, the classes of generated images, each from 0 to K - 1; K = `classes` ≥ 2. The
    marginal entropy of the inception score (Salimans et al., arXiv 1606.03498, section 4), of hard
    predictions. For n draws from equal shares it lies about (K - 1) / 2n log K below 1.
    """
    shares = _shares(predicted, classes)
    return float(torch.special.entr(shares).sum()) / math.log(classes)


def smallest_share(predicted: Tensor, classes: int) -> float:
    """Share of the rarest of K = `classes` classes, from 0 (one is never made) to 1/K (equal shares).

    `predicted` as in `class_entropy`. Mode collapse in one number, as the modes that a generator misses
    (Metz et al., arXiv 1611.02163). The least of K shares, each known to about √(1/Kn).
    """
    return float(_shares(predicted, classes).min())


def error_rate(predicted: Tensor, labels: Tensor) -> float:
    """Share of predictions (n,) that are not the label (n,), from 0 to 1, known to √(p(1 - p)/n)."""
    return float((predicted != labels).float().mean())


def cluster_names(
    clusters: Tensor, labels: Tensor, confidence: Tensor | None = None, count: int = -1
) -> Tensor:
    """The class that each cluster is named after, int64.

    `clusters` and `labels`: (n,), int64. `count`: how many clusters there are; -1: none behind the last that
    has members. Without `confidence` it is the class of most members, the smaller one where two have as
    many, and -1, which is no class, where there is none. With `confidence`, q(y|x) of shape (n, clusters),
    it is the class of the example that maximises q(y_i|x_n) (Makhzani et al., arXiv 1511.05644, section 6).
    With as many clusters as examples the majority's name is always right: compare errors of equal numbers
    of clusters only.
    """
    if confidence is not None:
        return labels[confidence.argmax(dim=0)]
    members = F.one_hot(clusters, count).T @ F.one_hot(labels)
    return torch.where(members.any(dim=1), members.argmax(dim=1), -1)


def _shares(predicted: Tensor, classes: int) -> Tensor:
    return torch.bincount(predicted, minlength=classes).double() / len(predicted)
