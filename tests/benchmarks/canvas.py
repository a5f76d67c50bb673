"""Setting new codes and painting a canvas of 600×600 pixels, ours beside pyqtgraph's scatter plot.

The peer is `scatter_naive.py`, which prints its own figure and that of a plain numpy raster.
Usage: canvas.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import re
import sys
import time

import numpy as np
from measuring import PEERS, arguments, child, publish, run, spread

COUNTS = (10_000, 70_000, 1_000_000)
REPEATS = 9


def ours(count: int) -> None:
    """One round in this process: prints the median milliseconds of projecting, rasterising and painting."""
    from measuring import MNIST
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.screenshot import offscreen_studio

    rng = np.random.default_rng(0)
    codes = rng.normal(size=(count, 2)).astype(np.float32)
    labels = rng.integers(0, 10, count)
    with offscreen_studio(ExperimentConfig(models=("aae",)), MNIST, (900, 1000), "dark", "en") as studio:
        bench = studio.workbench
        bench.surveyed.connect(QApplication.exit)
        studio.start()
        QApplication.exec()
        studio.close_threads()
        split = bench.snapshot.dataset.__dict__["probe"]
        bench.snapshot.dataset.__dict__["probe"] = type(split)(split.images, labels, split.ids)
        canvas = studio.window.lanes["aae"].canvas
        canvas.setFixedSize(600, 600)
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            bench.findings.codes["aae"] = codes
            canvas.redraw()
            canvas.grab()
            times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"ms": float(np.median(times))}))


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        ours(int(sys.argv[2]))
        return
    options = arguments(__doc__, rounds=3)
    rows = {}
    for count in COUNTS:
        own, theirs = [], []
        for _ in range(options.rounds):
            own.append(child(__file__, "--one", str(count))["ms"])
            if PEERS.is_dir():
                line = run([sys.executable, str(PEERS / "scatter_naive.py"), str(count)])
                theirs.append(float(re.search(r"paint ([\d.]+) ms", line)[1]))
        row = {"ours_ms": spread(own)["median"], "ours_max_ms": spread(own)["max"]}
        if theirs:
            row |= {"pyqtgraph_ms": spread(theirs)["median"]}
            row["ratio"] = row["pyqtgraph_ms"] / row["ours_ms"]
        rows[f"{count:,} points"] = row
    publish("canvas", rows, options.json)


if __name__ == "__main__":
    main()
