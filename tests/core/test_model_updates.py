"""How training moves the models' weights: each phase its own networks, and by how much."""

from __future__ import annotations

import copy
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt
import pytest
import torch
from samples import batch_of
from torch import Tensor

from aae_studio.core.models.base import Model, Phase
from aae_studio.core.registry import MODELS

Array = npt.NDArray[np.float64]


def phase(model: Model, name: str) -> Phase:
    return next(item for item in model.phases if item.name == name)


@pytest.fixture
def images() -> Tensor:
    return torch.from_numpy(np.random.default_rng(7).random((6, 1, 4, 4), np.float32))


# Which networks move


VARIANTS = [
    ("ae", {}),
    ("vae", {}),
    ("gan", {}),
    ("aae", {"aae.updates": "joint"}),
    ("aae", {"aae.updates": "two-phase"}),
    ("aae", {"aae.updates": "joint", "aae.posterior": "gaussian"}),
    ("aae", {"aae.updates": "two-phase", "aae.posterior": "gaussian"}),
    ("aae", {"aae.posterior": "universal"}),
    ("aae", {"aae.labels": 40, "prior": "mixture"}),
    ("wae", {}),
    ("supervised_aae", {}),
    ("supervised_aae", {"supervised_aae.updates": "two-phase"}),
    ("semi_supervised_aae", {}),
    ("semi_supervised_aae", {"semi_supervised_aae.updates": "two-phase"}),
    ("clustering_aae", {}),
    ("clustering_aae", {"clustering_aae.updates": "two-phase"}),
    ("reduction_aae", {}),
    ("reduction_aae", {"reduction_aae.updates": "two-phase"}),
    ("vae", {"encoder_norm": "batch", "network": "conv"}),
    ("aae", {"encoder_norm": "batch", "aae.updates": "two-phase"}),
    ("semi_supervised_aae", {"encoder_norm": "batch"}),
]


def weights(model: Model) -> dict[str, dict[str, Tensor]]:
    return {name: copy.deepcopy(network.state_dict()) for name, network in model.networks.items()}


def moved(before: dict[str, dict[str, Tensor]], after: dict[str, dict[str, Tensor]]) -> set[str]:
    return {
        name
        for name, states in before.items()
        if any(not torch.equal(states[key], after[name][key]) for key in states)
    }


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_each_phase_moves_only_the_networks_that_it_names(build, name: str, options: dict[str, str]) -> None:
    names = [item.name for item in build(models=(name,), **options).models[name].phases]
    for chosen in names:
        experiment = build(models=(name,), **options)
        model = experiment.models[name]
        (alone,) = (item for item in model.phases if item.name == chosen)
        model.phases = (alone,)
        before = weights(model)
        experiment.train_step(name, experiment.batches.of_step(0))
        after = weights(model)
        assert moved(before, after) == (set(alone.trains) if alone.updates else set())
        if alone.updates and "encoder" in alone.trains:
            # A classification does not depend on the style.
            heads = ("mean", "log_variance", "blend") if alone.labelled else ()
            keys = (key for key in before["encoder"] if key.endswith("bias") and not key.startswith(heads))
            changed = list(keys)
            assert all(not torch.equal(before["encoder"][key], after["encoder"][key]) for key in changed)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_a_whole_step_moves_every_network(build, name: str, options: dict[str, str]) -> None:
    experiment = build(models=(name,), **options)
    model = experiment.models[name]
    before = weights(model)
    experiment.train_step(name, experiment.batches.of_step(0))
    assert moved(before, weights(model)) == set(model.networks)
    left = [weight.grad for network in model.networks.values() for weight in network.parameters()]
    assert all(gradient is None for gradient in left)


@pytest.mark.parametrize("updates", ["joint", "two-phase"])
def test_the_discriminator_phase_gives_the_encoder_exactly_no_gradient(
    make_model, images: Tensor, updates: str
) -> None:
    model = make_model("aae", updates=updates)
    phase(model, "reconstruction").loss(batch_of(images))
    objective = phase(model, "discriminator").loss(batch_of(images)).objective
    others = model.parameters(["encoder", "decoder"])
    assert torch.autograd.grad(objective, others, allow_unused=True, retain_graph=True) == (None,) * len(
        others
    )
    judge = torch.autograd.grad(objective, model.parameters(["discriminator"]))
    assert any(gradient.abs().max() > 0 for gradient in judge)


