"""`train`: the window's training without the window."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from aae_studio import paths
from aae_studio.commands.download import fetch
from aae_studio.commands.flags import config_from
from aae_studio.commands.parsing import Parser, add_data_dir, count_reader, path_reader
from aae_studio.commands.progress import Progress
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import DataMissing, NonFinite, StudioError
from aae_studio.core.session_folder import check_target

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset
    from aae_studio.core.experiment import Experiment
    from aae_studio.core.history import History
    from aae_studio.core.snapshot import Figures

EPOCHS = 20
INTERRUPTED = 130
# Reports are taken into the history this often; step by step it would cost a few per cent.
PAUSE_S = 0.1
# The table's figures and their titles; σ is the prior's.
COLUMNS = {
    "recon_mse": "recon MSE",
    "mmd_to_prior": "MMD²",
    "sw1_to_prior": "SW1/σ",
    "code_mean": "mean/σ",
    "code_std_least": "min std/σ",
    "code_std_greatest": "max std/σ",
    "knn_accuracy": "kNN",
}


def add_flags(parser: Parser) -> None:
    """Flags of `train`."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--epochs", type=count_reader("epochs", 1), metavar="N", help=f"train so long (default {EPOCHS})"
    )
    length.add_argument("--steps", type=count_reader("steps", 1), metavar="N", help="train so many steps")
    parser.add_argument("--out", type=path_reader, metavar="RUN", help="folder to save the run in")
    parser.add_argument("--download", action="store_true", help="fetch the dataset if it is missing")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    """Train, save, print the figures. Ctrl-C ends the training early, and the run is saved."""
    config = config_from(args)
    if args.out:
        check_target(args.out)
    from aae_studio.core import compute
    from aae_studio.core.experiment import Experiment
    from aae_studio.core.history import History

    dataset = _loaded(config, paths.data_dir(args.data_dir), args.download, args.quiet)
    compute.use_threads(compute.training_threads())
    experiment, history = Experiment(config, dataset), History()
    steps = args.steps or (args.epochs or EPOCHS) * experiment.steps_per_epoch
    with Interrupt() as interrupt:
        try:
            _train(experiment, history, steps, Progress("train", args.quiet), interrupt)
        except NonFinite as fault:
            where = _rescued(args.out, experiment, history)
            raise StudioError("{fault}{where}", fault=fault, where=where) from fault
        snapshot = experiment.snapshot()
        figures = {name: snapshot.figures(name, size=None) for name in experiment.models}
        try:
            _save(args.out, experiment, history, figures)
        finally:
            result = _result(experiment, history, figures)
            print(json.dumps(result) if args.json else _table(result), flush=True)
    return INTERRUPTED if interrupt.came else 0


class Interrupt:
    """Turns Ctrl-C into a note to stop, so that a step is never cut in two. A second one is not held up."""

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> Self:
        # Python allows only the main thread to do this.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True


def _loaded(config: ExperimentConfig, data_dir: Path, download: bool, quiet: bool) -> Dataset:
    from aae_studio.core.experiment import load_dataset

    try:
        return load_dataset(config, data_dir)
    except DataMissing:
        if not download:
            raise
    fetch(config.dataset, data_dir, quiet)
    return load_dataset(config, data_dir)


def _train(
    experiment: Experiment, history: History, steps: int, progress: Progress, interrupt: Interrupt
) -> None:
    """Run the experiment up to this step; the history gets every report, whatever happens."""
    waiting = []
    taken = time.perf_counter()
    try:
        for report in islice(experiment.run(), steps):
            waiting.append(report)
            now = time.perf_counter()
            if now - taken > PAUSE_S or report.step == steps:
                history.append(waiting)
                waiting, taken = [], now
                rate = report.step / max(report.seconds, 1e-9)
                progress.show(report.step, steps, f"step {report.step} of {steps} · {rate:.0f} steps/s")
            if interrupt.came:
                print("Stopping after this step.", file=sys.stderr)
                break
    finally:
        history.append(waiting)
        progress.close()


def _save(
    out: Path | None, experiment: Experiment, history: History, figures: Mapping[str, Figures] | None
) -> None:
    if out:
        from aae_studio.core import session

        session.save(out, experiment, history, figures)


def _rescued(out: Path | None, experiment: Experiment, history: History) -> str:
    """Save what was trained before a fault; says where, or why not."""
    if out is None:
        return ""
    try:
        _save(out, experiment, history, None)
    except StudioError as fault:
        return f" {fault}"
    return f" What was trained before is saved in {out}."


def _result(experiment: Experiment, history: History, figures: Mapping[str, Figures]) -> dict[str, Any]:
    """What `--json` prints. `losses` are means over the last epoch, or over all steps if there are fewer."""
    steps, size = experiment.step, experiment.steps_per_epoch
    losses: dict[str, dict[str, float]] = {name: {} for name in experiment.models}
    for model, curve in history.curves:
        losses[model][curve] = float(history.values(model, curve)[-size:].mean())
    return {
        "seed": experiment.config.seed,
        "steps": steps,
        "epochs": experiment.epoch,
        "samples_per_second": steps * experiment.config.batch_size / max(experiment.seconds, 1e-9),
        "seconds": experiment.seconds,
        "device": str(experiment.device),
        "precision": str(experiment.precision).removeprefix("torch."),
        "models": {name: {**part.measured, "losses": losses[name]} for name, part in figures.items()},
    }


def _table(result: Mapping[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{result['steps']} steps, {result['epochs']} epochs in {result['seconds']:.1f} s: "
        f"{result['samples_per_second']:.0f} samples/s in {result['precision']} on {result['device']}",
        f"{'':6}" + "".join(f"{title:>12}" for title in COLUMNS.values()),
    ]
    for name, part in result["models"].items():
        words = ["–" if part[figure] is None else f"{part[figure]:.4f}" for figure in COLUMNS]
        lines.append(f"{name:<6}" + "".join(f"{word:>12}" for word in words))
    return "\n".join(lines)
