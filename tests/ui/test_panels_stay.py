"""Open panels stay open, and go on asking, whatever happens to the window and the experiment around them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QTabBar

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import plugins
from aae_studio.ui.app import Studio

SMALL = ExperimentConfig(models=("ae", "aae"), hidden=(16,), batch_size=64, prior="mixture")


@pytest.fixture
def studio(open_studio) -> Studio:
    return open_studio(SMALL)


def test_an_open_panel_is_there_in_another_theme_and_goes_on_asking(qtbot, studio):
    studio.window.panel_docks["step"].open()
    qtbot.waitUntil(lambda: studio.trainer._watching.model == "ae", timeout=10_000)
    for theme in ("light", "dark"):
        before = studio.window
        studio.set_theme(theme)
        assert studio.window is not before
        dock = studio.window.panel_docks["step"]
        qtbot.waitUntil(lambda dock=dock: dock.isVisible() and dock.panel is not None, timeout=5_000)
        assert studio.window.panel_docks["noise"].isHidden()
    studio.workbench.train(2)
    qtbot.waitUntil(lambda: studio.workbench.step == 2, timeout=10_000)
    assert studio.trainer._watching.model == "ae"


def test_the_panel_in_front_is_in_front_in_another_theme_and_language(qtbot, studio):
    docks = studio.window.panel_docks
    for name in ("step", "layers", "paths", "sketch", "noise"):
        docks[name].open()
    docks["layers"].open()
    qtbot.waitUntil(lambda: docks["layers"].in_front)
    for change in (lambda: studio.set_theme("light"), lambda: studio.set_language("ko")):
        change()
        now = studio.window.panel_docks
        qtbot.waitUntil(lambda now=now: now["layers"].in_front, timeout=3000)
        assert [name for name, dock in now.items() if dock.in_front] == ["layers"]


def test_titles_of_panels_behind_one_another_are_whole_and_a_click_closes_one(qtbot, studio):
    docks = studio.window.panel_docks
    for name in ("step", "layers", "paths", "sketch", "noise"):
        docks[name].open()
    bar = next(bar for bar in studio.window.findChildren(QTabBar) if bar.count() == 5)
    assert bar.elideMode() == Qt.TextElideMode.ElideNone
    titles = [bar.tabText(place) for place in range(5)]
    assert all(bar.tabRect(p).height() > bar.fontMetrics().horizontalAdvance(t) for p, t in enumerate(titles))
    close = docks["noise"].findChild(QAbstractButton, "qt_dockwidget_closebutton")
    assert close.isVisible()
    assert not close.icon().isNull()
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    assert docks["noise"].isHidden()
    assert not docks["noise"].action.isChecked()
    qtbot.waitUntil(lambda: any(dock.in_front for dock in docks.values()))


def test_what_a_panel_asks_survives_another_theme(qtbot, studio):
    studio.window.panel_docks["labels"].open()
    studio.workbench.configure(options={"aae.labelling": "hand", "aae.labelled": "1-40"})
    qtbot.waitUntil(lambda: "labels" in studio.workbench.questions, timeout=10_000)
    studio.set_theme("light")
    qtbot.waitUntil(lambda: "labels" in studio.workbench.questions.answers, timeout=10_000)


def test_brushes_and_choices_are_the_same_in_another_theme(qtbot, studio):
    def panel(name: str):
        return studio.window.panel_docks[name].open()

    names = ("compare", "layers", "paint_prior", "labels")
    qtbot.waitUntil(lambda: panel("labels").given.count() > 1, timeout=10_000)
    compare, layers, painting, labels = map(panel, names)
    before = [panel(name).choices() for name in names]
    compare.over_seeds.setEnabled(True)
    compare.over_seeds.setChecked(True)
    layers.models.setCurrentIndex(1)
    painting._eraser.setChecked(True)
    painting._size.setValue(77)
    labels.given.setCurrentIndex(3)
    labels._size.setValue(21)
    labels.each.setValue(9)
    chosen = [panel(name).choices() for name in names]
    assert not any(one == other for one, other in zip(before, chosen, strict=True))
    studio.set_theme("light")
    assert panel("labels") is not labels
    # Runs over several seeds there are none of.
    assert [panel(name).choices() for name in names] == [False, *chosen[1:]]
    assert (panel("paint_prior").area.erasing, panel("labels").brush.label) == (True, 2)


def test_an_open_panel_is_there_when_the_window_opens_again(qtbot, qapp, tmp_path, open_studio):
    first = open_studio(SMALL)
    first.window.panel_docks["noise"].open()
    first.window.close_at_once()
    again = open_studio(SMALL)
    qtbot.waitUntil(lambda: again.window.panel_docks["noise"].isVisible(), timeout=5_000)
    assert again.window.panel_docks["sweep"].isHidden()


def test_every_panel_opens_where_no_experiment_is_there(qtbot, qapp, tmp_path):
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, SMALL.with_(dataset="mnist"), tmp_path / "nothing", settings)
    studio.window.show()
    with qtbot.waitSignal(studio.workbench.failed, timeout=30_000):
        studio.start()
    for name in plugins.panels():
        assert studio.window.panel_docks[name].open() is not None
    studio.workbench.configure(dataset="digits")
    qtbot.waitUntil(lambda: studio.workbench.snapshot is not None, timeout=30_000)
    studio.window.close_at_once()
    studio.window.deleteLater()


def test_the_label_table_follows_the_dataset(qtbot, studio):
    panel = studio.window.panel_docks["labels"].open()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        studio.workbench.configure(dataset="shapes")
    # A slot that raises fails the test.
    assert len(panel.table) == len(studio.workbench.classes)


def test_fewer_points_let_the_hovered_one_go(open_studio):
    studio = open_studio(SMALL.with_(dataset="shapes"))
    bench = studio.workbench
    bench.draw_points(None)
    panel = studio.window.panel_docks["layers"].open()
    bench.display.hover(len(bench.probe) - 1)
    panel.show_newest()
    bench.draw_points(0)
    assert bench.display.hovered_sample is None
    panel.show_newest()


def test_many_points_are_encoded_once_for_all_questions_about_them(qtbot, open_studio, monkeypatch):
    from aae_studio.core.snapshot import Snapshot

    studio = open_studio(SMALL.with_(dataset="shapes"))
    bench, encoded, passes = studio.workbench, Snapshot.encoded, []
    monkeypatch.setattr(Snapshot, "encoded", lambda *args: passes.append(1) or encoded(*args))
    bench.draw_points(None)
    total = len(bench.probe)
    qtbot.waitUntil(lambda: len(bench.findings.codes.get("ae", ())) == total, timeout=30_000)
    for key in range(3):
        bench.questions.ask(key, lambda snapshot, codes: snapshot.step)
        qtbot.waitUntil(lambda key=key: key in bench.questions.answers, timeout=20_000)
    assert len(passes) == 1
    assert len(bench.findings.codes["ae"]) == total
    bench.draw_points(0)
    qtbot.waitUntil(lambda: studio.survey._crowded is None, timeout=20_000)


def test_figures_of_all_lanes_are_of_one_step(qtbot, studio, monkeypatch):
    monkeypatch.setattr("aae_studio.ui.survey_thread.FIGURES_REST", 0.0)
    monkeypatch.setattr("aae_studio.ui.survey_thread.REST", 0.0)
    seen = []
    studio.survey.surveyed.connect(lambda survey: seen.append(set(survey.figures)))
    studio.workbench.train()
    qtbot.waitUntil(lambda: len(seen) > 5, timeout=20_000)
    studio.workbench.pause()
    assert all(names in (set(), {"ae", "aae"}) for names in seen)
    assert {"ae", "aae"} in seen


def test_the_status_line_forgets_missing_data_when_others_are_there(qtbot, studio):
    bench, bar = studio.workbench, studio.window.statusBar()
    bench.train()
    with qtbot.waitSignal(bench.failed, timeout=20_000):
        bench.configure(dataset="mnist")
    assert bar.message() == "Data missing."
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.configure(dataset="shapes")
    assert "missing" not in bar.message()
    bench.pause()
    qtbot.waitUntil(lambda: not bench.training, timeout=10_000)


def test_a_window_waits_for_no_panel_that_lies_behind_another(qtbot, studio):
    """A picture of two panels took a whole minute, for what nobody would have seen."""
    studio.window.demonstrate(("layers", "paths"))
    qtbot.waitUntil(lambda: studio.window.settled, timeout=10_000)
    assert studio.window.panel_docks["paths"].in_front


def plots_of(qtbot, studio):
    qtbot.waitUntil(lambda: studio.window.loss_plots is not None, timeout=10_000)
    return studio.window.loss_plots


def zoomed(qtbot, studio):
    """Loss plots in which everything was chosen that can be."""
    studio.workbench.train(40)
    qtbot.waitUntil(lambda: studio.workbench.step == 40, timeout=20_000)
    plots = plots_of(qtbot, studio)
    plots.controls.scale.buttons[1].click()
    plots.controls.axis.buttons[1].click()
    plots.controls.slider.setValue(2)
    plots.cards[0].row.entries()[0].click()
    plots.cards[0].plot.zoomed.emit(0.5, 0.5)
    return plots


def test_what_was_unfolded_in_the_form_stays_in_another_language(qtbot, studio):
    form = studio.window.options_form
    qtbot.waitUntil(lambda: bool(form.rows))
    assert not form.rows["precision"].isVisible()
    form.unfold({"learning_rate"})
    studio.set_language("ko")
    assert studio.window.options_form is not form
    qtbot.waitUntil(lambda: studio.window.options_form.rows["precision"].isVisible())
    assert not studio.window.options_form.rows["aae.r1"].isVisible()


def test_what_was_chosen_in_the_loss_plots_stays_in_another_theme_and_language(qtbot, studio):
    chosen = zoomed(qtbot, studio).choices()
    assert chosen.logarithmic
    assert chosen.in_seconds
    assert chosen.hidden == {("ae", "reconstruction")}
    assert chosen.span is not None
    studio.set_theme("light")
    assert studio.window.loss_plots is None
    studio.set_language("ko")
    after = plots_of(qtbot, studio)
    assert after.choices() == chosen
    assert after.controls.fit.isEnabled()
    assert after.controls.axis.buttons[1].isChecked()
    assert after.controls.scale.buttons[1].isChecked()
    assert [button.isChecked() for button in after.cards[0].row.entries()] == [False, True]
    view = after.cards[0].plot.view
    qtbot.waitUntil(lambda: view.viewRange()[0] == pytest.approx(chosen.span), timeout=5000)


def test_a_zoom_is_not_kept_for_another_experiment(qtbot, studio):
    zoomed(qtbot, studio)
    studio.set_theme("light")
    assert studio.window.loss_plots is None
    # Before the new window has its plots.
    studio.window.first_painted.disconnect()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=10_000):
        studio.workbench.rewind()
    studio.window._make_plots()
    after = studio.window.loss_plots
    assert after.choices().span is None
    assert after.choices().logarithmic
    assert not after.controls.fit.isEnabled()


def test_the_point_under_the_mouse_is_gone_with_its_lane(qtbot, studio):
    bench = studio.workbench
    layers = studio.window.panel_docks["layers"].open()
    bench.display.hover(7)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.new_seed()
    assert bench.display.hovered_sample is None
    qtbot.waitUntil(lambda: layers.settled, timeout=10_000)


def test_a_panel_is_as_wide_where_it_scrolls_as_where_it_does_not(qtbot, studio):
    """Else one whose pictures are lower where it is narrower shows and hides its scroll bar without end."""
    window = studio.window
    area = window.panel_docks["noise"].open().parentWidget().parentWidget()
    bar, widths = area.verticalScrollBar(), set()
    for height in (1200, 660):
        window.resize(1280, height)
        qtbot.waitUntil(lambda height=height: (bar.maximum() == 0) == (height == 1200), timeout=5_000)
        widths.add(area.viewport().width())
        assert bar.property("idle") == (height == 1200)
    assert len(widths) == 1


def test_closing_a_panel_that_had_the_focus_gives_it_to_a_plane(qtbot, studio):
    """Space would otherwise press whatever Qt gives it to: a curve's entry in a legend, say."""
    dock = studio.window.panel_docks["noise"]
    dock.open().strength.setFocus()
    close = dock.findChild(QAbstractButton, "qt_dockwidget_closebutton")
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    assert QApplication.focusWidget() is next(iter(studio.window.lanes.values())).canvas


