"""CurveSketch: a model's curves in a small plot, without controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.history import History
    from aae_studio.core.models.base import Curve

HEIGHT, TOP, BOTTOM, LEFT = 116, 20, 18, 40
POINTS = 200
SMOOTHING = 10
PIXELS = 11


class CurveSketch(QWidget):
    """Draws curves of one plot over all steps, with the range of values and steps. Emits nothing.

    Curves of a discriminator stand between 0 and 1, with a line at ½.
    """

    def __init__(self, theme: Theme, color: QColor) -> None:
        super().__init__()
        self._theme, self._colors = theme, (color, theme.color("muted"))
        self._labels: list[str] = []
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []
        self._chance = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def set_curves(self, history: History, model: str, curves: Sequence[Curve]) -> None:
        """Show these curves of a model as far as they have come."""
        rows = len(history)
        self._labels = [tr(curve.label) for curve in curves]
        self._chance = any(curve.plot == "discriminator" for curve in curves)
        self._rows = []
        for curve in curves:
            places, values = history.window(model, curve.name, 0, rows, POINTS, SMOOTHING)
            self._rows.append((history.steps[places], values))
        self.setAccessibleName(tr("Plot of {curves}", curves=", ".join(self._labels)))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPixelSize(PIXELS)
        painter.setFont(font)
        space = QRectF(LEFT, TOP, self.width() - LEFT - 2, self.height() - TOP - BOTTOM)
        painter.fillRect(space, self._theme.color("well"))
        rows = [row for row in self._rows if len(row[0])]
        if rows:
            self._draw(painter, space, rows)
        self._draw_names(painter)
        painter.end()

    def _draw(self, painter: QPainter, space: QRectF, rows: list[tuple[np.ndarray, np.ndarray]]) -> None:
        values = np.concatenate([values for _, values in rows])
        low, high = (0.0, 1.0) if self._chance else (float(values.min()), float(values.max()))
        first, last = float(rows[0][0][0]), float(rows[0][0][-1])
        wide, tall = max(last - first, 1.0), max(high - low, 1e-9)

        def height(value: float) -> float:
            return space.bottom() - (value - low) / tall * space.height()

        if self._chance:
            painter.setPen(QPen(self._theme.color("outline"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(space.left(), height(0.5)), QPointF(space.right(), height(0.5)))
        for (steps, each), color in zip(rows, self._colors, strict=False):
            x = space.left() + (steps - first) / wide * space.width()
            painter.setPen(QPen(color, 1.5))
            painter.drawPolyline(
                QPolygonF([QPointF(a, height(b)) for a, b in zip(x.tolist(), each.tolist(), strict=True)])
            )
        painter.setPen(self._theme.color("muted"))
        right, left = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignLeft
        beside = QRectF(0, 0, LEFT - 4, PIXELS + 3)
        for value, y in ((high, space.top()), (low, space.bottom() - PIXELS - 3)):
            painter.drawText(beside.translated(0, y), right, f"{value:.2g}")
        below = QRectF(space.left(), space.bottom() + 3, space.width(), PIXELS + 3)
        painter.drawText(below, left, f"{first:.0f}")
        painter.drawText(below, right, tr("step {step}", step=f"{last:.0f}"))

    def _draw_names(self, painter: QPainter) -> None:
        """The curves' names above them, each in its colour."""
        metrics, x = QFontMetricsF(painter.font()), float(LEFT)
        for name, color in zip(self._labels, self._colors, strict=False):
            painter.setPen(color)
            painter.drawText(QPointF(x, TOP - 6), name)
            x += metrics.horizontalAdvance(name) + 12
