"""The main window, driven as a person would: train, drag, switch, rewind, close."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from driving import trained
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import NonFinite
from aae_studio.ui import files
from aae_studio.ui.app import Studio
from aae_studio.ui.decodings import decoded_at
from aae_studio.ui.lane import LEAST_WIDTH
from aae_studio.ui.lane_row import LaneRow

SMALL = ExperimentConfig(hidden=(32,), batch_size=64)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


def opened(
    qtbot, qapp: QApplication, config: ExperimentConfig, settings: QSettings, tmp_path: Path
) -> Studio:
    settings.setValue("theme", "dark")
    studio = Studio(qapp, config, tmp_path / "data", settings)
    studio.window.resize(1280, 800)
    studio.window.show()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        studio.start()
    qtbot.waitUntil(lambda: studio.window.loss_plots is not None)
    # Shortcuts work in the active window only.
    studio.window.activateWindow()
    qtbot.waitUntil(studio.window.isActiveWindow)
    return studio


@pytest.fixture
def studio(qtbot, qapp, settings, tmp_path) -> Iterator[Studio]:
    studio = opened(qtbot, qapp, SMALL, settings, tmp_path)
    yield studio
    closed(studio)


def closed(studio: Studio) -> bool:
    """Close the window for good; style sheets would go on dressing it."""
    studio.window.files.loses = True
    done = studio.window.close()
    studio.window.deleteLater()
    return done


def surveyed(qtbot, studio: Studio) -> None:
    bench = studio.workbench
    qtbot.waitUntil(
        lambda: bench.findings.figures_step == bench.step and len(bench.findings.figures) > 0, timeout=30_000
    )


def test_it_opens_with_real_data_and_untrained_models(qtbot, studio):
    bench = studio.workbench
    assert bench.step == 0
    assert not bench.training
    assert list(studio.window.lanes) == ["ae", "vae", "aae"]
    surveyed(qtbot, studio)
    assert bench.findings.codes["aae"].shape == (1797, 2)
    assert all(lane.decode_view.image() is not None for lane in studio.window.lanes.values())


def test_space_trains_and_pauses_and_the_plots_hold_every_step(qtbot, studio):
    bench, window = studio.workbench, studio.window
    with qtbot.waitSignal(bench.training_changed):
        qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: bench.step > 30, timeout=30_000)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not bench.training, timeout=10_000)
    assert len(bench.history.steps) == bench.step
    assert list(bench.history.steps) == list(range(1, bench.step + 1))


def test_one_step_is_exactly_one_step(qtbot, studio):
    qtbot.mouseClick(studio.window.tool_bar.findChild(object, "step"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: studio.workbench.step == 1, timeout=10_000)
    trained(qtbot, studio, 1)
    assert studio.workbench.step == 2


def test_a_step_is_taken_for_each_time_that_it_is_asked_for(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 3)
    for _ in range(7):
        qtbot.keyClick(studio.window, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: bench.snapshot.step == 10, timeout=20_000)
    qtbot.wait(200)
    assert (bench.step, len(bench.history), bench.training) == (10, 10, False)


def test_rewind_repeats_the_run_to_the_last_bit_and_a_new_seed_does_not(qtbot, studio):
    bench = studio.workbench

    def run() -> np.ndarray:
        trained(qtbot, studio, 12)
        return bench.history.window("aae", "reconstruction", 0, 12, 12, 1)[1].copy()

    first = run()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        qtbot.keyClick(studio.window, Qt.Key.Key_R)
    assert bench.step == 0
    assert (run() == first).all()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        qtbot.keyClick(studio.window, Qt.Key.Key_N)
    assert bench.config.seed == 1
    assert (run() != first).any()


class Painted(QObject):
    """Which of some widgets were painted since it began."""

    def __init__(self, widgets: dict[str, QWidget]) -> None:
        super().__init__()
        self.names: list[str] = []
        self._widgets = widgets
        for widget in widgets.values():
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.names += [name for name, widget in self._widgets.items() if widget is watched]
        return False


def at_rest(qtbot, painted: Painted) -> None:
    """Wait until a while passes without any of them being painted."""
    for _ in range(50):
        painted.names.clear()
        # On a busy machine news may be a tenth of a second late.
        qtbot.wait(200)
        if not painted.names:
            return
    raise AssertionError(f"still being painted: {painted.names}")


def test_a_move_paints_its_own_lanes_image_then_the_others_and_before_anything_else(qtbot, studio):
    bench, lanes = studio.workbench, studio.window.lanes
    trained(qtbot, studio, 5)
    surveyed(qtbot, studio)
    views = {name: lane.decode_view for name, lane in lanes.items()}
    painted = Painted({**views, "canvas": lanes["aae"].canvas})
    at_rest(qtbot, painted)
    bench.planes.move_cursor("aae", (0.7, -0.4))
    assert painted.names[0] == "aae"
    assert sorted(painted.names) == sorted(views)
    QApplication.processEvents()
    assert "canvas" in painted.names


def test_moves_in_a_burst_are_painted_together(qtbot, studio, monkeypatch):
    """A mouse may report a thousand times a second."""
    monkeypatch.setattr("aae_studio.ui.lane_row.FRAME_S", 60.0)
    bench, lane = studio.workbench, studio.window.lanes["aae"]
    trained(qtbot, studio, 5)
    surveyed(qtbot, studio)
    bench.planes.move_cursor("aae", (0.0, 0.1))
    painted = Painted({"view": lane.decode_view, "canvas": lane.canvas})
    at_rest(qtbot, painted)
    for place in range(10):
        bench.planes.move_cursor("aae", (0.1 * place, 0.0))
    assert painted.names == []
    QApplication.processEvents()
    assert sorted(painted.names) == ["canvas", "view"]
    expected = bench.models["aae"].decode(bench.planes.cursors["aae"][None])[0, 0]
    assert lane.decode_view.image().pixelColor(4, 3).red() == pytest.approx(255 * expected[3, 4], abs=1)


def test_dragging_moves_the_linked_cursors_and_the_decoded_images(qtbot, studio):
    bench, lanes = studio.workbench, studio.window.lanes
    trained(qtbot, studio, 40)
    surveyed(qtbot, studio)
    before = {name: lane.decode_view.image().copy() for name, lane in lanes.items()}
    canvas = lanes["aae"].canvas
    start, goal = QPoint(canvas.width() // 2, canvas.height() // 2), QPoint(30, 40)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(canvas, goal)
    x, y = canvas.cursor_pixel().toTuple()
    assert (x, y) == pytest.approx((30, 40), abs=0.5)
    for name, lane in lanes.items():
        expected = bench.models[name].decode(bench.planes.cursors[name][None])[0, 0]
        shown = lane.decode_view.image()
        assert shown != before[name]
        for row, column in ((0, 0), (3, 4), (7, 7)):
            level = shown.pixelColor(column, row).red()
            assert level == pytest.approx(255 * expected[row, column], abs=1)
    # Lanes that share the prior share the place.
    assert bench.planes.cursor_place("vae") == pytest.approx(bench.planes.cursor_place("aae"), abs=1e-4)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=goal)


def test_escape_takes_a_drag_back(qtbot, studio):
    canvas = studio.window.lanes["vae"].canvas
    before = studio.workbench.planes.cursor_place("vae")
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert studio.workbench.planes.cursor_place("vae") != pytest.approx(before, abs=0.1)
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert studio.workbench.planes.cursor_place("vae") == pytest.approx(before, abs=1e-4)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))


def test_escape_takes_a_drag_away_from_a_picked_point_back(qtbot, studio):
    """All lanes return to the point's code, each to its own, and go on following it."""
    bench, canvas = studio.workbench, studio.window.lanes["vae"].canvas
    trained(qtbot, studio, 20)
    surveyed(qtbot, studio)
    bench.planes.pick(3)
    before = dict(bench.planes.cursors)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert bench.planes.picked is None
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    for name, code in before.items():
        np.testing.assert_array_equal(bench.planes.cursors[name], code)
    assert bench.planes.picked == 3
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))


