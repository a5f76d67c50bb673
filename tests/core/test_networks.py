"""What an architecture asks for: the activation of encoders and decoders, and what encoders are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from perceptrons import standardised, through
from torch import nn

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.networks import ACTIVATIONS, Architecture
from aae_studio.core.registry import MODELS
from aae_studio.core.snapshot import FrozenModel

FUNCTIONS = tuple(ACTIVATIONS.values())


def functions(network: nn.Module) -> set[type[nn.Module]]:
    return {type(part) for part in network.modules() if isinstance(part, FUNCTIONS)}


def test_the_choices_are_those_that_networks_know() -> None:
    option = next(option for option in OPTIONS if option.name == "activation")
    assert option.choices == tuple(ACTIVATIONS)
    assert Architecture((1, 4, 4), 2).activation == option.default == ExperimentConfig().activation


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_encoders_and_decoders_have_it_and_discriminators_have_relu(
    make_model, name: str, network: str, activation: str
) -> None:
    options = {"posterior": "universal"} if name == "aae" else {}
    model = make_model(name, network=network, activation=activation, **options)
    found = {part: functions(network) for part, network in model.networks.items()}
    for part in ("encoder", "decoder", "generator"):
        assert found.pop(part, {ACTIVATIONS[activation]}) == {ACTIVATIONS[activation]}
    assert all(each <= {nn.ReLU} for each in found.values())
    assert found.get("discriminator", {nn.ReLU}) == {nn.ReLU}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("inputs", ["standardised", "plain"])
def test_encode_and_decode_by_hand(build, activation: str, inputs: str) -> None:
    frozen: FrozenModel
    snapshot = build(models=("ae",), activation=activation, inputs=inputs).snapshot()
    frozen, images = snapshot.models["ae"], snapshot.probe_images[:7]
    encoder, decoder = (frozen.model.networks[name] for name in ("encoder", "decoder"))
    given = standardised(encoder, images) if inputs == "standardised" else images
    codes = through(encoder, given.reshape(7, -1))
    np.testing.assert_allclose(frozen.encode(images), codes, atol=1e-5)
    pixels = 1 / (1 + np.exp(-through(decoder, codes)))
    np.testing.assert_allclose(frozen.decode(codes).reshape(7, -1), pixels, atol=1e-5)


def test_a_mean_image_is_what_nothing_is_seen_in(build, digits: Dataset) -> None:
    """What the encoder's first layer is given in place of it is 0."""
    trunk = build(models=("ae",)).models["ae"].networks["encoder"].trunk
    seen: list[torch.Tensor] = []
    trunk[1].register_forward_hook(lambda layer, inputs, outputs: seen.append(inputs[0]))
    trunk(torch.from_numpy(digits.pixels.mean)[None])
    assert torch.count_nonzero(seen[0]) == 0
    images = torch.from_numpy(digits.to_unit(digits.train.images))
    trunk(images)
    back = seen[1] * digits.pixels.deviation + torch.from_numpy(digits.pixels.mean).flatten()
    np.testing.assert_allclose(back, images.flatten(1), atol=1e-6)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_initial_weights_do_not_depend_on_it(build, network: str) -> None:
    encoders = [
        build(models=("ae",), network=network, **choice).models["ae"].networks["encoder"]
        for choice in ({}, {"inputs": "plain", "activation": "relu"})
    ]
    for (name, one), (other_name, other) in zip(*(e.named_parameters() for e in encoders), strict=True):
        assert name == other_name
        assert torch.equal(one, other)
    assert encoders[0].state_dict().keys() - encoders[1].state_dict().keys() == {
        "trunk.pixel_mean",
        "trunk.pixel_deviation",
    }


@pytest.mark.parametrize(
    ("options", "absorbs"),
    [
        ({}, True),
        ({"network": "conv"}, False),
        ({"encoder_norm": "batch"}, False),
        ({"inputs": "plain"}, False),
    ],
)
def test_weights_that_standardise_give_the_same_features(build, options: dict, absorbs: bool) -> None:
    trunk = build(models=("ae",), **options).models["ae"].networks["encoder"].trunk.eval()
    images = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    weights = [weight.clone() for weight in trunk.parameters()]
    with torch.no_grad():
        before = trunk(images)
        trunk.absorb_scale()
        # Once is enough.
        trunk.absorb_scale()
        torch.testing.assert_close(trunk(images), before, rtol=1e-4, atol=1e-5)
    changed = not all(map(torch.equal, weights, trunk.parameters()))
    assert changed == absorbs
    assert (trunk.pixel_mean is None) == (absorbs or options == {"inputs": "plain"})


def test_a_bias_that_rounding_would_spoil_is_not_made(build) -> None:
    """Bright images of little contrast: their mean is many deviations."""
    encoder = build(models=("ae",)).models["ae"].networks["encoder"]
    trunk = encoder.trunk
    trunk.pixel_mean, trunk.pixel_deviation = torch.full((1, 8, 8), 0.92), torch.tensor(0.02)
    images = 0.9 + 0.04 * torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = trunk(images)
        trunk.absorb_scale()
        assert trunk.pixel_mean is not None
        torch.testing.assert_close(trunk(images), exact)


# The scale


class Some(Dataset):
    """Images (n, C, 2, 3) given one by one."""

    levels = 200

    def __init__(self, images: np.ndarray) -> None:
        nothing = np.zeros(len(images), np.int64)
        self.train = self.test = Split(images.astype(np.uint8), nothing, nothing)
        self.classes = ()


def test_the_scale_is_mean_and_deviation_of_the_training_images() -> None:
    images = np.random.default_rng(0).integers(0, 201, (57, 3, 2, 3))
    scale = Some(images).pixels
    assert scale.mean.shape == (3, 2, 3)
    np.testing.assert_allclose(scale.mean, images.mean(axis=0) / 200, rtol=1e-6)
    mean = images.sum() / images.size
    wanted = np.sqrt(((images - mean) ** 2).sum() / images.size) / 200
    assert scale.deviation == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("level", [0, 11, 50, 200])
def test_images_that_are_all_the_same_have_the_scale_one(level: int) -> None:
    assert Some(np.full((4, 1, 2, 3), level)).pixels.deviation == 1.0


def test_ten_thousand_images_are_enough() -> None:
    images = np.zeros((10_500, 1, 2, 3))
    images[10_000:] = 200
    images[0, 0, 0, 0] = 200
    scale = Some(images).pixels
    assert scale.mean.max() == pytest.approx(1e-4)
