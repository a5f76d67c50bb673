"""Walk: the step is the one that training takes, and what is written down of it is true."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import aae_studio.core.models
from aae_studio.core.errors import NonFinite
from aae_studio.core.experiment import Experiment
from aae_studio.core.registry import MODELS
from aae_studio.core.walk import SAMPLES, Call, PhaseWalk, Walk, rehearse, walk_phase, walk_step

VARIANTS = [
    *((name, {}) for name in MODELS.names()),
    *((name, {f"{name}.updates": "two-phase"}) for name in MODELS.names() if "aae" in name),
    ("aae", {"aae.posterior": "gaussian", "aae.discriminator_steps": 3}),
    ("aae", {"aae.posterior": "universal", "network": "conv"}),
    ("aae", {"aae.labels": 40, "prior": "mixture"}),
    ("vae", {"prior": "mixture"}),
    ("vae", {"precision": "bfloat16"}),
    ("semi_supervised_aae", {"encoder_norm": "batch"}),
]
IDS = ["-".join([name, *map(str, options.values())]) for name, options in VARIANTS]


def state(experiment: Experiment, name: str) -> list[Tensor]:
    """Everything that later steps depend on."""
    model = experiment.models[name]
    tensors = [*(t for network in model.networks.values() for t in network.state_dict().values())]
    for phase in model.phases:
        for kept in phase.optimizer.state_dict()["state"].values():
            tensors += [torch.as_tensor(value) for value in kept.values()]
    return [*(tensor.clone() for tensor in tensors), model.generator.get_state()]


def same(left: list[Tensor], right: list[Tensor]) -> bool:
    return len(left) == len(right) and all(map(torch.equal, left, right))


def weights(experiment: Experiment, name: str) -> dict[str, np.ndarray]:
    """All weights of each network, in float64."""
    return {
        part: np.concatenate([w.detach().double().numpy().ravel() for w in network.parameters()])
        for part, network in experiment.models[name].networks.items()
    }


def by_name(walk: Walk) -> dict[str, PhaseWalk]:
    return {phase.name: phase for phase in walk.phases}


def sources(phase: PhaseWalk, call: Call) -> list[str]:
    """What a call was made from, in words."""
    return [of(phase, place) for place in call.inputs]


def of(phase: PhaseWalk, place: int) -> str:
    value = phase.values[place]
    return value.name if value.call is None else phase.calls[value.call].network


# The same step


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_a_walked_step_is_the_step_that_training_takes(build, name: str, options: dict) -> None:
    plain = build(models=("ae", name) if name != "ae" else ("ae",), **options)
    walked = build(models=plain.config.models, **options)
    expected = [report.losses for report in islice(plain.run(), 5)]
    steps = walked.run()
    found = [next(steps).losses]
    rehearse(walked, name)
    report, walk = walk_step(walked, name)
    found += [report.losses, next(steps).losses]
    found += [walk_step(walked, name)[0].losses, next(steps).losses]
    assert found == expected
    for other in plain.models:
        assert same(state(walked, other), state(plain, other))
    assert (report.step, walk.step, walked.step) == (2, 2, 5)
    assert walk.taken
    terms = {term.name: term.figure for phase in walk.phases for term in phase.terms}
    assert terms == report.losses[name]
    model = walked.models[name]
    assert not [key for key in vars(model) if key in ("noise_like", "prior_codes")]
    hooks = [h for n in model.networks.values() for m in n.modules() for h in m._forward_hooks]
    assert not hooks


def test_a_rehearsal_moves_nothing(build) -> None:
    experiment = build(models=("aae",))
    next(experiment.run())
    before, step = state(experiment, "aae")[:-1], experiment.step
    walk = rehearse(experiment, "aae")
    assert same(state(experiment, "aae")[:-1], before)
    assert experiment.step == step
    assert walk.step == step + 1
    assert not walk.taken
    assert all(phase.updates is None for phase in walk.phases)
    assert [phase.loss for phase in walk.phases[:1]] == [
        phase.loss for phase in walk_step(experiment, "aae")[1].phases[:1]
    ]


@pytest.mark.parametrize("walk", [walk_step, rehearse])
def test_a_step_that_fails_leaves_no_trace(build, walk) -> None:
    experiment = build(models=("aae",))
    with torch.no_grad():
        next(experiment.models["aae"].networks["decoder"].parameters()).fill_(torch.nan)
    before = state(experiment, "aae")[:-1]
    with pytest.raises(NonFinite):
        walk(experiment, "aae")
    after = state(experiment, "aae")[:-1]
    assert all(
        torch.equal(new.nan_to_num(), old.nan_to_num()) for new, old in zip(after, before, strict=True)
    )
    assert "prior_codes" not in vars(experiment.models["aae"])


# One phase alone


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_a_phase_alone_moves_the_networks_that_it_trains(build, name: str, options: dict) -> None:
    experiment = build(models=(name,), **options)
    # A prior that pulls from the start, and codes that can follow it.
    list(islice(experiment.run(), 2))
    for phase in experiment.models[name].phases:
        before = weights(experiment, name)
        walk = walk_phase(experiment, name, phase.name, ahead=1)
        after = weights(experiment, name)
        moved = {part for part in before if not np.array_equal(before[part], after[part])}
        assert moved == set(phase.trains)
        (seen,) = walk.phases
        assert set(seen.updates) == moved
        for part in moved:
            change = np.linalg.norm(after[part] - before[part]) / np.linalg.norm(after[part])
            assert seen.updates[part] == pytest.approx(change, rel=1e-3)
        assert experiment.step == 2


def test_phases_alone_see_another_batch_each_time(build) -> None:
    experiment = build(models=("gan",))
    first, second = (walk_phase(experiment, "gan", "discriminator", ahead) for ahead in (0, 1))
    images = [walk.phases[0].values[place] for walk in (first, second) for place in (2,)]
    assert [value.name for value in images] == ["images", "images"]
    assert not np.array_equal(images[0].samples, images[1].samples)
    wanted = experiment.batches.of_step(1).images[:SAMPLES].numpy()
    np.testing.assert_array_equal(images[1].samples, wanted)


# What is written down


def test_gradients_and_updates_against_plain_backward(build) -> None:
    """A second experiment, whose losses are differentiated by `backward` and measured in float64."""
    experiment, twin = build(models=("aae",)), build(models=("aae",))
    for each in (experiment, twin):
        list(islice(each.run(), 3))
    before = weights(experiment, "aae")
    _, walk = walk_step(experiment, "aae")
    after = weights(experiment, "aae")
    phases = by_name(walk)
    moved = phases["generator"].updates
    assert phases["reconstruction"].updates is None
    assert phases["reconstruction"].joins == "generator"
    assert set(moved) == {"encoder", "decoder"}
    for part in moved:
        change = np.linalg.norm(after[part] - before[part]) / np.linalg.norm(after[part])
        assert moved[part] == pytest.approx(change, rel=1e-3)
    model, batch = twin.models["aae"], twin.batches.of_step(3)
    model.reseed(3)
    model.phases[0].loss(batch).objective.backward(retain_graph=True)
    for part, norm in phases["reconstruction"].gradients.items():
        found = [w.grad for w in model.networks[part].parameters() if w.grad is not None]
        if part == "discriminator":
            assert norm is None
            assert not found
        else:
            total = np.sqrt(sum(float(g.double().square().sum()) for g in found))
            assert norm == pytest.approx(total, rel=1e-4)


def test_the_gradient_that_flows_back_to_the_codes(build) -> None:
    """d loss / d z by finite differences in float64, sample by sample and axis by axis."""
    experiment = build(models=("ae",), batch_size=8)
    phase = rehearse(experiment, "ae").phases[0]
    codes, images = phase.values[phase.calls[0].outputs[0]], experiment.batches.of_step(0).images.double()
    decoder = experiment.models["ae"].networks["decoder"].double()

    def loss(z: Tensor) -> float:
        with torch.no_grad():
            return float((decoder(z).sigmoid() - images).square().mean())

    z, tiny = torch.from_numpy(codes.samples).double(), 1e-5
    slopes = np.zeros(z.shape)
    for place in np.ndindex(*z.shape):
        step = torch.zeros_like(z)
        step[place] = tiny
        slopes[place] = (loss(z + step) - loss(z - step)) / (2 * tiny)
    assert codes.gradient == pytest.approx(np.linalg.norm(slopes), rel=1e-3)


def test_the_aaes_three_phases(build) -> None:
    experiment = build(models=("aae",), batch_size=40)
    batch = experiment.batches.of_step(0)
    codes = experiment.models["aae"].encode(batch.images).detach().numpy()
    phases = by_name(walk_step(experiment, "aae")[1])
    assert list(phases) == ["reconstruction", "discriminator", "generator"]
    first = phases["reconstruction"]
    encoder, decoder = first.calls
    assert (encoder.network, decoder.network) == ("encoder", "decoder")
    assert sources(first, encoder) == ["images"]
    assert sources(first, decoder) == ["encoder"]
    assert encoder.entering == (40, 1, 8, 8)
    assert encoder.layers == ((24,), (16,), (2,))
    assert decoder.layers == ((16,), (24,), (64,))
    np.testing.assert_allclose(first.values[encoder.outputs[0]].samples, codes[:SAMPLES], atol=1e-6)
    assert {of(first, place) for place in first.loss_inputs} == {"images", "decoder"}
    second = phases["discriminator"]
    earlier, judge = second.calls
    assert (earlier.network, earlier.earlier, judge.earlier) == ("encoder", True, False)
    assert sources(second, judge) == ["prior", "encoder"]
    assert judge.entering == (80, 2)
    answer = second.values[judge.outputs[0]]
    assert (answer.shape, answer.blocks, answer.samples.shape) == ((80, 1), 2, (2 * SAMPLES, 1))
    assert {part for part, norm in second.gradients.items() if norm} == {"discriminator"}
    assert second.values[judge.inputs[1]].gradient is None, "no gradient reaches the codes"
    third = phases["generator"]
    assert [call.network for call in third.calls] == ["encoder", "discriminator"]
    assert {part for part, norm in third.gradients.items() if norm} == {"encoder", "discriminator"}
    assert third.values[third.calls[1].inputs[0]].gradient > 0
    assert set(third.updates) == {"encoder", "decoder"}, "the reconstruction's gradient has waited for this"


def test_the_vaes_code_is_made_from_mean_variance_and_noise(build) -> None:
    phase = walk_step(build(models=("vae",)), "vae")[1].phases[0]
    encoder, decoder = phase.calls
    assert sources(phase, decoder) == ["encoder", "encoder", "noise"]
    assert len(encoder.outputs) == 2
    kl = next(term for term in phase.terms if term.name == "kl")
    assert {of(phase, place) for place in kl.inputs} == {"encoder"}


def test_a_noisy_encoder_is_given_the_noisy_images(build) -> None:
    phase = walk_step(build(models=("ae",), noise="affine", noise_strength=0.3), "ae")[1].phases[0]
    assert sources(phase, phase.calls[0]) == ["corrupted"]
    error = next(term for term in phase.terms if term.name == "reconstruction")
    assert {of(phase, place) for place in error.inputs} == {"images", "decoder"}


def test_an_image_and_the_same_one_moved_go_through_the_encoder(build) -> None:
    phase = by_name(walk_step(build(models=("clustering_aae",)), "clustering_aae")[1])["consistency"]
    first, second = phase.calls
    assert (first.earlier, second.earlier) == (True, False)
    assert [sources(phase, call) for call in phase.calls] == [["images"], ["moved"]]
    (moved,) = second.inputs
    assert phase.values[moved].shape == phase.values[first.inputs[0]].shape
    categories = [phase.values[place] for place in phase.loss_inputs]
    assert [value.name for value in categories] == ["category"] * 2
    assert all(value.gradient > 0 for value in categories), "each is drawn to the other"
    assert phase.updates is None, "its gradient waits for the generator's"


def test_the_gan_judges_twice_and_its_forgeries_carry_no_gradient_while_d_learns(build) -> None:
    phases = by_name(walk_step(build(models=("gan",)), "gan")[1])
    learning = phases["discriminator"]
    assert [call.network for call in learning.calls] == ["generator", "discriminator", "discriminator"]
    assert [sources(learning, call) for call in learning.calls] == [["prior"], ["images"], ["generator"]]
    assert learning.gradients["generator"] is None
    fooling = phases["generator"]
    assert [sources(fooling, call) for call in fooling.calls] == [["prior"], ["generator"]]
    assert fooling.gradients["discriminator"] > 0
    assert set(fooling.updates) == {"generator"}


def test_repeated_phases_are_numbered(build) -> None:
    walk = walk_step(build(models=("gan",), **{"gan.discriminator_steps": 3}), "gan")[1]
    assert [(phase.name, phase.turn, phase.turns) for phase in walk.phases] == [
        ("discriminator", 1, 3),
        ("discriminator", 2, 3),
        ("discriminator", 3, 3),
        ("generator", 1, 1),
    ]


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model_has_its_picture(build, name: str) -> None:
    """Nothing hangs in the air: each call has inputs and outputs, and each phase's loss comes from one."""
    walk = walk_step(build(models=(name,)), name)[1]
    assert {call.network for phase in walk.phases for call in phase.calls} == set(walk.networks)
    for phase in walk.phases:
        assert phase.summary
        assert any(phase.values[place].call is not None for place in phase.loss_inputs)
        for place, call in enumerate(phase.calls):
            assert call.inputs
            assert call.outputs
            assert call.layers
            assert all((phase.values[each].call or 0) < place + 1 for each in call.inputs)
        used = {place for call in phase.calls for place in (*call.inputs, *call.outputs)}
        assert used | set(phase.loss_inputs) == set(range(len(phase.values)))
        for part in phase.trains:
            assert phase.gradients[part] > 0


