"""Weight averaging: the running mean of a model's weights, which holds still where the weights swing.

Training never looks at it. Polyak and Juditsky (1992) average the iterates of stochastic gradient descent;
for adversarial training Karras et al. (arXiv 1710.10196) and Yazıcı et al. (arXiv 1806.04498) show an
exponential mean, as it is here.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from aae_studio.core.models.base import Model

Networks = dict[str, nn.Module]
# A pass over all weights costs as much as half an update; among the steps that count there are so many.
PASSES = 10


def begin(model: Model) -> None:
    """Let `model.average` be the weights as they are."""
    model.average = {
        name: copy.deepcopy(network).requires_grad_(False) for name, network in model.networks.items()
    }


def follow(model: Model, step: int, span: int) -> None:
    """Let `model.average` follow the weights after a step, as a mean over about the last `span` steps.

    `step` ≥ 1: how many have been taken. `span` ≥ 1; as long as a tenth of all steps is less, that tenth
    counts, or the first steps, which are soon of no use, would be seen for long.
    """
    if model.average is None:
        begin(model)
        return
    share = max(1 / span, 9 / (10 + step))
    # A power of two, so that a longer stride goes on where a shorter one ends.
    stride = 1 << int(math.log2(max(1.0, 1 / (share * PASSES))))
    if step % stride == 0:
        _approach(weights(model.average), weights(model.networks), 1 - (1 - share) ** stride)


def _approach(means: list[Tensor], newest: list[Tensor], share: float) -> None:
    """Move the means by a share of the way to what is newest."""
    numbers = [place for place, mean in enumerate(means) if mean.is_floating_point()]
    with torch.no_grad():
        torch._foreach_lerp_([means[place] for place in numbers], [newest[place] for place in numbers], share)
        # A count has no mean.
        for place in set(range(len(means))) - set(numbers):
            means[place].copy_(newest[place])


def weights(networks: Networks) -> list[Tensor]:
    """All that networks hold, parameters and buffers, in one order."""
    return [held for network in networks.values() for held in (*network.parameters(), *network.buffers())]
