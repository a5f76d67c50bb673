"""The models' losses and updates against arithmetic that is written out here, in float64."""

from __future__ import annotations

import copy
import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from perceptrons import through
from samples import batch_of
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from aae_studio.core.errors import StudioError
from aae_studio.core.losses import discriminator_loss, generator_loss, gradient_penalty
from aae_studio.core.models.base import Model, Phase
from aae_studio.core.models.vae import sampled_kl
from aae_studio.core.registry import PRIORS

Array = npt.NDArray[np.float64]

BATCH = 6


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.fixture
def images() -> Tensor:
    return torch.from_numpy(np.random.default_rng(7).random((BATCH, 1, 4, 4), np.float32))


# The networks in numpy


def exact(tensor: Tensor) -> Array:
    return tensor.detach().numpy().astype(np.float64)


def encoded(model: Model, images: Tensor) -> tuple[Array, Array | None]:
    """Mean and log-variance of q(z|x)."""
    encoder = model.networks["encoder"]
    features = through(encoder.trunk, exact(images).reshape(len(images), -1))
    heads = [
        None if head is None else features @ exact(head.weight).T + exact(head.bias)
        for head in (encoder.mean, encoder.log_variance)
    ]
    return heads[0], heads[1]


def sigmoid(logits: Array) -> Array:
    return 1 / (1 + np.exp(-logits))


def decoded(network: nn.Module, codes: Array) -> Array:
    return sigmoid(through(network, codes))


def bernoulli_nats(pixels: Array, images: Array) -> float:
    """Cross-entropy per image."""
    return float(-(images * np.log(pixels) + (1 - images) * np.log(1 - pixels)).sum(axis=1).mean())


def use_noise(monkeypatch: pytest.MonkeyPatch, model: Model, noise: Tensor) -> None:
    def given(tensor: Tensor) -> Tensor:
        assert tensor.shape == noise.shape
        return noise.to(tensor)

    monkeypatch.setattr(model, "noise_like", given)


def use_prior_codes(monkeypatch: pytest.MonkeyPatch, model: Model, codes: Tensor) -> None:
    def given(count: int) -> Tensor:
        assert count == len(codes)
        return codes.clone()

    monkeypatch.setattr(model, "prior_codes", given)


def phase(model: Model, name: str) -> Phase:
    return next(item for item in model.phases if item.name == name)


# AE


@pytest.mark.parametrize("kind", ["mse", "bernoulli"])
def test_ae_loss(make_model, images: Tensor, kind: str) -> None:
    model = make_model("ae", reconstruction=kind)
    losses = phase(model, "reconstruction").loss(batch_of(images))
    codes, nothing = encoded(model, images)
    assert nothing is None
    pixels, flat = decoded(model.networks["decoder"], codes), exact(images).reshape(BATCH, -1)
    wanted = ((pixels - flat) ** 2).mean() if kind == "mse" else bernoulli_nats(pixels, flat)
    assert losses.objective.item() == pytest.approx(wanted, rel=1e-5)
    assert losses.figures["reconstruction"].item() == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(model.encode(images).detach(), codes, atol=1e-6)
    np.testing.assert_allclose(
        model.decode(torch.from_numpy(codes).float()).detach().reshape(BATCH, -1), pixels, atol=1e-6
    )


# VAE


@pytest.mark.parametrize("sigma", [1.0, 2.5])
@pytest.mark.parametrize(("kind", "beta", "pixel_sigma"), [("mse", 0.7, 0.2), ("bernoulli", 3.0, 0.2)])
def test_vae_loss(
    make_model, images: Tensor, monkeypatch, kind: str, beta: float, pixel_sigma: float, sigma: float
) -> None:
    model = make_model("vae", reconstruction=kind, sigma=sigma, beta=beta, pixel_sigma=pixel_sigma)
    noise = numbers(BATCH, 2, seed=1)
    use_noise(monkeypatch, model, noise)
    losses = phase(model, "elbo").loss(batch_of(images))

    mean, log_variance = encoded(model, images)
    deviation = np.exp(log_variance / 2)
    pixels = decoded(model.networks["decoder"], mean + deviation * exact(noise))
    flat = exact(images).reshape(BATCH, -1)
    if kind == "mse":
        reconstruction = ((pixels - flat) ** 2).mean()
        nats = ((pixels - flat) ** 2).sum(axis=1).mean() / (2 * pixel_sigma**2)
    else:
        reconstruction = nats = bernoulli_nats(pixels, flat)
    posterior = Normal(torch.from_numpy(mean), torch.from_numpy(deviation))
    kl = kl_divergence(posterior, Normal(0.0, sigma)).sum(dim=1).mean().item()
    assert losses.figures["reconstruction"].item() == pytest.approx(reconstruction, rel=1e-5)
    assert losses.figures["kl"].item() == pytest.approx(kl, rel=1e-4)
    # In nats per image, over the 16 pixels.
    assert losses.objective.item() == pytest.approx((nats + beta * kl) / 16, rel=1e-5)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.0])
