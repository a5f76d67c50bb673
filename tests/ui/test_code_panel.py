"""The code panel: which plane the canvas shows, and one slider for each number of the code across it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import theme
from aae_studio.ui.code_panel import POSITIONS, CodePanel
from aae_studio.ui.follow_thread import FollowThread
from aae_studio.ui.survey_thread import SurveyThread
from aae_studio.ui.trainer_thread import TrainerThread
from aae_studio.ui.workbench import Workbench

SIZE = 5


@pytest.fixture
def workbench(qtbot: QtBot, tmp_path: Path) -> Iterator[Workbench]:
    trainer, survey = TrainerThread(), SurveyThread()
    config = ExperimentConfig(models=("ae", "vae"), hidden=(8,), latent_size=SIZE)
    made = Workbench(config, tmp_path, trainer, survey, FollowThread())
    trainer.start()
    survey.start()
    with qtbot.waitSignal(made.surveyed, timeout=30_000):
        made.begin()
    yield made
    assert [thread.close(30_000) for thread in (trainer, survey)] == [True, True]


@pytest.fixture
def panel(qtbot: QtBot, workbench: Workbench) -> CodePanel:
    made = CodePanel(workbench, theme.load("dark"))
    made.resize(215, 500)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    qtbot.waitUntil(lambda: made.isActiveWindow() and len(made.rows) == SIZE)
    qtbot.waitUntil(lambda: not made.rows[SIZE - 1].visibleRegion().isEmpty())
    return made


def axes_in_sight(panel: CodePanel) -> list[int]:
    return [row.axis for row in panel.rows if row.isVisible()]


def field(panel: CodePanel, axis: int) -> str:
    return panel.rows[axis].field.lineEdit().text()


def choose(box: object, text: str) -> None:
    """As the user does: `activated` is not emitted for what the program sets."""
    box.setFocus()
    place = box.findText(text)
    box.setCurrentIndex(place)
    box.activated.emit(place)


def test_offers_sliders_for_the_axes_across_the_plane(panel: CodePanel, workbench: Workbench) -> None:
    assert panel.relevant
    assert axes_in_sight(panel) == [2, 3, 4]
    assert panel.across.currentText() == "z1"
    assert panel.up.currentText() == "z2"
    for part in (panel.across, panel.up, panel.rows[2].slider, panel.rows[2].field):
        assert part.accessibleName()


def test_a_slider_moves_the_code_within_the_priors_extent(
    qtbot: QtBot, panel: CodePanel, workbench: Workbench
) -> None:
    slider = panel.rows[3].slider
    slider.setFocus()
    with qtbot.waitSignal(workbench.planes.cursor_moved):
        QTest.keyClick(slider, Qt.Key.Key_End)
    extent = workbench.snapshot.prior.extent
    for code in workbench.planes.cursors.values():
        # In the plane of the first two a model without prior has a place of its own.
        np.testing.assert_allclose(code[2:], [0, extent, 0], rtol=1e-6)
    assert field(panel, 3) == f"{extent:g}"
    QTest.keyClick(slider, Qt.Key.Key_Left)
    assert slider.value() == POSITIONS - 1, "what comes back from the workbench does not move it again"


def test_a_field_takes_any_number(panel: CodePanel, workbench: Workbench) -> None:
    entry = panel.rows[2].field
    entry.setFocus()
    entry.selectAll()
    QTest.keyClicks(entry, "-7.5")
    assert workbench.planes.cursors["ae"][2] == 0
    QTest.keyClick(entry, Qt.Key.Key_Return)
    assert workbench.planes.cursors["ae"][2] == -7.5
    assert panel.rows[2].slider.value() == -POSITIONS, "the slider ends at the extent, the field tells"
    entry.selectAll()
    QTest.keyClicks(entry, "far")
    QTest.keyClick(entry, Qt.Key.Key_Return)
    assert entry.property("invalid") == "true"
    assert "far" in entry.toolTip()
    QTest.keyClick(entry, Qt.Key.Key_Escape)
    assert entry.property("invalid") == "false"
    assert field(panel, 2) == "-7.5"


def test_follows_the_cursor(panel: CodePanel, workbench: Workbench) -> None:
    moves = []
    workbench.planes.cursor_moved.connect(lambda: moves.append(1))
    workbench.planes.set_code_axis(4, 0.5)
    assert field(panel, 4) == "0.5"
    assert moves == [1], "showing a value does not set it again"
    workbench.planes.set_linked(False)
    workbench.planes.move_cursor("vae", (1.0, 1.0))
    workbench.planes.set_code_axis(4, -1.25)
    assert field(panel, 4) == "-1.25"
    assert any(label.text() == "CODE · VAE" for label in panel.findChildren(QLabel))
    workbench.planes.move_cursor("ae", (1.0, 1.0))
    assert field(panel, 4) == "0.5"


def test_the_plane_can_be_any_two_axes(panel: CodePanel, workbench: Workbench) -> None:
    choose(panel.up, "z4")
    assert workbench.planes.axes == (0, 3)
    assert axes_in_sight(panel) == [1, 2, 4]
    choose(panel.across, "z4")
    assert workbench.planes.axes == (3, 0), "the same axis twice: they change places"
    assert panel.up.currentText() == "z1"
    choose(panel.up, "z4")
    assert workbench.planes.axes == (0, 3)


def test_principal_components_leave_all_axes_free(panel: CodePanel, workbench: Workbench) -> None:
    choose(panel.across, "PC1 × PC2")
    assert workbench.planes.axes is None
    assert axes_in_sight(panel) == list(range(SIZE))
    assert not panel.up.isEnabled()
    choose(panel.across, "z2")
    assert workbench.planes.axes == (1, 0)
    assert panel.up.isEnabled()


def test_reset_is_one_move_to_zero(qtbot: QtBot, panel: CodePanel, workbench: Workbench) -> None:
    for axis in range(SIZE):
        workbench.planes.set_code_axis(axis, 0.5 + axis)
    moves = []
    workbench.planes.cursor_moved.connect(lambda: moves.append(1))
    panel.reset.click()
    assert moves == [1]
    assert not any(code.any() for code in workbench.planes.cursors.values())
    assert [field(panel, axis) for axis in axes_in_sight(panel)] == ["0", "0", "0"]


def test_relevant_only_above_two_axes(qtbot: QtBot, panel: CodePanel, workbench: Workbench) -> None:
    with qtbot.waitSignal(panel.relevance_changed) as heard:
        workbench.configure(latent_size=2)
    assert heard.args == [False]
    assert not panel.relevant
    with qtbot.waitSignal(panel.relevance_changed):
        workbench.configure(latent_size=3)
    qtbot.waitUntil(lambda: len(panel.rows) == 3)
    assert axes_in_sight(panel) == [2]


def test_128_axes_update_only_what_is_in_sight(
    qtbot: QtBot, panel: CodePanel, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with qtbot.waitSignal(workbench.prepared):
        workbench.configure(latent_size=128)
    qtbot.waitUntil(lambda: len(panel.rows) == 128)
    workbench.planes.set_code_axis(127, 1.5)
    seen = [row.axis for row in panel.rows if not row.visibleRegion().isEmpty()]
    assert 5 < len(seen) < 40
    assert field(panel, 127) == "0", "out of sight"
    bar = panel._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 1000)
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: field(panel, 127) == "1.5")


def test_costs_nothing_while_hidden(qtbot: QtBot, workbench: Workbench) -> None:
    hidden = CodePanel(workbench, theme.load("dark"))
    qtbot.addWidget(hidden)
    assert hidden.relevant
    workbench.planes.set_code_axis(3, 1.0)
    assert hidden.rows == []
