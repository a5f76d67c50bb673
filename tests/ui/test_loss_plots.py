"""The loss plots: what they draw is what the history holds, and what the user does changes only the view."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QMouseEvent, QShortcut, QWheelEvent
from PySide6.QtWidgets import QApplication
from shiboken6 import delete, isValid

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Report
from aae_studio.core.history import History
from aae_studio.core.models.base import Curve
from aae_studio.core.registry import MODELS
from aae_studio.ui import theme as themes
from aae_studio.ui.plots.axis import linear_ticks, log_ticks
from aae_studio.ui.plots.card import PlotCard
from aae_studio.ui.plots.loss_plots import PATIENCE, REDRAW_MS, LossPlots
from aae_studio.ui.plots.timeline import Timeline
from aae_studio.ui.translation import grouped
from aae_studio.ui.turns import GAP_MS, Turns


class Bench(QObject):
    """The part of a workbench that the plots read."""

    prepared = Signal()
    progressed = Signal()

    def __init__(self, models: tuple[str, ...], history: History | None, **options: object) -> None:
        super().__init__()
        self.config = ExperimentConfig(models=models, **options)
        self.history = history
        self.models = {name: SimpleNamespace(model=MODELS.get(name)) for name in models}


class Paints(QObject):
    """Counts the paints of what it watches."""

    count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def history_of(steps: int, models: tuple[str, ...] = ("ae", "vae", "aae")) -> History:
    rng = np.random.default_rng(0)
    arrays = {"steps": np.arange(1.0, steps + 1), "seconds": np.cumsum(rng.uniform(0.001, 0.009, steps))}
    for name in models:
        for curve in MODELS.get(name).curves:
            arrays[f"{name}/{curve.name}"] = rng.uniform(0.1, 0.9, steps)
    return History.from_arrays(arrays)


def reports(first: int, count: int, models: tuple[str, ...] = ("ae", "vae", "aae")) -> list[Report]:
    return [
        Report(step, 0, step * 0.01, {m: {c.name: 0.25 for c in MODELS.get(m).curves} for m in models})
        for step in range(first, first + count)
    ]


@pytest.fixture
def make(qtbot, qapp):
    """Builds shown plots over a bench, dressed as in the window."""
    dark = themes.load("dark")
    themes.apply(qapp, dark)
    all_turns: list[Turns] = []

    def made(bench: Bench, size: tuple[int, int] = (1000, 230)) -> LossPlots:
        all_turns.append(Turns(bench))
        plots = LossPlots(bench, dark, all_turns[-1])
        qtbot.addWidget(plots)
        plots.resize(*size)
        with qtbot.waitExposed(plots):
            plots.show()
        qtbot.waitUntil(lambda: not plots._timer.isActive())
        return plots

    yield made
    for turns in all_turns:
        # In the window they go with it.
        if isValid(turns):
            delete(turns)
    qapp.setStyleSheet("")


def card(plots: LossPlots, name: str):
    return next(card for card in plots.cards if card.name == name)


def item(plots: LossPlots, model: str, curve: str):
    return next(card.plot.curves[model, curve] for card in plots.cards if (model, curve) in card.plot.curves)


def entry(plots: LossPlots, label: str):
    return next(button for card in plots.cards for button in card.row.buttons if button.text() == label)


def hover(plot, fraction: float) -> None:
    area = plot.area()
    place = QPointF(area.left() + fraction * area.width(), area.center().y())
    move = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        plot.mapToGlobal(place),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(plot.viewport(), move)


def turn(plot, fraction: float, notches: int) -> None:
    area = plot.area()
    place = QPointF(area.left() + fraction * area.width(), area.center().y())
    wheel = QWheelEvent(
        place,
        QPointF(plot.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.viewport(), wheel)


# What is drawn


def test_curves_are_the_exact_values_of_the_history(make):
    history = history_of(100)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(1)
    for model, curve in history.curves:
        drawn = item(plots, model, curve)
        assert np.array_equal(drawn.shown_x, np.arange(1, 101))
        assert np.array_equal(drawn.shown_y, history.values(model, curve))


def test_a_solid_curve_reaches_the_screen_unchanged_and_a_broken_one_on_its_line(make):
    history = history_of(100)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(1)
    x, y = item(plots, "aae", "d_real").getData()
    assert np.array_equal(x, np.arange(1, 101))
    assert np.array_equal(y, history.values("aae", "d_real"))
    x, y = item(plots, "aae", "d_fake").getData()
    assert set(range(1, 101)) <= set(x)
    assert y == pytest.approx(np.interp(x, history.steps, history.values("aae", "d_fake")))
    joined = item(plots, "aae", "d_fake").opts["connect"]
    assert 0.4 < joined[:-1] @ np.diff(x) / 99 < 0.85


def test_what_models_declare_decides_on_the_curves(make):
    plots = make(Bench(("ae", "vae", "gan", "aae"), history_of(10, ("ae", "vae", "gan", "aae"))))
    labels = {card.name: [button.text() for button in card.row.buttons] for card in plots.cards}
    assert labels == {
        "reconstruction": ["AE", "VAE", "AAE"],
        "regularisation": ["VAE KL", "GAN generator", "AAE generator"],
        "discriminator": ["GAN D(x)", "GAN D(G(z))", "AAE D(z)", "AAE D(E(x))"],
    }


def test_a_model_of_ones_own_gets_its_curves_and_the_colour_for_all_others(make):
    @dataclass
    class Own:
        short = "WAE"
        color = "model-of-ones-own"
        curves = (
            Curve("reconstruction", "reconstruction", "reconstruction"),
            Curve("mmd", "MMD", "regularisation"),
        )

    bench = Bench(("ae",), History())
    bench.models["wae"] = SimpleNamespace(model=Own())
    plots = make(bench)
    bench.history.append(
        [Report(1, 0, 0.1, {"ae": {"reconstruction": 1.0}, "wae": {"reconstruction": 2.0, "mmd": 3.0}})]
    )
    plots.redraw()
    assert item(plots, "wae", "mmd").shown_y == pytest.approx([3.0])
    assert item(plots, "wae", "mmd").opts["pen"].color() == themes.load("dark").color("model")
    assert entry(plots, "WAE MMD").isChecked()


def test_curves_of_one_model_in_one_plot_differ_in_more_than_colour(make):
    plots = make(Bench(("aae",), history_of(50, ("aae",))))
    real, fake = item(plots, "aae", "d_real"), item(plots, "aae", "d_fake")
    assert real.opts["pen"].color() == fake.opts["pen"].color()
    assert real.trace.pattern != fake.trace.pattern


@pytest.mark.parametrize(("kind", "unit"), [("mse", "MSE per pixel"), ("bernoulli", "nats per image")])
def test_axes_name_their_units(make, kind, unit):
    plots = make(Bench(("ae", "aae"), history_of(5, ("ae", "aae")), reconstruction=kind))
    assert [card.plot.left_axis.title for card in plots.cards] == [
        unit,
        "loss",
        "D(real), D(fake)",
    ]
    assert {card.plot.bottom_axis.title for card in plots.cards} == {"step"}


def test_the_discriminator_plot_goes_from_0_to_1_with_a_line_at_one_half(make):
    plots = make(Bench(("aae",), history_of(50, ("aae",))))
    plot = card(plots, "discriminator").plot
    low, high = plot.view.viewRange()[1]
    assert -0.1 < low <= 0
    assert 1 <= high < 1.1
    assert plot.level.line.value() == 0.5
    assert plot.level.line.pen.style() == Qt.PenStyle.DashLine
    assert plot.level._label.text() == "½ · it cannot tell"
    assert plot.level._label.isVisible()


def test_the_words_at_one_half_give_way_where_curves_leave_them_no_room(make):
    plots = make(Bench(("aae",), history_of(50, ("aae",))))
    level = card(plots, "discriminator").plot.level
    x = np.zeros(101)
    everywhere = SimpleNamespace(shown_x=x, shown_y=np.linspace(0, 1, 101), isVisible=lambda: True)
    level.place_words(QRectF(0, 0, 200, 30), [everywhere])
    assert not level._label.isVisible()
    level.set_visible(True)
    level.place_words(QRectF(0, 0, 200, 100), [SimpleNamespace(**vars(everywhere) | {"shown_y": x})])
    assert level._label.isVisible()


def test_everything_that_is_drawn_fits_the_ranges(make):
    history = history_of(200)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(1)
    for each in plots.cards:
        (left, right), (low, high) = each.plot.view.viewRange()
        assert (left, right) == (0, 200)
        for curve in each.plot.curves.values():
            assert low < curve.shown_y.min()
            assert curve.shown_y.max() < high


def test_before_the_first_step_it_says_so(make):
    plots = make(Bench(("ae", "vae"), History()))
    messages = [card.plot.message for card in plots.cards]
    assert all(message.isVisible() for message in messages)
    assert [message.text() for message in messages] == [
        "No steps yet: press Train.",
        "No steps yet: press Train.",
        "None of these models has a curve here.",
    ]
    assert card(plots, "reconstruction").plot.left_axis.ticks() == []


def test_without_a_history_nothing_fails(make):
    bench = Bench((("ae"),), None)
    bench.models = {}
    plots = make(bench)
    plot = plots.cards[0].plot
    hover(plot, 0.5)
    turn(plot, 0.5, 3)
    plots.set_in_seconds(True)
    assert not plot.read_out.isVisible()


# Scale and smoothing


def test_a_logarithmic_scale_leaves_gaps_at_what_is_not_positive(make):
    history = history_of(60)
    values = history.values("vae", "kl")
    values[10:20], values[40] = 0.0, -0.3
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(1)
    plots.controls.scale.buttons[1].click()
    drawn = item(plots, "vae", "kl").shown_y
    positive = values > 0
    assert np.array_equal(np.isfinite(drawn), positive)
    assert drawn[positive] == pytest.approx(np.log10(values[positive]))
    joined = item(plots, "vae", "kl").opts["connect"]
    assert not joined[9:20].any()
    assert not joined[39:41].any()
    plots.grab()


def test_the_discriminator_stays_linear(make):
    plots = make(Bench(("aae",), history_of(60, ("aae",))))
    before = item(plots, "aae", "d_real").shown_y.copy()
    plots.set_logarithmic(True)
    assert plots.controls.scale.buttons[1].isChecked()
    assert np.array_equal(item(plots, "aae", "d_real").shown_y, before)
    assert not card(plots, "discriminator").plot.left_axis.logarithmic
    assert card(plots, "reconstruction").plot.left_axis.logarithmic
    plots.set_logarithmic(False)
    assert not card(plots, "reconstruction").plot.left_axis.logarithmic


def test_a_curve_without_a_positive_value_is_explained(make):
    history = history_of(10, ("vae",))
    history.values("vae", "kl")[:] = 0.0
    plots = make(Bench(("vae",), history))
    plots.set_smoothing(1)
    plots.set_logarithmic(True)
    plots.grab()
    message = card(plots, "regularisation").plot.message
    assert message.isVisible()
    assert "logarithmic" in message.text()


@pytest.mark.parametrize("width", [2, 20, 1000])
def test_smoothing_draws_the_mean_of_the_last_steps(make, width):
    history = history_of(150)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(width)
    assert plots.controls.value.text() == f"mean of {grouped(width)} steps"
    values = history.values("ae", "reconstruction")
    expected = [values[max(0, row + 1 - width) : row + 1].mean() for row in range(150)]
    assert item(plots, "ae", "reconstruction").shown_y == pytest.approx(np.array(expected))


def test_the_smoothing_slider_works_by_key_and_says_its_value(qtbot, make):
    plots = make(Bench(("ae",), history_of(50, ("ae",))))
    assert plots.controls.value.text() == "mean of 10 steps"
    plots.controls.slider.setFocus()
    qtbot.keyClick(plots.controls.slider, Qt.Key.Key_Right)
    assert plots.controls.smoothing == 15
    qtbot.keyClick(plots.controls.slider, Qt.Key.Key_Home)
    assert plots.controls.value.text() == "every step"
    qtbot.keyClick(plots.controls.slider, Qt.Key.Key_End)
    assert plots.controls.value.text() == f"mean of {grouped(1000)} steps"


def test_the_axis_says_when_a_point_stands_for_more_steps_than_the_slider(make):
    plots = make(Bench(("ae",), history_of(20_000, ("ae",))))
    assert plots.cards[0].spacing > 10
    words = f"mean of {grouped(plots.cards[0].spacing)} steps"
    assert words in plots.cards[0].plot.bottom_axis.title
    plots.set_smoothing(1000)
    assert plots.cards[0].plot.bottom_axis.title == "step"


# The x axis


def test_seconds_replace_steps(make):
    history = history_of(80)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.controls.axis.buttons[1].click()
    assert np.array_equal(item(plots, "ae", "reconstruction").shown_x, history.seconds)
    assert plots.cards[0].plot.bottom_axis.title == "training time (s)"
    plots.controls.axis.buttons[0].click()
    assert np.array_equal(item(plots, "ae", "reconstruction").shown_x, history.steps)


def test_the_wheel_zooms_all_plots_about_the_mouse_and_a_double_click_shows_all(qtbot, make):
    plots = make(Bench(("ae", "vae", "aae"), history_of(1000)))
    plot = plots.cards[1].plot
    assert not plots.controls.fit.isEnabled()
    turn(plot, 0.25, 2)
    ranges = [card.plot.view.viewRange()[0] for card in plots.cards]
    assert ranges[0] == ranges[1] == ranges[2]
    low, high = ranges[0]
    assert high - low == pytest.approx(640)
    assert low + 0.25 * (high - low) == pytest.approx(250)
    assert plots.controls.fit.isEnabled()
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.area().center().toPoint())
    assert plot.view.viewRange()[0] == [0, 1000]
    assert not plots.controls.fit.isEnabled()


def test_dragging_pans_and_stops_at_the_ends(qtbot, make):
    plots = make(Bench(("ae", "vae", "aae"), history_of(1000)))
    plot = plots.cards[0].plot
    turn(plot, 0.5, 4)
    low, high = plot.view.viewRange()[0]
    middle, width = plot.area().center().toPoint(), plot.area().width()
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(plot.viewport(), middle - QPoint(20, 0))
    moved = plot.view.viewRange()[0]
    assert moved[0] - low == pytest.approx(20 / width * (high - low))
    assert moved[1] - moved[0] == pytest.approx(high - low)
    qtbot.mouseMove(plot.viewport(), middle + QPoint(5000, 0))
    assert plot.view.viewRange()[0][0] == pytest.approx(0)
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(plot.viewport(), middle)
    assert plot.view.viewRange()[0][0] == pytest.approx(0)


def test_zoomed_in_the_view_stays_while_training_goes_on_and_else_follows(qtbot, make):
    history = history_of(1000)
    bench = Bench(("ae", "vae", "aae"), history)
    plots = make(bench)
    plot = plots.cards[0].plot
    history.append(reports(1001, 500))
    bench.progressed.emit()
    qtbot.waitUntil(lambda: plot.view.viewRange()[0] == [0, 1500])
    turn(plot, 0.5, 3)
    before = plot.view.viewRange()[0]
    history.append(reports(1501, 500))
    bench.progressed.emit()
    qtbot.waitUntil(lambda: not plots._timer.isActive())
    assert plot.view.viewRange()[0] == before


def test_changing_to_seconds_keeps_the_steps_that_are_zoomed_to(make):
    history = history_of(1000)
    plots = make(Bench(("ae", "vae", "aae"), history))
    turn(plots.cards[0].plot, 0.5, 5)
    first, last = plots._timeline.rows()
    plots.set_in_seconds(True)
    assert plots._timeline.rows()[0] == pytest.approx(first, abs=1)
    assert plots._timeline.rows()[1] == pytest.approx(last, abs=1)
    low, high = plots.cards[0].plot.view.viewRange()[0]
    assert low == pytest.approx(history.seconds[first], abs=0.02)
    assert high == pytest.approx(history.seconds[last], abs=0.02)


def test_keys_zoom_pan_and_read_out(qtbot, make):
    plots = make(Bench(("ae",), history_of(100, ("ae",))))
    plot = plots.cards[0].plot
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    assert plot.view.viewRange()[0] == pytest.approx([10, 90])
    qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert plot.view.viewRange()[0] == pytest.approx([18, 98])
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.view.viewRange()[0] == [0, 100]
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.read_out.text.startswith("step 100\n")
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.read_out.text.startswith("step 99\n")
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert not plot.read_out.isVisible()


# The read-out


def test_hovering_draws_one_line_in_all_plots_and_says_the_values(make):
    history = history_of(2000)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(20)
    hover(plots.cards[2].plot, 0.62)
    row = plots._timeline.row_at(0.62)
    assert row == pytest.approx(1239, abs=1)
    mean = {key: history.values(*key)[row - 19 : row + 1].mean() for key in history.curves}
    assert plots.cards[0].plot.read_out.text.split("\n") == [
        f"step {grouped(row + 1)}",
        f"AE {mean['ae', 'reconstruction']:.3f}",
        f"VAE {mean['vae', 'reconstruction']:.3f}",
        f"AAE {mean['aae', 'reconstruction']:.3f}",
    ]
    assert plots.cards[2].plot.read_out.text.split("\n")[1:] == [
        f"AAE D(z) {mean['aae', 'd_real']:.3f}",
        f"AAE D(E(x)) {mean['aae', 'd_fake']:.3f}",
    ]
    for each in plots.cards:
        line, area = each.plot.cursor_line, each.plot.area()
        assert line.isVisible()
        assert (line.x() - area.left()) / area.width() == pytest.approx(0.62, abs=0.01)
        box = each.plot.read_out.geometry()
        assert each.plot.rect().contains(box)
        assert not box.contains(line.geometry().center())
    plots.cards[2].plot.leaveEvent(QEvent(QEvent.Type.Leave))
    assert not any(each.plot.cursor_line.isVisible() for each in plots.cards)


@pytest.mark.parametrize(
    ("size", "columns", "whole"),
    [((670, 190), 1, False), ((1000, 170), 2, False), ((1600, 230), 2, True), ((1600, 500), 1, True)],
)
def test_the_values_of_many_curves_stand_in_columns_within_the_plot(make, size, columns, whole):
    names = ("semi_supervised_aae", "clustering_aae", "reduction_aae")
    plots = make(Bench(names, history_of(100, names)), size)
    for place in (0.1, 0.9):
        hover(plots.cards[2].plot, place)
        plot = plots.cards[2].plot
        assert len(plot.read_out.text.split("\n")) == 1 + 12
        assert plot.rect().contains(plot.read_out.geometry())
        assert plot.read_out._columns == columns
        assert (plot.read_out._rows * columns >= 12) == whole


def test_the_read_out_in_seconds_says_both(make):
    history = history_of(100)
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_in_seconds(True)
    hover(plots.cards[0].plot, 1.0)
    assert plots.cards[0].plot.read_out.text.split("\n")[0] == f"step 100 · {history.seconds[-1]:#.3g} s"


def test_a_hidden_curve_is_not_read_out(make):
    plots = make(Bench(("ae", "vae", "aae"), history_of(100)))
    entry(plots, "VAE").click()
    hover(plots.cards[0].plot, 0.5)
    names = [line.split()[0] for line in plots.cards[0].plot.read_out.text.split("\n")]
    assert names == ["step", "AE", "AAE"]


# The legend


def test_the_legend_toggles_curves_by_click_and_by_space(qtbot, make):
    plots = make(Bench(("ae", "vae", "aae"), history_of(100)))
    button = entry(plots, "AAE D(E(x))")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not item(plots, "aae", "d_fake").isVisible()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert item(plots, "aae", "d_fake").isVisible()
    assert button.accessibleName() == "AAE D(E(x))"
    assert button.toolTip()


def test_space_on_a_focused_legend_entry_is_not_the_windows_shortcut(qtbot, make):
    plots = make(Bench(("ae",), history_of(100, ("ae",))))
    shortcut = QShortcut(Qt.Key.Key_Space, plots)
    pressed: list[str] = []
    shortcut.activated.connect(partial(pressed.append, "space"))
    for target, wanted in ((entry(plots, "AE"), 0), (plots.controls.slider, 1)):
        target.setFocus()
        qtbot.keyClick(target, Qt.Key.Key_Space)
        assert len(pressed) == wanted


def test_y_fits_what_is_shown(make):
    history = history_of(100)
    history.values("vae", "kl")[:] = 50.0
    plots = make(Bench(("ae", "vae", "aae"), history))
    plots.set_smoothing(1)
    assert card(plots, "regularisation").plot.view.viewRange()[1][1] > 30
    entry(plots, "VAE KL").click()
    assert card(plots, "regularisation").plot.view.viewRange()[1][1] < 1


def test_pointing_at_a_legend_entry_makes_its_curve_stand_out(make):
    plots = make(Bench(("ae", "vae", "aae"), history_of(100)))
    entry(plots, "VAE").enterEvent(QEnterEvent(QPointF(), QPointF(), QPointF()))
    assert item(plots, "vae", "reconstruction").opts["pen"].widthF() > 2
    assert item(plots, "ae", "reconstruction").opacity() < 0.5
    entry(plots, "VAE").leaveEvent(QEvent(QEvent.Type.Leave))
    assert item(plots, "ae", "reconstruction").opacity() == 1


def test_all_hidden_is_said(make):
    plots = make(Bench(("ae",), history_of(100, ("ae",))))
    entry(plots, "AE").click()
    assert "hidden" in plots.cards[0].plot.message.text()
    entry(plots, "AE").click()
    assert not plots.cards[0].plot.message.isVisible()


# News


def test_another_experiment_has_its_own_curves_and_keeps_the_users_choices(make):
    bench = Bench(("ae", "vae", "aae"), history_of(1000))
    plots = make(bench)
    plots.set_smoothing(30)
    plots.set_in_seconds(True)
    entry(plots, "VAE").click()
    turn(plots.cards[0].plot, 0.5, 5)
    models = ("vae", "gan")
    bench.history = history_of(40, models)
    bench.models = {name: SimpleNamespace(model=MODELS.get(name)) for name in models}
    bench.prepared.emit()
    assert [button.text() for button in plots.cards[0].row.buttons] == ["VAE"]
    assert not entry(plots, "VAE").isChecked()
    assert not item(plots, "vae", "reconstruction").isVisible()
    assert plots.controls.smoothing == 30
    assert np.array_equal(item(plots, "gan", "generator").shown_x, bench.history.seconds)
    assert plots.cards[0].plot.view.viewRange()[0][1] == pytest.approx(bench.history.seconds[-1])


def test_a_model_that_leaves_takes_its_curves_along_and_the_view_stays(make):
    bench = Bench(("ae", "vae", "aae"), history_of(1000))
    plots = make(bench)
    turn(plots.cards[0].plot, 0.5, 5)
    before = plots.cards[0].plot.view.viewRange()[0]
    del bench.models["aae"]
    bench.prepared.emit()
    assert [button.text() for button in plots.cards[0].row.buttons] == ["AE", "VAE"]
    assert card(plots, "discriminator").plot.curves == {}
    assert plots.cards[0].plot.view.viewRange()[0] == before


def test_each_plot_draws_at_most_ten_times_a_second_and_rests_when_nothing_is_new(qtbot, make, monkeypatch):
    history = history_of(100)
    bench = Bench(("ae", "vae", "aae"), history)
    plots = make(bench)
    drawn: list[str] = []
    for each in plots.cards:

        def counted(extract, name=each.name, show=each.show_history):
            drawn.append(name)
            show(extract)

        monkeypatch.setattr(each, "show_history", counted)
    start = time.perf_counter()
    while time.perf_counter() - start < 0.45:
        history.append(reports(len(history) + 1, 3))
        bench.progressed.emit()
        qtbot.wait(5)
    qtbot.waitUntil(lambda: not plots._timer.isActive())
    for each in plots.cards:
        assert 1 <= drawn.count(each.name) <= 6
        for curve in each.plot.curves.values():
            assert curve.shown_x[-1] == len(history)


def test_pointing_at_steps_that_are_not_drawn_yet_shows_the_newest_drawn(make):
    history = History()
    plots = make(Bench(("ae",), history))
    history.append(reports(1, 20, ("ae",)))
    hover(plots.cards[0].plot, 0.9)
    assert not plots.cards[0].plot.read_out.isVisible()
    plots.redraw()
    history.append(reports(21, 20, ("ae",)))
    hover(plots.cards[0].plot, 0.9)
    assert plots.cards[0].plot.read_out.text == "step 20\nAE 0.250"
    assert plots.cards[0].plot.rect().contains(plots.cards[0].plot.cursor_line.geometry())


def test_hidden_plots_do_not_draw_and_catch_up_when_shown(make):
    history = history_of(100)
    bench = Bench(("ae", "vae", "aae"), history)
    plots = make(bench)
    plots.hide()
    history.append(reports(101, 50))
    bench.progressed.emit()
    assert not plots._timer.isActive()
    plots.redraw()
    assert item(plots, "ae", "reconstruction").shown_x[-1] == 100
    plots.show()
    assert item(plots, "ae", "reconstruction").shown_x[-1] == 150


def test_a_million_steps_draw_quickly_without_copying_them(make):
    history = history_of(1_000_000)
    plots = make(Bench(("ae", "vae", "aae"), history))
    drawn = item(plots, "ae", "reconstruction")
    width = plots.cards[0].plot.area().width()
    assert width / 2 - 2 <= len(drawn.shown_x) <= width + 4
    assert drawn.shown_x[-1] == 1_000_000
    spans = []
    for _ in range(20):
        start = time.thread_time()
        plots.redraw()
        spans.append(time.thread_time() - start)
    # An honest bound is 5 ms; the rest is room for a busy machine.
    assert min(spans) < 0.02
    turn(plots.cards[0].plot, 0.5, 60)
    assert len(drawn.shown_x) < 40
    rows = drawn.shown_x.astype(int) - 1
    plots.set_smoothing(1)
    assert np.array_equal(drawn.shown_y, history.values("ae", "reconstruction")[rows])


def test_the_theme_can_change_and_leaves_no_colour_behind(make):
    plots = make(Bench(("ae", "vae", "aae"), history_of(100)))
    light = themes.load("light")
    plots.set_theme(light)
    picture = plots.cards[0].plot.grab().toImage()
    assert picture.pixelColor(2, 2) == light.color("card")
    assert item(plots, "ae", "reconstruction").opts["pen"].color() == light.color("model-ae")
    pixels = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
    colors = {picture.pixelColor(x, y).name() for x, y in pixels}
    assert themes.load("dark").color("card").name() not in colors


@pytest.mark.parametrize("size", [(620, 180), (1000, 185), (1000, 230), (1500, 400)])
def test_nothing_is_cut_at_any_size(make, size):
    models = ("ae", "vae", "gan", "aae")
    plots = make(Bench(models, history_of(100, models)), size)
    tops = set()
    for each in plots.cards:
        places = [each.row.title.geometry(), *(button.geometry() for button in each.row.entries())]
        assert all(each.row.rect().contains(place) for place in places)
        assert not any(one.intersects(other) for at, one in enumerate(places) for other in places[at + 1 :])
        assert each.plot.area().width() > 50
        tops.add(each.plot.geometry().top())
    assert len(tops) == 1


def test_a_crowded_legend_has_one_entry_a_model_that_switches_its_curves(make):
    models = ("supervised_aae", "semi_supervised_aae", "clustering_aae", "reduction_aae")
    plots = make(Bench(models, history_of(100, models)), (1000, 230))
    row = card(plots, "discriminator").row
    assert [button.text() for button in row.entries()] == ["S-AAE", "SS-AAE", "C-AAE", "DR-AAE"]
    assert not any(button.isVisible() for button in row.buttons)
    assert row.height() <= 40
    row.entries()[1].click()
    hidden = [name for model, name in card(plots, "discriminator").hidden if model == models[1]]
    assert len(hidden) == len(card(plots, "discriminator").hidden) == 4
    row.entries()[1].click()
    assert not card(plots, "discriminator").hidden
    # With room for all of them, each curve has its own.
    plots.resize(3000, 230)
    row.buttons[0].click()
    plots.resize(1000, 230)
    assert row.entries()[0].isChecked(), "there is something of it to be seen"
    plots.resize(3000, 230)
    assert row.entries() == row.buttons
    assert all(button.isVisible() for button in row.buttons)


def test_the_controls_have_names_and_tooltips(make):
    plots = make(Bench(("ae",), history_of(10, ("ae",))))
    controls = plots.controls
    for button in (*controls.scale.buttons, *controls.axis.buttons, controls.fit):
        assert button.toolTip()
        assert button.accessibleDescription()
    assert controls.scale.buttons[1].accessibleName() == "Scale: log"
    assert controls.slider.accessibleName() == "Smoothing"
    assert [card.plot.accessibleName() for card in plots.cards] == [
        "Reconstruction",
        "Regularisation",
        "Discriminator",
    ]


def test_the_choices_work_by_key(qtbot, make):
    plots = make(Bench(("ae",), history_of(100, ("ae",))))
    linear, log = plots.controls.scale.buttons
    linear.setFocus()
    qtbot.keyClick(linear, Qt.Key.Key_Right)
    assert log.isChecked()
    assert plots.cards[0].plot.left_axis.logarithmic
    turn(plots.cards[0].plot, 0.5, 2)
    plots.controls.fit.setFocus()
    qtbot.keyClick(plots.controls.fit, Qt.Key.Key_Space)
    assert plots.cards[0].plot.view.viewRange()[0] == [0, 100]


# Arithmetic

places = st.floats(-1e5, 1e5)
widths = st.floats(1e-3, 1e6)


@given(places, widths, st.integers(2, 12))
def test_linear_ticks_lie_inside_and_are_told_apart(low, width, count):
    ticks = linear_ticks(low, low + width, count)
    values, words = zip(*ticks, strict=True)
    assert 2 <= len(ticks) <= 2 * count + 2
    assert all(low - 1e-6 * width <= value <= low + 1.000001 * width for value in values)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(("low", "high"), [(0.6, 4), (0.06, 0.4), (0.9, 1.9), (0.5, 40)])
def test_log_ticks_name_the_power_of_ten_inside(low, high):
    numbers = [float(word) for _, word in log_ticks(math.log10(low), math.log10(high), 2)]
    assert {1.0, 0.1} & set(numbers)
    # With room there are more.
    assert len(log_ticks(math.log10(low), math.log10(high), 8)) >= 4


@given(st.floats(-8, 6), st.floats(0.03, 12), st.integers(2, 12))
def test_log_ticks_lie_inside_and_are_told_apart(low, width, count):
    ticks = log_ticks(low, low + width, count)
    assert ticks
    assert all(low - 1e-6 <= value <= low + width + 1e-6 for value, _ in ticks)
    assert len({word for _, word in ticks}) == len(ticks)


def test_ticks_of_steps_are_whole():
    # A loss that has blown up, and steps.
    assert [word for _, word in linear_ticks(0, 3e6, 3)] == ["0", "1e+06", "2e+06", "3e+06"]
    assert linear_ticks(0, 3e6, 3, whole=True)[-1][1] == grouped(3e6)
    assert [word for _, word in linear_ticks(0, 3, 8, whole=True)] == ["0", "1", "2", "3"]


@given(
    st.integers(1, 400), st.lists(st.tuples(st.floats(0.2, 3), st.floats(0, 1), st.floats(-1, 1)), max_size=8)
)
def test_a_timeline_never_leaves_its_steps(count, moves):
    timeline = Timeline()
    timeline.history = history_of(count, ("ae",))
    for factor, fraction, shift in moves:
        timeline.zoom(factor, fraction)
        timeline.pan(shift)
        low, high = timeline.shown
        assert -1e-6 <= low < high <= count + 1e-6
        row = timeline.row_at(fraction)
        assert 0 <= row < count


@pytest.mark.parametrize("gap_ms", [GAP_MS, 90])
def test_plots_draw_in_turns_and_hold_every_step_in_the_end(qtbot, make, monkeypatch, gap_ms):
    # With the longer gap, a round takes longer than the time from one to the next.
    monkeypatch.setattr("aae_studio.ui.turns.GAP_MS", gap_ms)
    history = history_of(100)
    bench = Bench(("ae", "vae", "aae"), history)
    plots = make(bench)
    drawn: list[tuple[str, int]] = []
    passes: list[None] = []
    draw = PlotCard.show_history

    def noted(card: PlotCard, extract: object) -> None:
        drawn.append((card.name, len(passes)))
        QTimer.singleShot(0, partial(passes.append, None))
        draw(card, extract)

    monkeypatch.setattr(PlotCard, "show_history", noted)
    for first in range(101, 201, 10):
        history.append(reports(first, 10))
        bench.progressed.emit()
    assert not drawn
    qtbot.waitUntil(lambda: bool(drawn))
    # News while the others wait, and none after that: training pauses.
    history.append(reports(201, 10))
    bench.progressed.emit()
    qtbot.waitUntil(lambda: len(drawn) == 6)
    names = [name for name, _ in drawn]
    assert names == ["reconstruction", "regularisation", "discriminator"] * 2
    assert len({count for _, count in drawn}) == 6, "never two in one pass of the event loop"
    assert all(card.drawn_rows == 210 for card in plots.cards)
    qtbot.waitUntil(lambda: not plots._timer.isActive())
    assert len(drawn) == 6


def test_a_plot_that_is_drawn_paints_once(qtbot, make):
    history = history_of(100)
    bench = Bench(("ae", "vae", "aae"), history)
    plots = make(bench)
    paints = Paints()
    viewport = plots.cards[0].plot.viewport()
    QApplication.processEvents()
    viewport.installEventFilter(paints)
    history.append(reports(101, 10))
    bench.progressed.emit()
    qtbot.waitUntil(lambda: not plots._timer.isActive())
    assert paints.count == 1


def test_steps_that_fill_less_than_a_pixel_are_drawn_once_a_second(qtbot, make):
    plots = make(Bench(("ae",), history_of(40_000, ("ae",))))
    bench = plots._workbench
    card = plots.cards[0]
    assert card.spacing > 20
    qtbot.waitUntil(lambda: not plots._timer.isActive() and not plots._waiting)
    bench.history.append(reports(40_001, 5, ("ae",)))
    bench.progressed.emit()
    assert plots._latest.isActive()
    assert not plots._waiting
    assert card.drawn_rows == 40_000
    # The last steps before a pause are drawn too.
    qtbot.waitUntil(lambda: card.drawn_rows == 40_005, timeout=3_000)
    qtbot.waitUntil(lambda: not plots._timer.isActive() and not plots._waiting)
    bench.history.append(reports(40_006, 2 * card.spacing, ("ae",)))
    bench.progressed.emit()
    assert plots._waiting
    assert not plots._latest.isActive()


def test_another_size_is_drawn_at_once(qtbot, make):
    plots = make(Bench(("ae",), history_of(40_000, ("ae",))))
    qtbot.waitUntil(lambda: not plots._timer.isActive() and not plots._waiting)
    spacing = plots.cards[0].spacing
    plots.resize(500, 230)
    qtbot.waitUntil(lambda: plots.cards[0].spacing > spacing, timeout=800)


def test_a_round_that_worked_long_is_followed_by_a_longer_rest(qtbot, make, monkeypatch):
    plots = make(Bench(("ae",), history_of(60, ("ae",))))
    worked = iter(float(second) for second in range(100))
    # Each of three draws seems to work for a second.
    monkeypatch.setattr("aae_studio.ui.plots.loss_plots.time.thread_time", lambda: next(worked))
    plots._start_round()
    assert plots._timer.interval() == REDRAW_MS
    qtbot.waitUntil(lambda: not plots._waiting)
    plots._start_round()
    assert plots._timer.interval() == 3 * 1000 * PATIENCE
    qtbot.waitUntil(lambda: not plots._waiting)
    plots.redraw()
    assert not plots._timer.isActive()
