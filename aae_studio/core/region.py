"""Region: where in a latent space the codes of real images are, and what that says of other places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
NEIGHBOURS = 5
SHARE = 0.95
# Codes whose own distance the limit is a quantile of: so many know its level to 1.3 %.
JUDGED = 300
# A code of two axes whose image is encoded farther away than this, in σ, lies in a hole.
HOLE_REACH = 0.5
# Up to this strangeness a place lies at the edge of the data: of real codes themselves one in twenty is
# beyond a strangeness of 1, and about one in a hundred beyond this one.
EDGE = 2.0


@dataclass(frozen=True, eq=False)
class Region:
    """All places whose k-th nearest code is no farther than `limit`, in code units.

    `codes` (n, latent size) are those of real images, `deviation` is their standard deviation, the mean of
    all axes. The distance to the k-th nearest point says how strange a place is (Ramaswamy et al., SIGMOD
    2000, section 2); the limit is its quantile among the codes themselves, each without itself, so that a new
    code of the same distribution lies inside with the probability `SHARE` (Laxhammar and Falkman, IEEE PAMI
    36, 2014).
    """

    codes: Array
    limit: float
    deviation: float
    neighbours: int = NEIGHBOURS

    @classmethod
    def of(cls, codes: Array, neighbours: int = NEIGHBOURS, share: float = SHARE) -> Region:
        """The region of codes (n ≥ 2, latent size), its limit from the first `JUDGED` of them."""
        place = min(neighbours, len(codes) - 1)
        centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
        squares = np.einsum("nd,nd->n", centred, centred)
        judged = centred[:JUDGED]
        # In float64, and around 0, the product of matrices keeps small distances.
        squared = squares[: len(judged), None] + squares - 2 * judged @ centred.T
        np.fill_diagonal(squared, np.inf)
        kth = np.partition(squared, place - 1, axis=1)[:, place - 1]
        limit = np.quantile(np.sqrt(np.maximum(kth, 0.0)), share)
        return cls(codes, float(limit), float(centred.std(axis=0).mean()), place)

    def nearest(self, code: Array, count: int) -> npt.NDArray[np.intp]:
        """Which codes are nearest to a code (latent size,), nearest first, at most `count`."""
        squared = self._squared(code)
        count = min(count, len(squared))
        found = np.argpartition(squared, count - 1)[:count]
        return found[np.argsort(squared[found], kind="stable")]

    def strangeness(self, code: Array) -> float:
        """How far the k-th nearest code is from a code (latent size,), over the limit; at most 1 inside."""
        kth = np.partition(self._squared(code), self.neighbours - 1)[self.neighbours - 1]
        # In Python's numbers: beside codes that have all become one, float32 would overflow.
        return float(np.sqrt(kth)) / max(self.limit, float(np.finfo(np.float32).tiny))

    def _squared(self, code: Array) -> Array:
        away = self.codes - code
        squared: Array = np.einsum("nd,nd->n", away, away)
        return squared


class Verdict(Enum):
    """What is to be thought of an image that is decoded from a place."""

    INSIDE = "inside"
    EDGE = "edge"
    HOLE = "hole"
    FAR = "far"


@dataclass(frozen=True)
class Trust:
    """How far the image at a place can be trusted.

    `strangeness` is `Region.strangeness`. `displacement`: how far away the image is encoded, |E(Dec(z)) - z|
    in units of the prior's σ (of the codes' deviation where no prior holds). `axes` is the latent size.
    """

    strangeness: float
    displacement: float
    axes: int = 2

    @property
    def reach(self) -> float:
        """The displacement beyond which there is a hole; it grows with the root of the number of axes, as
        distances do."""
        return HOLE_REACH * math.sqrt(self.axes / 2)

    @property
    def verdict(self) -> Verdict:
        """Far from the data where the place is very strange; else in a hole where its image comes back
        elsewhere: the decoder was never taught the one, and the encoder would never have put the other
        there. Else inside, or at the edge where it is somewhat strange."""
        if not self.strangeness <= EDGE:
            return Verdict.FAR
        if not self.displacement <= self.reach:
            return Verdict.HOLE
        return Verdict.INSIDE if self.strangeness <= 1 else Verdict.EDGE
