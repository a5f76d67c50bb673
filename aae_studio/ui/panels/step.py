"""The panel that shows one training step from inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from aae_studio.ui.inside import words
from aae_studio.ui.inside.model_box import ModelBox
from aae_studio.ui.inside.phase_card import PhaseCard
from aae_studio.ui.inside.slow_motion import SlowMotion, SlowMotionBar
from aae_studio.ui.panels.base import Panel as Base
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.walk import Walk

CAPTION_LINES = 4
# Of the cards.
LEAST_HEIGHT = 160


class Panel(Base):
    """Shows the phases of one model's step: what passes through which network, and where gradients go.

    While training goes on, a few steps a second are shown whole. Slow motion pauses training and walks
    through one real step after the other. Emits nothing.
    """

    title = "Inside one step"
    tip = "What goes into each network in a training step, what comes out, and where gradients go."
    shortcut = "Ctrl+I"
    order = 10
    takes_step = True

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.cards: dict[str, PhaseCard] = {}
        self.slow = SlowMotion(self)
        self._walk: Walk | None = None
        # The phase that is unfolded, and the one that was asked to train alone.
        self._open = self._alone = ""
        # Where slow motion begins.
        self._first = "batch"
        self._arrange()
        self.models.fill()
        self.slow.moved.connect(self._show_moment)
        self.slow.step_wanted.connect(self._ask_step)
        workbench.prepared.connect(self._on_prepared)
        workbench.configured.connect(self._on_configured)
        workbench.walked.connect(self._on_walked)
        workbench.training_changed.connect(self._on_training)
        workbench.failed.connect(self._on_failed)
        workbench.following_changed.connect(self._on_following)
        self._on_following(workbench.following is not None)

    @property
    def model(self) -> str:
        """The model on show."""
        return self.models.model

    @property
    def walk(self) -> Walk | None:
        """The step on show."""
        return self._walk

    @property
    def settled(self) -> bool:
        return self._walk is not None and not self.slow.waiting and not self._alone

    def only(self, phase: str) -> None:
        """Train by one phase alone."""
        self.slow.leave()
        self._alone = phase
        self._bench.walk_phase(self.model, phase)

    def demonstrate(self) -> None:
        """Walk one step of the model with most to show, to where the last gradient flows back."""
        models = self._bench.models
        self.models.choose(max(models, key=lambda name: len(models[name].model.networks)))
        self._first = "backward"
        self.slow.go_on()

    def choices(self) -> str:
        return self.model

    def choose(self, choices: str) -> None:
        self.models.choose(choices)

    def _ask_step(self) -> None:
        self._bench.walk_step(self.model)

    # What is on show

    def _show_walk(self) -> None:
        """All phases: each as it went the last time in the step, or at the moment of slow motion."""
        walk, moment = self._walk, self.slow.moment
        if walk is None:
            return
        phases = {phase.name: phase for phase in walk.phases}
        here = ""
        if moment is not None:
            here = walk.phases[moment.phase].name
            phases[here] = walk.phases[moment.phase]
        if list(phases) != list(self.cards):
            self._make_cards(walk)
        if self._open not in phases:
            self._open = next(iter(phases))
        done = moment is None
        for name, card in reversed(self.cards.items()):
            done |= name == here
            card.show_phase(phases[name], moment if name == here else None, name != self._open, not done)
        if moment is None:
            self._say(*_resting_words(walk))
        else:
            number, count = self.slow.moments.index(moment) + 1, len(self.slow.moments)
            heading, brief = words.headings(walk, moment, number, count)
            self._say(heading, words.caption(walk, moment, self._bench.config.latent_size), brief)

    def _show_moment(self) -> None:
        moment = self.slow.moment
        if moment is not None:
            assert self._walk is not None
            self._open = self._walk.phases[moment.phase].name
        self._show_walk()
        self._scroll.start()

    def _scroll_later(self, *_: int) -> None:
        self._scroll.start()

    def _show_open(self) -> None:
        """In slow motion, keep the phase in sight."""
        if self.slow.moment is not None and self._open in self.cards:
            self._area.ensureWidgetVisible(self.cards[self._open], 0, 2)

    def _show_alone(self, walk: Walk) -> None:
        """What one phase alone has done; the other cards stay as they were."""
        (phase,) = walk.phases
        self._open = phase.name
        self._show_walk()
        self.cards[phase.name].show_phase(phase, None, folded=False)
        moved = [
            f"{words.spoken(name)} {words.percent(size)}" for name, size in (phase.updates or {}).items()
        ]
        text = tr(
            "One update without a training step. Changed: {moved}. Nothing else moved.",
            moved=", ".join(moved),
        )
        self._say(tr("Only “{phase}”", phase=words.titled(phase.name)), text)

    def _say(self, heading: str, text: str, brief: str = "") -> None:
        """`brief`: a heading for where the other is too long."""
        room = self.heading.contentsRect().width()
        fits = self.heading.fontMetrics().horizontalAdvance(heading) <= room
        self.heading.setText(heading if fits or not brief else brief)
        self.caption.setText(text)

    def _make_cards(self, walk: Walk | None) -> None:
        """A card for each of the walk's phases; none without one."""
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        phases = {phase.name: phase for phase in walk.phases} if walk is not None else {}
        self.cards = {
            name: PhaseCard(self._theme, number, phase, self._bench.config.latent_size)
            for number, (name, phase) in enumerate(phases.items(), start=1)
        }
        for card in self.cards.values():
            card.chosen.connect(self._unfold)
            card.alone_asked.connect(self.only)
            self._cards.addWidget(card)

    def _unfold(self, phase: str) -> None:
        self._open = phase
        self._show_walk()

    # News

    def _on_walked(self, walk: Walk) -> None:
        if walk.model != self.model:
            return
        if self.slow.waiting:
            if walk.taken:
                self._walk, first, self._first = walk, self._first, "batch"
                self.slow.begin(walk, first)
        elif self._alone:
            if not walk.taken and walk.phases[0].updates is not None:
                self._alone = ""
                self._show_alone(walk)
        elif self.slow.place is None:
            self._walk = walk
            self._turns.ask(self._show_walk)

    def _on_training(self, going: bool) -> None:
        if going:
            self._on_failed()

    def _on_failed(self, *_: object) -> None:
        """What was asked for will not come."""
        self._alone = ""
        self.slow.leave()

    def _on_prepared(self) -> None:
        self._forget()
        self.models.fill()
        self._watch()

    def _on_configured(self) -> None:
        if self.slow.place is None and not self.slow.waiting:
            self._watch()

    def _on_following(self, following: bool) -> None:
        """What is trained elsewhere cannot be walked through."""
        self._body.setEnabled(not following)
        if following:
            self._forget()
            self._say("", tr("This run is trained elsewhere. Stop following it to look inside a step."))

    def _on_chosen(self) -> None:
        self._forget()
        self._watch()

    def _forget(self) -> None:
        """The step on show is of another model, or of another experiment."""
        self._walk, self._open, self._alone = None, "", ""
        self._make_cards(None)
        self._say("", "")
        self.slow.leave()

    def _watch(self) -> None:
        """While it can be seen, have steps of the chosen model written down."""
        if self.isVisible() and self._bench.following is None and self.model:
            self._bench.watch(self.model)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._watch()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.slow.stand_still()
        self._bench.watch(None)

    # Layout

    def _arrange(self) -> None:
        intro = self.muted(
            tr("One training step of one model: forward through the networks, and gradients back.")
        )
        self.models = ModelBox(self._bench, tr("The model whose step is shown."))
        self.models.currentIndexChanged.connect(self._on_chosen)
        self.bar = SlowMotionBar(self.slow, self._theme)
        self._body = QFrame()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(7)
        for widget in (self.models, self.bar, self._caption_box(), self._phases()):
            body.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(7)
        column.addWidget(intro)
        column.addWidget(self._body, 1)

    def _phases(self) -> QScrollArea:
        """The cards scroll by themselves: the caption above stays in sight."""
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        self._cards = QVBoxLayout()
        self._cards.setSpacing(7)
        column.addLayout(self._cards)
        column.addWidget(self._legend())
        column.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setMinimumHeight(LEAST_HEIGHT)
        self._area.setWidget(content)
        self._scroll = QTimer(self)
        self._scroll.setSingleShot(True)
        self._scroll.timeout.connect(self._show_open)
        # Cards that were just made or unfolded have their places when the layout had its turn.
        self._area.verticalScrollBar().rangeChanged.connect(self._scroll_later)
        return self._area

    def _caption_box(self) -> QFrame:
        """Of a fixed height: what is below must not jump from sub-step to sub-step."""
        box = QFrame()
        box.setObjectName("card")
        self.heading, self.caption = QLabel(), QLabel()
        self.heading.setObjectName("cardTitle")
        # Words do not make the panel wider than its dock.
        self.heading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.caption.setWordWrap(True)
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.caption.setFixedHeight(CAPTION_LINES * self.caption.fontMetrics().lineSpacing())
        column = QVBoxLayout(box)
        column.setContentsMargins(9, 6, 9, 6)
        column.setSpacing(2)
        column.addWidget(self.heading)
        column.addWidget(self.caption)
        return box

    def _legend(self) -> QLabel:
        """What the colours and signs mean; an entry does not break over lines."""
        signs = (
            ("accent", tr("forward")),
            ("warn", tr("‖∇‖ gradient")),
            ("good", tr("Δ change of weights")),
            ("bad", tr("✕ no gradient")),
        )
        entries = [
            f"<span style='color:{self._theme.color(name).name()}'>{text.replace(' ', '&nbsp;')}</span>"
            for name, text in signs
        ]
        label = QLabel(" · ".join([*entries, tr("grey: not trained in this phase")]))
        label.setWordWrap(True)
        return label


def _resting_words(walk: Walk) -> tuple[str, str]:
    """What is said of a step outside of slow motion."""
    if walk.taken:
        hint = tr("Figures of a whole step, a few times a second. Slow motion walks through one.")
        return tr("Step {step}", step=walk.step), hint
    hint = tr("How the next step would go; nothing has moved yet. Slow motion takes it.")
    return tr("Before step {step}", step=walk.step), hint