def test_unlinked_cursors_move_alone(qtbot, studio):
    studio.window.actions_by_name["linked"].trigger()
    studio.workbench.planes.move_cursor("aae", (1.0, 1.0))
    assert studio.workbench.planes.cursor_place("vae") == pytest.approx((0, 0))
    studio.window.actions_by_name["linked"].trigger()
    assert studio.workbench.planes.cursor_place("vae") == pytest.approx((1, 1)), "linked again"


def test_linked_again_a_picked_image_keeps_its_own_codes(qtbot, studio):
    planes = studio.workbench.planes
    qtbot.waitUntil(lambda: set(studio.workbench.findings.codes) == {"ae", "vae", "aae"}, timeout=20_000)
    studio.window.actions_by_name["linked"].trigger()
    planes.pick(5)
    before = {name: code.copy() for name, code in planes.cursors.items()}
    studio.window.actions_by_name["linked"].trigger()
    assert all(np.array_equal(planes.cursors[name], code) for name, code in before.items())


def test_arrow_keys_nudge_and_the_wheel_zooms_around_the_mouse(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["aae"].canvas
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    x, y = bench.planes.cursor_place("aae")
    assert x > 0
    assert y == pytest.approx(5 * x)
    half = bench.planes.views["aae"].half
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert bench.planes.views["aae"].half == pytest.approx(half / 1.25)
    assert bench.planes.views["vae"] == bench.planes.views["aae"]
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert bench.planes.views["aae"].half == pytest.approx(half)


def test_hovering_a_point_shows_its_image_and_reconstruction(qtbot, studio):
    trained(qtbot, studio, 20)
    surveyed(qtbot, studio)
    bench, canvas = studio.workbench, studio.window.lanes["ae"].canvas
    canvas.grab()
    places = bench.planes.views["ae"].to_pixels(bench.planes.places("ae"), canvas.width(), canvas.height())
    inside = np.flatnonzero(((places > 20) & (places < 150)).all(axis=1))
    spot = places[inside[0]]
    qtbot.mouseMove(canvas, QPoint(3, 3))
    qtbot.mouseMove(canvas, QPoint(round(float(spot[0])), round(float(spot[1]))))
    card = canvas.card()
    assert card is not None
    assert "id" in card.captions[0]
    assert card.original.width() == 8


def test_another_dataset_and_prior_are_chosen_from_the_menus(qtbot, studio):
    bench, bar = studio.workbench, studio.window.tool_bar
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        next(action for action in bar.dataset_menu.actions() if action.data() == "shapes").trigger()
    assert bench.snapshot.dataset.image_shape == (1, 28, 28)
    trained(qtbot, studio, 5)
    with qtbot.waitSignal(bench.configured, timeout=30_000):
        next(action for action in bar.prior_menu.actions() if action.data() == "ring").trigger()
    qtbot.waitUntil(lambda: bench.config.prior == "ring", timeout=10_000)
    assert bench.step == 5, "a prior changes while training goes on"


def test_a_prior_that_the_vae_cannot_take_is_refused_in_a_sentence_and_nothing_is_lost(qtbot, studio):
    trained(qtbot, studio, 5)
    bench, bar = studio.workbench, studio.window.tool_bar
    with qtbot.waitSignal(bench.failed, timeout=10_000):
        next(action for action in bar.prior_menu.actions() if action.data() == "uniform").trigger()
    assert "VAE" in studio.window.banner.text()
    assert (bench.config.prior, bench.step) == ("gaussian", 5)
    trained(qtbot, studio, 3)


def test_lanes_show_figures_and_say_what_they_are(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 4)
    qtbot.waitUntil(
        lambda: bench.findings.figures_step == bench.step and "aae" in bench.findings.figures, timeout=30_000
    )
    figures, lane = bench.findings.figures["aae"], studio.window.lanes["aae"]
    qtbot.waitUntil(
        lambda: lane.figures().get("SW1 to prior") == f"{figures.sw1_to_prior:.2f} σ", timeout=5000
    )
    assert list(lane.figures()) == ["recon MSE", "MMD² to prior", "SW1 to prior", "kNN accuracy"]
    assert lane.figures()["recon MSE"] == f"{figures.recon_mse:.4f}"
    tips = {label.text(): label.toolTip() for label, _ in lane._rows}
    for name in ("MMD² to prior", "SW1 to prior"):
        spread = f"{figures.code_std_least:.2f} to {figures.code_std_greatest:.2f}"
        assert f"mean at most {figures.code_mean:.2f}, standard deviation {spread}." in tips[name]
    found = f"after step {studio.workbench.findings.figures_step}, on 360 of 360 test images"
    assert all(found in tip for tip in tips.values())


def test_models_join_and_leave(qtbot, studio):
    bench, bar = studio.workbench, studio.window.tool_bar
    trained(qtbot, studio, 4)
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        qtbot.mouseClick(bar.model_buttons["vae"], Qt.MouseButton.LeftButton)
    assert list(studio.window.lanes) == ["ae", "aae"]
    assert bench.step == 4
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        qtbot.mouseClick(bar.model_buttons["gan"], Qt.MouseButton.LeftButton)
    assert list(studio.window.lanes) == ["ae", "aae", "gan"]
    assert bench.step == 4
    qtbot.waitUntil(lambda: ("lattice", "gan") in bench.questions.answers, timeout=10_000)
    trained(qtbot, studio, 2)
    assert set(studio.window.lanes["gan"].figures()) == {"D(x)", "D(G(z))"}
    aae, gan = studio.window.lanes["aae"], studio.window.lanes["gan"]
    qtbot.waitUntil(lambda: gan.canvas.height() == aae.canvas.height() > 0)
    assert gan.decode_view.y() == aae.decode_view.y()


def test_a_run_that_blows_up_says_where_and_still_decodes(qtbot, studio):
    bench = studio.workbench
    trained(qtbot, studio, 3)
    bench.configure(**{"learning_rate": 1e4})
    with qtbot.waitSignal(bench.failed, timeout=30_000) as caught:
        bench.train()
    fault = caught.args[0]
    assert isinstance(fault, NonFinite)
    assert fault.model in studio.window.banner.text()
    qtbot.waitUntil(lambda: not bench.training, timeout=10_000)
    assert all(np.isfinite(decoded_at(bench.at_cursor(name)).image).all() for name in bench.models)


def test_undo_takes_an_option_back(qtbot, studio):
    bench = studio.workbench
    bench.configure(**{"vae.beta": 4.0})
    qtbot.waitUntil(lambda: bench.config.options.get("vae.beta") == 4.0, timeout=10_000)
    studio.window.actions_by_name["undo"].trigger()
    qtbot.waitUntil(lambda: "vae.beta" not in bench.config.options, timeout=10_000)


def test_ctrl_z_in_an_entry_takes_the_option_back_unless_something_is_being_entered(qtbot, studio):
    bench, control = studio.workbench, Qt.KeyboardModifier.ControlModifier
    entry = studio.window.options_form.rows["batch_size"].editor
    entry.setFocus()
    QTest.keyClick(entry, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: bench.config.batch_size < 64, timeout=10_000)
    smaller = bench.config.batch_size
    QTest.keyClick(entry, Qt.Key.Key_Z, control)
    qtbot.waitUntil(lambda: bench.config.batch_size == 64, timeout=10_000)
    QTest.keyClick(entry, Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: bench.config.batch_size == smaller, timeout=10_000)
    entry.selectAll()
    QTest.keyClicks(entry, "777")
    QTest.keyClick(entry, Qt.Key.Key_Z, control)
    assert entry.text() != "777"
    assert bench.asked.batch_size == smaller, "what was changed before stands"
    QTest.keyClick(entry, Qt.Key.Key_Escape)
    # A step that is not yet settled on is one: it is taken back, too.
    QTest.keyClick(entry, Qt.Key.Key_Down)
    QTest.keyClick(entry, Qt.Key.Key_Z, control)
    qtbot.wait(500)
    qtbot.waitUntil(lambda: bench.config.batch_size == smaller, timeout=10_000)
    assert bench.changes.after is not None
    assert entry.text() == str(smaller)


def test_many_code_axes_show_two_and_sliders_for_the_rest(qtbot, qapp, settings, tmp_path):
    studio = opened(qtbot, qapp, SMALL.with_(latent_size=5), settings, tmp_path)
    bench = studio.workbench
    assert studio.window.code_dock.isVisible()
    trained(qtbot, studio, 10)
    surveyed(qtbot, studio)
    bench.planes.set_axes(None)
    assert bench.planes["aae"].labels == ("PC1", "PC2")
    before = bench.planes.cursors["aae"].copy()
    bench.planes.set_code_axis(4, 1.5)
    assert bench.planes.cursors["aae"][4] == 1.5
    bench.planes.move_cursor("aae", (0.3, 0.2))
    assert (bench.planes.cursors["aae"] != before).sum() == 5
    studio.window.grab()
    closed(studio)


def test_one_code_axis_works(qtbot, qapp, settings, tmp_path):
    studio = opened(qtbot, qapp, SMALL.with_(latent_size=1), settings, tmp_path)
    trained(qtbot, studio, 5)
    surveyed(qtbot, studio)
    assert len(np.unique(studio.workbench.planes.places("aae")[:, 1])) == 10
    studio.window.grab()
    closed(studio)


def test_closing_while_it_trains_leaves_no_thread(qtbot, qapp, settings, tmp_path):
    studio = opened(qtbot, qapp, SMALL, settings, tmp_path)
    studio.workbench.train()
    qtbot.waitUntil(lambda: studio.workbench.step > 3, timeout=30_000)
    assert closed(studio)
    assert studio.trainer.isFinished()
    assert studio.survey.isFinished()


def question(window) -> QMessageBox | None:
    return next((box for box in window.findChildren(QMessageBox) if box.isVisible()), None)


def test_what_took_long_is_not_lost_without_a_question(qtbot, studio, monkeypatch, tmp_path):
    bench, window = studio.workbench, studio.window
    trained(qtbot, studio, 2)
    monkeypatch.setattr(files, "WORTH_SAVING_S", 0.0)
    kinds = QMessageBox.StandardButton
    assert not window.close()
    question(window).button(kinds.Cancel).click()
    assert window.isVisible()
    # No folder is chosen: the window stays.
    monkeypatch.setattr("aae_studio.ui.files.QFileDialog.getSaveFileName", lambda *_, **__: ("", ""))
    assert not window.close()
    question(window).button(kinds.Save).click()
    assert window.isVisible()
    folder = tmp_path / "kept" / "run"
    folder.parent.mkdir()
    asked = []
    monkeypatch.setattr(
        "aae_studio.ui.files.QFileDialog.getSaveFileName",
        lambda *given, **_: asked.append(given[2]) or (str(folder), ""),
    )
    monkeypatch.setattr(files, "WORTH_SAVING_S", 1e-9)
    assert not window.close()
    question(window).button(kinds.Save).click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=10_000)
    assert (folder / "session.json").exists()
    assert studio.trainer.isFinished()
    assert bench.unsaved_seconds == 0
    # The next dialog begins where the last session lies.
    assert window.files._last_folder() == folder.parent


