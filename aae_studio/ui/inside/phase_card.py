"""PhaseCard: one phase of the step, folded or with everything that passes through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout

from aae_studio.ui.inside import words
from aae_studio.ui.inside.flow_view import FlowView
from aae_studio.ui.inside.script import Moment
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.walk import PhaseWalk


class PhaseCard(QFrame):
    """Shows one phase. Emits `chosen` (its name; to be unfolded) and `alone_asked` (its name)."""

    chosen = Signal(str)
    alone_asked = Signal(str)

    def __init__(self, theme: Theme, number: int, phase: PhaseWalk, latent: int) -> None:
        super().__init__()
        self.setObjectName("card")
        self.name, self._theme, self._number = phase.name, theme, number
        self.title = QPushButton()
        self.title.setProperty("heading", True)
        self.title.setToolTip(tr("Show what passes through this phase."))
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.title.clicked.connect(self._choose)
        self.alone = QPushButton(tr("Only this"))
        self.alone.setProperty("small", True)
        self.alone.setAccessibleName(tr("Only this phase: {phase}", phase=words.titled(phase.name)))
        self.alone.setToolTip(
            tr(
                "Train {names} by this phase alone, once. Training pauses; no step is counted.",
                names=words.listed(phase.trains),
            )
        )
        self.alone.clicked.connect(self._ask_alone)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setProperty("muted", True)
        self.flow = FlowView(theme, latent)
        self.flow.setAccessibleName(words.titled(phase.name))
        head = QHBoxLayout(spacing=2)
        head.addWidget(self.title, 1)
        head.addWidget(self.alone)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 7)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.summary)
        column.addWidget(self.flow)

    def show_phase(
        self, phase: PhaseWalk, moment: Moment | None, folded: bool, pending: bool = False
    ) -> None:
        """Show the phase as it went, in slow motion at this moment of it; `pending`: not begun yet."""
        text = f"{self._number} {words.titled(phase.name)}"
        if phase.turns > 1:
            text += "  " + tr("({turn} of {turns})", turn=phase.turn, turns=phase.turns)
        self.title.setText(text)
        self.summary.setText(tr(phase.summary))
        self.summary.setVisible(not folded and bool(phase.summary))
        self.flow.show_phase(phase, moment, folded, pending)
        active = "true" if moment is not None else "false"
        if self.property("active") != active:
            self.setProperty("active", active)
            self.style().unpolish(self)
            self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose()

    def _choose(self) -> None:
        self.chosen.emit(self.name)

    def _ask_alone(self) -> None:
        self.alone_asked.emit(self.name)
