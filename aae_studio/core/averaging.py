"""Weight averaging: the running mean of a model's weights, which holds still where the weights swing.

Training never looks at it. Polyak and Juditsky (1992) average the iterates of stochastic gradient descent;
for adversarial training Karras et al. (arXiv 1710.10196) and Yazıcı et al. (arXiv 1806.04498) show an
exponential mean, as it is here.
"""

from __future__ import annotations

import math

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aae_studio.core.models.base import Model

# A pass over all weights costs as much as half an update; among the steps that count there are so many.
PASSES = 10


def begin(model: Model) -> None:
    """Let `model.average` be the weights as they are."""
    networks = nn.ModuleDict(model.networks)
    model.average = AveragedModel(networks, use_buffers=True)
    model.average.requires_grad_(False)
    # Its first update copies, and all later ones move the mean.
    model.average.update_parameters(networks)


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
        decay = (1 - share) ** stride
        model.average.multi_avg_fn = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        model.average.update_parameters(nn.ModuleDict(model.networks))
