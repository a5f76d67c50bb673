"""What concerns a process of its own."""

from __future__ import annotations

import pytest
from console import process

import aae_studio

LOADED = """
import sys, types
from aae_studio import cli
class App(types.ModuleType):
    def open_window(self, *given, **named): return 0
if "fake" in sys.argv:
    sys.modules["aae_studio.ui.app"] = App("app")
code = cli.main(sys.argv[2:])
print("loaded:", *sorted({"torch", "PySide6", "numpy", "pyqtgraph"} & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["real", "--help"], ""),
        (["real", "--version"], ""),
        (["real", "list", "--json"], "numpy torch"),
        # The window shows before torch is there.
        (["fake", "--train", "--theme", "dark", "--dataset", "shapes"], ""),
    ],
)
def test_nothing_loads_before_it_is_needed(words: list[str], loaded: str) -> None:
    done = process("-c", LOADED, *words)
    assert done.stderr.splitlines()[-1].removeprefix("loaded:").strip() == loaded


def test_a_module_is_the_program_and_a_closed_pipe_is_no_fault() -> None:
    assert process("-m", "aae_studio", "--version").stdout.strip() == f"aae-studio {aae_studio.__version__}"
    assert "Did you mean" in process("-m", "aae_studio", "opn", code=2).stderr
    pipe = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'aae_studio', '--help']"
    read = ", stdout=-1, stderr=-1); p.stdout.close(); sys.stdout.write(p.stderr.read().decode()); p.wait()"
    assert process("-c", pipe + read).stdout == ""
