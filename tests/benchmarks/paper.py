"""Training images per second with the networks of the AAE's paper, 784-1000-1000-2: ours and two peers.

The discriminator has two hidden layers of 1000 too. The peers are a bare PyTorch loop, and on the CPU pythae,
run by the interpreter that PYTHAE_PYTHON names. On a GPU, where there is one, our steps
are recorded; `direct` is without that.
Usage: paper.py [--json] [--rounds N]
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bare import bare
from measuring import MNIST, arguments, dataset_name, gpu, peer_rates, publish, spread

from aae_studio.core import compute
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.recording import Recorder

HIDDEN = (1000, 1000)
MODELS = ("ae", "vae", "aae")
BATCHES = (100, 128)
# Steps before it is timed, and timed steps.
STEPS = {"cpu": (8, 60), "cuda": (50, 1000)}
PEER = Path(__file__).with_name("peer_pythae_paper.py")
PEER_IMAGES = 6_000


def images_per_second(take: Callable[[], Any], batch: int, device: str) -> float:
    """Of one kind of step, when it has run for a while."""
    warm, steps = STEPS[device]
    for _ in range(warm):
        take()
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        take()
    if device == "cuda":
        torch.cuda.synchronize()
    return steps * batch / (time.perf_counter() - start)


def studio(
    model: str, batch: int, device: str, precision: str = "auto", recorded: bool = True
) -> Callable[[], Any]:
    """The Studio's own step, with a report after each."""
    config = ExperimentConfig(
        dataset=dataset_name(),
        models=(model,),
        hidden=HIDDEN,
        # As the peers have them.
        activation="relu",
        inputs="plain",
        averaging=0,
        batch_size=batch,
        device=device,
        precision=precision,
        options={"aae.discriminator_hidden": HIDDEN},
    )
    experiment = Experiment(config, load_dataset(config, MNIST))
    if not recorded:
        experiment.recorder = Recorder(None)
    steps = experiment.run()
    return lambda: next(steps)


def peer(batch: int) -> dict[str, float]:
    """Images per second of pythae's trainers."""
    sizes = (PEER_IMAGES, batch, torch.get_num_threads())
    return peer_rates([os.environ["PYTHAE_PYTHON"], str(PEER), *map(str, sizes)])


def measured(batch: int, device: str, rounds: int) -> dict[str, dict[str, float]]:
    """Medians and ratios by model; all kinds take turns."""
    kinds: dict[str, Callable[[str], Callable[[], Any]]] = {
        "bare": lambda model: bare(model, HIDDEN, batch, device),
        "float32": lambda model: studio(model, batch, device, "float32"),
        "auto": lambda model: studio(model, batch, device),
    }
    if device == "cuda":
        kinds["direct"] = lambda model: studio(model, batch, device, recorded=False)
    steps = {model: {kind: make(model) for kind, make in kinds.items()} for model in MODELS}
    rates: dict[str, dict[str, list[float]]] = {model: {} for model in MODELS}
    for _ in range(rounds):
        for model, takes in steps.items():
            for kind, take in takes.items():
                rates[model].setdefault(kind, []).append(images_per_second(take, batch, device))
        if device == "cpu" and "PYTHAE_PYTHON" in os.environ:
            for model, rate in peer(batch).items():
                rates[model].setdefault("pythae", []).append(rate)
    rows = {}
    for model, by_kind in rates.items():
        row = {kind: spread(found)["median"] for kind, found in by_kind.items()}
        row |= {f"auto/{kind}": row["auto"] / row[kind] for kind in ("bare", "pythae") if kind in row}
        row["float32/bare"] = row["float32"] / row["bare"]
        rows[f"{device}, batch {batch}, {model}"] = row
    return rows


def main() -> None:
    options = arguments(__doc__, rounds=3)
    compute.use_threads(compute.training_threads())
    devices = [device for device in STEPS if device in compute.available_devices()]
    rows: dict[str, dict[str, float]] = {}
    for device in devices:
        for batch in BATCHES:
            rows |= measured(batch, device, options.rounds)
    auto = {device: str(compute.choose_precision("auto", torch.device(device))) for device in devices}
    publish("paper", rows, options.json, unit="images/s", auto=auto, gpu=gpu())


if __name__ == "__main__":
    main()
