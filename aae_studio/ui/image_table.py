"""ImageTable: images side by side, a column for each model, with figures below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.theme import Theme, fixed_font

GAP = 4
HEAD = 18
LINE = 18
LEAST, GREATEST = 34, 72


@dataclass(frozen=True)
class Column:
    """One column: its title, in a colour of the theme, and its images from top to bottom."""

    title: str
    color: str
    images: Sequence[QImage]


@dataclass(frozen=True)
class FigureRow:
    """One line below the images: what it is, and a text for each column, empty where there is none.

    `colors` names a colour of the theme for each text.
    """

    label: str
    texts: Sequence[str]
    colors: Sequence[str]

    def spoken(self, columns: Sequence[Column]) -> str:
        """The line for who cannot see it."""
        pairs = zip(columns, self.texts, strict=True)
        return f"{self.label}: " + ", ".join(f"{column.title} {text}" for column, text in pairs if text)


class ImageTable(QWidget):
    """Shows columns of images and rows of figures, as wide as there is room. Emits nothing."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._crisp = theme, True
        self._columns: Sequence[Column] = ()
        self._figures: Sequence[FigureRow] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fit()

    def show_table(self, columns: Sequence[Column], figures: Sequence[FigureRow]) -> None:
        """Show this in place of what was there."""
        self._columns, self._figures = columns, figures
        self.setAccessibleDescription("; ".join(row.spoken(columns) for row in figures))
        self._fit()
        self.update()

    def set_crisp(self, crisp: bool) -> None:
        """Show pixels as squares, or smoothly."""
        self._crisp = crisp
        self.update()

    def columns(self) -> Sequence[Column]:
        """The columns on show."""
        return self._columns

    def figures(self) -> dict[str, Sequence[str]]:
        """The figures on show, by label."""
        return {row.label: row.texts for row in self._figures}

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    def _fit(self) -> None:
        """Take the height and the least width that the content needs."""
        count = len(self._columns)
        rows = max((len(column.images) for column in self._columns), default=0)
        self.setMinimumWidth(count * (LEAST + GAP))
        self.setFixedHeight(round(HEAD + rows * (self._side() + GAP) + LINE * len(self._figures)) + 2)

    def _side(self) -> float:
        """An image's side, in pixels."""
        return min(self.width() / max(1, len(self._columns)) - GAP, float(GREATEST))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not self._crisp)
        side, width = self._side(), self.width() / max(1, len(self._columns))
        for place, column in enumerate(self._columns):
            painter.setFont(_heading(self.font()))
            self._draw_text(painter, QRectF(place * width, 0, width, HEAD), column.title, column.color)
            for row, image in enumerate(column.images):
                x = place * width + (width - side) / 2
                painter.drawImage(QRectF(x, HEAD + row * (side + GAP), side, side), image)
        top = self.height() - LINE * len(self._figures) - 2
        for line, row in enumerate(self._figures):
            y = top + line * LINE
            first = next((place for place, text in enumerate(row.texts) if text), len(self._columns))
            painter.setFont(self.font())
            painter.setPen(self._theme.color("muted"))
            space = QRectF(0, y, first * width, LINE)
            label = QFontMetricsF(self.font()).elidedText(
                row.label, Qt.TextElideMode.ElideRight, space.width() - GAP
            )
            painter.drawText(space, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, label)
            painter.setFont(fixed_font(11))
            for place, (text, color) in enumerate(zip(row.texts, row.colors, strict=True)):
                self._draw_text(painter, QRectF(place * width, y, width, LINE), text, color)
        painter.end()

    def _draw_text(self, painter: QPainter, space: QRectF, text: str, color: str) -> None:
        painter.setPen(self._color(color))
        metrics = QFontMetricsF(painter.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, space.width())
        painter.drawText(space, Qt.AlignmentFlag.AlignCenter, shown)

    def _color(self, name: str) -> QColor:
        return self._theme.color(name)


def _heading(font: QFont) -> QFont:
    heading = QFont(font)
    heading.setPixelSize(11)
    heading.setBold(True)
    return heading