def test_another_session_is_opened_when_the_one_that_took_long_is_saved_or_given_up(
    qtbot, studio, monkeypatch, tmp_path
):
    bench, window, kinds = studio.workbench, studio.window, QMessageBox.StandardButton
    trained(qtbot, studio, 2)
    with qtbot.waitSignal(bench.saved, timeout=10_000):
        bench.save(tmp_path / "two")
    trained(qtbot, studio, 3)
    monkeypatch.setattr(files, "WORTH_SAVING_S", 1e-9)
    dialog = "aae_studio.ui.files.QFileDialog."
    monkeypatch.setattr(dialog + "getExistingDirectory", lambda *_: str(tmp_path / "two"))
    window.files.open_session()
    question(window).button(kinds.Cancel).click()
    assert bench.step == 5
    window.files.open_session()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        question(window).button(kinds.Save).click()
    # It was saved into the folder that it had, and that is opened.
    assert bench.step == 5
    trained(qtbot, studio, 1)
    window.files.open_session()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        question(window).button(kinds.Discard).click()
    assert bench.step == 5
    assert window.isVisible()


def test_a_signal_closes_it_without_a_question_even_while_one_is_asked(qtbot, studio, monkeypatch):
    trained(qtbot, studio, 2)
    monkeypatch.setattr(files, "WORTH_SAVING_S", 0.0)
    assert not studio.window.close()
    assert question(studio.window) is not None
    studio.leave()
    assert not studio.window.isVisible()
    assert question(studio.window) is None
    assert studio.trainer.isFinished()


