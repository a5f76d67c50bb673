"""FigureTable: figures by models, sortable and copyable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from aae_studio.ui.comparison.figure_model import Entry, FigureModel
from aae_studio.ui.comparison.figures import Figure
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.translation import tr

PADDING = 4
# Left and right of a value.
SIDE = 3
# Room for the sign of sorting.
SIGN = 8
SMALL_PX = 11
LINE = 15
ROW_HEIGHT, TALL_ROW = 24, 33
HEAD_HEIGHT = 28
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class FigureDelegate(QStyledItemDelegate):
    """Paints a value, below it its deviation, and a mark where it is the best."""

    def __init__(self, model: FigureModel, theme: Theme, table: QTableView) -> None:
        super().__init__(table)
        self._model, self._theme, self._table = model, theme, table
        self._font, self._small, self._bold = fixed_font(12), fixed_font(SMALL_PX), fixed_font(12)
        self._bold.setBold(True)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        measure, figure = self._model.measure(index), self._model.figures[index.row()]
        widths = [
            QFontMetrics(self._font).horizontalAdvance(text) for text in ("00.00", self._model.data(index))
        ]
        if measure is not None:
            widths.append(QFontMetrics(self._small).horizontalAdvance(figure.deviation(measure)))
        return QSize(max(widths) + 2 * SIDE, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        area: QRect = option.rect
        measure, figure = self._model.measure(index), self._model.figures[index.row()]
        best = self._model.is_best(index)
        color = self._theme.color("good" if best else "text" if measure is not None else "disabled")
        painter.save()
        if index == self._table.currentIndex() and self._table.hasFocus():
            painter.fillRect(area, self._theme.color("hover"))
        if best:
            self._mark(painter, area, color)
        below = "" if measure is None else figure.deviation(measure)
        inner = area.adjusted(SIDE, 1, -SIDE, -2)
        top = QRect(inner.left(), inner.top(), inner.width(), LINE) if below else inner
        painter.setFont(self._bold if best else self._font)
        painter.setPen(color)
        painter.drawText(top, RIGHT, self._model.data(index))
        painter.setFont(self._small)
        painter.setPen(self._theme.color("muted"))
        painter.drawText(top.translated(0, LINE), RIGHT, below)
        painter.restore()

    def _mark(self, painter: QPainter, area: QRect, color: QColor) -> None:
        wash = QColor(color)
        wash.setAlphaF(0.14)
        painter.fillRect(area.adjusted(1, 1, -1, -1), wash)
        painter.fillRect(QRect(area.left() + 1, area.top() + 1, 2, area.height() - 2), color)


class FigureHeads(QHeaderView):
    """The figures' titles at the left. That which the models are sorted by points to its greater values."""

    def __init__(self, model: FigureModel, theme: Theme) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._model, self._theme = model, theme
        self.setSectionsClickable(True)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(ROW_HEIGHT)

    def paintSection(self, painter: QPainter, area: QRect, section: int) -> None:
        arrow = self._model.sorted_by == section
        painter.save()
        painter.setPen(self._theme.color("text" if arrow else "muted"))
        text = self._model.figures[section].full_title()
        inner = area.adjusted(PADDING, 0, -PADDING - SIGN, 0)
        elided = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, LEFT, elided)
        if arrow:
            sign = "◂" if self._model.falling else "▸"
            painter.drawText(area.adjusted(0, 0, -3, 0), RIGHT, sign)
        painter.restore()

    def sizeHint(self) -> QSize:
        # Before the style sheet's font is there, its metrics are another's.
        self.ensurePolished()
        titles = [figure.full_title() for figure in self._model.figures]
        width = max(self.fontMetrics().horizontalAdvance(title) for title in titles)
        return QSize(width + 2 * PADDING + SIGN + 2, 0)


