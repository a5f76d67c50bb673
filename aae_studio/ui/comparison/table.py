"""FigureTable: models by figures, sortable and copyable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from aae_studio.ui.comparison.figure_model import FigureModel, Row
from aae_studio.ui.comparison.figures import Figure
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.translation import tr

PADDING = 4
STRIPE = 3
SMALL_PX = 11
LINE_PX = 15


class FigureDelegate(QStyledItemDelegate):
    """Paints a value, below it its deviation, and a mark where it is the best."""

    def __init__(self, model: FigureModel, theme: Theme, parent: QTableView) -> None:
        super().__init__(parent)
        self._model, self._theme = model, theme
        self._font, self._small = fixed_font(12), fixed_font(SMALL_PX)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        measure, figure = self._model.measure(index), self._model.figures[index.column()]
        texts = ["00.0", self._model.data(index)]
        if measure is not None:
            texts.append(figure.deviation(measure))
        width = max(self.parent().fontMetrics().horizontalAdvance(text) for text in texts)
        return QSize(width + 2 * PADDING + 6, 2 * LINE_PX + 2 * PADDING)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        painter.save()
        area: QRect = option.rect
        best = self._model.is_best(index)
        current = index == self.parent().currentIndex() and self.parent().hasFocus()
        if current:
            painter.fillRect(area, self._theme.color("hover"))
        color = self._theme.color("good" if best else "text")
        if best:
            self._mark(painter, area, color)
        measure, figure = self._model.measure(index), self._model.figures[index.column()]
        inner = area.adjusted(PADDING, PADDING, -PADDING, -PADDING)
        below = "" if measure is None else figure.deviation(measure)
        font = fixed_font(12)
        font.setBold(best)
        painter.setFont(font)
        painter.setPen(self._theme.color("disabled") if measure is None else color)
        middle = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        top = QRect(inner.left(), inner.top(), inner.width(), LINE_PX) if below else inner
        painter.drawText(top, middle, self._model.data(index))
        if below:
            painter.setFont(self._small)
            painter.setPen(self._theme.color("muted"))
            painter.drawText(top.translated(0, LINE_PX), middle, below)
        painter.restore()

    def _mark(self, painter: QPainter, area: QRect, color: QColor) -> None:
        wash = QColor(color)
        wash.setAlphaF(0.14)
        painter.fillRect(area.adjusted(1, 1, -1, -1), wash)
        painter.fillRect(QRect(area.left() + 1, area.top() + 1, 2, area.height() - 2), color)


class ModelHeader(QHeaderView):
    """The models' names at the left, each with its colour."""

    def __init__(self, model: FigureModel, theme: Theme) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._model, self._theme = model, theme
        self.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)

    def paintSection(self, painter: QPainter, area: QRect, section: int) -> None:
        painter.save()
        row = self._model.rows[section]
        painter.fillRect(
            QRect(area.left(), area.top() + 5, STRIPE, area.height() - 10), self._theme.color(row.color)
        )
        painter.setPen(self._theme.color("text"))
        painter.drawText(
            area.adjusted(STRIPE + 5, 0, -2, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            row.label,
        )
        painter.restore()

    def sizeHint(self) -> QSize:
        labels = [row.label for row in self._model.rows] or ["AAE"]
        width = max(self.fontMetrics().horizontalAdvance(label) for label in labels)
        return QSize(width + STRIPE + 12, 0)


class FigureTable(QTableView):
    """The table. A click on a head sorts by it, the third one gives back the order of the lanes. Ctrl+C
    copies. Emits nothing of its own."""

    def __init__(self, figures: Sequence[Figure], theme: Theme) -> None:
        super().__init__()
        self.figure_model = FigureModel(figures)
        self.setModel(self.figure_model)
        self.setItemDelegate(FigureDelegate(self.figure_model, theme, self))
        self.setVerticalHeader(ModelHeader(self.figure_model, theme))
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        head.setSortIndicatorClearable(True)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        head.setHighlightSections(False)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Figures of all models"))
        self.setAccessibleDescription(
            tr("Arrow keys walk, Enter sorts by the column, Ctrl+C copies the table.")
        )

    def show_rows(self, rows: Sequence[Row], best: Mapping[str, str | None], tips: Sequence[str]) -> None:
        """Show these rows; the cell that the keyboard is at stays."""
        at = self.currentIndex()
        self.figure_model.show(rows, best, tips)
        self.setCurrentIndex(self.figure_model.index(at.row(), at.column()))
        self._fit()

    def copy(self) -> None:
        """Copy the table, apart by tabs, as spreadsheets take it."""
        QGuiApplication.clipboard().setText(self.figure_model.as_tsv())

    def copy_markdown(self) -> None:
        """Copy the table as Markdown."""
        QGuiApplication.clipboard().setText(self.figure_model.as_markdown())

    def menu(self) -> QMenu:
        """What can be done with the table."""
        menu = QMenu(self)
        menu.addAction(tr("Copy"), self.copy).setShortcut(QKeySequence.StandardKey.Copy)
        menu.addAction(tr("Copy as Markdown"), self.copy_markdown)
        menu.addSeparator()
        column = self.currentIndex().column()
        if column >= 0:
            title = self.figure_model.figures[column].title
            menu.addAction(tr("Sort by “{title}”", title=title), self.sort_here)
        menu.addAction(tr("Order of the lanes"), self.sort_as_lanes)
        return menu

    def sort_here(self) -> None:
        """Sort by the current column, and the other way round the second time."""
        column, head = self.currentIndex().column(), self.horizontalHeader()
        rising = head.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
        again = head.sortIndicatorSection() == column and rising
        if column >= 0:
            self.sortByColumn(column, Qt.SortOrder.DescendingOrder if again else Qt.SortOrder.AscendingOrder)

    def sort_as_lanes(self) -> None:
        """Back to the order of the lanes."""
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.sort_here()
        else:
            super().keyPressEvent(event)

    def _open_menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        if index.isValid():
            self.setCurrentIndex(index)
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(at))

    def _fit(self) -> None:
        """As high as its rows: what is below it follows at once."""
        rows = sum(self.rowHeight(row) for row in range(self.figure_model.rowCount()))
        bar = self.horizontalScrollBar()
        below = bar.sizeHint().height() if self._overflows() else 0
        height = self.horizontalHeader().sizeHint().height() + rows + below + 2 * self.frameWidth()
        if height != self.height():
            self.setFixedHeight(height)

    def _overflows(self) -> bool:
        wanted = self.horizontalHeader().length() + self.verticalHeader().sizeHint().width()
        return wanted > self.width() - 2 * self.frameWidth()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
