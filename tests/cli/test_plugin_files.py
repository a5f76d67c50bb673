"""Plug-ins that are one new file each, and downloads."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from console import SMALL, FakeApp, Studio, config_of

from aae_studio.core import datasets, models, priors

PRIOR = """
from aae_studio.core.options import Option
from aae_studio.core.priors.gaussian import Gaussian

class Cloud(Gaussian):
    title = "Cloud"
    summary = "Another Gaussian."
    options = (*Gaussian.options, Option("fluffiness", "Fluff", 0.5, "100 % fluffy.", minimum=0, maximum=1))

    def __init__(self, latent_size, sigma=1.0, fluffiness=0.5):
        super().__init__(latent_size, sigma)
"""


DATASET = """
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.errors import DataMissing

class Far(Digits):
    title = "Far"

    def __init__(self, data_dir, **option):
        if not (data_dir / "far").exists():
            raise DataMissing("far", "Far is not here.")
        super().__init__(data_dir, **option)

    @classmethod
    def download(cls, data_dir):
        try:
            yield 1, 2
            (data_dir / "far").touch()
            yield 2, 2
        finally:
            (data_dir / "closed").touch()
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three more files beside the plug-ins that are there; one of them does not load."""
    before = set(sys.modules)
    for package, name, text in (
        (priors, "cloud", PRIOR),
        (datasets, "far", DATASET),
        (models, "broken", "import a_module_that_is_not_there"),
    ):
        folder = tmp_path / "plugins" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield
    for name in set(sys.modules) - before:
        if name.rpartition(".")[2] in ("cloud", "far", "broken"):
            del sys.modules[name]


@pytest.mark.usefixtures("plugins")
def test_a_new_file_is_a_new_plugin(studio: Studio, app: FakeApp) -> None:
    rows = {row["name"]: row for row in json.loads(studio("list", "priors", "--json")[0])["priors"]}
    assert rows["cloud"]["options"][1]["flags"] == ["--cloud-fluffiness", "--fluffiness"]
    studio("--prior", "cloud", "--fluffiness", "0.7")
    assert config_of(app).options == {"cloud.fluffiness": 0.7}
    assert "100 % fluffy" in studio("train", "--help")[0]
    assert "fluffiness" in studio.fault("train", "--prior", "cloud", "--fluffiness", "2")
    assert json.loads(studio("train", "--prior", "cloud", "--steps", 2, "--json", *SMALL)[0])["steps"] == 2


@pytest.mark.usefixtures("plugins")
def test_a_plugin_that_does_not_load_is_listed_with_the_reason(studio: Studio) -> None:
    assert "a_module_that_is_not_there" in studio("list", "models")[0]
    assert "cannot be loaded" in studio.fault("train", "--models", "broken")


@pytest.mark.usefixtures("plugins")
def test_datasets_are_fetched_on_request(studio: Studio, tmp_path: Path) -> None:
    words = ("train", "--dataset", "far", "--data-dir", tmp_path, "--steps", 1, *SMALL)
    assert "download far" in studio.fault(*words)
    studio(*words, "--download")
    (tmp_path / "far").unlink()
    out, err = studio("download", "far", "--data-dir", tmp_path)
    assert "Far is ready" in out
    assert "download far [########################] 100 %" in err
    assert (tmp_path / "far").exists()
    assert "Digits is ready" in studio("download", "digits")[0]


@pytest.mark.usefixtures("plugins")
def test_ctrl_c_cancels_a_download(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "aae_studio.commands.download.Progress.show", lambda *_: signal.raise_signal(signal.SIGINT)
    )
    # Whoever starts the tests in the background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _, err = studio("download", "far", "--data-dir", tmp_path, code=130)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "cancelled" in err
    assert not (tmp_path / "far").exists()
    assert (tmp_path / "closed").exists()