def test_geometry_and_panels_are_restored(qtbot, qapp, settings, tmp_path):
    studio = opened(qtbot, qapp, SMALL, settings, tmp_path)
    studio.window.plots_dock.hide()
    studio.window.resize(1100, 777)
    closed(studio)
    again = opened(qtbot, qapp, SMALL, settings, tmp_path)
    again.window.restoreGeometry(settings.value("geometry"))
    assert not again.window.plots_dock.isVisible()
    closed(again)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_theme_and_language_change_without_touching_the_training(qtbot, studio, theme, language):
    trained(qtbot, studio, 3)
    studio.set_theme(theme)
    studio.set_language(language)
    assert studio.workbench.step == 3
    qtbot.waitUntil(lambda: studio.window.loss_plots is not None, timeout=10_000)
    trained(qtbot, studio, 2)
    surveyed(qtbot, studio)
    assert not studio.window.grab().isNull()


def test_what_was_chosen_in_panels_stays_in_another_language(qtbot, studio):
    def panel(name: str):
        return studio.window.panel_docks[name].open()

    step, sweep, noise, paths, sketch = map(panel, ("step", "sweep", "noise", "paths", "sketch"))
    step.models.setCurrentIndex(1)
    sweep.model.setCurrentIndex(sweep.model.findData("aae"))
    sweep.model.activated.emit(sweep.model.currentIndex())
    sweep.across.choose("aae.r1", "0 1 2")
    sweep.steps.show_value(77)
    noise.kind.setCurrentIndex(1)
    noise.strength.setValue(33)
    paths.take_random()
    paths.way.setCurrentIndex(1)
    sketch.pad.stroke([(0.2, 0.2), (0.8, 0.8)])
    chosen = [each.choices() for each in (step, sweep, noise, paths)]
    drawn = sketch.pad.picture(1)
    for language in ("ko", "en"):
        studio.set_language(language)
    names = ("step", "sweep", "noise", "paths")
    assert studio.window.panel_docks["step"].panel is not step
    assert [panel(name).choices() for name in names] == chosen
    assert (panel("sweep").model.currentData(), panel("sweep").across.values.text()) == ("aae", "0 1 2")
    np.testing.assert_array_equal(panel("sketch").pad.picture(1), drawn)
    # What is gone cannot be chosen.
    with qtbot.waitSignal(studio.workbench.prepared, timeout=10_000):
        studio.workbench.configure(models=("ae",))
    studio.set_language("ko")
    assert panel("step").model == "ae"
    assert panel("sweep").model.currentData() == "ae"


