"""All 70 000 images of MNIST encoded anew and drawn in three lanes, again and again, while training goes on.

A refresh is whole when all three lanes have painted codes of the same, newer weights. `steps_ratio` is the
training's speed beside the same window with 2 000 points. Shapes stand in where MNIST is not there. No peer:
none does this. Usage: refresh.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import sys
import time

from measuring import MNIST, arguments, child, dataset_name, publish, spread

SECONDS = 10
HIDDEN = {"256-256": (256, 256), "512": (512,)}


def one(hidden: tuple[int, ...]) -> dict[str, float]:
    """One round in this process: first with the probe subset, then with all images."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.canvas.latent_canvas import LatentCanvas
    from aae_studio.ui.screenshot import offscreen_studio

    dataset = dataset_name()
    painted: dict[str, int] = {}
    refreshes: list[float] = []
    paint = LatentCanvas.paintEvent

    def noted(canvas: LatentCanvas, event: object) -> None:
        paint(canvas, event)
        if len(canvas._points._places) == total and bench.findings.codes.get(canvas._name) is not None:
            painted[canvas._name] = bench.findings.step
            if len(painted) == 3 and len(set(painted.values())) == 1 and painted[canvas._name] not in seen:
                seen.add(painted[canvas._name])
                refreshes.append(time.perf_counter())

    seen: set[int] = set()
    total = -1
    LatentCanvas.paintEvent = noted
    with offscreen_studio(
        ExperimentConfig(dataset=dataset, hidden=hidden), MNIST, (1600, 1000), "dark", "en"
    ) as studio:
        bench = studio.workbench

        def wait(seconds: float) -> float:
            """Steps a second for so long."""
            step, start = bench.step, time.perf_counter()
            QTimer.singleShot(round(seconds * 1000), QApplication.exit)
            QApplication.exec()
            return (bench.step - step) / (time.perf_counter() - start)

        bench.surveyed.connect(QApplication.exit)
        studio.start(train=True)
        QApplication.exec()
        bench.surveyed.disconnect(QApplication.exit)
        wait(2)
        few = wait(SECONDS)
        bench.draw_points(None)
        total = len(bench.probe)
        wait(3)
        refreshes.clear()
        start = time.perf_counter()
        many = wait(SECONDS)
        return {
            "points": total,
            "refreshes_per_s": len(refreshes) / (time.perf_counter() - start),
            "steps_per_s": many,
            "steps_ratio": many / few,
        }


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(HIDDEN[sys.argv[2]])))
        return
    options = arguments(__doc__, rounds=3)
    rows = {}
    for name in HIDDEN:
        rounds = [child(__file__, "--one", name) for _ in range(options.rounds)]
        for figure in rounds[0]:
            rows[f"{name}, {figure}"] = spread([result[figure] for result in rounds])
    publish("refresh", rows, options.json)


if __name__ == "__main__":
    main()
