"""Recorded steps: the same as steps that are taken directly, to the bit, and given up where they cannot be.

On the CPU, operations stand in for kernels: what a step calls is written down without an effect and called
again, without the model's own code. All but CUDA's own part is then tried without a GPU. Where there is one,
the same tests run on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from samples import batch_of
from test_experiment_changes import all_weights
from test_model_updates import VARIANTS
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from aae_studio.core import session
from aae_studio.core.errors import NonFinite
from aae_studio.core.experiment import Experiment
from aae_studio.core.history import History
from aae_studio.core.models.base import Batch, Losses
from aae_studio.core.recording import DIRECT_STEPS, Recorder, cuda_graph
from aae_studio.core.walk import walk_phase, walk_step

STEPS = DIRECT_STEPS + 5
GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))


@pytest.fixture(params=["cpu", GPU])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_flatten(values)[0] if isinstance(value, Tensor)]


class Operations(TorchDispatchMode):
    """Writes down the operations that are called, and how what they change was before."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self.before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, call: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        named = named or {}
        # How many there are, the CPU has to know.
        if call is torch.ops.aten.nonzero.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        if call._schema.is_mutable:
            for tensor in tensors((given, named)):
                self.before.setdefault(id(tensor), (tensor, tensor.detach().clone()))
        answer = call(*given, **named)
        bare = tree_map(lambda value: value.detach() if isinstance(value, Tensor) else value, (given, named))
        self.calls.append((call, *bare, [tensor.detach() for tensor in tensors(answer)]))
        return answer


def written_down(act: Callable[[], Tensor], generator: torch.Generator) -> Callable[[], Tensor]:
    """What `cuda_graph` does, on the CPU."""
    state = generator.get_state()
    try:
        with Operations() as operations:
            answer = act()
    finally:
        with torch.no_grad():
            for tensor, before in operations.before.values():
                tensor.copy_(before.view_as(tensor))
        generator.set_state(state)

    def replay() -> Tensor:
        with torch.no_grad():
            for call, given, named, answers in operations.calls:
                for old, new in zip(answers, tensors(call(*given, **named)), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)
        return answer

    return replay


class Recordings:
    """Counts what is recorded, and what is replayed."""

    def __init__(self, device: str) -> None:
        self.made, self.replayed, self._device = 0, 0, device

    def record(self, act: Callable[[], Tensor], generator: torch.Generator) -> Callable[[], Tensor]:
        replay = cuda_graph(act, generator) if self._device == "cuda" else written_down(act, generator)
        # Counted when it is done: one that fails is none.
        self.made += 1

        def counted() -> Tensor:
            self.replayed += 1
            return replay()

        return counted


@pytest.fixture
def recordings(device: str) -> Recordings:
    return Recordings(device)


@pytest.fixture
def recorded(build, device: str, recordings: Recordings) -> Callable[..., Experiment]:
    """A small experiment whose steps are recorded."""

    def make(**changes: Any) -> Experiment:
        experiment = build(device=device, **changes)
        experiment.recorder = Recorder(recordings.record)
        return experiment

    return make


@pytest.fixture
def direct(build, device: str) -> Callable[..., Experiment]:
    """The same experiment, whose steps are taken directly."""

    def make(**changes: Any) -> Experiment:
        experiment = build(device=device, **changes)
        experiment.recorder = Recorder(None)
        return experiment

    return make


def curves(experiment: Experiment, steps: int) -> list[dict[str, dict[str, float]]]:
    return [report.losses for report in islice(experiment.run(), steps)]


def assert_same_weights(first: Experiment, second: Experiment) -> None:
    ours, theirs = all_weights(first), all_weights(second)
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_recorded_steps_are_the_same_to_the_bit(
    direct, recorded, recordings: Recordings, name: str, options: dict[str, Any]
) -> None:
    plain, repeated = direct(models=(name,), **options), recorded(models=(name,), **options)
    assert curves(repeated, STEPS) == curves(plain, STEPS)
    assert_same_weights(repeated, plain)
    assert (recordings.made, recordings.replayed) == (1, STEPS - DIRECT_STEPS)


