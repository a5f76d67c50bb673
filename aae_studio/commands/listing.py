"""`list`: the models, priors and datasets there are, and their options."""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import Any

from aae_studio.commands.flags import REGISTRIES, described, plugin_flags
from aae_studio.commands.parsing import Parser, name_reader
from aae_studio.core.errors import StudioError

KINDS = {registry.kind + "s": registry for registry in REGISTRIES}


def add_flags(parser: Parser) -> None:
    """Flags of `list`."""
    parser.add_argument(
        "kind",
        nargs="?",
        metavar="KIND",
        type=name_reader("kind of plug-in", KINDS),
        help=f"one of {', '.join(KINDS)} (default: all of them)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the plug-ins."""
    found = {kind: _rows(kind) for kind in ([args.kind] if args.kind else KINDS)}
    if args.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n\n".join(_text(kind, rows) for kind, rows in found.items()))
    return 0


def _rows(kind: str) -> list[dict[str, Any]]:
    return [_row(name, plugin) for name, plugin in KINDS[kind].all().items()]


def _row(name: str, plugin: Any) -> dict[str, Any]:
    """One plug-in for JSON; `unavailable` holds the reason, or null."""
    if isinstance(plugin, StudioError):
        return {"name": name, "title": name, "summary": "", "options": [], "unavailable": str(plugin)}
    flags = {row.key: row.flags for row in plugin_flags()}
    options = [
        {
            "name": option.name,
            "flags": flags.get(f"{name}.{option.name}", ()),
            "default": option.default,
            "minimum": option.minimum,
            "maximum": option.maximum,
            "choices": option.choices,
            "live": option.live,
            "range": described(option),
            "help": option.help,
        }
        for option in plugin.options
    ]
    reason = plugin.unavailable() if hasattr(plugin, "unavailable") else None
    return {
        "name": name,
        "title": plugin.title,
        "summary": plugin.summary,
        "options": options,
        "unavailable": reason,
    }


def _text(kind: str, rows: list[dict[str, Any]]) -> str:
    lines = [kind]
    widest = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        summary = f" ({row['summary']})" if row["summary"] else ""
        lines.append(f"  {row['name']:<{widest}}  {row['title']}{summary}")
        if row["unavailable"]:
            lines.append(f"{'':14}not available: {row['unavailable']}")
        for option in row["options"]:
            lines.append(f"{'':14}{', '.join(option['flags'])}: {option['range']}")
            lines += textwrap.wrap(option["help"], 96, initial_indent=" " * 18, subsequent_indent=" " * 18)
    return "\n".join(lines)
