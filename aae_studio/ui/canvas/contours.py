"""Contours: lines of equal value over a grid, in code units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aae_studio.ui.canvas.scene import Grid

Array = npt.NDArray[np.float32]


def contours(values: Array, level: float, grid: Grid) -> list[Array]:
    """Lines (k, 2) in the plane along which values (rows, columns) at the grid's cells have a level."""
    # Its import takes a quarter of a second, which the window's start should not.
    from pyqtgraph.functions import isocurve

    left, top = grid.places[0]
    steps = np.array([grid.right - grid.left, grid.bottom - grid.top]) / (grid.columns, grid.rows)
    lines = isocurve(np.ascontiguousarray(values.T, np.float64), level, connected=True)
    # A value lies at the middle of its cell, which isocurve puts at half a step.
    return [_rounded((np.array(line) - 0.5) * steps + (left, top)) for line in lines]


def _rounded(line: Array) -> Array:
    """The line with its corners cut twice (Chaikin, Computer Graphics and Image Processing 3, 1974)."""
    closed = len(line) > 2 and np.allclose(line[0], line[-1])
    for _ in range(2):
        cut = np.stack([0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]], axis=1)
        inner = cut.reshape(-1, 2)
        first, last = (inner[-1:], inner[:0]) if closed else (line[:1], line[-1:])
        line = np.concatenate([first, inner, last])
    return line
