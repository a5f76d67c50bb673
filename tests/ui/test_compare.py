"""The panels Comparison and Sweep in the real window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
from driving import trained
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from aae_studio.core import apart
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.evaluation import LIVE_SIZE, evaluate
from aae_studio.core.metrics import Classifier
from aae_studio.core.repeats import COMPARED, Progress, data_of
from aae_studio.ui.app import Studio
from aae_studio.ui.comparison import progress
from aae_studio.ui.comparison.figures import figures
from aae_studio.ui.panels.compare import Compare
from aae_studio.ui.panels.sweep import Sweep
from aae_studio.ui.repeats import Series

CONFIG = ExperimentConfig(models=("ae", "vae", "gan"), hidden=(16,), batch_size=64, precision="float32")
STEPS = 4


class Near:
    """In place of `Apart`: the same generator in the same process."""

    def __init__(self, function: Callable[..., Iterator[object]], *arguments: object) -> None:
        self._items, self.ended = function(*arguments), False

    def __enter__(self) -> Near:
        return self

    def __exit__(self, *fault: object) -> None:
        self._items.close()

    def next(self, patience: float) -> object:
        item = next(self._items, None)
        self.ended = item is None
        return item


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "Apart", Near)


@pytest.fixture
def studio(open_studio) -> Studio:
    studio = open_studio(CONFIG)
    # An untrained one judges as well as any for what is tested here.
    studio.workbench.repeats.judges[data_of(CONFIG)] = Classifier((1, 8, 8), 10).eval()
    return studio


def opened(studio: Studio, name: str) -> Compare | Sweep:
    return studio.window.panel_docks[name].open()


def measured(qtbot, panel: Compare, studio: Studio) -> None:
    step = studio.workbench.step

    def there() -> bool:
        seen = studio.workbench.questions.answers.get(panel.question)
        model = panel.table.figure_model
        newest = seen is not None and set(seen.steps.values()) == {step}
        return newest and len(model.entries) == 3 and bool(model.entries[0].measures)

    qtbot.waitUntil(there, timeout=60_000)
    studio.window.turns.finish()


def over(qtbot, studio: Studio, name: str) -> None:
    series = studio.workbench.repeats.series
    qtbot.waitUntil(lambda: name in series and not series[name].going, timeout=90_000)
    studio.window.turns.finish()


# Comparison


def test_the_table_shows_what_an_evaluation_says_and_asks_nothing_while_hidden(qtbot, studio, near):
    bench = studio.workbench
    before = set(bench.questions)
    panel = opened(studio, "compare")
    trained(qtbot, studio, STEPS)
    measured(qtbot, panel, studio)
    judge = bench.repeats.judges[data_of(CONFIG)]
    frozen, snapshot = bench.models["vae"], bench.snapshot
    expected = evaluate(frozen, snapshot.prior, snapshot.dataset, judge, LIVE_SIZE)
    model = panel.table.figure_model
    assert [entry.name for entry in model.entries] == ["ae", "vae", "gan"]
    for figure in figures():
        assert model.entries[1].measures[figure.name].value == expected[figure.name]
    text = model.data(model.index(COMPARED.index("recon_mse"), 1))
    assert float(text) == pytest.approx(expected["recon_mse"], abs=5.1e-5)
    holes = model.data(model.index(COMPARED.index("hole_fraction"), 1))
    assert float(holes) == pytest.approx(100 * expected["hole_fraction"], abs=0.051)
    # A GAN has no codes.
    assert model.data(model.index(0, 2)) == "–"
    assert "360" in panel.caption.text()
    studio.window.panel_docks["compare"].hide()
    assert set(bench.questions) == before
    assert panel.question not in bench.questions.answers


def test_nobody_is_best_before_training(qtbot, studio, near, monkeypatch):
    monkeypatch.setattr("aae_studio.core.repeats.best", lambda figure, measures: next(iter(measures), None))
    panel = opened(studio, "compare")
    measured(qtbot, panel, studio)
    assert set(panel.table.figure_model.best.values()) == {None}
    trained(qtbot, studio, STEPS)
    measured(qtbot, panel, studio)
    assert "ae" in panel.table.figure_model.best.values()


def test_it_sorts_by_click_and_key_and_copies(qtbot, studio, near):
    panel = opened(studio, "compare")
    trained(qtbot, studio, STEPS)
    measured(qtbot, panel, studio)
    table, model = panel.table, panel.table.figure_model
    values = {entry.name: entry.measures.get("mmd_to_prior") for entry in model.entries}
    rising = sorted(("ae", "vae"), key=lambda name: values[name].value)
    row = COMPARED.index("mmd_to_prior")
    head = table.verticalHeader()
    at = QPoint(10, head.sectionViewportPosition(row) + head.sectionSize(row) // 2)
    for wanted in ([*rising, "gan"], [*rising[::-1], "gan"], ["ae", "vae", "gan"]):
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=at)
        assert [entry.name for entry in model.entries] == wanted
    table.setCurrentIndex(model.index(row, 0))
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert [entry.name for entry in model.entries] == [*rising, "gan"]
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert [len(line) for line in lines] == [9] * 4
    assert [line[0] for line in lines[1:]] == [entry.label for entry in model.entries]
    assert float(lines[1][1 + row]) == pytest.approx(values[rising[0]].value, abs=5.1e-5)
    assert lines[3][1] == ""
    next(action for action in table.menu().actions() if action.text() == "Copy as Markdown").trigger()
    rows = QGuiApplication.clipboard().text().splitlines()
    assert len(rows) == 5
    assert all(line.startswith("| ") and line.count("|") == 10 for line in rows)


def test_five_seeds_in_a_process_apart_give_mean_and_deviation(qtbot, studio, monkeypatch):
    monkeypatch.setattr(apart, "NICE", 0)
    bench, panel = studio.workbench, opened(studio, "compare")
    measured(qtbot, panel, studio)
    assert not panel.repeat_button.isEnabled()
    trained(qtbot, studio, STEPS)
    measured(qtbot, panel, studio)
    live = panel.table.figure_model.entries[0].measures["recon_mse"].value
    qtbot.mouseClick(panel.repeat_button, Qt.MouseButton.LeftButton)
    assert panel.bar.isVisible()
    over(qtbot, studio, "compare")
    assert not panel.bar.isVisible()
    runs = bench.repeats.series["compare"].runs
    assert [run.config.seed for run in runs] == [0, 1, 2, 3, 4]
    # The first one is the window's own, trained again.
    assert runs[0].measures["ae"]["recon_mse"].value == pytest.approx(live, rel=1e-4)
    values = [run.measures["ae"]["recon_mse"].value for run in runs]
    shown = panel.table.figure_model.entries[0].measures["recon_mse"]
    assert (shown.value, shown.deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert f"{np.mean(values):.4f}" in panel.table.figure_model.as_tsv()
    assert "5" in panel.caption.text()
    panel.live.click()
    studio.window.turns.finish()
    assert panel.table.figure_model.entries[0].measures["recon_mse"].deviation is None
    # Another theme is another window: the series is still there.
    studio.set_theme("light")
    again = opened(studio, "compare")
    again.over_seeds.click()
    studio.window.turns.finish()
    assert again.table.figure_model.entries[0].measures["recon_mse"].deviation == shown.deviation
    # The panel of the old window does not take the question of the new one back.
    qtbot.waitUntil(lambda: again.question in bench.questions.answers, timeout=60_000)


def test_a_figure_that_has_exploded_is_shown_in_powers_of_ten():
    first = figures()[0]
    assert [first.shown(value) for value in (0.04, 999.0, -1.37e12)] == ["0.0400", "999.0000", "−1.4e+12"]


def test_a_series_says_how_long_it_will_go_on(qapp, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    bar = progress.SeriesBar(lambda: None)
    series = Series(CONFIG, [CONFIG] * 4, 100)

    def words(seconds: float, step: int, judging: bool = False) -> str:
        clock[0] = 100 + seconds
        series.progress = Progress(0, 4, step, 100, judging)
        bar.show_series(series)
        return bar.words.text()

    assert "left" not in words(0, 90, judging=True)
    # The pace of the classifier before it says nothing.
    assert "left" not in words(50, 20)
    assert "left" not in words(51, 21)
    # A twentieth of 400 steps in ten seconds, and a tenth of them done: 180 s to go.
    assert words(60, 40).endswith(" · about 3 min left")
    assert words(61, 100).endswith(" · about 42 s left")


def test_cancelling_keeps_the_runs_that_are_done(qtbot, studio, near):
    bench, panel = studio.workbench, opened(studio, "compare")
    configs = [CONFIG, CONFIG.with_(seed=1), CONFIG.with_(seed=2)]
    bench.repeats.begin("compare", CONFIG, configs, STEPS, bench.data_dir)
    qtbot.waitUntil(lambda: len(bench.repeats.series["compare"].runs) >= 1, timeout=60_000)
    panel.bar.button.click()
    series = bench.repeats.series["compare"]
    done = len(series.runs)
    assert not series.going
    assert panel.repeat_button.isVisible()
    # What the cancelled runs still had to say is not heard, and the next ones begin.
    bench.repeats.begin("sweep", CONFIG, [CONFIG], 1, bench.data_dir, None)
    qtbot.waitUntil(lambda: not bench.repeats.series["sweep"].going, timeout=60_000)
    assert len(series.runs) == done
    assert len(bench.repeats.series["sweep"].runs) == 1


def test_cancelling_before_the_first_run_is_over_goes_back_to_the_live_figures(qtbot, studio):
    panel = opened(studio, "compare")
    trained(qtbot, studio, STEPS)
    measured(qtbot, panel, studio)
    studio.workbench.repeats.begin("compare", CONFIG, [CONFIG], 10**6, studio.workbench.data_dir)
    panel.over_seeds.click()
    panel.bar.button.click()
    assert panel.live.isChecked()
    assert not panel.over_seeds.isEnabled()


def test_closing_the_window_ends_the_process_within_a_second(qtbot, studio, monkeypatch):
    monkeypatch.setattr(apart, "NICE", 0)
    bench = studio.workbench
    bench.repeats.begin("compare", CONFIG, [CONFIG], 10**6, bench.data_dir)

    def trains() -> bool:
        progress = bench.repeats.series["compare"].progress
        return isinstance(progress, Progress) and progress.step > 0

    qtbot.waitUntil(trains, timeout=90_000)
    others = {child.pid for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())}
    assert others
    start = time.monotonic()
    assert bench.repeats.close(5000)
    assert time.monotonic() - start < 1.0
    assert not any(psutil.pid_exists(pid) for pid in others)


def test_the_classifier_is_asked_for_once_and_the_table_tells(qtbot, studio, near, monkeypatch):
    from aae_studio.core import repeats
    from aae_studio.core.metrics import classifier

    monkeypatch.setattr(classifier, "STEPS", 5)
    monkeypatch.setattr(repeats, "STEPS", 5)
    bench = studio.workbench
    bench.repeats.judges.clear()
    panel = opened(studio, "compare")
    with qtbot.waitSignal(bench.repeats.judged, timeout=60_000):
        assert bench.repeats.judge(CONFIG, bench.data_dir) is None
        bench.repeats.judge(CONFIG, bench.data_dir)
    qtbot.waitUntil(lambda: panel.settled, timeout=60_000)
    studio.window.turns.finish()
    judge = bench.repeats.judge(CONFIG, bench.data_dir)
    assert f"{100 * judge.validation_accuracy:.1f}" in panel.note.text()
    assert "coverage" in panel.table.figure_model.entries[2].measures


def test_a_classifier_that_cannot_be_had_is_told_and_not_tried_again(qtbot, studio, monkeypatch):
    begun = []

    class Lost(Near):
        def __init__(self, *arguments: object) -> None:
            begun.append(arguments)
            super().__init__(*arguments)

        def next(self, patience: float) -> object:
            raise StudioError("The process was {fate}.", fate="lost")

    monkeypatch.setattr(apart, "Apart", Lost)
    bench = studio.workbench
    bench.repeats.judges.clear()
    panel = opened(studio, "compare")
    qtbot.waitUntil(panel.fault.isVisible, timeout=20_000)
    assert panel.fault.text() == "The process was lost."
    trained(qtbot, studio, STEPS)
    measured(qtbot, panel, studio)
    assert len(begun) == 1
    assert "recon_mse" in panel.table.figure_model.entries[0].measures
    assert "coverage" not in panel.table.figure_model.entries[0].measures


# Sweep


def sweep(qtbot, studio: Studio, across: tuple[str, str], down: tuple[str, str], model: str = "vae") -> Sweep:
    panel = opened(studio, "sweep")
    panel.model.setCurrentIndex(panel.model.findData(model))
    panel.model.activated.emit(panel.model.currentIndex())
    panel.across.choose(*across)
    panel.down.choose(*down)
    panel.steps.lineEdit().setText(str(STEPS))
    qtbot.mouseClick(panel.begin_button, Qt.MouseButton.LeftButton)
    return panel


def test_a_sweep_fills_its_grid_tells_and_opens_a_cell_that_can_be_undone(qtbot, studio, near):
    bench = studio.workbench
    panel = sweep(qtbot, studio, ("vae.beta", "0.5 2"), ("learning_rate", "0.001 0.01 1e4"))
    assert len(panel.grid.cells) == 6 or panel.bar.isVisible()
    over(qtbot, studio, "sweep")
    qtbot.waitUntil(lambda: panel.settled, timeout=20_000)
    series, grid = bench.repeats.series["sweep"], panel.grid
    assert [run.config.models for run in series.runs] == [("vae",)] * 6
    told = [(run.config.options["vae.beta"], run.config.learning_rate) for run in series.runs]
    assert told == [(beta, rate) for rate in (0.001, 0.01, 1e4) for beta in (0.5, 2.0)]
    assert [cell.image is not None for cell in grid.cells] == [True] * 6
    good = series.runs[0].measures["vae"]["recon_mse"].value
    assert grid.cells[0].text == f"{good:.4f}"
    # A run that failed says so, and says why.
    if series.runs[5].fault is not None:
        assert grid.cells[5].text == "×"
        assert "infinite" in grid.cells[5].told
    middle = grid.cell_rect(3).center()
    qtbot.mouseMove(grid, middle)
    assert grid.current == 3
    assert "0.01" in panel.told.text()
    before = bench.asked
    with qtbot.waitSignal(bench.prepared, timeout=60_000):
        qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=middle)
    assert bench.asked.models == CONFIG.models
    assert (bench.asked.options["vae.beta"], bench.asked.learning_rate) == (2.0, 0.01)
    qtbot.waitUntil(lambda: bench.step == STEPS and bench.findings.step == STEPS, timeout=60_000)
    np.testing.assert_allclose(bench.findings.codes["vae"], series.runs[3].codes["vae"], atol=1e-4)
    bench.undo()
    assert bench.asked == before


def test_the_grid_is_walked_with_the_keyboard(qtbot, studio, near):
    panel = sweep(qtbot, studio, ("vae.beta", "0.5 2"), ("hidden", "8 8,8"))
    over(qtbot, studio, "sweep")
    qtbot.waitUntil(lambda: panel.settled, timeout=20_000)
    grid = panel.grid
    grid.setFocus(Qt.FocusReason.TabFocusReason)
    assert grid.current == 0
    for key, place in (
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Down, 3),
        (Qt.Key.Key_Left, 2),
    ):
        qtbot.keyClick(grid, key)
        assert grid.current == place
    with qtbot.waitSignal(studio.workbench.prepared, timeout=60_000):
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert studio.workbench.asked.hidden == (8, 8)
    assert studio.workbench.asked.options["vae.beta"] == 0.5


@pytest.mark.parametrize(
    ("across", "down"),
    [
        (("vae.beta", "1 x"), ("learning_rate", "0.1")),
        (("vae.beta", "-1"), ("learning_rate", "0.1")),
        (("vae.beta", ""), ("learning_rate", "0.1")),
        (("vae.beta", "1"), ("vae.beta", "2")),
        (("latent_size", "2 500"), ("learning_rate", "0.1")),
        (("vae.beta", "1 2 3 4 5 6 7"), ("learning_rate", "0.1")),
    ],
)
def test_values_that_cannot_be_are_refused_where_they_stand(qtbot, studio, near, across, down):
    panel = sweep(qtbot, studio, across, down)
    assert "sweep" not in studio.workbench.repeats.series
    assert not panel.begin_button.isEnabled()
    assert panel.sentence.isVisible()
    panel.across.choose("vae.beta", "1")
    panel.down.choose("learning_rate", "0.1")
    assert panel.begin_button.isEnabled()
    assert not panel.sentence.isVisible()


def test_a_configuration_that_cannot_be_trained_is_a_cell_that_says_so(qtbot, studio, near):
    panel = sweep(qtbot, studio, ("batch_size", "32 60000"), ("latent_size", "1 3"), model="gan")
    over(qtbot, studio, "sweep")
    qtbot.waitUntil(lambda: panel.settled, timeout=20_000)
    assert [cell.text == "×" for cell in panel.grid.cells] == [False, True, False, True]
    assert "60000" in panel.grid.cells[1].told
    before = studio.workbench.asked
    panel.grid.opened.emit(1)
    assert studio.workbench.asked == before
