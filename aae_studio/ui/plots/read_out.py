"""ReadOut: the box beside the cursor line with the values there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from aae_studio.ui.plots.curve_item import Trace
from aae_studio.ui.theme import Theme

MARGIN, GAP, RADIUS = 6, 10, 4

Values = Sequence[tuple[Trace, str]]


class ReadOut(QWidget):
    """Shows a heading and a line for each curve, in columns where the plot is too low for one.

    Painted, since a label takes a millisecond to lay out.
    """

    def __init__(self, font: QFont, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._font, self._metrics = font, QFontMetrics(font)
        self._theme: Theme | None = None
        self._heading = ""
        self._values: Values = ()
        self.hide()

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join([self._heading, *(f"{trace.label} {value}" for trace, value in self._values)])

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_values(self, heading: str, values: Values) -> None:
        """Show these and take as much room as they need."""
        self._heading, self._values = heading, values
        self.resize(self.sizeHint())
        self.setAccessibleName(self.text)
        self.update()

    def sizeHint(self) -> QSize:
        rows, columns = self._shape()
        inside = max(self._metrics.horizontalAdvance(self._heading), columns * self._pitch() - 2 * GAP)
        return QSize(inside + 2 * MARGIN + 1, (1 + rows) * self._metrics.height() + MARGIN)

    def _shape(self) -> tuple[int, int]:
        """How many lines stand below the heading, and in how many columns."""
        space = self.parentWidget().height() - 2 * MARGIN
        most = max(1, space // self._metrics.height() - 1)
        columns = max(1, -(-len(self._values) // most))
        return -(-len(self._values) // columns), columns

    def _pitch(self) -> int:
        """From one column to the next."""
        advance = self._metrics.horizontalAdvance
        wide = [advance(trace.label) + GAP + advance(value) for trace, value in self._values]
        return max(wide, default=0) + 2 * GAP

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color("border"))
        painter.setBrush(self._theme.color("card"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setFont(self._font)
        height, (rows, columns), pitch = self._metrics.height(), self._shape(), self._pitch()
        inside = self.width() - 2 * MARGIN
        top = QRect(MARGIN, MARGIN // 2, inside, height)
        painter.setPen(self._theme.color("text"))
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, self._heading)
        for place, (trace, value) in enumerate(self._values):
            column, row = divmod(place, rows)
            line = top.translated(column * pitch, (1 + row) * height)
            line.setWidth(inside if columns == 1 else pitch - 2 * GAP)
            painter.setPen(self._theme.color(trace.color))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, trace.label)
            painter.setPen(self._theme.color("text"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight, value)
