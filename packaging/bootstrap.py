"""Sets AAE Studio up in `.venv`, then opens it or tests it. Needs nothing but Python 3.11 or newer.

    python3 packaging/bootstrap.py run [arguments of aae-studio]   set up, then open the Studio
    python3 packaging/bootstrap.py test [arguments of pytest]      set up for development, then test
    python3 packaging/bootstrap.py check [arguments of pytest]     the same after ruff, mypy and lint-imports
    python3 packaging/bootstrap.py setup                           set up only

The first call takes some minutes; later ones start at once, until `pyproject.toml`, the constraints or the
version of Python change. As root on Debian and Ubuntu it installs missing system packages; everywhere else
it prints the command that does.
"""

# This file must parse on Python 3.8, or an old Python would show a SyntaxError in place of our sentence.
from __future__ import annotations

import ctypes
import hashlib
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "aae-studio.stamp"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"


class Library(NamedTuple):
    """A shared library of Qt's, and the package that holds it for each package tool."""

    soname: str
    apt: str
    dnf: str
    pacman: str


QT_LIBRARIES = (
    Library("libGL.so.1", "libgl1", "libglvnd-glx", "libglvnd"),
    Library("libEGL.so.1", "libegl1", "libglvnd-egl", "libglvnd"),
    Library("libfontconfig.so.1", "libfontconfig1", "fontconfig", "fontconfig"),
    Library("libdbus-1.so.3", "libdbus-1-3", "dbus-libs", "dbus"),
    Library("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    Library("libglib-2.0.so.0", "libglib2.0-0", "glib2", "glib2"),
)
WINDOW_LIBRARIES = (
    Library("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor"),
    Library("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm", "xcb-util-wm"),
    Library("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms"),
    Library("libxcb-shape.so.0", "libxcb-shape0", "libxcb", "libxcb"),
    Library("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"),
)
# What the end-to-end test drives a real window with: Debian package, and the program that shows it is there.
TEST_TOOLS = (("xvfb", "Xvfb"), ("xauth", "xauth"), ("xdotool", "xdotool"))

CHECKS = (
    ("ruff check", ("-m", "ruff", "check", ".")),
    ("ruff format", ("-m", "ruff", "format", "--check", ".")),
    ("mypy", ("-m", "mypy")),
    # The script of this name holds an absolute path, which breaks when the checkout moves.
    ("lint-imports", ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")),
)
# In several processes. With arguments pytest is as one knows it: a debugger wants one process.
WHOLE_SUITE = ("--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal")
NO_NETWORK = ("NewConnectionError", "ConnectTimeout", "name resolution", "Max retries exceeded", "Retrying (")


def say(text: str) -> None:
    """Prints at once, so that our lines keep their place among those of the programs that we start."""
    print(f"bootstrap: {text}", flush=True)


def stop(text: str) -> NoReturn:
    """Ends with exit status 1 and a sentence that says what to do."""
    raise SystemExit(f"bootstrap: {text}")


def check_python(version: tuple[int, ...]) -> None:
    """Stops when this version of Python is too old."""
    if version < (3, 11):
        found = f"{sys.executable} is Python {'.'.join(map(str, version))}"
        hint = "Install one and start this file with it, for example: python3.11 packaging/bootstrap.py run"
        stop(f"AAE Studio needs Python 3.11 or newer, and {found}. {hint}")


def may_install() -> bool:
    """Only root may install packages, and only apt-get is used without asking."""
    return shutil.which("apt-get") is not None and hasattr(os, "geteuid") and os.geteuid() == 0


def apt_install(packages: Sequence[str]) -> bool:
    """Installs Debian packages; False when apt-get could not."""
    say(f"installing system packages: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A bare system has no package lists yet. Only the install counts: old lists may be good enough.
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        status = subprocess.call(["apt-get", "-qq", *arguments], env=environment, stdout=subprocess.DEVNULL)
    return status == 0


def missing_libraries(libraries: Sequence[Library]) -> list[Library]:
    """Those that the dynamic linker does not find, whichever package others came from."""
    missing = []
    for library in libraries:
        try:
            ctypes.CDLL(library.soname)
        except OSError:
            missing.append(library)
    return missing


def install_command(missing: Sequence[Library]) -> str:
    """What to type to get the libraries, for the package tool of this system."""
    for tool, column in (("apt-get install", 1), ("dnf install", 2), ("pacman -S", 3)):
        if shutil.which(tool.split()[0]):
            return f"sudo {tool} {' '.join(dict.fromkeys(library[column] for library in missing))}"
    return "use the package tool of your system"


def see_to_libraries(for_tests: bool) -> None:
    """Stops when a library that Qt needs is missing and cannot be installed from here."""
    if not sys.platform.startswith("linux"):
        return  # The wheels for macOS and Windows hold all that they need.
    needed = QT_LIBRARIES if for_tests else QT_LIBRARIES + WINDOW_LIBRARIES
    missing = missing_libraries(needed)
    if missing and may_install() and apt_install([library.apt for library in missing]):
        missing = missing_libraries(needed)
    if missing:
        names = ", ".join(library.soname for library in missing)
        stop(f"these system libraries are missing: {names}. To install them:\n    {install_command(missing)}")
    if for_tests and may_install():
        see_to_test_packages()


def see_to_test_packages() -> None:
    """Gets what the tests of a real window need. They skip without it, so a failure is only noted."""
    packages = [library.apt for library in missing_libraries(WINDOW_LIBRARIES)]
    packages += [package for package, program in TEST_TOOLS if shutil.which(program) is None]
    packages += [] if Path("/usr/share/fonts/truetype/nanum").is_dir() else ["fonts-nanum"]
    if packages and not apt_install(packages):
        say(f"without {' '.join(packages)} the tests that need a real window or Korean text are skipped")


def has_module(name: str) -> bool:
    """Whether Python came with the module. A folder left behind by a removed one has no origin."""
    importlib.invalidate_caches()
    return getattr(importlib.util.find_spec(name), "origin", None) is not None


def see_to_venv_module() -> None:
    """Stops when venv or ensurepip is missing (Debian ships them apart) and cannot be installed from here."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    missing = [name for name in ("venv", "ensurepip") if not has_module(name)]
    if missing and may_install() and apt_install([package]):
        missing = [name for name in missing if not has_module(name)]
    if missing:
        debian = shutil.which("apt-get") is not None
        command = f"sudo apt-get install {package}" if debian else "install the venv package of your Python"
        stop(f"this Python came without {' and '.join(missing)}. To install:\n    {command}")


def fingerprint(kind: str) -> str:
    """What an environment of this kind ("run" or "dev") was made from."""
    digest = hashlib.sha256(f"{kind} {sys.version_info[:2]} {ROOT}".encode())
    for source in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(b"\0" + source.read_bytes())
    return digest.hexdigest()


def up_to_date(kind: str) -> bool:
    """Whether the environment is there and was made from what the files say now."""
    # The environment for development holds all that the Studio needs to run.
    made_from = STAMP.read_text(encoding="utf-8") if os.access(PYTHON, os.X_OK) and STAMP.exists() else ""
    return made_from in (fingerprint(kind), fingerprint("dev"))


def see_to_environment(kind: str) -> None:
    """Makes or renews `.venv`; does nothing when it is up to date."""
    if up_to_date(kind):
        return
    # An environment of another version, one without pip and one whose Python is gone are made anew.
    ask = [str(PYTHON), "-c", f"import sys, pip; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"]
    if not os.access(PYTHON, os.X_OK) or subprocess.call(ask, stderr=subprocess.DEVNULL):
        see_to_venv_module()
        say("making a new environment in .venv")
        if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
            stop("Python could not make the environment; the lines above say why.")
    if STAMP.exists():  # An install that is broken off must not look complete.
        STAMP.unlink()
    pip_install("." if kind == "run" else f".[{kind}]")
    STAMP.write_text(fingerprint(kind), encoding="utf-8")


def pip_install(target: str) -> None:
    """Installs the Studio in place, with every package at the version that the constraints pin."""
    say("installing the pinned packages into .venv (the first time takes some minutes: torch is large)")
    install = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--constraint"]
    command = [str(PYTHON), *install, str(CONSTRAINTS), "--editable", target]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        words = done.stderr.decode(errors="replace")
        print(words, file=sys.stderr)
        if any(sign in words for sign in NO_NETWORK):
            stop("pip could not reach the package index. Check the network or the proxy, then try again.")
        stop("pip could not install the packages; its own words are above.")


def hand_over(arguments: Sequence[str]) -> int:
    """Becomes the environment's Python where the system can: signals and exit status are then its own."""
    command = [str(PYTHON), *arguments]
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(command[0], command)
    return subprocess.call(command)


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit status."""
    command, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if command not in ("run", "test", "check", "setup") or (command == "setup" and rest):
        print(__doc__)
        return 0 if command in ("-h", "--help") else 2
    check_python(sys.version_info[:3])
    for_tests = command in ("test", "check")
    see_to_libraries(for_tests)
    see_to_environment("dev" if for_tests else "run")
    if command == "setup":
        return 0
    if command == "run":
        return hand_over(["-m", "aae_studio", *rest])
    os.chdir(ROOT)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if command == "test":
        return hand_over(["-m", "pytest", *(rest or WHOLE_SUITE)])
    # All of them, also after one failed: one run then tells everything.
    failed = [name for name, arguments in CHECKS if subprocess.call([str(PYTHON), *arguments])]
    if failed:
        say(f"failed: {', '.join(failed)}")
    # Nothing is printed after the closing line of pytest: whoever runs this counts on it.
    return subprocess.call([str(PYTHON), "-m", "pytest", *(rest or WHOLE_SUITE)]) or int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
