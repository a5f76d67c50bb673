"""Optimisers without torch's compiler.

torch has its optimisers tell its compiler what not to compile, and imports the compiler to do so at their
first call: more than a second, a thousand modules and 70 MB, although nothing is compiled here. Saying
beforehand that a method stands for itself spares the import; Adam's step needs gradients off, no more.
"""

from __future__ import annotations

import inspect
import sys

import torch
from torch.optim import Optimizer

METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def spare_compiler() -> None:
    """Spare its import for all optimisers; where it is there already, there is nothing to spare."""
    if "torch._dynamo" in sys.modules:
        return
    for name in METHODS:
        plain = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if plain is not None and not hasattr(plain, "__dynamo_disable"):
            plain.__dynamo_disable = plain


spare_compiler()


class Adam(torch.optim.Adam):
    """torch's Adam, which is not differentiated through."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
