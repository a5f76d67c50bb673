"""A new file is a new plug-in: found, offered with its options, and trained."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError, UnknownName
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.models.base import Model
from aae_studio.core.registry import DATASETS, MODELS, PRIORS, Registry

Drop = Callable[[Registry, str, str], None]

MODEL = """
    from aae_studio.core.models.base import Autoencoding, Curve, Losses, Phase
    from aae_studio.core.networks import Decoder, Encoder, seeded
    from aae_studio.core.options import Option


    class Denoiser(Autoencoding):
        \"\"\"Reconstructs from a noisy image.\"\"\"

        title = "Denoising autoencoder"
        short = "DAE"
        summary = "noisy input"
        order = 15
        options = (Option("noise", "Noise", 0.2, "Deviation.", minimum=0.0, maximum=1.0, live=True),)
        curves = (Curve("reconstruction", "reconstruction", "reconstruction"),)

        def __init__(self, setting, **option):
            super().__init__(setting, **option)
            shape, seed = setting.architecture, setting.seed
            self.networks = {
                "encoder": seeded(seed, "encoder", lambda: Encoder(shape)),
                "decoder": seeded(seed, "decoder", lambda: Decoder(shape)),
            }
            both = ("encoder", "decoder")
            self.phases = (Phase("reconstruction", both, self.reconstruction, self.adam(*both)),)

        def reconstruction(self, batch):
            images = batch.images
            noisy = images + self.option["noise"] * self.noise_like(images)
            error = self.reconstruction_error(self.networks["decoder"](self.encode(noisy)), images)
            return Losses(error, {"reconstruction": error})
"""

PRIOR = """
    import numpy as np
    import torch

    from aae_studio.core.priors.base import Prior


    class Line(Prior):
        \"\"\"Two points.\"\"\"

        title = "Coin"
        summary = "Two points."
        positive_everywhere = False
        has_log_prob = False

        def sample(self, count, generator):
            return self.sigma * (2.0 * torch.randint(2, (count, self.latent_size), generator=generator) - 1)

        def outline(self):
            return [self.sigma * np.array([[-1.0, -1.0], [1.0, 1.0]])]
"""

DATASET = """
    import numpy as np

    from aae_studio.core.datasets.base import Dataset, Split


    class Stripes(Dataset):
        \"\"\"Stripes.\"\"\"

        title = "Stripes"
        summary = "6×6"

        def __init__(self, data_dir, **option):
            ids = np.arange(60, dtype=np.int64)
            images = np.zeros((60, 1, 6, 6), np.uint8)
            images[ids, 0, ids % 6] = 255
            whole = Split(images, ids % 6, ids)
            self.classes = tuple("abcdef")
            self.test = whole.first(12)
            self.train = Split(images[12:], ids[12:] % 6, ids[12:])
"""


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drop]:
    """Put a plug-in's file into a folder that its package looks into too."""
    dropped: list[tuple[str, str]] = []

    def drop_file(registry: Registry, name: str, source: str) -> None:
        package = importlib.import_module(registry.package)
        folder = tmp_path / registry.kind
        if not folder.exists():
            folder.mkdir()
            monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        (folder / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        dropped.append((registry.package, name))

    yield drop_file
    for package, name in dropped:
        sys.modules.pop(f"{package}.{name}", None)
        vars(sys.modules[package]).pop(name, None)


def test_dropped_plugins_train(drop: Drop) -> None:
    drop(MODELS, "denoiser", MODEL)
    drop(PRIORS, "coin", PRIOR)
    drop(DATASETS, "stripes", DATASET)
    assert "denoiser" in MODELS.names()
    assert [name for name in MODELS.all() if name in ("ae", "denoiser", "vae")] == ["ae", "denoiser", "vae"]
    config = ExperimentConfig(
        dataset="stripes",
        prior="coin",
        models=("denoiser", "aae", "gan"),
        hidden=(8,),
        batch_size=12,
        options={"denoiser.noise": 0.1},
    )
    assert ExperimentConfig.from_json(config.to_json()) == config
    experiment = Experiment(config, load_dataset(config, Path()))
    run = experiment.run()
    reports = [next(run) for _ in range(60)]
    assert reports[-1].losses["denoiser"]["reconstruction"] < reports[0].losses["denoiser"]["reconstruction"]
    live = config.with_(**{"denoiser.noise": 0.9})
    assert experiment.accepts_live(live)
    experiment.change(live)
    assert experiment.models["denoiser"].option == {"noise": 0.9}
    assert experiment.snapshot().models["denoiser"].decode(torch.zeros(1, 2)).shape == (1, 1, 6, 6)
    # A prior without a density is nothing for a VAE.
    with pytest.raises(StudioError, match="“Coin”"):
        Experiment(config.with_(models=("vae",)), load_dataset(config, Path()))


def test_unknown_plugin() -> None:
    with pytest.raises(UnknownName, match=r"no prior called “swissroll”\. Did you mean swiss_roll"):
        PRIORS.get("swissroll")
    for name in ("base", "_spiral", "", "../ae", "models.ae"):
        with pytest.raises(UnknownName):
            MODELS.get(name)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "cannot be loaded: No module named 'no_such_module'"),
        ("def", "cannot be loaded: invalid syntax"),
        ("1 / 0", "cannot be loaded: division by zero"),
        ("from aae_studio.core.models.ae import Autoencoder", "holds no Model"),
        ("", "holds no Model"),
    ],
)
def test_a_broken_file_is_told_and_harms_no_other(drop: Drop, source: str, reason: str) -> None:
    drop(MODELS, "broken", source)
    with pytest.raises(StudioError, match=reason) as fault:
        MODELS.get("broken")
    assert "“broken”" in str(fault.value)
    everything = MODELS.all()
    assert isinstance(everything["broken"], StudioError)
    assert list(everything)[-1] == "broken"
    assert issubclass(everything["ae"], Model)


def test_names_are_found_without_importing(drop: Drop) -> None:
    drop(PRIORS, "careless", "raise RuntimeError('imported')")
    drop(PRIORS, "_hidden", "raise RuntimeError('imported')")
    assert "careless" in PRIORS.names()
    assert "_hidden" not in PRIORS.names()
    assert "base" not in PRIORS.names()
    assert list(PRIORS.names()) == sorted(PRIORS.names())
    # Other plug-ins do not need it.
    assert ExperimentConfig(prior="careless").prior == "careless"


def test_teaching_order() -> None:
    assert list(MODELS.all())[:4] == ["ae", "vae", "aae", "gan"]
    assert next(iter(PRIORS.all())) == "gaussian"
    assert next(iter(DATASETS.all())) == "digits"
