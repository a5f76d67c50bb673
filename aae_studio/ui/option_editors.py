"""Editors of options, one per type: they show a value, check what is entered and say what was chosen."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QStandardItemModel,
    QValidator,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QLineEdit, QWidget

from aae_studio.core.errors import StudioError
from aae_studio.core.options import Option, Value
from aae_studio.ui.translation import tr, tr_error

# A run of steps is one choice: the last of them counts once they have paused for so long.
STEP_PAUSE_MS = 350
RUNGS_PER_DECADE = 4
# Stepping up from 0 on a logarithmic scale begins at this share of the default.
SMALLEST_SHARE = 1e-3


def stepped(option: Option, value: float, steps: int) -> int | float:
    """The number that lies so many steps above a value, within the option's range.

    Logarithmic whole numbers step by factors of 2, logarithmic fractions by 10^(1/4), rounded to two
    digits.
    """
    if isinstance(option.default, int):
        wanted: float = int(value * 2.0**steps) if option.logarithmic else value + steps
    elif option.logarithmic:
        wanted = _stepped_by_factors(option, value, steps)
    else:
        wanted = round(value + steps * _linear_step(option), 12)
    low = -math.inf if option.minimum is None else option.minimum
    high = math.inf if option.maximum is None else option.maximum
    wanted = min(max(wanted, low), high)
    return int(wanted) if isinstance(option.default, int) else float(wanted)


def _stepped_by_factors(option: Option, value: float, steps: int) -> float:
    least = option.minimum or abs(float(option.default)) * SMALLEST_SHARE or SMALLEST_SHARE
    if value <= 0:
        if steps <= 0:
            return 0.0
        value, steps = least, steps - 1
    place = RUNGS_PER_DECADE * math.log10(value)
    rung = round(place)
    # A value between two rungs goes to the next one first; rounding to two digits is not between.
    if abs(place - rung) > 0.1:
        rung = math.floor(place) if steps > 0 else math.ceil(place)
    wanted = float(f"{10 ** ((rung + steps) / RUNGS_PER_DECADE):.1e}")
    return 0.0 if wanted < 0.99 * least else wanted


def _linear_step(option: Option) -> float:
    if option.minimum is not None and option.maximum is not None:
        return (option.maximum - option.minimum) / 100
    return abs(float(option.default)) / 10 or 0.1


class WheelWhenFocused:
    """Lets the wheel scroll the page over an input that the user has not gone to."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


# What would go to another choice of a list that is closed.
LIST_KEYS = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)

# What takes changes back, and makes them again.
CHANGES = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)


class Typed:
    """What editors with typed text share.

    Enter and leaving settle on what is entered, Escape takes it back. A subclass has a `lineEdit` and
    emits `chosen` (value) for a value that fits, `refused` (sentence, empty once over) for another.
    """

    option: Option
    label: str
    value: Value

    @property
    def text_now(self) -> str:
        return self.lineEdit().text()

    @property
    def editing(self) -> bool:
        """Whether the user is in the middle of entering something."""
        return self.hasFocus() and self._differs()

    def show_value(self, value: Value) -> None:
        """Show this value; what was being entered is gone."""
        self.value = value
        self.lineEdit().setText(self.option.shown(value))
        if self.hasFocus():
            self.lineEdit().selectAll()
        else:
            self.lineEdit().setCursorPosition(0)
        self.refused.emit("")

    def commit(self) -> None:
        """Settle on what is entered."""
        if not self._differs():
            self.refused.emit("")
            return
        try:
            value = self.option.parsed(self.text_now.strip(), self.label)
        except StudioError as fault:
            self.refused.emit(tr_error(fault))
            return
        self.chosen.emit(value)

    def settle(self) -> None:
        """Settle on what was chosen in another way than by typing."""

    def _forgive(self) -> None:
        """What was taken back is not wrong any more."""
        if not self._differs():
            self.refused.emit("")

    def _differs(self) -> bool:
        return self.text_now != self.option.shown(self.value)

    def event(self, event: QEvent) -> bool:
        # The window's, unless something is being entered.
        if event.type() == QEvent.Type.ShortcutOverride:
            changes = any(map(event.matches, CHANGES))
            if changes:
                self.settle()
            if not self._differs() and (changes or event.key() == Qt.Key.Key_Space):
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.commit()
            if not self._differs():
                # The keyboard is the window's again: the next letter is meant for it.
                self.clearFocus()
        elif event.key() == Qt.Key.Key_Escape and self._differs():
            self.show_value(self.value)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() == Qt.FocusReason.PopupFocusReason:
            return
        self.commit()
        if self._differs():
            self.show_value(self.value)


