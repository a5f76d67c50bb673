"""The doctor's panel: what it asks, what it shows, and that a remedy can be taken back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.diagnosis.base import Sign
from aae_studio.ui.app import Studio
from aae_studio.ui.doctor.card import FindingCard, figure, relation
from aae_studio.ui.panels.doctor import Doctor

SICK = ExperimentConfig(models=("vae",), hidden=(16,), batch_size=64).with_(**{"vae.beta": 100.0})
COLLAPSE = ("posterior_collapse", "vae")


@pytest.fixture
def studio(open_studio) -> Studio:
    return open_studio(SICK)


@pytest.fixture
def panel(qtbot, studio) -> Doctor:
    """The panel of a VAE whose posterior has collapsed."""
    studio.workbench.train(310)
    qtbot.waitUntil(lambda: studio.workbench.step == 310, timeout=30_000)
    doctor = studio.window.panel_docks["doctor"].open()
    assert isinstance(doctor, Doctor)
    qtbot.waitUntil(lambda: COLLAPSE in doctor.cards, timeout=30_000)
    return doctor


def card_of(panel: Doctor) -> FindingCard:
    return panel.cards[COLLAPSE]


def click(qtbot, button) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_closed_panel_asks_nothing(qtbot, studio, panel):
    assert len(studio.workbench.questions) == 1
    studio.window.panel_docks["doctor"].hide()
    assert not studio.workbench.questions
    studio.window.panel_docks["doctor"].show()
    qtbot.waitUntil(lambda: len(studio.workbench.questions.answers) == 1, timeout=10_000)


def test_a_finding_is_shown_with_its_evidence(qtbot, panel):
    qtbot.waitUntil(lambda: panel.settled, timeout=10_000)
    card = card_of(panel)
    assert card.finding.model == "vae"
    texts = [label.text() for row in card._rows for label in row]
    assert "100 %" in texts
    assert "> 45 %" in texts
    assert "1 to look at" in panel.status.text()
    assert card.remedy.text() == "Weigh the KL less"
    assert "β 100 → 1" in card.remedy.toolTip()
    for control in (card.show_me, card.remedy, panel.applied.undo):
        assert control.toolTip()
        assert control.text()


def test_show_me_shows_what_there_is_and_the_check_boxes_follow(qtbot, studio, panel):
    bench, card = studio.workbench, card_of(panel)
    wanted = [name for name in ("posterior", "lattice") if name in studio.window.overlays]
    assert card.overlay == wanted[0]
    action = studio.window.actions_by_name[f"overlay_{card.overlay}"]
    click(qtbot, card.show_me)
    assert card.overlay in bench.display.overlays
    assert action.isChecked()
    assert card.sketch.isVisible()
    assert card.sketch._labels == ["KL"]
    action.setChecked(False)
    assert not card.show_me.isChecked()
    assert not card.sketch.isVisible()


def test_a_remedy_is_applied_by_a_click_and_taken_back_by_another(qtbot, studio, panel):
    bench = studio.workbench
    assert not panel.applied.isVisible()
    click(qtbot, card_of(panel).remedy)
    assert bench.asked.options["vae.beta"] == 1.0
    assert panel.applied.isVisible()
    qtbot.waitUntil(lambda: bench.config.options["vae.beta"] == 1.0, timeout=10_000)
    assert bench.step == 310, "training goes on from where it is"
    qtbot.waitUntil(lambda: not card_of(panel).remedy.isEnabled(), timeout=10_000)
    click(qtbot, panel.applied.undo)
    assert bench.asked == SICK
    qtbot.waitUntil(lambda: not panel.applied.isVisible(), timeout=10_000)
    qtbot.waitUntil(lambda: card_of(panel).remedy.isEnabled(), timeout=10_000)


def test_another_experiment_starts_with_an_empty_list(qtbot, studio, panel):
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.rewind()
    assert not panel.cards
    qtbot.waitUntil(lambda: "nothing so far" in panel.status.text(), timeout=10_000)


def test_while_training_it_rests_between_two_visits(studio, panel):
    bench, rounds = studio.workbench, panel.rounds
    context = (bench.config, bench.history, True, bench.snapshot, {})
    first = rounds.visit(*context)
    assert rounds.visit(*context) is first
    rounds._due = 0.0
    assert rounds.visit(*context) is not first


def test_a_generator_is_judged_by_a_classifier_that_says_what_it_is(qtbot, studio, panel, monkeypatch):
    monkeypatch.setattr("aae_studio.core.metrics.classifier.STEPS", 30)
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(models=("gan",))
    qtbot.waitUntil(lambda: panel.settled, timeout=30_000)
    assert panel.rounds.judge.classifier is not None
    assert "trained here on the same data" in panel._classifier.text()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.084, "%", "8.4 %"),
        (0.5, "%", "50 %"),
        (0.0, "%", "0 %"),
        (-0.29, "", "−0.29"),
        (0.004, "", "0.004"),
        (2e-5, "", "0.00"),
        (448.2, "σ", "448 σ"),
    ],
)
def test_figures_are_short(value, unit, text):
    assert figure(value, unit) == text


@pytest.mark.parametrize(
    ("value", "limit", "below", "sign"),
    [
        (0.31, 0.2, False, ">"),
        (0.11, 0.2, True, "<"),
        (0.204, 0.2, False, "≈"),
        (0.196, 0.2, True, "≈"),
        # It was beyond the limit, and stands until it is well behind it.
        (0.17, 0.2, False, "<"),
        (0.23, 0.2, True, ">"),
    ],
)
def test_no_figure_is_said_to_be_beyond_a_limit_that_it_does_not_look_beyond(value, limit, below, sign):
    assert relation(Sign("holes", value, limit, below=below, unit="%")) == sign


def test_undo_on_the_card_takes_back_the_remedy_or_is_not_there(qtbot, studio, panel):
    bench = studio.workbench
    click(qtbot, card_of(panel).remedy)
    remedied = bench.asked
    assert panel.applied.isVisible()
    bench.configure(learning_rate=remedied.learning_rate * 2)
    qtbot.waitUntil(lambda: not panel.applied.isVisible(), timeout=10_000)
    bench.configure(learning_rate=remedied.learning_rate)
    assert bench.asked == remedied
    with qtbot.waitSignal(bench.surveyed, timeout=10_000):
        bench.train(1)
    panel._show_newest()
    assert not panel.applied.isVisible(), "it would take back the change by hand"
