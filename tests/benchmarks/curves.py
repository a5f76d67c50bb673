"""Loss curves of a million steps: pan, zoom and append until they are painted, ours beside pyqtgraph's plots.

Three plots with all curves of AE, VAE and AAE in the Studio's window. pyqtgraph draws as many curves in
three plots of the same size, with its own downsampling and clipping to the view. `append` adds 30 steps, as
training does between two rounds of drawing. `memory` is what the first and a further million steps cost,
and what 200 pans leave behind.
Usage: curves.py [--json] [--rounds N]
"""

from __future__ import annotations

import gc
import json
import sys
import time

import numpy as np
import psutil
from measuring import MNIST, arguments, child, publish, spread

STEPS = 1_000_000
NEW = 30
REPEATS = 15
SIZE = (1600, 1000)
MODELS = ("ae", "vae", "aae")
MIB = 2**20


def resident() -> float:
    """MiB that this process holds."""
    gc.collect()
    return psutil.Process().memory_info().rss / MIB


def ours() -> dict[str, float]:
    """Milliseconds of each, by the clock and of the thread, in the Studio's window."""
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.core.experiment import Report
    from aae_studio.ui.screenshot import offscreen_studio

    with offscreen_studio(ExperimentConfig(models=MODELS), MNIST, SIZE, "dark", "en") as studio:
        bench = studio.workbench
        bench.surveyed.connect(QApplication.exit)
        studio.start()
        QApplication.exec()
        studio.close_threads()
        plots, history = studio.window.loss_plots, bench.history
        losses = {
            name: {curve.name: 0.5 for curve in frozen.model.curves} for name, frozen in bench.models.items()
        }

        def append(count: int) -> None:
            first = len(history) + 1
            # Curves with something to see: noise around a slow fall.
            noise = np.random.default_rng(first).uniform(0.2, 0.8, count).tolist()
            history.append(
                [
                    Report(
                        first + k,
                        0,
                        (first + k) * 0.01,
                        {m: dict.fromkeys(c, noise[k]) for m, c in losses.items()},
                    )
                    for k in range(count)
                ]
            )

        def grow(count: int) -> float:
            before = resident()
            for _ in range(count // 1000):
                append(1000)
            return resident() - before

        first_million = grow(STEPS)
        plots.redraw()
        plots.grab()

        def append_some() -> None:
            append(NEW)
            plots.redraw()

        found = {}
        plots._on_zoomed(4.0, 0.5)
        for name, act in (
            ("pan", lambda: plots._on_panned(0.01)),
            ("zoom", lambda: plots._on_zoomed(1.05, 0.5)),
            ("append", append_some),
        ):
            found |= timed(name, act, plots)
        before = resident()
        for _ in range(200):
            plots._on_panned(-0.001)
            plots.grab()
        pans = resident() - before
        return found | {"first_mb": first_million, "second_mb": grow(STEPS), "pans_mb": pans}


def timed(name: str, act, shown) -> dict[str, float]:
    """Medians of doing it and painting it."""
    wall, cpu = [], []
    for _ in range(REPEATS):
        start, own = time.perf_counter(), time.thread_time()
        act()
        shown.grab()
        wall.append((time.perf_counter() - start) * 1e3)
        cpu.append((time.thread_time() - own) * 1e3)
    return {name: float(np.median(wall)), f"{name}_cpu": float(np.median(cpu))}


def peer() -> dict[str, float]:
    """The same with pyqtgraph's own plots."""
    import pyqtgraph as pg
    from PySide6.QtWidgets import QHBoxLayout, QWidget

    application = pg.mkQApp()
    host = QWidget()
    host.resize(SIZE[0], 214)
    row = QHBoxLayout(host)
    x = np.arange(STEPS + REPEATS * NEW, dtype=np.float64)
    y = np.random.default_rng(0).uniform(0.2, 0.8, len(x))
    plots, curves, count = [], [], STEPS
    for number in (3, 2, 2):
        plot = pg.PlotWidget()
        plot.setDownsampling(auto=True, mode="mean")
        plot.setClipToView(True)
        row.addWidget(plot)
        plots.append(plot)
        curves += [plot.plot(x[:STEPS], y[:STEPS], pen=pg.mkPen(pg.intColor(k))) for k in range(number)]
    for plot in plots:
        plot.setXRange(STEPS * 3 / 8, STEPS * 5 / 8)
    host.show()
    application.processEvents()

    def pan() -> None:
        for plot in plots:
            plot.getViewBox().translateBy(x=0.01 * STEPS / 4)

    def zoom() -> None:
        for plot in plots:
            plot.getViewBox().scaleBy((1 / 1.05, 1.0))

    def append() -> None:
        nonlocal count
        count += NEW
        for curve in curves:
            curve.setData(x[:count], y[:count])

    found = {}
    for name, act in (("pan", pan), ("zoom", zoom), ("append", append)):
        found |= timed(name, act, host)
    host.close()
    return found


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(ours() if sys.argv[2] == "ours" else peer()))
        return
    options = arguments(__doc__, rounds=3)
    rounds = [
        {who: child(__file__, "--one", who) for who in ("ours", "pyqtgraph")} for _ in range(options.rounds)
    ]
    rows = {}
    for name in ("pan", "zoom", "append"):
        own = spread([result["ours"][name] for result in rounds])
        row = {"ours_ms": own["median"], "ours_max_ms": own["max"]}
        row["ours_cpu_ms"] = spread([result["ours"][f"{name}_cpu"] for result in rounds])["median"]
        row["pyqtgraph_ms"] = spread([result["pyqtgraph"][name] for result in rounds])["median"]
        row["ratio"] = row["pyqtgraph_ms"] / row["ours_ms"]
        rows[name] = row
    memory = {
        name: spread([result["ours"][name] for result in rounds])["median"]
        for name in ("first_mb", "second_mb", "pans_mb")
    }
    publish("curves", rows, options.json, steps=STEPS, memory=memory)


if __name__ == "__main__":
    main()