ODD = """
import torch
import torch.nn.functional as F
from torch import nn
from aae_studio.core.models.base import Batch, Curve, Losses, Model, Phase


class Pair(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.first, self.second = nn.Linear(size, 5), nn.Linear(size, 3)

    def forward(self, images):
        flat = images.flatten(1)
        return {"left": F.relu(self.first(flat)), "right": self.second(flat)}


class Odd(Model):
    title, short, summary = "Odd one", "ODD", "made up"
    curves = (Curve("gap", "gap", "reconstruction"),)

    def __init__(self, setting, **option):
        super().__init__(setting, **option)
        size = setting.architecture.image_shape[1] ** 2
        self.networks = {
            "viewer": self.built("viewer", lambda: Pair(size)),
            "mixer": self.built("mixer", lambda: nn.Bilinear(5, 3, 4)),
            "critic": self.built(
                "critic", lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
            ),
        }
        self.phases = (
            Phase("mixing", ("viewer", "mixer"), self.mixing, self.adam("viewer", "mixer")),
            Phase("judging", ("critic",), self.judging, torch.optim.SGD(self.parameters(["critic"]), lr=0.1)),
        )

    def decode(self, codes, condition=None):
        return codes.new_zeros(len(codes), *self.setting.architecture.image_shape) + codes.mean()

    def _mixed(self, batch):
        seen = self.networks["viewer"](batch.images)
        return self.networks["mixer"](seen["left"] + torch.randn(len(batch), 5), seen["right"])

    def mixing(self, batch):
        \"\"\"Make the critic
        say little.\"\"\"
        loss = self.networks["critic"](self.networks["critic"][0].weight.new_ones(()) * self._mixed(batch))
        return Losses(loss.square().mean(), {"gap": loss.square().mean()})

    def judging(self, batch):
        \"\"\"Make it say much.\"\"\"
        return Losses(-self.networks["critic"](self._mixed(batch).detach()).mean())
"""


