"""Batch normalisation in encoders: over the batch in training, by training images for whoever looks."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest
import torch

from aae_studio.core.networks import NormalisedConv2d, NormalisedLinear, seeded, settle
from aae_studio.core.snapshot import SETTLING_SIZE, FrozenModel

Array = npt.NDArray[np.float64]
EPSILON = 1e-5


def normalised(features: Array, by: Array, beta: Array, ddof: int = 0) -> Array:
    """Features (n, k) by the statistics of others, plus β. `ddof`: 1 where the others are a sample of all."""
    return (features - by.mean(axis=0)) / np.sqrt(by.var(axis=0, ddof=ddof) + EPSILON) + beta


def arrays(frozen: FrozenModel) -> list[Array]:
    return [weight.detach().double().numpy() for weight in frozen.model.networks["encoder"].parameters()]


def encoded(images: Array, by: Array, weights: list[Array]) -> Array:
    """Codes of images (n, pixels) by layers that are normalised with the statistics of others."""
    (*layers, last, shift) = weights
    for weight, beta in zip(layers[::2], layers[1::2], strict=True):
        images, by = images @ weight.T, by @ weight.T
        images, by = normalised(images, by, beta, ddof=1), normalised(by, by, beta)
        images, by = np.maximum(images, 0), np.maximum(by, 0)
    return images @ last.T + shift


def test_a_layer_in_training() -> None:
    layer = seeded(0, "layer", lambda: NormalisedLinear(6, 4))
    images = torch.randn(9, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)
    plain = images.detach().double().numpy() @ layer.weight.detach().double().numpy().T
    wanted = normalised(plain, plain, layer.bias.detach().double().numpy())
    np.testing.assert_allclose(layer(images).detach().numpy(), wanted, atol=1e-5)
    # Neither a shift nor a scale of what comes in is seen behind it.
    np.testing.assert_allclose(layer(3 * images + 2).detach().numpy(), wanted, atol=1e-4)


def test_a_convolution_in_training_is_normalised_channel_by_channel() -> None:
    layer = seeded(0, "layer", lambda: NormalisedConv2d(2, 3, kernel_size=3, stride=2, padding=1))
    images = torch.randn(5, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    plain = torch.nn.functional.conv2d(images, layer.weight, None, 2, 1).detach().double().numpy()
    columns = plain.transpose(0, 2, 3, 1).reshape(-1, 3)
    wanted = normalised(columns, columns, layer.bias.detach().double().numpy())
    found = layer(images).detach().numpy().transpose(0, 2, 3, 1).reshape(-1, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_weights_are_those_without_it(build) -> None:
    plain, changed = (build(models=("aae",), encoder_norm=norm) for norm in ("none", "batch"))
    for name, network in plain.models["aae"].networks.items():
        other = changed.models["aae"].networks[name].state_dict()
        assert network.state_dict().keys() == other.keys()
        assert all(torch.equal(weight, other[key]) for key, weight in network.state_dict().items())


def test_who_looks_sees_by_the_statistics_of_training_images(build, digits) -> None:
    experiment = build(models=("ae",), encoder_norm="batch")
    known = digits.to_unit(digits.train.first(SETTLING_SIZE).images).astype(np.float64)
    test = digits.to_unit(digits.test.first(20).images)
    for steps in (0, 7, 4):
        list(islice(experiment.run(), steps))
        frozen = experiment.snapshot().models["ae"]
        codes = frozen.encode(test)
        wanted = encoded(
            test.reshape(20, -1).astype(np.float64), known.reshape(len(known), -1), arrays(frozen)
        )
        np.testing.assert_allclose(codes, wanted, atol=1e-4)
        # Whatever images it is among.
        np.testing.assert_allclose(frozen.encode(test[3:4]), codes[3:4], atol=1e-5)


def test_a_snapshot_stays_as_it_is_while_training_goes_on(build, digits) -> None:
    experiment = build(models=("ae", "vae"), encoder_norm="batch", network="conv", hidden=(8,))
    test = digits.to_unit(digits.test.first(9).images)
    list(islice(experiment.run(), 3))
    first = experiment.snapshot()
    before = {name: frozen.encode(test) for name, frozen in first.models.items()}
    for _ in range(3):
        list(islice(experiment.run(), 2))
        later = experiment.snapshot()
        for name, codes in before.items():
            np.testing.assert_array_equal(first.models[name].encode(test), codes)
            assert not np.allclose(later.models[name].encode(test), codes)


def test_looking_does_not_touch_training(build) -> None:
    watched, alone = (build(models=("aae",), encoder_norm="batch") for _ in range(2))
    for _ in range(4):
        watched.snapshot()
        assert next(watched.run()).losses == next(alone.run()).losses


def test_a_single_labelled_image_trains(build) -> None:
    options = {"semi_supervised_aae.labels": 1, "semi_supervised_aae.discriminator_hidden": (8,)}
    experiment = build(models=("semi_supervised_aae",), encoder_norm="batch", **options)
    losses = [report.losses["semi_supervised_aae"] for report in islice(experiment.run(), 5)]
    assert all(np.isfinite(value) for step in losses for value in step.values())


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_in_bfloat16(build, network: str) -> None:
    experiment = build(models=("vae",), encoder_norm="batch", network=network, precision="bfloat16")
    plain = build(models=("vae",), encoder_norm="batch", network=network)
    for lowered, full in zip(islice(experiment.run(), 5), islice(plain.run(), 5), strict=True):
        assert lowered.losses["vae"]["reconstruction"] == pytest.approx(
            full.losses["vae"]["reconstruction"], rel=0.02
        )


def test_settling_ends_in_looking() -> None:
    layer = NormalisedLinear(3, 2)
    settle(layer, torch.randn(8, 3))
    assert not layer.training
    assert not layer.norm.training
    before = layer.norm.mean.clone()
    layer(torch.randn(8, 3))
    assert torch.equal(layer.norm.mean, before)
