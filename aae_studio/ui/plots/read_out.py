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
    """Shows a heading and a line for each curve, in columns where the plot is too low for one, and as many as
    there is space for.

    Painted, since a label takes a millisecond to lay out.
    """

    def __init__(self, font: QFont, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._font, self._metrics = font, QFontMetrics(font)
        self._theme: Theme | None = None
        self._heading = ""
        self._values: Values = ()
        # Lines below the heading, columns of them, and from one column to the next.
        self._rows, self._columns, self._pitch = 0, 1, 0
        self.hide()

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join([self._heading, *(f"{trace.label} {value}" for trace, value in self._values)])

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def set_values(self, heading: str, values: Values, space: QSize) -> None:
        """Show these and take as much room as they need, of that which there is."""
        self._heading, self._values = heading, values
        advance = self._metrics.horizontalAdvance
        wide = [advance(trace.label) + GAP + advance(value) for trace, value in values]
        self._pitch = max(wide, default=0) + 2 * GAP
        most = max(1, (space.height() - MARGIN) // self._metrics.height() - 1)
        fitting = max(1, (space.width() - 2 * MARGIN - 1 + 2 * GAP) // self._pitch)
        self._columns = min(max(1, -(-len(values) // most)), fitting)
        self._rows = min(-(-len(values) // self._columns), most)
        self.resize(self.sizeHint())
        self.setAccessibleName(self.text)
        self.update()

    def sizeHint(self) -> QSize:
        inside = max(self._metrics.horizontalAdvance(self._heading), self._columns * self._pitch - 2 * GAP)
        return QSize(inside + 2 * MARGIN + 1, (1 + self._rows) * self._metrics.height() + MARGIN)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color("border"))
        painter.setBrush(self._theme.color("card"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setFont(self._font)
        height, inside = self._metrics.height(), self.width() - 2 * MARGIN
        top = QRect(MARGIN, MARGIN // 2, inside, height)
        painter.setPen(self._theme.color("text"))
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, self._heading)
        room = self._rows * self._columns
        for place, (trace, value) in enumerate(self._values[:room]):
            column, row = divmod(place, self._rows)
            line = top.translated(column * self._pitch, (1 + row) * height)
            line.setWidth(inside if self._columns == 1 else self._pitch - 2 * GAP)
            if 0 < place == room - 1 < len(self._values) - 1:
                painter.drawText(line, Qt.AlignmentFlag.AlignLeft, "…")
                return
            painter.setPen(self._theme.color(trace.color))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, trace.label)
            painter.setPen(self._theme.color("text"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight, value)
