"""Training steps per second on a GPU: recorded steps, steps that are taken directly, and a bare PyTorch loop.

Networks of the AAE's paper, 784-1000-1000-2, with two hidden layers of 1000 in the discriminator too, batch
100. The bare loop is as one would write it by hand: three Adam optimisers, an update each, no penalty.
Usage: gpu.py [--json] [--rounds N]
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from measuring import MNIST, arguments, publish, spread
from torch import Tensor, nn

from aae_studio.core.compute import choose_precision
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.recording import Recorder

BATCH, STEPS, WARM = 100, 1000, 50
HIDDEN = (1000, 1000)
MODELS = ("ae", "vae", "aae")
PRECISIONS = ("float32", "bfloat16")


def dataset_name() -> str:
    """MNIST where it is, else shapes of the same size."""
    return "mnist" if (MNIST / "MNIST").is_dir() else "shapes"


def steps_per_second(take: Callable[[], Any]) -> float:
    """Of one kind of step, when it has run for a while."""
    for _ in range(WARM):
        take()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(STEPS):
        take()
    torch.cuda.synchronize()
    return STEPS / (time.perf_counter() - start)


def studio(model: str, precision: str, recorded: bool) -> Callable[[], Any]:
    """The Studio's own step, with a report after each."""
    config = ExperimentConfig(
        dataset=dataset_name(),
        models=(model,),
        hidden=HIDDEN,
        batch_size=BATCH,
        device="cuda",
        precision=precision,
        options={"aae.discriminator_hidden": HIDDEN},
    )
    experiment = Experiment(config, load_dataset(config, MNIST))
    if not recorded:
        experiment.recorder = Recorder(None)
    run = experiment.run()
    return lambda: next(run)


def bare(model: str) -> Callable[[], Any]:
    """The step of a loop without a framework; data resident on the device."""
    images = torch.rand(20_000, 784, device="cuda")

    def layers(*sizes: int) -> nn.Sequential:
        parts: list[nn.Module] = []
        for one, other in itertools.pairwise(sizes):
            parts += [nn.Linear(one, other), nn.ReLU()]
        return nn.Sequential(*parts[:-1]).cuda()

    def adam(*networks: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam([w for network in networks for w in network.parameters()], 1e-3, fused=True)

    encoder, decoder = layers(784, *HIDDEN, 4 if model == "vae" else 2), layers(2, *HIDDEN, 784)
    judge = layers(2, *HIDDEN, 1)
    together, fooling, judging = adam(encoder, decoder), adam(encoder), adam(judge)

    def moved(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def ae(batch: Tensor) -> None:
        moved(together, F.mse_loss(decoder(encoder(batch)).sigmoid(), batch))

    def vae(batch: Tensor) -> None:
        mean, log_variance = encoder(batch).chunk(2, 1)
        codes = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
        moved(together, F.mse_loss(decoder(codes).sigmoid(), batch) + 1e-3 * divergence)

    def aae(batch: Tensor) -> None:
        ae(batch)
        codes, real = encoder(batch), torch.randn(len(batch), 2, device="cuda")
        says_real, says_fake = judge(torch.cat([real, codes.detach()])).split(len(batch))
        moved(judging, 0.5 * (F.softplus(-says_real).mean() + F.softplus(says_fake).mean()))
        moved(fooling, F.softplus(-judge(codes)).mean())

    def batches() -> Iterator[Tensor]:
        while True:
            order = torch.randperm(len(images), device="cuda")
            for start in range(0, len(images) - BATCH + 1, BATCH):
                yield images[order[start : start + BATCH]]

    step = {"ae": ae, "vae": vae, "aae": aae}[model]
    source = batches()
    return lambda: step(next(source))


def main() -> None:
    options = arguments(__doc__, rounds=3)
    if not torch.cuda.is_available():
        print("gpu: no GPU here", file=sys.stderr)
        return
    kinds: dict[str, Callable[[str], Callable[[], Any]]] = {
        "bare": bare,
        "direct": lambda model: studio(model, "float32", recorded=False),
        **{
            f"recorded {precision}": (lambda model, precision=precision: studio(model, precision, True))
            for precision in PRECISIONS
        },
    }
    rows: dict[str, dict[str, float]] = {}
    for model in MODELS:
        steps = {kind: make(model) for kind, make in kinds.items()}
        rates: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind, take in steps.items():
                rates[kind].append(steps_per_second(take))
        row = {kind: spread(found)["median"] for kind, found in rates.items()}
        rows[model] = row | {f"ratio {kind}": row[f"recorded {kind}"] / row["bare"] for kind in PRECISIONS}
    auto = choose_precision("auto", torch.device("cuda"))
    gpu = torch.cuda.get_device_name()
    publish("gpu", rows, options.json, unit="steps/s", gpu=gpu, auto=str(auto).removeprefix("torch."))


if __name__ == "__main__":
    main()
