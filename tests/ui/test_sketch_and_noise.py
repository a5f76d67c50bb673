"""The panels Sketch and Noise lab, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QPainter
from PySide6.QtTest import QTest

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import theme
from aae_studio.ui.app import Studio
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.canvas.mark import INSET, Mark, draw_mark
from aae_studio.ui.panels.noise import STEPS, Noise
from aae_studio.ui.panels.sketch import Sketch
from aae_studio.ui.sketch_pad import SIDE, SketchPad

MODELS = ("ae", "aae", "gan")


@pytest.fixture
def studio(open_studio) -> Studio:
    options = {"shapes.color": True, "shapes.size": 8}
    config = ExperimentConfig(models=MODELS, hidden=(16,), batch_size=64, options=options)
    return open_studio(config, (1500, 900))


@pytest.fixture
def sketch(qtbot, studio: Studio) -> Sketch:
    panel = studio.window.panel_docks["sketch"].open()
    assert isinstance(panel, Sketch)
    qtbot.waitUntil(panel.isVisible)
    return panel


@pytest.fixture
def lab(qtbot, studio: Studio) -> Noise:
    panel = studio.window.panel_docks["noise"].open()
    assert isinstance(panel, Noise)
    qtbot.waitUntil(lambda: panel.isVisible() and panel.settled, timeout=10_000)
    return panel


@pytest.fixture
def pad(qtbot) -> SketchPad:
    made = SketchPad(theme.load("dark"))
    made.resize(140, 140)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def ink(pad: SketchPad) -> float:
    return float(pad.picture(1).sum())


def drag(pad: SketchPad, start: QPoint, end: QPoint, button=Qt.MouseButton.LeftButton) -> None:
    QTest.mousePress(pad, button, pos=start)
    QTest.mouseMove(pad, end)
    QTest.mouseRelease(pad, button, pos=end)


# The pad


def test_the_mouse_draws_where_it_is_and_the_right_button_erases(pad):
    drag(pad, QPoint(35, 70), QPoint(105, 70))
    drawn = pad.picture(1)
    assert drawn.shape == (1, SIDE, SIDE)
    rows, columns = np.argwhere(drawn[0] > 0.5).T
    # The pad is half as large as its ink: a line from 70 to 210, with round ends of half its thickness.
    assert abs(rows.mean() + 0.5 - 140) < 1
    assert columns.min() == pytest.approx(70 - pad.thickness / 2, abs=2)
    assert columns.max() == pytest.approx(210 + pad.thickness / 2, abs=2)
    area = 140 * pad.thickness + np.pi * pad.thickness**2 / 4
    assert ink(pad) == pytest.approx(area, rel=0.02)
    drag(pad, QPoint(30, 70), QPoint(110, 70), Qt.MouseButton.RightButton)
    assert ink(pad) < 0.02 * area


def test_every_stroke_can_be_taken_back_and_so_can_clearing(pad):
    states = [ink(pad)]
    for y in (30, 60, 90):
        drag(pad, QPoint(30, y), QPoint(100, y))
        states.append(ink(pad))
    pad.clear()
    assert pad.blank
    for wanted in reversed(states):
        pad.undo()
        assert ink(pad) == wanted
    assert not pad.can_undo
    pad.undo()
    assert pad.blank


def test_escape_takes_the_stroke_back_that_is_being_drawn(pad):
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(30, 30))
    QTest.mouseMove(pad, QPoint(90, 90))
    assert not pad.blank
    QTest.keyClick(pad, Qt.Key.Key_Escape)
    assert pad.blank
    QTest.mouseMove(pad, QPoint(30, 90))
    assert pad.blank, "the stroke is over"


def test_the_keyboard_draws(pad):
    pad.setFocus()
    for _ in range(5):
        QTest.keyClick(pad, Qt.Key.Key_Left)
    assert pad.blank
    for _ in range(10):
        QTest.keyClick(pad, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    once = ink(pad)
    assert once > 10 * pad.thickness
    QTest.keyClick(pad, Qt.Key.Key_Down)
    QTest.keyClick(pad, Qt.Key.Key_Return)
    assert ink(pad) > once
    QTest.keyClick(pad, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert ink(pad) == once
    QTest.keyClick(pad, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert pad.blank, "one line is one stroke"
    QTest.keyClick(pad, Qt.Key.Key_Return)
    QTest.keyClick(pad, Qt.Key.Key_Delete)
    assert pad.blank


def test_ink_has_a_colour(pad):
    pad.color = QColor(255, 51, 0)
    drag(pad, QPoint(70, 70), QPoint(70, 70))
    np.testing.assert_allclose(pad.picture(3)[:, 140, 140], [1, 0.2, 0])
    assert pad.picture(1)[0, 140, 140] == 1


def test_a_picture_comes_onto_the_pad_as_it_is(pad):
    picture = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE)).astype(np.float32) / 255
    pad.show_picture(picture)
    np.testing.assert_allclose(pad.picture(3), picture, atol=1e-6)
    pad.undo()
    assert pad.blank


# The panel Sketch


def marks(studio: Studio) -> dict[str, Mark]:
    """What the sketch has marked, by model."""
    traces = studio.workbench.display.traces.get("sketch", {})
    return {name: trace.marks[0] for name, trace in traces.items()}


def test_a_drawing_is_marked_in_every_plane_while_it_is_drawn(qtbot, studio, sketch):
    bench, pad = studio.workbench, sketch.pad
    before = {name: studio.window.lanes[name].canvas.grab().toImage() for name in MODELS}
    assert not marks(studio)
    middle = QPoint(pad.width() // 2, pad.height() // 2)
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=middle - QPoint(20, 50))
    QTest.mouseMove(pad, middle + QPoint(10, 10))
    qtbot.waitUntil(lambda: bool(marks(studio)))
    first = marks(studio)
    QTest.mouseMove(pad, middle + QPoint(-40, 60))
    qtbot.waitUntil(lambda: marks(studio)["ae"] is not first["ae"])
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=middle + QPoint(-40, 60))
    seen = marks(studio)
    assert not np.allclose(seen["ae"].place, first["ae"].place)
    # What the mark says is what the model makes of the normalised drawing; the GAN has no encoder.
    assert set(seen) == {"ae", "aae"}
    image = bench.snapshot.dataset.normalised(pad.picture(1))
    for name, mark in seen.items():
        code = bench.models[name].encode(image[None])
        np.testing.assert_allclose(mark.place, bench.planes[name].project(code)[0], atol=1e-6)
        rebuilt = bench.models[name].reconstruct(image[None], [0])[0]
        assert mark.image == to_qimage(rebuilt)
        assert studio.window.lanes[name].canvas.grab().toImage() != before[name]
    assert [column.title for column in sketch.table.columns()] == ["x", "AE", "AAE"]
    sketch.clear.click()
    qtbot.waitUntil(lambda: not marks(studio))
    assert not sketch.table.columns()
    sketch.undo.click()
    qtbot.waitUntil(lambda: bool(marks(studio)))


def test_a_drawing_is_decoded_as_what_its_lane_is_told(qtbot, open_studio):
    config = ExperimentConfig(models=("supervised_aae",), hidden=(16,), batch_size=64)
    studio = open_studio(config)
    bench, panel = studio.workbench, studio.window.panel_docks["sketch"].open()
    qtbot.waitUntil(lambda: panel.isVisible() and bool(bench.findings.codes), timeout=20_000)
    tables: list[object] = []
    panel.table.show_table = lambda *parts: tables.append(parts)
    middle = QPoint(panel.pad.width() // 2, panel.pad.height() // 2)
    drag(panel.pad, middle - QPoint(20, 50), middle + QPoint(10, 10))
    qtbot.waitUntil(lambda: "supervised_aae" in panel._traces, timeout=10_000)
    studio.window.catch_up()
    first = panel._traces["supervised_aae"].marks[0].image
    bench.planes.set_condition("supervised_aae", 7)
    studio.window.catch_up()
    assert panel._traces["supervised_aae"].marks[0].image != first
    tables.clear()
    bench.planes.move_cursor("supervised_aae", (0.5, 0.5))
    studio.window.catch_up()
    assert not tables, "another place tells it nothing"


def test_the_mark_follows_training_and_goes_with_its_panel(qtbot, studio, sketch):
    bench = studio.workbench
    sketch.demonstrate()
    before = marks(studio)
    bench.train(3)
    qtbot.waitUntil(lambda: bench.step == 3 and not bench.training, timeout=10_000)
    qtbot.waitUntil(lambda: marks(studio)["ae"] is not before["ae"], timeout=10_000)
    qtbot.waitUntil(lambda: not np.allclose(marks(studio)["ae"].place, before["ae"].place))
    bench.planes.set_axes(None)
    # In another plane, which turns with the next codes, it is where its code is there.
    image = bench.snapshot.dataset.normalised(sketch.pad.picture(1))

    def is_there() -> bool:
        place = bench.planes["ae"].project(bench.models["ae"].encode(image[None]))[0]
        return np.allclose(marks(studio)["ae"].place, place, atol=1e-5)

    qtbot.waitUntil(is_there)
    studio.window.panel_docks["sketch"].hide()
    assert not marks(studio)
    sketch.pad.stroke([(0.2, 0.2), (0.8, 0.8)])
    studio.window.turns.finish()
    assert not marks(studio), "what is hidden does nothing"


def test_other_data_get_the_same_drawing_and_colours_where_they_have_some(qtbot, studio, sketch):
    bench = studio.workbench
    assert sketch.color.isHidden()
    sketch.demonstrate()
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.configure(dataset="shapes")
    qtbot.waitUntil(lambda: bool(marks(studio)), timeout=10_000)
    assert not sketch.color.isHidden()
    sketch.set_color(QColor(0, 255, 0))
    sketch.pad.clear()
    sketch.demonstrate()
    image = bench.snapshot.dataset.normalised(sketch.pad.picture(3))
    assert image.shape == (3, 8, 8)
    assert image[1].max() > 0.5
    assert not image[0].any()


def drop(panel: Sketch, *urls: QUrl) -> QDropEvent:
    data = QMimeData()
    data.setUrls(list(urls))
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)
    enter.ignore()
    panel.dragEnterEvent(enter)
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)
    event.ignore()
    if enter.isAccepted():
        panel.dropEvent(event)
    return event


def test_a_dropped_picture_is_encoded(qtbot, studio, sketch, tmp_path):
    paper = np.full((120, 90), 250, np.uint8)
    paper[20:100, 40:50] = 10
    file = tmp_path / "one on paper.png"
    Image.fromarray(paper).save(file)
    assert drop(sketch, QUrl.fromLocalFile(str(file))).isAccepted()
    qtbot.waitUntil(lambda: bool(marks(studio)))
    drawn = sketch.pad.picture(1)[0]
    assert drawn[140, 140] > 0.9
    assert not drawn[:, :70].any()
    assert not drop(sketch, QUrl("https://example.org/x.png")).isAccepted()


def test_a_bad_file_is_an_error_and_loses_nothing(qtbot, studio, sketch, tmp_path):
    sketch.demonstrate()
    drawn, mark = sketch.pad.picture(1), marks(studio)["ae"]
    file = tmp_path / "bad.png"
    file.write_bytes(b"no picture")
    with qtbot.waitSignal(studio.workbench.failed):
        drop(sketch, QUrl.fromLocalFile(str(file)))
    assert "bad.png" in studio.window.banner.text()
    np.testing.assert_array_equal(sketch.pad.picture(1), drawn)
    assert marks(studio)["ae"] is mark
    sketch.undo.click()
    assert sketch.pad.blank, "the failed picture is no step to be taken back"


def test_a_mark_outside_the_view_stands_at_its_edge(qtbot):
    look = theme.load("dark")
    canvas = to_qimage(np.zeros((1, 200, 300), np.float32))
    for spot, inside in ((QPointF(900, 100), (300 - INSET, 100)), (QPointF(-50, -70), (INSET, INSET))):
        picture = canvas.copy()
        painter = QPainter(picture)
        draw_mark(painter, spot, "x", canvas, picture.size(), look, crisp=True)
        painter.end()
        assert picture.pixelColor(inside[0] + 2, inside[1] + 1) != canvas.pixelColor(0, 0)


# The panel Noise lab


def test_the_lab_shows_all_models_and_their_gain(qtbot, studio, lab):
    assert [column.title for column in lab.table.columns()] == ["clean", "noisy", "AE", "AAE"]
    figures = lab.table.figures()
    before = number(figures["PSNR"][1])
    assert before == pytest.approx(10.5, abs=0.2)
    for place in (2, 3):
        gain = number(figures["gain"][place])
        assert gain == pytest.approx(number(figures["PSNR"][place]) - before, abs=0.11)
    assert "360 of 360" in lab.notes.text()


def test_the_lab_follows_its_slider_its_kind_and_training(qtbot, studio, lab):
    bench, first = studio.workbench, lab._seen
    lab.strength.setFocus()
    QTest.keyClick(lab.strength, Qt.Key.Key_End)
    assert lab.strength.value() == STEPS
    qtbot.waitUntil(lambda: lab.settled, timeout=10_000)
    assert number(lab.table.figures()["PSNR"][1]) == pytest.approx(0, abs=0.2)
    lab.kind.setCurrentIndex(2)
    qtbot.waitUntil(lambda: lab.settled, timeout=10_000)
    assert lab.amount.text() == "100 %"
    assert not lab._seen.noisy.any()
    lab.other.click()
    qtbot.waitUntil(lambda: lab.settled, timeout=10_000)
    seen = lab._seen
    assert seen.seed == 1
    assert seen is not first
    bench.train(3)
    qtbot.waitUntil(lambda: lab._seen.after != seen.after, timeout=10_000)
    np.testing.assert_array_equal(lab._seen.noisy, seen.noisy)


def test_the_lab_turns_denoising_on_and_off(qtbot, studio, lab):
    bench = studio.workbench
    lab.kind.setCurrentIndex(1)
    lab.train.click()
    assert (bench.asked.noise, bench.asked.noise_strength) == ("salt-pepper", 0.3)
    lab.strength.setValue(lab.strength.value() + 10)
    qtbot.waitUntil(lambda: bench.asked.noise_strength == pytest.approx(0.4))
    lab.train.click()
    assert bench.asked.noise_strength == 0
    bench.undo()
    assert lab.train.isChecked()
    qtbot.waitUntil(lambda: bench.config.noise_strength == pytest.approx(0.4))


def test_the_lab_shows_the_noise_that_is_trained_against(qtbot, studio, lab):
    """“Train against this noise” is ticked: it must be this one, whoever chose it."""
    bench = studio.workbench
    bench.configure(noise="affine", noise_strength=0.57)
    assert lab.train.isChecked()
    assert (lab.kind.currentData(), lab.corruption.strength) == ("affine", pytest.approx(0.57))
    assert lab.amount.text() == "57 %"
    qtbot.waitUntil(lambda: lab.settled, timeout=10_000)
    assert lab._seen.expected is None
    assert "calculation" not in lab.notes.text()
    # What was asked for a moment ago does not pull the slider back from under the hand.
    lab.strength.setValue(70)
    bench.configured.emit()
    assert lab.strength.value() == 70
    qtbot.waitUntil(lambda: bench.asked.noise_strength == pytest.approx(0.7))
    assert bench.asked.noise == "affine"
    # The slider knows whole percents, the lab what is trained against.
    bench.configure(noise_strength=0.125)
    assert lab.corruption.strength == 0.125
    bench.configure(noise_strength=0.004)
    assert lab.corruption.strength == 0.004
    assert lab.strength.value() == 1
    # Once it is not trained against, the choice is the lab's own.
    bench.configure(noise="mask", noise_strength=0.0)
    assert lab.kind.currentData() == "affine"


def test_the_lab_does_not_claim_to_train_against_noise_of_no_strength(qtbot, studio, lab):
    lab.strength.setValue(0)
    lab.train.click()
    assert not lab.train.isChecked()
    assert studio.workbench.asked.noise_strength == 0


def test_the_lab_asks_nothing_while_it_is_hidden(qtbot, studio, lab):
    bench = studio.workbench
    assert "noise" in bench.questions
    studio.window.panel_docks["noise"].hide()
    assert "noise" not in bench.questions
    lab.strength.setValue(3)
    assert "noise" not in bench.questions
    studio.window.panel_docks["noise"].show()
    qtbot.waitUntil(lambda: lab.settled, timeout=10_000)
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.configure(hidden=(8,))
    qtbot.waitUntil(lambda: "noise" in bench.questions.answers and lab.settled, timeout=10_000)


def test_the_lab_goes_on_in_another_theme(qtbot, studio, lab):
    studio.set_theme("light")
    anew = studio.window.panel_docks["noise"].open()
    assert anew is not lab
    qtbot.waitUntil(lambda: anew.isVisible() and anew.settled, timeout=10_000)
    assert "noise" in studio.workbench.questions


def test_every_control_says_what_it_does(studio, sketch, lab):
    for part in (sketch.pad, sketch.thickness, sketch.brush, sketch.eraser, sketch.undo, sketch.clear):
        assert part.toolTip()
        assert part.accessibleName() or part.text()
    for part in (sketch.open, sketch.color, lab.kind, lab.strength, lab.other, lab.train):
        assert part.toolTip()
    assert "PSNR: noisy" in lab.table.accessibleDescription()