def test_the_gan_discriminator_phase_gives_the_generator_exactly_no_gradient(
    make_model, images: Tensor
) -> None:
    model = make_model("gan")
    objective = phase(model, "discriminator").loss(batch_of(images)).objective
    others = model.parameters(["generator"])
    assert torch.autograd.grad(objective, others, allow_unused=True) == (None,) * len(others)


def test_several_discriminator_steps_are_taken(build, monkeypatch) -> None:
    for name in ("aae", "gan"):
        for steps in (1, 4):
            experiment = build(models=(name,), **{f"{name}.discriminator_steps": steps})
            model = experiment.models[name]
            taken = []
            optimizer = phase(model, "discriminator").optimizer
            original = optimizer.step
            monkeypatch.setattr(optimizer, "step", lambda f=original, t=taken: (t.append(1), f()))
            experiment.train_step(name, experiment.batches.of_step(0))
            assert len(taken) == steps


# The AAE's update, written out


class WrittenOutAdam:
    """Kingma and Ba, algorithm 1."""

    def __init__(self, rate: float, beta1: float) -> None:
        self.rate, self.beta1, self.time = rate, beta1, 0
        self.first: dict[int, Array] = {}
        self.second: dict[int, Array] = {}

    def step(self, tensors: list[Tensor], gradients: list[Tensor]) -> None:
        self.time += 1
        for place, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):
            g = gradient.numpy()
            m = self.first[place] = (
                self.beta1 * self.first.get(place, np.zeros_like(g)) + (1 - self.beta1) * g
            )
            v = self.second[place] = 0.999 * self.second.get(place, np.zeros_like(g)) + 0.001 * g**2
            m_hat, v_hat = m / (1 - self.beta1**self.time), v / (1 - 0.999**self.time)
            with torch.no_grad():
                tensor -= torch.from_numpy(self.rate * m_hat / (np.sqrt(v_hat) + 1e-8))


@pytest.mark.parametrize("updates", ["joint", "two-phase"])
def test_aae_update_written_out(build, monkeypatch, updates: str) -> None:
    """Three whole steps in float64, so that rounding cannot hide a wrong gradient."""
    weight, rate, d_rate, r1, sigma = 0.3, 1e-3, 0.4, 0.7, 1.7
    experiment = build(
        models=("aae",),
        learning_rate=rate,
        **{
            "aae.updates": updates,
            "aae.adversarial_weight": weight,
            "aae.discriminator_rate": d_rate,
            "aae.r1": r1,
            "gaussian.sigma": sigma,
        },
    )
    model = experiment.models["aae"]
    for network in model.networks.values():
        network.double()
    mine = {name: copy.deepcopy(network) for name, network in model.networks.items()}
    encoder, decoder, judge = mine["encoder"], mine["decoder"], mine["discriminator"]
    lists = {name: list(network.parameters()) for name, network in mine.items()}
    both = lists["encoder"] + lists["decoder"]
    adam, judge_adam = WrittenOutAdam(rate, 0.9), WrittenOutAdam(rate * d_rate, 0.5)
    fool_adam = WrittenOutAdam(rate, 0.5)

    def reconstruction(images: Tensor) -> Tensor:
        return (decoder(encoder(images)).sigmoid() - images).square().mean()

    for step in range(3):
        images = experiment.batches.of_step(step).images.double()
        codes = torch.from_numpy(sigma * np.random.default_rng(step).standard_normal((len(images), 2)))
        monkeypatch.setattr(model, "prior_codes", lambda count, codes=codes: codes.clone())
        experiment.train_step("aae", batch_of(images))

        gradient = torch.autograd.grad(reconstruction(images), both)
        if updates == "two-phase":
            adam.step(both, list(gradient))

        real = (codes / sigma).requires_grad_(True)
        with torch.no_grad():
            fake = encoder(images) / sigma
        says_real, says_fake = torch.sigmoid(judge(real)), torch.sigmoid(judge(fake))
        slope = torch.autograd.grad(judge(real).sum(), real, create_graph=True)[0]
        loss = -0.5 * says_real.log().mean() - 0.5 * (1 - says_fake).log().mean()
        loss = loss + 0.5 * r1 * slope.square().sum(dim=1).mean()
        judge_adam.step(lists["discriminator"], list(torch.autograd.grad(loss, lists["discriminator"])))

        # D after its own update.
        loss = -weight * torch.sigmoid(judge(encoder(images) / sigma)).log().mean()
        fooling = torch.autograd.grad(loss, lists["encoder"])
        if updates == "two-phase":
            fool_adam.step(lists["encoder"], list(fooling))
        else:
            count = len(fooling)
            summed = [a + b for a, b in zip(gradient[:count], fooling, strict=True)]
            adam.step(both, summed + list(gradient[count:]))

        for name, network in model.networks.items():
            for given, wanted in zip(network.parameters(), lists[name], strict=True):
                torch.testing.assert_close(given, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_fused_steps_are_those_of_plain_adam(build, network: str) -> None:
    """A gradient that lies in memory in another order than its weight must not be misread."""
    fused, plain = (build(models=tuple(MODELS.names()), network=network) for _ in range(2))
    for model in plain.models.values():
        for item in model.phases:
            for group in item.optimizer.param_groups:
                group["fused"] = False
    for experiment in (fused, plain):
        list(islice(experiment.run(), 2))
    for name, model in plain.models.items():
        for part, states in weights(model).items():
            for key, weight in states.items():
                found = fused.models[name].networks[part].state_dict()[key]
                torch.testing.assert_close(found, weight, rtol=1e-5, atol=2e-6)


def test_zero_adversarial_weight_is_an_autoencoder(build) -> None:
    """The discriminator's training does not leak into the other networks."""
    experiment = build(models=("ae", "aae"), **{"aae.adversarial_weight": 0.0})
    for step in range(5):
        for name in ("ae", "aae"):
            experiment.train_step(name, experiment.batches.of_step(step))
    plain, adversarial = experiment.models["ae"], experiment.models["aae"]
    for name in ("encoder", "decoder"):
        for left, right in zip(
            plain.networks[name].parameters(), adversarial.networks[name].parameters(), strict=True
        ):
            torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-7)