def test_a_model_of_ones_own_gets_its_picture(build, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    monkeypatch.setattr(aae_studio.core.models, "__path__", [*aae_studio.core.models.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "aae_studio.core.models.odd", raising=False)
    try:
        phases = by_name(walk_step(build(models=("odd",)), "odd")[1])
    finally:
        sys.modules.pop("aae_studio.core.models.odd", None)
    mixing, judging = phases["mixing"], phases["judging"]
    assert mixing.summary == "Make the critic say little."
    assert [call.network for call in mixing.calls] == ["viewer", "mixer", "critic"]
    assert sources(mixing, mixing.calls[1]) == ["viewer", "noise", "viewer"]
    left, noise, right = (mixing.values[place] for place in mixing.calls[1].inputs)
    assert (left.shape[1:], noise.shape[1:], right.shape[1:]) == ((5,), (5,), (3,))
    assert left.samples.min() == 0, "the value that left is the one behind the ReLU"
    assert mixing.calls[2].layers == ((6,), (1,))
    assert mixing.gradients["critic"] > 0
    assert set(mixing.updates) == {"viewer", "mixer"}
    assert judging.optimizer == "SGD"
    assert {part for part, norm in judging.gradients.items() if norm} == {"critic"}
    assert set(judging.updates) == {"critic"}


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_who_takes_the_mean_image_away_says_so(build, network: str) -> None:
    for inputs, wanted in (("standardised", {"encoder"}), ("plain", set())):
        walk = walk_step(build(models=("aae",), network=network, inputs=inputs), "aae")[1]
        calls = [call for phase in walk.phases for call in phase.calls]
        assert {call.network for call in calls} == {"encoder", "decoder", "discriminator"}
        assert {call.network for call in calls if call.standardises} == wanted
