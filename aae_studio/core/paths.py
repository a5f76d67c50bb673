"""Paths through a latent space, and arithmetic with attributes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aae_studio.core.snapshot import FrozenModel

Array = npt.NDArray[np.float32]
Codes = npt.NDArray[np.floating]
Decode = Callable[[Tensor], Tensor]
# L-BFGS iterations: on the preconditioned path, a few dozen reach the float's precision.
ITERATIONS = 60


def straight(start: npt.ArrayLike, end: npt.ArrayLike, count: int) -> Array:
    """`count` ≥ 2 codes on the line between two codes (latent size,), evenly spaced: (count, latent size)."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    share = np.linspace(0, 1, count)[:, None]
    line: Array = ((1 - share) * a + share * b).astype(np.float32)
    return line


def spherical(start: npt.ArrayLike, end: npt.ArrayLike, count: int) -> Array:
    """`count` ≥ 2 codes on the arc around 0 between two codes (latent size,): (count, latent size).

    The direction turns evenly on a great circle (slerp: Shoemake, SIGGRAPH 1985, section 3.3), so that the
    path does not cut through the middle, where a Gaussian prior of many axes has no mass (White, arXiv
    1609.04468, section 2). The norm goes evenly from one to the other; where both are equal this is White's
    formula. Opposite codes have many arcs: the one taken turns toward the axis that they use least. With a
    code at 0, or a single axis, there is no arc and the line is given.
    """
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    norms = np.linalg.norm(a), np.linalg.norm(b)
    if min(norms) < 1e-9 or len(a) == 1:
        return straight(start, end, count)
    from_, toward = a / norms[0], b / norms[1]
    # atan2 keeps small angles, which the arc cosine of nearly 1 loses.
    angle = 2 * np.arctan2(np.linalg.norm(from_ - toward), np.linalg.norm(from_ + toward))
    across = toward - (toward @ from_) * from_
    if np.linalg.norm(across) < 1e-9:
        axis = np.zeros_like(a)
        axis[np.abs(from_).argmin()] = 1
        across = axis - (axis @ from_) * from_
    across /= np.linalg.norm(across)
    share = np.linspace(0, 1, count)[:, None]
    directions = np.cos(share * angle) * from_ + np.sin(share * angle) * across
    arc: Array = (((1 - share) * norms[0] + share * norms[1]) * directions).astype(np.float32)
    return arc


def geodesic(
    decode: Decode,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    count: int,
    first: npt.ArrayLike | None = None,
    iterations: int = ITERATIONS,
) -> Array:
    """`count` ≥ 3 codes between two codes (latent size,) whose decodes change as little as can be.

    They minimise `energy` of what `decode` makes of them, with both ends fixed: a discrete geodesic of the
    metric JᵀJ that the decoder pulls back (Shao et al., arXiv 1711.08014, algorithm 1). It is
    a local minimum, found by L-BFGS from the best of the line, the arc, and `first` (count, latent size),
    a path known from before. The codes (count, latent size) have an energy not above the line's, and the
    decodes are evenly spaced. A deterministic decoder's metric knows nothing of where data are: unlike that
    of Arvanitidis et al. (arXiv 1710.11379, section 4), it does not by itself avoid empty places.
    """
    paths = [straight(start, end, count), spherical(start, end, count)]
    if first is not None and np.shape(first) == paths[0].shape:
        # Its ends may have moved since.
        moved = np.asarray(first, np.float32)
        paths.append(moved + straight(start - moved[0], end - moved[-1], count))
    with torch.no_grad():
        energies = [float(_energy(decode(torch.from_numpy(path)))) for path in paths]
    best = int(np.argmin(energies))
    if not energies[best] > 0:
        return paths[best]
    found = _relaxed(decode, torch.from_numpy(paths[best]), energies[best], iterations).numpy()
    with torch.no_grad():
        better = float(_energy(decode(torch.from_numpy(found)))) < energies[best]
    return found if better else paths[best]


def _relaxed(decode: Decode, path: Tensor, scale: float, iterations: int) -> Tensor:
    """The path (count, d) after L-BFGS on its inner codes."""
    basis = _inner_basis(len(path))
    inner = torch.zeros(len(path) - 2, path.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [inner], max_iter=iterations, history_size=12, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def moved() -> Tensor:
        return torch.cat([path[:1], path[1:-1] + basis @ inner, path[-1:]])

    def closure() -> Tensor:
        optimizer.zero_grad()
        objective = _energy(decode(moved())) / scale
        objective.backward()  # type: ignore[no-untyped-call]
        return objective

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return moved().detach()


def _inner_basis(count: int) -> Tensor:
    """L^(-1/2) for the Hessian L of a chain's energy where the decoder is the identity, (count - 2)².

    In these coordinates all wavelengths along the path relax equally fast.
    """
    size = count - 2
    chain = 2 * torch.eye(size, dtype=torch.float64)
    chain -= torch.diag(torch.ones(size - 1, dtype=torch.float64), 1)
    chain -= torch.diag(torch.ones(size - 1, dtype=torch.float64), -1)
    values, vectors = torch.linalg.eigh((count - 1) * chain)
    basis: Tensor = (vectors * values.rsqrt()) @ vectors.T
    return basis.float()


def energy(images: npt.ArrayLike) -> float:
    """The energy of a path of images (count, …) that takes the time 1: ½ Σ |xᵢ₊₁ - xᵢ|² (count - 1).

    With evenly spaced images it is half the squared length, and otherwise more.
    """
    return float(_energy(torch.from_numpy(np.asarray(images, np.float64))))


def length(images: npt.ArrayLike) -> float:
    """How much images (count, …) change along a path: the sum of Euclidean distances over all pixels."""
    rows = np.asarray(images, np.float64)
    return float(np.linalg.norm(np.diff(rows.reshape(len(rows), -1), axis=0), axis=1).sum())


def _energy(images: Tensor) -> Tensor:
    steps = images.flatten(1).diff(dim=0)
    total: Tensor = 0.5 * (len(images) - 1) * steps.square().sum()
    return total


def model_geodesic(
    frozen: FrozenModel,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    count: int,
    condition: npt.ArrayLike = 0,
    first: npt.ArrayLike | None = None,
) -> Array:
    """`geodesic` of a model's decoder; `condition` as in `FrozenModel.decode`."""
    told = frozen.told(condition, count) if frozen.conditions else None
    return geodesic(lambda codes: frozen.model.decode(codes, told), start, end, count, first)


def class_means(codes: npt.ArrayLike, labels: npt.ArrayLike, classes: int) -> Array:
    """The mean code of each class, (classes, latent size), of codes (n, latent size) with labels (n,).

    A class without codes has NaN.
    """
    rows, places = np.asarray(codes, np.float64), np.asarray(labels, np.int64)
    sums = np.zeros((classes, rows.shape[1]))
    np.add.at(sums, places, rows)
    counts = np.bincount(places, minlength=classes)[:, None]
    means = np.full_like(sums, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means.astype(np.float32)


def attribute(codes: npt.ArrayLike, labels: npt.ArrayLike, present: int, absent: int) -> Array:
    """The direction (latent size,) from the mean code of the class `absent` to that of the class `present`.

    Added to a code, it is to add what distinguishes the one from the other (Radford et al., arXiv 1511.06434,
    section 6.3.2; with an encoder: Larsen et al., arXiv 1512.09300). NaN where a class has no
    codes.
    """
    means = class_means(codes, labels, 1 + max(present, absent, int(np.max(labels))))
    direction: Array = means[present] - means[absent]
    return direction
