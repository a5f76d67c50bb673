"""What each overlay and each panel leaves of sixty frames a second, while three models train.

In one window, after nothing else, then with one overlay or panel on show at a time, then with every overlay,
the cursor is dragged, one move every 16 ms: how long until all lanes have painted the image decoded there,
and the share of moves that were painted within a frame. A panel does first what a person would do: a step in
slow motion, a sketch, a path. Left out is `labels`, where a drag labels points.
Usage: frames.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
from measuring import MNIST, arguments, child, publish, spread

DRAGS = int(os.environ.get("DRAGS", "240"))
# What is newly on show works out its first picture meanwhile.
SETTLING_MS = 1500
FRAME_MS = 1000 / 60
NOTHING, OVERLAYS_TOGETHER = "nothing", "every overlay"


def one_round() -> None:
    """Everything in turn in this process: prints one JSON line."""
    from hand import Hand
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.screenshot import offscreen_studio

    dataset = "mnist" if (MNIST / "MNIST").is_dir() else "shapes"
    seen: dict[str, dict[str, float]] = {}
    with offscreen_studio(
        ExperimentConfig(dataset=dataset, hidden=(512,)), MNIST, (1600, 1000), "dark", "en"
    ) as studio:
        window, bench = studio.window, studio.workbench
        overlays = tuple(window.overlays)
        panels = [name for name in window.panel_docks if name != "labels"]
        waiting = [NOTHING, *overlays, *panels, OVERLAYS_TOGETHER]
        hands: list[Hand] = []

        def show(name: str, shown: bool) -> None:
            if name in window.panel_docks and not shown:
                window.panel_docks[name].hide()
                return
            for overlay in overlays if name == OVERLAYS_TOGETHER else {name} & set(overlays):
                bench.display.show_overlay(overlay, shown)
            if name in window.panel_docks:
                window.demonstrate([name])

        def begin() -> None:
            if bench.step > 100:
                bench.progressed.disconnect(begin)
                next_one()

        def next_one() -> None:
            if not waiting:
                QApplication.exit()
                return
            show(waiting[0], True)
            bench.train()
            QTimer.singleShot(SETTLING_MS, drag)

        def drag() -> None:
            hands[:] = [Hand(studio, DRAGS, note)]

        def note(latencies: list[float]) -> None:
            name = waiting.pop(0)
            p50, p99 = np.percentile(latencies, [50, 99])
            in_time = float(np.mean(np.array(latencies) <= FRAME_MS))
            seen[name] = {"p50_ms": p50, "p99_ms": p99, "worst_ms": max(latencies), "in_time": in_time}
            show(name, False)
            next_one()

        bench.progressed.connect(begin)
        studio.start(train=True)
        QApplication.exec()
    print(json.dumps(seen))


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one_round()
        return
    options = arguments(__doc__, rounds=3)
    rounds = [child(__file__, "--one") for _ in range(options.rounds)]
    rows = {
        name: {figure: spread([seen[name][figure] for seen in rounds])["median"] for figure in figures}
        for name, figures in rounds[0].items()
    }
    publish("frames", rows, options.json, drags=DRAGS)


if __name__ == "__main__":
    main()
