"""The options form: made from what is declared, driven by keyboard, never wrong in silence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QShortcut, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLabel, QWidget
from pytestqt.qtbot import QtBot

import aae_studio.core.models
from aae_studio.core import compute
from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.options import Option
from aae_studio.core.registry import MODELS, PRIORS
from aae_studio.ui import theme, translation
from aae_studio.ui.follow_thread import FollowThread
from aae_studio.ui.option_editors import Choice, NumberEntry, Switch, WidthsEntry, stepped
from aae_studio.ui.option_rows import Section
from aae_studio.ui.options_form import OptionsForm, RateNow, groups_of
from aae_studio.ui.plugins import PANELS
from aae_studio.ui.survey_thread import SurveyThread
from aae_studio.ui.trainer_thread import TrainerThread
from aae_studio.ui.workbench import Workbench

# What a screen that is none says to it.
OPENS_A_LIST = pytest.mark.qt_log_ignore("does not support (raise|grabbing)", extend=True)
PLUGIN = """
from aae_studio.core.models.ae import Autoencoder as Parent
from aae_studio.core.models.base import Model
from aae_studio.core.options import Option


class Twin(Parent):
    title = "Twin autoencoder"
    short = "TWIN"
    order = 15
    options = (
        Option("warmth", "Warmth (TWIN)", 0.5, "How warm it is.", minimum=0.0, maximum=1.0, live=True),
        Option("mirrored", "Mirrored (TWIN)", False, "Whether it is mirrored."),
    )
