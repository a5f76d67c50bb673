"""`aae_studio.load`: trained models for other programs."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aae_studio
from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import SessionError, StudioError
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.history import History
from aae_studio.core.session import TrainedRun
from aae_studio.core.snapshot import Snapshot

CONFIG = ExperimentConfig(
    models=("ae", "gan", "vae"), hidden=(8,), precision="float32", latent_size=3, dataset="shapes"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedRun, Snapshot]:
    folder = tmp_path_factory.mktemp("load")
    config = CONFIG.with_(**{"shapes.size": 9})
    experiment = Experiment(config, load_dataset(config, folder))
    history = History()
    history.append(list(islice(experiment.run(), 5)))
    session.save(folder / "run", experiment, history)
    return aae_studio.load(str(folder / "run")), experiment.snapshot()


def test_says_what_is_in_the_run(run: tuple[TrainedRun, Snapshot]) -> None:
    loaded, _ = run
    assert loaded.models == ("ae", "gan", "vae")
    assert loaded.encoders == ("ae", "vae")
    assert loaded.config.latent_size == 3
    assert loaded.image_shape == (1, 9, 9)
    assert loaded.step == 5


def test_encodes_and_decodes_as_the_experiment_did(run: tuple[TrainedRun, Snapshot]) -> None:
    loaded, snapshot = run
    images = loaded.dataset.to_unit(loaded.dataset.test.images[:1100])
    codes = loaded.encode(images, "vae")
    assert (codes.shape, codes.dtype) == ((1100, 3), np.float32)
    np.testing.assert_array_equal(codes, snapshot.models["vae"].encode(images))
    decoded = loaded.decode(codes, model="gan")
    assert (decoded.shape, decoded.dtype) == ((1100, 1, 9, 9), np.float32)
    np.testing.assert_array_equal(decoded, snapshot.models["gan"].decode(codes))
    assert loaded.decode([[0, 0, 1]], "ae").shape == (1, 1, 9, 9)
    assert loaded.decode(np.zeros((0, 3)), "ae").shape == (0, 1, 9, 9)
    assert loaded.encode(np.zeros((0, 1, 9, 9)), "ae").shape == (0, 3)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.zeros((4, 2)), r"\(4, 2\); expected \(n, 3\)"),
        (np.zeros(3), r"\(3,\); expected \(n, 3\)"),
        ([[0, 1, 2], [3]], "not an array"),
        ([["a", "b", "c"]], "not numbers"),
        ([[0, 0, np.nan]], "finite"),
        ([[0, 0, 1e300]], "finite"),
        (np.array([[1j, 0, 0]]), "not numbers"),
    ],
)
def test_codes_of_another_kind_are_refused(run: tuple[TrainedRun, Snapshot], codes: Any, words: str) -> None:
    with pytest.raises(StudioError, match=words):
        run[0].decode(codes, "ae")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 9, 9)), r"\(2, 9, 9\); expected \(n, 1, 9, 9\)"),
        (np.zeros((2, 1, 8, 9)), "expected"),
        (np.full((1, 1, 9, 9), 255, np.uint8), "from 0 to 1; these go from 255 to 255"),
        (np.full((1, 1, 9, 9), -0.5), "from 0 to 1"),
    ],
)
def test_images_of_another_kind_are_refused(
    run: tuple[TrainedRun, Snapshot], images: Any, words: str
) -> None:
    with pytest.raises(StudioError, match=words):
        run[0].encode(images, "ae")


def test_the_sentence_names_the_models_to_choose_from(run: tuple[TrainedRun, Snapshot]) -> None:
    loaded, _ = run
    codes, images = np.zeros((1, 3)), np.zeros((1, 1, 9, 9))
    with pytest.raises(StudioError, match="decode: ae, gan, vae"):
        loaded.decode(codes)
    with pytest.raises(StudioError, match="encode: ae, vae"):
        loaded.encode(images)
    with pytest.raises(StudioError, match=r"“gan” of this session can encode\. There are: ae, vae"):
        loaded.encode(images, "gan")
    with pytest.raises(StudioError, match="“aee”"):
        loaded.decode(codes, "aee")


def test_one_model_needs_no_name(tmp_path: Path) -> None:
    for models, encodes in ((("ae",), True), (("gan",), False)):
        config = CONFIG.with_(models=models, dataset="digits")
        session.save(tmp_path / "run", Experiment(config, load_dataset(config, tmp_path)), History())
        loaded = aae_studio.load(tmp_path / "run")
        assert loaded.decode(np.zeros((2, 3))).shape == (2, 1, 8, 8)
        if encodes:
            assert loaded.encode(np.zeros((2, 1, 8, 8))).shape == (2, 3)
        else:
            with pytest.raises(StudioError, match="No model of this session can encode"):
                loaded.encode(np.zeros((2, 1, 8, 8)))


def test_decoding_needs_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.with_(models=("ae",), dataset="digits")
    experiment = Experiment(config, load_dataset(config, tmp_path))
    # As if it had been trained on MNIST's files and they were gone.
    experiment.config = config.with_(dataset="mnist")
    session.save(tmp_path / "run", experiment, History())
    loaded = aae_studio.load(tmp_path / "run", tmp_path)
    assert loaded.decode(np.zeros((1, 3))).shape == (1, 1, 8, 8)
    assert loaded.encode(np.zeros((1, 1, 8, 8))).shape == (1, 3)
    with pytest.raises(StudioError, match="MNIST is not in"):
        _ = loaded.dataset


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    config = CONFIG.with_(models=("ae",), dataset="digits")
    session.save(tmp_path / "run", Experiment(config, load_dataset(config, tmp_path)), History())
    file = tmp_path / "run" / "ae.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    with pytest.raises(SessionError, match=r"ae\.safetensors has changed"):
        aae_studio.load(tmp_path / "run")
    with pytest.raises(SessionError, match="There is no"):
        aae_studio.load(tmp_path / "elsewhere")
