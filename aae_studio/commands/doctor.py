"""`doctor`: what this machine has, what is wrong, and how to mend it. It never fails itself."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import aae_studio
from aae_studio import paths
from aae_studio.commands.parsing import Parser, add_data_dir

PACKAGES = (
    "PySide6-Essentials",
    "torch",
    "torchvision",
    "pyqtgraph",
    "numpy",
    "Pillow",
    "safetensors",
    "platformdirs",
    "psutil",
)
# Debian's packages of the system libraries that Qt's own do not contain.
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
}
# A frame of a screen.
FELT_MS = 16.0
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report. `mend` says what to do; where something is `wrong`, the exit code is 1.

    `figures` are what was measured, by name and unit.
    """

    name: str
    text: str
    mend: str = ""
    wrong: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)


def add_flags(parser: Parser) -> None:
    """Flags of `doctor`."""
    parser.add_argument(
        "--bench", action="store_true", help="measure too, for a minute, how fast the Studio is here"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--probe-qt", action="store_true", help=argparse.SUPPRESS)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 if all is well, 1 otherwise."""
    if args.probe_qt:
        return probe_qt()
    parts = (versions(), qt(), torch_and_device(), folders(args.data_dir))
    findings = chain(*parts, speed() if args.bench else ())
    wrong = _as_json(findings) if args.json else _as_text(findings)
    return 1 if wrong else 0


def _as_text(findings: Iterable[Finding]) -> int:
    """Print each as soon as it is there; how many are wrong."""
    wrong = 0
    for finding in findings:
        wrong += finding.wrong
        mark = "WRONG" if finding.wrong else "note" if finding.mend else "ok"
        print(f"{mark:<6} {finding.name:<14} {finding.text}")
        if finding.mend:
            print(f"{'':21} → {finding.mend}")
    print(f"\n{wrong} wrong." if wrong else "\nAll is well.")
    return wrong


def _as_json(findings: Iterable[Finding]) -> int:
    """Print all in one object; how many are wrong."""
    found = list(findings)
    wrong = sum(finding.wrong for finding in found)
    print(json.dumps({"wrong": wrong, "findings": [asdict(each) for each in found]}))
    return wrong


def versions() -> Iterator[Finding]:
    """The versions of everything that the Studio stands on."""
    yield Finding("AAE Studio", aae_studio.__version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        version = _version(package) or (_version("PySide6") if package.startswith("PySide6") else None)
        if version is None:
            yield Finding(package, "not installed", f"{sys.executable} -m pip install {package}", True)
        elif package.startswith("PySide6") and version == "6.12.0" and sys.version_info < (3, 12):
            mend = f"{sys.executable} -m pip install 'PySide6-Essentials!=6.12.0'"
            yield Finding(package, "6.12.0 aborts under this Python when signals are sent", mend, True)
        else:
            yield Finding(package, version)


def _version(package: str) -> str | None:
    # Imported here: every command would wait for it.
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


# Qt


def qt() -> Iterator[Finding]:
    """Qt's libraries, platform, display and fonts. Qt runs in a process of its own, for it can abort."""
    missing = _missing(QT_LIBRARIES)
    if missing:
        yield _libraries(missing)
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    display = chosen or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if sys.platform == "linux" and not display:
        yield Finding(
            "Display",
            "none, so no window can open; train and screenshot need none",
            "start it on a desktop, or under `xvfb-run -a`",
            True,
        )
        chosen = "offscreen"
    found, fault = _probe(chosen)
    if found is None and not chosen:
        missing = _missing(X11_LIBRARIES)
        mend = _apt(missing) if missing else "see what Qt says, and try QT_QPA_PLATFORM=xcb or wayland"
        yield Finding("Qt platform", f"no window can open: {fault}", mend, True)
        found, fault = _probe("offscreen")
    if found is None:
        yield Finding(
            "Qt", f"fails to load: {fault}", _apt(missing) if missing else "install PySide6 again", True
        )
        return
    yield Finding("Qt", f"{found['version']}, platform {found['platform']}, screens: {found['screens']}")
    korean = found["korean"]
    mend = (
        "" if korean else "apt install fonts-nanum (or another Korean font), if you want the Korean interface"
    )
    yield Finding("Korean font", korean[0] if korean else "none: Korean text shows as boxes", mend)


def _libraries(missing: dict[str, str]) -> Finding:
    return Finding("Libraries", f"Qt needs {', '.join(missing)}", _apt(missing), True)


def _apt(missing: dict[str, str]) -> str:
    return f"apt install {' '.join(missing.values())} (Debian, Ubuntu)"


def _missing(libraries: dict[str, str]) -> dict[str, str]:
    """Those of the libraries that this system cannot load."""
    missing = {}
    for library, package in libraries.items() if sys.platform == "linux" else ():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing[library] = package
    return missing


def _probe(platform_name: str) -> tuple[dict[str, Any] | None, str]:
    """What `probe_qt` found out in another process, or None and what it said at its end."""
    # Imported here: the window, whose command line knows this command, is shown first.
    import subprocess

    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "aae_studio"]
    above = str(Path(aae_studio.__file__).parent.parent)
    search = os.pathsep.join(part for part in (os.environ.get("PYTHONPATH"), above) if part)
    env = {**os.environ, "PYTHONPATH": search}
    if platform_name:
        env["QT_QPA_PLATFORM"] = platform_name
    try:
        done = subprocess.run(
            [*program, "doctor", "--probe-qt"], env=env, capture_output=True, text=True, timeout=60
        )
        found = json.loads(done.stdout)
        return (found, "") if isinstance(found, dict) else (None, "")
    except ValueError:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return None, lines[0] if lines else f"it ended with code {done.returncode}"
    except (OSError, subprocess.SubprocessError) as fault:
        return None, str(fault)


def probe_qt() -> int:
    """Start Qt and print, as JSON, what it found. May abort: runs in a process of its own."""
    try:
        from PySide6.QtCore import qVersion
        from PySide6.QtGui import QFontDatabase, QGuiApplication
        from PySide6.QtWidgets import QWidget
    except ImportError as fault:
        print(fault, file=sys.stderr)
        return 1
    assert QWidget is not None
    application = QGuiApplication([])
    found = {
        "version": qVersion(),
        "platform": application.platformName(),
        "screens": len(application.screens()),
        "korean": QFontDatabase.families(QFontDatabase.WritingSystem.Korean),
    }
    print(json.dumps(found))
    return 0


# torch and folders


def torch_and_device() -> Iterator[Finding]:
    """Devices, threads and the precision that `auto` picks."""
    try:
        import torch

        from aae_studio.core import compute, torchvision_shim

        names = {"cpu": f"cpu ({compute.training_threads()} threads for training)"}
        if torch.cuda.is_available():
            names["cuda"] = f"cuda ({torch.cuda.get_device_name()})"
        if torch.backends.mps.is_available():
            names["mps"] = "mps"
        yield Finding("Devices", ", ".join(names.values()))
        chosen = (f"{compute.choose_precision('auto', torch.device(name))} on {name}" for name in names)
        yield Finding("Precision", "auto picks " + ", ".join(chosen).replace("torch.", ""))
    except Exception as fault:
        mend = f"{sys.executable} -m pip install --force-reinstall torch"
        yield Finding("torch", f"fails to load: {fault}", mend, True)
        return
    try:
        torchvision_shim.load("torchvision.datasets.mnist")
    except Exception as fault:
        mend = "install a torchvision that fits torch; until then MNIST is not available"
        yield Finding("torchvision", f"fails to load: {fault}", mend, True)


# Speed


def speed(seconds: float = 40.0) -> Iterator[Finding]:
    """How fast it is here, in plain words. Where a hand would feel it, what may help."""
    try:
        from aae_studio.ui.speed import measured

        found = measured(seconds)
    except Exception as fault:
        yield Finding("Speed", f"cannot be measured: {fault}", "mend what is wrong above first", True)
        return
    drags = sorted(found.drags)
    middle, late = drags[len(drags) // 2], drags[int(0.99 * (len(drags) - 1))]
    text = f"the image follows the mouse within {middle:.1f} ms; 99 of 100 times within {late:.1f} ms"
    slow = "close programs that keep the processor busy; a drag is felt to lag beyond 16 ms"
    times = {"p50_ms": middle, "p99_ms": late}
    yield Finding("Drag", text, slow if late > FELT_MS else "", figures=times)
    text = f"{found.steps_per_s:.0f} steps/s, {found.images_per_s:.0f} images/s: three models, 28×28 images"
    rates = {"steps_per_s": found.steps_per_s, "images_per_s": found.images_per_s}
    yield Finding("Training", f"{text}, the window open", figures=rates)
    draws = ", ".join(f"{count:,} points in {ms:.1f} ms" for count, ms in found.canvas.items())
    milliseconds = {f"{count}_points_ms": ms for count, ms in found.canvas.items()}
    yield Finding("Canvas", f"draws {draws}", figures=milliseconds)


def folders(data_dir: Path | None) -> Iterator[Finding]:
    """Where data and settings lie, and whether they can be written."""
    from aae_studio.core.datasets import mnist

    data, settings = paths.data_dir(data_dir), paths.settings_file()
    there = mnist.is_there(data)
    mend = "" if there or _writable(data) else f"set another with --data-dir or ${paths.DATA_VARIABLE}"
    what = "holds MNIST" if there else "MNIST is not in it" if not mend else "cannot be written"
    yield Finding("Data folder", f"{data} ({what})", mend, bool(mend))
    mend = "" if _writable(settings) else f"set another file with ${paths.SETTINGS_VARIABLE}"
    yield Finding("Settings", f"{settings}" + (" (cannot be written)" if mend else ""), mend, bool(mend))


def _writable(path: Path) -> bool:
    """Whether this file or folder can be written, or made if it is not there."""
    try:
        nearest = next(part for part in (path, *path.parents) if part.exists())
        return os.access(nearest, os.W_OK) and (nearest == path or nearest.is_dir())
    except (OSError, StopIteration):
        return False
