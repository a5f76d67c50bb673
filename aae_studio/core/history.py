"""History: the exact curves of all steps, and their means over windows for plotting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from aae_studio.core.errors import StudioError

if TYPE_CHECKING:
    from aae_studio.core.experiment import Report

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
AXES = ("steps", "seconds")
# A sum is kept for each so many values.
BLOCK = 16


class Column:
    """float64 numbers that grow at the end, with sums from which means over any window follow.

    The room for them doubles; memory that nothing was written to yet is not taken.
    """

    def __init__(self, values: npt.ArrayLike = ()) -> None:
        self.count = 0
        # Place i of the sums holds the sum of the first i blocks.
        self._values, self._sums = np.empty(0), np.zeros(1)
        self.extend(values)

    @property
    def values(self) -> Floats:
        return self._values[: self.count]

    def extend(self, new: npt.ArrayLike) -> None:
        fresh = np.asarray(new, np.float64)
        start, end = self.count, self.count + len(fresh)
        if end > len(self._values):
            room = max(end, 2 * len(self._values), 256)
            self._values = _grown(self._values, start, room)
            self._sums = _grown(self._sums, start // BLOCK + 1, room // BLOCK + 1)
        self._values[start:end] = fresh
        first, last = start // BLOCK, end // BLOCK
        if last > first:
            blocks = self._values[first * BLOCK : last * BLOCK].reshape(-1, BLOCK).sum(axis=1)
            self._sums[first : last + 1] = np.cumsum(np.append(self._sums[first], blocks))
        self.count = end

    def means(self, rows: Rows, width: int) -> Floats:
        """Means over the `width` values that end at each of these rows; fewer at the front."""
        if width == 1:
            return self._values[rows]
        low = np.maximum(rows + 1 - width, 0)
        return (self._sum_before(rows + 1) - self._sum_before(low)) / (rows + 1 - low)

    def _sum_before(self, rows: Rows) -> Floats:
        """Sums of all values before each of these rows."""
        blocks, rest = np.divmod(rows, BLOCK)
        sums = self._sums[blocks]
        for place in range(int(rest.max(initial=0))):
            within = place < rest
            sums[within] += self._values[blocks[within] * BLOCK + place]
        return sums


def _grown(array: Floats, count: int, room: int) -> Floats:
    """The first `count` numbers with room for more."""
    grown = np.empty(room)
    grown[:count] = array[:count]
    return grown


class History:
    """Every step's figures, one row a step; row 0 is the first report.

    One thread may append while others read: room grows by copying, and `len` counts a row only when all
    its curves are there.

    All curves begin with the first report. Those of a model that leaves have fewer rows than `steps`; those
    of one that joins have all of them.
    """

    def __init__(self) -> None:
        self._columns = {name: Column() for name in AXES}

    def __len__(self) -> int:
        return self._columns["steps"].count

    @property
    def steps(self) -> Floats:
        """The step of each row, shape (rows,)."""
        return self._columns["steps"].values

    @property
    def seconds(self) -> Floats:
        """Training time since step 0 at each row, in seconds, shape (rows,)."""
        return self._columns["seconds"].values

    @property
    def curves(self) -> tuple[tuple[str, str], ...]:
        """(model, curve) of every curve: in the order of the first report, then those that joined."""
        parts = (name.partition("/") for name in self._columns if name not in AXES)
        return tuple((model, curve) for model, _, curve in parts)

    def values(self, model: str, curve: str) -> Floats:
        """The exact values of a curve, shape (its rows,). Raises KeyError."""
        return self._columns[f"{model}/{curve}"].values

    def last(self, model: str) -> dict[str, float]:
        """The newest value of each of a model's curves, by its name; none before the first step, and none
        of a model that left."""
        rows = len(self)
        return {
            curve: float(column.values[rows - 1])
            for owner, curve in self.curves
            if owner == model and rows and (column := self._columns[f"{owner}/{curve}"]).count >= rows
        }

    def append(self, reports: Sequence[Report]) -> None:
        """Add reports, in the order of their steps."""
        before = len(self)
        if reports and not before:
            names = [f"{model}/{curve}" for model, part in reports[0].losses.items() for curve in part]
            self._columns |= {name: Column() for name in names}
        for model, curve in self.curves:
            column = self._columns[f"{model}/{curve}"]
            # A column that is behind belongs to a model that left.
            if column.count == before:
                column.extend([report.losses[model][curve] for report in reports if model in report.losses])
        self._columns["seconds"].extend([report.seconds for report in reports])
        # Last, because a row counts when its step is there.
        self._columns["steps"].extend([report.step for report in reports])

    def join(self, other: History) -> None:
        """Take over the curves of models that were trained apart, for all of these steps, or, of one that
        comes back, for those since it left. A curve that it did not have before it left stays out."""
        if not len(self) or not len(other):
            return
        # Their first steps are here where `other` begins later.
        kept = int(np.searchsorted(self.steps, other.steps[0]))
        rows = np.searchsorted(other.steps, self.steps[kept:])
        joined = {}
        for model, curve in other.curves:
            if kept and (model, curve) not in self.curves:
                continue
            before = self.values(model, curve)[:kept] if kept else np.empty(0)
            joined[f"{model}/{curve}"] = Column(np.concatenate([before, other.values(model, curve)[rows]]))
        # In one go: others are reading.
        self._columns = {**self._columns, **joined}

    def continues(self, earlier: History) -> bool:
        """Whether this is the same training as `earlier`, at the same step or later."""
        rows = len(earlier)
        same = self.curves == earlier.curves and rows <= len(self)
        # No two trainings take exactly the same time.
        return same and np.array_equal(self.seconds[:rows], earlier.seconds)

    def catch_up(self, later: History) -> None:
        """Take the rows that `later`, which continues this history, has beyond it."""
        # The first column is that of the steps; a row counts when its step is there.
        for name, column in reversed(self._columns.items()):
            column.extend(later._columns[name].values[column.count :])

    def window(
        self, model: str, curve: str, first: int, last: int, points: int, smoothing: int = 1
    ) -> tuple[Rows, Floats]:
        """A curve from row `first` up to, not including, row `last`, as at most `points` (≥ 2) values.

        Returns row numbers (places in `steps` and `seconds`) and values, both of shape (n,). A value is the
        mean over the last `smoothing` steps up to its row, or since the value before where those are
        more; the last row is always there. With `smoothing` 1 and as many points as rows the values
        are exact. Takes O(points), however long the curve is. Raises KeyError.
        """
        column = self._columns[f"{model}/{curve}"]
        first, last, width = max(first, 0), min(last, column.count), 1
        if first >= last:
            return np.empty(0, np.int64), np.empty(0)
        # Powers of two, counted from row 0: points stay where they are while the curve grows.
        while -(-(last - first) // width) + (width > 1) > max(points, 2):
            width *= 2
        rows = np.arange(first // width * width + width - 1, last, width, dtype=np.int64)
        if not len(rows) or rows[-1] != last - 1:
            rows = np.append(rows, last - 1)
        return rows, column.means(rows, max(smoothing, width))

    def as_arrays(self) -> dict[str, Floats]:
        """`steps`, `seconds` and each `model/curve`, shape (rows,); `from_arrays` reads them."""
        return {name: column.values for name, column in self._columns.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Read what `as_arrays` gave. Raises StudioError for arrays that are not a history."""
        for name, array in arrays.items():
            if array.dtype != np.float64 or array.ndim != 1 or not np.isfinite(array).all():
                raise StudioError("the curve “{name}” is not a row of finite numbers.", name=name)
        history = cls()
        history._columns |= {name: Column(array) for name, array in arrays.items()}
        rows = {name: column.count for name, column in history._columns.items()}
        if rows["seconds"] != len(history) or max(rows.values()) > len(history):
            raise StudioError("the curves are longer than their steps.")
        if (np.diff(history.steps) <= 0).any():
            raise StudioError("the steps of the curves are not in order.")
        return history
