"""Device, precision and threads."""

from __future__ import annotations

import os
import sys
import threading
from itertools import islice

import numpy as np
import psutil
import pytest
import torch

from aae_studio.core import compute
from aae_studio.core.errors import ConfigError

STEPS = 50


@pytest.fixture
def losses(build):
    """The curves of fifty steps at a precision, as {(model, curve): values}."""

    def run(precision: str, **changes: object) -> dict[tuple[str, str], np.ndarray]:
        experiment = build(
            models=("ae", "vae", "gan", "aae"), hidden=(32, 24), batch_size=24, precision=precision, **changes
        )
        reports = [report.losses for report in islice(experiment.run(), STEPS)]
        return {
            (name, curve): np.array([report[name][curve] for report in reports])
            for name, figures in reports[0].items()
            for curve in figures
        }

    return run


@pytest.mark.parametrize("reconstruction", ["mse", "bernoulli"])
def test_bfloat16_stays_near_float32(losses, reconstruction: str) -> None:
    exact, rounded = (
        losses(precision, reconstruction=reconstruction) for precision in ("float32", "bfloat16")
    )
    for key, wanted in exact.items():
        given = rounded[key]
        name, curve = key
        if curve == "kl":
            # A difference that starts at 0.
            np.testing.assert_allclose(given, wanted, rtol=0.05, atol=0.01, err_msg=str(key))
        else:
            np.testing.assert_allclose(given, wanted, rtol=0.05, err_msg=str(key))
            assert abs(given.mean() / wanted.mean() - 1) < 0.01, key
        assert name in ("ae", "vae", "gan", "aae")


def test_bfloat16_figures_are_not_rounded_to_three_digits(losses) -> None:
    """Networks may run in bfloat16, but losses are computed in float32."""
    for key, values in losses("bfloat16").items():
        as_bfloat16 = torch.from_numpy(values).bfloat16().double().numpy()
        assert (values == as_bfloat16).mean() < 0.2, key


def test_precision_is_a_matter_of_training_only(build) -> None:
    experiment = build(precision="bfloat16")
    next(experiment.run())
    for model in experiment.models.values():
        for network in model.networks.values():
            assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    decoded = experiment.snapshot().models["ae"].decode(np.zeros((1, 2)))
    assert decoded.dtype == np.float32


def test_choose_precision(monkeypatch) -> None:
    cpu = torch.device("cpu")
    assert compute.choose_precision("float32", cpu) == torch.float32
    assert compute.choose_precision("bfloat16", cpu) == torch.bfloat16
    for fast, wanted in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(compute, "_measured", {"cpu": fast})
        assert compute.choose_precision("auto", cpu) == wanted
    monkeypatch.setattr(compute, "_measured", {})
    first = compute.choose_precision("auto", cpu)
    assert first in (torch.float32, torch.bfloat16)
    assert compute.choose_precision("auto", cpu) == first


@pytest.mark.parametrize(("halves", "wanted"), [(0.2, torch.bfloat16), (0.8, torch.float32)])
def test_a_busy_machine_does_not_change_the_precision(
    monkeypatch, halves: float, wanted: torch.dtype
) -> None:
    """Nine of ten products are interrupted; float32 takes 0.9, bfloat16 `halves`."""
    interrupted = np.random.default_rng(0).exponential(30.0, 2 * compute.PROBES)
    interrupted[4::20] = interrupted[9::20] = 0.0
    lengths = np.tile([0.9, halves], compute.PROBES) + interrupted
    readings = iter(np.repeat(lengths.cumsum(), 2)[:-1].tolist())
    times = iter([0.0, *readings])
    monkeypatch.setattr(compute, "_measured", {})
    monkeypatch.setattr(compute.time, "perf_counter", lambda: next(times))
    assert compute.choose_precision("auto", torch.device("cpu")) == wanted


def test_choose_device(monkeypatch) -> None:
    assert compute.choose_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "mps"):
        with pytest.raises(ConfigError, match=rf"device: this machine .* has no {name}\.") as fault:
            compute.choose_device(name)
        assert fault.value.field == "device"


def test_an_experiment_on_a_missing_device_is_refused(build, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="has no cuda"):
        build(device="cuda")


def test_threads() -> None:
    assert 1 <= compute.training_threads() <= compute.MOST_THREADS
    before = torch.get_num_threads()
    try:
        compute.use_threads(2)
        assert torch.get_num_threads() == 2
        compute.use_threads(0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_lower_priority_is_for_the_calling_thread_alone() -> None:
    seen = []

    def work() -> None:
        compute.lower_priority(15)
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [15]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's own")
def test_memory_is_returned_to_the_system() -> None:
    """Many small pieces, which the C library would keep; the last one lies above all others."""
    process = psutil.Process()
    before = process.memory_info().rss
    pieces = [bytearray(60_000) for _ in range(2_000)]
    held = process.memory_info().rss - before
    top = bytearray(60_000)
    del pieces
    compute.return_memory()
    assert process.memory_info().rss - before < held / 2
    assert len(top) == 60_000
