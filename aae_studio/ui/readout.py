"""Readout: a short text that changes many times a second."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

PADDING = 2
EXPLODED = 1000


def shortened(number: float, digits: int) -> str:
    """The number with so many decimal places, or in powers of ten where it has exploded."""
    return f"{number:.{digits}f}" if abs(number) < EXPLODED else f"{number:.1e}"


def signed(number: float) -> str:
    """The number with two decimal places and its sign; what is rounded to 0 is +0.00."""
    return f"{round(number, 2) + 0.0:+.2f}".replace("-", "−")


class Readout(QWidget):
    """Shows one line of text. Emits nothing.

    A label whose text changes asks the whole window for a new layout; this one only repaints itself.
    `widest` is the longest text that it makes room for.
    """

    def __init__(
        self,
        color: QColor,
        font: QFont,
        widest: str = "",
        alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._color, self._alignment, self._text, self._short = color, alignment, "", ""
        self.setFont(font)
        metrics = QFontMetrics(font)
        self._hint = QSize(metrics.horizontalAdvance(widest) + 2 * PADDING, metrics.height() + PADDING)
        self.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """The text on show."""
        return self._text if not self._short or self._fitted(self._text) == self._text else self._short

    def _fitted(self, text: str) -> str:
        """The text, cut where there is no room for it."""
        room = self.width() - 2 * PADDING
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)

    def setText(self, text: str, short: str = "") -> None:
        """Show another text, or where there is no room for it, a shorter one that says it too."""
        if (text, short) != (self._text, self._short):
            self._text, self._short = text, short
            self.setAccessibleDescription(text)
            self.update()

    def sizeHint(self) -> QSize:
        return self._hint

    def minimumSizeHint(self) -> QSize:
        return self._hint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self._color)
        space = self.rect().adjusted(PADDING, 0, -PADDING, 0)
        text = self._fitted(self.text())
        painter.drawText(space, self._alignment | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
