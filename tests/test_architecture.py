"""The rules of the layout, checked: who may import whom, and that a plug-in is one file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "aae_studio"
BANNED_WORDS = ("manager", "handler", "helper", "utils", "engine")


def test_import_contracts_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def imports_of(file: Path) -> set[str]:
    """Top-level names of everything that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("core", {"PySide6", "pyqtgraph", "shiboken6"}),
        ("ui", {"torch", "torchvision", "safetensors"}),
        ("commands", {"PySide6", "pyqtgraph"}),
    ],
)
def test_no_layer_imports_what_it_must_not(folder, forbidden):
    for file in (PACKAGE / folder).rglob("*.py"):
        if file.name == "doctor.py":  # It looks at Qt to say what is wrong with it, guarded.
            continue
        assert not imports_of(file) & forbidden, file


def test_no_scikit_learn_at_run_time():
    assert not [file for file in PACKAGE.rglob("*.py") if "sklearn" in imports_of(file)]


def test_names_stay_with_the_words_of_the_design():
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [file.stem]
        names += [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef)]
        wrong = [name for name in names if any(word in name.lower() for word in BANNED_WORDS)]
        assert not wrong, (file, wrong)


def test_starting_the_command_line_loads_neither_qt_nor_torch():
    code = (
        "import sys; from aae_studio.cli import main; main(['--version']);"
        "print([name for name in ('PySide6', 'torch', 'pyqtgraph') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip().endswith("[]")


def test_the_window_is_built_without_torch():
    code = (
        "import sys, os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'; import aae_studio.ui.app;"
        "print([name for name in ('torch', 'pyqtgraph') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip().endswith("[]")
