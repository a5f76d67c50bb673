"""The command line. `main` finds the command, reads its flags, runs it and reports what went wrong."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from aae_studio import __version__
from aae_studio.commands import codes, doctor, download, listing, reproduce, train, window
from aae_studio.commands.flags import add_experiment_flags, plugin_flags
from aae_studio.commands.parsing import Command, Parser, joined_negatives, refuse_rest
from aae_studio.core.errors import DataMissing, FaultElsewhere, StudioError, UnknownName

PROGRAM = "aae-studio"
FAULT, INTERRUPTED, PIPE_CLOSED = 2, 130, 141

WINDOW = Command("", "Open the window.", window.add_window_flags, window.open_studio, True)
COMMANDS = {
    command.name: command
    for command in (
        Command("train", "Train models without a window.", train.add_flags, train.run, True),
        Command("list", "Show models, priors and datasets.", listing.add_flags, listing.run),
        Command("open", "Open a saved run in the window.", window.add_open_flags, window.open_run),
        Command(
            "screenshot",
            "Draw the window into a picture, without a screen.",
            window.add_screenshot_flags,
            window.screenshot,
            True,
        ),
        Command("encode", "Turn images into codes.", codes.add_encode_flags, codes.encode),
        Command("decode", "Turn codes into images.", codes.add_decode_flags, codes.decode),
        Command("reproduce", "Measure published results again.", reproduce.add_flags, reproduce.run),
        Command("download", "Fetch a dataset.", download.add_flags, download.run),
        Command("doctor", "Say what is wrong here and how to mend it.", doctor.add_flags, doctor.run),
    )
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; `argv` is without the program's name.

    Returns the exit code: 0, 1 when `doctor` found something or `reproduce` did not reach a limit, 2 after
    a fault whose sentence went to stderr, 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a sign shows another one in its place.
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            code = _run(words)
        except SystemExit as end:
            # argparse ends `--help` and `--version` this way.
            code = end.code if isinstance(end.code, int) else 0
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except FaultElsewhere:
        return FAULT
    except StudioError as fault:
        print(f"{PROGRAM}: {fault}", file=sys.stderr)
        if isinstance(fault, DataMissing):
            named = any(word.startswith("--data-dir") for word in words)
            folder = " --data-dir FOLDER" if named else ""
            elsewhere = "" if named else " If it lies elsewhere, --data-dir FOLDER says where."
            print(
                f"{PROGRAM}: `{PROGRAM} download {fault.dataset}{folder}` fetches it.{elsewhere}",
                file=sys.stderr,
            )
        return FAULT
    except KeyboardInterrupt:
        print(f"{PROGRAM}: cancelled", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; the interpreter must not fail on its last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def open_window() -> int:
    """Start of the program `aae-studio-gui`."""
    return main()


def _run(words: Sequence[str]) -> int:
    if words and not words[0].startswith("-"):
        if words[0] not in COMMANDS:
            raise UnknownName("command", words[0], COMMANDS)
        command, words = COMMANDS[words[0]], words[1:]
    else:
        command = WINDOW
    return command.run(_parsed(command, joined_negatives(words)))


def _parsed(command: Command, words: Sequence[str]) -> argparse.Namespace:
    """Read a command's flags. Plug-ins, and torch with them, load only if a flag may be theirs."""
    helps = not {"-h", "--help"}.isdisjoint(words)
    parser = _parser(command, plugins=command is not WINDOW and helps)
    args, rest = parser.parse_known_args(words)
    if any(word.startswith("--") for word in rest) and command.takes_plugin_flags:
        parser = _parser(command, plugins=True)
        args, rest = parser.parse_known_args(words)
    refuse_rest(rest, parser)
    return args


def _parser(command: Command, plugins: bool) -> Parser:
    prog = f"{PROGRAM} {command.name}".strip()
    if command is WINDOW:
        lines = "\n".join(f"  {name:<12}{other.summary}" for name, other in COMMANDS.items())
        parser = Parser(
            prog,
            f"Without a command, {PROGRAM} opens the window with the experiment that the options "
            f"describe.\n\ncommands:\n{lines}",
            f"`{PROGRAM} COMMAND --help` explains a command; `{PROGRAM} train --help` also shows the options "
            "of all models, priors and datasets.",
        )
        parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    else:
        parser = Parser(prog, command.summary)
    command.add_flags(parser)
    if command.takes_plugin_flags:
        add_experiment_flags(parser, plugin_flags() if plugins else ())
    return parser
