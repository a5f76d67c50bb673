"""The real program in a real window, under Xvfb, with a real mouse and keyboard."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NEEDED = ("Xvfb", "xdotool")
missing = [program for program in NEEDED if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: apt install xvfb xdotool")

WATCH = """
import sys, json, zlib
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from aae_studio.core.config import ExperimentConfig
from aae_studio.ui import app
from aae_studio import paths

news = Path(sys.argv[1])
build = app.Studio
class Watched(build):
    def __init__(self, *args):
        super().__init__(*args)
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.tell)
        self.timer.start(50)
    def tell(self):
        bench, lanes = self.workbench, self.window.lanes
        state = {"ready": bench.snapshot is not None, "step": bench.step, "training": bench.training,
                 "surveyed": bench.findings.step, "active": self.window.isActiveWindow(),
                 "models": list(bench.models)}
        if "aae" in lanes and bench.planes.cursors:
            canvas = lanes["aae"].canvas
            corner = canvas.mapToGlobal(canvas.rect().topLeft())
            state |= {"cursor": bench.planes.cursor_place("aae"), "canvas": [corner.x(), corner.y(),
                      canvas.width(), canvas.height()],
                      "picture": zlib.crc32(bytes(lanes["aae"].decode_view.image().constBits()))}
            state["card"] = canvas.card() is not None
        part = news.with_suffix(".part")
        part.write_text(json.dumps(state))
        part.replace(news)
app.Studio = Watched
sys.exit(app.open_window(ExperimentConfig(hidden=(64,)), paths.data_dir(), theme="dark", language="en"))
"""


class Screen:
    """An X server of our own, with the program in it."""

    def __init__(self, folder: Path) -> None:
        reader, writer = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(reader) as answer:
            self.display = f":{answer.readline().strip()}"
        self.news = folder / "news.json"
        self.environment = {
            **os.environ,
            "DISPLAY": self.display,
            "QT_QPA_PLATFORM": "xcb",
            "AAE_STUDIO_SETTINGS": str(folder / "settings.ini"),
        }
        self.program = subprocess.Popen(
            [sys.executable, "-c", WATCH, str(self.news)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def state(self) -> dict:
        """What the program last told of itself."""
        import json

        return json.loads(self.news.read_text()) if self.news.exists() else {}

    def wait(self, true: Callable[[dict], bool], what: str, limit_s: float = 60) -> dict:
        """Wait until the program's state is so."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.program.poll() is not None:
                pytest.fail(f"the program ended early: {self.program.stdout.read()}")
            state = self.state()
            if state and true(state):
                return state
            select_nothing(0.05)
        pytest.fail(f"never happened: {what}; last {self.state()}")

    def do(self, *words: str | int) -> None:
        """Move the real mouse or press a real key."""
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True)

    def end(self) -> None:
        """End what was started here."""
        for process in (self.program, self.server):
            if process.poll() is None:
                process.kill()
            process.wait()
        self.program.stdout.close()


def select_nothing(seconds: float) -> None:
    """Give another process time; there is no event loop of ours to wait in."""
    import select

    select.select([], [], [], seconds)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(tmp_path)
    yield screen
    screen.end()


def test_a_person_trains_drags_looks_and_closes(screen: Screen):
    screen.wait(lambda s: s["ready"] and "canvas" in s, "the window with its lanes", 90)
    left, top, width, height = screen.state()["canvas"]
    middle = (left + width // 2, top + height // 2)
    screen.do("mousemove", *middle, "click", "1")
    screen.do("key", "space")
    screen.wait(lambda s: s["training"] and s["step"] > 60, "training by the space bar")
    # Drag from the middle to the upper left while it trains.
    before = screen.state()
    screen.do("mousemove", *middle, "mousedown", "1")
    for share in range(1, 9):
        screen.do("mousemove", middle[0] - share * width // 24, middle[1] - share * height // 24)
    screen.do("mouseup", "1")
    dragged = screen.wait(lambda s: s["cursor"][0] < -1 and s["cursor"][1] > 1, "the cursor under the mouse")
    assert dragged["picture"] != before["picture"], "the decoded image did not follow"
    screen.do("key", "space")
    paused = screen.wait(lambda s: not s["training"], "the pause")
    # Zoom out of the way of the cursor, then find a point: its card appears.
    screen.wait(lambda s: s["surveyed"] == s["step"], "the survey of the last step")
    found = False
    for dx in range(-40, 41, 8):
        for dy in range(-40, 41, 8):
            screen.do("mousemove", middle[0] + dx, middle[1] + dy)
            select_nothing(0.08)
            found = found or screen.state().get("card", False)
        if found:
            break
    assert found, "no point showed its image"
    screen.do("key", "r")
    screen.wait(lambda s: s["step"] == 0 < paused["step"], "the rewind")
    screen.do("key", "space")
    screen.wait(lambda s: s["training"], "training again")
    screen.do("key", "ctrl+q")
    # How long it takes is for `tests/benchmarks/startup.py` to say.
    assert screen.program.wait(timeout=20) == 0


def test_ctrl_c_ends_the_program(screen: Screen):
    screen.wait(lambda s: s["ready"], "the window", 90)
    screen.program.send_signal(signal.SIGINT)
    assert screen.program.wait(timeout=10) in (0, 130)
