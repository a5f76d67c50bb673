"""Checks of the models' arithmetic against written-out float64, and of what each phase moves."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.experiment import Experiment
from aae_studio.core.models.base import Batch, Model, Phase
from aae_studio.core.networks import Encoder
from aae_studio.core.registry import MODELS
from aae_studio.core.reproduction.laboratory import Laboratory

Array = npt.NDArray[np.float64]
SMALL = ExperimentConfig(hidden=(48, 32), batch_size=64, precision="float32")


def _relu(values: Array) -> tuple[Array, Array]:
    """The activation, and its derivative."""
    return np.maximum(values, 0), (values > 0).astype(np.float64)


def _gelu(values: Array) -> tuple[Array, Array]:
    """The same: x Φ(x), and Φ(x) + x φ(x)."""
    share = 0.5 * (1 + np.vectorize(math.erf)(values / math.sqrt(2)))
    return values * share, share + values * np.exp(-(values**2) / 2) / math.sqrt(2 * math.pi)


FUNCTIONS = {"relu": _relu, "gelu": _gelu}


class Dense:
    """A multilayer perceptron, from a network's linear layers, forward and backward in float64."""

    def __init__(self, layers: list[nn.Linear], activation: str, last_active: bool = False) -> None:
        self.layers, self.active, self.last_active = layers, FUNCTIONS[activation], last_active
        self.weights = [layer.weight.detach().numpy().astype(np.float64) for layer in layers]
        self.biases = [layer.bias.detach().numpy().astype(np.float64) for layer in layers]

    def forward(self, inputs: Array) -> Array:
        """The output; what `backward` needs is kept."""
        self.inputs, self.slopes = [], []
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            self.inputs.append(inputs)
            inputs = inputs @ weight.T + bias
            slopes = np.ones_like(inputs)
            if place < len(self.weights) - 1 or self.last_active:
                inputs, slopes = self.active(inputs)
            self.slopes.append(slopes)
        return inputs

    def backward(self, slope: Array) -> tuple[list[Array], Array]:
        """Gradients of weights and biases, layer by layer, and the slope at the input."""
        found: list[Array] = []
        for weight, given, own in zip(self.weights[::-1], self.inputs[::-1], self.slopes[::-1], strict=True):
            slope = slope * own
            found = [slope.T @ given, slope.sum(axis=0), *found]
            slope = slope @ weight
        return found, slope

    def slope_penalty(self) -> tuple[float, list[Array]]:
        """Mean of |∇ output|² at the inputs of the last `forward`, and its gradients: R1 by hand.

        For ReLU, whose own derivative does not depend on the weights.
        """
        count = len(self.inputs[0])
        rows = [np.ones((count, 1))]
        for weight, mask in zip(self.weights[::-1], self.slopes[::-1], strict=True):
            rows.append((rows[-1] * mask) @ weight)
        penalty = float((rows[-1] ** 2).sum(axis=1).mean())
        slope, found = 2 * rows[-1] / count, []
        for place, (weight, mask) in enumerate(zip(self.weights, self.slopes, strict=True)):
            masked = rows[len(self.weights) - 1 - place] * mask
            found += [masked.T @ slope, np.zeros(len(weight))]
            slope = (slope @ weight.T) * mask
        return penalty, found


def _linear(network: nn.Module) -> list[nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]


def _sigmoid(logits: Array) -> Array:
    return 1 / (1 + np.exp(-logits))


def equivalence(lab: Laboratory) -> dict[str, float]:
    """The greatest relative difference of losses and gradients between the models and the arithmetic here."""
    differences: dict[str, float] = {}
    for activation in FUNCTIONS:
        config = SMALL.with_(models=("ae", "vae", "aae"), activation=activation, seed=lab.seed)
        experiment = Experiment(config, Digits(lab.data_dir))
        batch = experiment.batches.of_step(0)
        for name, check in (("ae", _autoencoder), ("vae", _variational), ("aae", _adversarial)):
            differences[f"{name}_difference_{activation}"] = max(check(experiment.models[name], batch))
    return differences | {"greatest_difference": max(differences.values())}


