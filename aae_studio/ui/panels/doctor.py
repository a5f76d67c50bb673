"""Doctor: what is wrong with the models, or well, how one knows, and what helps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import plugins
from aae_studio.ui.doctor.card import AppliedCard, FindingCard
from aae_studio.ui.doctor.rounds import Rounds, Visit
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.state.difference import differences
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.diagnosis.base import Finding, Remedy


class Doctor(Panel):
    """Asks the survey thread for findings while it can be seen, and shows a card for each. Emits nothing."""

    title = "Doctor"
    tip = "Says what is wrong with the models, or well, why, and what helps."
    order = 30

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.rounds = Rounds()
        self.cards: dict[tuple[str, str], FindingCard] = {}
        self._overlays = plugins.overlays()
        # The newest visit, and the one that is on show.
        self._visit: Visit | None = None
        self._shown: Visit | None = None
        # One key for each panel: a window in another theme is there before the old one goes.
        self._key = ("doctor", id(self))
        self._to_demonstrate = False
        # The options before and after the remedy that was applied last.
        self._applied: tuple[ExperimentConfig, ExperimentConfig] | None = None
        self.status, self._classifier = QLabel(), QLabel()
        self.applied = AppliedCard()
        self._arrange()
        workbench.prepared.connect(self._begin)
        workbench.configured.connect(self._on_configured)
        workbench.training_changed.connect(self._ask)
        workbench.following_changed.connect(self._show_again)
        workbench.surveyed.connect(self._on_surveyed)
        workbench.display.changed.connect(self._follow_overlays)
        self.applied.undo_chosen.connect(workbench.undo)

    @property
    def settled(self) -> bool:
        visit = self._shown
        return not self.isVisible() or (
            visit is not None and visit.complete and visit.step == self._bench.step
        )

    def demonstrate(self) -> None:
        """Have the first finding shown, as soon as there is one."""
        self._to_demonstrate = True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._bench.questions.drop(self._key)

    def _arrange(self) -> None:
        words = QLabel(
            tr("Watches the figures of all models, names what goes wrong or well, and says what helps.")
        )
        for label in (words, self.status, self._classifier):
            label.setWordWrap(True)
        words.setProperty("muted", True)
        self._classifier.setProperty("muted", True)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(8)
        column.addWidget(words)
        column.addWidget(self.status)
        column.addWidget(self.applied)
        column.addLayout(self._list)
        column.addWidget(self._classifier)
        column.addStretch(1)
        self._show_status()

    # What is asked

    def _begin(self) -> None:
        """Another experiment: what was seen so far says nothing about it."""
        self.rounds = Rounds(self.rounds.judge)
        self._visit = None
        self._show_newest()
        self._ask()

    def _ask(self) -> None:
        bench = self._bench
        if self.isVisible() and bench.snapshot is not None and bench.history is not None:
            context = (bench.config, bench.history, bench.training)
            bench.questions.ask(self._key, partial(self.rounds.visit, *context), soon=not bench.training)

    def _on_configured(self) -> None:
        self._show_again()
        if self._key in self._bench.questions:
            self._ask()

    def _on_surveyed(self) -> None:
        visit = self._bench.questions.answers.get(self._key)
        if visit is None:
            return
        if visit is not self._visit:
            self._visit = visit
            self._turns.ask(self._show_newest)
        if not visit.complete and not self._bench.training:
            # Nothing new comes by itself: the classifier needs more lessons.
            self._ask()

    # What is shown

    def _show_again(self) -> None:
        self._turns.ask(self._show_newest)

    def _show_newest(self) -> None:
        """Show the newest findings. A card stays where its finding stays, and keeps the focus."""
        findings = () if self._visit is None else self._visit.findings
        wanted = {(one.diagnosis, one.model): one for one in findings if one.model in self._bench.models}
        for key in [key for key in self.cards if key not in wanted]:
            card = self.cards.pop(key)
            card.hide()
            card.deleteLater()
        for place, (key, finding) in enumerate(wanted.items()):
            card = self.cards.get(key) or self._add_card(key, finding)
            if self._list.indexOf(card) != place:
                self._list.insertWidget(place, card)
            self._fill(card, finding)
        self._show_status()
        if self._to_demonstrate and self._visit is not None and self._visit.complete:
            self._to_demonstrate = False
            for card in [*self.cards.values()][:1]:
                if not card.show_me.isChecked():
                    card.show_me.click()
        # The cards have their places once the layout had its turn.
        self._turns.ask(self._settle)

    def _settle(self) -> None:
        self._shown = self._visit

    def _add_card(self, key: tuple[str, str], finding: Finding) -> FindingCard:
        frozen = self._bench.models[finding.model]
        there = [name for name in finding.overlays if name in self._overlays]
        overlay = next((name for name in there if self._overlays[name].applies(frozen)), None)
        title = tr(self._overlays[overlay].title) if overlay else ""
        card = FindingCard(self._theme, frozen.model, overlay, title)
        card.shown.connect(partial(self._show_me, key))
        card.remedy_chosen.connect(partial(self._apply, key))
        card.follow_overlays(self._bench.display.overlays)
        self.cards[key] = card
        return card

    def _fill(self, card: FindingCard, finding: Finding) -> None:
        remedy, asked = finding.remedy, self._bench.asked
        done = remedy is not None and asked.with_(**remedy.changes) == asked
        change = "" if remedy is None else self._in_words(remedy)
        card.set_finding(finding, change, done, self._bench.following is None)
        if self._bench.history is not None:
            card.draw_curves(self._bench.history)

    def _show_status(self) -> None:
        visit = self._visit
        grave = 0 if visit is None else sum(one.severity != "good" for one in visit.findings)
        if visit is None:
            text = tr("Examining…")
        elif grave:
            text = tr("Step {step}: {count} to look at.", step=visit.step, count=grave)
        elif visit.early:
            text = tr(
                "Step {step}: nothing so far. Some figures mean something only {count} steps from now.",
                step=visit.step,
                count=visit.early,
            )
        elif not visit.complete:
            text = tr("Step {step}: nothing so far.", step=visit.step)
        else:
            text = tr("Step {step}: all is well.", step=visit.step)
        self.status.setText(text)
        self._classifier.setVisible(visit is not None and visit.learnt is not None)
        if visit is not None and visit.accuracy is not None:
            self._classifier.setText(
                tr(
                    "The classes of the GAN's images are named by a small classifier, trained here on the "
                    "same data; it is right on {share} % of held-out images.",
                    share=f"{100 * visit.accuracy:.0f}",
                )
            )
        elif visit is not None and visit.learnt is not None:
            self._classifier.setText(
                tr(
                    "A small classifier, which names the classes of the GAN's images, is trained here on the "
                    "same data first: {share} %.",
                    share=f"{100 * visit.learnt:.0f}",
                )
            )
        # Undo takes back the last change, which may be another by now.
        last = self._bench.changes.before, self._bench.asked
        self.applied.setVisible(self._applied is not None and last == self._applied)

    def _in_words(self, remedy: Remedy) -> str:
        """What a remedy changes."""
        before = self._bench.config
        return " · ".join(differences(before, before.with_(**remedy.changes)))

    # What can be done

    def _show_me(self, key: tuple[str, str], on: bool) -> None:
        card = self.cards[key]
        if card.overlay is not None:
            self._bench.display.show_overlay(card.overlay, on)
        if self._bench.history is not None:
            card.draw_curves(self._bench.history)

    def _follow_overlays(self) -> None:
        for card in self.cards.values():
            card.follow_overlays(self._bench.display.overlays)

    def _apply(self, key: tuple[str, str]) -> None:
        finding = self.cards[key].finding
        if finding is None or finding.remedy is None:
            return
        before, words = self._bench.asked, self._in_words(finding.remedy)
        self._bench.try_configure(**finding.remedy.changes)
        if self._bench.asked != before:
            self._applied = (before, self._bench.asked)
            self.applied.say(words)
