"""The title row of a plot: its name, and a legend whose entries show and hide the curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent, QFont, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from aae_studio.ui.plots.curve_item import Trace
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

SAMPLE, GAP, MARGIN, ROW = 20, 5, 5, 20
FONT_PIXELS = 11
SPACING = 2
MOST_ROWS = 2


class LegendButton(QAbstractButton):
    """A sample of a curve's line and its name. Checked: the curve shows. Click or Space toggles.

    Emits, besides `toggled`, `pointed` (keys of the curves that the mouse or the focus is on).
    """

    pointed = Signal(object)

    def __init__(self, trace: Trace, theme: Theme, shown: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.trace, self._theme = trace, theme
        self.setCheckable(True)
        self.setChecked(shown)
        self.setText(trace.label)
        self.setAccessibleName(trace.label)
        self.setToolTip(tr("Show or hide the curve “{name}”.", name=trace.label))
        # By Tab only: after a click, Space still trains.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        font = QFont(self.font())
        font.setPixelSize(FONT_PIXELS)
        # The style sheet of the application would overrule the font of the widget.
        self._font = font

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        text = QFontMetrics(self._font).horizontalAdvance(self.text()) + 1
        return QSize(MARGIN + SAMPLE + GAP + text + MARGIN, ROW)

    def event(self, event: QEvent) -> bool:
        # Space would otherwise be the window's shortcut.
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Space:
            event.accept()
            return True
        return super().event(event)

    def _keys(self) -> tuple[tuple[str, str], ...]:
        """Of the curves that are on show by it."""
        return (self.trace.key,) if self.isChecked() else ()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.pointed.emit(self._keys())
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(())
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.pointed.emit(self._keys())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.pointed.emit(())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = self._theme.color("accent") if self.hasFocus() else Qt.PenStyle.NoPen
        painter.setPen(edge)
        painter.setBrush(self._theme.color("hover") if self.underMouse() else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        middle = self.height() / 2
        pen = self.trace.pen(self._theme, 2)
        line, gap = self.trace.pattern
        if gap:
            pen.setDashPattern([line / pen.widthF(), gap / pen.widthF()])
        if not self.isChecked():
            pen.setColor(self._theme.color("disabled"))
        painter.setPen(pen)
        painter.drawLine(QPointF(MARGIN, middle), QPointF(MARGIN + SAMPLE, middle))
        self._font.setStrikeOut(not self.isChecked())
        painter.setFont(self._font)
        painter.setPen(self._theme.color("text" if self.isChecked() else "muted"))
        rect = self.rect().adjusted(MARGIN + SAMPLE + GAP, 0, 0, 0)
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text())


class ModelButton(LegendButton):
    """Stands in for all entries of a model, which it switches together."""

    def __init__(self, members: Sequence[LegendButton], theme: Theme, parent: QWidget) -> None:
        super().__init__(members[0].trace, theme, any(button.isChecked() for button in members), parent)
        self._members = members
        self.setText(self.trace.short)
        self.setAccessibleName(self.trace.short)
        self.setToolTip(
            tr(
                "Show or hide the curves of “{name}”: {curves}.",
                name=self.trace.short,
                curves=", ".join(button.text() for button in members),
            )
        )
        for button in members:
            button.toggled.connect(self._follow)
        self.clicked.connect(self._switch)
        self.pointed.connect(members[0].pointed)

    def _keys(self) -> tuple[tuple[str, str], ...]:
        return tuple(key for button in self._members for key in button._keys())

    def _switch(self, shown: bool) -> None:
        for button in self._members:
            button.setChecked(shown)

    def _follow(self) -> None:
        self.setChecked(any(button.isChecked() for button in self._members))


class TitleRow(QWidget):
    """A card's title on the left and its legend on the right, on as many rows as that takes.

    Where that are more than two, the legend has one entry a model.
    """

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(title, self)
        self.title.setObjectName("cardTitle")
        self.buttons: list[LegendButton] = []
        self._models: list[ModelButton] = []

    def set_buttons(self, buttons: Sequence[LegendButton], theme: Theme) -> None:
        """Have these legend entries and no others. They are children of this row."""
        for button in (*self.buttons, *self._models):
            button.hide()
            button.deleteLater()
        self.buttons = list(buttons)
        groups = groupby(self.buttons, key=lambda button: button.trace.model)
        self._models = [ModelButton(list(members), theme, self) for _, members in groups]
        self._place()

    def height_for(self, width: int) -> int:
        """The height that title and legend take at this width."""
        return len(self._rows(width)) * ROW

    def set_theme(self, theme: Theme) -> None:
        for button in (*self.buttons, *self._models):
            button.set_theme(theme)

    def entries(self) -> list[LegendButton]:
        """The entries on show."""
        return [button for row in self._rows(self.width()) for button in row]

    def _rows(self, width: int) -> list[list[LegendButton]]:
        whole = self._broken(self.buttons, width)
        return whole if len(whole) <= MOST_ROWS else self._broken(self._models, width)

    def _broken(self, buttons: Sequence[LegendButton], width: int) -> list[list[LegendButton]]:
        """These entries in rows."""
        rows: list[list[LegendButton]] = [[]]
        room = width - self.title.sizeHint().width() - 2 * SPACING
        for button in buttons:
            need = button.sizeHint().width() + SPACING
            if need > room and (rows[-1] or len(rows) == 1):
                rows.append([])
                room = width
            rows[-1].append(button)
            room -= need
        return rows

    def _place(self) -> None:
        self.title.setGeometry(QRect(0, 0, self.title.sizeHint().width(), ROW))
        rows = self._rows(self.width())
        shown = [button for row in rows for button in row]
        for button in (*self.buttons, *self._models):
            button.setVisible(button in shown)
        for number, row in enumerate(rows):
            right = self.width()
            for button in reversed(row):
                size = button.sizeHint()
                right -= size.width()
                button.setGeometry(right, number * ROW, size.width(), size.height())
                right -= SPACING

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()