def test_a_session_is_saved_and_opened_again(qtbot, studio, tmp_path):
    bench = studio.workbench
    trained(qtbot, studio, 6)
    assert studio.window.windowTitle() == "AAE Studio"
    with qtbot.waitSignal(bench.saved, timeout=10_000):
        bench.save(tmp_path / "run")
    assert studio.window.windowTitle() == "run — AAE Studio"
    place = bench.models["aae"].decode([[0.5, 0.5]])
    bench.configure(seed=9)
    qtbot.waitUntil(lambda: bench.config.seed == 9 and bench.step == 0, timeout=10_000)
    assert studio.window.windowTitle() == "AAE Studio", "it is another experiment"
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.open(tmp_path / "run")
    assert studio.window.windowTitle() == "run — AAE Studio"
    assert (bench.step, bench.config.seed) == (6, 0)
    assert len(bench.history.steps) == 6
    assert (bench.models["aae"].decode([[0.5, 0.5]]) == place).all()
    trained(qtbot, studio, 2)


def test_a_missing_dataset_offers_the_download(qtbot, studio):
    with qtbot.waitSignal(studio.workbench.failed, timeout=60_000):
        studio.workbench.configure(dataset="mnist")
    assert "MNIST" in studio.window.banner.text()
    trained(qtbot, studio, 2)


def test_models_leave_while_everything_moves(qtbot, studio):
    """A paint or a drag between the change and its first snapshot must find whole tables."""
    bench, window = studio.workbench, studio.window
    bench.train()
    for models in (("ae", "aae"), ("aae",)):
        bench.configure(models=models)

        def moved(models: tuple[str, ...] = models) -> bool:
            for lane in window.lanes.values():
                lane.canvas.repaint()
            bench.planes.move_cursor(bench.planes.active, (0.1, 0.2))
            return tuple(bench.models) == models

        qtbot.waitUntil(moved, timeout=20_000)
    bench.pause()
    qtbot.waitUntil(lambda: not bench.training, timeout=10_000)


