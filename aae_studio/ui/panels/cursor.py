"""At the cursor: whether what the decoders make of this place can be trusted."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QLabel, QVBoxLayout

from aae_studio.ui.at_cursor.card import SightCard
from aae_studio.ui.canvas.trace import Line, Sign, Trace
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

KEY = "cursor"


class AtCursor(Panel):
    """A card for each model; marks the nearest data and E(Dec(z)) in every plane."""

    title = "At the cursor"
    tip = "Show what each model makes of the place under the cursor, and whether to trust it."
    order = 20

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.cards: list[SightCard] = []
        self.drags_data = QCheckBox(tr("Drag images of the data (Shift)"))
        words = tr(
            "In a plane, a drag goes from one real image to the next, as with Shift held down, and "
            "all cursors go to that image's codes. Arrow keys go to the next image."
        )
        explain(self.drags_data, words)
        self.drags_data.setChecked(workbench.display.drags_data)
        self.caption = Readout(theme.color("muted"), self.font())
        self._arrange()
        self.drags_data.toggled.connect(self._set_drags_data)
        workbench.planes.cursor_moved.connect(self._schedule)
        workbench.surveyed.connect(self._schedule)
        workbench.prepared.connect(self._make_cards)
        workbench.display.changed.connect(self._apply_display)
        self._make_cards()

    def demonstrate(self) -> None:
        """A place between the clouds, off the middle."""
        view = self._bench.planes.views[self._bench.planes.active]
        self._bench.planes.move_cursor(
            self._bench.planes.active, (view.x + 0.42 * view.half, view.y - 0.52 * view.half)
        )

    def _arrange(self) -> None:
        what = QLabel(
            tr(
                "What each model makes of the place under the cursor, and whether to trust it. In the planes "
                "rings mark the nearest real images; a line leads to where the decoded image is encoded."
            )
        )
        what.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 8, 10, 8)
        self._column.setSpacing(8)
        for part in (what, self.drags_data, self.caption):
            self._column.addWidget(part)
        self._column.addStretch(1)

    def _make_cards(self) -> None:
        """A card for each model that there is now."""
        for card in self.cards:
            card.hide()
            card.deleteLater()
        self.cards = [SightCard(self._bench, name, self._theme) for name in self._bench.models]
        for place, card in enumerate(self.cards):
            self._column.insertWidget(3 + place, card)
        self._apply_display()
        self._schedule()

    def _apply_display(self) -> None:
        for card in self.cards:
            card.set_crisp(self._bench.display.crisp)
        self.drags_data.setChecked(self._bench.display.drags_data)

    def _set_drags_data(self, wanted: bool) -> None:
        self._bench.display.set(drags_data=wanted)

    # What is at the cursor

    def _schedule(self) -> None:
        """Look in turns of their own: the drag goes first."""
        if self.isVisible():
            for card in self.cards:
                self._turns.ask(card.look)
            self._turns.ask(self._mark)

    def _mark(self) -> None:
        """Say what the cursor is on, and mark what was found in the planes."""
        if not self.isVisible():
            return
        picked = self._bench.planes.picked
        place, caption = tr("On a place of the plane"), ""
        if picked is not None:
            caption = tr("On an image: {caption}", caption=self._bench.probe.caption(picked))
        self.caption.setText(caption or place)
        self._bench.display.trace(
            KEY, {card.name: found for card in self.cards if (found := self._trace(card))}
        )

    def _trace(self, card: SightCard) -> Trace | None:
        seen, name = card.seen, card.name
        if seen is None or seen.back is None or name not in self._bench.findings.codes:
            return None
        codes = self._bench.findings.codes[name]
        ways = self._bench.planes[name].project(np.stack([self._bench.planes.cursors[name], seen.back]))
        near = [place for place in seen.nearest if place < len(codes)]
        rings = Sign("ring", self._bench.planes.places(name)[near])
        return Trace((Line(ways, "cursor", 1.5),), (rings, Sign("dot", ways[1:])))

    def showEvent(self, event: QShowEvent) -> None:
        self._schedule()

    def hideEvent(self, event: QHideEvent) -> None:
        self._bench.display.trace(KEY, {})
