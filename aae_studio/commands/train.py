"""`train`: the window's training without the window."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from aae_studio import paths
from aae_studio.commands.download import fetch
from aae_studio.commands.flags import config_from
from aae_studio.commands.parsing import Parser, add_data_dir, count_reader, option_reader, path_reader
from aae_studio.commands.progress import Progress
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import DataMissing, NonFinite, StudioError
from aae_studio.core.options import Option
from aae_studio.core.session_folder import check_target, read_config, set_aside

if TYPE_CHECKING:
    from aae_studio.core.experiment import Experiment
    from aae_studio.core.history import History
    from aae_studio.core.parallel import Alone
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
    "class_error": "class error",
}
SAVE_EVERY = Option("save_every", "", 10.0, "", minimum=0.1, maximum=86400.0)


def add_flags(parser: Parser) -> None:
    """Flags of `train`."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--epochs", type=count_reader("epochs", 1), metavar="N", help=f"train so long (default {EPOCHS})"
    )
    length.add_argument("--steps", type=count_reader("steps", 1), metavar="N", help="train so many steps")
    parser.add_argument("--out", type=path_reader, metavar="RUN", help="folder to save the run in")
    parser.add_argument(
        "--resume",
        type=path_reader,
        metavar="RUN",
        help="go on with this saved run, so many steps or epochs more; without --out it is saved there again",
    )
    parser.add_argument(
        "--save-every",
        type=option_reader(SAVE_EVERY, "--save-every"),
        metavar="SECONDS",
        help="save while training too, so often; `open RUN --follow` shows it",
    )
    parser.add_argument("--download", action="store_true", help="fetch the dataset if it is missing")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no remarks")
    add_data_dir(parser)
    parser.epilog = (
        "Several processes train as one, each on its share of every batch, when torchrun starts them:\n"
        "torchrun --standalone --nproc-per-node 2 -m aae_studio train --out RUN"
    )


def run(args: argparse.Namespace) -> int:
    """Train, save, print the figures. Ctrl-C ends the training early, and the run is saved."""
    if args.resume and args.changes:
        raise StudioError("--resume brings its own experiment; leave the experiment's options out.")
    args.out = args.out or args.resume
    if args.save_every and not args.out:
        raise StudioError("--save-every needs a folder to save in: --out RUN.")
    config = read_config(args.resume) if args.resume else config_from(args)
    from aae_studio.core import parallel

    with parallel.joined(config.device) as group:
        if group.rank == 0 and not args.quiet:
            _tell_idle(args.changes, config)
        return _run(args, config, group)


def _tell_idle(changes: Iterable[str], config: ExperimentConfig) -> None:
    """Say which of the given options belong to something that takes no part."""
    there = {*config.models, config.prior, config.dataset}
    for key in changes:
        owner, dot, _ = key.partition(".")
        if dot and owner not in there:
            print(f"{key} changes nothing: {owner} takes no part.", file=sys.stderr)


def _run(args: argparse.Namespace, config: ExperimentConfig, group: Alone) -> int:
    """What each process does; only the first one writes and prints."""
    from aae_studio.core import compute

    compute.use_threads(compute.training_threads(group.local_size))
    experiment, history = _begun(args, config, group)
    steps = args.steps or (args.epochs or EPOCHS) * experiment.steps_per_epoch
    first = group.rank == 0
    saves = Saves(args.out, args.save_every if first else None)
    progress = Progress("train", args.quiet or not first)
    with Interrupt() as interrupt, group.together():
        try:
            stopped = _train(experiment, history, steps, saves, progress, interrupt)
        except NonFinite as fault:
            where = _rescued(args.out, experiment, history) if first else ""
            raise StudioError("{fault}{where}", fault=fault, where=where) from fault
        if first:
            _conclude(args, experiment, history)
    return INTERRUPTED if stopped else 0


def _conclude(args: argparse.Namespace, experiment: Experiment, history: History) -> None:
    """Save the run and print its figures."""
    snapshot = experiment.snapshot()
    figures = {name: snapshot.figures(name, size=None) for name in experiment.models}
    try:
        _save(args.out, experiment, history, figures)
    finally:
        result = _result(experiment, history, figures)
        print(json.dumps(result) if args.json else _table(result), flush=True)
    if not (args.quiet or args.json):
        kept = f"It is kept in {args.out}: aae-studio open goes on with it."
        print(kept if args.out else "Nothing of it was kept: --out RUN keeps the models.", file=sys.stderr)


