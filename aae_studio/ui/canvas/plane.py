"""Plane and View: how a latent space of any size comes onto a flat canvas. Pure functions of numpy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
# A view is fitted to about so many places at most.
MEASURED = 20_000


@dataclass(frozen=True)
class Plane:
    """A plane through the latent space: two orthonormal directions and the point they start from.

    `basis`: (2, latent size), its second row zero where there is only one axis. `origin`: (latent size,).
    """

    basis: Array
    origin: Array
    labels: tuple[str, str]

    def project(self, codes: Array) -> Array:
        """Places in the plane, (n, 2), of codes (n, latent size): these where they are just that."""
        if self.is_whole:
            return codes
        return (codes - self.origin) @ self.basis.T

    @cached_property
    def is_whole(self) -> bool:
        """Whether the plane is all of the latent space, as it is."""
        return np.array_equal(self.basis, np.eye(2)) and not self.origin.any()

    def moved(self, code: Array, place: npt.ArrayLike) -> Array:
        """The code moved within the plane to a place; what lies across the plane stays as it is."""
        step = np.asarray(place, np.float32) - self.project(code[None])[0]
        return code + step @ self.basis


def axis_plane(size: int, x: int, y: int) -> Plane:
    """The plane of two code axes, counted from 0."""
    basis = np.zeros((2, size), np.float32)
    basis[0, x] = 1
    if size > 1:
        basis[1, y] = 1
    labels = (f"z{x + 1}", f"z{y + 1}" if size > 1 else "")
    return Plane(basis, np.zeros(size, np.float32), labels)


def thinned(rows: Array) -> Array:
    """Some of very many rows, which say as much: codes or places."""
    return rows[:: max(1, len(rows) // MEASURED)]


def principal_plane(codes: Array, previous: Plane | None = None) -> Plane:
    """The plane of the first two principal components of codes (n, latent size).

    Directions have no sign of their own: they follow the previous plane's, so that the picture
    does not flip while training goes on.
    """
    codes = thinned(codes)
    mean = codes.mean(axis=0)
    centred = (codes - mean).astype(np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    basis = vectors[:, ::-1][:, :2].T.astype(np.float32)
    if len(basis) == 1:
        basis = np.concatenate([basis, np.zeros_like(basis)])
    for row in range(2):
        reference = basis[row] if previous is None else previous.basis[row]
        anchor = reference if previous is not None else np.abs(basis[row])
        if float(basis[row] @ anchor) < 0:
            basis[row] *= -1
    return Plane(basis, mean.astype(np.float32), ("PC1", "PC2"))


@dataclass(frozen=True)
class Lens:
    """How places come onto a screen: shifted by a centre, scaled, and shifted to a middle, each (x, y)."""

    centre: tuple[float, float]
    scale: tuple[float, float]
    middle: tuple[float, float]

    def pixels(self, places: Array) -> Array:
        """Places (n, 2) to pixels (n, 2)."""
        centre, scale, middle = (
            np.array(pair, places.dtype) for pair in (self.centre, self.scale, self.middle)
        )
        # Centred before it is scaled: deep in a zoom, float32 would not hold the difference.
        return (places - centre) * scale + middle

    def along(self, axis: int, numbers: Array, out: Array) -> None:
        """The same for one axis, without other memory than `out`."""
        np.subtract(numbers, np.float32(self.centre[axis]), out=out)
        out *= np.float32(self.scale[axis])
        out += np.float32(self.middle[axis])


AS_IT_IS = Lens((0.0, 0.0), (1.0, 1.0), (0.0, 0.0))


@dataclass(frozen=True)
class View:
    """The part of a plane that a canvas shows: its centre, and half the shorter side, in code units."""

    x: float
    y: float
    half: float

    def scale(self, width: float, height: float) -> float:
        """Pixels per code unit."""
        return min(width, height) / (2 * self.half)

    def lens(self, width: float, height: float, ratio: float = 1.0) -> Lens:
        """Places to the device pixels of a canvas; y points up in the plane, down on the screen.

        `width` and `height` in logical pixels, of which each has `ratio` device pixels.
        """
        scale = self.scale(width, height) * ratio
        return Lens((self.x, self.y), (scale, -scale), (width / 2 * ratio, height / 2 * ratio))

    def to_pixels(self, places: Array, width: float, height: float) -> Array:
        """Places (n, 2) to logical pixels (n, 2)."""
        return self.lens(width, height).pixels(places)

    def to_plane(self, x: float, y: float, width: float, height: float) -> tuple[float, float]:
        """A pixel to its place."""
        scale = self.scale(width, height)
        return self.x + (x - width / 2) / scale, self.y - (y - height / 2) / scale

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """Magnified by a factor around a place, which stays where it is."""
        return View(x + (self.x - x) / factor, y + (self.y - y) / factor, self.half / factor)

    def panned(self, dx: float, dy: float) -> View:
        """Shifted by so many code units."""
        return View(self.x + dx, self.y + dy, self.half)

    def carried(self, place: tuple[float, float], other: View) -> tuple[float, float]:
        """The place in another view that looks the same as this place does in this one."""
        ratio = other.half / self.half
        return other.x + (place[0] - self.x) * ratio, other.y + (place[1] - self.y) * ratio


def fitting_view(places: Array) -> View:
    """A view of nearly all places (n, 2): the middle 98 % in each direction, with a margin."""
    low, high = np.quantile(thinned(places), [0.01, 0.99], axis=0)
    middle = (low + high) / 2
    half = float(max((high - low).max() / 2, 1e-3))
    return View(float(middle[0]), float(middle[1]), 1.25 * half)


def reach(places: Array) -> float:
    """How far nearly all places (n, 2) reach from the middle, in each direction, with a margin."""
    return 1.05 * float(np.quantile(np.abs(places), 0.995, axis=0).max())


def settled(current: View, wanted: View) -> View:
    """The wanted view if it differs visibly from the current one, so that a view does not jitter."""
    moved = max(abs(current.x - wanted.x), abs(current.y - wanted.y)) / current.half
    grown = wanted.half / current.half
    return current if moved < 0.15 and 0.8 < grown < 1.15 else wanted


def placed(plane: Plane, home: View, codes: Array, labels: npt.NDArray[np.int64], classes: int) -> Array:
    """Where codes (n, latent size) with labels (n,) of so many classes are drawn in a plane, (n, 2).

    A single code axis leaves the height free: there each class has a row of its own in the home view.
    """
    places = plane.project(codes)
    if codes.shape[1] == 1:
        places[:, 1] = home.y + home.half * (1.5 * (labels + 0.5) / classes - 0.75)
    return places