@pytest.mark.parametrize(
    "changes",
    [
        {"rate_decay": 90.0},
        {"noise_strength": 0.3},
        {"prior": "mixture", "gan.discriminator_steps": 3},
        {"prior": "painted", "models": ("ae", "vae", "aae")},
        {"aae.labelling": "hand", "aae.labelled": "3,17-20=7", "prior": "ring", "models": ("ae", "aae")},
        {"network": "conv"},
        {"aae.labels": 40, "prior": "swiss_roll", "models": ("ae", "aae")},
    ],
)
def test_several_models_on_the_same_batches(
    direct, recorded, recordings: Recordings, changes: dict[str, Any]
) -> None:
    given = {"models": ("ae", "vae", "gan", "aae", "semi_supervised_aae"), **changes}
    plain, repeated = direct(**given), recorded(**given)
    assert curves(repeated, STEPS) == curves(plain, STEPS)
    assert_same_weights(repeated, plain)
    models = len(given["models"])
    assert (recordings.made, recordings.replayed) == (models, models * (STEPS - DIRECT_STEPS))


def test_models_with_other_labelled_images(direct, recorded) -> None:
    """Each has its own batch of labelled images, of its own size."""
    given = {
        "models": ("semi_supervised_aae", "reduction_aae"),
        "semi_supervised_aae.labels": 20,
        "reduction_aae.labels": 200,
    }
    plain, repeated = direct(**given), recorded(**given)
    assert curves(repeated, STEPS) == curves(plain, STEPS)


@pytest.mark.parametrize(
    "changes",
    [{"aae.adversarial_weight": 1.0}, {"learning_rate": 0.02}, {"noise_strength": 0.5}, {"prior": "ring"}],
)
def test_a_live_change_holds_from_the_next_step_on(direct, recorded, changes: dict[str, Any]) -> None:
    plain, repeated = direct(models=("ae", "aae")), recorded(models=("ae", "aae"))
    for experiment in (plain, repeated):
        curves(experiment, STEPS)
        experiment.change(experiment.config.with_(**changes))
    assert curves(repeated, STEPS) == curves(plain, STEPS)
    assert_same_weights(repeated, plain)


def test_a_model_leaves(direct, recorded) -> None:
    plain, repeated = (make(models=("ae", "vae", "aae")) for make in (direct, recorded))
    for experiment in (plain, repeated):
        curves(experiment, STEPS)
        experiment.change(experiment.config.with_(models=("vae", "aae")))
    assert curves(repeated, STEPS) == curves(plain, STEPS)


def test_another_rate_is_not_recorded_anew(direct, recorded, recordings: Recordings) -> None:
    plain, repeated = direct(models=("aae",)), recorded(models=("aae",))
    for experiment in (plain, repeated):
        curves(experiment, STEPS)
        experiment.change(experiment.config.with_(learning_rate=0.004, rate_decay=3.0))
    assert curves(repeated, 3) == curves(plain, 3)
    assert (recordings.made, recordings.replayed) == (1, STEPS - DIRECT_STEPS + 3)


def test_a_loss_that_asks_for_the_step_is_taken_directly(direct, recorded, recordings: Recordings) -> None:
    given = {"models": ("vae", "ae"), "vae.annealing_steps": 6}
    plain, repeated = direct(**given), recorded(**given)
    assert curves(repeated, 2 * STEPS) == curves(plain, 2 * STEPS)
    # The AE alone is repeated.
    assert recordings.replayed == 2 * STEPS - DIRECT_STEPS


def test_walks_through_steps_and_phases_in_between(direct, recorded) -> None:
    plain, repeated = direct(models=("aae",)), recorded(models=("aae",))
    for experiment in (plain, repeated):
        curves(experiment, STEPS)
        walk_step(experiment, "aae")
        walk_phase(experiment, "aae", "discriminator", ahead=4)
    assert curves(repeated, 3) == curves(plain, 3)


def test_what_cannot_be_recorded_is_taken_directly(build, direct, device: str) -> None:
    """Something that the CPU has to know in the middle of a step, and a model beside it."""
    plain = direct(models=("ae", "aae"))
    experiment, recordings = build(models=("ae", "aae"), device=device), Recordings(device)
    experiment.recorder = Recorder(recordings.record)
    for chosen in (plain, experiment):
        model = chosen.models["aae"]
        loss = model.phases[1].loss

        def asking(batch: Batch, loss: Callable[[Batch], Losses] = loss) -> Losses:
            losses = loss(batch)
            return Losses(losses.objective * len(batch.labels.nonzero()), losses.figures)

        model.phases = (model.phases[0], replace(model.phases[1], loss=asking), *model.phases[2:])
    assert curves(experiment, STEPS) == curves(plain, STEPS)
    assert_same_weights(experiment, plain)
    assert (recordings.made, recordings.replayed) == (1, STEPS - DIRECT_STEPS)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_other_optimisers_are_used_directly(direct, recorded, recordings: Recordings, kind: Any) -> None:
    plain, repeated = direct(models=("ae",)), recorded(models=("ae",))
    for experiment in (plain, repeated):
        model = experiment.models["ae"]
        other = kind(model.parameters(("encoder", "decoder")), lr=1e-3)
        model.phases = tuple(replace(phase, optimizer=other) for phase in model.phases)
    assert curves(repeated, STEPS) == curves(plain, STEPS)
    assert recordings.made == 0


