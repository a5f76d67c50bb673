"""Noise on images, its figures in dB, and training against it."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from aae_studio.core.corruption import AFFINE, KINDS, Corruption, decibels
from aae_studio.core.errors import ConfigError
from aae_studio.core.experiment import Experiment
from aae_studio.core.registry import MODELS

NOISES = [kind for kind in KINDS if kind != "affine"]
AUTOENCODERS = [name for name in MODELS.names() if name != "gan"]


def images_and_noise(count: int = 400) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    images = torch.rand((count, 1, 10, 10), generator=generator)
    return images, torch.randn(images.shape, generator=generator)


def test_gaussian_noise_is_added_and_nothing_is_cut_off():
    images, noise = images_and_noise()
    corrupted = Corruption("gaussian", 0.5).of(images, noise)
    np.testing.assert_allclose(corrupted.numpy(), images.numpy() + 0.5 * noise.numpy(), rtol=1e-6)
    assert corrupted.min() < 0
    assert corrupted.max() > 1


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.9])
def test_salt_and_pepper_fall_as_a_fair_coin_on_the_asked_share(strength):
    images, noise = images_and_noise()
    corrupted = Corruption("salt-pepper", strength).of(images, noise)
    changed = corrupted != images
    sd = math.sqrt(strength * (1 - strength) / images.numel())
    assert abs(float(changed.float().mean()) - strength) < 4 * sd
    assert set(corrupted[changed].unique().tolist()) == {0.0, 1.0}
    assert abs(float(corrupted[changed].mean()) - 0.5) < 4 * 0.5 / math.sqrt(int(changed.sum()))


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.9])
def test_a_mask_blackens_the_asked_share(strength):
    images, noise = images_and_noise()
    corrupted = Corruption("mask", strength).of(images, noise)
    changed = corrupted != images
    sd = math.sqrt(strength * (1 - strength) / images.numel())
    assert abs(float(changed.float().mean()) - strength) < 4 * sd
    assert not corrupted[changed].any()


def moved_by_hand(image: np.ndarray, numbers: list[float]) -> np.ndarray:
    """One square channel, one pixel at a time, its place stretched and sheared, turned, and shifted."""
    turn, wide, tall, shear, right, down = numbers
    linear = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) @ np.array(
        [[math.exp(wide), shear], [0.0, math.exp(tall)]]
    )
    side, half = len(image), len(image) / 2
    found = np.zeros_like(image, dtype=np.float64)
    for row, column in np.ndindex(side, side):
        # Pixel middles, from the middle of the image, in half sides.
        seen = np.array([(column + 0.5) / half - 1, (row + 0.5) / half - 1])
        x, y = (linear @ seen + [right, down] + 1) * half - 0.5
        for near_row, near_column in ((math.floor(y) + i, math.floor(x) + j) for i in (0, 1) for j in (0, 1)):
            if 0 <= near_row < side and 0 <= near_column < side:
                weight = (1 - abs(y - near_row)) * (1 - abs(x - near_column))
                found[row, column] += weight * image[near_row, near_column]
    return found


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_an_affine_map_moves_each_image_by_its_own_numbers(channels, strength):
    generator = torch.Generator().manual_seed(3)
    images = torch.rand((6, channels, 9, 9), generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    moved = Corruption("affine", strength).of(images, noise)
    for image, drawn, ours in zip(images, noise, moved, strict=True):
        numbers = [
            strength * part * float(number)
            for part, number in zip(AFFINE, drawn.flatten()[: len(AFFINE)], strict=True)
        ]
        for channel, seen in zip(image, ours, strict=True):
            np.testing.assert_allclose(seen.numpy(), moved_by_hand(channel.numpy(), numbers), atol=2e-5)


def test_an_affine_map_keeps_values_in_range_and_little_strength_moves_little():
    images, noise = images_and_noise(50)
    errors = []
    for strength in (0.001, 0.01, 0.1, 0.5):
        moved = Corruption("affine", strength).of(images, noise)
        assert moved.min() >= 0
        assert moved.max() <= 1 + 1e-6
        errors.append(float((moved - images).square().mean()))
    assert errors == sorted(errors)
    assert errors[0] < 1e-4


@pytest.mark.parametrize("kind", NOISES)
def test_the_extremes(kind):
    images, noise = images_and_noise(5)
    assert torch.equal(Corruption(kind, 0.0).of(images, noise), images)
    if kind != "gaussian":
        assert set(Corruption(kind, 1.0).of(images, noise).unique().tolist()) <= {0.0, 1.0}


@given(st.sampled_from(NOISES), st.floats(0, 1), st.floats(0, 1))
def test_more_strength_changes_what_less_has_changed(kind, one, other):
    """So that a picture only grows noisier when the slider is moved."""
    images, noise = images_and_noise(3)
    less, more = (
        (Corruption(kind, strength).of(images, noise) - images).abs() for strength in sorted((one, other))
    )
    assert (more >= less - 1e-6).all()


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("strength", [0.0, 0.1, 0.5, 1.0])
def test_the_closed_form_is_what_noise_does_on_average(kind, strength):
    images, _ = images_and_noise()
    corruption = Corruption(kind, strength)
    generator = torch.Generator().manual_seed(1)
    errors = []
    for _ in range(20):
        corrupted = corruption.of(images, torch.randn(images.shape, generator=generator))
        errors.append(float((corrupted - images).double().square().mean()))
    spread = np.std(errors) / math.sqrt(len(errors))
    assert abs(np.mean(errors) - corruption.expected_error(images)) <= 4 * spread + 1e-6


def test_decibels():
    assert decibels(0.01) == pytest.approx(20)
    assert decibels(1.0) == 0
    assert decibels(0.0) == math.inf
    assert decibels(Corruption("gaussian", 0.3).expected_error(torch.zeros(1))) == pytest.approx(
        -20 * math.log10(0.3)
    )


# Training


def weights(experiment: Experiment) -> list[Tensor]:
    networks = [network for model in experiment.models.values() for network in model.networks.values()]
    return [weight for network in networks for weight in network.state_dict().values()]


@pytest.mark.parametrize("name", MODELS.names())
def test_without_strength_no_bit_of_the_training_changes(build, name):
    plain, off = build(models=(name,)), build(models=(name,), noise="mask", noise_strength=0.0)
    curves = [[report.losses for report in islice(each.run(), 4)] for each in (plain, off)]
    assert curves[0] == curves[1]
    assert all(torch.equal(a, b) for a, b in zip(weights(plain), weights(off), strict=True))
    assert plain.batches.of_step(0).corrupted is None
    # The images themselves are handed on, not a copy that a sum could change.
    batch = plain.batches.of_step(0)
    assert batch.inputs is batch.images


class Heard:
    """What a network was given and gave."""

    def __init__(self, network: nn.Module) -> None:
        self.given: list[Tensor] = []
        self.gave: list[Tensor] = []
        network.register_forward_hook(self._listen)

    def _listen(self, network: nn.Module, given: tuple[Tensor, ...], gave: Tensor) -> None:
        self.given.append(given[0].detach())
        self.gave.append(gave.detach())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", AUTOENCODERS)
def test_encoders_see_corrupted_images_and_losses_compare_clean_ones(build, monkeypatch, name, kind):
    experiment = build(models=(name,), noise=kind, noise_strength=0.4)
    model = experiment.models[name]
    batch = experiment.batches.of_step(0)
    clean, corrupted = batch.images, batch.inputs
    assert not torch.equal(clean, corrupted)
    seen, made = Heard(model.networks["encoder"].trunk), Heard(model.networks["decoder"])
    moved: list[Tensor] = []
    move = model.moved
    monkeypatch.setattr(model, "moved", lambda images: (moved.append(move(images)), moved[-1])[1])
    losses = experiment.train_step(name, batch)
    with_labels = experiment.batches.labelled(0, 100).inputs
    assert seen.given
    # Images that are moved for a category to be the same are in place of the corruption.
    for given_images in seen.given:
        assert any(torch.equal(given_images, known) for known in (corrupted, with_labels, *moved))
    assert len(moved) == ("consistency" in losses)
    rebuilt = made.gave[0].double().sigmoid()
    error = float((rebuilt - clean.double()).square().mean())
    assert losses["reconstruction"] == pytest.approx(error, rel=1e-5)
    assert abs(error - float((rebuilt - corrupted.double()).square().mean())) > 1e-3


def test_the_gan_has_no_encoder_to_deceive(build):
    plain, noisy = build(models=("gan",)), build(models=("gan",), noise_strength=0.5)
    curves = [[report.losses for report in islice(each.run(), 3)] for each in (plain, noisy)]
    assert curves[0] == curves[1]


def test_noise_depends_on_seed_and_step_alone_and_is_the_same_for_all_models(build):
    def of_step(step: int, **changes: object) -> Tensor:
        return build(noise_strength=0.5, **changes).batches.of_step(step).inputs

    assert torch.equal(of_step(3), of_step(3, models=("vae",)))
    noises = []
    for step, changes in ((3, {}), (4, {}), (3, {"seed": 1})):
        batch = build(noise_strength=0.5, **changes).batches.of_step(step)
        noises.append(batch.inputs - batch.images)
    assert not torch.allclose(noises[0], noises[1])
    assert not torch.allclose(noises[0], noises[2])


def test_noise_changes_live(build):
    experiment = build()
    run = experiment.run()
    next(run)
    noisy = experiment.config.with_(noise="mask", noise_strength=0.5)
    assert experiment.accepts_live(noisy)
    experiment.change(noisy)
    next(run)
    batch = experiment.batches.of_step(1)
    assert float((batch.inputs == 0).float().mean()) > float((batch.images == 0).float().mean()) + 0.1
    experiment.change(noisy.with_(noise_strength=0.0))
    assert experiment.batches.of_step(1).corrupted is None


def test_impossible_noise_is_refused(configure):
    for changes in ({"noise": "fog"}, {"noise_strength": -0.1}, {"noise_strength": 1.5}):
        with pytest.raises(ConfigError) as fault:
            configure(**changes)
        assert fault.value.field in changes


@pytest.mark.parametrize(("kind", "strength", "least"), [("gaussian", 0.4, 1.0), ("affine", 0.3, 0.5)])
def test_training_against_it_takes_more_of_it_away(build, kind: str, strength: float, least: float) -> None:
    """A bottleneck wide enough not to remove noise by itself; in dB."""
    gains = []
    for trained_at in (0.0, strength):
        experiment = build(
            models=("ae",),
            hidden=(128,),
            latent_size=32,
            learning_rate=3e-3,
            noise=kind,
            noise_strength=trained_at,
        )
        for _ in islice(experiment.run(), 300):
            pass
        data = experiment.dataset
        clean = torch.from_numpy(data.to_unit(data.test.images))
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))
        corrupted = Corruption(kind, strength).of(clean, noise)
        rebuilt = experiment.snapshot().models["ae"].reconstruct(corrupted.numpy(), data.test.labels)
        before = decibels(float((corrupted - clean).square().mean()))
        gains.append(decibels(float(np.square(rebuilt - clean.numpy()).mean())) - before)
    assert gains[1] > gains[0] + least, gains
