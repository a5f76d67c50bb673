"""Contours: the lines along which a grid of numbers has one value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Edge = tuple[bool, int, int]

# Where a contour enters and leaves a cell, by which corners are high (upper left 1, upper right 2, lower
# right 4, lower left 8): over its top, right, bottom or left edge, with what is high at the right hand.
CROSSINGS = {
    1: ("TL",), 2: ("RT",), 3: ("RL",), 4: ("BR",), 6: ("BT",), 7: ("BL",), 8: ("LB",),
    9: ("TB",), 11: ("RB",), 12: ("LR",), 13: ("TR",), 14: ("LT",), 5: ("TL", "BR"), 10: ("RT", "LB"),
}  # fmt: skip
# The two cases with high corners across from each other, where the middle is high too.
JOINED = {5: ("TR", "BL"), 10: ("LT", "RB")}


def contours(values: Array, level: float) -> list[Array]:
    """Closed lines around what is above `level`: arrays (points, 2) of columns and rows, the last point the
    first.

    `values`: (rows, columns). Around the grid there is nothing, 0, so `level` is to be positive. Marching
    squares (Lorensen and Cline, SIGGRAPH 1987, in two dimensions): edges are crossed where a straight line
    between their ends has the level; a cell with high corners across from each other is decided by its mean.
    """
    grid = np.pad(np.asarray(values, np.float64), 1)
    high = grid > level
    corners = high[:-1, :-1] + 2 * high[:-1, 1:] + 4 * high[1:, 1:] + 8 * high[1:, :-1]
    follows: dict[Edge, Edge] = {}
    for row, column in zip(*map(np.ndarray.tolist, np.nonzero(corners % 15)), strict=True):
        case = int(corners[row, column])
        crossings = CROSSINGS[case]
        if case in JOINED and grid[row : row + 2, column : column + 2].mean() > level:
            crossings = JOINED[case]
        # Each edge by whether it runs down, and the corner that it begins at.
        edges = {
            "T": (False, row, column),
            "B": (False, row + 1, column),
            "L": (True, row, column),
            "R": (True, row, column + 1),
        }
        for way in crossings:
            follows[edges[way[0]]] = edges[way[1]]
    lines = []
    while follows:
        edge, after = follows.popitem()
        line = [edge]
        while after != line[0]:
            line.append(after)
            after = follows.pop(after)
        lines.append(_points(grid, level, [*line, line[0]]))
    return lines


def _points(grid: Array, level: float, edges: list[Edge]) -> Array:
    """Columns and rows, (points, 2), where a contour crosses these edges."""
    down, row, column = np.array(edges).T
    before, behind = grid[row, column], grid[row + down, column + 1 - down]
    share = (level - before) / (behind - before)
    # The frame around the grid is not counted.
    return np.stack([column - 1 + (1 - down) * share, row - 1 + down * share], axis=1)