def test_steps_that_fail_make_no_state_for_the_optimisers(direct, recorded) -> None:
    plain, repeated = direct(models=("ae",)), recorded(models=("ae",))
    for experiment in (plain, repeated):
        broken = batch_of(torch.full_like(experiment.batches.of_step(0).images, torch.nan))
        for _ in range(DIRECT_STEPS):
            with pytest.raises(NonFinite):
                experiment.train_step("ae", broken)
    assert curves(repeated, STEPS) == curves(plain, STEPS)


def test_a_batch_of_another_size_is_taken_directly(direct, recorded) -> None:
    plain, repeated = direct(models=("ae", "vae")), recorded(models=("ae", "vae"))
    found = []
    for experiment in (plain, repeated):
        before = curves(experiment, STEPS)
        whole = experiment.batches.of_step(STEPS)
        part = Batch(whole.images[:1], whole.labels[:1], whole.ranks[:1], whole.ids[:1])
        found.append([before, experiment.train_step("vae", part), curves(experiment, 2)])
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["ae", "vae", "gan", "aae"])
def test_images_that_are_not_numbers_stop_it_before_the_update(recorded, name: str, device: str) -> None:
    experiment = recorded(models=(name,))
    curves(experiment, STEPS)
    before = all_weights(experiment)
    first = experiment.models[name].phases[0].name
    sound = experiment.batches.of_step(STEPS)
    broken = batch_of(torch.full_like(sound.images, torch.nan))
    with pytest.raises(NonFinite) as fault:
        experiment.train_step(name, broken)
    short = experiment.models[name].short
    assert (fault.value.model, fault.value.phase, fault.value.step) == (short, first, STEPS + 1)
    after = all_weights(experiment)
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_training_goes_on_after_a_fault(direct, recorded) -> None:
    plain, repeated = direct(models=("aae", "ae")), recorded(models=("aae", "ae"))
    curves(repeated, STEPS)
    broken = batch_of(torch.full_like(repeated.batches.of_step(0).images, torch.nan))
    for name in ("aae", "ae"):
        with pytest.raises(NonFinite):
            repeated.train_step(name, broken)
    assert curves(repeated, 3) == curves(plain, STEPS + 3)[STEPS:]


def test_a_fault_in_a_later_phase_lets_the_earlier_ones_move(recorded, direct) -> None:
    """As when the step is taken directly: what was sound before is kept, what comes after does not move."""
    plain, repeated = (make(models=("aae",), **{"aae.updates": "two-phase"}) for make in (direct, recorded))
    for experiment in (plain, repeated):
        curves(experiment, STEPS)
        with torch.no_grad():
            experiment.models["aae"].networks["discriminator"][0].bias.fill_(torch.inf)
        with pytest.raises(NonFinite) as fault:
            next(experiment.run())
        assert (fault.value.phase, fault.value.step) == ("discriminator", STEPS + 1)
    assert_same_weights(repeated, plain)


def test_a_run_that_is_saved_and_restored_goes_on_the_same(recorded, recordings, tmp_path) -> None:
    experiment = recorded(models=("vae", "aae"))
    curves(experiment, STEPS)
    session.save(tmp_path / "run", experiment, History(), figures={})
    again, _ = session.restore(tmp_path / "run", tmp_path, dataset=experiment.dataset)
    again.recorder = Recorder(recordings.record)
    assert curves(again, STEPS) == curves(experiment, STEPS)
    assert_same_weights(again, experiment)


def test_the_cpu_records_nothing(build) -> None:
    experiment = build(models=("ae",))
    curves(experiment, STEPS)
    assert not experiment.recorder.ready("ae")