def _begun(args: argparse.Namespace, config: ExperimentConfig, group: Alone) -> tuple[Experiment, History]:
    """The experiment to be trained and its curves so far. Raises StudioError, in all processes at once."""
    from aae_studio.core import session
    from aae_studio.core.experiment import Experiment, load_dataset
    from aae_studio.core.history import History

    data_dir = paths.data_dir(args.data_dir)
    with group.together():
        if args.out and group.rank == 0:
            check_target(args.out)
            same = args.resume is not None and args.out.resolve() == args.resume.resolve()
            if not same and (old := set_aside(args.out)):
                print(f"The session that was in {args.out} is now in {old}.", file=sys.stderr)
        if args.download and group.local_rank == 0:
            _fetch_if_missing(config, data_dir, args.quiet or group.rank > 0)
    with group.together():
        if args.resume:
            return session.restore(args.resume, data_dir, group)
        return Experiment(config, load_dataset(config, data_dir), group), History()


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


@dataclass
class Saves:
    """Saves the run while it is trained, every so many `seconds`; None: not at all."""

    out: Path | None
    seconds: float | None
    due: float = 0.0

    def save_when_due(self, experiment: Experiment, history: History) -> None:
        """Save, if it is time. What cannot be written now is said, and training goes on."""
        if self.seconds is None or time.perf_counter() < self.due:
            return
        try:
            _save(self.out, experiment, history, None)
        except StudioError as fault:
            print(f"{fault} Training goes on.", file=sys.stderr)
        self.due = time.perf_counter() + self.seconds


def _fetch_if_missing(config: ExperimentConfig, data_dir: Path, quiet: bool) -> None:
    from aae_studio.core.experiment import load_dataset

    try:
        load_dataset(config, data_dir)
    except DataMissing:
        fetch(config.dataset, data_dir, quiet)


def _train(
    experiment: Experiment,
    history: History,
    steps: int,
    saves: Saves,
    progress: Progress,
    interrupt: Interrupt,
) -> bool:
    """Run the experiment so many steps further; says whether it was interrupted. The history gets every
    report, whatever happens."""
    waiting = []
    taken, begin, goal = time.perf_counter(), experiment.step, experiment.step + steps
    try:
        for report in islice(experiment.run(), steps):
            waiting.append(report)
            now = time.perf_counter()
            if now - taken > PAUSE_S or report.step == goal:
                history.append(waiting)
                waiting, taken = [], now
                rate = report.step / max(report.seconds, 1e-9)
                note = f"step {report.step} of {goal} · {rate:.0f} steps/s"
                progress.show(report.step - begin, steps, note)
                saves.save_when_due(experiment, history)
            # All processes of a group stop after the same step.
            if experiment.group.any(interrupt.came):
                if experiment.group.rank == 0:
                    print("Stopping after this step.", file=sys.stderr)
                return True
    finally:
        history.append(waiting)
        progress.close()
    return False


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
        # The history still has the curves of a model that has left.
        if model in losses:
            losses[model][curve] = float(history.values(model, curve)[-size:].mean())
    return {
        "seed": experiment.config.seed,
        "steps": steps,
        "epochs": experiment.epoch,
        "samples_per_second": steps * experiment.config.batch_size / max(experiment.seconds, 1e-9),
        "seconds": experiment.seconds,
        "device": str(experiment.device),
        "processes": experiment.group.size,
        "precision": str(experiment.precision).removeprefix("torch."),
        "models": {name: {**part.measured, "losses": losses[name]} for name, part in figures.items()},
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _table(result: Mapping[str, Any]) -> str:
    """The figures for people: those that one of the models has."""
    models = result["models"]
    had = {figure for part in models.values() for figure, value in part.items() if value is not None}
    columns = {figure: title for figure, title in COLUMNS.items() if figure in had}
    lines = [
        f"{_count(result['steps'], 'step')}, {_count(result['epochs'], 'epoch')} in "
        f"{result['seconds']:.1f} s: "
        f"{result['samples_per_second']:.0f} samples/s in {result['precision']} on {result['device']}"
    ]
    if columns:
        width = max(map(len, models))
        lines.append(" " * width + "".join(f"{title:>12}" for title in columns.values()))
        for name, part in models.items():
            words = ["–" if part[figure] is None else f"{part[figure]:.4f}" for figure in columns]
            lines.append(f"{name:<{width}}" + "".join(f"{word:>12}" for word in words))
    return "\n".join(lines)
