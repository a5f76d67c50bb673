"""LaneRow: the lanes side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from aae_studio.core.registry import MODELS
from aae_studio.ui.canvas.overlays.base import Overlay
from aae_studio.ui.lane import Lane
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

BAR_HEIGHT = 10
# The shortest time between two pictures that a screen shows one after the other.
FRAME_S = 1 / 144
# By then the row has been laid out with what is new in it.
LAID_OUT_MS = 200


class LaneRow(QScrollArea):
    """One lane a model, in the configuration's order; cards to wait before there are models, and while one
    that joins catches up.

    More lanes than fit make it scroll, and not the window wider. Emits nothing.
    """

    def __init__(
        self, workbench: Workbench, theme: Theme, turns: Turns, overlays: Mapping[str, Overlay]
    ) -> None:
        super().__init__()
        self._bench, self._theme, self._turns, self._overlays = workbench, theme, turns, overlays
        self.lanes: dict[str, Lane] = {}
        self.waiting: dict[str, WaitingCard] = {}
        # What was asked for last, and whether the row is still being laid out with it.
        self._newest = ""
        self._laying_out = QTimer(self)
        self._laying_out.setSingleShot(True)
        self._laying_out.setInterval(LAID_OUT_MS)
        # Of the experiment that the lanes show.
        self._generation = -1
        self._painted_at = -1.0
        # Before the lanes' canvases, which follow the cursor too.
        workbench.planes.cursor_moved.connect(self._show_moved)
        workbench.caught_up.connect(self._show_waiting)
        workbench.configured.connect(self._show_waiting)
        workbench.failed.connect(self._show_waiting)
        self.horizontalScrollBar().rangeChanged.connect(self._reveal_newest)
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
        """Have lanes for the models that are there now. A lane of the same experiment stays: somebody may be
        dragging in it."""
        bench = self._bench
        kept = self.lanes if self._generation == bench.generation else {}
        # Lanes are made anew, and stand where they stood.
        QTimer.singleShot(0, self, partial(self._scroll_to, self.horizontalScrollBar().value()))
        self._generation = bench.generation
        before = self.lanes
        self.lanes = {
            name: kept.get(name) or Lane(bench, name, self._theme, self._turns, self._overlays)
            for name in bench.models
        }
        if kept and (new := [name for name in self.lanes if name not in {**before, **self.waiting}]):
            # There at once: no card was shown before.
            self._bring_up(new[-1])
        for name, lane in before.items():
            if self.lanes.get(name) is lane:
                # Its questions are forgotten.
                lane.canvas.choose_overlays()
            else:
                self._put_away(lane)
        self._show_waiting()

    def _show_waiting(self) -> None:
        """Have a card for each model that one waits for, and for no other; all in the order of the models."""
        bench = self._bench
        # Before torch is there, nobody knows what the models are called.
        names = {name: MODELS.get(name).short for name in bench.joining}
        names = names if self.lanes else {name: name.upper() for name in bench.config.models}
        before, self.waiting = self.waiting, {}
        for name, words in names.items():
            if name not in before and name in bench.joining:
                # What one has just asked for is to be seen, also where lanes do not all fit.
                self._bring_up(name)
            self.waiting[name] = before.pop(name, None) or WaitingCard(words)
            if name in bench.joining:
                self.waiting[name].show_progress(bench.joining[name], bench.step)
            else:
                self.waiting[name].note.setText(bench.why_empty)
        for card in before.values():
            self._put_away(card)
        cards: dict[str, QWidget] = {**self.lanes, **self.waiting}
        order = [*filter(cards.__contains__, bench.asked.models), *cards]
        wanted = [cards[name] for name in dict.fromkeys(order)]
        if wanted != [self._row.itemAt(place).widget() for place in range(self._row.count())]:
            for card in wanted:
                self._row.removeWidget(card)
                self._row.addWidget(card, 1)

    def _scroll_to(self, place: int) -> None:
        self.horizontalScrollBar().setValue(place)

    def _bring_up(self, name: str) -> None:
        """Reveal this one when the row is wider for it, and not when the window is made narrower later on."""
        self._newest = name
        self._laying_out.start()

    def _reveal_newest(self) -> None:
        """The row has another width: bring what is new in it into sight, once it has its place there."""
        if self._laying_out.isActive():
            QTimer.singleShot(0, self, partial(self._reveal, self._newest))

    def _reveal(self, name: str) -> None:
        if card := self.waiting.get(name) or self.lanes.get(name):
            self.ensureWidgetVisible(card, 0, 0)

    def _put_away(self, card: QWidget) -> None:
        """Take a lane or a card out of the row."""
        self._row.removeWidget(card)
        card.hide()
        card.deleteLater()

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


class WaitingCard(QFrame):
    """What stands in a lane's place until its model is there, and how far it is. Emits nothing."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("card")
        title, self.note = QLabel(name), QLabel()
        title.setObjectName("cardTitle")
        self.note.setProperty("muted", True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(BAR_HEIGHT)
        self.bar.hide()
        column = QVBoxLayout(self)
        column.addWidget(title)
        column.addStretch(1)
        column.addWidget(self.note)
        column.addWidget(self.bar)
        column.addStretch(1)

    def show_progress(self, step: int, steps: int) -> None:
        """Show at which step the model is, of those that the others have taken."""
        self.note.setText(tr("catching up with the others\nstep {step} of {steps}", step=step, steps=steps))
        self.bar.setRange(0, steps)
        self.bar.setValue(step)
        self.bar.show()
