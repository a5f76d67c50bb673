"""Axis: the ticks, grid lines and title of one side of a plot."""

from __future__ import annotations

import math

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QApplication

from aae_studio.ui.translation import grouped

FONT_PIXELS = 11
TEXT_GAP = 5
TITLE_GAP = 2
LEFT, RIGHT, CENTER = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignCenter

Ticks = list[tuple[float, str]]


def figure(value: float) -> str:
    """The value with three significant digits, for reading."""
    if abs(value) >= 100:
        return grouped(value)
    return f"{value:#.3g}" if value else "0"


def linear_ticks(low: float, high: float, count: int, whole: bool = False) -> Ticks:
    """About `count` round numbers from `low` to `high`, at least two where there are two, and their words."""
    least = (high - low) / max(count, 2)
    power = 10.0 ** math.floor(math.log10(least))
    places = [power * factor for factor in (0.5, 1, 2, 5, 10)]
    chosen = next(at for at in range(1, 5) if places[at] >= least * (1 - 1e-9))
    # The finer one where the range holds no two of the coarser.
    for step in (places[chosen], places[chosen - 1]):
        step = max(step, 1.0) if whole else step
        numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        if len(numbers) > 1:
            break
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    # Adding zero makes zero of minus zero.
    values = [round(number * step, decimals) + 0.0 for number in numbers]
    # Steps are counted to the last one; a loss that has blown up would cover the plot with zeros.
    greatest = max(map(abs, values))
    if decimals > 4 or (not whole and 1e5 <= greatest <= 100 * step):
        return [(value, f"{value:.3g}") for value in values]
    return [(value, grouped(value, decimals)) for value in values]


def log_ticks(low: float, high: float, count: int) -> Ticks:
    """Ticks between two decimal logarithms: decades, then 1-2-5, then round numbers, as room allows.

    The places are logarithms, the words say the numbers.
    """
    decades = range(math.floor(low), math.ceil(high) + 1)
    stride = max(1, math.ceil((high - low) / max(count, 1)))
    coarse = [10.0**decade for decade in decades if decade % stride == 0]
    fine = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    for values in (fine, coarse):
        inside = [value for value in values if low <= math.log10(value) <= high]
        # Where there is no room for three, two do if one is a power of ten, which the eye looks for.
        enough = 2 if count <= 2 and any(value in coarse for value in inside) else 3
        if enough <= len(inside) <= count + 1 or (values is coarse and len(inside) > 1):
            return [(math.log10(value), f"{value:g}") for value in inside]
    if high - low > 1:
        return [(math.log10(value), f"{value:g}") for value in inside]
    linear = linear_ticks(10.0**low, 10.0**high, count)
    return [(math.log10(value), text) for value, text in linear if value > 0]


class Axis(pg.AxisItem):
    """Paints itself straight to the screen.

    The picture that pyqtgraph records and plays instead takes ten times as long.
    """

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)
        self.setGrid(255)
        self.title = ""
        # `blank`: nothing is shown, so that ticks would mean nothing.
        self.logarithmic = self.whole = self.blank = False
        self._text, self._line, self._lattice = QColor(), QColor(), QColor()
        self.text_font = QFont(QApplication.font())
        self.text_font.setPixelSize(FONT_PIXELS)
        self.text_metrics = QFontMetricsF(self.text_font)
        title = self.text_metrics.height() + TITLE_GAP
        # What the axis at the bottom takes.
        self._foot = math.ceil(self.text_metrics.height() + TEXT_GAP + title - 2)
        if orientation == "left":
            self.setWidth(math.ceil(self.text_metrics.horizontalAdvance("0.0000") + TEXT_GAP + title))
        else:
            self.setHeight(self._foot)

    def set_colors(self, text: QColor, line: QColor, lattice: QColor) -> None:
        self._text, self._line, self._lattice = text, line, lattice
        self.update()

    def set_title(self, title: str) -> None:
        if title != self.title:
            self.title = title
            self.update()

    def ticks(self) -> Ticks:
        """Places of the ticks on the axis, and their words."""
        low, high = self.range
        if self.blank:
            return []
        if self.orientation == "left":
            count = max(2, int(self.geometry().height() / 26))
            return log_ticks(low, high, count) if self.logarithmic else linear_ticks(low, high, count)
        words = max(len(grouped(low)), len(grouped(high)))
        room = self.text_metrics.horizontalAdvance("0") * words + 34
        return linear_ticks(low, high, max(2, int(self.geometry().width() / room)), self.whole)

    def boundingRect(self) -> QRectF:
        # Words at the ends of an axis reach beyond it.
        return super().boundingRect().adjusted(-12, -8, 12, 8 + self._foot)

    def paint(self, painter: QPainter, option: object, widget: object) -> None:
        view = self.linkedView()
        if view is None or self.range[1] <= self.range[0]:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont(self.text_font)
        area = view.mapRectToItem(self, view.boundingRect())
        if self.orientation == "left":
            self._paint_left(painter, area)
        else:
            self._paint_bottom(painter, area)

    def _paint_left(self, painter: QPainter, area: QRectF) -> None:
        own, height = self.mapRectFromParent(self.geometry()), self.text_metrics.height()
        scale = area.height() / (self.range[1] - self.range[0])
        for place, text in self.ticks():
            y = area.bottom() - (place - self.range[0]) * scale
            painter.setPen(self._lattice)
            painter.drawLine(int(area.left()), int(y), int(area.right()), int(y))
            painter.setPen(self._text)
            rect = QRectF(own.left(), y - height / 2, own.width() - TEXT_GAP, height)
            painter.drawText(rect, RIGHT | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(self._text)
        painter.save()
        # A title that is longer than the axis reaches down to the edge of the plot.
        foot = own.bottom() + self._foot
        room = foot - own.top() + TEXT_GAP
        length = self.text_metrics.horizontalAdvance(self.title) + 2
        # Half a title says less than none.
        title = self.title if length <= room else ""
        middle = min(max(area.center().y(), own.top() + length / 2 - TITLE_GAP), foot - length / 2)
        painter.translate(own.left(), middle)
        painter.rotate(-90)
        painter.drawText(QRectF(-length / 2, 0, length, height), CENTER, title)
        painter.restore()

    def _paint_bottom(self, painter: QPainter, area: QRectF) -> None:
        own, height = self.mapRectFromParent(self.geometry()), self.text_metrics.height()
        scale = area.width() / (self.range[1] - self.range[0])
        for place, text in self.ticks():
            x = area.left() + (place - self.range[0]) * scale
            painter.setPen(self._lattice)
            painter.drawLine(int(x), int(area.top()), int(x), int(area.bottom()))
            painter.setPen(self._text)
            width = self.text_metrics.horizontalAdvance(text) + 2
            left = min(max(x - width / 2, own.left() - 10), own.right() + 10 - width)
            painter.drawText(QRectF(left, own.top() + TEXT_GAP - 2, width, height), CENTER, text)
        painter.setPen(self._text)
        rect = QRectF(own.left() - 10, own.bottom() - height, own.width() + 20, height)
        painter.drawText(
            rect,
            CENTER,
            self.text_metrics.elidedText(self.title, Qt.TextElideMode.ElideRight, rect.width()),
        )
        painter.setPen(self._line)
        painter.drawLine(int(area.left()), int(area.bottom()), int(area.right()), int(area.bottom()))