class NumberEntry(Typed, WheelWhenFocused, QAbstractSpinBox):
    """A number that steps with the arrow keys, the wheel and its two buttons."""

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, option: Option, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option, self.label = option, label
        self._pause = QTimer(self, singleShot=True, interval=STEP_PAUSE_MS)
        self._pause.timeout.connect(self.commit)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # Style sheets do not reach the padding of a spin box's field.
        self.lineEdit().setTextMargins(4, 0, 0, 0)
        self.show_value(option.default)
        self.lineEdit().textChanged.connect(self._forgive)

    def show_value(self, value: Value) -> None:
        self._pause.stop()
        super().show_value(value)

    def commit(self) -> None:
        self._pause.stop()
        super().commit()

    def settle(self) -> None:
        if self._pause.isActive():
            self.commit()

    def stepBy(self, steps: int) -> None:
        now = self._number()
        wanted = stepped(self.option, self.value if now is None else now, steps)
        self.lineEdit().setText(self.option.shown(wanted))
        self.refused.emit("")
        self._pause.start()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags, number, option = QAbstractSpinBox.StepEnabledFlag, self._number(), self.option
        able = flags.StepNone
        if number is None or option.maximum is None or number < option.maximum:
            able |= flags.StepUpEnabled
        if number is None or option.minimum is None or number > option.minimum:
            able |= flags.StepDownEnabled
        return able

    def validate(self, text: str, place: int) -> object:
        # Nothing is kept from being typed: a sentence says what is wrong with it.
        return QValidator.State.Acceptable, text, place

    def _number(self) -> float | None:
        """What is entered, or None while it is no fitting number."""
        try:
            return self.option.parsed(self.text_now.strip())
        except StudioError:
            return None


class WidthsEntry(Typed, QLineEdit):
    """Layer widths such as 256,256."""

    chosen = Signal(object)
    refused = Signal(str)

    def __init__(self, option: Option, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option, self.label = option, label
        self.show_value(option.default)
        self.textChanged.connect(self._forgive)

    def lineEdit(self) -> QLineEdit:
        """The field itself, as a spin box has it."""
        return self


class QuietBox(WheelWhenFocused, QComboBox):
    """A list of choices that the wheel passes over until one has gone to it, and that arrow keys open.

    These do not choose by themselves: a choice may begin a training again. One from a list that was opened
    with the mouse gives the keyboard back to the window.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._by_mouse = False
        self.activated.connect(self._leave)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._by_mouse = True
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._by_mouse = False
        if event.key() in LIST_KEYS:
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def _leave(self) -> None:
        if self._by_mouse:
            self._by_mouse = False
            self.clearFocus()


class Choice(QuietBox):
    """One of an option's words. Emits `chosen` (the word, as the command line knows it) and `refused`."""

    chosen = Signal(object)
    refused = Signal(str)

    editing = False

    def __init__(self, option: Option, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        self._value = option.default
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for word in option.choices:
            self.addItem(tr(word), word)
        self.activated.connect(self._on_activated)
        self.show_value(option.default)

    def show_value(self, value: Value) -> None:
        """Show this word."""
        self._value = value
        self.setCurrentIndex(self.findData(value))
        self.refused.emit("")

    def grey_out(self, reasons: dict[str, str]) -> None:
        """Take words out of the choice, each with the reason in its tooltip."""
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        for row, word in enumerate(self.option.choices):
            model.item(row).setEnabled(word not in reasons)
            model.item(row).setToolTip(reasons.get(word, ""))

    def _on_activated(self, row: int) -> None:
        if self.option.choices[row] != self._value:
            self.chosen.emit(self.option.choices[row])


class Switch(QCheckBox):
    """Yes or no. Emits `chosen` (bool) and `refused` (sentence)."""

    chosen = Signal(object)
    refused = Signal(str)

    editing = False

    def __init__(self, option: Option, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        self.clicked.connect(self._on_clicked)
        self.show_value(option.default)

    def show_value(self, value: Value) -> None:
        """Show this state."""
        self.setChecked(bool(value))
        self.refused.emit("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # A form is walked with Enter as much as with Space.
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def _on_clicked(self, checked: bool) -> None:
        self.chosen.emit(checked)


Editor = NumberEntry | WidthsEntry | Choice | Switch


def editor_for(option: Option, label: str) -> Editor:
    """The editor for an option's type. `label` is its name in the user's language."""
    if isinstance(option.default, bool):
        return Switch(option, label)
    if isinstance(option.default, str):
        return Choice(option, label)
    if isinstance(option.default, tuple):
        return WidthsEntry(option, label)
    return NumberEntry(option, label)
