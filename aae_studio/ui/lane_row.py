"""LaneRow: the lanes side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from aae_studio.ui.canvas.overlays.base import Overlay
from aae_studio.ui.lane import Lane
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

# The shortest time between two pictures that a screen shows one after the other.
FRAME_S = 1 / 144


class LaneRow(QScrollArea):
    """One lane a model, in the configuration's order; cards to wait before there are models.

    More lanes than fit make it scroll, and not the window wider. Emits nothing.
    """

    def __init__(
        self, workbench: Workbench, theme: Theme, turns: Turns, overlays: Mapping[str, Overlay]
    ) -> None:
        super().__init__()
        self._bench, self._theme, self._turns, self._overlays = workbench, theme, turns, overlays
        self.lanes: dict[str, Lane] = {}
        self._painted_at = -1.0
        # Before the lanes' canvases, which follow the cursor too.
        workbench.planes.cursor_moved.connect(self._show_moved)
        content = QWidget()
        self._row = QHBoxLayout(content)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.show_models()

    def show_models(self) -> None:
        """Make lanes for the models that are there now."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.lanes = {
            name: Lane(self._bench, name, self._theme, self._turns, self._overlays)
            for name in self._bench.models
        }
        waiting = () if self.lanes else self._bench.config.models
        for card in (*self.lanes.values(), *map(_waiting_card, waiting)):
            self._row.addWidget(card, 1)

    def _show_moved(self) -> None:
        """Show what the cursors are on now: first the image of the lane that is dragged in, then all others
        together, then what else moves with them.

        What else is dirty from before is painted too. Moves that follow one another faster than any screen
        are painted together, as Qt does.
        """
        now = time.monotonic()
        is_due = now - self._painted_at > FRAME_S
        if is_due:
            self._painted_at = now
        active = self._bench.planes.active
        own = [lane for name, lane in self.lanes.items() if name == active]
        others = [lane for name, lane in self.lanes.items() if name != active]
        for lanes in filter(None, (own, others)):
            for lane in lanes:
                lane.show_decoded()
            if is_due:
                QCoreApplication.sendEvent(self.window(), QEvent(QEvent.Type.UpdateRequest))
        for lane in self.lanes.values():
            lane.show_place()

    def show_newest(self) -> None:
        """Decode with the newest weights now: for a picture."""
        for lane in self.lanes.values():
            lane.show_newest()


def _waiting_card(name: str) -> QFrame:
    """What a lane's place shows until the models are there."""
    card = QFrame()
    card.setObjectName("card")
    column = QVBoxLayout(card)
    title, note = QLabel(name.upper()), QLabel(tr("loading…"))
    title.setObjectName("cardTitle")
    note.setProperty("muted", True)
    note.setAlignment(Qt.AlignmentFlag.AlignCenter)
    column.addWidget(title)
    column.addWidget(note, 1)
    return card
