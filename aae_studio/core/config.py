"""ExperimentConfig: everything that decides the outcome of an experiment, frozen and checked."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aae_studio.core.corruption import KINDS, Corruption
from aae_studio.core.errors import ConfigError, StudioError, UnknownName
from aae_studio.core.options import Option, Value, resolved
from aae_studio.core.registry import DATASETS, MODELS, PRIORS, Registry

OPTIONS: tuple[Option, ...] = (
    Option(
        "learning_rate",
        "Learning rate",
        1e-3,
        "Step size of Adam. Too small: nothing moves. Too large: the losses jump or blow up.",
        minimum=1e-7,
        maximum=1e4,
        live=True,
        logarithmic=True,
    ),
    Option(
        "rate_decay",
        "Rate decay",
        0.0,
        "The learning rate falls as 1/√(1 + decay · step / 1000) from what it is at step 0. 0: it stays.",
        minimum=0.0,
        maximum=100.0,
        live=True,
        rare=True,
    ),
    Option(
        "averaging",
        "Averaged steps",
        100,
        "Pictures, figures and saved models are not made with the newest weights but with their running "
        "mean, over about so many of the last steps and at most a tenth of all steps: it holds still where "
        "the weights swing. Training does not look at it. A step that is taken by itself or looked into "
        "shows the weights, and the mean begins anew. 0: always the weights.",
        minimum=0,
        maximum=10_000,
        live=True,
        rare=True,
    ),
    Option(
        "batch_size",
        "Batch",
        128,
        "Images per training step; every model gets the same ones.",
        minimum=2,
        maximum=65536,
        logarithmic=True,
    ),
    Option(
        "latent_size",
        "Latent size",
        2,
        "Numbers in a code. With more than two, the canvas shows a plane through the latent space.",
        minimum=1,
        maximum=128,
    ),
    Option(
        "network",
        "Network",
        "mlp",
        "mlp: fully connected layers. conv: two convolutions down, two up.",
        choices=("mlp", "conv"),
    ),
    Option(
        "hidden",
        "Hidden layers",
        (256, 256),
        "Widths of the hidden layers of the encoder, mirrored in the decoder.",
        minimum=1,
        maximum=8192,
    ),
    Option(
        "activation",
        "Activation",
        "gelu",
        "What follows each hidden layer of encoders and decoders. gelu: smooth; learns more from as many "
        "images. relu: the papers', and the fastest. tanh: between −1 and 1. Discriminators have relu.",
        choices=("gelu", "relu", "tanh"),
        rare=True,
    ),
    Option(
        "inputs",
        "Inputs",
        "standardised",
        "What encoders are given. standardised: images less the mean training image, by the deviation of all "
        "pixels, from which they learn sooner. plain: images as they are, from 0 to 1.",
        choices=("standardised", "plain"),
        rare=True,
    ),
    Option(
        "encoder_norm",
        "Encoder norm",
        "none",
        "batch: each feature of the encoder has mean 0 and variance 1 within a batch (batch normalisation). "
        "Helps a model find classes or clusters.",
        choices=("none", "batch"),
        rare=True,
    ),
    Option(
        "reconstruction",
        "Reconstruction",
        "mse",
        "mse: squared error per pixel. bernoulli: cross-entropy in nats per image.",
        choices=("mse", "bernoulli"),
    ),
    Option(
        "noise",
        "Input noise",
        "gaussian",
        "What corrupts the images that encoders see; the clean ones are to be reconstructed (denoising "
        "autoencoder). gaussian: added. salt-pepper: pixels made white or black. mask: pixels made black. "
        "affine: the image turned, stretched, sheared and shifted.",
        choices=KINDS,
        live=True,
    ),
    Option(
        "noise_strength",
        "Noise strength",
        0.0,
        "gaussian: its standard deviation, where white is 1. salt-pepper, mask: the share of pixels that are "
        "changed. affine: at 1 the standard deviation of the turn is 29°, of the shift a tenth of the side. "
        "0: no noise.",
        minimum=0.0,
        maximum=1.0,
        live=True,
    ),
    Option(
        "device",
        "Device",
        "cpu",
        "Where training runs. The latent canvas always decodes on the CPU.",
        choices=("cpu", "cuda", "mps"),
    ),
    Option(
        "precision",
        "Precision",
        "auto",
        "auto: bfloat16 where the processor is fast at it, else float32.",
        choices=("auto", "float32", "bfloat16"),
        rare=True,
    ),
)


@dataclass(frozen=True)
class ExperimentConfig:
    """A complete experiment. Equal configurations give equal curves on the same machine.

    `options` holds what plug-ins declare, keyed `plugin.option`, for instance `vae.beta`.
    Raises ConfigError, which names the field, or UnknownName on construction.
    """

    dataset: str = "digits"
    prior: str = "gaussian"
    models: tuple[str, ...] = ("ae", "vae", "aae")
    seed: int = 0
    learning_rate: float = 1e-3
    rate_decay: float = 0.0
    averaging: int = 100
    batch_size: int = 128
    latent_size: int = 2
    network: str = "mlp"
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "gelu"
    inputs: str = "standardised"
    encoder_norm: str = "none"
    reconstruction: str = "mse"
    noise: str = "gaussian"
    noise_strength: float = 0.0
    device: str = "cpu"
    precision: str = "auto"
    options: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for option in OPTIONS:
            object.__setattr__(self, option.name, option.checked(getattr(self, option.name)))
        seed = Option("seed", "Seed", 0, "", minimum=0, maximum=2**31 - 1)
        object.__setattr__(self, "seed", seed.checked(self.seed))
        object.__setattr__(self, "models", tuple(self.models))
        object.__setattr__(self, "options", dict(self.options))
        if not self.models:
            raise ConfigError("models", "choose at least one model.")
        if len(set(self.models)) != len(self.models):
            raise ConfigError("models", "a model is named twice.")
        for registry, name in self.plugins():
            if not isinstance(name, str) or name not in registry.names():
                raise UnknownName(registry.kind, str(name), registry.names())

        known = [name for registry in (DATASETS, PRIORS, MODELS) for name in registry.names()]
        for key in self.options:
            if key.partition(".")[0] not in known or "." not in key:
                raise UnknownName("option", key, [name + "." for name in known])

    def plugins(self) -> tuple[tuple[Registry, str], ...]:
        """The registry and name of each plug-in that takes part."""
        chosen = [(DATASETS, self.dataset), (PRIORS, self.prior)]
        return (*chosen, *((MODELS, name) for name in self.models))

    @property
    def corruption(self) -> Corruption:
        """What encoders are given corrupted images by."""
        return Corruption(self.noise, self.noise_strength)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate / math.sqrt(1 + self.rate_decay * step / 1000)

    def options_of(self, name: str, declared: tuple[Option, ...]) -> dict[str, Value]:
        """All options that the plug-in `name` declares, with their values. Raises ConfigError."""
        return resolved(name, declared, self.options)

    def with_(self, **changes: Any) -> Self:
        """A changed copy; a key `plugin.option` (given through `**{}`) goes into `options`."""
        fields = {key: value for key, value in changes.items() if "." not in key}
        options = {key: value for key, value in changes.items() if "." in key}
        merged = {**fields.pop("options", self.options), **options}
        return dataclasses.replace(self, **fields, options=merged)

    def to_json(self) -> str:
        """As JSON; `from_json` gives back an equal configuration."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote. Raises StudioError when it is not that, naming the field."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise StudioError("This is not a configuration in JSON: {fault}", fault=fault) from None
        if not isinstance(values, dict):
            raise StudioError("This is not a configuration: it should be a JSON object.")
        known = {item.name for item in dataclasses.fields(cls)}
        for key in values:
            if key not in known:
                raise UnknownName("option", key, known)
        options = values.get("options", {})
        models = values.get("models", [])
        if not isinstance(options, dict):
            raise ConfigError("options", "should be a JSON object.")
        if not isinstance(models, list) or not all(isinstance(name, str) for name in models):
            raise ConfigError("models", "should be a list of names.")
        # JSON has lists where the options have tuples.
        values["options"] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in options.items()
        }
        return cls(**values)