def test_a_training_of_so_many_steps_can_be_paused(qtbot, studio):
    bench, action = studio.workbench, studio.window.actions_by_name["train"]
    bench.train(100_000)
    qtbot.waitUntil(lambda: bench.step > 2, timeout=20_000)
    assert bench.training
    assert action.text() == "Pause"
    action.trigger()
    qtbot.waitUntil(lambda: not bench.training, timeout=20_000)
    assert action.text() == "Train"
    assert bench.step < 100_000


@pytest.mark.parametrize("steps", [400, None])
def test_after_a_rewind_training_goes_on_as_far_as_it_was_to_go(qtbot, studio, steps):
    bench = studio.workbench
    bench.train(steps)
    qtbot.waitUntil(lambda: bench.step > 2, timeout=20_000)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.rewind()
    qtbot.waitUntil(lambda: bench.step > 2, timeout=20_000)
    assert studio.window.status_bar.message().startswith("Training")
    if steps is None:
        assert bench.training
        return
    qtbot.waitUntil(lambda: not bench.training, timeout=60_000)
    assert bench.step == len(bench.history) == steps
    assert studio.window.status_bar.message().startswith("Paused at step 400")


def test_a_refused_prior_does_not_stop_the_training(qtbot, studio):
    bench = studio.workbench
    bench.train()
    qtbot.waitUntil(lambda: bench.step > 2, timeout=20_000)
    with qtbot.waitSignal(bench.failed, timeout=10_000):
        bench.configure(prior="uniform")
    step = bench.step
    qtbot.waitUntil(lambda: bench.step > step + 2, timeout=20_000)
    assert bench.training
    assert bench.changes.before is None, "what was refused cannot be taken back"


def test_another_data_folder_keeps_the_training_and_mends_only_what_failed(qtbot, studio, tmp_path):
    bench = studio.workbench
    trained(qtbot, studio, 5)
    bench.set_data_dir(tmp_path / "elsewhere")
    trained(qtbot, studio, 1)
    assert bench.step == 6
    with qtbot.waitSignal(bench.failed, timeout=60_000):
        bench.configure(dataset="mnist")
    with qtbot.waitSignal(bench.failed, timeout=60_000):
        bench.set_data_dir(tmp_path / "still-not-there")
    assert "still-not-there" in studio.window.banner.text()
    assert bench.step == 6


def test_a_first_experiment_that_fails_leaves_the_others_within_reach(qtbot, open_studio):
    studio = open_studio(SMALL.with_(dataset="mnist"), until="failed")
    bar, row = studio.window.tool_bar, studio.window.lane_row
    assert (bar._dataset.text(), bar._prior.text()) == ("MNIST ▾", "Prior: Gaussian ▾")

    def said() -> set[str]:
        return {bar._progress.text(), *(card.note.text() for card in row.waiting.values())}

    assert list(row.waiting) == list(SMALL.models)
    assert said() == {"nothing loaded"}
    assert {card.plot.message.text() for card in studio.window.loss_plots.cards} == {"No curves yet."}
    # Asked again; what cannot be is forgotten.
    with qtbot.waitSignal(studio.workbench.failed, timeout=60_000):
        studio.workbench.configure(models=("ae", "gan"))
        assert said() == {"loading…"}
    assert list(row.waiting) == list(SMALL.models)
    assert said() == {"nothing loaded"}
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        next(action for action in bar.dataset_menu.actions() if action.data() == "digits").trigger()


def test_another_language_during_a_download_ends_the_download_first(qtbot, studio, monkeypatch):
    """Destroying the dialog with its thread alive would abort the program."""
    import threading

    from aae_studio.core.datasets.mnist import Mnist
    from aae_studio.ui.download_dialog import DownloadDialog

    go_on = threading.Event()

    def endless(data_dir):
        while not go_on.wait(0.01):
            yield 1, 1000

    monkeypatch.setattr(Mnist, "download", endless)
    studio.window.files.download("mnist")
    (dialog,) = studio.window.findChildren(DownloadDialog)
    qtbot.waitUntil(lambda: dialog.running, timeout=10_000)
    studio.set_language("ko")
    qtbot.waitUntil(lambda: studio.window.loss_plots is not None, timeout=10_000)
    go_on.set()


