"""How words on the command line are read; every fault is a StudioError."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from aae_studio import paths
from aae_studio.core.errors import StudioError, UnknownName
from aae_studio.core.options import Option, Value


class Parser(argparse.ArgumentParser):
    """An argument parser that raises StudioError where argparse would end the program."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        raise StudioError("{message}. See {prog} --help.", message=message, prog=self.prog)

    def flags(self) -> set[str]:
        """Every flag that this parser knows."""
        return {flag for action in self._actions for flag in action.option_strings}


@dataclass(frozen=True)
class Command:
    """One command. Where it `takes_plugin_flags`, it has a flag for every option of every plug-in."""

    name: str
    summary: str
    add_flags: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]
    takes_plugin_flags: bool = False


def refuse_rest(rest: Sequence[str], parser: Parser) -> None:
    """Raise UnknownName for a flag, or StudioError for a word, that no parser took."""
    for word in rest:
        if word.startswith("-"):
            raise UnknownName("option", word.partition("=")[0], parser.flags())
    if rest:
        raise StudioError("{prog} does not take the word “{word}”.", prog=parser.prog, word=rest[0])


def joined_negatives(words: Sequence[str]) -> list[str]:
    """The words with `--flag -1e-3` written as `--flag=-1e-3`; argparse takes -1e-3 for a flag."""
    result: list[str] = []
    for word in words:
        previous = result[-1] if result else ""
        if _is_negative(word) and previous.startswith("--") and "=" not in previous:
            result[-1] = f"{previous}={word}"
        else:
            result.append(word)
    return result


def _is_negative(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return word.startswith("-")


# Readers of single words, to be given to `add_argument` as `type`


def option_reader(option: Option, flag: str) -> Callable[[str], Value]:
    """Reads a word as this option's value; ConfigErrors name the flag."""
    return lambda word: option.parsed(word, flag)


def count_reader(name: str, least: int) -> Callable[[str], Value]:
    """Reads a whole number that is at least `least`."""
    return option_reader(Option(name, name, 0, "", minimum=least, maximum=2**31 - 1), f"--{name}")


def name_reader(kind: str, names: Iterable[str]) -> Callable[[str], str]:
    """Reads one of these names, also with the dashes that flags have; another raises UnknownName with the
    nearest ones."""
    known = tuple(names)

    def read(word: str) -> str:
        name = word if word in known else word.replace("-", "_")
        if name not in known:
            raise UnknownName(kind, word, known)
        return name

    return read


def size_reader(word: str) -> tuple[int, int]:
    """Reads a size in pixels such as `1600x1000`."""
    width, _, height = word.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise StudioError("--size: “{word}” is not a size such as 1600x1000.", word=word)
    size = int(width), int(height)
    if not all(320 <= length <= 8192 for length in size):
        raise StudioError("--size: “{word}” is not between 320x320 and 8192x8192.", word=word)
    return size


def path_reader(word: str) -> Path:
    """Reads a path; ~ is the home folder."""
    if not word:
        raise StudioError("An empty word is not the name of a file or folder.")
    return paths.home_expanded(word)


def add_data_dir(parser: Parser) -> None:
    """Add `--data-dir`."""
    parser.add_argument(
        "--data-dir",
        metavar="FOLDER",
        type=path_reader,
        help=f"folder of downloaded datasets (default: ${paths.DATA_VARIABLE}, else the one set in the "
        "window, else the Studio's own)",
    )
