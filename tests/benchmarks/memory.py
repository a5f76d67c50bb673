"""What the Studio holds in memory: MNIST, three models, the window open, while it trains.

`resident_mb` is the median of the last half of the time, `growth` the slope there (least squares) in MB a
minute, and `rows` the part of it that the curves explain: each step's figures are kept. Shapes of the same
size stand in where MNIST is not there. No peer: the figures are absolute.
Usage: memory.py [--json] [--rounds N]; the environment variable MINUTES says how long a round takes (2).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time

import numpy as np
import psutil
from measuring import LIMIT_S, MNIST, arguments, child, dataset_name, publish, spread

MINUTES = float(os.environ.get("MINUTES", "2"))
EVERY_MS = 1000
MIB = 2**20


def one() -> dict[str, float]:
    """One round in this process."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.screenshot import offscreen_studio

    process = psutil.Process()
    marks: list[tuple[float, float, float]] = []
    dataset = dataset_name()
    with offscreen_studio(ExperimentConfig(dataset=dataset), MNIST, (1600, 1000), "dark", "en") as studio:
        bench = studio.workbench
        window = process.memory_info().rss / MIB

        def note() -> None:
            if bench.history is None:
                return
            held = sum(column._values.nbytes for column in bench.history._columns.values())
            used = held * len(bench.history) / max(1, len(bench.history._columns["steps"]._values))
            marks.append((time.perf_counter(), process.memory_info().rss / MIB, used / MIB))

        timer = QTimer()
        timer.timeout.connect(note)
        timer.start(EVERY_MS)
        QTimer.singleShot(round(MINUTES * 60_000), QApplication.exit)
        studio.start(train=True)
        QApplication.exec()
        timer.stop()
        steps = bench.step
        gc.collect()
    seconds, resident, rows = np.array(marks[len(marks) // 2 :]).T
    return {
        "window_mb": window,
        "resident_mb": float(np.median(resident)),
        "growth_mb_per_min": float(np.polyfit(seconds / 60, resident, 1)[0]),
        "rows_mb_per_min": float(np.polyfit(seconds / 60, rows, 1)[0]),
        "steps": steps,
    }


def main() -> None:
    if sys.argv[1:] == ["--one"]:
        print(json.dumps(one()))
        return
    options = arguments(__doc__, rounds=1)
    rounds = [child(__file__, "--one", limit_s=60 * MINUTES + LIMIT_S) for _ in range(options.rounds)]
    rows = {name: spread([result[name] for result in rounds]) for name in rounds[0]}
    publish("memory", rows, options.json, minutes=MINUTES)


if __name__ == "__main__":
    main()
