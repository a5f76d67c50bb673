"""FigureModel: the figures of all models as rows of a table."""

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
class Row:
    """One model: its name, what it is called, the name of its colour, and its measures by figure."""

    name: str
    label: str
    color: str
    measures: Mapping[str, Measure]


class FigureModel(QAbstractTableModel):
    """Rows are models, columns figures. Missing figures stay at the end however it is sorted."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        super().__init__()
        self.figures, self.tips = figures, [figure.meaning for figure in figures]
        self.rows: list[Row] = []
        self.best: dict[str, str | None] = {}
        self._given: list[Row] = []
        self._order: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def show(self, rows: Sequence[Row], best: Mapping[str, str | None], tips: Sequence[str]) -> None:
        """Have these rows, the best model of each figure, and tips of the columns."""
        self.beginResetModel()
        self._given, self.best, self.tips = list(rows), dict(best), list(tips)
        self.rows = self._sorted()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1: as they were given."""
        self._order = column, order
        self.layoutAboutToBeChanged.emit()
        self.rows = self._sorted()
        self.layoutChanged.emit()

    def _sorted(self) -> list[Row]:
        column, order = self._order
        if not 0 <= column < len(self.figures):
            return list(self._given)
        name = self.figures[column].name
        known = [row for row in self._given if name in row.measures]
        known.sort(key=lambda row: row.measures[name].value, reverse=order == Qt.SortOrder.DescendingOrder)
        return known + [row for row in self._given if name not in row.measures]

    def measure(self, index: QModelIndex) -> Measure | None:
        return self.rows[index.row()].measures.get(self.figures[index.column()].name)

    def is_best(self, index: QModelIndex) -> bool:
        return self.best.get(self.figures[index.column()].name) == self.rows[index.row()].name

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(self.figures)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        figure, measure = self.figures[index.column()], self.measure(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return MISSING if measure is None else figure.shown(measure.value)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._told(index, figure, measure)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _told(self, index: QModelIndex, figure: Figure, measure: Measure | None) -> str:
        head = f"{self.rows[index.row()].label} · {figure.full_title()}"
        if measure is None:
            return f"{head}\n{tr('Not measured: it has no encoder, or the classifier is not there yet.')}"
        noise = figure.shown(measure.noise)
        lines = [head, f"{figure.shown(measure.value)} ± {noise} {figure.unit}".strip()]
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

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        across = orientation == Qt.Orientation.Horizontal
        if role == Qt.ItemDataRole.DisplayRole:
            return self.figures[section].head if across else self.rows[section].label
        if role == Qt.ItemDataRole.ToolTipRole and across:
            return self.tips[section]
        if role == Qt.ItemDataRole.AccessibleTextRole and across:
            return self.figures[section].full_title()
        return None

    def as_tsv(self) -> str:
        """Tab-separated, with a column of its own for each standard deviation."""
        spread = any(measure.deviation is not None for row in self.rows for measure in row.measures.values())
        heads = [tr("Model")]
        for figure in self.figures:
            heads += [figure.full_title(), *(["±"] if spread else [])]
        lines = [heads]
        for row in self.rows:
            cells = [row.label]
            for figure in self.figures:
                measure = row.measures.get(figure.name)
                cells.append("" if measure is None else figure.shown(measure.value))
                if spread:
                    cells.append("" if measure is None else figure.deviation(measure).lstrip("±"))
            lines.append(cells)
        # Spreadsheets take the hyphen for a minus, and no other sign.
        return "".join("\t".join(cells).replace("−", "-") + "\n" for cells in lines)

    def as_markdown(self) -> str:
        """A Markdown table, the best values bold."""
        lines = [[tr("Model"), *(figure.full_title() for figure in self.figures)]]
        lines.append(["---", *("---:" for _ in self.figures)])
        for place, row in enumerate(self.rows):
            cells = [row.label]
            for column, figure in enumerate(self.figures):
                measure = row.measures.get(figure.name)
                text = MISSING
                if measure is not None:
                    text = " ".join(filter(None, (figure.shown(measure.value), figure.deviation(measure))))
                    text = f"**{text}**" if self.is_best(self.index(place, column)) else text
                cells.append(text)
            lines.append(cells)
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