def _difference(phase: Phase, batch: Batch, loss: float, wanted: dict[nn.Linear, list[Array]]) -> list[float]:
    """How far a phase's loss and gradients are from these, each as a share of the greatest number."""
    objective = phase.loss(batch).objective
    found = [abs(objective.item() - loss) / abs(loss)]
    for layer, arrays in wanted.items():
        gradients = torch.autograd.grad(objective, [layer.weight, layer.bias], retain_graph=True)
        for gradient, array in zip(gradients, arrays, strict=True):
            given = gradient.numpy().astype(np.float64)
            found.append(float(np.abs(given - array).max() / max(np.abs(array).max(), 1e-12)))
    return found


def _paired(dense: Dense, arrays: list[Array]) -> dict[nn.Linear, list[Array]]:
    return {layer: arrays[2 * place : 2 * place + 2] for place, layer in enumerate(dense.layers)}


def _flat(batch: Batch) -> Array:
    return batch.images.flatten(1).numpy().astype(np.float64)


def _given(model: Model, batch: Batch) -> Array:
    """What the encoder's layers are given of a batch: images less their mean, by their deviation."""
    scale = model.setting.architecture.pixels
    assert scale is not None
    return (_flat(batch) - scale.mean.reshape(1, -1).astype(np.float64)) / scale.deviation


def _coder(model: Model) -> tuple[Dense, Dense]:
    """The deterministic encoder and the decoder."""
    encoder = model.networks["encoder"]
    assert isinstance(encoder, Encoder)
    active = model.setting.architecture.activation
    decoder = Dense(_linear(model.networks["decoder"]), active)
    return Dense([*_linear(encoder.trunk), encoder.mean], active), decoder


def _squared(model: Model, batch: Batch) -> tuple[float, dict[nn.Linear, list[Array]]]:
    """The squared error per pixel, by hand."""
    encoder, decoder = _coder(model)
    images = _flat(batch)
    pixels = _sigmoid(decoder.forward(encoder.forward(_given(model, batch))))
    slope = 2 * (pixels - images) * pixels * (1 - pixels) / images.size
    decoded, at_code = decoder.backward(slope)
    encoded, _ = encoder.backward(at_code)
    return float(((pixels - images) ** 2).mean()), _paired(encoder, encoded) | _paired(decoder, decoded)


def _autoencoder(model: Model, batch: Batch) -> list[float]:
    return _difference(model.phases[0], batch, *_squared(model, batch))


def _variational(model: Model, batch: Batch) -> list[float]:
    encoder = model.networks["encoder"]
    assert isinstance(encoder, Encoder)
    assert encoder.log_variance is not None
    active = model.setting.architecture.activation
    trunk = Dense(_linear(encoder.trunk), active, last_active=True)
    mean_head, variance_head = Dense([encoder.mean], active), Dense([encoder.log_variance], active)
    decoder = Dense(_linear(model.networks["decoder"]), active)
    model.reseed(0)
    noise = model.noise_like(torch.empty(len(batch), model.setting.architecture.latent_size)).numpy()
    model.reseed(0)
    images, count, beta = _flat(batch), len(batch), float(model.option["beta"])
    weight = 1 / (2 * float(model.option["pixel_sigma"]) ** 2)
    features = trunk.forward(_given(model, batch))
    mean, log_variance = mean_head.forward(features), variance_head.forward(features)
    spread = np.exp(log_variance / 2)
    pixels = _sigmoid(decoder.forward(mean + spread * noise))
    sigma = model.prior.sigma
    divergence = 0.5 * (
        (np.exp(log_variance) + mean**2) / sigma**2 - 1 - log_variance + 2 * np.log(sigma)
    ).sum(axis=1)
    loss = weight * ((pixels - images) ** 2).mean() + beta * divergence.mean() / images.shape[1]
    decoded, at_code = decoder.backward(2 * weight * (pixels - images) * pixels * (1 - pixels) / images.size)
    share = beta / (count * images.shape[1])
    means, from_mean = mean_head.backward(at_code + share * mean / sigma**2)
    variances, from_variance = variance_head.backward(
        at_code * noise * spread / 2 + share * 0.5 * (np.exp(log_variance) / sigma**2 - 1)
    )
    trunks, _ = trunk.backward(from_mean + from_variance)
    wanted = _paired(trunk, trunks) | _paired(mean_head, means)
    wanted |= _paired(variance_head, variances) | _paired(decoder, decoded)
    return _difference(model.phases[0], batch, float(loss), wanted)


