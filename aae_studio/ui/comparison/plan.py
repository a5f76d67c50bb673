"""Plan: what a sweep was begun with, and what its cells show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from aae_studio.core.options import Option, Value
from aae_studio.ui.comparison.figures import Figure
from aae_studio.ui.comparison.grid import Cell, Heads
from aae_studio.ui.repeats import Series
from aae_studio.ui.translation import tr, tr_error

if TYPE_CHECKING:
    from aae_studio.core.repeats import Run

FAILED = "×"


@dataclass(frozen=True)
class Plan:
    """What a sweep was begun with: its model and its two options, each with its key and values."""

    model: str
    across: tuple[Option, str, Sequence[Value]]
    down: tuple[Option, str, Sequence[Value]]

    def heads(self) -> Heads:
        """What stands beside the grid."""
        (right, _, columns), (below, _, rows) = self.across, self.down
        return Heads(
            tr(right.label),
            tuple(right.shown(value) for value in columns),
            tr(below.label),
            tuple(below.shown(value) for value in rows),
        )

    def changes(self, place: int) -> dict[str, Value]:
        """The two options of a cell, counted row by row."""
        row, column = divmod(place, len(self.across[2]))
        return {self.across[1]: self.across[2][column], self.down[1]: self.down[2][row]}


def cells_of(
    series: Series, images: Mapping[int, QImage], figures: Mapping[str, Figure], shown: str
) -> list[Cell]:
    """The cells of a series whose `about` is a Plan, row by row, with the figure `shown` below each. The best
    is marked where it is better than all others by more than chance."""
    from aae_studio.core.repeats import best

    model, figure = series.about.model, figures[shown]
    measures = {
        place: run.measures[model][shown]
        for place, run in enumerate(series.runs)
        if shown in run.measures.get(model, {})
    }
    first = best(shown, measures)
    cells = []
    for place in range(len(series.configs)):
        run = series.runs[place] if place < len(series.runs) else None
        text = figure.shown(measures[place].value) if place in measures else ""
        if run is not None and run.fault is not None:
            text = FAILED
        cells.append(Cell(images.get(place), text, _told(series, place, run, figures), place == first))
    return cells


def _told(series: Series, place: int, run: Run | None, figures: Mapping[str, Figure]) -> str:
    """What a cell tells who points at it."""
    heads, columns = series.about.heads(), len(series.about.across[2])
    where = f"{heads.across} {heads.columns[place % columns]} · {heads.down} {heads.rows[place // columns]}"
    if run is None:
        return f"{where}\n{tr('Not trained yet.')}"
    if run.fault is not None:
        return f"{where}\n{tr_error(run.fault)}"
    measures = run.measures[series.about.model]
    lines = [
        f"{figure.title}: {figure.shown(measures[name].value)} {figure.unit}".rstrip()
        for name, figure in figures.items()
        if name in measures
    ]
    return "\n".join([where, *lines])
