"""What each overlay and each panel leaves of sixty frames a second, while three models train.

The cursor is dragged, one move every 16 ms: with nothing else on show, with one overlay at a time and with
every overlay, all in one window; and with one panel at a time, each in a window of its own, after what a
person would do there first (a step in slow motion, a sketch, a path; `compare` and `sweep` train beside).
`in_time` is the share of all frames that showed their move: one that took three frames to be painted counts
as one of three. Left out is `labels`, where a drag labels points.
Usage: frames.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
from measuring import MNIST, arguments, child, dataset_name, publish, spread

DRAGS = int(os.environ.get("DRAGS", "240"))
# What is newly on show works out its first picture meanwhile.
SETTLING_MS = 1500
FRAME_MS = 1000 / 60
NOTHING, TOGETHER = "nothing", "every overlay"


def dragged(names: list[str]) -> dict[str, dict[str, float]]:
    """Drag with each of these on show, one after the other, in one window."""
    from hand import Hand
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.screenshot import offscreen_studio

    dataset = dataset_name()
    config = ExperimentConfig(dataset=dataset, hidden=(512,))
    waiting, seen = list(names), {}
    with offscreen_studio(config, MNIST, (1600, 1000), "dark", "en") as studio:
        window, bench = studio.window, studio.workbench
        hands: list[Hand] = []

        def begin() -> None:
            if bench.step > 100:
                bench.progressed.disconnect(begin)
                next_one()

        def next_one() -> None:
            if not waiting:
                QApplication.exit()
                return
            bench.pause()
            for name in window.overlays:
                bench.display.show_overlay(name, waiting[0] in (name, TOGETHER))
            if waiting[0] in window.panel_docks:
                window.demonstrate([waiting[0]])
            bench.train()
            QTimer.singleShot(SETTLING_MS, lambda: hands.append(Hand(studio, DRAGS, note)))

        def note(latencies: list[float]) -> None:
            p50, p99 = np.percentile(latencies, [50, 99])
            in_time = len(latencies) / float(np.ceil(np.array(latencies) / FRAME_MS).sum())
            worst = max(latencies)
            seen[waiting.pop(0)] = {"p50_ms": p50, "p99_ms": p99, "worst_ms": worst, "in_time": in_time}
            next_one()

        bench.progressed.connect(begin)
        bench.failed.connect(lambda fault: QApplication.exit())
        studio.start(train=True)
        QApplication.exec()
    if waiting:
        sys.exit(f"{waiting[0]}: it did not train")
    return seen


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(dragged(sys.argv[2:])))
        return
    from aae_studio.ui.plugins import OVERLAYS, PANELS

    options = arguments(__doc__, rounds=3)
    windows = [[NOTHING, *OVERLAYS.names(), TOGETHER]]
    windows += [[name] for name in PANELS.names() if name != "labels"]
    rows: dict[str, dict[str, float]] = {}
    for names in windows:
        rounds = [child(__file__, "--one", *names) for _ in range(options.rounds)]
        for name in names:
            figures = rounds[0][name]
            rows[name] = {key: spread([seen[name][key] for seen in rounds])["median"] for key in figures}
    publish("frames", rows, options.json, drags=DRAGS)


if __name__ == "__main__":
    main()
