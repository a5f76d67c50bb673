"""What the window says of itself and how it is looked at: figures, wheel, pixels, pictures, folders."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QColor, QIcon, QImage, QTextDocument, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from threadpoolctl import threadpool_info, threadpool_limits

from aae_studio import paths
from aae_studio.core import compute
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.models.base import Model
from aae_studio.core.registry import MODELS
from aae_studio.ui import app, translation
from aae_studio.ui import theme as themes
from aae_studio.ui.app import Studio
from aae_studio.ui.icons import icon
from aae_studio.ui.screenshot import screenshot
from aae_studio.ui.tooltip import tooltip

SMALL = ExperimentConfig(models=("ae", "vae"), hidden=(16,), batch_size=64, seed=3)


@pytest.fixture
def studio(open_studio) -> Studio:
    return open_studio(SMALL)


def test_step_epoch_speed_and_seed_are_on_show(qtbot, studio):
    bench = studio.workbench
    bench.train(30)
    qtbot.waitUntil(lambda: bench.step == 30, timeout=20_000)
    assert studio.window.tool_bar._progress.text() == "step 30 · epoch 1 · – steps/s · seed 3"
    bench.train()
    qtbot.waitUntil(lambda: bench.steps_per_second > 0, timeout=20_000)
    qtbot.waitUntil(lambda: "– steps/s" not in studio.window.tool_bar._progress.text(), timeout=5_000)


def test_the_status_bar_names_device_precision_memory_and_frames(qtbot, studio):
    bar = studio.window.statusBar()
    qtbot.waitUntil(lambda: "float" in bar._device.text(), timeout=5_000)
    assert bar._device.text() == f"CPU · {studio.workbench.precision}"
    milliseconds = float(bar._decoding.text().removeprefix("decode ").removesuffix(" ms"))
    assert 0 < milliseconds < 1000
    # A process with torch and Qt in it holds at least 100 MB.
    assert 100 < int(bar._memory.text().removesuffix(" MB")) < 20_000
    studio.workbench.train()
    qtbot.waitUntil(lambda: int(bar._frames.text().split()[0]) > 2, timeout=10_000)


def test_the_wheel_zooms_about_the_place_under_the_mouse(qtbot, studio):
    bench, canvas = studio.workbench, studio.window.lanes["vae"].canvas
    at, view = QPointF(40, 70), bench.planes.views["vae"]
    place = view.to_plane(at.x(), at.y(), canvas.width(), canvas.height())
    none = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        none,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)
    closer = bench.planes.views["vae"]
    assert closer.half == pytest.approx(view.half / 1.0015**240)
    np.testing.assert_allclose(
        closer.to_plane(at.x(), at.y(), canvas.width(), canvas.height()), place, atol=1e-6
    )


def test_pixels_are_squares_or_smooth(qtbot, studio):
    view = studio.window.lanes["vae"].decode_view
    studio.workbench.train(20)
    qtbot.waitUntil(lambda: studio.workbench.step == 20, timeout=20_000)
    studio.window.actions_by_name["crisp"].setChecked(True)
    # Eight squares across: far fewer shades in a row than pixels.
    row = [view.grab().toImage().pixelColor(x, view.height() // 2).lightness() for x in range(view.width())]
    studio.window.actions_by_name["crisp"].setChecked(False)
    smooth = [
        view.grab().toImage().pixelColor(x, view.height() // 2).lightness() for x in range(view.width())
    ]
    changes = [sum(a != b for a, b in itertools.pairwise(line)) for line in (row, smooth)]
    assert changes[0] <= 9
    assert changes[1] > 2 * changes[0]


@pytest.mark.parametrize("name", ["dark", "light"])
def test_an_icon_says_that_its_button_is_switched_off(qapp, name):
    theme = themes.load(name)
    for mode, color in ((QIcon.Mode.Normal, "text"), (QIcon.Mode.Disabled, "disabled")):
        made = icon("rewind", theme.color("text"), theme.color("disabled"))
        image = made.pixmap(16, mode).toImage()
        solid = {
            image.pixelColor(x, y).name()
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() == 255
        }
        assert theme.color(color).name() in solid
        assert len(solid) <= 2, "one colour, and what rounding makes of it"


def lab(color: QColor) -> np.ndarray:
    """L*, a*, b* (CIE 1976, D65) of an sRGB colour."""
    code = np.array(color.getRgbF()[:3])
    linear = np.where(code > 0.04045, ((code + 0.055) / 1.055) ** 2.4, code / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    part = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(part > 0.008856, np.cbrt(part), 7.787 * part + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", ["dark", "light"])
def test_models_can_be_told_apart_by_their_colours(name):
    """Lanes, curves and cursors of any two may stand side by side."""
    theme = themes.load(name)
    named = {plugin.color for plugin in MODELS.all().values()}
    assert len(named) >= 9
    # And that of a model of one's own, which has no colour.
    colors = {color: lab(theme.color(color)) for color in (*named, Model.color)}
    ground = lab(theme.color("window"))
    for one, other in itertools.combinations(colors, 2):
        assert np.linalg.norm(colors[one] - colors[other]) > 20, f"{one} and {other}"
    assert all(abs(color[0] - ground[0]) > 35 for color in colors.values())


def test_an_unknown_language_is_english(qapp):
    translation.use("xx", qapp)
    assert translation.tr("Train") == "Train"


def test_qt_keeps_its_references():
    assert not app.qt_loses_references()


def test_the_data_folder_is_the_option_then_the_variable_then_ones_own(monkeypatch, tmp_path):
    monkeypatch.setenv(paths.DATA_VARIABLE, str(tmp_path / "variable"))
    assert paths.data_dir(tmp_path / "option") == tmp_path / "option"
    assert paths.data_dir() == tmp_path / "variable"
    monkeypatch.delenv(paths.DATA_VARIABLE)
    assert paths.data_dir().name == "data"
    assert paths.data_dir() != tmp_path / "variable"


def test_a_folder_set_in_the_window_holds_for_commands_too(studio, monkeypatch, tmp_path):
    monkeypatch.delenv(paths.DATA_VARIABLE)
    chosen = tmp_path / "자료"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(chosen))
    studio.window.files.choose_data_dir()
    assert studio.workbench.data_dir == chosen
    script = "from aae_studio import paths; print(paths.data_dir())"
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=environment)
    assert told.stdout.decode().strip() == str(chosen)


def test_sessions_are_looked_for_in_a_folder_that_is_there(studio, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(paths, "sessions_dir", lambda: tmp_path / "documents" / "AAE Studio")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *words: asked.append(words[2]) or "")
    studio.window.files.open_session()
    (tmp_path / "documents").mkdir()
    studio.window.files.follow_run()
    assert asked == [str(tmp_path), str(tmp_path / "documents")]


@pytest.mark.parametrize("name", [b"data", "자료".encode(), b"ends in a blank ", b"caf\xe9"])
def test_whatever_name_a_data_folder_has_it_is_remembered(monkeypatch, tmp_path, name):
    if os.name == "nt" and name == b"caf\xe9":
        pytest.skip("names are text here")
    monkeypatch.delenv(paths.DATA_VARIABLE)
    folder = tmp_path / os.fsdecode(name)
    paths.remember_data_dir(folder)
    assert paths.data_dir() == folder


def test_a_folder_that_cannot_be_remembered_holds_for_this_window(studio, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv(paths.SETTINGS_VARIABLE, str(tmp_path / "file" / "settings.ini"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    said = []
    studio.window.files.said.connect(said.append)
    studio.window.files.choose_data_dir()
    assert studio.workbench.data_dir == tmp_path
    assert "this window alone" in said[0]


@pytest.mark.parametrize("steps", [1, 3])
def test_a_picture_of_a_step_is_of_the_one_that_was_asked_for(qapp, monkeypatch, tmp_path, steps):
    seen = []
    monkeypatch.setattr(
        "aae_studio.ui.screenshot._save", lambda window, size, out: seen.append(window._bench.step) or size
    )
    screenshot(SMALL, tmp_path, steps, tmp_path / "x.png", (1200, 760), "dark", "en", show=("step",))
    assert seen == [steps]


def test_a_screenshot_is_a_picture_of_the_real_window(qapp, tmp_path):
    picture = tmp_path / "shot.png"
    size = screenshot(SMALL, tmp_path, 3, picture, (1200, 760), "light", "ko", show=("lattice",))
    assert size == (1200, 760)
    image = QImage(str(picture))
    assert (image.width(), image.height()) == (1200, 760)
    shades = {image.pixelColor(x, y).rgb() for x in range(0, 1200, 7) for y in range(0, 760, 7)}
    assert len(shades) > 100, "it is painted"
    assert image.pixelColor(2, 758).lightness() > 200, "in the light theme"


def test_a_picture_smaller_than_the_window_can_be_is_refused(qapp, tmp_path):
    with pytest.raises(StudioError, match="no smaller than"):
        screenshot(SMALL, tmp_path, 0, tmp_path / "shot.png", (400, 320), "dark", "en")


def test_numpy_leaves_the_trainers_core_alone(qapp, tmp_path):
    with threadpool_limits(2, user_api="blas"):
        settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
        studio = Studio(qapp, SMALL, tmp_path / "data", settings)
        studio.start()
        counts = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        assert studio.close_threads()
        studio.window.deleteLater()
    # Where numpy was built with a library that has no such setting there is nothing to see.
    assert counts <= {1}


def test_what_is_replaced_is_given_back_once_it_is_gone(qtbot, qapp, studio, monkeypatch):
    """A new seed, another theme: the old models and the old window go, and their memory with them."""
    tidied = []
    monkeypatch.setattr(compute, "return_memory", lambda: tidied.append(studio.workbench.step))
    studio._tidying.setInterval(10)
    qtbot.waitUntil(lambda: not studio._tidying.isActive(), timeout=5_000)
    tidied.clear()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=10_000):
        studio.workbench.rewind()
    qtbot.waitUntil(lambda: len(tidied) == 1, timeout=5_000)
    studio.set_theme("light")
    qtbot.waitUntil(lambda: len(tidied) == 2, timeout=5_000)


def test_news_after_the_window_is_gone_start_nothing(qtbot, studio):
    window = studio.window
    window.close_at_once()
    with qtbot.waitSignal(window.destroyed):
        window.deleteLater()
    with qtbot.captureExceptions() as faults:
        studio.workbench.prepared.emit()
    assert not faults
    assert not studio._tidying.isActive()
    # The fixture closes the window that is there.
    studio.window = studio._new_window()


def test_a_number_in_a_tooltip_stays_on_one_line(qapp):
    text = QTextDocument()
    text.setHtml(tooltip(f"10{translation.THIN_SPACE}000 images"))
    assert text.toRawText() == "10\xa0000 images"
