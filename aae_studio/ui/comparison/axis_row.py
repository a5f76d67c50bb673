"""AxisRow: one axis of a sweep, an option and its values."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.options import Option, Value
from aae_studio.core.sweeps import suggested, values_of
from aae_studio.ui.option_editors import QuietBox
from aae_studio.ui.option_rows import mark
from aae_studio.ui.tooltip import explain, tooltip
from aae_studio.ui.translation import tr


class _Values(QLineEdit):
    """The values. Emits `entered` for Enter."""

    entered = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(event)


class AxisRow(QObject):
    """A label, an option chosen from what can be swept, and its values as text: widgets for a layout.

    Emits `changed`, and `entered` for Enter.
    """

    changed = Signal()
    entered = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.label = QLabel(name)
        self.label.setProperty("muted", True)
        self.choice, self.values = QuietBox(), _Values()
        self.choice.setAccessibleName(tr("{axis}: option", axis=name))
        # A very long name gives way.
        self.choice.setMinimumContentsLength(8)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        # Three values of four digits can be read.
        self.values.setMinimumWidth(self.values.fontMetrics().horizontalAdvance("0.0003 0.001 0.003") + 14)
        self.values.setAccessibleName(tr("{axis}: values", axis=name))
        self._help = tooltip(tr("The option's values, apart by spaces: at most six. For instance 0.1 1 10."))
        self.values.setToolTip(self._help)
        self.label.setBuddy(self.choice)
        self._options: dict[str, Option] = {}
        self._config = ExperimentConfig()
        self.choice.activated.connect(self._on_chosen)
        self.values.textEdited.connect(self._on_edited)
        self.values.entered.connect(self.entered)

    def offer(self, options: Mapping[str, Option], config: ExperimentConfig, first: str) -> None:
        """Offer these options; the one that was chosen stays, else it is `first`."""
        before = self.key
        self._options, self._config = dict(options), config
        self.choice.clear()
        for key, option in options.items():
            self.choice.addItem(tr(option.label), key)
            self.choice.setItemData(
                self.choice.count() - 1, tooltip(tr(option.help)), Qt.ItemDataRole.ToolTipRole
            )
        key = before if before in options else first
        self.choice.setCurrentIndex(list(options).index(key))
        if key != before:
            self._on_chosen()

    @property
    def key(self) -> str:
        """The chosen option's key."""
        return str(self.choice.currentData() or "")

    @property
    def option(self) -> Option:
        return self._options[self.key]

    def chosen(self) -> tuple[Value, ...]:
        """The values. Raises ConfigError for what cannot be."""
        return values_of(self.option, self.values.text(), tr(self.option.label))

    def choose(self, key: str, text: str) -> None:
        """Choose an option and its values."""
        self.choice.setCurrentIndex(self.choice.findData(key))
        self.values.setText(text)
        self.values.setCursorPosition(0)
        self.changed.emit()

    def mark(self, sentence: str) -> None:
        """Show that the values cannot be; an empty sentence: they can."""
        mark(self.values, sentence, self._help)

    def _on_chosen(self) -> None:
        key, option = self.key, self.option
        config = self._config
        held = config.options.get(key, option.default) if "." in key else getattr(config, key)
        self.values.setText(suggested(option, held))
        self.values.setCursorPosition(0)
        explain(self.choice, tr(option.help))
        self._on_edited()

    def _on_edited(self) -> None:
        self.mark("")
        self.changed.emit()
