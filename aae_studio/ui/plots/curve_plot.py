"""CurvePlot: one plot with its curves, its cursor line and what the mouse and keyboard do in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsScene, QLabel, QWidget

from aae_studio.ui.plots.axis import Axis
from aae_studio.ui.plots.curve_item import CurveItem, Trace
from aae_studio.ui.plots.level import Level
from aae_studio.ui.plots.read_out import ReadOut, Values
from aae_studio.ui.plots.timeline import Floats, Range
from aae_studio.ui.theme import Theme

WIDTH, WIDTH_POINTED = 1.5, 2.5
# Opacity of the curves that one stands out from.
FADED = 0.3
READ_OUT_GAP = 8
ZOOM_PER_NOTCH = 0.8
PLUS, MINUS = (Qt.Key.Key_Plus, Qt.Key.Key_Equal), (Qt.Key.Key_Minus, Qt.Key.Key_Underscore)
NUDGES = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
KEYS = {*PLUS, *MINUS, *NUDGES, Qt.Key.Key_Home, Qt.Key.Key_Escape}


class CurvePlot(pg.PlotWidget):
    """Shows curves over a range of x that its owner gives; y fits what is to be seen.

    Emits `pointed` (where the mouse is: a fraction of the x range, or None), `nudged` (-1 or 1: the
    arrow keys), `zoomed` (factor, and the fraction of the range that stays), `panned` (by this fraction
    of the range) and `fitted`.
    """

    pointed = Signal(object)
    nudged = Signal(int)
    zoomed = Signal(float, float)
    panned = Signal(float)
    fitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        axes = {side: Axis(side) for side in ("left", "bottom")}
        super().__init__(parent, background=None, axisItems=axes, enableMenu=False)
        self.left_axis, self.bottom_axis = axes["left"], axes["bottom"]
        self.curves: dict[tuple[str, str], CurveItem] = {}
        self._theme: Theme | None = None
        self._dragged_from: float | None = None
        for axis in axes.values():
            # Under the curves.
            axis.setZValue(-1000)
        for side in ("top", "right"):
            # These never show, but would go on choosing a unit.
            self.plotItem.getAxis(side).enableAutoSIPrefix(False)
        # Whatever changes, all of it changes; to find out which parts takes longer.
        self.setViewportUpdateMode(pg.GraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.view = self.plotItem.vb
        self.view.disableAutoRange()
        self.view.setMouseEnabled(False, False)
        self.plotItem.hideButtons()
        self.plotItem.setContentsMargins(0, 6, 8, 0)
        self.level: Level | None = None
        self.cursor_line = self._overlay("cursorLine")
        self.read_out = ReadOut(self.left_axis.text_font, self)
        self.message = self._overlay("plotMessage")
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.setWordWrap(True)
        self.viewport().setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(120, 70)

    def _overlay(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        label.hide()
        return label

    # What it shows

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setBackground(theme.color("card"))
        for axis in (self.left_axis, self.bottom_axis):
            axis.set_colors(theme.color("muted"), theme.color("axis"), theme.color("hover"))
        self.read_out.set_theme(theme)
        if self.level is not None:
            self.level.set_theme(theme)
        self.point_out(())

    def add_level(self, value: float, words: str) -> None:
        """Draw a dashed line at a value that has a meaning."""
        self.level = Level(value, words, self.view, self._overlay("levelWords"))
        self.read_out.raise_()

    def set_traces(self, traces: Sequence[Trace]) -> None:
        """Have these curves and no others."""
        for item in self.curves.values():
            self.removeItem(item)
        self.curves = {trace.key: CurveItem(trace) for trace in traces}
        for item in self.curves.values():
            self.addItem(item, ignoreBounds=True)
        self.point_out(())

    def set_ranges(self, x: Range, y: Range, logarithmic: bool) -> None:
        self.left_axis.logarithmic = logarithmic
        self.view.setRange(xRange=x, yRange=y, padding=0, disableAutoRange=False)
        # Else it moves its curves only when it is painted, which has it painted again.
        self.scene().prepareForPaint()

    def show_curve(self, key: tuple[str, str], x: Floats, y: Floats) -> None:
        """Draw a curve; values that are not finite leave a gap. The ranges must be set."""
        (left, right), (low, high) = self.view.viewRange()
        area = self.area()
        pixel = (right - left) / max(area.width(), 1.0), (high - low) / max(area.height(), 1.0)
        self.curves[key].draw(x, y, pixel)

    def point_out(self, keys: Collection[tuple[str, str]]) -> None:
        """Make these curves stand out, or none."""
        if self._theme is None:
            return
        for item in self.curves.values():
            chosen = item.trace.key in keys
            item.setPen(item.trace.pen(self._theme, WIDTH_POINTED if chosen else WIDTH))
            item.setOpacity(1.0 if chosen or not keys else FADED)
            item.setZValue(1 if chosen else 0)

    def set_message(self, words: str) -> None:
        """Say why there is nothing to see; with no words, there is."""
        self.message.setText(words)
        self.message.setVisible(bool(words))
        for axis in (self.left_axis, self.bottom_axis):
            axis.blank = bool(words)
            axis.label.setOpacity(0.0 if words else 1.0)
            axis.update()
        if self.level is not None:
            self.level.set_visible(not words)
            self.level.place_words(self.area(), list(self.curves.values()))

    def show_cursor(self, x: float | None, heading: str = "", values: Values = ()) -> None:
        """Draw the vertical line at x, and the values there in the half of the plot that it leaves free."""
        self.cursor_line.setVisible(x is not None)
        self.read_out.setVisible(x is not None and bool(values))
        if x is None:
            return
        area, (low, high) = self.area(), self.view.viewRange()[0]
        place = area.left() + min(max((x - low) / (high - low), 0.0), 1.0) * area.width()
        self.cursor_line.setGeometry(round(place), round(area.top()), 1, round(area.height()))
        top = round(area.top()) + 2
        self.read_out.set_values(heading, values, QSize(self.width(), self.height() - top))
        left = place + READ_OUT_GAP
        if place > area.center().x():
            left = place - READ_OUT_GAP - self.read_out.width()
        # It may be wider than half a plot.
        left = max(0.0, min(left, self.width() - self.read_out.width()))
        self.read_out.move(round(left), top)

    def area(self) -> QRectF:
        """Where the curves are, in pixels of this widget."""
        return self.view.sceneBoundingRect()

    # What the mouse and the keyboard do

    def fraction(self, x: float) -> float:
        """A place in pixels as a fraction of the x range."""
        area = self.area()
        return (x - area.left()) / max(area.width(), 1.0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragged_from = event.position().x()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._dragged_from is not None:
            self.panned.emit((self._dragged_from - x) / max(self.area().width(), 1.0))
            self._dragged_from = x
        place = self.fraction(x)
        self.pointed.emit(place if 0 <= place <= 1 else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged_from = None
        self.viewport().setCursor(Qt.CursorShape.CrossCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fitted.emit()

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta()
        if turned.y():
            self.zoomed.emit(ZOOM_PER_NOTCH ** (turned.y() / 120), self.fraction(event.position().x()))
        else:
            self.panned.emit(-turned.x() / 1200)
        event.accept()

    def event(self, event: QEvent) -> bool:
        # Keys that mean something here are not shortcuts of the window while this has the focus.
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in NUDGES and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.panned.emit(0.1 * NUDGES[key])
        elif key in NUDGES:
            self.nudged.emit(NUDGES[key])
        elif key in PLUS or key in MINUS:
            self.zoomed.emit(ZOOM_PER_NOTCH ** (1 if key in PLUS else -1), 0.5)
        elif key == Qt.Key.Key_Home:
            self.fitted.emit()
        elif key == Qt.Key.Key_Escape:
            self.pointed.emit(None)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        if self.hasFocus() and self._theme is not None:
            painter.setPen(self._theme.color("accent"))
            painter.drawRect(self.area().toAlignedRect())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        # pyqtgraph calls this from its constructor, before there is anything to arrange.
        if event is not None:
            self.message.setGeometry(self.area().toAlignedRect())