def test_gaussian_kl_is_torch_distributions(sigma: float) -> None:
    mean, log_variance = 2 * numbers(50, 3, seed=2).double(), numbers(50, 3, seed=3).double()
    posterior = Normal(mean, (0.5 * log_variance).exp())
    wanted = kl_divergence(posterior, Normal(torch.zeros(3).double(), sigma)).sum(dim=1)
    given = PRIORS.get("gaussian")(3, sigma).kl_from_gaussian(mean, log_variance)
    torch.testing.assert_close(given, wanted, rtol=1e-12, atol=1e-12)


def test_sampled_kl_has_the_mean_of_the_closed_form() -> None:
    prior = PRIORS.get("gaussian")(2, 2.0)
    count = 400_000
    mean = torch.tensor([[0.7, -1.2]]).expand(count, 2)
    log_variance = torch.tensor([[-1.0, 0.5]]).expand(count, 2)
    noise = numbers(count, 2, seed=4)
    estimates = sampled_kl(prior, mean + (0.5 * log_variance).exp() * noise, noise, log_variance)
    wanted = kl_divergence(Normal(mean[0], (0.5 * log_variance[0]).exp()), Normal(0.0, 2.0)).sum().item()
    error = estimates.std().item() / math.sqrt(count)
    assert estimates.shape == (count,)
    assert abs(estimates.mean().item() - wanted) < 5 * error
    assert error < 0.01


@pytest.mark.parametrize("name", ["mixture", "ring", "swiss_roll"])
def test_vae_reports_the_sampled_kl(make_model, images: Tensor, monkeypatch, name: str) -> None:
    """Each draw is log q - log p at its own code, and many draws have the mean of quadrature."""
    model = make_model("vae", prior=name, sigma=1.5)
    mean, log_variance = encoded(model, images)
    draws = []
    for seed in range(120):
        noise = numbers(BATCH, 2, seed=seed)
        use_noise(monkeypatch, model, noise)
        kl = phase(model, "elbo").loss(batch_of(images)).figures["kl"].item()
        codes = mean + np.exp(log_variance / 2) * exact(noise)
        log_q = Normal(torch.from_numpy(mean), torch.from_numpy(np.exp(log_variance / 2))).log_prob(
            torch.from_numpy(codes)
        )
        log_p = model.prior.log_prob(torch.from_numpy(codes))
        assert kl == pytest.approx((log_q.sum(dim=1) - log_p).mean().item(), rel=1e-4, abs=1e-4)
        draws.append(kl)

    # q times (log q - log p) on a grid around every posterior.
    offsets = np.linspace(-6, 6, 81)
    grid = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
    weight = np.exp(-0.5 * (grid**2).sum(axis=1)) / (2 * np.pi) * (offsets[1] - offsets[0]) ** 2
    exact_kl = 0.0
    for center, spread in zip(mean, np.exp(log_variance / 2), strict=True):
        log_q = -0.5 * (grid**2).sum(axis=1) - np.log(2 * np.pi) - np.log(spread).sum()
        log_p = model.prior.log_prob(torch.from_numpy(center + spread * grid)).numpy()
        exact_kl += float((weight * (log_q - log_p)).sum()) / BATCH
    error = np.std(draws) / math.sqrt(len(draws))
    assert abs(np.mean(draws) - exact_kl) < 5 * error


def test_vae_refuses_a_prior_with_holes(make_model) -> None:
    with pytest.raises(StudioError, match=r"KL divergence to “Uniform square” is infinite.*AAE") as fault:
        make_model("vae", prior="uniform")
    assert str(fault.value).endswith(".")
    make_model("aae", prior="uniform")
    for name in ("gaussian", "ring", "mixture", "swiss_roll"):
        make_model("vae", prior=name)


def test_vae_refuses_a_prior_without_density(make_model, monkeypatch) -> None:
    monkeypatch.setattr(PRIORS.get("ring"), "has_log_prob", False)
    with pytest.raises(StudioError, match="needs a prior with a density"):
        make_model("vae", prior="ring")


