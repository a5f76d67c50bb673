"""Training images per second: the window, the command line, a bare PyTorch loop, and pythae.

All train 784-512-2 networks with batch 128. The peers are `train_bare.py`, with as many threads as ours, and
`train_peer_pythae.py`, which needs an interpreter with pythae, named by the environment variable
PYTHAE_PYTHON. The price of looking is the median of pairs, the command line and right after it the window,
since the machine's own speed changes within minutes.
Usage: throughput.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import os
import re
import sys
import time

from measuring import MNIST, PEERS, arguments, child, publish, run, spread

from aae_studio.core.compute import training_threads

MODELS = ("ae", "vae", "aae")
STEPS = 300
THREADS = training_threads()
LOOKING = {"all three": (), "all three, every overlay": ("overlays",)}
SECONDS = 8
# Of the price of looking, in each round.
PAIRS = 3
# The bare loop's discriminator has one hidden layer of 256.
NETWORKS = ("--hidden", "512", "--aae-discriminator-hidden", "256", "--batch-size", "128")


def data() -> tuple[str, ...]:
    """MNIST where it is, else shapes of the same size."""
    if (MNIST / "MNIST").is_dir():
        return ("--dataset", "mnist", "--data-dir", str(MNIST))
    return ("--dataset", "shapes")


def command_line(models: str) -> float:
    """Images per second of `aae-studio train`."""
    words = ("train", *data(), "--models", models, *NETWORKS, "--steps", str(STEPS), "--json", "--quiet")
    answer = json.loads(run([sys.executable, "-m", "aae_studio", *words]).strip().splitlines()[-1])
    return float(answer["samples_per_second"])


def window(overlays: bool) -> None:
    """Images per second of three models in the running window: prints one JSON line."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.plugins import OVERLAYS
    from aae_studio.ui.screenshot import offscreen_studio

    config = ExperimentConfig(dataset=data()[1], hidden=(512,), options={"aae.discriminator_hidden": (256,)})
    marks: list[tuple[int, float]] = []
    with offscreen_studio(config, MNIST, (1600, 1000), "dark", "en") as studio:
        bench = studio.workbench

        def begin() -> None:
            if not marks and bench.step >= 50:
                marks.append((bench.step, time.perf_counter()))
                QTimer.singleShot(SECONDS * 1000, QApplication.exit)

        for name in OVERLAYS.names() if overlays else ():
            bench.display.show_overlay(name, True)
        bench.progressed.connect(begin)
        studio.start(train=True)
        QApplication.exec()
        step, start = marks[0]
        rate = (bench.step - step) / (time.perf_counter() - start)
    print(json.dumps({"samples_per_s": rate * config.batch_size}))


def peer(interpreter: str, script: str) -> dict[str, float]:
    """Images per second by model, as the peer prints them."""
    lines = run([interpreter, str(PEERS / script), "20000", "128", str(THREADS)])
    return {name: float(rate) for name, rate in re.findall(r"^\w+ (\w+) (\d+) samples/s", lines, re.M)}


def main() -> None:
    if sys.argv[1:2] == ["--window"]:
        window(overlays="overlays" in sys.argv)
        return
    options = arguments(__doc__, rounds=3)
    pythae = os.environ.get("PYTHAE_PYTHON")
    seen: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for name in MODELS:
            seen.setdefault((name, "command_line"), []).append(command_line(name))
        if PEERS.is_dir():
            for name, rate in peer(sys.executable, "train_bare.py").items():
                seen.setdefault((name, "bare"), []).append(rate)
        if PEERS.is_dir() and pythae:
            for name, rate in peer(pythae, "train_peer_pythae.py").items():
                seen.setdefault((name, "pythae"), []).append(rate)
        for _ in range(PAIRS):
            for label, words in LOOKING.items():
                ours = command_line(",".join(MODELS))
                shown = child(__file__, "--window", *words)["samples_per_s"]
                seen.setdefault((label, "command_line"), []).append(ours)
                seen.setdefault((label, "window"), []).append(shown)
                seen.setdefault((label, "window/command"), []).append(shown / ours)
    rows: dict[str, dict[str, float]] = {}
    for (name, who), rates in seen.items():
        rows.setdefault(name, {})[who] = spread(rates)["median"]
    for row in rows.values():
        ours = row["command_line"]
        row |= {f"ours/{who}": ours / row[who] for who in ("bare", "pythae") if who in row}
    for label in LOOKING:
        pairs = spread(seen[label, "window/command"])
        rows[label] |= {"least": pairs["min"], "greatest": pairs["max"]}
    note = "" if pythae else "pythae left out: PYTHAE_PYTHON names no interpreter"
    publish("throughput", rows, options.json, unit="images/s", threads=THREADS, note=note)


if __name__ == "__main__":
    main()
