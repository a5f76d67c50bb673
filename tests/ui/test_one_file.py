"""The one-file test: a model, a prior or a dataset is one new file, and everything follows from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

import aae_studio.core.models
import aae_studio.core.priors
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.registry import MODELS, PRIORS
from aae_studio.ui.app import Studio

SAE = """
from aae_studio.core.models.base import Autoencoding, Curve, Losses, Phase
from aae_studio.core.networks import Decoder, Encoder
from aae_studio.core.options import Option


class SparseAutoencoder(Autoencoding):
    title, short, summary, order = "Sparse autoencoder", "SAE", "L1 on codes", 15
    options = (Option("sparsity", "Sparsity", 0.01, "Weight of |z|.", minimum=0.0, live=True),)
    curves = (
        Curve("reconstruction", "reconstruction", "reconstruction"),
        Curve("l1", "|z|", "regularisation"),
    )

    def __init__(self, setting, **option):
        super().__init__(setting, **option)
        shape = setting.architecture
        self.networks = {
            "encoder": self.built("encoder", lambda: Encoder(shape)),
            "decoder": self.built("decoder", lambda: Decoder(shape)),
        }
        both = ("encoder", "decoder")
        self.phases = (Phase("reconstruction", both, self.reconstruction, self.adam(*both)),)

    def reconstruction(self, batch):
        codes = self.encode(batch.inputs)
        error = self.reconstruction_error(self.decoded_logits(codes), batch.images)
        l1 = codes.abs().mean()
        return Losses(error + self.option["sparsity"] * l1, {"reconstruction": error, "l1": l1})
"""

LINE = """
import numpy as np
from aae_studio.core.priors.base import Prior


class Line(Prior):
    title, summary, order, has_log_prob = "Line", "A line without a density.", 60, False

    def sample(self, count, generator):
        codes = self._noise((count, self.latent_size), generator)
        codes[:, 1:] = 0
        return self.sigma * codes

    def outline(self):
        return [self.sigma * np.array([[-3.0, 0.0], [3.0, 0.0]])]
"""


@pytest.fixture
def plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders with one model and one prior of a user's own."""
    for package, name, text in (
        (aae_studio.core.models, "sae", SAE),
        (aae_studio.core.priors, "line", LINE),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)
    yield tmp_path
    for name in ("aae_studio.core.models.sae", "aae_studio.core.priors.line"):
        sys.modules.pop(name, None)


def test_the_registry_finds_it(plugged_in):
    assert "sae" in MODELS.names()
    assert PRIORS.get("line").title == "Line"
    assert list(MODELS.all()).index("sae") == 1, "in teaching order"


def test_the_window_shows_it(plugged_in, qtbot, qapp, tmp_path):
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    config = ExperimentConfig(models=("ae", "sae"), prior="line", hidden=(16,))
    studio = Studio(qapp, config, tmp_path, settings)
    studio.window.show()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        studio.start()
    studio.workbench.train(3)
    qtbot.waitUntil(lambda: studio.workbench.step == 3, timeout=20_000)
    assert "sae" in studio.window.lanes
    assert ("sae", "l1") in studio.workbench.history.curves
    assert "sae" in studio.window.tool_bar.model_buttons
    studio.workbench.configure(**{"sae.sparsity": 0.5})
    qtbot.waitUntil(lambda: studio.workbench.config.options.get("sae.sparsity") == 0.5, timeout=20_000)
    assert studio.workbench.step == 3, "a live option does not start again"
    studio.window.grab()
    assert studio.window.close()
    studio.window.deleteLater()


def test_the_command_line_has_it(plugged_in, tmp_path):
    code = (
        "import sys, aae_studio.core.models as m, aae_studio.core.priors as p;"
        f"m.__path__.append({str(plugged_in / 'sae')!r}); p.__path__.append({str(plugged_in / 'line')!r});"
        "from aae_studio.cli import main;"
        "sys.exit(main(['train', '--models', 'sae', '--prior', 'line', '--sparsity', '0.2', '--steps', '3',"
        f" '--hidden', '8', '--quiet', '--out', {str(tmp_path / 'run')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "sae.safetensors").exists()
