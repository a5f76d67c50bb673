"""What each process does in the tests of data parallelism: `torchrun … parallel_worker.py SCENARIO FOLDER`.

Tests import the configurations and the functions from here, to do the same in one process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from aae_studio.core import parallel, session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.errors import StudioError
from aae_studio.core.experiment import Experiment
from aae_studio.core.history import History
from aae_studio.core.registry import MODELS

STEPS = 5
SMALL = ExperimentConfig(
    models=tuple(MODELS.names()),
    hidden=(12, 8),
    batch_size=33,
    precision="float32",
    options={f"{name}.discriminator_hidden": (8,) for name in MODELS.names() if name.endswith("aae")},
)
CASES = {
    # An odd number of samples: the shares are unequal.
    "every model": SMALL,
    # Not clusters, which are normalised: where two of three samples agree no weight moves them, and of
    # a gradient of 0, but for the order of its sums, Adam makes a step.
    "three samples": SMALL.with_(
        models=tuple(name for name in SMALL.models if name != "clustering_aae"), batch_size=3, latent_size=3
    ),
    "seven samples": SMALL.with_(models=("clustering_aae",), batch_size=7),
    "labels": SMALL.with_(
        models=("aae", "semi_supervised_aae", "reduction_aae"),
        prior="mixture",
        # One labelled image, fewer than there are processes.
        **{"aae.labels": 50, "semi_supervised_aae.labels": 1, "reduction_aae.labels": 2},
    ),
    "options": SMALL.with_(
        models=("aae", "vae", "supervised_aae", "clustering_aae", "gan"),
        prior="ring",
        reconstruction="bernoulli",
        **{
            "aae.updates": "two-phase",
            "aae.posterior": "universal",
            "aae.discriminator_steps": 2,
            "supervised_aae.posterior": "gaussian",
            "supervised_aae.r1": 1.0,
            "clustering_aae.updates": "two-phase",
            "clustering_aae.posterior": "gaussian",
            "gan.discriminator_steps": 2,
        },
    ),
    "moved": SMALL.with_(models=("ae", "aae"), noise="affine", noise_strength=0.5),
    "noise": SMALL.with_(
        models=("ae", "vae", "aae", "semi_supervised_aae"), noise="salt-pepper", noise_strength=0.3
    ),
    # Ids that one process has and the other has not, and some that no image has.
    "by hand": SMALL.with_(
        models=("aae",), prior="mixture", **{"aae.labelling": "hand", "aae.labelled": "3,40-700,1000000"}
    ),
    "painted": SMALL.with_(models=("vae", "aae"), prior="painted", **{"painted.shape": "islands"}),
    "normalised": SMALL.with_(
        models=("vae", "aae", "semi_supervised_aae", "clustering_aae"),
        encoder_norm="batch",
        **{"semi_supervised_aae.labels": 7, "clustering_aae.updates": "two-phase"},
    ),
    "normalised convolutions": SMALL.with_(
        models=("ae", "wae"), network="conv", hidden=(8,), encoder_norm="batch"
    ),
    "convolutions": SMALL.with_(models=("ae", "gan", "wae"), network="conv", hidden=(8,), prior="swiss_roll"),
}
# With three processes, no batch is cut.
TINY = SMALL.with_(models=("aae", "wae", "semi_supervised_aae"), batch_size=2)


def trained(experiment: Experiment, steps: int) -> dict[str, np.ndarray]:
    """All weights, trained and shown, and all curves of these steps, by name."""
    found = {}
    for report in islice(experiment.run(), steps):
        for model, curves in report.losses.items():
            for curve, value in curves.items():
                found[f"{report.step} {model} {curve}"] = np.array(value)
    for model, plugin in experiment.models.items():
        assert plugin.average is not None
        for kind, networks in (("", plugin.networks), (" shown", plugin.shown)):
            for network, module in networks.items():
                for name, weight in module.state_dict().items():
                    found[f"{model} {network}{kind} {name}"] = weight.numpy()
    return found


def said(act) -> str:
    """The sentence of the StudioError that this raises, with its kind."""
    try:
        act()
    except StudioError as fault:
        return f"{type(fault).__name__}: {fault}"
    return "nothing"


def failing(group: parallel.Alone, ranks: tuple[int, ...]) -> None:
    """Fails in these processes."""
    with group.together():
        if group.rank in ranks:
            raise StudioError("No luck in {rank}.", rank=group.rank)


def undefined(experiment: Experiment) -> None:
    """Train on images of which the last process alone has one that is not a number."""
    batch = experiment.batches.of_step(0)
    if experiment.group.rank == experiment.group.size - 1:
        batch.images[0] = torch.nan
    experiment.train_step("vae", batch)


def first(folder: Path, group: parallel.Alone, digits: Dataset) -> None:
    """Train every case; fail together; then lose a process."""
    for case, config in CASES.items():
        experiment = Experiment(config, digits, group)
        np.savez(folder / f"{case} {group.rank}.npz", **trained(experiment, STEPS))
        # Its figures are measured where it was trained.
        for name in experiment.models:
            experiment.snapshot().figures(name)
        if case == "every model" and group.rank == 0:
            session.save(folder / "run", experiment, History())
    flags = [group.any(group.rank == 1), group.any(False)]
    faults = [
        said(lambda: failing(group, (1,))),
        said(lambda: failing(group, (0, 1))),
        said(lambda: failing(group, ())),
        said(lambda: undefined(Experiment(SMALL, digits, group))),
    ]
    # The launcher ends the others when one has failed, which is quicker than what is to be seen here.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    experiment = Experiment(SMALL, digits, group)
    steps = experiment.run()
    next(steps)
    if group.rank == 1:
        os._exit(3)
    start = time.perf_counter()
    faults.append(said(lambda: next(steps)))
    seconds = time.perf_counter() - start
    news = {"flags": flags, "faults": faults, "seconds": seconds}
    (folder / "news.json").write_text(json.dumps(news))
    raise SystemExit(2)


def resumed(folder: Path, group: parallel.Alone, digits: Dataset) -> None:
    """Go on with the run that `first` saved; train on batches of fewer samples than processes."""
    experiment, _ = session.restore(folder / "run", folder, group)
    np.savez(folder / f"resumed {group.rank}.npz", **trained(experiment, STEPS))
    np.savez(folder / f"tiny {group.rank}.npz", **trained(Experiment(TINY, digits, group), STEPS))


if __name__ == "__main__":
    torch.set_num_threads(1)
    scenario, place = sys.argv[1:]
    threads = Path("/proc/self/task")
    before = len(list(threads.iterdir())) if threads.is_dir() else 0
    with parallel.joined("cpu") as members:
        {"first": first, "resumed": resumed}[scenario](Path(place), members, Digits(Path()))
    # The group's threads have ended with it; at the end of the program it is too late for that.
    assert not threads.is_dir() or len(list(threads.iterdir())) <= before
