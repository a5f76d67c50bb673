"""A latent canvas of 600×600 pixels: first draw, pan, zoom, changed data, beside pyqtgraph's scatter plot.

Each is timed until it is painted. Pan and zoom are mouse events; with many points they move and stretch the
image, and `rest` is the exact image afterwards. `cpu` is the thread's own time: a busy machine changes it
less. pyqtgraph's ten ScatterPlotItems, one a class, have the same points, in turn with ours, where they do
not take minutes.
Usage: canvas.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from measuring import MNIST, arguments, child, publish, spread

COUNTS = (10_000, 70_000, 1_000_000, 10_000_000)
# More take pyqtgraph longer than anyone waits.
MOST_OF_PEER = 1_000_000
CLASSES = 10
SIDE = 600
REPEATS = 9
Pair = tuple[float, float]
WHAT = ("first", "pan", "zoom", "rest", "changed")


def ours(codes: list[np.ndarray], labels: np.ndarray) -> dict[str, list[Pair]]:
    """Milliseconds of each, several times over, in the Studio's window."""
    from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
    from PySide6.QtGui import QMouseEvent, QWheelEvent
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.canvas.latent_canvas import LatentCanvas
    from aae_studio.ui.screenshot import offscreen_studio

    seen: dict[str, list[Pair]] = {what: [] for what in WHAT}
    with offscreen_studio(ExperimentConfig(models=("aae",)), MNIST, (900, 1000), "dark", "en") as studio:
        bench, window = studio.workbench, studio.window
        bench.surveyed.connect(QApplication.exit)
        studio.start()
        QApplication.exec()
        studio.close_threads()
        split = bench.snapshot.dataset.__dict__["probe"]
        bench.snapshot.dataset.__dict__["probe"] = type(split)(split.images, labels, split.ids)
        right, none = Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
        no_button, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase

        def mouse(kind: QEvent.Type, x: float) -> None:
            at = QPointF(x, 300)
            globally = QPointF(canvas.mapToGlobal(at))
            QApplication.sendEvent(canvas, QMouseEvent(kind, at, globally, right, right, none))

        def wheel(delta: int) -> None:
            at, turned = QPointF(200, 200), QPoint(0, delta)
            globally = QPointF(canvas.mapToGlobal(at))
            event = QWheelEvent(at, globally, QPoint(), turned, no_button, none, phase, False)
            QApplication.sendEvent(canvas, event)

        # It would be drawn beside the one that is timed.
        window.lanes["aae"].canvas.hide()
        for fresh in codes:
            bench.findings.codes["aae"] = fresh
            canvas = LatentCanvas(bench, "aae", window.lanes["aae"].canvas._theme, window.turns, {})
            canvas.resize(SIDE, SIDE)
            with Timed(seen["first"]):
                canvas.grab()
            mouse(QEvent.Type.MouseButtonPress, 300)
            for step in range(REPEATS):
                with Timed(seen["pan"]):
                    mouse(QEvent.Type.MouseMove, 310 + 7 * step)
                    canvas.grab()
            with Timed(seen["rest"]):
                mouse(QEvent.Type.MouseButtonRelease, 300)
                window.turns.finish()
                canvas.grab()
            for delta in (120, -120) * (REPEATS // 2):
                with Timed(seen["zoom"]):
                    wheel(delta)
                    canvas.grab()
            canvas._rest()
            window.turns.finish()
            for changed in codes:
                with Timed(seen["changed"]):
                    bench.findings.codes["aae"] = changed
                    canvas.redraw()
                    canvas.grab()
            bench.planes.fit_view("aae")
            canvas.deleteLater()
    return seen


def peer(codes: list[np.ndarray], labels: np.ndarray) -> dict[str, list[Pair]]:
    """The same with pyqtgraph. It has nothing to make exact afterwards."""
    import pyqtgraph as pg

    application = pg.mkQApp()
    seen: dict[str, list[Pair]] = {what: [] for what in WHAT if what != "rest"}

    def set_data(changed: np.ndarray) -> None:
        for label, item in enumerate(items):
            some = changed[labels == label]
            item.setData(some[:, 0], some[:, 1])

    with Timed(seen["first"]):
        plot = pg.PlotWidget()
        plot.resize(SIDE, SIDE)
        plot.setXRange(-4, 4)
        plot.setYRange(-4, 4)
        items = [
            pg.ScatterPlotItem(pxMode=True, size=3, pen=None, brush=pg.intColor(place))
            for place in range(CLASSES)
        ]
        for item in items:
            plot.addItem(item)
        set_data(codes[0])
        plot.show()
        application.processEvents()
        plot.grab()
    box = plot.getViewBox()
    for _ in range(3):
        with Timed(seen["pan"]):
            box.translateBy(x=0.1, y=0.0)
            plot.grab()
        with Timed(seen["zoom"]):
            box.scaleBy((0.84, 0.84))
            plot.grab()
        with Timed(seen["changed"]):
            set_data(codes[-1])
            plot.grab()
    plot.close()
    return seen


class Timed:
    """Adds the milliseconds of its block to a list, by the clock and of this thread."""

    def __init__(self, into: list[Pair]) -> None:
        self._into = into

    def __enter__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self._into.append(((now - self._start) * 1e3, (cpu - self._cpu) * 1e3))


def one(count: int, who: Callable[..., dict[str, list[Pair]]]) -> Iterator[tuple[str, list[float]]]:
    """One round in this process: the median of each."""
    rng = np.random.default_rng(0)
    codes = [rng.normal(size=(count, 2)).astype(np.float32) for _ in range(3)]
    labels = rng.integers(0, CLASSES, count)
    return ((what, np.median(times, axis=0).tolist()) for what, times in who(codes, labels).items())


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(dict(one(int(sys.argv[2]), ours if sys.argv[3] == "ours" else peer))))
        return
    options = arguments(__doc__, rounds=3)
    rows = {}
    for count in COUNTS:
        whose = ("ours", "pyqtgraph") if count <= MOST_OF_PEER else ("ours",)
        rounds = [
            {who: child(__file__, "--one", str(count), who) for who in whose} for _ in range(options.rounds)
        ]
        for what in WHAT:
            own = spread([result["ours"][what][0] for result in rounds])
            row = {"ours_ms": own["median"], "ours_max_ms": own["max"]}
            row["ours_cpu_ms"] = spread([result["ours"][what][1] for result in rounds])["median"]
            if "pyqtgraph" in whose and what != "rest":
                theirs = [result["pyqtgraph"][what][0] for result in rounds]
                row["pyqtgraph_ms"] = spread(theirs)["median"]
                row["ratio"] = row["pyqtgraph_ms"] / row["ours_ms"]
            rows[f"{count:,} points, {what}"] = row
    publish("canvas", rows, options.json)


if __name__ == "__main__":
    main()
