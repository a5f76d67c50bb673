"""Device, precision and threads: how the arithmetic runs on this machine."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import os
import sys
import threading
import time

import psutil
import torch

from aae_studio.core.errors import ConfigError

# What small networks profit from; more threads wait for one another more than they work.
MOST_THREADS = 4
# Products in each precision, to see which is faster.
PROBES = 20


def available_devices() -> tuple[str, ...]:
    """Those of `cpu`, `cuda` and `mps` that this machine and this build of torch have."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    return tuple(name for name, has in there.items() if has)


def choose_device(name: str) -> torch.device:
    """The torch device called `cpu`, `cuda` or `mps`. Raises ConfigError where it is not there."""
    if name not in available_devices():
        raise ConfigError("device", "this machine (or this build of torch) has no {name}.", name=name)
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16; `auto` measures which of them multiplies matrices faster here."""
    if name == "auto":
        return torch.bfloat16 if _fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


_measured: dict[str, bool] = {}


def _fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is at least 1.5 times as fast as float32, measured once per process.

    Processors with instructions for it are 3 to 5 times as fast, GPUs 10 times, others slower, so that noise
    does not change the answer. Both take turns, and the least time of each counts: on a busy machine some are
    interrupted, but not all.
    """
    if device.type not in _measured:
        # A GPU has multiplied small matrices before it has been told to.
        rows, columns = (128, 512) if device.type == "cpu" else (4096, 4096)
        kinds = (torch.float32, torch.bfloat16)
        pairs = {
            kind: [torch.ones(size, columns, dtype=kind, device=device) for size in (rows, columns)]
            for kind in kinds
        }
        seconds = dict.fromkeys(kinds, math.inf)
        for kind in PROBES * kinds:
            start = time.perf_counter()
            left, right = pairs[kind]
            (left @ right).sum().item()
            seconds[kind] = min(seconds[kind], time.perf_counter() - start)
        _measured[device.type] = seconds[torch.float32] > 1.5 * seconds[torch.bfloat16]
    return _measured[device.type]


def use_threads(count: int) -> None:
    """Let torch work with this many threads when the calling thread asks it to."""
    torch.set_num_threads(max(1, count))


def training_threads(processes: int = 1) -> int:
    """Threads for training: one core is left to the interface, and at most four are used.

    A thread that waits for another one spins; where a core is taken from it, all stand still. Several
    processes that train on this machine divide its cores.
    """
    return max(1, min(MOST_THREADS, ((psutil.cpu_count(logical=False) or 1) - 1) // processes))


def lower_priority(nice: int) -> None:
    """Let the interface go first: lower the calling thread's priority, where the system allows it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


def return_memory() -> None:
    """Give memory that is not used any more back to the system, where the C library keeps it (glibc)."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
