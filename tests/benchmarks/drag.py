"""Mouse event to painted image while three models train: ours beside a plain program.

Ours trains perceptrons on 28×28 images, and then convolutional networks on 64×64×3. A drag is one
mouse-move event posted to a lane's canvas; it ends when that lane has painted the image decoded at the
new place, and for `all` when all three lanes have. The peer is `drag_naive.py`: one widget, three training
threads, perceptrons on 28×28 images. Where there is a GPU, ours trains perceptrons there, too.
Usage: drag.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import os
import re
import sys
import time

import numpy as np
import torch
from measuring import MNIST, PEERS, arguments, child, dataset_name, gpu, publish, run, spread

DRAGS = int(os.environ.get("DRAGS", "2000"))
PEER = "drag_naive.py"
OURS, CONVOLUTIONAL, GPU = "AAE Studio", "AAE Studio, convolutional 64×64×3", "AAE Studio, on the GPU"
KINDS = {OURS: (), CONVOLUTIONAL: ("conv",)} | ({GPU: ("cuda",)} if torch.cuda.is_available() else {})


def ours(convolutional: bool, device: str) -> None:
    """One round in this process: prints one JSON line."""
    from hand import Hand
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.screenshot import offscreen_studio

    dataset = dataset_name()
    config = ExperimentConfig(dataset=dataset, hidden=(512,), device=device)
    if convolutional:
        images = {"shapes.size": 64, "shapes.color": True}
        config = ExperimentConfig(dataset="shapes", network="conv", options=images)
    with offscreen_studio(config, MNIST, (1600, 1000), "dark", "en") as studio:
        bench = studio.workbench
        hands: list[Hand] = []
        begun: list[tuple[int, float]] = []

        def begin() -> None:
            # Convolutional networks take most of a second for a step here.
            if not hands and bench.step > (10 if convolutional else 100):
                begun.append((bench.step, time.perf_counter()))
                hands.append(Hand(studio, DRAGS, finish))

        def finish(latencies: list[float]) -> None:
            step, start = begun[0]
            rate = (bench.step - step) / (time.perf_counter() - start)
            found = summary(hands[0].own) | {f"all_{key}": value for key, value in summary(latencies).items()}
            print(json.dumps(found | {"steps_per_s": rate}))
            QApplication.exit()

        bench.progressed.connect(begin)
        bench.failed.connect(lambda fault: QApplication.exit())
        studio.start(train=True)
        QApplication.exec()
    if not hands:
        sys.exit("it did not train")


def summary(latencies: list[float]) -> dict[str, float]:
    """Percentiles in ms."""
    p50, p99 = np.percentile(latencies, [50, 99])
    return {"p50_ms": float(p50), "p99_ms": float(p99), "worst_ms": max(latencies)}


def peer() -> dict[str, float]:
    """One round of the plain program with three training threads."""
    line = run([sys.executable, str(PEERS / "drag_naive.py"), "3", "1", "numpy"])
    found = re.search(r"p50 ([\d.]+) p95 [\d.]+ p99 ([\d.]+) max ([\d.]+) ms.*steps/s (\d+)", line)
    assert found, line
    names = ("p50_ms", "p99_ms", "worst_ms", "steps_per_s")
    return dict(zip(names, map(float, found.groups()), strict=True))


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        ours("conv" in sys.argv, "cuda" if "cuda" in sys.argv else "cpu")
        return
    options = arguments(__doc__, rounds=3)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in (*KINDS, PEER)}
    for _ in range(options.rounds):
        for kind, words in KINDS.items():
            rounds[kind].append(child(__file__, "--one", *words))
        if PEERS.is_dir():
            rounds[PEER].append(peer())
    rows = {
        name: {
            f"{figure} {kind}".replace(" median", ""): value
            for figure in results[0]
            for kind, value in spread([result[figure] for result in results]).items()
            if kind == "median" or (kind == "max" and figure.endswith("_ms"))
        }
        for name, results in rounds.items()
        if results
    }
    publish("drag", rows, options.json, drags=DRAGS, gpu=gpu())


if __name__ == "__main__":
    main()
