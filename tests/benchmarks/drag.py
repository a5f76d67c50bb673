"""Mouse event to painted image while three models train: ours beside a plain program.

Ours trains perceptrons on 28×28 images, and then convolutional networks on 64×64×3. A drag is one
mouse-move event posted to a lane's canvas; it ends when all three lanes have painted the image decoded at the
new place. The peer is `drag_naive.py`: one widget, three training threads, perceptrons on 28×28 images.
Usage: drag.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import os
import re
import sys
import time

import numpy as np
from measuring import MNIST, PEERS, arguments, child, publish, run, spread

DRAGS = int(os.environ.get("DRAGS", "2000"))
PERIOD_MS = 16
CONVOLUTIONAL = "AAE Studio, convolutional 64×64×3"


def ours(convolutional: bool) -> None:
    """One round in this process: prints one JSON line."""
    from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui import decode_view
    from aae_studio.ui.screenshot import offscreen_studio

    painted: dict[int, float] = {}
    paint = decode_view.DecodeView.paintEvent

    def timed_paint(view: decode_view.DecodeView, event: object) -> None:
        paint(view, event)
        # The first paint of a move: a later one shows the same place by newer weights.
        painted.setdefault(id(view), time.perf_counter())

    decode_view.DecodeView.paintEvent = timed_paint
    dataset = "mnist" if (MNIST / "MNIST").is_dir() else "shapes"
    config = ExperimentConfig(dataset=dataset, hidden=(512,))
    if convolutional:
        images = {"shapes.size": 64, "shapes.color": True}
        config = ExperimentConfig(dataset="shapes", network="conv", options=images)

    class Hand(QObject):
        """Drags around a circle, one move a tick."""

        def __init__(self, studio) -> None:
            super().__init__()
            self.bench = studio.workbench
            self.canvas = studio.window.lanes["aae"].canvas
            self.views = [lane.decode_view for lane in studio.window.lanes.values()]
            self.moves, self.latencies = 0, []
            self.asked: float | None = None
            self.first_step, self.first_time = self.bench.step, time.perf_counter()
            self.timer = QTimer(self)
            self.timer.timeout.connect(self.move)
            # Paints of the place before don't count. Lanes have decoded by then; they paint later.
            self.bench.planes.cursor_moved.connect(painted.clear)
            self.post(QEvent.Type.MouseButtonPress)
            self.timer.start(PERIOD_MS)

        def post(self, kind: QEvent.Type) -> None:
            angle = self.moves / 20
            radius = 0.4 * min(self.canvas.width(), self.canvas.height())
            at = QPointF(
                self.canvas.width() / 2 + radius * np.cos(angle),
                self.canvas.height() / 2 + radius * np.sin(angle),
            )
            left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
            globally = QPointF(self.canvas.mapToGlobal(at))
            QApplication.postEvent(self.canvas, QMouseEvent(kind, at, globally, left, left, none))

        def move(self) -> None:
            if self.asked is not None:
                done = [painted.get(id(view), 0.0) for view in self.views]
                if min(done) < self.asked:
                    # Not painted within a tick: wait on, and count the whole time.
                    return
                self.latencies.append((max(done) - self.asked) * 1e3)
            self.moves += 1
            if len(self.latencies) >= DRAGS:
                QApplication.exit()
                return
            self.post(QEvent.Type.MouseMove)
            self.asked = time.perf_counter()

    with offscreen_studio(config, MNIST, (1600, 1000), "dark", "en") as studio:
        hands: list[Hand] = []

        def begin() -> None:
            # Convolutional networks take most of a second for a step here.
            if not hands and studio.workbench.step > (10 if convolutional else 100):
                hands.append(Hand(studio))

        studio.workbench.progressed.connect(begin)
        studio.workbench.failed.connect(lambda fault: QApplication.exit())
        studio.start(train=True)
        QApplication.exec()
        if not hands:
            sys.exit("it did not train")
        hand = hands[0]
        seconds = time.perf_counter() - hand.first_time
        rate = (studio.workbench.step - hand.first_step) / seconds
    latencies = hand.latencies[20:]
    print(json.dumps(summary(latencies) | {"steps_per_s": rate}))


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
        ours(convolutional="conv" in sys.argv)
        return
    options = arguments(__doc__, rounds=3)
    rounds: dict[str, list[dict[str, float]]] = {"AAE Studio": [], "drag_naive.py": [], CONVOLUTIONAL: []}
    for _ in range(options.rounds):
        rounds["AAE Studio"].append(child(__file__, "--one"))
        if PEERS.is_dir():
            rounds["drag_naive.py"].append(peer())
        rounds[CONVOLUTIONAL].append(child(__file__, "--one", "conv"))
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
    publish("drag", rows, options.json, drags=DRAGS)


if __name__ == "__main__":
    main()
