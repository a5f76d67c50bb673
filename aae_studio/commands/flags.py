"""Flags made from what the experiment and its plug-ins declare, and the configuration they give."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aae_studio.commands.parsing import Parser, name_reader, option_reader
from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.options import Option
from aae_studio.core.registry import DATASETS, MODELS, PRIORS

REGISTRIES = (MODELS, PRIORS, DATASETS)
SEED = Option("seed", "Seed", 0, "Decides the initial weights, the batches and all noise.")
# What commands call their own flags; no plug-in's short flag may mean something else beside them.
OWN = """help version dataset prior models seed data-dir train theme language epochs steps out download
    resume save-every json quiet size run follow split model codes condition all bench short seeds validation
    show"""
RESERVED = frozenset("--" + name.replace("_", "-") for name in (*OWN.split(), *(o.name for o in OPTIONS)))


@dataclass(frozen=True)
class PluginFlag:
    """One option of one plug-in as flags: `--vae-beta`, and `--beta` where that is unambiguous."""

    kind: str
    plugin: str
    option: Option
    flags: tuple[str, ...]

    @property
    def key(self) -> str:
        """The key in `ExperimentConfig.options`."""
        return f"{self.plugin}.{self.option.name}"


class _Change(argparse.Action):
    """Collects what is given, and only that, in `namespace.changes`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.changes = {**namespace.changes, self.dest: values}


def add_experiment_flags(parser: Parser, plugins: Sequence[PluginFlag] = ()) -> None:
    """Add the flags of all options of the experiment, and those of these plug-ins."""
    parser.set_defaults(changes={})
    default, group = ExperimentConfig(), parser.add_argument_group("experiment")
    for registry, chosen in ((DATASETS, default.dataset), (PRIORS, default.prior)):
        names = registry.names()
        group.add_argument(
            f"--{registry.kind}",
            action=_Change,
            default=argparse.SUPPRESS,
            type=name_reader(registry.kind, names),
            metavar="NAME",
            help=f"{', '.join(names)} (default {chosen})",
        )
    group.add_argument(
        "--models",
        action=_Change,
        default=argparse.SUPPRESS,
        type=_models,
        metavar="NAMES",
        help=f"any of {','.join(MODELS.names())} (default {','.join(default.models)})",
    )
    for option in (SEED, *OPTIONS):
        flag = "--" + option.name.replace("_", "-")
        _add(group, (flag,), option.name, option)
    for plugin in dict.fromkeys((row.kind, row.plugin) for row in plugins):
        group = parser.add_argument_group(" ".join(plugin))
        for row in plugins:
            if (row.kind, row.plugin) == plugin:
                _add(group, row.flags, row.key, row.option)


def config_from(args: argparse.Namespace) -> ExperimentConfig:
    """The configuration that the flags ask for. Raises StudioError."""
    return ExperimentConfig().with_(**args.changes)


def plugin_flags() -> tuple[PluginFlag, ...]:
    """The flags of every plug-in that loads, in teaching order."""
    rows = list(_declared())
    full = Counter(_flag(plugin, option.name) for _, plugin, option in rows)
    short = Counter(_flag(option.name) for _, _, option in rows)
    result, taken = [], set(RESERVED)
    for kind, plugin, option in rows:
        flags = [_flag(plugin, option.name)]
        brief = _flag(option.name)
        if short[brief] == 1 and brief not in full:
            flags.append(brief)
        free = tuple(flag for flag in flags if flag not in taken)
        taken.update(free)
        if free:
            result.append(PluginFlag(kind, plugin, option, free))
    return tuple(result)


def described(option: Option) -> str:
    """The option's default and range in words, for instance `default 1, from 0 to 1000`."""
    words = [f"default {option.shown(option.default) or 'none'}"]
    if option.choices:
        words.append("one of " + ", ".join(option.choices))
    elif isinstance(option.default, bool):
        words.append("true or false")
    elif option.minimum is not None and option.maximum is not None:
        words.append(f"from {_number(option.minimum)} to {_number(option.maximum)}")
    return ", ".join(words)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _declared() -> Iterator[tuple[str, str, Option]]:
    for registry in REGISTRIES:
        for name, plugin in registry.all().items():
            if not isinstance(plugin, StudioError):
                for option in plugin.options:
                    yield registry.kind, name, option


def _flag(*parts: str) -> str:
    return "--" + "-".join(parts).replace("_", "-")


def _models(word: str) -> tuple[str, ...]:
    read = name_reader(MODELS.kind, MODELS.names())
    return tuple(read(name.strip()) for name in word.split(",") if name.strip())


def _add(group: Any, flags: Sequence[str], dest: str, option: Option) -> None:
    group.add_argument(
        *flags,
        action=_Change,
        dest=dest,
        type=option_reader(option, flags[0]),
        default=argparse.SUPPRESS,
        metavar=_metavar(option),
        # argparse takes % for a place to fill in.
        help=f"{option.help} ({described(option)})".replace("%", "%%"),
    )


def _metavar(option: Option) -> str:
    if option.word:
        return option.word
    match option.default:
        case bool():
            return "BOOL"
        case str():
            return "WORD"
        case tuple():
            return "WIDTHS"
        case int():
            return "N"
        case _:
            return "X"
