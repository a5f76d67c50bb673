"""`aae-studio` itself, `open` and `screenshot`: the only commands that import Qt."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from aae_studio import paths
from aae_studio.commands.flags import config_from
from aae_studio.commands.parsing import (
    Parser,
    add_data_dir,
    count_reader,
    name_reader,
    path_reader,
    size_reader,
)
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.session_folder import read_config
from aae_studio.ui.plugins import OVERLAYS, PANELS

THEMES = ("dark", "light", "system")
LANGUAGES = ("en", "ko")
STEPS = 500
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def add_window_flags(parser: Parser) -> None:
    """Flags of the window."""
    parser.add_argument("--train", action="store_true", help="start training at once")
    _add_looks(parser)
    add_data_dir(parser)


def open_studio(args: argparse.Namespace) -> int:
    """Open the window with a new experiment."""
    config = config_from(args)
    return int(
        _app().open_window(
            config,
            paths.data_dir(args.data_dir),
            train=args.train,
            theme=args.theme,
            language=args.language,
        )
    )


def add_open_flags(parser: Parser) -> None:
    """Flags of `open`."""
    parser.add_argument("run", metavar="RUN", type=path_reader, help="folder that train or the window saved")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="show the run while `train --save-every` writes it, here or on a mount of another machine",
    )
    add_window_flags(parser)


def open_run(args: argparse.Namespace) -> int:
    """Open the window with a saved experiment."""
    if args.follow and args.train:
        raise StudioError("A run that is followed is trained elsewhere; leave --train or --follow out.")
    # What is followed may not have been saved yet, or be about to be replaced.
    config = ExperimentConfig() if args.follow else read_config(args.run)
    return int(
        _app().open_window(
            config,
            paths.data_dir(args.data_dir),
            run=args.run,
            train=args.train,
            theme=args.theme,
            language=args.language,
            follow=args.follow,
        )
    )


def add_screenshot_flags(parser: Parser) -> None:
    """Flags of `screenshot`."""
    parser.add_argument(
        "--out", required=True, type=path_reader, metavar="FILE", help="picture to write (.png)"
    )
    parser.add_argument(
        "--steps",
        type=count_reader("steps", 0),
        metavar="N",
        help=f"train this many steps first (default {STEPS}; none with --run)",
    )
    parser.add_argument(
        "--size",
        default=(1600, 1000),
        type=size_reader,
        metavar="WxH",
        help="size of the window in pixels (default 1600x1000)",
    )
    parser.add_argument("--run", type=path_reader, metavar="RUN", help="show this saved experiment")
    parser.add_argument(
        "--show",
        default=(),
        type=_shown,
        metavar="NAME,…",
        help=f"show overlays or panels too: {', '.join(_showable())}",
    )
    _add_looks(parser, theme="dark", language="en")
    add_data_dir(parser)


def screenshot(args: argparse.Namespace) -> int:
    """Draw the window into a file."""
    if args.run and args.changes:
        raise StudioError("--run brings its own experiment; leave the experiment's options out.")
    if not args.out.parent.is_dir() or args.out.is_dir():
        raise StudioError("A picture cannot be written to {file}.", file=args.out)
    if args.out.suffix.lower() not in PICTURES:
        raise StudioError("{file}: a picture ends in {endings}.", file=args.out, endings=", ".join(PICTURES))
    config = read_config(args.run) if args.run else config_from(args)
    steps = (0 if args.run else STEPS) if args.steps is None else args.steps
    width, height = _pictures().screenshot(
        config,
        paths.data_dir(args.data_dir),
        steps,
        args.out,
        args.size,
        args.theme,
        args.language,
        run=args.run,
        show=args.show,
    )
    print(f"{args.out}: {width} × {height}")
    return 0


def _showable() -> tuple[str, ...]:
    """What `--show` takes: the names of overlays and panels."""
    names = (*OVERLAYS.names(), *PANELS.names())
    return tuple(name.replace("_", "-") for name in names)


def _shown(word: str) -> tuple[str, ...]:
    """Reads names joined by commas."""
    read = name_reader("overlay or panel", _showable())
    return tuple(read(name).replace("-", "_") for name in word.split(","))


def _add_looks(parser: Parser, theme: str | None = None, language: str | None = None) -> None:
    for name, names, default in (("theme", THEMES, theme), ("language", LANGUAGES, language)):
        parser.add_argument(
            f"--{name}",
            default=default,
            type=name_reader(name, names),
            metavar="NAME",
            help=f"{', '.join(names)} (default {default or 'as last time'})",
        )


def _app() -> Any:
    with _explaining():
        from aae_studio.ui import app
    return app


def _pictures() -> Any:
    with _explaining():
        from aae_studio.ui import screenshot
    return screenshot


@contextlib.contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except ImportError as fault:
        raise StudioError(
            "The window cannot open, because a part of it fails to load: {fault}. "
            "`aae-studio doctor` says how to mend it.",
            fault=fault,
        ) from fault
