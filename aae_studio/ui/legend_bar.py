"""LegendBar: what the signs on the canvases mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QLinearGradient, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.overlays.base import LegendEntry, Overlay
from aae_studio.ui.canvas.raster import SHAPES, rasterise
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

ROW = 20
SIGN, MARKER, GAP = 22, 11, 5
SPACE = 16


class LegendBar(QWidget):
    """Shows the classes of the encoded data and the legend of all overlays that are on, once for all lanes;
    hidden without any. Emits nothing."""

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

    def signs(self) -> list[LegendEntry]:
        """The entries on show that have a sign."""
        return self._keys

    def notes(self) -> list[str]:
        """What is said of models in which an overlay has nothing to show."""
        return self._notes

    def _choose(self) -> None:
        shown = [overlay for name, overlay in self._overlays.items() if name in self._bench.display.overlays]
        self._keys = [*self._classes(), *(key for overlay in shown for key in overlay.legend(self._theme))]
        self._notes = list(dict.fromkeys(note for overlay in shown if (note := self._note(overlay))))
        self.setVisible(bool(self._keys))
        self.setAccessibleDescription(" · ".join(text for _, text in self._entries()))
        self._fit()

    def _classes(self) -> list[LegendEntry]:
        """The marker of each class."""
        drawn = any(frozen.has_encoder for frozen in self._bench.models.values())
        if not (drawn and self._bench.display.show_codes):
            return []
        return [
            LegendEntry(SHAPES[place % len(SHAPES)], name, (self._theme.class_color(place),))
            for place, name in enumerate(self._bench.classes)
        ]

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
            width = metrics.horizontalAdvance(words) + _room(key)
            if x > 2 and x + width > self.width():
                x, row = 2.0, row + 1
            spots.append((x, row))
            x += width + SPACE
        return spots

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for (key, words), (x, row) in zip(self._entries(), self._spots(), strict=True):
            if key is not None:
                _draw_sign(painter, key, QRectF(x, row * ROW + ROW / 2 - 5, _room(key) - GAP, 10))
            painter.setPen(self._theme.color("muted"))
            space = QRectF(x + _room(key), row * ROW, self.width(), ROW)
            painter.drawText(space, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        painter.end()


def _room(key: LegendEntry | None) -> float:
    """What a sign takes before its words."""
    if key is None:
        return 0.0
    return GAP + (MARKER if key.sign in SHAPES else SIGN)


def _draw_marker(painter: QPainter, key: LegendEntry, middle: QPointF) -> None:
    """A point of a class, as the planes have it."""
    ratio = painter.device().devicePixelRatioF()
    side = round(MARKER * ratio)
    color = np.array([key.colors[0].getRgb()[:3]], np.uint32)
    place = np.full((1, 2), side / 2, np.float32)
    marker = rasterise(place, np.array([SHAPES.index(key.sign)]), color, side, side, ratio)
    corner = middle - QPointF(MARKER / 2, MARKER / 2)
    painter.drawImage(corner, pixel_image(marker.pixels, ratio))


def _draw_sign(painter: QPainter, key: LegendEntry, space: QRectF) -> None:
    """The sign as it looks on the canvas, in a space of its own."""
    middle, color = space.center(), key.colors[0]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if key.sign in SHAPES:
        _draw_marker(painter, key, middle)
    elif key.sign == "ramp":
        ramp = QLinearGradient(space.topLeft(), space.topRight())
        for place, each in enumerate(key.colors):
            ramp.setColorAt(place / max(1, len(key.colors) - 1), each)
        painter.fillRect(space, ramp)
    elif key.sign == "area":
        painter.fillRect(space, color)
    elif key.sign in ("dot", "halo"):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        radius = 4 if key.sign == "dot" else 2.5
        painter.drawEllipse(middle, radius, radius)
        if key.sign == "halo":
            painter.setPen(QPen(key.colors[1], 1.7))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(middle, 5.5, 5.5)
    else:
        painter.setPen(QPen(color, 1.5))
        painter.drawLine(QPointF(space.left(), middle.y()), QPointF(space.right(), middle.y()))
        if key.sign == "arrow":
            painter.setBrush(color)
            tip = QPointF(space.right(), middle.y())
            painter.drawPolygon(QPolygonF([tip, tip + QPointF(-6, -3.5), tip + QPointF(-6, 3.5)]))