@pytest.mark.qt_log_ignore("does not support raise", extend=True)
def test_floating_panels_keep_their_choices_and_ask_once_in_another_theme(qtbot, studio):
    bench = studio.workbench
    for name in ("noise", "sketch", "compare"):
        dock = studio.window.panel_docks[name]
        dock.open()
        dock.setFloating(True)
    studio.window.panel_docks["noise"].panel.strength.setValue(77)
    studio.window.panel_docks["sketch"].panel.demonstrate()
    studio.window.panel_docks["sketch"].panel.thickness.setValue(24)
    qtbot.waitUntil(lambda: len(bench.questions) >= 2, timeout=10_000)
    before = len(bench.questions)
    for theme in ("light", "dark", "light"):
        studio.set_theme(theme)
        docks = studio.window.panel_docks
        qtbot.waitUntil(lambda docks=docks: docks["noise"].panel is not None, timeout=5_000)
        assert docks["noise"].panel.strength.value() == 77
        assert not docks["sketch"].panel.pad.blank
        assert docks["sketch"].panel.thickness.value() == 24
    qtbot.waitUntil(lambda: len(bench.questions) == before, timeout=10_000)


def test_attribute_arithmetic_is_the_same_in_another_theme(qtbot, studio):
    box = studio.window.panel_docks["paths"].open().attributes
    qtbot.waitUntil(lambda: box.present.count() == 10, timeout=10_000)
    box.present.setCurrentIndex(4)
    box.absent.setCurrentIndex(2)
    box.strength.setValue(13)
    studio.set_theme("light")
    assert studio.window.panel_docks["paths"].open().attributes.choices() == (4, 2, 13)


def test_classes_are_named_in_korean(qtbot, open_studio):
    studio = open_studio(SMALL.with_(dataset="shapes"))
    studio.set_language("ko")
    docks = studio.window.panel_docks
    labels, paths = docks["labels"].open(), docks["paths"].open()
    assert (labels.given.itemText(1), paths.attributes.present.itemText(0)) == ("원", "원")


def test_the_wheel_passes_over_choices_that_nobody_went_to(qtbot, studio):
    docks = studio.window.panel_docks
    lab, step, sweep = (docks[name].open() for name in ("noise", "step", "sweep"))
    labels = docks["labels"].open()
    studio.window.setFocus()
    for box in (lab.kind, step.models, sweep.model, sweep.figure, labels.given, labels.each):
        before = box.text() if hasattr(box, "text") else box.currentIndex()
        position = QPointF(box.rect().center())
        turn = QWheelEvent(
            position,
            box.mapToGlobal(position),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(box, turn)
        assert (box.text() if hasattr(box, "text") else box.currentIndex()) == before
        assert box.focusPolicy() == Qt.FocusPolicy.StrongFocus
