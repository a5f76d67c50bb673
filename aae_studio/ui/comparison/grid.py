"""SweepGrid: thumbnails in rows and columns, one for each pair of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.translation import tr

GAP = 4
TEXT_PX = 11
LINE = 15
# Of the sign in the corner of the cell that the window has.
CORNER = 12
SMALLEST, LARGEST = 40, 150
STEPS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


@dataclass(frozen=True)
class Cell:
    """One cell: its picture (None: not there yet), the figure below it, what it tells, and whether it is the
    best."""

    image: QImage | None = None
    text: str = ""
    told: str = ""
    best: bool = False


@dataclass(frozen=True)
class Heads:
    """What the columns and the rows are called, and their values."""

    across: str = ""
    columns: Sequence[str] = ()
    down: str = ""
    rows: Sequence[str] = ()


class SweepGrid(QWidget):
    """Shows the cells of a sweep.

    Emits `pointed` (place of the cell that mouse or keyboard is at, row by row; -1: none) and `opened`
    (place) for a click or Enter on a cell that is there.
    """

    pointed = Signal(int)
    opened = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.heads, self.cells = Heads(), list[Cell]()
        self.current = -1
        # The cell whose configuration the window has.
        self.marked = -1
        self._scaled: dict[tuple[int, int], QImage] = {}
        self._font = fixed_font(TEXT_PX)
        self._metrics = QFontMetrics(self._font)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(tr("Latent planes of the sweep"))

    def show_cells(self, heads: Heads, cells: Sequence[Cell]) -> None:
        """Show these cells, row by row."""
        if heads != self.heads:
            self.heads, self.current = heads, -1
            self.updateGeometry()
        self.cells = list(cells)
        self._scaled.clear()
        self._tell()
        self.update()

    def mark(self, place: int) -> None:
        """Mark the cell whose configuration the window has; -1: none."""
        if place != self.marked:
            self.marked = place
            self._tell()
            self.update()

    # Where everything is

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if not self.heads.rows:
            return 0
        return self._top() + len(self.heads.rows) * (self._side(width) + LINE + GAP)

    def sizeHint(self) -> QSize:
        return QSize(260, self.heightForWidth(260))

    def minimumSizeHint(self) -> QSize:
        if not self.heads.rows:
            return QSize(0, 0)
        width = self._left() + len(self.heads.columns) * (SMALLEST + GAP)
        return QSize(width, self.heightForWidth(width))

    def _left(self) -> int:
        return LINE + max((self._metrics.horizontalAdvance(text) for text in self.heads.rows), default=0) + 6

    def _top(self) -> int:
        return 2 * LINE + 4

    def _side(self, width: int) -> int:
        free = (width - self._left()) // max(1, len(self.heads.columns)) - GAP
        return min(LARGEST, max(SMALLEST, free))

    def cell_rect(self, place: int) -> QRect:
        """Where a cell's picture is."""
        row, column = divmod(place, len(self.heads.columns))
        side = self._side(self.width())
        return QRect(
            self._left() + column * (side + GAP), self._top() + row * (side + LINE + GAP), side, side
        )

    def cell_at(self, x: float, y: float) -> int:
        """The place of the cell at a point, -1 where there is none."""
        for place in range(len(self.cells)):
            if self.cell_rect(place).adjusted(0, 0, 0, LINE).contains(int(x), int(y)):
                return place
        return -1

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._font)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self.cells:
            self._paint_heads(painter)
        for place, cell in enumerate(self.cells):
            self._paint_cell(painter, place, cell)
        painter.end()

    def _paint_heads(self, painter: QPainter) -> None:
        heads, left, top = self.heads, self._left(), self._top()
        first, last = self.cell_rect(0), self.cell_rect(len(self.cells) - 1)
        painter.setPen(self._theme.color("muted"))
        middle = Qt.AlignmentFlag.AlignCenter
        painter.drawText(QRect(left, 0, last.right() - left, LINE), middle, f"{heads.across} →")
        painter.save()
        painter.translate(0, last.bottom() + LINE)
        painter.rotate(-90)
        painter.drawText(QRect(0, 0, last.bottom() + LINE - top, LINE), middle, f"← {heads.down}")
        painter.restore()
        painter.setPen(self._theme.color("text"))
        for column, text in enumerate(heads.columns):
            x = first.left() + column * (first.width() + GAP)
            painter.drawText(QRect(x, LINE, first.width(), LINE), middle, text)
        for row, text in enumerate(heads.rows):
            area = self.cell_rect(row * len(heads.columns))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRect(0, area.top(), left - 6, area.height()), right, text)

    def _paint_cell(self, painter: QPainter, place: int, cell: Cell) -> None:
        area, theme = self.cell_rect(place), self._theme
        painter.fillRect(area, theme.color("well"))
        if cell.image is not None:
            painter.drawImage(area.topLeft(), self._fitting(place, cell.image, area.width()))
        painter.setPen(QPen(theme.color("good" if cell.best else "border"), 2 if cell.best else 1))
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        if place == self.current:
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRect(area.adjusted(-1, -1, 0, 0))
        if place == self.marked:
            corner = area.topLeft()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawPolygon([corner, corner + QPoint(CORNER, 0), corner + QPoint(0, CORNER)])
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(theme.color("good" if cell.best else "text"))
        below = QRect(area.left(), area.bottom() + 1, area.width(), LINE)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, cell.text)

    def _fitting(self, place: int, image: QImage, side: int) -> QImage:
        """The picture in the size of a cell, on this screen."""
        ratio = self.devicePixelRatioF()
        wanted = round(side * ratio)
        if (place, wanted) not in self._scaled:
            scaled = image.scaled(
                wanted,
                wanted,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            scaled.setDevicePixelRatio(ratio)
            self._scaled[place, wanted] = scaled
        return self._scaled[place, wanted]

    # Mouse and keyboard

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.cell_at(event.position().x(), event.position().y())
        self.setCursor(
            Qt.CursorShape.PointingHandCursor if self._is_there(place) else Qt.CursorShape.ArrowCursor
        )
        self._go_to(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._open(self.cell_at(event.position().x(), event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._go_to(-1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.current < 0 and self.cells and event.reason() != Qt.FocusReason.MouseFocusReason:
            self._go_to(0)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._go_to(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in STEPS and self.cells:
            right, down = STEPS[Qt.Key(event.key())]
            columns = len(self.heads.columns)
            row, column = divmod(max(0, self.current), columns)
            column = min(max(column + right, 0), columns - 1)
            row = min(max(row + down, 0), len(self.heads.rows) - 1)
            self._go_to(row * columns + column)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.current)
        else:
            super().keyPressEvent(event)

    def _is_there(self, place: int) -> bool:
        return 0 <= place < len(self.cells) and self.cells[place].image is not None

    def _open(self, place: int) -> None:
        if self._is_there(place):
            self.opened.emit(place)

    def _go_to(self, place: int) -> None:
        if place != self.current:
            self.current = place
            self._tell()
            self.update()
            self.pointed.emit(place)

    def _tell(self) -> None:
        told = self.cells[self.current].told if 0 <= self.current < len(self.cells) else ""
        if told and self.current == self.marked:
            told = f"{told}\n{tr('The window has this configuration.')}"
        self.setToolTip(told)
        self.setAccessibleDescription(told)
