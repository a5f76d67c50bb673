"""Optimisers that do without torch's compiler do what torch's own do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from aae_studio.core.compiler_shim import Adam

ROOT = Path(__file__).parents[2]


def trained(kind: type[torch.optim.Optimizer], fused: bool) -> list[torch.Tensor]:
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(5, 3)), torch.nn.Parameter(torch.randn(3))]
    optimiser = kind(weights, lr=1e-2, betas=(0.5, 0.999), fused=fused)
    for step in range(20):
        optimiser.zero_grad()
        (torch.sin(weights[0] * step).sum(dim=0) * weights[1]).sum().backward()
        optimiser.step()
    return [weight.detach() for weight in weights]


def test_its_steps_are_those_of_torch_to_the_last_bit():
    for fused in (False, True):
        ours, theirs = trained(Adam, fused), trained(torch.optim.Adam, fused)
        assert all(torch.equal(left, right) for left, right in zip(ours, theirs, strict=True))


def test_its_step_leaves_no_trace_for_gradients():
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = Adam([weight])
    (weight * 2).sum().backward()
    optimiser.step()
    assert weight.is_leaf
    assert torch.is_grad_enabled()


def test_training_looking_saving_and_restoring_never_import_the_compiler(tmp_path):
    code = f"""
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import numpy as np
from aae_studio.core import activations, fields, paths, session, walk
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.history import History
config = ExperimentConfig(models=("ae", "vae", "gan", "aae"), hidden=(8,))
experiment = Experiment(config, load_dataset(config, Path()))
history, steps = History(), experiment.run()
history.append([next(steps) for _ in range(3)])
snapshot = experiment.snapshot()
frozen, codes = snapshot.models["aae"], np.eye(2, dtype=np.float32)
snapshot.figures("aae")
fields.stretch(frozen, codes, np.eye(2))
fields.forces(frozen, snapshot.probe_images[:5], np.zeros(5))
fields.verdicts(frozen, codes)
paths.model_geodesic(frozen, *codes, 4)
activations.of_code(frozen, codes[0])
walk.walk_step(experiment, "aae")
session.save(Path({str(tmp_path / "run")!r}), experiment, history)
again, _ = session.restore(Path({str(tmp_path / "run")!r}), Path())
next(again.run())
print([name for name in ("torch._dynamo", "torch._inductor", "sympy", "networkx") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]"), done.stdout
