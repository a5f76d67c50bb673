"""FindingCard: one diagnosis of one model, its evidence, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aae_studio.ui.doctor.sketch import CurveSketch
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.diagnosis.base import Finding, Sign
    from aae_studio.core.history import History
    from aae_studio.core.models.base import Model

# Of each severity: the theme's colour, and a sign that says the same without colour.
LOOKS = {"warning": ("bad", "▲"), "hint": ("warn", "●"), "good": ("good", "✓")}


def figure(value: float, unit: str) -> str:
    """A value with its unit, short."""
    if unit == "%":
        return f"{100 * value:.0f} %" if value >= 0.0995 or value == 0 else f"{100 * value:.1f} %"
    if abs(value) >= 100:
        digits = f"{value:.0f}"
    else:
        digits = f"{value:.2g}" if 0.001 <= abs(value) < 0.1 else f"{value:.2f}"
    return f"{digits} {unit}".strip().replace("-", "−")


def relation(sign: Sign) -> str:
    """How a figure stands to its limit, in one character: one that is written as its limit is must not be
    said to be beyond it."""
    if figure(sign.value, sign.unit) == figure(sign.limit, sign.unit):
        return "≈"
    return "<" if sign.value < sign.limit else ">"


class FindingCard(QFrame):
    """Shows a finding. `show_me` is checked while what shows it is on show.

    Emits `shown` (whether it should be shown) and `remedy_chosen`, both by a click or the keyboard.
    """

    shown = Signal(bool)
    remedy_chosen = Signal()

    def __init__(self, theme: Theme, model: Model, overlay: str | None, overlay_title: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self._theme, self._model, self.overlay = theme, model, overlay
        self._overlay_title = overlay_title
        self.finding: Finding | None = None
        self._title, self._summary, self._change = QLabel(), QLabel(), QLabel()
        self._grid = QGridLayout()
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []
        self.sketch = CurveSketch(theme, theme.color(model.color))
        self.sketch.hide()
        self.show_me = QPushButton(tr("Show me"))
        self.show_me.setCheckable(True)
        self.remedy = QPushButton()
        self.remedy.setObjectName("primary")
        for button in (self.show_me, self.remedy):
            # By Tab only: after a click, Space still trains.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._arrange()
        self.show_me.toggled.connect(self._show_sketch)
        self.show_me.clicked.connect(self.shown)
        self.remedy.clicked.connect(self.remedy_chosen)

    def set_finding(self, finding: Finding, change: str, done: bool, allowed: bool) -> None:
        """Show this finding. `change`: what its remedy changes, in words; `done`: it has been changed;
        `allowed`: whether options can be changed here at all."""
        self.finding = finding
        color, sign = LOOKS[finding.severity]
        self._title.setText(f"{sign} {tr(finding.title)}")
        self._title.setStyleSheet(f"color: {self._theme.colors[color]}; font-weight: 600;")
        self._summary.setText(tr(finding.summary))
        self._show_signs(finding.signs)
        self.setAccessibleName(f"{self._model.short}: {tr(finding.title)}")
        self.setAccessibleDescription(tr(finding.summary))
        self.show_me.setVisible(bool(self.overlay or finding.curves))
        self.show_me.setToolTip(self._show_tip())
        self.remedy.setVisible(finding.remedy is not None)
        self._change.setVisible(finding.remedy is not None)
        if finding.remedy is not None:
            self.remedy.setText(tr("Applied") if done else tr(finding.remedy.text))
            self.remedy.setEnabled(allowed and not done)
            self.remedy.setToolTip(tr("Apply: {change}. Ctrl+Z takes it back.", change=change))
            restarts = tr("starts again from step 0")
            self._change.setText(f"{change} · {restarts}" if finding.remedy.restarts else change)

    def draw_curves(self, history: History) -> None:
        """Bring the plot up to date, if it can be seen."""
        if self.finding is not None and self.show_me.isChecked() and self.finding.curves:
            chosen = [curve for curve in self._model.curves if curve.name in self.finding.curves]
            self.sketch.set_curves(history, self.finding.model, chosen)

    def follow_overlays(self, overlays: frozenset[str]) -> None:
        """Somebody else may have hidden the overlay, or shown it."""
        if self.overlay is not None:
            self.show_me.setChecked(self.overlay in overlays)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 9, 3, 20, self._theme.color(self._model.color))
        painter.end()

    def _arrange(self) -> None:
        model = QLabel(self._model.short)
        model.setStyleSheet(f"color: {self._theme.color(self._model.color).name()}; font-weight: 600;")
        model.setToolTip(tr(self._model.title))
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(model)
        for label in (self._title, self._summary, self._change):
            label.setWordWrap(True)
        self._change.setProperty("muted", True)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.show_me)
        buttons.addWidget(self.remedy)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 10, 9)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._summary)
        column.addLayout(self._grid)
        column.addWidget(self.sketch)
        column.addLayout(buttons)
        column.addWidget(self._change)

    def _show_signs(self, signs: tuple[Sign, ...]) -> None:
        """One row a figure: what it is, its value, and its limit. A little behind that the diagnosis still
        stands."""
        while len(self._rows) < len(signs):
            row = (QLabel(), QLabel(), QLabel())
            sides = (Qt.AlignmentFlag(0), Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignLeft)
            for column, (label, side) in enumerate(zip(row, sides, strict=True)):
                self._grid.addWidget(label, len(self._rows), column, Qt.AlignmentFlag.AlignTop | side)
            row[0].setWordWrap(True)
            row[0].setProperty("muted", True)
            row[2].setProperty("muted", True)
            self._rows.append(row)
        for (text, value, limit), sign in zip(self._rows, signs, strict=True):
            text.setText(tr(sign.text))
            value.setText(figure(sign.value, sign.unit))
            bound = figure(sign.limit, sign.unit)
            limit.setText(f"{relation(sign)} {bound}")
            end = figure(sign.end, sign.unit)
            tip = tr(
                "It speaks for this diagnosis above {limit}, and ends it below {end}.", limit=bound, end=end
            )
            if sign.below:
                tip = tr(
                    "It speaks for this diagnosis below {limit}, and ends it above {end}.",
                    limit=bound,
                    end=end,
                )
            for label in (text, value, limit):
                label.setToolTip(tip)

    def _show_tip(self) -> str:
        parts = [tr("Show “{overlay}” on the planes.", overlay=self._overlay_title)] if self.overlay else []
        if self.finding is not None and self.finding.curves:
            parts.append(tr("Show the curves here."))
        return "\n".join(parts)

    def _show_sketch(self, on: bool) -> None:
        self.sketch.setVisible(on and self.finding is not None and bool(self.finding.curves))


class AppliedCard(QFrame):
    """Says which remedy was applied, and takes it back. Emits `undo_chosen`."""

    undo_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._words = QLabel()
        self._words.setWordWrap(True)
        self.undo = QPushButton(tr("Undo"))
        self.undo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.undo.setToolTip(tr("Take the remedy back (Ctrl+Z)."))
        self.undo.clicked.connect(self.undo_chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 7, 10, 7)
        row.addWidget(self._words, 1)
        row.addWidget(self.undo)
        self.hide()

    def say(self, change: str) -> None:
        """Show what was changed."""
        self._words.setText(tr("Applied: {change}", change=change))
        self.show()
