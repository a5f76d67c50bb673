"""Losses and gradients beside pythae's, where definitions agree. Needs pythae, which is no dependency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("pythae", reason="pythae is not installed; it is only compared with")

from pythae.models import AE, VAE, Adversarial_AE, Adversarial_AE_Config, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.experiment import Experiment
from aae_studio.core.models.base import Batch, Model

PIXELS = 64
SHAPE = {"input_dim": (1, 8, 8), "latent_dim": 2}


class TheirEncoder(BaseEncoder):
    """Our encoder as pythae calls one."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> ModelOutput:
        if self.network.log_variance is None:
            # What pythae multiplies by 0 for a deterministic posterior.
            codes = self.network(images)
            return ModelOutput(embedding=codes, log_covariance=torch.zeros_like(codes))
        mean, log_variance = self.network.posterior(images)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class TheirDecoder(BaseDecoder):
    """Our decoder as pythae calls one."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, codes: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(codes).sigmoid())


class TheirDiscriminator(BaseDiscriminator):
    """Our discriminator as pythae calls one: it answers with probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, codes: Tensor) -> ModelOutput:
        return ModelOutput(embedding=self.network(codes).sigmoid())


def built(name: str, tmp_path, **options: Any) -> tuple[Model, Batch]:
    config = ExperimentConfig(models=(name,), hidden=(32, 16), batch_size=64, precision="float32", **options)
    experiment = Experiment(config, Digits(tmp_path))
    for _ in zip(range(20), experiment.run(), strict=False):
        pass
    model = experiment.models[name]
    model.reseed(experiment.step)
    return model, experiment.batches.of_step(experiment.step)


def agree(ours: Tensor, theirs: Tensor, model: Model, networks: tuple[str, ...]) -> None:
    """The same number, and the same gradients of these networks."""
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    for network in networks:
        weights = list(model.networks[network].parameters())
        mine = torch.autograd.grad(ours, weights, retain_graph=True)
        other = torch.autograd.grad(theirs, weights, retain_graph=True)
        for one, two in zip(mine, other, strict=True):
            assert one.norm() > 0
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5 * float(two.abs().max()))


def given(monkeypatch: pytest.MonkeyPatch, *drawn: Tensor) -> Callable[..., Tensor]:
    """Let pythae draw these numbers, in this order."""
    waiting = list(drawn)
    monkeypatch.setattr(torch, "randn_like", lambda *_, **__: waiting.pop(0).clone())


def test_the_autoencoder(tmp_path):
    model, batch = built("ae", tmp_path)
    theirs = AE(
        AEConfig(**SHAPE),
        TheirEncoder(model.networks["encoder"]),
        TheirDecoder(model.networks["decoder"]),
    )
    ours = model.phases[0].loss(batch).objective
    agree(PIXELS * ours, theirs({"data": batch.images}).loss, model, ("encoder", "decoder"))


@pytest.mark.parametrize("kind", ["mse", "bernoulli"])
def test_the_variational_autoencoder(kind, tmp_path, monkeypatch):
    model, batch = built("vae", tmp_path, reconstruction=kind, options={"vae.pixel_sigma": 1.0})
    config = VAEConfig(**SHAPE, reconstruction_loss="mse" if kind == "mse" else "bce")
    theirs = VAE(config, TheirEncoder(model.networks["encoder"]), TheirDecoder(model.networks["decoder"]))
    noise = model.noise_like(torch.empty(len(batch), 2))
    model.reseed(model.step)
    ours = model.phases[0].loss(batch).objective
    given(monkeypatch, noise)
    agree(PIXELS * ours, theirs({"data": batch.images}).loss, model, ("encoder", "decoder"))


def test_the_adversarial_autoencoder(tmp_path, monkeypatch):
    model, batch = built("aae", tmp_path, options={"aae.r1": 0.0})
    config = Adversarial_AE_Config(**SHAPE, deterministic_posterior=True, adversarial_loss_scale=0.5)
    theirs = Adversarial_AE(
        config,
        TheirEncoder(model.networks["encoder"]),
        TheirDecoder(model.networks["decoder"]),
        TheirDiscriminator(model.networks["discriminator"]),
    )
    reconstruction, discriminator, generator = (phase.loss for phase in model.phases)
    model.reseed(model.step)
    mine = [loss(batch) for loss in (reconstruction, discriminator, generator)]
    model.reseed(model.step)
    given(monkeypatch, torch.zeros(len(batch), 2), model.prior_codes(len(batch)))
    answer = theirs({"data": batch.images})
    # pythae halves the squared error and adds the two halves of D's loss up.
    agree(0.5 * PIXELS * mine[0].objective, answer.recon_loss, model, ("encoder", "decoder"))
    agree(2 * mine[1].objective, answer.discriminator_loss, model, ("discriminator",))
    fooling = mine[2].figures["generator"]
    agree(0.5 * fooling + answer.recon_loss, answer.autoencoder_loss, model, ("encoder", "decoder"))
