"""Datasets that are loaded once, and experiments small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets import shapes as shapes_module
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.datasets.shapes import Shapes
from aae_studio.core.evaluation import classifier_for
from aae_studio.core.experiment import Experiment
from aae_studio.core.metrics import Classifier
from aae_studio.core.models.base import Model, Setting
from aae_studio.core.networks import Architecture
from aae_studio.core.options import resolved
from aae_studio.core.registry import MODELS, PRIORS

REPOSITORY = Path(__file__).parents[2]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

Configure = Callable[..., ExperimentConfig]
Build = Callable[..., Experiment]
MakeModel = Callable[..., Model]
DrawShapes = Callable[..., Dataset]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder that holds MNIST's files. Skips where they are missing."""
    if not (SHARED_DATA / "MNIST" / "raw").is_dir():
        pytest.skip("MNIST is not in ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return Digits(Path())


@pytest.fixture(scope="session")
def digits_classifier(digits: Dataset) -> Classifier:
    """Trained once, in a few seconds."""
    return classifier_for(digits)


@pytest.fixture
def draw_shapes(monkeypatch: pytest.MonkeyPatch) -> DrawShapes:
    """Shapes with few samples: `draw_shapes(size=64, color=True)`."""
    monkeypatch.setattr(shapes_module, "TRAIN_SIZE", 192)
    monkeypatch.setattr(shapes_module, "TEST_SIZE", 64)

    def draw(size: int = 28, color: bool = False, data_seed: int = 0) -> Shapes:
        return Shapes(Path(), size=size, color=color, data_seed=data_seed)

    return draw


@pytest.fixture(scope="session")
def configure() -> Configure:
    """A small configuration in float32, with changes: `configure(seed=3, **{"vae.beta": 2.0})`."""
    base = ExperimentConfig(hidden=(24, 16), batch_size=32, precision="float32")
    small = base.with_(**{"aae.discriminator_hidden": (16, 16)})
    return small.with_


@pytest.fixture(scope="session")
def build(configure: Configure, digits: Dataset) -> Build:
    """A small experiment on the digits: `build(models=("aae",), seed=3)`."""
    return lambda **changes: Experiment(configure(**changes), digits)


@pytest.fixture(scope="session")
def make_model() -> MakeModel:
    """One untrained model without an experiment: `make_model("vae", image_shape=(1, 4, 4), beta=2.0)`."""

    def make(
        name: str,
        image_shape: tuple[int, int, int] = (1, 4, 4),
        latent_size: int = 2,
        network: str = "mlp",
        hidden: tuple[int, ...] = (12, 8),
        activation: str = "gelu",
        prior: str = "gaussian",
        sigma: float = 1.0,
        seed: int = 0,
        reconstruction: str = "mse",
        **options: object,
    ) -> Model:
        setting = Setting(
            Architecture(image_shape, latent_size, network, hidden, activation),
            PRIORS.get(prior)(latent_size, sigma),
            seed,
            reconstruction,
            torch.device("cpu"),
            ("a", "b", "c"),
        )
        plugin = MODELS.get(name)
        given = {f"{name}.{key}": value for key, value in options.items()}
        model: Model = plugin(setting, **resolved(name, plugin.options, given))
        return model

    return make
