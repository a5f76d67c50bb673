"""Rows and sections of the options form."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from aae_studio.core.options import Option, Value
from aae_studio.ui.option_editors import Choice, editor_for
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain, tooltip
from aae_studio.ui.translation import tr

# As wide as the longest word of a choice, in English, needs.
EDITOR_WIDTH = 104
ROW_HEIGHT = 23
# After a space at which no line breaks: it belongs to the last word.
RESTARTS = "\u00a0↺"


@dataclass(frozen=True)
class Group:
    """One section: its heading, the name of its colour, and its options by the key that changes them.

    `hint` says where the options are that have no row.
    """

    heading: str
    color: str
    short: str
    options: tuple[tuple[str, Option], ...]
    always_live: bool = False
    hint: str = ""


def mark(editor: QWidget, sentence: str, otherwise: str = "") -> None:
    """Show on an editor, and in its tooltip, why a value was refused.

    An empty sentence: nothing is wrong, and the tooltip is `otherwise`.
    """
    invalid = "true" if sentence else "false"
    if sentence or (editor.property("invalid") or "false") != invalid:
        editor.setProperty("invalid", invalid)
        explain(editor, sentence)
        editor.style().unpolish(editor)
        editor.style().polish(editor)


class OptionRow(QWidget):
    """One option: label, editor, and below them the sentence when a value was refused.

    Emits `chosen` (key, value).
    """

    chosen = Signal(str, object)

    def __init__(self, key: str, option: Option, live: bool, short: str = "") -> None:
        super().__init__()
        self.key = key
        self.name = name = tr(option.label)
        label = QLabel(name + ("" if live else RESTARTS))
        label.setProperty("muted", True)
        label.setWordWrap(True)
        self.editor = editor_for(option, name)
        when = tr("Applies at once.") if live else tr("All models start again from step 0.")
        self._help = tooltip(tr(option.help), when)
        for part in (label, self.editor):
            part.setToolTip(self._help)
        label.setBuddy(self.editor)
        self.editor.setObjectName(key)
        # Who hears the label does not see the heading above it.
        self.editor.setAccessibleName(f"{name} ({short})" if short else name)
        self.editor.setAccessibleDescription(tr(option.help))
        self._sentence: QLabel | None = None
        self._folded, self._usual = False, True
        self._layout = QGridLayout(self, horizontalSpacing=6, verticalSpacing=2)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setColumnStretch(0, 1)
        self._layout.setRowMinimumHeight(0, ROW_HEIGHT)
        self._layout.addWidget(label, 0, 0)
        self._layout.addWidget(self.editor, 0, 1, Qt.AlignmentFlag.AlignVCenter)
        self.editor.ensurePolished()
        hint = self.editor.sizeHint().width() if isinstance(self.editor, Choice) else 0
        # What the editor needs; in a form all have the width of the one that needs most.
        self.needed = max(EDITOR_WIDTH, hint)
        self.editor.chosen.connect(self._on_chosen)
        self.editor.refused.connect(self.mark)

    def show_value(self, value: Value) -> None:
        """Show this value, and that nothing is wrong."""
        self.editor.show_value(value)
        self._usual = value == self.editor.option.default
        self.fold(self._folded)

    def fold(self, folded: bool) -> None:
        """Be hidden, but not where there is another value than the default, a fault or the focus."""
        self._folded = folded
        wrong = self._sentence is not None and bool(self._sentence.text())
        self.setHidden(folded and self._usual and not wrong and not self.editor.hasFocus())

    def mark(self, sentence: str) -> None:
        """Say why the value was refused; an empty sentence: it was not."""
        mark(self.editor, sentence, self._help)
        if self._sentence is None:
            if not sentence:
                return
            self._sentence = QLabel()
            self._sentence.setProperty("bad", True)
            self._sentence.setWordWrap(True)
            self._layout.addWidget(self._sentence, 1, 0, 1, 2)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        self.fold(self._folded)

    def _on_chosen(self, value: Value) -> None:
        self.chosen.emit(self.key, value)


class Section(QWidget):
    """A heading, in its model's colour where it has one, and rows below, those of rare options folded away.

    Emits `chosen` (key, value) and `unfolded` (the section's name, whether its rare options are on show).
    """

    chosen = Signal(str, object)
    unfolded = Signal(str, bool)

    def __init__(self, group: Group, theme: Theme) -> None:
        super().__init__()
        self.group = group
        self.rows: dict[str, OptionRow] = {}
        heading = QLabel(group.heading.upper())
        heading.setObjectName("section")
        heading.setWordWrap(True)
        top = QHBoxLayout(spacing=7)
        if group.color:
            stripe = QFrame()
            stripe.setFixedWidth(3)
            stripe.setStyleSheet(f"background: {theme.color(group.color).name()}; border: none;")
            top.addWidget(stripe)
        top.addWidget(heading, 1)
        self.body = QVBoxLayout(self, spacing=4)
        self.body.setContentsMargins(0, 0, 0, 12)
        self.body.addLayout(top)
        self.body.addSpacing(2)
        for key, option in group.options:
            row = OptionRow(key, option, option.live or group.always_live, group.short)
            row.chosen.connect(self.chosen)
            self.rows[key] = row
            self.body.addWidget(row)
        if group.hint:
            hint = QLabel(group.hint)
            hint.setProperty("muted", True)
            hint.setWordWrap(True)
            self.body.addWidget(hint)
        self.more = QToolButton(checkable=True)
        self.more.setObjectName("fold")
        self.more.setProperty("flat", True)
        # A click takes the focus from a row that is to be folded away.
        self.more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        explain(
            self.more,
            tr("Show or fold away what is seldom changed. What is not the default is always on show."),
        )
        self.more.toggled.connect(self._unfold)
        self.body.addWidget(self.more)
        self.more.setVisible(any(option.rare for _, option in group.options))
        self._unfold(False)

    @property
    def name(self) -> str:
        """The key of the first option: no other section has it."""
        return next(iter(self.rows))

    def stops(self) -> list[QWidget]:
        """What Tab walks through, from top to bottom."""
        return [*(row.editor for row in self.rows.values()), self.more]

    def _unfold(self, open_: bool) -> None:
        """Show the rows of rare options, or fold them away."""
        words = tr("Fewer options") if open_ else tr("More options")
        self.more.setText(f"{words} {'▴' if open_ else '▾'}")
        self.more.setAccessibleName(f"{words} ({self.group.short or self.group.heading})")
        for row in self.rows.values():
            row.fold(row.editor.option.rare and not open_)
        self.unfolded.emit(self.name, open_)
