"""What nearest neighbours tell: of codes, and of generated images among real ones in a feature space.

All compare each row with every other, but hold few distances at a time: memory grows with the number of
rows, not with its square.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from aae_studio.core.metrics.distances import distance_rows, each_row

NEIGHBOURS = 10
MANIFOLD_NEIGHBOURS = 3
COVERAGE_NEIGHBOURS = 5


def knn_accuracy(codes: Tensor, labels: Tensor, neighbours: int = NEIGHBOURS) -> float:
    """Share of codes (n, d) whose nearest other codes vote for their own label, from 0 to 1.

    Chance is the share of the largest class. Labels: (n,), int64, from 0.
    """
    return int((knn_votes(codes, labels, neighbours) == labels).sum()) / len(codes)


def knn_votes(codes: Tensor, labels: Tensor, neighbours: int = NEIGHBOURS) -> Tensor:
    """The label that most of the nearest other codes have, (n,), for codes (n, d) with labels (n,), from 0.

    Leave-one-out; a tie goes to the smaller label (Cover and Hart, IEEE Transactions on Information Theory
    13, 1967).
    """
    neighbours = min(neighbours, len(codes) - 1)
    nearest = [rows.topk(neighbours, largest=False).indices for _, rows in other_rows(codes)]
    return torch.cat([F.one_hot(labels[some]).sum(dim=1).argmax(dim=1) for some in nearest])


def precision(real: Tensor, generated: Tensor, neighbours: int = MANIFOLD_NEIGHBOURS) -> float:
    """Share of generated features (m, d) that lie on the manifold of the real ones (n, d), from 0 to 1.

    The manifold: the union of closed balls around each real feature that reach to its k-th nearest other
    one (Kynkäänniemi et al., arXiv 1904.06991, equations 1 and 2, k = 3). Where generated and real ones
    have one distribution it is below 1, and how far depends on the features: 0.89 for two halves of MNIST's
    test images in those of our classifier, with 360 to 5 000 in each.
    """
    radii = _radii(real, neighbours)
    inside = sum(int((rows <= radii).any(dim=1).sum()) for _, rows in distance_rows(generated, real))
    return inside / len(generated)


def recall(real: Tensor, generated: Tensor, neighbours: int = MANIFOLD_NEIGHBOURS) -> float:
    """Share of real features (n, d) that lie on the manifold of the generated ones (m, d), from 0 to 1.

    `precision` with both sides exchanged (arXiv 1904.06991, equation 2), so as far below 1 by chance. Expect
    little where images are decoded from two code axes: 5 000 of them lie close together on a sheet, and the
    balls are small.
    """
    return precision(generated, real, neighbours)


def coverage(real: Tensor, generated: Tensor, neighbours: int = COVERAGE_NEIGHBOURS) -> float:
    """Share of real features (n, d) with a generated one (m, d) no farther than their k-th nearest other
    real one, from 0 to 1 (Naeem et al., arXiv 2002.09797, section 3, k = 5).

    Unlike recall, it does not take a far outlier among the generated ones for diversity. For one
    distribution the mean is known in any number of axes (lemma 2): 1 - 2⁻⁵ = 0.969 where n = m is large.
    """
    nearest = each_row(real, distance_rows(real, generated), lambda rows: rows.amin(dim=1))
    return float((nearest <= _radii(real, neighbours)).float().mean())


def _radii(features: Tensor, neighbours: int) -> Tensor:
    """Distance from each of the features (n, d) to its k-th nearest other one, shape (n,)."""
    place = min(neighbours, len(features) - 1)
    return each_row(features, other_rows(features), lambda rows: rows.kthvalue(place, dim=1).values)


def other_rows(values: Tensor) -> Iterator[tuple[int, Tensor]]:
    """`distance_rows` among the values themselves; the distance of each to itself is infinite."""
    for start, rows in distance_rows(values, values):
        rows.diagonal(offset=start).fill_(torch.inf)
        yield start, rows
