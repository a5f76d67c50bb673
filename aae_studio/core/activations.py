"""Activations: what every layer of a model's networks makes of one image or one code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from aae_studio.core.networks import mean_images
from aae_studio.core.snapshot import FrozenModel

Array = npt.NDArray[np.float32]
# What follows a layer's weights counts as a part of it. Where an encoder standardises, a division follows the
# subtraction of the mean image.
FOLLOWING = (
    "div",
    *("batch_norm", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"),
    *("tanh", "sigmoid", "hardtanh", "hardsigmoid", "hardswish"),
)


@dataclass(frozen=True)
class Layer:
    """What one layer put out, after the function that follows its weights. `kind`: torch's name for it.

    `values`: float32, (n,) of a fully connected layer, (C, H, W) of a convolution.
    """

    network: str
    kind: str
    values: Array


@dataclass(frozen=True)
class Passage:
    """One image or code on its way through a model. Layers are in the order in which they were computed.

    `given`: `code` or `image`. `image`, (C, H, W) in [0, 1]: the one given, or what the given code was
    decoded to. `code`, (latent size,): the one given, or the image's. `back`: the way that leads back, the
    decoded image of the code, or the code that the decoded image is encoded to; None without encoder.
    """

    given: str
    image: Array
    code: Array
    back: Array | None
    layers: tuple[Layer, ...]

    def of(self, network: str) -> tuple[Layer, ...]:
        """One network's layers."""
        return tuple(layer for layer in self.layers if layer.network == network)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that were called, in their order."""
        return tuple(dict.fromkeys(layer.network for layer in self.layers))


def of_code(frozen: FrozenModel, code: npt.ArrayLike, condition: int = 0) -> Passage:
    """What becomes of a code (latent size,): it is decoded, and the image is encoded again and judged.

    `condition`: a place in `frozen.conditions`, where there are any.
    """
    model = frozen.model
    codes = torch.as_tensor(np.asarray(code, np.float32))[None]
    told = torch.eye(len(model.conditions))[condition][None] if model.conditions else None
    with torch.inference_mode(), _Layers(model.networks) as seen:
        image = model.decode(codes, told)
        back = model.encode(image)
        seen.complete()
        model.judged(codes, told)
    return Passage("code", _first(image), _first(codes), None if back is None else _first(back), seen.layers)


def of_image(frozen: FrozenModel, image: npt.ArrayLike, label: int = 0) -> Passage:
    """What becomes of an image (C, H, W) in [0, 1]: it is encoded, and its code is decoded and judged.

    `label`: for a model that is told the class. Only for a model with an encoder.
    """
    model = frozen.model
    images = torch.as_tensor(np.asarray(image, np.float32))[None]
    told = model.condition_of(images, torch.tensor([label]))
    with torch.inference_mode(), _Layers(model.networks) as seen:
        codes = model.encode(images)
        assert codes is not None
        back = model.decode(codes, told)
        seen.complete()
        model.judged(codes, told)
    return Passage("image", _first(images), _first(codes), _first(back), seen.layers)


class _Layers(TorchFunctionMode):
    """A context that sees what the weights of some networks are used for in this thread, and no other.

    Forward hooks would see every thread: snapshots are decoded in several at once.
    """

    def __init__(self, networks: dict[str, nn.Module]) -> None:
        super().__init__()
        # By identity; the networks hold their weights meanwhile.
        self._owners = {
            id(weight): name
            for name, network in networks.items()
            for weight in (*network.parameters(), *mean_images(network))
        }
        self._seen: list[tuple[str, str, Tensor]] = []
        self._complete: frozenset[str] = frozenset()

    def complete(self) -> None:
        """Look no more at the networks that were called so far: a GAN's judgement decodes once more."""
        self._complete = frozenset(network for network, _, _ in self._seen)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What was put out, of the first sample."""
        return tuple(Layer(network, kind, _first(values)) for network, kind, values in self._seen)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self._note(getattr(func, "__name__", ""), result, [*args, *(kwargs or {}).values()])
        return result

    def _note(self, kind: str, result: Tensor, given: list[Any]) -> None:
        owner = next(self._owned(given), None)
        if kind in FOLLOWING and self._seen and any(part is self._seen[-1][2] for part in given):
            network, layer, _ = self._seen[-1]
            self._seen[-1] = (network, layer, result)
        elif owner is None or owner in self._complete:
            return
        elif result.ndim > 1 and id(result) not in self._owners:
            self._seen.append((owner, kind, result))

    def _owned(self, given: list[Any]) -> Iterator[str]:
        return (self._owners[id(part)] for part in given if id(part) in self._owners)


def _first(tensor: Tensor) -> Array:
    """The first sample."""
    return tensor[0].detach().to("cpu", torch.float32, copy=True).numpy()
