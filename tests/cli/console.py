"""What tests of the command line run it with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aae_studio
from aae_studio import cli
from aae_studio.core.config import ExperimentConfig

SMALL = ("--hidden", "8", "--aae-discriminator-hidden", "4", "--precision", "float32", "--quiet")


class Studio:
    """Runs the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> tuple[str, str]:
        """Check the exit code; returns what went to stdout and stderr."""
        found = cli.main([str(word) for word in words])
        out, err = self._capsys.readouterr()
        assert found == code, err
        return out, err

    def fault(self, *words: object) -> str:
        """Check that one sentence goes to stderr, and nothing to stdout."""
        out, err = self(*words, code=2)
        assert out == ""
        assert "Traceback" not in err
        assert all(line.startswith("aae-studio: ") for line in err.splitlines())
        return err


class FakeApp:
    """Stands in for the window and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def open_window(self, *given: Any, **named: Any) -> int:
        self.asked.append(("open_window", given, named))
        return 0

    def screenshot(self, *given: Any, **named: Any) -> tuple[int, int]:
        self.asked.append(("screenshot", given, named))
        return 1950, 1200


def config_of(app: FakeApp) -> ExperimentConfig:
    config = app.asked[-1][1][0]
    assert isinstance(config, ExperimentConfig)
    return config


def process(
    *words: str, env: dict[str, str] | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    above = str(Path(aae_studio.__file__).parent.parent)
    whole = {**os.environ, "PYTHONPATH": above, "PYTHONIOENCODING": "utf-8", **(env or {})}
    done = subprocess.run(
        [sys.executable, *words], env=whole, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    return done
