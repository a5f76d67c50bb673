"""Where the losses end: ours, and the bare PyTorch loop in float32, over several seeds.

All train 784-512-2 networks with batch 128 and the same objectives for two epochs. A figure is the mean over
the last 100 steps; `apart` is how far the means over the seeds are from one another, as a part of what the
bare loop's own seeds spread over. Ours in float32, and in the precision that is chosen by default.
Usage: losses.py [--json] [--rounds SEEDS]
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice

import torch
from bare import KL_WEIGHT, bare
from measuring import MNIST, arguments, dataset_name, publish

from aae_studio.core import compute
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, load_dataset

HIDDEN, BATCH, EPOCHS, LAST = (512,), 128, 2, 100
MODELS = ("ae", "vae", "aae")
PIXEL_SIGMA = 0.25
PIXELS = 784
BARE = "bare"
# The bare loop's objectives: a VAE's error and KL as that weighs them, an AAE with an optimiser for each
# phase and nothing that holds its discriminator.
OPTIONS = {
    "vae.pixel_sigma": PIXEL_SIGMA,
    "vae.beta": KL_WEIGHT * PIXELS / (2 * PIXEL_SIGMA**2),
    "aae.updates": "two-phase",
    "aae.adversarial_weight": 1.0,
    "aae.discriminator_hidden": HIDDEN,
    "aae.discriminator_rate": 1.0,
    "aae.r1": 0.0,
}

Losses = Mapping[str, float]


def ours(model: str, seed: int, precision: str) -> Iterator[Losses]:
    """The losses of each step."""
    config = ExperimentConfig(
        dataset=dataset_name(),
        models=(model,),
        seed=seed,
        hidden=HIDDEN,
        batch_size=BATCH,
        activation="relu",
        inputs="plain",
        precision=precision,
        options=OPTIONS,
    )
    for report in Experiment(config, load_dataset(config, MNIST)).run():
        yield report.losses[model]


def theirs(model: str, seed: int) -> Iterator[Losses]:
    """The losses of each step of the bare loop, on the same images."""
    dataset = load_dataset(ExperimentConfig(dataset=dataset_name()), MNIST)
    images = torch.from_numpy(dataset.to_unit(dataset.train.images)).flatten(1)
    torch.manual_seed(seed)
    take = bare(model, HIDDEN, BATCH, "cpu", images)
    while True:
        yield {name: value.item() for name, value in take().items()}


def final(steps: Iterator[Losses], count: int) -> Losses:
    """The mean of each loss over the last of so many steps."""
    rows = deque(islice(steps, count), maxlen=LAST)
    names = ("reconstruction", "kl", "generator")
    return {name: statistics.fmean(row[name] for row in rows) for name in names if name in rows[0]}


def main() -> None:
    options = arguments(__doc__, rounds=5)
    compute.use_threads(compute.training_threads())
    count = EPOCHS * (len(load_dataset(ExperimentConfig(dataset=dataset_name()), MNIST).train) // BATCH)
    ends: dict[tuple[str, str], list[Losses]] = {}
    for seed in range(options.rounds):
        for model in MODELS:
            ends.setdefault((model, BARE), []).append(final(theirs(model, seed), count))
            for precision in ("float32", "auto"):
                ends.setdefault((model, precision), []).append(final(ours(model, seed, precision), count))
    rows: dict[str, dict[str, float]] = {}
    for (model, who), found in ends.items():
        for name in found[0]:
            values, others = ([end[name] for end in ends[model, each]] for each in (who, BARE))
            mean, least, most = statistics.fmean(values), min(values), max(values)
            row = {"mean": mean, "min": least, "max": most}
            spread = max(others) - min(others)
            if who != BARE and spread:
                row["apart"] = abs(mean - statistics.fmean(others)) / spread
            rows[f"{model} {name}, {who}"] = row
    auto = str(compute.choose_precision("auto", torch.device("cpu")))
    publish("losses", rows, options.json, steps=count, auto=auto)


if __name__ == "__main__":
    main()
