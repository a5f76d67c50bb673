"""FigureModel: the figures of all models as a table, a row each, and a column for each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt

from aae_studio.ui.comparison.figures import MISSING, Figure
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.repeats import Measure


@dataclass(frozen=True)
class Entry:
    """One model: its name, what it is called, the name of its colour, and its measures by figure."""

    name: str
    label: str
    color: str
    measures: Mapping[str, Measure]


class FigureModel(QAbstractTableModel):
    """Holds the entries in their order: that of the lanes, or by one of the figures. Models without that
    figure stay at the end."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        super().__init__()
        self.figures, self.tips = figures, [figure.meaning for figure in figures]
        self.entries: list[Entry] = []
        self.best: dict[str, str | None] = {}
        # The row that the models are sorted by, and whether the greatest is first.
        self.sorted_by: int | None = None
        self.falling = False
        self._given: list[Entry] = []

    def show(self, entries: Sequence[Entry], best: Mapping[str, str | None], tips: Sequence[str]) -> None:
        """Have these entries, the best model of each figure, and tips of the figures."""
        self.beginResetModel()
        self._given, self.best, self.tips = list(entries), dict(best), list(tips)
        self.entries = self._sorted()
        self.endResetModel()

    def sort_models(self, row: int | None, falling: bool = False) -> None:
        """Sort the models by the figure of a row; None: as they were given."""
        self.beginResetModel()
        self.sorted_by, self.falling = row, falling
        self.entries = self._sorted()
        self.endResetModel()

    def _sorted(self) -> list[Entry]:
        if self.sorted_by is None:
            return list(self._given)
        name = self.figures[self.sorted_by].name
        known = [entry for entry in self._given if name in entry.measures]
        known.sort(key=lambda entry: entry.measures[name].value, reverse=self.falling)
        return known + [entry for entry in self._given if name not in entry.measures]

    def measure(self, index: QModelIndex) -> Measure | None:
        """The measure of a cell, if there is one."""
        return self.entries[index.column()].measures.get(self.figures[index.row()].name)

    def is_best(self, index: QModelIndex) -> bool:
        """Whether a cell holds the best value of its figure."""
        return self.best.get(self.figures[index.row()].name) == self.entries[index.column()].name

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return len(self.figures)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(self.entries)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        figure, measure = self.figures[index.row()], self.measure(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return MISSING if measure is None else figure.shown(measure.value)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._told(index, figure, measure)
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            return self.entries[section].label if role == Qt.ItemDataRole.DisplayRole else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.figures[section].full_title()
        return self.tips[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def _told(self, index: QModelIndex, figure: Figure, measure: Measure | None) -> str:
        head = f"{self.entries[index.column()].label} · {figure.full_title()}"
        if measure is None:
            return f"{head}\n{tr('Not measured: it has no encoder, or the classifier is not there yet.')}"
        lines = [head, f"{figure.shown(measure.value)} ± {figure.shown(measure.noise)} {figure.unit}".strip()]
        if measure.deviation is None:
            lines.append(tr("±: what chance moves one measurement by (95 of 100 times)."))
        else:
            lines.append(tr("±: what chance moves this mean by (95 of 100 times)."))
            deviation = figure.shown(measure.deviation)
            lines.append(
                tr("Standard deviation over {count} seeds: {value}", count=measure.count, value=deviation)
            )
        if self.is_best(index):
            lines.append(tr("The best, by more than chance."))
        return "\n".join(lines)

    def as_tsv(self) -> str:
        """A line for each model, apart by tabs, with a column of its own for each standard deviation."""
        spread = any(m.deviation is not None for entry in self.entries for m in entry.measures.values())
        heads = [tr("Model")]
        for figure in self.figures:
            heads += [figure.full_title(), *(["±"] if spread else [])]
        lines = [heads]
        for entry in self.entries:
            cells = [entry.label]
            for figure in self.figures:
                measure = entry.measures.get(figure.name)
                cells.append("" if measure is None else figure.shown(measure.value))
                if spread:
                    cells.append("" if measure is None else figure.deviation(measure).lstrip("±"))
            lines.append(cells)
        # Spreadsheets take the hyphen for a minus, and no other sign.
        return "".join("\t".join(cells).replace("−", "-") + "\n" for cells in lines)

    def as_markdown(self) -> str:
        """A Markdown table, a line for each model, the best values bold."""
        lines = [[tr("Model"), *(figure.full_title() for figure in self.figures)]]
        lines.append(["---", *("---:" for _ in self.figures)])
        for column, entry in enumerate(self.entries):
            cells = [entry.label]
            for row, figure in enumerate(self.figures):
                measure = entry.measures.get(figure.name)
                text = MISSING
                if measure is not None:
                    text = " ".join(filter(None, (figure.shown(measure.value), figure.deviation(measure))))
                    text = f"**{text}**" if self.is_best(self.index(row, column)) else text
                cells.append(text)
            lines.append(cells)
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
