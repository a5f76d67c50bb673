"""`download`: fetch a dataset's files."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from aae_studio import paths
from aae_studio.commands.parsing import Parser, add_data_dir, name_reader
from aae_studio.commands.progress import Progress
from aae_studio.core.errors import StudioError
from aae_studio.core.registry import DATASETS


def add_flags(parser: Parser) -> None:
    """Flags of `download`."""
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        type=name_reader(DATASETS.kind, DATASETS.names()),
        help=f"one of {', '.join(DATASETS.names())}",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    """Fetch what is missing; Ctrl-C leaves no partial file."""
    folder = paths.data_dir(args.data_dir)
    fetch(args.dataset, folder, args.quiet)
    print(f"{DATASETS.get(args.dataset).title} is ready. Data folder: {folder}")
    return 0


def fetch(dataset: str, folder: Path, quiet: bool) -> None:
    """Fetch the dataset's missing files with a progress bar. Raises StudioError."""
    plugin = DATASETS.get(dataset)
    if reason := plugin.unavailable():
        raise StudioError("{title} cannot be used here: {reason}.", title=plugin.title, reason=reason)
    progress = Progress(f"download {dataset}", quiet)
    try:
        # Closing tells the dataset to clean up when the user interrupts.
        with closing(plugin.download(folder)) as parts:
            for done, total in parts:
                progress.show(done, total)
    finally:
        progress.close()
