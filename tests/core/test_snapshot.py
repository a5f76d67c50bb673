"""Snapshots: frozen, in numpy, and the same as the models that they were taken from."""

from __future__ import annotations

import threading
from copy import deepcopy
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from aae_studio.core import metrics
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.snapshot import CHUNK, _detached

EVERYONE = ("ae", "vae", "gan", "aae")
CODES = np.random.default_rng(0).standard_normal((7, 2))


@pytest.fixture
def trained(build):
    experiment = build(models=EVERYONE)
    list(islice(experiment.run(), 5))
    return experiment


def test_training_does_not_touch_a_snapshot(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    images = digits.to_unit(digits.test.images[:9])
    decoded = {name: frozen.decode(CODES) for name, frozen in snapshot.models.items()}
    encoded = {name: snapshot.models[name].encode(images) for name in ("ae", "vae", "aae")}
    figures = snapshot.figures("aae")
    list(islice(trained.run(), 5))
    trained.change(trained.config.with_(prior="ring"))
    assert snapshot.step == 5
    for name, frozen in snapshot.models.items():
        np.testing.assert_array_equal(frozen.decode(CODES), decoded[name])
        assert not np.array_equal(trained.snapshot().models[name].decode(CODES), decoded[name])
    for name, codes in encoded.items():
        np.testing.assert_array_equal(snapshot.models[name].encode(images), codes)
    assert snapshot.figures("aae") == figures
    assert snapshot.prior.title == "Gaussian"


def test_taking_a_snapshot_does_not_touch_training(build) -> None:
    plain, watched = build(models=EVERYONE), build(models=EVERYONE)
    for report, other in zip(islice(plain.run(), 5), watched.run(), strict=False):
        watched.snapshot().figures("aae")
        watched.snapshot().models["gan"].decode(CODES)
        assert report.losses == other.losses


@pytest.mark.parametrize("latent_size", [1, 5])
@pytest.mark.parametrize("name", EVERYONE)
def test_shapes_and_dtype(build, digits: Dataset, name: str, latent_size: int) -> None:
    frozen = build(models=(name,), latent_size=latent_size).snapshot().models[name]
    for count in (0, 1, CHUNK, CHUNK + 1):
        images = frozen.decode(np.zeros((count, latent_size)))
        assert images.shape == (count, 1, 8, 8)
        assert images.dtype == np.float32
    assert frozen.has_encoder == (name != "gan")
    if frozen.has_encoder:
        codes = frozen.encode(digits.to_unit(digits.test.images[:3]))
        assert codes.shape == (3, latent_size)
        assert codes.dtype == np.float32
    # Lists, foreign types and strides are fine.
    given = np.zeros((latent_size, 4), np.int32).T
    np.testing.assert_array_equal(frozen.decode(given), frozen.decode(given.tolist()))


def test_decode_and_encode_are_the_live_models(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    images = digits.to_unit(digits.test.images[:20])
    for name, model in trained.models.items():
        frozen = snapshot.models[name]
        with torch.no_grad():
            wanted = model.decode(torch.from_numpy(CODES).float())
            np.testing.assert_array_equal(frozen.decode(CODES), wanted)
            if frozen.has_encoder:
                np.testing.assert_array_equal(frozen.encode(images), model.encode(torch.from_numpy(images)))


def test_large_arrays_are_cut_up_without_a_seam(trained) -> None:
    frozen = trained.snapshot().models["ae"]
    codes = np.random.default_rng(1).standard_normal((2 * CHUNK + 5, 2))
    whole = frozen.decode(codes)
    for place in (0, CHUNK - 1, CHUNK, 2 * CHUNK + 4):
        np.testing.assert_allclose(whole[place], frozen.decode(codes[place : place + 1])[0], atol=1e-6)


def test_nothing_in_a_snapshot_wants_gradients(trained) -> None:
    for name, frozen in trained.snapshot().models.items():
        assert frozen.model.phases == ()
        for part, network in frozen.model.networks.items():
            live = trained.models[name].networks[part]
            assert not network.training
            for copy, weight in zip(network.parameters(), live.parameters(), strict=True):
                assert not copy.requires_grad
                assert weight.requires_grad
                assert copy.data_ptr() != weight.data_ptr()


def test_figures(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    images, labels = digits.to_unit(digits.test.images), digits.test.labels
    for name in ("ae", "vae", "aae"):
        frozen = snapshot.models[name]
        figures = snapshot.figures(name)
        assert (figures.count, figures.total) == (360, 360)
        codes = frozen.encode(images)
        error = ((frozen.decode(codes).astype(np.float64) - images) ** 2).mean()
        assert figures.recon_mse == pytest.approx(error, rel=1e-5)
        distances = ((codes[:, None].astype(np.float64) - codes) ** 2).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        nearest = np.argsort(distances, axis=1)[:, : metrics.NEIGHBOURS]
        votes = np.stack([np.bincount(labels[row], minlength=10) for row in nearest])
        assert figures.knn_accuracy == pytest.approx((votes.argmax(axis=1) == labels).mean(), abs=0.006)
        wanted = metrics.mmd2(torch.from_numpy(codes), torch.from_numpy(snapshot.prior_samples(360)))
        assert figures.mmd_to_prior == pytest.approx(wanted)
    part = snapshot.figures("ae", size=50)
    assert (part.count, part.total) == (50, 360)
    assert part.recon_mse != snapshot.figures("ae").recon_mse
    assert snapshot.figures("ae", size=None) == snapshot.figures("ae")


def test_a_model_without_an_encoder_has_no_figures(trained) -> None:
    figures = trained.snapshot().figures("gan")
    assert (figures.recon_mse, figures.mmd_to_prior, figures.knn_accuracy) == (None, None, None)
    assert figures.count == 0


def test_mmd_is_in_units_of_the_priors_sigma(build) -> None:
    """Codes that follow a wide prior are as good as codes that follow a narrow one."""
    experiment = build(models=("ae",), **{"gaussian.sigma": 50.0})
    snapshot = experiment.snapshot()
    # Untrained codes lie near 0: a point, beside a prior of 50.
    assert snapshot.figures("ae").mmd_to_prior > 0.5


def test_prior_samples(trained) -> None:
    snapshot = trained.snapshot()
    samples = snapshot.prior_samples(500)
    assert samples.shape == (500, 2)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, trained.snapshot().prior_samples(500))
    assert abs(samples.std() - 1) < 0.1


def test_probe_images(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    assert snapshot.probe_images.shape == (1797, 1, 8, 8)
    assert snapshot.probe_images.max() == 1
    assert snapshot.probe_images is snapshot.probe_images


def test_another_thread_may_use_a_snapshot_while_training_goes_on(trained) -> None:
    snapshot = trained.snapshot()
    wanted = snapshot.models["aae"].decode(CODES)
    decoded: list[np.ndarray] = []

    def drag() -> None:
        decoded.extend(snapshot.models["aae"].decode(CODES) for _ in range(100))

    thread = threading.Thread(target=drag)
    thread.start()
    list(islice(trained.run(), 10))
    thread.join()
    assert len(decoded) == 100
    for images in decoded:
        np.testing.assert_array_equal(images, decoded[0])
    # Another thread may add up in another order.
    np.testing.assert_allclose(decoded[0], wanted, atol=1e-6)


def test_a_copied_network_is_a_deep_copy_that_only_computes() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 2, bias=False)))
    network(torch.randn(8, 3))
    inputs, wanted = torch.randn(5, 3), deepcopy(network).eval()
    twin = _detached(network)
    assert network.training
    assert not any(module.training for module in twin.modules())
    assert not any(weight.requires_grad for weight in twin.parameters())
    assert list(twin.state_dict()) == list(network.state_dict())
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.fill_(7)
        assert torch.equal(twin(inputs), wanted(inputs))
        assert not torch.equal(network.eval()(inputs), wanted(inputs))