def test_a_double_click_puts_every_cursor_back(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["vae"].canvas
    trained(qtbot, studio, 20)
    bench.planes.move_cursor("vae", (0.7, -0.4))
    view = bench.planes.views["vae"]
    bench.planes.set_view("vae", view.zoomed(3.0, 0.0, 0.0))
    before = {name: code.copy() for name, code in bench.planes.cursors.items()}
    at = QPoint(canvas.width() // 3, canvas.height() // 4)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert (bench.planes.cursors["ae"] != before["ae"]).any()
    bench.planes.place_cursors(before)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    for name, code in before.items():
        np.testing.assert_array_equal(bench.planes.cursors[name], code)


def test_a_double_click_with_the_right_button_leaves_the_cursor_alone(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["vae"].canvas
    bench.planes.move_cursor("vae", (1.0, 1.0))
    qtbot.mouseDClick(canvas, Qt.MouseButton.RightButton, pos=QPoint(20, 20))
    np.testing.assert_allclose(bench.planes.cursors["vae"], (1.0, 1.0), atol=1e-6)


def test_a_cursor_beyond_the_view_is_pointed_at_and_comes_back_with_a_rewind(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["vae"].canvas
    trained(qtbot, studio, 2)
    empty = canvas.grab().toImage()
    bench.planes.move_cursor("vae", (500.0, 0.0))
    assert not canvas.rect().contains(canvas.cursor_pixel().toPoint())
    edge = canvas.grab(QRect(canvas.width() - 14, canvas.height() // 2 - 8, 14, 16)).toImage()
    assert edge != empty.copy(canvas.width() - 14, canvas.height() // 2 - 8, 14, 16)
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.rewind()
    assert canvas_of(studio, "vae").rect().contains(canvas_of(studio, "vae").cursor_pixel().toPoint())


@pytest.mark.parametrize("again", ["rewind", "new_seed"])
def test_linked_cursors_are_together_in_a_new_experiment(qtbot, studio, again: str):
    """The AE's codes lie elsewhere before it is trained: its old cursor would be out of sight."""
    bench = studio.workbench
    trained(qtbot, studio, 20)
    surveyed(qtbot, studio)
    bench.planes.move_cursor("vae", (0.9, -0.5))
    bench.planes.cursors["ae"] = np.float32([50 * bench.planes.views["ae"].half, 0.0])
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        getattr(bench, again)()
    assert bench.planes.cursor_place("vae") == pytest.approx((0.9, -0.5), abs=1e-5)
    views = bench.planes.views
    for name in bench.models:
        wanted = views["vae"].carried((0.9, -0.5), views[name])
        assert bench.planes.cursor_place(name) == pytest.approx(wanted, abs=1e-5), name


def test_a_point_that_was_dragged_in_the_aes_plane_stays_in_the_others_through_restarts(qtbot, studio):
    """Untrained, the AE's codes are tiny: what its cursor says then is no place for the others to go to."""
    bench = studio.workbench
    trained(qtbot, studio, 20)
    surveyed(qtbot, studio)
    view = bench.planes.views["ae"]
    bench.planes.move_cursor("ae", (view.x + 0.5 * view.half, view.y - 0.4 * view.half))
    wanted = bench.planes.cursor_place("vae")
    assert max(map(abs, wanted)) > 0.5
    for _ in range(3):
        with qtbot.waitSignal(bench.prepared, timeout=30_000):
            bench.rewind()
        surveyed(qtbot, studio)
        for name in ("vae", "aae"):
            assert bench.planes.cursor_place(name) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("models", [("ae", "vae", "aae"), ("ae",)])
@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("inputs", ["plain", "standardised"], ids=["0 is out of sight", "0 is in sight"])
def test_cursors_are_in_sight_when_the_first_codes_are_there(qtbot, open_studio, models, linked, inputs):
    def before_start(studio: Studio) -> None:
        planes = studio.workbench.planes
        planes.set_linked(linked)
        # A drag that is taken back before they are there does not settle where it is.
        studio.workbench.prepared.connect(lambda: planes.put_back(planes.kept()))

    # Once it has started, the first codes may be there at any time.
    studio = open_studio(ExperimentConfig(models=models, inputs=inputs), before_start=before_start)
    bench, planes = studio.workbench, studio.workbench.planes
    surveyed(qtbot, studio)
    assert set(bench.findings.codes) == set(models)
    view = planes.views["ae"]
    seen = max(abs(view.x), abs(view.y)) < view.half
    assert seen == (inputs == "standardised")
    # Where nothing leads it away, it stays at the code 0.
    stays = seen and not (linked and len(models) > 1)
    wanted = (0.0, 0.0) if stays else (view.x, view.y)
    assert planes.cursor_place("ae") == pytest.approx(wanted, abs=1e-6)
    for name in set(models) - {"ae"}:
        assert planes.cursor_place(name) == pytest.approx((0.0, 0.0), abs=1e-6)
        assert "−" not in studio.window.lanes[name]._code.text(), "0 has no sign to lose"


def canvas_of(studio: Studio, name: str):
    return studio.window.lanes[name].canvas


def test_many_models_scroll_and_do_not_widen_the_window(qtbot, studio):
    bench, window = studio.workbench, studio.window
    window.resize(1100, 800)
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.configure(models=("ae", "vae", "aae", "gan", "wae", "supervised_aae"))
    qtbot.waitUntil(lambda: len(window.lanes) == 6 and window.lanes["wae"].isVisible(), timeout=10_000)
    assert window.minimumSizeHint().width() <= 1100
    assert min(lane.width() for lane in window.lanes.values()) >= LEAST_WIDTH


def test_a_lane_that_is_new_comes_into_sight(qtbot, studio):
    bench, window = studio.workbench, studio.window
    window.resize(1100, 800)
    row = window.findChild(LaneRow)
    bar = row.horizontalScrollBar()
    with qtbot.waitSignal(bench.prepared, timeout=30_000):
        bench.configure(models=("ae", "vae", "aae", "gan", "wae"))
    qtbot.waitUntil(lambda: bar.maximum() > 0, timeout=10_000)
    bar.setValue(0)
    bench.configure(models=("ae", "vae", "aae", "gan", "wae", "supervised_aae"))
    qtbot.waitUntil(lambda: "supervised_aae" in row.lanes, timeout=30_000)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0, timeout=10_000)


def test_a_lane_that_fitted_when_it_was_new_is_not_brought_up_later(qtbot, studio):
    bench, window = studio.workbench, studio.window
    window.resize(2600, 800)
    row = window.findChild(LaneRow)
    bench.configure(models=("ae", "vae", "aae", "gan", "wae", "supervised_aae"))
    qtbot.waitUntil(lambda: "supervised_aae" in row.lanes, timeout=30_000)
    qtbot.waitUntil(lambda: not row._laying_out.isActive(), timeout=5_000)
    window.resize(1100, 800)
    bar = row.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0, timeout=10_000)
    qtbot.wait(50)
    assert bar.value() == 0


def test_three_lanes_fit_beside_any_panel(qtbot, studio):
    bar = studio.window.findChild(LaneRow).horizontalScrollBar()
    assert len(studio.window.lanes) == 3
    for dock in studio.window.panel_docks.values():
        dock.open()
        # The tabs of two and more panels take room too.
        qtbot.waitUntil(lambda: bar.maximum() == 0, timeout=5_000)


def test_space_while_the_first_experiment_is_made_trains_it(qtbot, qapp, settings, tmp_path):
    studio = Studio(qapp, SMALL, tmp_path / "data", settings)
    studio.window.show()
    studio.window.activateWindow()
    qtbot.waitUntil(studio.window.isActiveWindow)
    studio.start()
    qtbot.keyClick(studio.window, Qt.Key.Key_Space)
    assert studio.workbench.snapshot is None
    try:
        qtbot.waitUntil(lambda: studio.workbench.step > 2, timeout=30_000)
    finally:
        closed(studio)


def test_saving_again_goes_where_it_went_before_until_another_experiment_begins(
    qtbot, studio, tmp_path, monkeypatch
):
    asked = []

    def ask(*_: object, **__: object) -> tuple[str, str]:
        asked.append(1)
        return str(tmp_path / f"session {len(asked)}"), ""

    monkeypatch.setattr("aae_studio.ui.files.QFileDialog.getSaveFileName", ask)
    for _ in range(2):
        with qtbot.waitSignal(studio.workbench.saved, timeout=10_000):
            studio.window.actions_by_name["save"].trigger()
    assert len(asked) == 1
    with qtbot.waitSignal(studio.workbench.prepared, timeout=10_000):
        studio.workbench.rewind()
    with qtbot.waitSignal(studio.workbench.saved, timeout=10_000):
        studio.window.actions_by_name["save"].trigger()
    assert len(asked) == 2


def test_enter_gives_the_keyboard_back_to_the_window(qtbot, studio):
    editor = studio.window.options_form.findChild(object, "learning_rate")
    assert editor is not None
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "0.002")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: studio.workbench.config.learning_rate == 0.002, timeout=10_000)
    assert not editor.hasFocus()


# What floats is a window of its own, which cannot be raised where there is no screen.
@pytest.mark.qt_log_ignore("does not support raise", extend=True)
def test_panels_lie_behind_one_another_after_the_layout_was_reset(qtbot, studio):
    window = studio.window
    doctor, comparison = (window.panel_docks[name] for name in ("doctor", "compare"))
    for _ in range(2):
        doctor.open()
        comparison.open()
        assert not comparison.isFloating()
        qtbot.waitUntil(lambda: comparison.in_front)
        assert doctor in window.tabifiedDockWidgets(comparison)
        doctor.close()
        comparison.setFloating(True)
        window.actions_by_name["reset_layout"].trigger()
        assert comparison.isHidden()


def test_show_all_shows_codes_beyond_the_priors_extent_in_one_scale(qtbot, studio):
    bench, planes = studio.workbench, studio.workbench.planes
    surveyed(qtbot, studio)
    extent = bench.snapshot.prior.extent
    planes.fit_view("aae")
    assert planes.views["aae"].half == planes.views["vae"].half == extent
    bench.findings.codes["vae"] = (bench.findings.codes["vae"] + (2 * extent, 0.0)).astype(np.float32)
    planes.fit_view("aae")
    assert planes.views["aae"].half == planes.views["vae"].half > 2 * extent
    pixels = planes.views["vae"].to_pixels(planes.places("vae"), 300, 300)
    assert (np.abs(pixels - 150) <= 150).all(axis=1).mean() > 0.98
