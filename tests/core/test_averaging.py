"""Weight averaging: the mean itself, by independent arithmetic, and that training never looks at it."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from aae_studio.core import averaging
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import ConfigError
from aae_studio.core.experiment import Experiment
from aae_studio.core.joining import Joining
from aae_studio.core.models.base import Model

Weights = dict[str, np.ndarray]


def held(networks: dict[str, torch.nn.Module]) -> Weights:
    """A copy of all that the networks hold, also what sessions do not keep."""
    return {
        f"{name}.{key}": value.detach().double().numpy().copy()
        for name, network in networks.items()
        for key, value in (*network.named_parameters(), *network.named_buffers())
    }


def averaged(rows: list[Weights], span: int) -> Weights:
    """Of the weights after steps 1, 2, 3, …: each new one counts a `span`th, and in a short training as much
    as TensorFlow's ExponentialMovingAverage has it with `num_updates`."""
    mean = rows[0]
    for step, row in enumerate(rows[1:], 2):
        decay = min(1 - 1 / span, (1 + step) / (10 + step))
        mean = {key: decay * old + (1 - decay) * row[key] for key, old in mean.items()}
    return mean


@pytest.mark.parametrize(
    ("span", "changes"),
    [
        (1, {}),
        (7, {}),
        (19, {"encoder_norm": "batch"}),
        (100, {}),
        (100, {"models": ("gan",), "network": "conv"}),
    ],
)
def test_the_mean_is_that_of_the_weights_after_each_step(build, span: int, changes: dict[str, Any]) -> None:
    """To the rounding, as long as no step is left out."""
    experiment = build(**{"models": ("aae",), "averaging": span, **changes})
    rows: dict[str, list[Weights]] = {name: [] for name in experiment.models}
    for _ in islice(experiment.run(), 130):
        for name, model in experiment.models.items():
            rows[name].append(held(model.networks))
    for name, model in experiment.models.items():
        found, wanted = held(model.shown), averaged(rows[name], span)
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            np.testing.assert_allclose(found[key], value, rtol=2e-5, atol=1e-6, err_msg=key)
        if span == 1:
            assert all(np.array_equal(found[key], rows[name][-1][key]) for key in found)


@pytest.mark.parametrize("span", [30, 100, 300])
def test_it_holds_still_where_the_weights_swing(span: int) -> None:
    """They go from 0 to 7 in a span, and swing by 1, as long in one direction as is left out at most."""
    network = torch.nn.Linear(400, 10, bias=False)
    model: Any = SimpleNamespace(networks={"encoder": network}, average=None)
    draw, exact = torch.Generator().manual_seed(0), torch.zeros(())
    for step in range(1, 12 * span):
        with torch.no_grad():
            if step % max(1, span // 10) == 1 % max(1, span // 10):
                swing = torch.randn(network.weight.shape, generator=draw)
            network.weight.copy_(min(step / span, 1.0) * 7.0 + swing)
        share = max(1 / span, 9 / (10 + step))
        exact = exact + (network.weight.detach() - exact) * (share if step > 1 else 1.0)
        averaging.follow(model, step, span)
        found = model.average.module["encoder"].weight
        # By less than the swing that is left: from step to step as well as in all.
        assert (found - exact).square().mean().sqrt() < 0.35, step
        if step > 9 * span:
            assert found.std() < 0.4
            assert found.mean() == pytest.approx(7.0, abs=0.1)


def test_a_model_may_count() -> None:
    """As torch's batch normalisation does, in whole numbers."""
    network = torch.nn.BatchNorm1d(3)
    model: Any = SimpleNamespace(networks={"encoder": network}, average=None)
    for step in range(1, 6):
        network(torch.randn(4, 3))
        averaging.follow(model, step, 100)
    mean = model.average.module["encoder"]
    assert 0 < mean.num_batches_tracked <= network.num_batches_tracked == 5
    assert not torch.equal(mean.running_mean, network.running_mean)


def test_training_does_not_look_at_it(build) -> None:
    seen = []
    for span in (0, 1, 100):
        experiment = build(models=("ae", "aae", "gan"), averaging=span)
        losses = [report.losses for report in islice(experiment.run(), 25)]
        seen.append((losses, {name: held(model.networks) for name, model in experiment.models.items()}))
    for losses, weights in seen[1:]:
        assert losses == seen[0][0]
        for name, wanted in seen[0][1].items():
            assert all(np.array_equal(weights[name][key], value) for key, value in wanted.items())


def shown(experiment: Experiment, name: str = "ae") -> Weights:
    return held(experiment.snapshot().models[name].model.networks)


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_a_snapshot_shows_the_mean_or_the_weights_themselves(build) -> None:
    experiment = build(models=("ae",))
    model: Model = experiment.models["ae"]
    assert same(shown(experiment), held(model.networks)), "before the first step there is no mean"
    list(islice(experiment.run(), 20))
    assert model.average is not None
    assert not same(held(model.shown), held(model.networks))
    assert same(shown(experiment), held(model.shown))
    # Into the copy that was used before.
    experiment.forget_averages()
    assert same(shown(experiment), held(model.networks))
    list(islice(experiment.run(), 9))
    assert not same(shown(experiment), held(model.networks)), "it has begun anew"
    kept = experiment.snapshot().models["ae"]
    before = held(kept.model.networks)
    list(islice(experiment.run(), 5))
    assert same(held(kept.model.networks), before), "a snapshot does not change any more"
    assert kept.model.average is None
    assert not any(weight.requires_grad for weight in model.average.parameters())


def test_it_can_be_left_and_begun_while_training(build) -> None:
    experiment = build(models=("ae",))
    list(islice(experiment.run(), 20))
    for span, steps in ((0, 3), (50, 1)):
        config = experiment.config.with_(averaging=span)
        assert experiment.accepts_live(config)
        experiment.change(config)
        list(islice(experiment.run(), steps))
        assert same(shown(experiment), held(experiment.models["ae"].networks))
    list(islice(experiment.run(), 3))
    assert not same(shown(experiment), held(experiment.models["ae"].networks))


def test_who_joins_has_the_mean_that_it_would_have_had(build) -> None:
    together = build(models=("ae", "vae"))
    list(islice(together.run(), 15))
    experiment = build(models=("ae",))
    history: Any = type("Nowhere", (), {"join": lambda self, other: None})()
    list(islice(experiment.run(), 15))
    joining = Joining(experiment, experiment.config).adapted(experiment.config.with_(models=("ae", "vae")))
    while joining.arrived is None:
        joining.take_step()
    joining.admit("vae", history)
    assert same(shown(experiment, "vae"), shown(together, "vae"))
    # One that leaves and comes back goes on with its own.
    leaving = Joining(experiment, experiment.config).adapted(experiment.config.with_(models=("ae",)))
    leaving.part()
    experiment.change(experiment.config.with_(models=("ae",)))
    for each in (together, experiment):
        list(islice(each.run(), 4))
    coming = leaving.adapted(experiment.config.with_(models=("ae", "vae")))
    while coming.arrived is None:
        coming.take_step()
    coming.admit("vae", history)
    assert same(shown(experiment, "vae"), shown(together, "vae"))


@pytest.mark.parametrize("wrong", [-1, 0.5, "many"])
def test_a_span_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="averaging"):
        ExperimentConfig(averaging=wrong)
