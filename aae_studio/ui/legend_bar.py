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
        # Entries without a sign: models in which an overlay has nothing to show.
        self._notes: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Legend"))
        workbench.display.changed.connect(self._choose)
        workbench.prepared.connect(self._choose)
        self._choose()

    def keys(self) -> list[LegendEntry]:
        """The entries on show."""
        return self._keys

    def notes(self) -> list[str]:
        """What is said of models in which an overlay has nothing to show."""
        return self._notes

    def _choose(self) -> None:
        shown = [overlay for name, overlay in self._overlays.items() if name in self._bench.display.overlays]
        self._keys = [key for overlay in shown for key in overlay.legend(self._theme)]
        self._notes = list(dict.fromkeys(note for overlay in shown if (note := self._note(overlay))))
        self.setVisible(bool(self._keys))
        self.setAccessibleDescription(" · ".join(text for _, text in self._entries()))
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(200, ROW)

    def resizeEvent(self, event: object) -> None:
        self._fit()

    def _note(self, overlay: Overlay) -> str:
        """Which models it has nothing to show of, and why."""
        models = [frozen for frozen in self._bench.models.values() if not overlay.applies(frozen)]
        names = ", ".join(tr(frozen.model.short) for frozen in models)
        return tr(overlay.absent, models=names) if names else ""

    def _entries(self) -> list[tuple[LegendEntry | None, str]]:
        """Signs with what they mean, then what has no sign."""
        return [*((key, tr(key.text)) for key in self._keys), *((None, note) for note in self._notes)]

    def _fit(self) -> None:
        self.setFixedHeight(ROW * (1 + max((row for _, row in self._spots()), default=0)))
        self.update()

    def _spots(self) -> list[tuple[float, int]]:
        """Where each entry begins, and in which row: as many in a row as fit."""
        metrics = QFontMetricsF(self.font())
        spots, x, row = [], 2.0, 0
        for key, words in self._entries():
            width = metrics.horizontalAdvance(words) + (SIGN + 5 if key is not None else 0)
            if x > 2 and x + width > self.width():
                x, row = 2.0, row + 1
            spots.append((x, row))
            x += width + SPACE
        return spots

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for (key, words), (x, row) in zip(self._entries(), self._spots(), strict=True):
            left = x
            if key is not None:
                _draw_sign(painter, key, QRectF(x, row * ROW + ROW / 2 - 5, SIGN, 10))
                left += SIGN + 5
            painter.setPen(self._theme.color("muted"))
            space = QRectF(left, row * ROW, self.width(), ROW)
            painter.drawText(space, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
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
