"""Level: a dashed line at a value that has a meaning, and the words that say which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QLabel

from aae_studio.ui.plots.curve_item import CurveItem
from aae_studio.ui.theme import Theme

# How far the words move at a time, and how often, to find a place beside the line that is free of curves.
STEP, TRIES = 0.05, 8
INSET = 4


class Level:
    """Draws the line in a view; `label` belongs to the widget over it."""

    def __init__(self, value: float, words: str, view: pg.ViewBox, label: QLabel) -> None:
        self._view, self._label = view, label
        self.line = pg.InfiniteLine(pos=value, angle=0)
        self.line.setZValue(-1)
        view.addItem(self.line, ignoreBounds=True)
        label.setText(words)

    def set_theme(self, theme: Theme) -> None:
        pen = QPen(theme.color("good"), 1, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self.line.setPen(pen)

    def set_visible(self, visible: bool) -> None:
        self.line.setVisible(visible)
        self._label.setVisible(visible)

    def place_words(self, area: QRectF, curves: Sequence[CurveItem]) -> None:
        """Put the words on the left, as near to the line as they hide no curve; nowhere if they always do."""
        self._label.adjustSize()
        (x_low, x_high), (low, high) = self._view.viewRange()
        until = x_low + (self._label.width() + 2 * INSET) / max(area.width(), 1.0) * (x_high - x_low)
        beside = [item.shown_y[item.shown_x <= until] for item in curves if item.isVisible()]
        values = np.concatenate([np.empty(0), *beside])
        height, value = self._label.height() / max(area.height(), 1.0) * (high - low), self.line.value()
        # Lower edges: just above the line, just below it, then further and further away.
        edges = [value, value - height]
        for step in range(1, TRIES):
            edges += [value + step * STEP, value - height - step * STEP]
        free = (
            edge
            for edge in edges
            if low < edge < high - height and not ((values > edge) & (values < edge + height)).any()
        )
        edge = next(free, None)
        if edge is None:
            # In a low plot full of curves the words would be as hard to read as the curves.
            self._label.hide()
            return
        y = area.bottom() - (edge + height - low) / (high - low) * area.height()
        self._label.move(round(area.left()) + INSET, round(y))