# AAE and GAN


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian"])
@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_aae_losses(make_model, images: Tensor, monkeypatch, sigma: float, posterior: str) -> None:
    model = make_model("aae", sigma=sigma, posterior=posterior, r1=0.0, adversarial_weight=0.25)
    noise, wanted_codes = numbers(BATCH, 2, seed=1), sigma * numbers(BATCH, 2, seed=2)
    use_noise(monkeypatch, model, noise)
    use_prior_codes(monkeypatch, model, wanted_codes)
    results = {item.name: item.loss(batch_of(images)) for item in model.phases}

    codes, log_variance = encoded(model, images)
    assert (log_variance is not None) == (posterior == "gaussian")
    np.testing.assert_allclose(model.encode(images).detach(), codes, atol=1e-6)
    if log_variance is not None:
        codes = codes + np.exp(log_variance / 2) * exact(noise)
    flat = exact(images).reshape(BATCH, -1)
    error = ((decoded(model.networks["decoder"], codes) - flat) ** 2).mean()
    judge = model.networks["discriminator"]
    # D sees codes in units of the prior's σ.
    real = sigmoid(through(judge, exact(wanted_codes) / sigma))
    fake = sigmoid(through(judge, codes / sigma))
    assert results["reconstruction"].objective.item() == pytest.approx(error, rel=1e-5)
    assert results["discriminator"].objective.item() == pytest.approx(
        0.5 * (-np.log(real).mean() - np.log(1 - fake).mean()), rel=1e-5
    )
    assert results["discriminator"].figures["d_real"].item() == pytest.approx(real.mean(), rel=1e-5)
    assert results["discriminator"].figures["d_fake"].item() == pytest.approx(fake.mean(), rel=1e-5)
    assert results["generator"].figures["generator"].item() == pytest.approx(-np.log(fake).mean(), rel=1e-5)
    assert results["generator"].objective.item() == pytest.approx(0.25 * -np.log(fake).mean(), rel=1e-5)


def test_aae_bernoulli_objective_is_per_pixel(make_model, images: Tensor) -> None:
    losses = phase(make_model("aae", reconstruction="bernoulli"), "reconstruction").loss(batch_of(images))
    codes, _ = encoded(make_model("aae"), images)
    pixels = decoded(make_model("aae").networks["decoder"], codes)
    nats = bernoulli_nats(pixels, exact(images).reshape(BATCH, -1))
    assert losses.figures["reconstruction"].item() == pytest.approx(nats, rel=1e-5)
    assert losses.objective.item() == pytest.approx(nats / 16, rel=1e-5)


def test_gan_losses(make_model, images: Tensor, monkeypatch) -> None:
    model = make_model("gan", r1=0.0)
    codes = numbers(BATCH, 2, seed=3)
    use_prior_codes(monkeypatch, model, codes)
    judged, fooled = (item.loss(batch_of(images)) for item in model.phases)
    forged = decoded(model.networks["generator"], exact(codes))
    real = sigmoid(through(model.networks["discriminator"], exact(images).reshape(BATCH, -1)))
    fake = sigmoid(through(model.networks["discriminator"], forged))
    assert judged.objective.item() == pytest.approx(
        0.5 * (-np.log(real).mean() - np.log(1 - fake).mean()), rel=1e-5
    )
    assert judged.figures["d_real"].item() == pytest.approx(real.mean(), rel=1e-5)
    assert judged.figures["d_fake"].item() == pytest.approx(fake.mean(), rel=1e-5)
    assert fooled.objective.item() == pytest.approx(-np.log(fake).mean(), rel=1e-5)
    assert fooled.figures["generator"].item() == pytest.approx(-np.log(fake).mean(), rel=1e-5)
    assert model.encode(images) is None


def slopes(network: nn.Module, inputs: Tensor) -> float:
    """E[|∇ logit|²] at the inputs by central differences in float64."""
    network = copy.deepcopy(network).double()
    points = inputs.detach().double()
    total, nudge = 0.0, 1e-6
    with torch.no_grad():
        for place in range(points[0].numel()):
            step = torch.zeros_like(points).flatten(1)
            step[:, place] = nudge
            step = step.reshape(points.shape)
            slope = (network(points + step) - network(points - step)) / (2 * nudge)
            total += float(slope.square().sum())
    return total / len(points)


@pytest.mark.parametrize("name", ["aae", "gan"])
def test_r1_penalty_against_finite_differences(make_model, images: Tensor, monkeypatch, name: str) -> None:
    sigma = 2.0
    with_penalty = make_model(name, r1=0.8, sigma=sigma)
    without = make_model(name, r1=0.0, sigma=sigma)
    codes = sigma * numbers(BATCH, 2, seed=4)
    for model in (with_penalty, without):
        use_prior_codes(monkeypatch, model, codes)
    real = codes / sigma if name == "aae" else images
    wanted = slopes(with_penalty.networks["discriminator"], real)
    assert wanted > 1e-3

    inputs = real.clone().requires_grad_(True)
    penalty = gradient_penalty(with_penalty.networks["discriminator"](inputs), inputs)
    assert penalty.item() == pytest.approx(wanted, rel=1e-4)
    objectives = [
        phase(model, "discriminator").loss(batch_of(images)).objective.item()
        for model in (with_penalty, without)
    ]
    assert objectives[0] - objectives[1] == pytest.approx(0.5 * 0.8 * wanted, rel=1e-3)


def test_an_undecided_discriminator_costs_ln_2() -> None:
    zero = torch.zeros(5, 1)
    assert discriminator_loss(zero, zero).item() == pytest.approx(math.log(2))
    assert generator_loss(zero).item() == pytest.approx(math.log(2))
    # Logits far out stay finite, where log(sigmoid) would not.
    far = torch.full((5, 1), 200.0)
    assert discriminator_loss(-far, far).item() == pytest.approx(200.0)
    assert generator_loss(-far).item() == pytest.approx(200.0)
