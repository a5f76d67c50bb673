"""Perceptrons by hand: what a network's layers put out, in float64 and without torch's own functions."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from torch import nn

Array = npt.NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(values: Array) -> Array:
    """x Φ(x), Φ the distribution function of a standard normal number (Hendrycks and Gimpel, 2016)."""
    return values * 0.5 * (1 + _erf(values / math.sqrt(2)))


def relu(values: Array) -> Array:
    return np.maximum(values, 0)


FUNCTIONS = {nn.GELU: gelu, nn.ReLU: relu, nn.Tanh: np.tanh}


def layers(network: nn.Module, values: Array) -> list[Array]:
    """What each linear layer of a perceptron makes of rows (n, features), after the function behind it."""
    values, found = np.asarray(values, np.float64), []
    for part in network.modules():
        if isinstance(part, nn.Linear):
            weight, bias = (array.detach().double().numpy() for array in (part.weight, part.bias))
            values = values @ weight.T + bias
            found.append(values)
        elif type(part) in FUNCTIONS:
            values = found[-1] = FUNCTIONS[type(part)](values)
    return found


def standardised(encoder: nn.Module, images: Array) -> Array:
    """What the layers of an encoder are given of images (n, C, H, W), by the scale among its weights."""
    mean, deviation = encoder.state_dict()["trunk.pixel_mean"], encoder.state_dict()["trunk.pixel_deviation"]
    return (images.astype(np.float64) - mean.double().numpy()) / deviation.item()


def through(network: nn.Module, values: Array) -> Array:
    """What the last layer puts out."""
    return layers(network, values)[-1]