class ModelHeads(QHeaderView):
    """The models' short names at the top, each with its colour."""

    def __init__(self, model: FigureModel, theme: Theme) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._model, self._theme = model, theme
        self.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setFixedHeight(HEAD_HEIGHT)
        self.setSectionsClickable(False)

    def paintSection(self, painter: QPainter, area: QRect, section: int) -> None:
        entry = self._model.entries[section]
        painter.save()
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        painter.drawText(area.adjusted(SIDE, 0, -SIDE, -4), RIGHT, entry.label)
        line = QRect(area.left() + SIDE, area.bottom() - 3, area.width() - 2 * SIDE, 3)
        painter.fillRect(line, self._theme.color(entry.color))
        painter.restore()


class FigureTable(QTableView):
    """The table. A click on a figure sorts the models by it, the next one the other way round, the third one
    gives back the order of the lanes. Enter does the same; Ctrl+C copies. Emits nothing of its own."""

    def __init__(self, figures: Sequence[Figure], theme: Theme) -> None:
        super().__init__()
        self.figure_model = FigureModel(figures)
        self.setModel(self.figure_model)
        self.setItemDelegate(FigureDelegate(self.figure_model, theme, self))
        self.setVerticalHeader(FigureHeads(self.figure_model, theme))
        self.setHorizontalHeader(ModelHeads(self.figure_model, theme))
        self.verticalHeader().sectionClicked.connect(self.sort_by)
        # The second of two quick clicks comes as this alone.
        self.verticalHeader().sectionDoubleClicked.connect(self.sort_by)
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
        self.setAccessibleDescription(tr("Arrow keys walk, Enter sorts by the row, Ctrl+C copies the table."))

    def show_entries(
        self, entries: Sequence[Entry], best: Mapping[str, str | None], tips: Sequence[str]
    ) -> None:
        """Show these entries; the cell that the keyboard is at stays."""
        at = self.currentIndex()
        self.figure_model.show(entries, best, tips)
        self.setCurrentIndex(self.figure_model.index(at.row(), at.column()))
        spread = any(m.deviation is not None for entry in entries for m in entry.measures.values())
        self.verticalHeader().setDefaultSectionSize(TALL_ROW if spread else ROW_HEIGHT)
        self._fit()

    def copy(self) -> None:
        """Copy the table, apart by tabs, as spreadsheets take it."""
        QGuiApplication.clipboard().setText(self.figure_model.as_tsv())

    def copy_markdown(self) -> None:
        """Copy the table as Markdown."""
        QGuiApplication.clipboard().setText(self.figure_model.as_markdown())

    def sort_by(self, row: int) -> None:
        """Sort the models by a figure: rising, then falling, then as the lanes are."""
        model = self.figure_model
        if model.sorted_by != row:
            model.sort_models(row)
        elif not model.falling:
            model.sort_models(row, falling=True)
        else:
            model.sort_models(None)

    def menu(self) -> QMenu:
        """What can be done with the table."""
        menu = QMenu(self)
        menu.addAction(tr("Copy"), self.copy).setShortcut(QKeySequence.StandardKey.Copy)
        menu.addAction(tr("Copy as Markdown"), self.copy_markdown)
        menu.addSeparator()
        if self.currentIndex().isValid():
            title = self.figure_model.figures[self.currentIndex().row()].title
            menu.addAction(tr("Sort by “{title}”", title=title), self._sort_here)
        menu.addAction(tr("Order of the lanes"), self._sort_as_lanes)
        return menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._sort_here()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _sort_here(self) -> None:
        at = self.currentIndex()
        if at.isValid():
            self.sort_by(at.row())
            self.setCurrentIndex(self.figure_model.index(at.row(), at.column()))

    def _sort_as_lanes(self) -> None:
        self.figure_model.sort_models(None)

    def _open_menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        if index.isValid():
            self.setCurrentIndex(index)
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(at))

    def _fit(self) -> None:
        """As high as its rows: what is below it follows at once."""
        head = self.verticalHeader()
        head.setFixedWidth(head.sizeHint().width())
        wide = self.horizontalHeader().length() + head.sizeHint().width() > self.contentsRect().width()
        bar = self.horizontalScrollBar().sizeHint().height() if wide else 0
        height = HEAD_HEIGHT + head.length() + bar + 2 * self.frameWidth() + 2
        if height != self.height():
            self.setFixedHeight(height)
