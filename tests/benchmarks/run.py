"""All benchmarks in turn, each in a process of its own; one that fails is named, and the others go on.

Usage: run.py --all [--json] [--rounds N], or run.py NAME… for some of them. With `--json`, a line of JSON for
each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
# Parts and peers of others; and what is not about speed and takes hours.
OTHERS = ("bare", "measuring", "hand", "peer_pythae_paper", "run", "noise_floors")
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.py") if file.stem not in OTHERS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--all", action="store_true", help="run every one")
    parser.add_argument("--json", action="store_true", help="print one JSON line each")
    parser.add_argument("--rounds", type=int, help="how often each is run (default: as each thinks right)")
    options = parser.parse_args()
    if not options.names and not options.all:
        parser.error("name some benchmarks, or use --all")
    words = [
        *(["--json"] if options.json else []),
        *(["--rounds", str(options.rounds)] if options.rounds else []),
    ]
    failed = []
    for name in NAMES if options.all else options.names:
        done = subprocess.run([sys.executable, str(FOLDER / f"{name}.py"), *words], check=False)
        if done.returncode:
            failed.append(name)
        if not options.json:
            print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
