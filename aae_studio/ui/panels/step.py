"""The panel that shows one training step from inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSlider,
    QToolButton,
    QVBoxLayout,
)

from aae_studio.ui.icons import icon
from aae_studio.ui.inside import script, words
from aae_studio.ui.inside.phase_card import PhaseCard
from aae_studio.ui.panels.base import Panel as Base
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.walk import Walk

# The slider's range and first place: tenths of a second for each sub-step.
PACES, PACE = (2, 50), 15
CAPTION_LINES = 4


class Panel(Base):
    """Shows the phases of one model's step: what passes through which network, and where gradients go.

    While training goes on, a few steps a second are shown whole. Slow motion pauses training and walks
    through one real step after the other. Emits nothing.
    """

    title = "Inside one step"
    tip = "What goes into each network in a training step, what comes out, and where gradients go."
    shortcut = "Ctrl+I"
    order = 10

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.cards: dict[str, PhaseCard] = {}
        self._walk: Walk | None = None
        self._moments: list[script.Moment] = []
        # The place in `_moments`; None: not in slow motion.
        self._at: int | None = None
        # What was asked of the trainer: `step`, `phase` or nothing.
        self._awaiting = ""
        self._open = ""
        self._demonstrating = False
        self._clock = QTimer(self)
        self._clock.timeout.connect(self.go_on)
        self._arrange()
        self._fill_models()
        for keys, slot in ((",", self.go_back), (".", self.go_on), ("/", self.toggle_playing)):
            QShortcut(QKeySequence(keys), self, slot)
        workbench.prepared.connect(self._on_prepared)
        workbench.configured.connect(self._on_configured)
        workbench.walked.connect(self._on_walked)
        workbench.training_changed.connect(self._on_training)
        workbench.following_changed.connect(self._on_following)
        self._on_following(workbench.following is not None)

    # Slow motion

    @property
    def playing(self) -> bool:
        """Whether slow motion goes on by itself."""
        return self._clock.isActive()

    @property
    def moment(self) -> script.Moment | None:
        """The sub-step on show; None: not in slow motion."""
        return None if self._at is None else self._moments[self._at]

    @property
    def model(self) -> str:
        """The model on show."""
        return str(self.models.currentData() or "")

    def toggle_playing(self) -> None:
        """Let slow motion go on by itself, or stand still."""
        if self.playing:
            self._clock.stop()
        elif self._can_walk():
            self._clock.start(self._pause_ms())
            if self._at is None:
                self._ask_step()
        self._show_buttons()

    def go_on(self) -> None:
        """The next sub-step; behind the last one, another training step."""
        if self._awaiting or not self._can_walk():
            return
        if self._at is None or self._at + 1 >= len(self._moments):
            self._ask_step()
        else:
            self._at += 1
            self._show_moment()

    def go_back(self) -> None:
        """The sub-step before."""
        if self._at:
            self._at -= 1
            self._show_moment()

    def leave(self) -> None:
        """End slow motion; the step stays on show."""
        self._clock.stop()
        self._at, self._awaiting = None, ""
        self._show_walk()

    def only(self, phase: str) -> None:
        """Train by one phase alone."""
        if self._can_walk():
            self.leave()
            self._awaiting = "phase"
            self._bench.walk_phase(self.model, phase)

    def demonstrate(self) -> None:
        """Walk one step of the model with most to show, to where the last gradient flows back."""
        models = self._bench.models
        self._choose_model(max(models, key=lambda name: len(models[name].model.networks)))
        self._demonstrating = True
        self._ask_step()

    @property
    def settled(self) -> bool:
        return self._walk is not None and not self._awaiting

    def _can_walk(self) -> bool:
        return self._bench.following is None and self.model in self._bench.models

    def _ask_step(self) -> None:
        self._awaiting = "step"
        self._bench.walk_step(self.model)

    def _pause_ms(self) -> int:
        return self.pace.value() * 100

    # What is on show

    def _show_walk(self) -> None:
        """All phases: each as it went the last time in the step, or at the moment of slow motion."""
        walk, moment = self._walk, self.moment
        if walk is None:
            return
        phases = {phase.name: phase for phase in walk.phases}
        if moment is not None:
            phases[walk.phases[moment.phase].name] = walk.phases[moment.phase]
        if list(phases) != list(self.cards):
            self._make_cards(walk)
        if self._open not in phases:
            self._open = next(iter(phases))
        here = "" if moment is None else walk.phases[moment.phase].name
        done = moment is None
        for name, card in reversed(self.cards.items()):
            done |= name == here
            card.show_phase(phases[name], moment if name == here else None, name != self._open, not done)
        if moment is None:
            self._say(*self._resting_words(walk))
        else:
            number, count = self._moments.index(moment) + 1, len(self._moments)
            latent = self._bench.config.latent_size
            self._say(words.heading(walk, moment, number, count), words.caption(walk, moment, latent))
        self._show_buttons()

    def _show_moment(self) -> None:
        moment = self.moment
        assert moment is not None
        assert self._walk is not None
        self._open = self._walk.phases[moment.phase].name
        self._show_walk()
        area = self._area()
        if area is not None:
            area.ensureWidgetVisible(self.cards[self._open], 0, 8)

    def _area(self) -> QScrollArea | None:
        parent = self.parentWidget()
        area = parent.parentWidget() if parent is not None else None
        return area if isinstance(area, QScrollArea) else None

    def _resting_words(self, walk: Walk) -> tuple[str, str]:
        if walk.taken:
            hint = tr("Figures of a whole step, a few times a second. Slow motion walks through one.")
            return tr("Step {step}", step=walk.step), hint
        hint = tr("How the next step would go; nothing has moved yet. Slow motion takes it.")
        return tr("Before step {step}", step=walk.step), hint

    def _say(self, heading: str, text: str) -> None:
        self.heading.setText(heading)
        self.caption.setText(text)

    def _make_cards(self, walk: Walk) -> None:
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        latent = self._bench.config.latent_size
        phases = {phase.name: phase for phase in walk.phases}
        self.cards = {
            name: PhaseCard(self._theme, number, phase, latent)
            for number, (name, phase) in enumerate(phases.items(), start=1)
        }
        for card in self.cards.values():
            card.chosen.connect(self._unfold)
            card.alone_asked.connect(self.only)
            self._column.insertWidget(self._column.count() - 2, card)
            card.show()

    def _unfold(self, phase: str) -> None:
        self._open = phase
        self._show_walk()

    def _show_buttons(self) -> None:
        name = "pause" if self.playing else "train"
        self.play.setIcon(icon(name, self._theme.color("on-accent")))
        self.play.setText(tr("Stand still") if self.playing else tr("Slow motion"))
        can = self._can_walk()
        self.play.setEnabled(can)
        self.forward.setEnabled(can)
        self.back.setEnabled(can and bool(self._at))
        for card in self.cards.values():
            card.alone.setEnabled(can)

    def _show_pace(self) -> None:
        self.pace_label.setText(tr("{seconds} s", seconds=f"{self.pace.value() / 10:.1f}"))
        if self.playing:
            self._clock.start(self._pause_ms())

    # News

    def _on_walked(self, walk: Walk) -> None:
        if walk.model != self.model:
            return
        if self._awaiting == "step" and walk.taken:
            self._awaiting = ""
            self._walk, self._moments = walk, script.moments(walk)
            self._at = 0
            if self._demonstrating:
                backs = [place for place, moment in enumerate(self._moments) if moment.at == "backward"]
                self._at, self._demonstrating = backs[-1], False
            self._show_moment()
        elif self._awaiting == "phase" and not walk.taken and walk.phases[0].updates is not None:
            self._awaiting = ""
            self._show_alone(walk)
        elif self._at is None and not self._awaiting:
            self._walk = walk
            self._turns.ask(self._show_walk)

    def _show_alone(self, walk: Walk) -> None:
        """What one phase alone has done; the other cards stay as they were."""
        (phase,) = walk.phases
        self._open = phase.name
        self._show_walk()
        self.cards[phase.name].show_phase(phase, None, folded=False)
        moved = [
            f"{words.spoken(name)} {words.percent(size)}" for name, size in (phase.updates or {}).items()
        ]
        self._say(
            tr("Only “{phase}”", phase=words.titled(phase.name)),
            tr(
                "One update without a training step. Changed: {moved}. Nothing else moved.",
                moved=", ".join(moved),
            ),
        )

    def _on_training(self, going: bool) -> None:
        if going and (self._at is not None or self._awaiting):
            self.leave()

    def _on_prepared(self) -> None:
        self._walk = None
        self.leave()
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self.cards.clear()
        self._fill_models()
        self._watch()

    def _on_configured(self) -> None:
        if self._at is None and not self._awaiting:
            self._watch()

    def _on_following(self, following: bool) -> None:
        if following:
            self.leave()
            self._say("", tr("This run is trained elsewhere. Stop following it to look inside a step."))
        self._show_buttons()

    def _fill_models(self) -> None:
        """Offer the models; at first the one whose lane is in use."""
        models = self._bench.models
        chosen = self.model if self.model in models else self._bench.active
        with QSignalBlocker(self.models):
            self.models.clear()
            for name, frozen in models.items():
                self.models.addItem(tr(frozen.model.title), name)
        if models:
            self._choose_model(chosen)

    def _choose_model(self, name: str) -> None:
        self.models.setCurrentIndex(max(0, self.models.findData(name)))

    def _on_chosen(self) -> None:
        self._walk, self._open = None, ""
        self.leave()
        self._watch()

    def _watch(self) -> None:
        """While it can be seen, have steps of the chosen model written down."""
        if self.isVisible() and self._can_walk():
            self._bench.watch(self.model)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._watch()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()
        self._bench.watch(None)

    # Layout

    def _arrange(self) -> None:
        intro = QLabel(
            tr("One training step of one model: forward through the networks, and gradients back.")
        )
        intro.setWordWrap(True)
        intro.setProperty("muted", True)
        self.models = QComboBox()
        self.models.setAccessibleName(tr("Model"))
        self.models.setToolTip(tr("The model whose step is shown."))
        self.models.currentIndexChanged.connect(self._on_chosen)
        self.play = self._button("", tr("Slow motion"), "/", self.toggle_playing)
        self.play.setObjectName("train")
        self.play.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.back = self._button("‹", tr("Sub-step before"), ",", self.go_back)
        self.forward = self._button("›", tr("Next sub-step"), ".", self.go_on)
        self.pace = QSlider(Qt.Orientation.Horizontal)
        self.pace.setRange(*PACES)
        self.pace.setValue(PACE)
        self.pace.setAccessibleName(tr("Pace"))
        self.pace.setToolTip(tr("Seconds that slow motion stays at each sub-step."))
        self.pace.setMinimumWidth(50)
        self.pace_label = QLabel()
        self.pace_label.setProperty("muted", True)
        self.pace.valueChanged.connect(self._show_pace)
        self._show_pace()
        for button in (self.back, self.forward):
            button.setFixedWidth(30)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 4, 8, 8)
        self._column.setSpacing(7)
        self._column.addWidget(intro)
        self._column.addWidget(self.models)
        row = QHBoxLayout()
        row.setSpacing(5)
        for widget in (self.play, self.back, self.forward):
            row.addWidget(widget)
        row.addWidget(self.pace, 1)
        row.addWidget(self.pace_label)
        self._column.addLayout(row)
        self._column.addWidget(self._caption_box())
        self._column.addWidget(self._legend())
        self._column.addStretch(1)
        self._show_buttons()

    def _button(self, text: str, name: str, key: str, slot: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({key})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(slot)
        return button

    def _caption_box(self) -> QFrame:
        """Of a fixed height: what is below must not jump from sub-step to sub-step."""
        box = QFrame()
        box.setObjectName("card")
        self.heading, self.caption = QLabel(), QLabel()
        self.heading.setObjectName("cardTitle")
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
        signs = (
            ("accent", tr("forward")),
            ("warn", tr("‖∇‖ gradient")),
            ("good", tr("Δ change of weights")),
            ("bad", tr("✕ no gradient")),
        )
        nbsp = "\u00a0"
        label = QLabel(
            " · ".join(
                f"<span style='color:{self._theme.color(c).name()}'>{text.replace(' ', nbsp)}</span>"
                for c, text in signs
            )
            + " · "
            + tr("grey: not trained in this phase")
        )
        label.setWordWrap(True)
        return label
