"""The panel in which a prior is painted, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton

from aae_studio.core import painted_density
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.painted_density import HALF, LEVELS
from aae_studio.ui.app import Studio
from aae_studio.ui.panels.paint_prior import PaintPrior

SHIFT, LEFT, RIGHT = Qt.KeyboardModifier.ShiftModifier, Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def studio(open_studio) -> Studio:
    config = ExperimentConfig(models=("vae", "aae"), hidden=(16,), batch_size=64)
    return open_studio(config, (1280, 900))


@pytest.fixture
def panel(studio: Studio) -> PaintPrior:
    found = studio.window.panel_docks["paint_prior"].open()
    assert isinstance(found, PaintPrior)
    return found


def pixel(panel: PaintPrior, x: float, y: float) -> QPoint:
    """Where a place, in σ, is on the painting."""
    area = panel.area
    scale = min(area.width(), area.height()) / (2 * HALF)
    return QPoint(round(area.width() / 2 + x * scale), round(area.height() / 2 - y * scale))


def drag(qtbot, panel: PaintPrior, *places: tuple[float, float], button=LEFT) -> None:
    qtbot.mousePress(panel.area, button, pos=pixel(panel, *places[0]))
    for place in places[1:]:
        qtbot.mouseMove(panel.area, pixel(panel, *place))
    qtbot.mouseRelease(panel.area, button, pos=pixel(panel, *places[-1]))


def holds(qtbot, studio: Studio, ink: painted_density.Ink) -> None:
    """Wait until all models train toward this painting."""
    qtbot.waitUntil(
        lambda: np.array_equal(getattr(studio.workbench.snapshot.prior, "ink", None), ink), timeout=10_000
    )
    assert {frozen.model.prior.title for frozen in studio.workbench.models.values()} == {"Painted"}


def test_a_stroke_with_the_mouse_is_the_prior_of_all_models_at_once(qtbot, studio, panel):
    bench = studio.workbench
    assert bench.config.prior == "gaussian"
    panel.clear.click()
    drag(qtbot, panel, (-2, 1), (0, 1), (2, 1))
    ink = panel.area.ink
    assert ink[painted_density.SIDE // 3].max() == LEVELS
    assert not ink[painted_density.SIDE // 2 :].any()
    holds(qtbot, studio, ink)
    assert bench.step == 0
    assert bench.config.prior == "painted"
    # Its outline is that of a bar from -2 to 2, in every plane.
    outline = np.concatenate(bench.snapshot.prior.outline())
    assert np.abs(outline[:, 0]).max() == pytest.approx(2.3, abs=0.15)
    assert outline[:, 1].min() == pytest.approx(0.7, abs=0.15)
    bench.train(2)
    qtbot.waitUntil(lambda: bench.step == 2, timeout=10_000)


def test_the_right_button_and_the_eraser_take_ink_away(qtbot, studio, panel):
    next(button for button in panel.findChildren(QPushButton) if button.text() == "Ring").click()
    holds(qtbot, studio, painted_density.starter("ring"))
    drag(qtbot, panel, (1.4, 0.0), (1.4, 0.0), button=RIGHT)
    once = panel.area.ink
    assert once.sum() < painted_density.starter("ring").sum()
    panel._eraser.click()
    drag(qtbot, panel, (-1.4, 0.0), (-1.4, 0.0))
    assert panel.area.ink.sum() < once.sum()
    holds(qtbot, studio, panel.area.ink)


def test_each_stroke_is_one_undo_however_often_it_was_applied(qtbot, studio, panel):
    bench = studio.workbench
    panel._start_from("islands")
    before = bench.asked
    qtbot.mousePress(panel.area, LEFT, pos=pixel(panel, 0, 0))
    for x in (0.2, 0.4, 0.8):
        sent = bench.asked
        qtbot.mouseMove(panel.area, pixel(panel, x, 0))
        # Live, while the button is down.
        qtbot.waitUntil(lambda sent=sent: bench.asked != sent, timeout=5000)
    qtbot.mouseRelease(panel.area, LEFT, pos=pixel(panel, 0.8, 0))
    painted = panel.area.ink
    holds(qtbot, studio, painted)
    panel.undo.click()
    assert bench.asked == before
    np.testing.assert_array_equal(panel.area.ink, painted_density.starter("islands"))
    holds(qtbot, studio, painted_density.starter("islands"))
    bench.redo()
    holds(qtbot, studio, painted)
    np.testing.assert_array_equal(panel.area.ink, painted)
    # A stroke over ink changes nothing, so that there is nothing to take back.
    bench.undo()
    drag(qtbot, panel, (-1.35, 0.0), (-1.3, 0.0))
    assert bench.asked == before


def test_the_keys_paint_too_and_escape_takes_the_stroke_back(qtbot, studio, panel):
    bench, area = studio.workbench, panel.area
    panel._start_from("ring")
    before = bench.asked
    area.setFocus()
    qtbot.keyClick(area, Qt.Key.Key_Return)
    assert area.painting
    qtbot.keyClick(area, Qt.Key.Key_Up, SHIFT)
    qtbot.keyClick(area, Qt.Key.Key_Right)
    qtbot.keyClick(area, Qt.Key.Key_Escape)
    assert not area.painting
    np.testing.assert_array_equal(area.ink, painted_density.starter("ring"))
    assert bench.asked == before
    qtbot.keyClick(area, Qt.Key.Key_Enter)
    qtbot.keyClick(area, Qt.Key.Key_Left)
    qtbot.keyClick(area, Qt.Key.Key_Enter)
    assert not area.painting
    middle = painted_density.SIDE // 2
    assert area.ink[middle - 3, middle] == LEVELS
    holds(qtbot, studio, area.ink)


def test_an_empty_canvas_is_refused_and_the_prior_stays(qtbot, studio, panel):
    bench = studio.workbench
    panel._start_from("heart")
    holds(qtbot, studio, painted_density.starter("heart"))
    before = bench.asked
    panel.clear.click()
    assert "needs some density" in panel._note.text()
    assert panel._note.isVisibleTo(panel)
    assert not panel.area.ink.any()
    assert bench.asked == before
    # Rubbing out on it, too.
    drag(qtbot, panel, (0, 0), (1, 1), button=RIGHT)
    assert bench.asked == before
    panel.undo.click()
    np.testing.assert_array_equal(panel.area.ink, painted_density.starter("heart"))
    assert panel._note.text() == ""
    assert bench.asked == before


def test_a_picture_is_loaded_or_refused_in_a_sentence(qtbot, studio, panel, tmp_path):
    pixels = np.zeros((20, 20), np.uint8)
    pixels[:, :10] = 200
    Image.fromarray(pixels).save(tmp_path / "half.png")
    panel.load(tmp_path / "half.png")
    wanted = np.zeros((painted_density.SIDE, painted_density.SIDE), np.uint8)
    wanted[:, : painted_density.SIDE // 2] = LEVELS
    holds(qtbot, studio, wanted)
    (tmp_path / "none.png").write_bytes(b"no picture")
    before = studio.workbench.asked
    panel.load(tmp_path / "none.png")
    assert "cannot be read as a picture" in panel._note.text()
    assert studio.workbench.asked == before
    np.testing.assert_array_equal(panel.area.ink, wanted)


def test_a_painting_that_cannot_be_is_taken_back_and_said(qtbot, studio, panel):
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(latent_size=1)
    with qtbot.waitSignal(bench.failed, timeout=10_000):
        panel._start_from("heart")
    assert bench.asked.prior == "gaussian"
    assert panel._take.isVisibleTo(panel)


def test_the_share_of_codes_on_the_painting_is_that_of_the_answer(qtbot, studio, panel):
    bench = studio.workbench
    panel._start_from("ring")
    holds(qtbot, studio, painted_density.starter("ring"))
    qtbot.waitUntil(lambda: bench.questions.answers.get("paint-prior") is not None, timeout=10_000)
    for name in ("vae", "aae"):
        codes = bench.findings.codes[name]
        within = np.abs(np.hypot(codes[:, 0], codes[:, 1]) - 1.41) < 0.35
        assert bench.questions.answers["paint-prior"][name] == pytest.approx(within.mean(), abs=0.02)
        assert f"{bench.questions.answers['paint-prior'][name]:.0%}" in panel._shares.text()
    studio.window.panel_docks["paint_prior"].close()
    assert "paint-prior" not in bench.questions


def test_what_is_painted_is_saved_with_the_session_and_comes_back(qtbot, studio, panel, tmp_path):
    bench = studio.workbench
    panel.clear.click()
    drag(qtbot, panel, (-1, -1), (1, 1))
    painted = panel.area.ink
    holds(qtbot, studio, painted)
    with qtbot.waitSignal(bench.saved, timeout=10_000):
        bench.save(tmp_path / "run")
    panel._start_from("heart")
    holds(qtbot, studio, painted_density.starter("heart"))
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.open(tmp_path / "run")
    holds(qtbot, studio, painted)
    np.testing.assert_array_equal(panel.area.ink, painted)
    assert "painted.picture" not in studio.window.options_form.rows
    assert "painted.sigma" in studio.window.options_form.rows


def test_what_is_trained_elsewhere_cannot_be_painted(qtbot, studio, panel, tmp_path):
    bench = studio.workbench
    with qtbot.waitSignal(bench.saved, timeout=10_000):
        bench.save(tmp_path / "run")
    assert panel.isEnabled()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.follow(tmp_path / "run")
    assert not panel.isEnabled()
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.stop_following()
    assert panel.isEnabled()


def test_the_panel_takes_back_no_change_but_its_own(qtbot, studio):
    bench = studio.workbench
    with qtbot.waitSignal(bench.prepared, timeout=20_000):
        bench.configure(latent_size=3)
    panel = studio.window.panel_docks["paint_prior"].open()
    assert not panel.undo.isEnabled()
    panel._undo()
    assert bench.asked.latent_size == 3