def _adversarial(model: Model, batch: Batch) -> list[float]:
    found = _difference(model.phases[0], batch, *_squared(model, batch))
    encoder, _ = _coder(model)
    judge = Dense(_linear(model.networks["discriminator"]), "relu")
    model.reseed(0)
    sigma, count = model.prior.sigma, len(batch)
    real = model.prior_codes(count).numpy().astype(np.float64) / sigma
    model.reseed(0)
    fake = encoder.forward(_given(model, batch)) / sigma
    says_fake = judge.forward(fake)
    # -½ log(1 - D) has the slope ½ D in the logit.
    fakes, _ = judge.backward(0.5 * _sigmoid(says_fake) / count)
    loss = 0.5 * np.log1p(np.exp(says_fake)).mean()
    says_real = judge.forward(real)
    reals, _ = judge.backward(-0.5 * _sigmoid(-says_real) / count)
    loss += 0.5 * np.log1p(np.exp(-says_real)).mean()
    penalty, penalties = judge.slope_penalty()
    half = 0.5 * float(model.option["r1"])
    gradients = [a + b + half * c for a, b, c in zip(reals, fakes, penalties, strict=True)]
    wanted = _paired(judge, gradients)
    found += _difference(model.phases[1], batch, float(loss + half * penalty), wanted)
    weight = float(model.option["adversarial_weight"])
    says_fake = judge.forward(encoder.forward(_given(model, batch)) / sigma)
    _, at_code = judge.backward(-weight * _sigmoid(-says_fake) / count)
    encoded, _ = encoder.backward(at_code / sigma)
    loss = weight * np.log1p(np.exp(-says_fake)).mean()
    return found + _difference(model.phases[2], batch, float(loss), _paired(encoder, encoded))


def phases(lab: Laboratory) -> dict[str, float]:
    """Networks that a phase moved without naming them, those that it names and did not move, and the greatest
    gradient of a discriminator's phase in any other network, over all models."""
    strays, idle, gradient = 0, 0, 0.0
    for name in MODELS.names():
        alone: dict[str, Any] = {"models": (name,), "seed": lab.seed}
        for place in range(len(Experiment(SMALL.with_(**alone), Digits(lab.data_dir)).models[name].phases)):
            experiment = Experiment(SMALL.with_(**alone), Digits(lab.data_dir))
            model = experiment.models[name]
            # Also where the gradient would wait for a later phase.
            phase = replace(model.phases[place], updates=True)
            model.phases = (phase,)
            before = copy.deepcopy({key: part.state_dict() for key, part in model.networks.items()})
            experiment.train_step(name, experiment.batches.of_step(0))
            moved = {key for key, part in model.networks.items() if _moved(before[key], part.state_dict())}
            strays += len(moved - set(phase.trains))
            idle += len(set(phase.trains) - moved)
            if "discriminator" in phase.name:
                gradient = max(gradient, _leak(model, phase, experiment.batches.of_step(1)))
    return {"strays": float(strays), "idle": float(idle), "encoder_gradient": gradient}


def _moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> bool:
    return any(not torch.equal(before[key], after[key]) for key in after)


def _leak(model: Model, phase: Phase, batch: Batch) -> float:
    """The greatest gradient that a phase gives to networks that it does not name."""
    others = model.parameters(set(model.networks) - set(phase.trains))
    gradients = torch.autograd.grad(phase.loss(batch).objective, others, allow_unused=True)
    return max((float(part.abs().max()) for part in gradients if part is not None), default=0.0)
