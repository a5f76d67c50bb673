"""`reproduce`: measure published results again and hold them against their limits."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aae_studio import paths
from aae_studio.commands.parsing import Parser, add_data_dir, count_reader, path_reader
from aae_studio.commands.progress import Progress
from aae_studio.core.config import OPTIONS
from aae_studio.core.errors import ConfigError, DataMissing, StudioError, UnknownName

if TYPE_CHECKING:
    from aae_studio.core.reproduction.bar import Bar, Outcome

SEEDS = 3
FAILED = 1
DEVICES = next(option.choices for option in OPTIONS if option.name == "device")


def add_flags(parser: Parser) -> None:
    """Flags of `reproduce`."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="the bar to measure; without it, all are listed"
    )
    parser.add_argument("--all", action="store_true", help="measure every bar")
    parser.add_argument("--short", action="store_true", help="with --all: only those that take minutes")
    parser.add_argument(
        "--seeds", type=count_reader("seeds", 1), default=SEEDS, metavar="N", help=f"default {SEEDS}"
    )
    parser.add_argument(
        "--validation",
        action="store_true",
        help="measure on a sixth of the training data, held out: for choosing settings",
    )
    parser.add_argument(
        "--out", type=path_reader, metavar="FOLDER", help="keep runs here, and go on with those begun"
    )
    parser.add_argument(
        "--device", choices=DEVICES, default=DEVICES[0], help="where to train (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print a table; exit code 1 when a limit does not hold. Raises StudioError."""
    from aae_studio.core.reproduction.bars import ALL, BARS

    if args.all and args.name is not None:
        raise StudioError("Say the name of one bar, or --all.")
    if args.short and not args.all:
        raise StudioError("--short goes with --all.")
    if args.all:
        chosen = [bar for bar in ALL if not (args.short and bar.long)]
    elif args.name is None:
        print("\n".join(f"{bar.name:<26}{bar.summary}{' (long)' if bar.long else ''}" for bar in ALL))
        return 0
    elif args.name in BARS:
        chosen = [BARS[args.name]]
    else:
        raise UnknownName("bar", args.name, BARS)
    outcomes = [_outcome(bar, seed, args) for bar in chosen for seed in range(args.seeds)]
    if missing := {outcome.missing for outcome in outcomes} - {""}:
        print(*(f"aae-studio download {name} fetches what is missing." for name in missing), file=sys.stderr)
    print(json.dumps(_result(chosen, outcomes)) if args.json else _table(chosen, outcomes), flush=True)
    return 0 if all(outcome.passed for outcome in outcomes) else FAILED


def _outcome(bar: Bar, seed: int, args: argparse.Namespace) -> Outcome:
    from aae_studio.core import compute
    from aae_studio.core.reproduction.bar import Outcome
    from aae_studio.core.reproduction.laboratory import Laboratory

    compute.use_threads(compute.training_threads())
    progress = Progress(bar.name, args.quiet)

    def say(done: int, goal: int, words: str) -> None:
        progress.show(done, goal, f"seed {seed} · {words}")

    lab = Laboratory(seed, paths.data_dir(args.data_dir), args.out, args.validation, say, args.device)
    figures: dict[str, float] = {}
    words = missing = ""
    start = time.monotonic()
    try:
        figures = bar.measure(lab)
    except StudioError as fault:
        if isinstance(fault, ConfigError) or (isinstance(fault, DataMissing) and not args.all):
            raise
        # What the others give, perhaps after hours, is not lost for it.
        words, missing = str(fault), fault.dataset if isinstance(fault, DataMissing) else ""
    finally:
        progress.close()
    if words:
        print(f"{bar.name}, seed {seed}: {words}", file=sys.stderr)
    return Outcome(bar, seed, figures, time.monotonic() - start, words, missing)


def _result(bars: Sequence[Bar], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        bar.name: {
            "passed": all(outcome.passed for outcome in outcomes if outcome.bar is bar),
            "limits": [vars(limit) for limit in bar.limits],
            "seeds": [outcome.as_json() for outcome in outcomes if outcome.bar is bar],
        }
        for bar in bars
    }


def _table(bars: Sequence[Bar], outcomes: Sequence[Outcome]) -> str:
    """A Markdown table: what every seed gave, what is published, and what is to be reached."""
    lines = [
        "| bar | figure | ours, by seed | published | reach | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for bar in bars:
        mine = [outcome for outcome in outcomes if outcome.bar is bar]
        for limit in bar.limits:
            words = ", ".join(_said(outcome, limit.figure) for outcome in mine)
            passed = all(limit.holds(outcome.figures) for outcome in mine)
            row = (bar.name, limit.figure, words, limit.published or "–", f"{limit.sign} {limit.bound:g}")
            lines.append(f"| {' | '.join(row)} | {'reached' if passed else 'not reached'} |")
    return "\n".join(lines)


def _said(outcome: Outcome, figure: str) -> str:
    """What a seed gave, or that it gave nothing."""
    return "broke off" if outcome.fault else f"{outcome.figures.get(figure, float('nan')):.4g}"
