"""The row of controls above the loss plots."""

from __future__ import annotations

import math
from functools import partial

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from aae_studio.ui.translation import tr

SMOOTHINGS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
SMOOTHING = 10
# Names in @ signs are colours of the theme.
STYLE = """
QToolButton[segment="true"] {
  color: @muted@; background: @field@; border: 1px solid @border@; border-radius: 0; padding: 1px 9px;
  font-size: 11px; min-height: 16px;
}
QToolButton[segment="true"]:hover { background: @hover@; }
QToolButton[segment="true"]:checked { color: @text@; background: @pressed@; font-weight: 600; }
QToolButton[segment="true"]:focus { border-color: @accent@; }
QToolButton[place="first"] { border-top-left-radius: 5px; border-bottom-left-radius: 5px; }
QToolButton[place="last"] {
  border-top-right-radius: 5px; border-bottom-right-radius: 5px; margin-left: -1px;
}
QToolButton[place="alone"] { border-radius: 5px; }
QToolButton[segment="true"]:disabled { color: @disabled@; }
QLabel#controlName, QLabel#smoothing { color: @muted@; font-size: 11px; }
"""


class Segment(QToolButton):
    """A small button, alone or one of a row that belongs together."""

    def __init__(self, text: str, tip: str, place: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)
        self.setProperty("segment", True)
        self.setProperty("place", place)
        # By Tab only: after a click, Space still trains.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def event(self, event: QEvent) -> bool:
        # Space would otherwise be the window's shortcut.
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Space:
            event.accept()
            return True
        return super().event(event)


class Choice(QWidget):
    """One of two, side by side, under a common name. Emits `chosen` (whether it is the second)."""

    chosen = Signal(bool)

    def __init__(self, name: str, words: tuple[str, str], tips: tuple[str, str]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        label = QLabel(name)
        label.setObjectName("controlName")
        row.addWidget(label)
        row.addSpacing(6)
        self._group = QButtonGroup(self)
        self.buttons = tuple(
            Segment(text, tip, place, self)
            for text, tip, place in zip(words, tips, ("first", "last"), strict=True)
        )
        for number, button in enumerate(self.buttons):
            button.setCheckable(True)
            button.setAccessibleName(f"{name}: {button.text()}")
            button.toggled.connect(partial(self._on_toggled, bool(number)))
            self._group.addButton(button)
            row.addWidget(button)
        self.buttons[0].setChecked(True)

    def set_second(self, second: bool) -> None:
        """Choose the second or the first."""
        self.buttons[second].setChecked(True)

    def _on_toggled(self, second: bool, on: bool) -> None:
        if on:
            self.chosen.emit(second)


class PlotControls(QWidget):
    """Scale, x axis, smoothing and the way back to everything.

    Emits `log_chosen` (bool), `seconds_chosen` (bool), `smoothed` (mean of so many steps) and `fitted`.
    """

    log_chosen = Signal(bool)
    seconds_chosen = Signal(bool)
    smoothed = Signal(int)
    fitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = Choice(
            tr("Scale"),
            (tr("linear"), tr("log")),
            (
                tr("Equal distances are equal differences."),
                tr("Equal distances are equal ratios. The discriminator's plot stays linear."),
            ),
        )
        self.axis = Choice(
            tr("Over"),
            (tr("steps"), tr("seconds")),
            (tr("Draw the curves over training steps."), tr("Draw the curves over training time.")),
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(SMOOTHINGS) - 1)
        self.slider.setPageStep(3)
        # It gives way where a panel stands beside the plots.
        self.slider.setMinimumWidth(60)
        self.slider.setMaximumWidth(110)
        self.slider.setAccessibleName(tr("Smoothing"))
        self.slider.setToolTip(tr("Draw each step as the mean of so many steps up to it."))
        self.value = QLabel()
        self.value.setObjectName("smoothing")
        self.fit = Segment(
            tr("Show all"), tr("All steps again, following the training. Or double-click."), "alone", self
        )
        self.fit.setEnabled(False)
        self._arrange()
        self.scale.chosen.connect(self.log_chosen)
        self.axis.chosen.connect(self.seconds_chosen)
        self.slider.valueChanged.connect(self._on_slid)
        self.fit.clicked.connect(self._on_fit)
        self.set_smoothing(SMOOTHING)

    def _arrange(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 0, 0)
        row.setSpacing(0)
        name = QLabel(tr("Smoothing"))
        name.setObjectName("controlName")
        parts: tuple[tuple[QWidget, int], ...] = (
            (self.scale, 18),
            (self.axis, 18),
            (name, 8),
            (self.slider, 8),
            (self.value, 8),
        )
        for widget, gap in parts:
            row.addWidget(widget)
            row.addSpacing(gap)
        row.addStretch(1)
        row.addWidget(self.fit)

    @property
    def smoothing(self) -> int:
        """The number of steps that the slider says."""
        return SMOOTHINGS[self.slider.value()]

    def set_smoothing(self, steps: int) -> None:
        """Put the slider where its number is nearest to this one, in ratio."""
        nearest = min(SMOOTHINGS, key=partial(_ratio, max(steps, 1)))
        self.slider.setValue(SMOOTHINGS.index(nearest))

    def _on_slid(self) -> None:
        count = self.smoothing
        words = tr("mean of {count} steps", count=count) if count > 1 else tr("every step")
        self.value.setText(words)
        self.slider.setAccessibleDescription(words)
        self.smoothed.emit(count)

    def _on_fit(self) -> None:
        self.fitted.emit()


def _ratio(steps: int, other: int) -> float:
    return abs(math.log(steps / other))
