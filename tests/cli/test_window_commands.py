"""The commands that open or photograph the window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from console import FakeApp, Studio, config_of

from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig


def test_a_window_without_a_display_gets_a_sentence(tmp_path: Path) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "aae_studio"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("aae-studio: There is no display")


def test_window_commands_ask_the_window(studio: Studio, app: FakeApp, run: Path, tmp_path: Path) -> None:
    studio()
    assert app.asked[-1][1][0] == ExperimentConfig()
    assert app.asked[-1][2] == {"train": False, "theme": None, "language": None}
    studio("--train", "--theme", "light", "--language", "ko", "--data-dir", tmp_path, "--seed", 4)
    name, given, named = app.asked[-1]
    assert (name, given) == ("open_window", (ExperimentConfig(seed=4), tmp_path))
    assert named == {"train": True, "theme": "light", "language": "ko"}
    studio("open", run, "--train")
    assert config_of(app) == session.read_config(run)
    named = {"run": run, "train": True, "theme": None, "language": None, "follow": False}
    assert app.asked[-1][2] == named
    studio("open", tmp_path / "not yet", "--follow")
    assert config_of(app) == ExperimentConfig()
    assert app.asked[-1][2] == {**named, "run": tmp_path / "not yet", "train": False, "follow": True}
    assert "leave --train or --follow out" in studio.fault("open", run, "--follow", "--train")
    assert "no option called “--seed”" in studio.fault("open", run, "--seed", 3)
    picture = tmp_path / "shot.png"
    out, _ = studio(
        "screenshot",
        "--dataset",
        "digits",
        "--steps",
        5,
        "--theme",
        "dark",
        "--size",
        "800x600",
        "--out",
        picture,
    )
    name, given, named = app.asked[-1]
    assert name == "screenshot"
    assert out == f"{picture}: 1950 × 1200\n"
    assert given[2:] == (5, picture, (800, 600), "dark", "en")
    studio("screenshot", "--run", run, "--out", picture)
    assert config_of(app) == session.read_config(run)
    assert app.asked[-1][1][2] == 0
    assert app.asked[-1][2] == {"run": run, "show": ()}
    studio("screenshot", "--show", "lattice", "--out", picture)
    assert app.asked[-1][2] == {"run": None, "show": ("lattice",)}
    assert "no overlay or panel called “latice”" in studio.fault(
        "screenshot", "--show", "latice", "--out", picture
    )
    assert "leave the experiment's options out" in studio.fault(
        "screenshot", "--run", run, "--out", picture, "--seed", 3
    )


def test_a_window_that_cannot_load_points_to_the_doctor(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aae_studio.ui.app", None)
    monkeypatch.delattr("aae_studio.ui.app", raising=False)
    assert "`aae-studio doctor`" in studio.fault()
