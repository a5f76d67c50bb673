"""Training images per second: the window, the command line, a bare PyTorch loop, and pythae.

All train 784-512-2 networks with batch 128. The peers are `train_bare.py`, with as many threads as ours, and
`train_peer_pythae.py`, which needs an interpreter with pythae, named by the environment variable
PYTHAE_PYTHON. For the price of looking the command line and the windows are open together and train by
turns, two seconds each while the others are stopped, since the machine's own speed changes by a tenth within
minutes: the price is the median over the turns.
Usage: throughput.py [--json] [--rounds N]
"""

from __future__ import annotations

import json
import mmap
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from measuring import (
    ENVIRONMENT,
    LIMIT_S,
    MNIST,
    PEERS,
    arguments,
    dataset_name,
    peer_rates,
    publish,
    run,
    spread,
)

from aae_studio.core.compute import training_threads
from aae_studio.ui.survey_thread import SETTLING_S

MODELS = ("ae", "vae", "aae")
STEPS = 300
THREADS = training_threads()
COMMAND_LINE, WINDOW, OVERLAID = "command line", "window", "window, every overlay"
LOOKING = (COMMAND_LINE, WINDOW, OVERLAID)
# Of the price of looking: turns in each round, and how long one is, once the stopped program is warm again.
TURNS, TURN_S, WARM_S = 12, 2.0, 0.6
WARM_STEPS = 120
# In the first seconds of a training the window looks at it more often.
WARM_UP_S = SETTLING_S + 5.0
# The bare loop's discriminator has one hidden layer of 256. What the peers do not have is off.
BATCH = 128
NETWORKS = (
    *("--hidden", "512", "--aae-discriminator-hidden", "256", "--batch-size", str(BATCH)),
    *("--activation", "relu", "--inputs", "plain"),
)
COUNT = struct.Struct("q")


def data() -> tuple[str, ...]:
    return "--dataset", dataset_name(), "--data-dir", str(MNIST)


def command_line(models: str) -> float:
    """Images per second of `aae-studio train`."""
    # In its first steps, which are all that is measured, the mean of the weights costs most.
    how = (*NETWORKS, "--averaging", "0", "--steps", str(STEPS))
    words = ("train", *data(), "--models", models, *how, "--json", "--quiet")
    answer = json.loads(run([sys.executable, "-m", "aae_studio", *words]).strip().splitlines()[-1])
    return float(answer["samples_per_second"])


def train_for_ever(who: str, steps_file: Path) -> None:
    """Train three models by the command line or in the window, and keep the number of steps in a file."""
    from aae_studio.core.experiment import Experiment, Report

    with steps_file.open("r+b") as file:
        counter = mmap.mmap(file.fileno(), 0)
    take_step = Experiment.take_step

    def counted(self: Experiment) -> Report:
        report = take_step(self)
        COUNT.pack_into(counter, 0, report.step)
        return report

    Experiment.take_step = counted  # type: ignore[method-assign, assignment]
    if who == COMMAND_LINE:
        from aae_studio.cli import main as studio

        sys.argv = [
            "aae-studio",
            "train",
            *data(),
            "--models",
            ",".join(MODELS),
            *NETWORKS,
            "--steps",
            "1000000",
        ]
        sys.exit(studio())
    open_window(overlays=who == OVERLAID)


def open_window(overlays: bool) -> None:
    """Train three models in a running window."""
    from PySide6.QtWidgets import QApplication

    from aae_studio.core.config import ExperimentConfig
    from aae_studio.ui.plugins import OVERLAYS
    from aae_studio.ui.screenshot import offscreen_studio

    config = ExperimentConfig(
        dataset=dataset_name(),
        hidden=(512,),
        batch_size=BATCH,
        activation="relu",
        inputs="plain",
        options={"aae.discriminator_hidden": (256,)},
    )
    with offscreen_studio(config, MNIST, (1600, 1000), "dark", "en") as studio:
        for name in OVERLAYS.names() if overlays else ():
            studio.workbench.display.show_overlay(name, True)
        studio.start(train=True)
        QApplication.exec()


