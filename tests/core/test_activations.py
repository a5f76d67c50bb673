"""Activations of every layer, against the same networks computed by hand."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from perceptrons import gelu, layers, standardised

from aae_studio.core.activations import of_code, of_image
from aae_studio.core.registry import MODELS
from aae_studio.core.snapshot import FrozenModel

Array = np.ndarray


def of_one(frozen: FrozenModel, network: str, values: Array) -> list[Array]:
    """What each layer of a network makes of one code or image; that of an encoder is standardised first."""
    part, found = frozen.model.networks[network], []
    if network == "encoder":
        values = standardised(part, values.reshape(frozen.model.setting.architecture.image_shape))
        found = [values]
    return [*found, *(rows[0] for rows in layers(part, values.reshape(1, -1)))]


def close(layers, expected: list[Array]) -> None:
    assert [layer.values.shape for layer in layers] == [values.shape for values in expected]
    for layer, values in zip(layers, expected, strict=True):
        np.testing.assert_allclose(layer.values, values, atol=1e-5)


def test_of_a_code(build) -> None:
    frozen = build(models=("aae",), prior="gaussian", **{"gaussian.sigma": 2.0}).snapshot().models["aae"]
    code = np.array([0.7, -1.3])
    passage = of_code(frozen, code)
    assert passage.networks == ("decoder", "encoder", "discriminator")
    decoder = of_one(frozen, "decoder", code)
    close(passage.of("decoder"), decoder)
    image = 1 / (1 + np.exp(-decoder[-1]))
    np.testing.assert_allclose(passage.image.ravel(), image, atol=1e-5)
    encoder = of_one(frozen, "encoder", image)
    close(passage.of("encoder"), encoder)
    np.testing.assert_allclose(passage.back, encoder[-1], atol=1e-5)
    close(passage.of("discriminator"), of_one(frozen, "discriminator", code / 2))


def test_of_an_image(build) -> None:
    snapshot = build(models=("ae",)).snapshot()
    frozen, image = snapshot.models["ae"], snapshot.probe_images[5]
    passage = of_image(frozen, image)
    encoder = of_one(frozen, "encoder", image)
    close(passage.of("encoder"), encoder)
    close(passage.of("decoder"), of_one(frozen, "decoder", encoder[-1]))
    np.testing.assert_array_equal(passage.image, image)
    np.testing.assert_allclose(passage.code, frozen.encode(image[None])[0], atol=1e-6)
    np.testing.assert_allclose(passage.back, frozen.reconstruct(image[None], np.zeros(1))[0], atol=1e-6)


def test_feature_maps_of_a_convolution(build) -> None:
    """The first convolution, pixel by pixel: stride 2, one pixel of zeros around the image."""
    snapshot = build(models=("ae",), network="conv").snapshot()
    frozen, image = snapshot.models["ae"], snapshot.probe_images[2]
    first = of_image(frozen, image).of("encoder")[1]
    kernel, bias = (w.double().numpy() for w in list(frozen.model.networks["encoder"].parameters())[:2])
    padded = np.pad(standardised(frozen.model.networks["encoder"], image)[0], 1)
    expected = np.zeros((32, 4, 4))
    for place in np.ndindex(*expected.shape):
        channel, row, column = place
        window = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        expected[place] = gelu((kernel[channel, 0] * window).sum() + bias[channel])
    assert first.kind == "conv2d"
    np.testing.assert_allclose(first.values, expected, atol=1e-5)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_what_is_normalised_is_one_layer_with_its_weights(build, network: str) -> None:
    shape = {"models": ("ae",), "network": network, "hidden": (8,)}
    plain, normalised = (
        build(**shape, encoder_norm=norm).snapshot().models["ae"] for norm in ("none", "batch")
    )
    image = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8)
    found = [of_image(frozen, image).of("encoder") for frozen in (plain, normalised)]
    shapes = [[(layer.kind, layer.values.shape) for layer in each] for each in found]
    assert shapes[0] == shapes[1]
    np.testing.assert_allclose(found[1][-1].values, normalised.encode(image[None])[0], atol=1e-5)
    # Behind the activation: GELU's least value is −0.17.
    assert all(-0.18 < layer.values.min() < 0 for layer in found[1][1:-1])


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_every_model(build, name: str, network: str) -> None:
    snapshot = build(models=(name,), network=network).snapshot()
    frozen = snapshot.models[name]
    code = np.array([1.0, 0.5], np.float32)
    passage = of_code(frozen, code, condition=min(1, max(0, len(frozen.conditions) - 1)))
    np.testing.assert_allclose(passage.image, frozen.decode(code[None], 1)[0], atol=1e-6)
    assert (passage.back is None) == (not frozen.has_encoder)
    assert passage.networks[0] in ("decoder", "generator")
    assert "discriminator" in passage.networks or "discriminator" not in frozen.model.networks
    assert all(np.isfinite(layer.values).all() for layer in passage.layers)
    if frozen.has_encoder:
        assert of_image(frozen, snapshot.probe_images[0], 3).networks[0] == "encoder"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("aae", {"latent_size": 64}),
        ("clustering_aae", {"clustering_aae.clusters": 64}),
        ("semi_supervised_aae", {"latent_size": 10}),
        ("reduction_aae", {"latent_size": 10}),
    ],
)
def test_nobody_is_given_what_only_has_the_right_size(build, name: str, options: dict[str, object]) -> None:
    """Digits have 64 pixels and 10 classes: a network's first weights do not say what belongs into it."""
    frozen = build(models=(name,), **options).snapshot().models[name]
    code = np.linspace(-1, 1, frozen.model.setting.architecture.latent_size, dtype=np.float32)
    passage = of_code(frozen, code)
    heads = ("heads",) if name == "reduction_aae" else ()
    assert passage.networks == ("decoder", "encoder", *heads, "discriminator")
    with torch.inference_mode():
        said = frozen.model.judged(torch.from_numpy(code[None]))
    if name != "reduction_aae":
        np.testing.assert_allclose(passage.of("discriminator")[-1].values, said, rtol=1e-5)


def test_a_judgement_that_decodes_once_more_shows_no_layer_twice(build) -> None:
    frozen = build(models=("gan",), hidden=(16,)).snapshot().models["gan"]
    passage = of_code(frozen, [0.3, 0.1])
    assert [layer.network for layer in passage.layers].count("generator") == 2
    assert passage.networks == ("generator", "discriminator")


def test_another_thread_is_not_seen(build) -> None:
    """Snapshots are decoded in several threads at once; each sees its own layers alone."""
    frozen = build(models=("ae",)).snapshot().models["ae"]
    stop, expected = threading.Event(), of_code(frozen, [0.5, 0.5])

    def decode() -> None:
        torch.set_num_threads(1)
        while not stop.is_set():
            frozen.decode(np.ones((3, 2)))

    thread = threading.Thread(target=decode)
    thread.start()
    try:
        for _ in range(50):
            found = of_code(frozen, [0.5, 0.5])
            assert len(found.layers) == len(expected.layers)
            for layer, other in zip(found.layers, expected.layers, strict=True):
                np.testing.assert_array_equal(layer.values, other.values)
    finally:
        stop.set()
        thread.join()
