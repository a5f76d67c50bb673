"""What a model does at codes: verdicts, forces, holes and stretch. Functions of a frozen model, numpy arrays
in and out."""

from __future__ import annotations

import math
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch

from aae_studio.core import metrics
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.networks import seed_for
from aae_studio.core.snapshot import FrozenModel, Snapshot

Array = npt.NDArray[np.float32]
# z ~ q(z|x) that a force is a mean over: pairs of noise and its negative.
NOISE_PAIRS = 1
# Real images that a decoded one is compared with.
COMPARED = 500

_usual: WeakKeyDictionary[Dataset, float] = WeakKeyDictionary()


def verdicts(frozen: FrozenModel, codes: npt.ArrayLike, condition: int = 0) -> Array | None:
    """D(z), float32 (n,) in [0, 1], at codes (n, latent size); None for a model without discriminator.

    Where it cannot tell it says ½; the best one possible says p(z) / (p(z) + q(z)) (Goodfellow et al., arXiv
    1406.2661, proposition 1). A discriminator of images is shown what the codes are decoded to.
    """
    z = torch.from_numpy(np.asarray(codes, np.float32))
    with torch.inference_mode():
        logits = frozen.model.judged(z, frozen.one_hot(torch.full((len(z),), condition)))
        return None if logits is None else logits.float().sigmoid().numpy()


def forces(frozen: FrozenModel, images: npt.ArrayLike, labels: npt.ArrayLike) -> dict[str, Array]:
    """Where each loss term pulls the codes of images (n, C, H, W) in [0, 1] with these labels (n,).

    Minus the gradient of the term, with its weight and per pixel, with respect to each image's code, by the
    term's name, float32 (n, latent size), per code unit: what back-propagation hands to the encoder. With a
    Gaussian posterior it is a mean over z ~ q(z|x), with respect to q's mean (Kingma and Welling, arXiv
    1312.6114, section 2.4). Empty for a model without encoder.
    """
    if not frozen.has_encoder:
        return {}
    codes = torch.from_numpy(frozen.encode(images)).requires_grad_(True)
    offsets = torch.from_numpy(_posterior_noise(frozen, images))
    draws = len(offsets)
    pixels = torch.from_numpy(np.asarray(images, np.float32))
    classes = torch.from_numpy(np.asarray(labels, np.int64))
    repeated = (draws, *[1] * (pixels.ndim - 1))
    z = (codes + offsets).flatten(0, 1)
    terms = frozen.model.losses_at(z, pixels.repeat(repeated), classes.repeat(draws))
    return {
        name: -torch.autograd.grad(term.sum() / draws, codes, retain_graph=True)[0].numpy()
        for name, term in terms.items()
    }


def _posterior_noise(frozen: FrozenModel, images: npt.ArrayLike) -> Array:
    """z - mean of some z ~ q(z|x), float32 (draws, n, latent size); one row of zeros without a posterior."""
    posterior = frozen.posterior(images)
    if posterior is None:
        return np.zeros((1, len(np.asarray(images)), 1), np.float32)
    deviation = np.exp(0.5 * posterior[1])
    # The same at every call: a picture must not flicker.
    generator = torch.Generator().manual_seed(seed_for(0, "posterior"))
    noise = torch.randn((NOISE_PAIRS, *deviation.shape), generator=generator).numpy()
    offsets: Array = np.concatenate([noise, -noise]) * deviation
    return offsets


class Holes(NamedTuple):
    """How far codes are from being sound, each (n,) over its limit: above 1, the code lies in a hole.

    `displaced`: how far away its image is encoded; None without encoder. `unlike`: how far its image is
    from the nearest real one.
    """

    displaced: Array | None
    unlike: Array


