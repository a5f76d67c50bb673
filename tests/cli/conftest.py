"""For the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import SMALL, FakeApp, Studio

from aae_studio import cli
from aae_studio.commands import window
from aae_studio.core import compute


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "training_threads", lambda processes=1: 1)


@pytest.fixture
def studio(capsys: pytest.CaptureFixture[str]) -> Studio:
    return Studio(capsys)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    words = ["train", "--models", "ae,gan,aae", "--steps", "3", "--latent-size", "3", "--out", str(folder)]
    assert cli.main([*words, *SMALL]) == 0
    return folder


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    monkeypatch.setattr(window, "_app", lambda: fake)
    monkeypatch.setattr(window, "_pictures", lambda: fake)
    return fake
