"""LegendBar: what the signs on the canvases mean."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

ROW = 20
SIGN = 22
SPACE = 16


class LegendBar(QWidget):
    """Shows the legend of all overlays that are on, once for all lanes; hidden without any. Emits nothing."""

    def __init__(self, workbench: Workbench, theme: Theme, overlays: Mapping[str, Overlay]) -> None:
        super().__init__()
        self._bench, self._theme, self._overlays = workbench, theme, overlays
        self._keys: list[LegendEntry] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Legend"))
        workbench.display.changed.connect(self._choose)
        self._choose()

    def keys(self) -> list[LegendEntry]:
        """The entries on show."""
        return self._keys

    def _choose(self) -> None:
        shown = [overlay for name, overlay in self._overlays.items() if name in self._bench.display.overlays]
        self._keys = [key for overlay in shown for key in overlay.legend(self._theme)]
        self.setVisible(bool(self._keys))
        self.setAccessibleDescription(" · ".join(tr(key.text) for key in self._keys))
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(200, ROW)

    def resizeEvent(self, event: object) -> None:
        self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(ROW * (1 + max((row for _, row in self._spots()), default=0)))
        self.update()

    def _spots(self) -> list[tuple[float, int]]:
        """Where each entry begins, and in which row: as many in a row as fit."""
        metrics = QFontMetricsF(self.font())
        spots, x, row = [], 2.0, 0
        for key in self._keys:
            width = SIGN + 5 + metrics.horizontalAdvance(tr(key.text))
            if x > 2 and x + width > self.width():
                x, row = 2.0, row + 1
            spots.append((x, row))
            x += width + SPACE
        return spots

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for key, (x, row) in zip(self._keys, self._spots(), strict=True):
            middle = row * ROW + ROW / 2
            _draw_sign(painter, key, QRectF(x, middle - 5, SIGN, 10))
            painter.setPen(self._theme.color("muted"))
            text = QRectF(x + SIGN + 5, row * ROW, self.width(), ROW)
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, tr(key.text))
        painter.end()


def _draw_sign(painter: QPainter, key: LegendEntry, space: QRectF) -> None:
    """The sign as it looks on the canvas, in a space of its own."""
    middle, color = space.center(), key.colors[0]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if key.sign == "ramp":
        ramp = QLinearGradient(space.topLeft(), space.topRight())
        for place, each in enumerate(key.colors):
            ramp.setColorAt(place / max(1, len(key.colors) - 1), each)
        painter.fillRect(space, ramp)
    elif key.sign == "area":
        painter.fillRect(space, color)
    elif key.sign == "dot":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(middle, 4, 4)
    else:
        painter.setPen(QPen(color, 1.5))
        painter.drawLine(QPointF(space.left(), middle.y()), QPointF(space.right(), middle.y()))
        if key.sign == "arrow":
            painter.setBrush(color)
            tip = QPointF(space.right(), middle.y())
            painter.drawPolygon(QPolygonF([tip, tip + QPointF(-6, -3.5), tip + QPointF(-6, 3.5)]))