# Initial weights


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_models_of_one_seed_start_from_the_same_weights(make_model, network: str) -> None:
    states = {
        name: make_model(name, image_shape=(1, 8, 8), network=network, seed=5).networks
        for name in ("ae", "vae", "aae", "gan")
    }
    for left, right in combinations(("ae", "vae", "aae"), 2):
        for part in ("encoder", "decoder"):
            one, other = states[left][part].state_dict(), states[right][part].state_dict()
            shared = one.keys() & other.keys()
            extra = one.keys() ^ other.keys()
            assert shared
            assert all(key.startswith("log_variance") for key in extra)
            assert all(torch.equal(one[key], other[key]) for key in shared)
    forger, decoder = states["gan"]["generator"].state_dict(), states["ae"]["decoder"].state_dict()
    assert all(torch.equal(forger[key], decoder[key]) for key in decoder)


def test_initial_weights_depend_on_the_seed_alone(make_model) -> None:
    torch.manual_seed(1)
    first = make_model("aae", seed=1)
    drawn = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), drawn), "building a model moved torch's own generator"
    again, other = make_model("aae", seed=1), make_model("aae", seed=2)
    for name, network in first.networks.items():
        pairs = zip(network.parameters(), again.networks[name].parameters(), strict=True)
        assert all(torch.equal(left, right) for left, right in pairs)
        pairs = zip(network.parameters(), other.networks[name].parameters(), strict=True)
        assert all(not torch.equal(left, right) for left, right in pairs)


# Noise


def test_a_steps_noise_depends_on_seed_model_and_step_alone(make_model) -> None:
    def noise(name: str, seed: int, step: int) -> Tensor:
        model = make_model(name, seed=seed)
        model.noise_like(torch.empty(step + 1, 3))
        model.reseed(step)
        return torch.cat([model.noise_like(torch.empty(40, 2)), model.prior_codes(40)])

    first = noise("vae", 0, 3)
    assert torch.equal(first, noise("vae", 0, 3))
    for other in (noise("vae", 1, 3), noise("vae", 0, 4), noise("aae", 0, 3)):
        assert not torch.equal(first, other)


@pytest.mark.parametrize("name", ["aae", "gan"])
def test_set_learning_rate_keeps_the_discriminators_factor(make_model, name: str) -> None:
    model = make_model(name, discriminator_rate=0.25)
    for rate in (1e-3, 0.02):
        model.set_learning_rate(rate)
        for item in model.phases:
            factor = 0.25 if item.name == "discriminator" else 1.0
            assert [group["lr"] for group in item.optimizer.param_groups] == [pytest.approx(rate * factor)]
