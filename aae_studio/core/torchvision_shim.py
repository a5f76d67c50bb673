"""torchvision beside a CPU build of torch.

torchvision's wheel registers fake versions of its native operators `nms` and `qnms` when it is imported.
Beside a torch that its native library does not fit, those operators are missing and the import
fails, although datasets and transforms need none of them. Declaring the operators first mends it.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import torch

# The library is kept: its operators vanish with it.
_declared: Any = None


def load(module: str) -> ModuleType:
    """Import a part of torchvision, for instance `torchvision.datasets`. Raises ImportError."""
    global _declared
    try:
        return importlib.import_module(module)
    except RuntimeError as fault:
        if "torchvision::" not in str(fault):
            raise ImportError(str(fault)) from fault
    if _declared is None:
        _declared = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        _declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    try:
        return importlib.import_module(module)
    except RuntimeError as fault:
        raise ImportError(str(fault)) from fault