def holes(
    snapshot: Snapshot, name: str, codes: npt.ArrayLike, unit: float, condition: npt.ArrayLike = 0
) -> Holes:
    """Whether a model was taught what to make of codes (n, latent size).

    The limit of `displaced` is half a `unit` in two axes, as in `metrics.hole_fraction`, and as in
    `metrics.mmd2` grows with the root of their number, because distances do. The unit is the prior's σ, or
    for a model without prior the deviation of its own codes. That of `unlike` is how far 9 of 10 real images
    are at most from the nearest other one, whatever the model, among so many of the probe subset.
    """
    frozen = snapshot.models[name]
    images = frozen.decode(codes, condition)
    real = torch.from_numpy(snapshot.probe_images[:COMPARED])
    if snapshot.dataset not in _usual:
        _usual[snapshot.dataset] = metrics.usual_unlikeness(real)
    unlike = metrics.unlikeness(torch.from_numpy(images), real) / _usual[snapshot.dataset]
    if not frozen.has_encoder:
        return Holes(None, unlike.numpy())
    back = torch.from_numpy(frozen.encode(images))
    away = metrics.displacement(torch.from_numpy(np.asarray(codes, np.float32)), back)
    limit = metrics.HOLE_REACH * unit * math.sqrt(back.shape[1] / 2)
    return Holes((away / limit).numpy(), unlike.numpy())


def log_prior(snapshot: Snapshot, codes: npt.ArrayLike) -> Array | None:
    """log p(z) in nats, float32 (n,), at codes (n, latent size); None for a prior without a density."""
    if not snapshot.prior.has_log_prob:
        return None
    with torch.inference_mode():
        return snapshot.prior.log_prob(torch.from_numpy(np.asarray(codes, np.float32))).numpy()


def stretch(
    frozen: FrozenModel, codes: npt.ArrayLike, basis: npt.ArrayLike, condition: int = 0
) -> tuple[Array, Array]:
    """How fast the image changes when a code moves within a plane.

    `codes`: (n, latent size). `basis`: the plane's two directions, orthonormal (2, latent size). Gives the
    singular values (n, 2) of the decoder's Jacobian along the plane, greatest first, as Euclidean distance
    over all pixels per code unit, and the directions (n, 2, 2) in the plane that they belong to, one a row:
    eigenvectors of the metric JᵀJ that the decoder pulls back (Shao et al., arXiv 1711.08014, section 3).
    """
    z = torch.from_numpy(np.asarray(codes, np.float32)).requires_grad_(True)
    told = frozen.one_hot(torch.full((len(z),), condition))
    images = frozen.model.decode(z, told).flatten(1)
    # Jᵀu is linear in u, so its derivative in u along b is J b: two passes back in place of a forward mode,
    # whose first use makes torch load for a second. So does a gradient of anything but a scalar.
    cotangent = torch.zeros_like(images, requires_grad=True)
    (pulled,) = torch.autograd.grad((images * cotangent).sum(), z, create_graph=True)
    columns = [
        torch.autograd.grad((pulled * direction).sum(), cotangent, retain_graph=True)[0]
        for direction in torch.from_numpy(np.asarray(basis, np.float32))
    ]
    jacobian = torch.stack(columns, dim=2).double()
    return principal_axes((jacobian.mT @ jacobian).numpy())


def posterior_axes(log_variance: npt.ArrayLike, basis: npt.ArrayLike) -> tuple[Array, Array]:
    """The ellipses of posteriors N(mean, diag(exp(log_variance))) seen in a plane: deviations along their
    axes (n, 2), in code units, greatest first, and the axes (n, 2, 2) in the plane, one a row.

    `log_variance`: (n, latent size). `basis`: the plane's directions, orthonormal (2, latent size).
    """
    across = np.asarray(basis, np.float64)
    variance = np.exp(np.asarray(log_variance, np.float64))
    return principal_axes(np.einsum("ai,ni,bi->nab", across, variance, across))


def principal_axes(matrices: npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """Square roots of the eigenvalues of positive semi-definite matrices (n, 2, 2), greatest first, (n, 2),
    and the unit eigenvectors, one a row, (n, 2, 2)."""
    values, vectors = np.linalg.eigh(matrices)
    lengths = np.sqrt(np.maximum(values, 0.0))[:, ::-1]
    directions = vectors.transpose(0, 2, 1)[:, ::-1]
    return lengths.astype(np.float32), directions.astype(np.float32)
