"""What the benchmarks share: peers, rounds, medians, and one way to print them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("AAE_STUDIO_PEERS", ROOT.parent / "shared" / "bench"))
# A program that hangs must not hang the benchmark.
LIMIT_S = 300
# Of programs that are run: no screen, and this copy of the Studio.
ENVIRONMENT = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
MNIST = Path(os.environ.get("AAE_STUDIO_DATA", ROOT.parent / "shared" / "data"))


def arguments(description: str, rounds: int) -> argparse.Namespace:
    """The command line that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of a table")
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each is run, in turn")
    return parser.parse_args()


def machine() -> str:
    """The machine in words: a figure without it says nothing."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    gigabytes = psutil.virtual_memory().total / 2**30
    return f"{model}, {psutil.cpu_count(logical=False)} cores, {gigabytes:.0f} GiB, {platform.system()}"


def gpu() -> str:
    """The GPU in words, or that there is none: then what needs one is left out."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU here"


def run(command: Sequence[str], limit_s: float = LIMIT_S, **environment: str) -> str:
    """Run a program of ours or a peer; returns what it printed, and stops when it failed."""
    done = subprocess.run(
        list(command),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        check=False,
        timeout=limit_s,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def dataset_name() -> str:
    """MNIST where it is, else shapes, which can have the size of its images."""
    return "mnist" if (MNIST / "MNIST").is_dir() else "shapes"


def peer_rates(command: Sequence[str]) -> dict[str, float]:
    """Images per second by model, as a peer that trains prints them."""
    return {name: float(rate) for name, rate in re.findall(r"^\w+ (\w+) (\d+) samples/s", run(command), re.M)}


def child(script: str, *words: str, limit_s: float = LIMIT_S, **environment: str) -> dict[str, Any]:
    """Run one of our programs in a process of its own; its last line is JSON."""
    lines = run([sys.executable, script, *words], limit_s, **environment).strip().splitlines()
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def publish(name: str, rows: dict[str, dict[str, float]], as_json: bool, **extra: object) -> None:
    """Print a table, or one JSON line."""
    if as_json:
        print(json.dumps({"benchmark": name, "machine": machine(), "rows": rows, **extra}))
        return
    print(f"{name} on {machine()}")
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    width = max(len(label) for label in rows) + 2
    print(" " * width + "".join(f"{column:>14}" for column in columns))
    for label, row in rows.items():
        cells = (f"{row[column]:>14.4g}" if column in row else f"{'':>14}" for column in columns)
        print(f"{label:<{width}}" + "".join(cells))
    for key, value in extra.items():
        print(f"{key}: {value}")