"""


@pytest.fixture
def workbench(qtbot: QtBot, tmp_path: Path) -> Iterator[Workbench]:
    trainer, survey = TrainerThread(), SurveyThread()
    config = ExperimentConfig(models=("ae", "vae"), hidden=(16,))
    made = Workbench(config, tmp_path, trainer, survey, FollowThread())
    trainer.start()
    survey.start()
    yield made
    assert [thread.close(30_000) for thread in (trainer, survey)] == [True, True]


@pytest.fixture
def form(qtbot: QtBot, workbench: Workbench) -> OptionsForm:
    """A form in an active window of its own, opened by the first experiment."""
    made = OptionsForm(workbench, theme.load("dark"))
    made.resize(250, 700)
    open_window(qtbot, made)
    with qtbot.waitSignal(workbench.prepared, timeout=30_000):
        workbench.begin()
    return made


def open_window(qtbot: QtBot, widget: QWidget) -> None:
    """Show a widget as the active window: only there does the focus go anywhere."""
    qtbot.addWidget(widget)
    with qtbot.waitExposed(widget):
        widget.show()
    widget.activateWindow()
    qtbot.waitUntil(widget.isActiveWindow)


def unfold(form: OptionsForm, open_: bool = True) -> None:
    """Show the rows of rare options too, or fold them away."""
    for section in form.findChildren(Section):
        section.more.setChecked(open_)


def in_sight(form: OptionsForm) -> set[str]:
    return {key for key, row in form.rows.items() if row.isVisible()}


def focus(qtbot: QtBot, widget: QWidget) -> None:
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)


def enter(qtbot: QtBot, form: OptionsForm, key: str, text: str) -> None:
    """Type a value over the old one; without Enter."""
    editor = form.rows[key].editor
    focus(qtbot, editor)
    editor.selectAll()
    QTest.keyClicks(editor, text)


def press(editor: QWidget, key: Qt.Key) -> None:
    QTest.keyClick(editor, key)


def shown(form: OptionsForm, key: str) -> str:
    return form.rows[key].editor.lineEdit().text()


def invalid(form: OptionsForm, key: str) -> bool:
    return form.rows[key].editor.property("invalid") == "true"


def sentences(form: OptionsForm) -> list[str]:
    return [
        label.text() for label in form.findChildren(QLabel) if label.property("bad") and label.isVisible()
    ]


# What is there


def test_waits_for_the_first_experiment(qtbot: QtBot, workbench: Workbench) -> None:
    form = OptionsForm(workbench, theme.load("dark"))
    qtbot.addWidget(form)
    form.show()
    texts = [label.text() for label in form.findChildren(QLabel) if label.isVisible()]
    assert texts == ["Loading…"]
    assert form.rows == {}
    workbench.configure(learning_rate=0.01)
    assert form.rows == {}


def test_shows_all_options_of_those_who_take_part(form: OptionsForm, workbench: Workbench) -> None:
    keys = list(form.rows)
    assert keys[: len(OPTIONS)] == [option.name for option in OPTIONS]
    assert keys[len(OPTIONS) :] == ["gaussian.sigma", "vae.beta", "vae.annealing_steps", "vae.pixel_sigma"]
    headings = [label.text() for label in form.findChildren(QLabel, "section")]
    assert headings == ["EXPERIMENT", "PRIOR: GAUSSIAN", "VARIATIONAL AUTOENCODER"]
    assert shown(form, "learning_rate") == "0.001"
    assert shown(form, "hidden") == "16"
    assert form.rows["network"].editor.currentText() == "mlp"


def test_what_has_no_row_is_in_a_panel_and_the_form_says_in_which(form: OptionsForm) -> None:
    declared = [
        (f"{name}.{option.name}", option)
        for registry in (MODELS, PRIORS)
        for name in registry.names()
        for option in registry.get(name).options
        if option.panel
    ]
    assert {"painted.picture", "aae.labelled"} <= {key for key, _ in declared}
    assert {option.panel for _, option in declared} <= set(PANELS.names())
    groups = groups_of(ExperimentConfig(models=("aae",), prior="painted"))
    assert not {key for key, _ in declared} & {key for group in groups for key, _ in group.options}
    hints = [group.hint for group in groups]
    assert hints == ["", "More in the panel “Draw your own prior”.", "More in the panel “Label paintbrush”."]


def test_says_which_data_it_is(form: OptionsForm) -> None:
    texts = [label.text().replace("\u202f", " ") for label in form.findChildren(QLabel) if label.isVisible()]
    assert "Digits 8×8" in texts
    assert "1 437 + 360" in texts
    assert any("UCI Machine Learning Repository" in part.toolTip() for part in form.findChildren(QWidget))


def test_every_editor_has_a_name_and_says_what_it_does(form: OptionsForm) -> None:
    for key, row in form.rows.items():
        assert row.editor.accessibleName(), key
        option = row.editor.option
        assert option.help.split(".")[0].split(":")[0] in row.editor.toolTip()
        live = option.live
        assert ("Applies at once" in row.editor.toolTip()) == live, key
        assert ("All models start again from step 0" in row.editor.toolTip()) != live, key
        assert any("↺" in label.text() for label in row.findChildren(QLabel)) != live, key


@pytest.mark.parametrize("all_", [True, False])
def test_tab_walks_from_top_to_bottom(qtbot: QtBot, form: OptionsForm, all_: bool) -> None:
    unfold(form, all_)
    stops = [stop for section in form.findChildren(Section) for stop in section.stops() if stop.isVisible()]
    assert len(stops) == len(in_sight(form)) + 2, "with what unfolds them, where there are rare ones"
    heights = [stop.mapTo(form.window(), QPoint(0, 0)).y() for stop in stops]
    assert heights == sorted(heights)
    focus(qtbot, stops[0])
    for stop in stops[1:]:
        press(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is stop


def test_rare_options_are_folded_away_until_they_say_something(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    rare = {key for key, row in form.rows.items() if row.editor.option.rare}
    assert {"rate_decay", "vae.pixel_sigma"} <= rare
    assert in_sight(form) == set(form.rows) - rare
    unfold(form)
    assert in_sight(form) == set(form.rows)
    assert {section.more.text() for section in form.findChildren(Section)} == {"Fewer options ▴"}
    unfold(form, False)
    # What is not the default stays in sight, whoever chose it.
    workbench.configure(rate_decay=0.5, **{"vae.pixel_sigma": 0.5})
    assert in_sight(form) == set(form.rows) - rare | {"rate_decay", "vae.pixel_sigma"}
    unfold(form)
    focus(qtbot, form.rows["averaging"].editor)
    section = next(iter(form.findChildren(Section)))
    assert "Experiment" in section.more.accessibleName()
    qtbot.mouseClick(section.more, Qt.MouseButton.LeftButton)
    unfold(form, False)
    assert "averaging" not in in_sight(form), "a click takes the focus from what it folds away"
    # And what is taken back while it is being entered does not vanish from under the cursor.
    enter(qtbot, form, "rate_decay", "0")
    press(form.rows["rate_decay"].editor, Qt.Key.Key_Return)
    assert workbench.asked.rate_decay == 0.0
    assert "rate_decay" in in_sight(form)
    focus(qtbot, form.rows["learning_rate"].editor)
    workbench.configure(**{"vae.pixel_sigma": 0.25})
    assert in_sight(form) == set(form.rows) - rare


def test_a_section_that_comes_back_is_as_unfolded_as_it_was(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    section = next(section for section in form.findChildren(Section) if section.name == "vae.beta")
    section.more.click()
    assert form.unfolded == {"vae.beta"}
    for models in (("ae",), ("ae", "vae")):
        with qtbot.waitSignal(workbench.prepared, timeout=30_000):
            workbench.configure(models=models)
    assert "vae.pixel_sigma" in in_sight(form)
    assert "rate_decay" not in in_sight(form)


def test_what_was_refused_stays_in_sight(form: OptionsForm) -> None:
    form.rows["rate_decay"].mark("Not this.")
    assert "rate_decay" in in_sight(form)
    form.rows["rate_decay"].mark("")
    assert "rate_decay" not in in_sight(form)


def test_nothing_is_cut_at_the_width_of_the_dock(qtbot: QtBot, form: OptionsForm) -> None:
    unfold(form)
    qtbot.waitUntil(lambda: form.minimumWidth() > 200)
    assert form.minimumWidth() <= 250
    right = form.mapToGlobal(QPoint(form.width(), 0)).x()
    for row in form.rows.values():
        editor = row.editor
        assert editor.mapToGlobal(QPoint(editor.width(), 0)).x() <= right
        assert not isinstance(editor, QComboBox) or editor.width() >= editor.sizeHint().width()
        assert editor.height() >= editor.minimumSizeHint().height()
        label = row.findChild(QLabel)
        longest = max(label.text().removesuffix("\u00a0↺").split(), key=len)
        assert label.fontMetrics().horizontalAdvance(longest) <= label.width()


def test_editors_stand_below_one_another(qtbot: QtBot, form: OptionsForm) -> None:
    unfold(form)

    def places() -> set[int]:
        return {row.editor.mapTo(form, QPoint(0, 0)).x() for row in form.rows.values()}

    qtbot.waitUntil(lambda: len(places()) == 1)


def test_greys_out_devices_that_are_not_there(form: OptionsForm) -> None:
    editor = form.rows["device"].editor
    there = compute.available_devices()
    for row, name in enumerate(editor.option.choices):
        item = editor.model().item(row)
        assert item.isEnabled() == (name in there)
        assert (name in item.toolTip()) == (name not in there)


# Changing options


def test_learning_rate_by_keyboard_changes_live(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    with qtbot.waitSignal(workbench.training_changed):
        workbench.train(3)
    qtbot.waitUntil(lambda: workbench.step == 3)
    enter(qtbot, form, "learning_rate", "5e-3")
    assert workbench.asked.learning_rate == 1e-3, "nothing is settled before Enter"
    with qtbot.waitSignal(workbench.configured):
        press(form.rows["learning_rate"].editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: workbench.config.learning_rate == 5e-3)
    assert workbench.step == 3
    assert shown(form, "learning_rate") == "0.005"
    assert not invalid(form, "learning_rate")


def test_the_decayed_rate_is_on_show_where_there_is_one(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    now = form.findChild(RateNow)
    assert now is not None
    assert not now.isVisible(), "the rate is what the field above says"
    workbench.configure(rate_decay=100)
    qtbot.waitUntil(now.isVisible)
    workbench.train(30)
    # 0.001 / √(1 + 100 × 0.03).
    qtbot.waitUntil(lambda: now.value.text() == "0.0005")
    workbench.configure(rate_decay=0)
    qtbot.waitUntil(now.isHidden)


def test_plug_in_option_changes_live(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    enter(qtbot, form, "vae.beta", "4")
    press(form.rows["vae.beta"].editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: workbench.config.options.get("vae.beta") == 4.0)
    assert shown(form, "vae.beta") == "4"


def test_hidden_layers_start_again(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    workbench.train(3)
    qtbot.waitUntil(lambda: workbench.step == 3)
    enter(qtbot, form, "hidden", "24, 12")
    with qtbot.waitSignal(workbench.prepared):
        press(form.rows["hidden"].editor, Qt.Key.Key_Return)
    assert workbench.config.hidden == (24, 12)
    assert workbench.step == 0
    assert shown(form, "hidden") == "24,12"


def test_leaving_an_editor_settles(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    enter(qtbot, form, "vae.beta", "2")
    press(form.rows["vae.beta"].editor, Qt.Key.Key_Tab)
    assert workbench.asked.options["vae.beta"] == 2.0


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("learning_rate", "-1"),
        ("learning_rate", "quick"),
        ("learning_rate", "nan"),
        ("batch_size", "1.5"),
        ("batch_size", "99999999"),
        ("latent_size", "0"),
        ("hidden", "256,,8"),
        ("hidden", ""),
        ("vae.beta", "1e9"),
        ("gaussian.sigma", "0"),
    ],
)
def test_an_invalid_value_is_marked_and_changes_nothing(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench, key: str, text: str
) -> None:
    editor, before, asked = form.rows[key].editor, shown(form, key), workbench.asked
    focus(qtbot, editor)
    editor.selectAll()
    press(editor, Qt.Key.Key_Delete)
    QTest.keyClicks(editor, text)
    with qtbot.assertNotEmitted(workbench.configured):
        press(editor, Qt.Key.Key_Return)
    assert invalid(form, key)
    assert sentences(form)
    assert form.rows[key].name in sentences(form)[0]
    assert shown(form, key) == text, "what was entered can still be mended"
    press(editor, Qt.Key.Key_Escape)
    assert shown(form, key) == before
    assert not invalid(form, key)
    assert sentences(form) == []
    assert workbench.asked == asked


def test_leaving_an_invalid_value_brings_the_old_one_back(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    enter(qtbot, form, "learning_rate", "quick")
    press(form.rows["learning_rate"].editor, Qt.Key.Key_Return)
    assert invalid(form, "learning_rate")
    focus(qtbot, form.rows["hidden"].editor)
    assert shown(form, "learning_rate") == "0.001"
    assert not invalid(form, "learning_rate")
    assert workbench.asked.learning_rate == 1e-3


@pytest.mark.parametrize("key", ["latent_size", "hidden"])
def test_what_is_taken_back_in_the_field_is_not_wrong_any_more(
    qtbot: QtBot, form: OptionsForm, key: str
) -> None:
    editor = form.rows[key].editor
    before = editor.text_now
    editor.lineEdit().setText("0")
    editor.commit()
    assert invalid(form, key)
    assert sentences(form)
    editor.lineEdit().setText(before)
    assert not invalid(form, key)
    assert sentences(form) == []


def test_what_the_trainer_refuses_is_marked_at_its_row(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    enter(qtbot, form, "batch_size", "5000")
    with qtbot.waitSignal(workbench.failed):
        press(form.rows["batch_size"].editor, Qt.Key.Key_Return)
    assert invalid(form, "batch_size")
    assert "Batch: 5\u202f000 is more than the 1\u202f437 training images" in sentences(form)[0]
    assert shown(form, "batch_size") == "128"


def test_choosing_a_word(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    editor = form.rows["reconstruction"].editor
    focus(qtbot, editor)
    with qtbot.waitSignal(workbench.prepared):
        QTest.keyClicks(editor, "b")
    assert workbench.config.reconstruction == "bernoulli"


@OPENS_A_LIST
@pytest.mark.parametrize("key", [Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_End])
def test_arrow_keys_open_a_list_and_choose_nothing(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench, key: Qt.Key
) -> None:
    """A word may begin all models again, and the keys may have been meant for a canvas."""
    box, before = form.rows["reconstruction"].editor, workbench.asked
    focus(qtbot, box)
    press(box, key)
    assert box.view().isVisible()
    press(box.view(), Qt.Key.Key_Down)
    assert workbench.asked == before, "nothing is chosen as yet"
    press(box.view(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not box.view().isVisible(), timeout=5_000)
    assert workbench.asked.reconstruction == "bernoulli"
    assert box.hasFocus(), "who goes by keys is where he was"


@OPENS_A_LIST
def test_a_word_chosen_with_the_mouse_gives_the_keyboard_back(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    box, view = form.rows["reconstruction"].editor, form.rows["reconstruction"].editor.view()
    focus(qtbot, box)
    QTest.mouseClick(box, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(view.isVisible, timeout=5_000)
    second = view.visualRect(view.model().index(1, 0)).center()

    def chosen() -> bool:
        # Qt takes what comes at once for a part of the click that opened the list.
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=second)
        return workbench.asked.reconstruction == "bernoulli"

    qtbot.waitUntil(chosen, timeout=5_000)
    assert not box.hasFocus()


def test_steps_count_after_a_pause_and_once(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    editor = form.rows["learning_rate"].editor
    focus(qtbot, editor)
    with qtbot.waitSignal(workbench.configured):
        press(editor, Qt.Key.Key_Up)
        press(editor, Qt.Key.Key_Up)
        assert workbench.asked.learning_rate == 1e-3
    assert workbench.asked.learning_rate == 3.2e-3
    workbench.undo()
    assert workbench.asked.learning_rate == 1e-3


def test_the_wheel_steps_only_where_the_focus_is(qtbot: QtBot, form: OptionsForm) -> None:
    editor = form.rows["learning_rate"].editor
    middle = QPointF(editor.rect().center())

    def turn() -> None:
        event = QWheelEvent(
            middle,
            editor.mapToGlobal(middle),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(editor, event)

    focus(qtbot, form.rows["hidden"].editor)
    turn()
    assert shown(form, "learning_rate") == "0.001"
    focus(qtbot, editor)
    turn()
    assert shown(form, "learning_rate") == "0.0018"
    press(editor, Qt.Key.Key_Escape)


def test_follows_the_workbench_but_not_over_the_users_typing(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench
) -> None:
    enter(qtbot, form, "learning_rate", "0.0")
    workbench.configure(**{"vae.beta": 3.0, "learning_rate": 0.25})
    assert shown(form, "vae.beta") == "3"
    assert shown(form, "learning_rate") == "0.0"
    press(form.rows["learning_rate"].editor, Qt.Key.Key_Escape)
    workbench.configure(learning_rate=0.5)
    assert shown(form, "learning_rate") == "0.5"
    workbench.undo()
    assert shown(form, "learning_rate") == "0.25"


def test_sections_follow_those_who_take_part(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    rate = form.rows["learning_rate"].editor
    focus(qtbot, rate)
    with qtbot.waitSignal(workbench.prepared, timeout=30_000):
        workbench.configure(models=("ae", "aae"), dataset="shapes", prior="ring")
    assert "vae.beta" not in form.rows
    assert {"aae.r1", "shapes.size", "ring.sigma"} <= set(form.rows)
    assert form.rows["learning_rate"].editor is rate, "what stays keeps its widgets"
    assert rate.hasFocus()
    color = form.rows["shapes.color"].editor
    assert isinstance(color, Switch)
    with qtbot.waitSignal(workbench.prepared, timeout=30_000):
        press(color, Qt.Key.Key_Space)
    assert workbench.config.options["shapes.color"] is True
    assert any("28×28×3" in label.text() for label in form.findChildren(QLabel))


def test_a_new_file_is_a_new_section(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "twin.py").write_text(PLUGIN, encoding="utf-8")
    package = aae_studio.core.models
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        with qtbot.waitSignal(workbench.prepared):
            workbench.configure(models=("ae", "twin"))
        assert isinstance(form.rows["twin.warmth"].editor, NumberEntry)
        assert isinstance(form.rows["twin.mirrored"].editor, Switch)
        assert "TWIN AUTOENCODER" in [label.text() for label in form.findChildren(QLabel, "section")]
        enter(qtbot, form, "twin.warmth", "0.75")
        press(form.rows["twin.warmth"].editor, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: workbench.config.options.get("twin.warmth") == 0.75)
    finally:
        sys.modules.pop("aae_studio.core.models.twin", None)


def test_a_first_experiment_that_cannot_be_is_mended_here(qtbot: QtBot, tmp_path: Path) -> None:
    trainer, survey = TrainerThread(), SurveyThread()
    workbench = Workbench(
        ExperimentConfig(models=("ae",), hidden=(8,), batch_size=9000),
        tmp_path,
        trainer,
        survey,
        FollowThread(),
    )
    form = OptionsForm(workbench, theme.load("light"))
    open_window(qtbot, form)
    trainer.start()
    survey.start()
    try:
        with qtbot.waitSignal(workbench.failed, timeout=30_000):
            workbench.begin()
        assert invalid(form, "batch_size")
        enter(qtbot, form, "batch_size", "64")
        with qtbot.waitSignal(workbench.prepared):
            press(form.rows["batch_size"].editor, Qt.Key.Key_Return)
        assert not invalid(form, "batch_size")
    finally:
        assert [thread.close(30_000) for thread in (trainer, survey)] == [True, True]


def test_speaks_the_users_language(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"Learning rate": "학습률", "{field}: {value!r} is not {what}.": "{field}: {value!r} 오류"}
    monkeypatch.setattr(translation, "_catalogue", words)
    korean = OptionsForm(workbench, theme.load("dark"))
    assert korean.rows["learning_rate"].editor.accessibleName() == "학습률"
    open_window(qtbot, korean)
    enter(qtbot, korean, "learning_rate", "x")
    press(korean.rows["learning_rate"].editor, Qt.Key.Key_Return)
    assert sentences(korean) == ["학습률: 'x' 오류"]


def test_a_refusal_by_the_workbench_is_shown(
    qtbot: QtBot, form: OptionsForm, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**changes: object) -> None:
        raise StudioError("Not today.")

    monkeypatch.setattr(workbench, "configure", refuse)
    editor = form.rows["precision"].editor
    focus(qtbot, editor)
    QTest.keyClicks(editor, "f")
    assert sentences(form) == ["Not today."]
    assert editor.currentText() == "auto"


def test_typing_is_no_shortcut_but_space_is(qtbot: QtBot, form: OptionsForm, workbench: Workbench) -> None:
    heard = []
    for key in ("E", "Space"):
        QShortcut(QKeySequence(key), form).activated.connect(partial(heard.append, key))
    enter(qtbot, form, "learning_rate", "5e-3")
    QTest.keyClick(form.windowHandle(), Qt.Key.Key_E)
    assert heard == []
    press(form.rows["learning_rate"].editor, Qt.Key.Key_Escape)
    QTest.keyClick(form.windowHandle(), Qt.Key.Key_E)
    assert heard == []
    press(form.rows["learning_rate"].editor, Qt.Key.Key_Escape)
    QTest.keyClick(form.windowHandle(), Qt.Key.Key_Space)
    assert heard == ["Space"]
    assert shown(form, "learning_rate") == "0.001"


# Editors and steps


def test_an_editor_for_each_type(form: OptionsForm) -> None:
    kinds = {bool: Switch, str: Choice, tuple: WidthsEntry, int: NumberEntry, float: NumberEntry}
    for row in form.rows.values():
        assert type(row.editor) is kinds[type(row.editor.option.default)]


def test_arrows_stop_at_the_ends_of_the_range(form: OptionsForm) -> None:
    editor = form.rows["latent_size"].editor
    flags = QAbstractSpinBox.StepEnabledFlag
    for text, able in (("1", flags.StepUpEnabled), ("128", flags.StepDownEnabled)):
        editor.lineEdit().setText(text)
        assert editor.stepEnabled() == able
    editor.show_value(2)


RATE = Option("rate", "Rate", 1e-3, "", minimum=1e-7, maximum=10.0, logarithmic=True)
WEIGHT = Option("weight", "Weight", 0.03, "", minimum=0.0, maximum=10.0, logarithmic=True)
BATCH = Option("batch", "Batch", 128, "", minimum=2, maximum=4096, logarithmic=True)
STEPS = Option("steps", "Steps", 1, "", minimum=1, maximum=10)
SHARE = Option("share", "Share", 0.5, "", minimum=0.0, maximum=1.0)
FREE = Option("free", "Free", 0.0, "")


@pytest.mark.parametrize(
    ("option", "value", "steps", "expected"),
    [
        (RATE, 1e-3, 1, 1.8e-3),
        (RATE, 1e-3, 4, 1e-2),
        (RATE, 1e-3, -4, 1e-4),
        (RATE, 5e-3, 1, 5.6e-3),
        (RATE, 5e-3, -1, 3.2e-3),
        (RATE, 10.0, 1, 10.0),
        (RATE, 1e-7, -1, 1e-7),
        (WEIGHT, 3e-5, -1, 0.0),
        (WEIGHT, 0.0, -1, 0.0),
        (WEIGHT, 0.0, 1, 3.2e-5),
        (BATCH, 128, 1, 256),
        (BATCH, 100, -1, 50),
        (BATCH, 3, -1, 2),
        (BATCH, 4096, 1, 4096),
        (STEPS, 1, 2, 3),
        (STEPS, 1, -1, 1),
        (SHARE, 0.5, -1, 0.49),
        (FREE, 0.0, -3, -0.3),
    ],
)
def test_steps(option: Option, value: float, steps: int, expected: float) -> None:
    assert stepped(option, value, steps) == expected
    assert type(stepped(option, value, steps)) is type(option.default)


def test_steps_up_and_down_meet_again() -> None:
    there = [1e-3]
    for _ in range(12):
        there.append(stepped(RATE, there[-1], 1))
    for value in reversed(there[:-1]):
        assert stepped(RATE, there.pop(), -1) == value