class Trainee:
    """A program that trains for ever, in its own turns only."""

    def __init__(self, who: str, folder: Path) -> None:
        path = folder / "steps"
        path.write_bytes(bytes(COUNT.size))
        with path.open("r+b") as file:
            self._counter = mmap.mmap(file.fileno(), 0)
        self._words = folder / "words"
        with self._words.open("wb") as words:
            self._process = psutil.Popen(
                [sys.executable, __file__, "--train", who, str(path)],
                env=ENVIRONMENT,
                stdout=subprocess.DEVNULL,
                stderr=words,
            )

    def warm_up(self) -> None:
        """Train until it goes at its pace, and stand still."""
        self._wait_beyond(WARM_STEPS)
        time.sleep(WARM_UP_S)
        self._process.suspend()

    def turn(self) -> float:
        """Steps per second of a turn, from the end of one step to the end of another."""
        self._process.resume()
        time.sleep(WARM_S)
        first, begin = self._wait_beyond(self._steps)
        time.sleep(TURN_S)
        last, end = self._wait_beyond(self._steps)
        self._process.suspend()
        return (last - first) / (end - begin)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def _steps(self) -> int:
        return int(COUNT.unpack_from(self._counter)[0])

    def _wait_beyond(self, step: int) -> tuple[int, float]:
        """Wait until more steps than these are taken; returns how many, and when."""
        patience = time.monotonic() + LIMIT_S
        while self._steps <= step:
            if self._process.poll() is not None or time.monotonic() > patience:
                sys.exit(f"It does not train:\n{self._words.read_text(errors='replace')[-4000:]}")
            time.sleep(0.0005)
        return self._steps, time.perf_counter()


def price_of_looking(turns: int) -> dict[str, list[float]]:
    """Images per second of the command line and the windows, turn by turn."""
    rates: dict[str, list[float]] = {who: [] for who in LOOKING}
    with ExitStack() as stack:
        trainees = {}
        for who in LOOKING:
            trainees[who] = Trainee(who, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.callback(trainees[who].kill)
            trainees[who].warm_up()
        for _ in range(turns):
            for who, trainee in trainees.items():
                rates[who].append(trainee.turn() * BATCH)
    return rates


def peer(interpreter: str, script: str) -> dict[str, float]:
    """Images per second of a peer's models."""
    return peer_rates([interpreter, str(PEERS / script), "20000", str(BATCH), str(THREADS)])


def main() -> None:
    if sys.argv[1:2] == ["--train"]:
        train_for_ever(sys.argv[2], Path(sys.argv[3]))
        return
    options = arguments(__doc__, rounds=3)
    pythae = os.environ.get("PYTHAE_PYTHON")
    seen: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for name in MODELS:
            seen.setdefault((name, "command line"), []).append(command_line(name))
        if PEERS.is_dir():
            for name, rate in peer(sys.executable, "train_bare.py").items():
                seen.setdefault((name, "bare"), []).append(rate)
        if PEERS.is_dir() and pythae:
            for name, rate in peer(pythae, "train_peer_pythae.py").items():
                seen.setdefault((name, "pythae"), []).append(rate)
    rows: dict[str, dict[str, float]] = {}
    for (name, who), rates in seen.items():
        rows.setdefault(name, {})["ours" if who == COMMAND_LINE else who] = spread(rates)["median"]
    for row in rows.values():
        row |= {f"ours/{who}": row["ours"] / row[who] for who in ("bare", "pythae") if who in row}
    looking = price_of_looking(TURNS * options.rounds)
    for who, rates in looking.items():
        shares = [rate / base for rate, base in zip(rates, looking[COMMAND_LINE], strict=True)]
        quarter, _, three_quarters = statistics.quantiles(shares, n=4)
        rows[f"all three, {who}"] = {
            "ours": spread(rates)["median"],
            "of command": spread(shares)["median"],
            "quartile": quarter,
            "3rd quartile": three_quarters,
        }
    note = "" if pythae else "pythae left out: PYTHAE_PYTHON names no interpreter"
    publish("throughput", rows, options.json, unit="images/s", threads=THREADS, note=note)


if __name__ == "__main__":
    main()
