"""Experiment: lockstep training that is the same every time, changes that apply live, and faults."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import ConfigError, NonFinite, StudioError
from aae_studio.core.experiment import Experiment, Report, load_dataset
from aae_studio.core.networks import seed_for
from aae_studio.core.registry import MODELS

EVERYONE = ("ae", "vae", "gan", "aae")


def curves(experiment: Experiment, steps: int) -> list[dict[str, dict[str, float]]]:
    return [report.losses for report in islice(experiment.run(), steps)]


def all_weights(experiment: Experiment) -> dict[str, Tensor]:
    return {
        f"{name}.{part}.{key}": value.clone()
        for name, model in experiment.models.items()
        for part, network in model.networks.items()
        for key, value in network.state_dict().items()
    }


# The same every time


@pytest.mark.parametrize("prior", ["gaussian", "swiss_roll"])
def test_one_seed_gives_bit_identical_curves(build, prior: str) -> None:
    first = curves(build(models=EVERYONE, prior=prior, seed=3), 12)
    torch.manual_seed(99)
    np.random.seed(99)
    assert curves(build(models=EVERYONE, prior=prior, seed=3), 12) == first
    other = curves(build(models=EVERYONE, prior=prior, seed=4), 12)
    for name in EVERYONE:
        for curve in first[0][name]:
            assert [losses[name][curve] for losses in first] != [losses[name][curve] for losses in other]


def test_a_models_curves_do_not_depend_on_the_others(build) -> None:
    together = curves(build(models=EVERYONE), 8)
    for name in EVERYONE:
        alone = curves(build(models=(name,)), 8)
        assert [losses[name] for losses in alone] == [losses[name] for losses in together]
    turned = curves(build(models=EVERYONE[::-1]), 8)
    assert turned == together


def test_models_see_the_same_batches_from_the_same_weights(build) -> None:
    """Before anything moved, AE and AAE reconstruct alike."""
    first = curves(build(models=("ae", "aae")), 1)[0]
    assert first["ae"]["reconstruction"] == first["aae"]["reconstruction"]


def test_reports(build) -> None:
    experiment = build(models=("vae", "ae"), batch_size=512)
    assert (experiment.step, experiment.epoch, experiment.steps_per_epoch) == (0, 0, 2)
    reports: list[Report] = list(islice(experiment.run(), 5))
    assert [report.step for report in reports] == [1, 2, 3, 4, 5]
    assert [report.epoch for report in reports] == [0, 1, 1, 2, 2]
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert list(reports[0].losses) == ["vae", "ae"]
    assert type(reports[0].losses["vae"]["kl"]) is float
    # Another iteration goes on where the last one stopped.
    assert next(experiment.run()).step == 6


def test_stopping_and_going_on_changes_nothing(build) -> None:
    whole = curves(build(models=("aae",)), 9)
    experiment = build(models=("aae",))
    parts = curves(experiment, 4) + curves(experiment, 5)
    assert parts == whole


# Batches


def test_batches_depend_on_seed_and_step_alone(build) -> None:
    one, other = build(seed=1), build(seed=1, models=("gan",), latent_size=5)
    list(islice(one.run(), 3))
    for step in (7, 0, 3, 200, 3):
        assert torch.equal(one.batch(step), other.batch(step))
        assert not torch.equal(one.batch(step), build(seed=2).batch(step))
    assert not torch.equal(one.batch(0), one.batch(1))
    assert not torch.equal(one.batch(0), one.batch(one.steps_per_epoch))


def test_an_epoch_visits_each_image_at_most_once(build, digits: Dataset) -> None:
    experiment = build(batch_size=100)
    assert experiment.steps_per_epoch == len(digits.train) // 100
    known = {image.tobytes() for image in digits.to_unit(digits.train.images)}
    assert len(known) == len(digits.train)
    for epoch in (0, 1):
        first = epoch * experiment.steps_per_epoch
        seen = [
            image.numpy().tobytes()
            for step in range(first, first + experiment.steps_per_epoch)
            for image in experiment.batch(step)
        ]
        assert len(seen) == 1400
        assert len(set(seen)) == len(seen)
        assert set(seen) <= known


def test_an_endless_dataset_gives_new_images_every_epoch(configure, draw_shapes) -> None:
    experiment = Experiment(configure(dataset="shapes", batch_size=64), draw_shapes())
    assert experiment.steps_per_epoch == 3
    epochs = [
        {
            image.numpy().tobytes()
            for step in range(3 * epoch, 3 * epoch + 3)
            for image in experiment.batch(step)
        }
        for epoch in range(3)
    ]
    assert all(len(epoch) > 185 for epoch in epochs)
    assert len(epochs[0] & epochs[1]) < 5
    assert len(epochs[1] & epochs[2]) < 5


def test_a_batch_larger_than_the_data() -> None:
    config = ExperimentConfig(batch_size=1438)
    with pytest.raises(ConfigError, match="1438 is more than the 1437 training images of “Digits”") as fault:
        load_dataset(config, Path())
    assert fault.value.field == "batch_size"
    dataset = load_dataset(config.with_(batch_size=1437), Path())
    assert Experiment(config.with_(batch_size=1437, hidden=(4,)), dataset).steps_per_epoch == 1


def test_a_dataset_is_loaded_with_its_options() -> None:
    config = ExperimentConfig(dataset="shapes", options={"shapes.size": 8, "shapes.color": True})
    assert load_dataset(config, Path()).image_shape == (3, 8, 8)
    with pytest.raises(ConfigError, match=r"shapes\.size: 65 is above the greatest, 64"):
        load_dataset(config.with_(**{"shapes.size": 65}), Path())


# Live changes


def changed_after(build, config_changes: dict[str, Any], name: str) -> tuple[list[Any], list[Any]]:
    """Six steps of one model: without a change, and with one after the third."""
    plain = curves(build(models=(name,)), 6)
    experiment = build(models=(name,))
    before = curves(experiment, 3)
    config = experiment.config.with_(**config_changes)
    assert experiment.accepts_live(config)
    experiment.change(config)
    assert experiment.config == config
    return [losses[name] for losses in plain], [losses[name] for losses in before + curves(experiment, 3)]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("vae", {"vae.beta": 30.0}),
        ("vae", {"vae.pixel_sigma": 0.05}),
        ("vae", {"learning_rate": 0.02}),
        ("gan", {"gan.r1": 50.0}),
        ("gan", {"gan.discriminator_steps": 3}),
        ("aae", {"aae.adversarial_weight": 5.0}),
        ("aae", {"aae.discriminator_rate": 4.0}),
        ("aae", {"aae.discriminator_steps": 2}),
        ("aae", {"aae.r1": 9.0}),
        ("aae", {"prior": "ring"}),
        ("gan", {"gaussian.sigma": 3.0}),
    ],
)
def test_a_live_change_applies_from_the_next_step(build, name: str, changes: dict[str, Any]) -> None:
    plain, changed = changed_after(build, changes, name)
    assert changed[:3] == plain[:3]
    assert changed[-1] != plain[-1]


def test_a_learning_rate_of_nearly_nothing_stops_the_weights(build) -> None:
    experiment = build(models=("ae", "vae", "aae", "gan"))
    curves(experiment, 2)
    experiment.change(experiment.config.with_(learning_rate=1e-7))
    before = all_weights(experiment)
    curves(experiment, 1)
    for key, value in all_weights(experiment).items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=1e-6)


def test_a_new_prior_reaches_models_and_snapshot(build) -> None:
    experiment = build(models=("ae", "vae", "aae"))
    curves(experiment, 1)
    old = experiment.snapshot()
    experiment.change(experiment.config.with_(prior="mixture", **{"mixture.sigma": 2.0}))
    assert experiment.prior.title == "10 Gaussians"
    assert experiment.prior.sigma == 2.0
    assert {id(model.prior) for model in experiment.models.values()} == {id(experiment.prior)}
    assert experiment.snapshot().prior is experiment.prior
    assert old.prior.title == "Gaussian"
    curves(experiment, 2)


def test_beta_scales_the_pull_to_the_prior(build) -> None:
    """The change means what it says: with a large β, KL falls."""
    experiment = build(models=("vae",))
    kl = curves(experiment, 60)[-1]["vae"]["kl"]
    experiment.change(experiment.config.with_(**{"vae.beta": 500.0}))
    assert curves(experiment, 60)[-1]["vae"]["kl"] < 0.3 * kl


def test_a_model_can_be_dropped_but_not_join(build) -> None:
    together = curves(build(models=("ae", "gan", "aae")), 6)
    experiment = build(models=("ae", "gan", "aae"))
    curves(experiment, 3)
    fewer = experiment.config.with_(models=("aae",))
    assert experiment.accepts_live(fewer)
    experiment.change(fewer)
    assert list(experiment.models) == ["aae"]
    rest = curves(experiment, 3)
    assert rest == [{"aae": losses["aae"]} for losses in together[3:]]
    assert not experiment.accepts_live(experiment.config.with_(models=("ae", "aae")))


def test_what_is_not_live_is_refused(build) -> None:
    experiment = build(models=("aae", "vae"))
    config = experiment.config
    assert experiment.accepts_live(config)
    restarts: dict[str, Any] = {
        "dataset": "shapes",
        "seed": 1,
        "batch_size": 33,
        "latent_size": 3,
        "network": "conv",
        "hidden": (24, 17),
        "reconstruction": "bernoulli",
        "device": "cuda",
        "precision": "bfloat16",
    }
    assert {option.name for option in OPTIONS if not option.live} <= set(restarts)
    for name, value in restarts.items():
        assert not experiment.accepts_live(config.with_(**{name: value})), name
    for name in ("aae", "vae"):
        for option in MODELS.get(name).options:
            given = experiment.models[name].option[option.name]
            other: Any
            if isinstance(given, tuple):
                other = (*given, 4)
            elif isinstance(given, str):
                other = next(choice for choice in option.choices if choice != given)
            else:
                other = given + 1
            changed = config.with_(**{f"{name}.{option.name}": other})
            assert experiment.accepts_live(changed) == option.live, option.name
    # Options of a model that takes no part change nothing.
    assert experiment.accepts_live(config.with_(**{"gan.r1": 7.0}))


def test_options_of_the_dataset_restart(configure, draw_shapes) -> None:
    config = configure(dataset="shapes")
    experiment = Experiment(config, draw_shapes())
    assert experiment.accepts_live(config.with_(learning_rate=0.5))
    assert not experiment.accepts_live(config.with_(**{"shapes.color": True}))
    assert experiment.accepts_live(config.with_(**{"shapes.color": False}))


@pytest.mark.parametrize(
    "changes",
    [
        {"prior": "uniform"},
        {"vae.beta": -1.0},
        {"ring.sigma": 1e9, "prior": "ring"},
        {"vae.betta": 1.0},
    ],
)
def test_an_impossible_change_changes_nothing(build, changes: dict[str, Any]) -> None:
    plain = curves(build(models=("ae", "vae", "aae")), 4)
    experiment = build(models=("ae", "vae", "aae"))
    before = curves(experiment, 2)
    config, prior = experiment.config, experiment.prior
    options = {name: dict(model.option) for name, model in experiment.models.items()}
    with pytest.raises(StudioError):
        experiment.change(config.with_(learning_rate=0.5, **{"aae.r1": 3.0}, **changes))
    assert experiment.config is config
    assert experiment.prior is prior
    for name, model in experiment.models.items():
        assert model.prior is prior
        assert model.option == options[name]
    assert before + curves(experiment, 2) == plain


# Faults


@pytest.mark.parametrize("name", EVERYONE)
def test_images_that_are_not_numbers(build, name: str) -> None:
    experiment = build(models=(name,))
    curves(experiment, 2)
    before = all_weights(experiment)
    first = experiment.models[name].phases[0].name
    with pytest.raises(NonFinite, match=f"“{first}” at step 3") as fault:
        experiment.train_step(name, torch.full_like(experiment.batch(0), torch.nan))
    assert (fault.value.model, fault.value.phase, fault.value.step) == (name, first, 3)
    assert str(fault.value).startswith(f"{name}: a loss became infinite or undefined")
    after = all_weights(experiment)
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_an_exploding_run_stops_before_the_update(build) -> None:
    experiment = build(models=("ae", "vae"))
    curves(experiment, 3)
    snapshot = experiment.snapshot()
    codes = np.random.default_rng(0).standard_normal((5, 2))
    images = snapshot.models["vae"].decode(codes)
    experiment.change(experiment.config.with_(learning_rate=1e4))
    with pytest.raises(NonFinite) as fault:
        curves(experiment, 50)
    assert (fault.value.model, fault.value.phase) == ("vae", "elbo")
    assert fault.value.step == experiment.step + 1
    assert all(torch.isfinite(weight).all() for weight in all_weights(experiment).values())
    np.testing.assert_array_equal(snapshot.models["vae"].decode(codes), images)
    # The models as they are still make pictures.
    assert np.isfinite(experiment.snapshot().models["vae"].decode(codes)).all()


def test_a_gradient_that_is_not_a_number(build, monkeypatch) -> None:
    """A finite loss may have an infinite slope: the square root at 0."""
    experiment = build(models=("ae",))
    model = experiment.models["ae"]
    (phase,) = model.phases

    def steep(images: Tensor) -> Any:
        losses = phase.loss(images)
        zero = (model.encode(images) * 0).sum()
        return type(losses)(losses.objective + zero.sqrt(), losses.figures)

    model.phases = (type(phase)(phase.name, phase.trains, steep, phase.optimizer),)
    before = all_weights(experiment)
    with pytest.raises(NonFinite, match="ae: a gradient became infinite or undefined"):
        next(experiment.run())
    after = all_weights(experiment)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert experiment.step == 0


def test_a_fault_in_a_later_phase_names_it(build) -> None:
    experiment = build(models=("aae",))
    with torch.no_grad():
        experiment.models["aae"].networks["discriminator"][0].bias.fill_(torch.inf)
    with pytest.raises(NonFinite) as fault:
        next(experiment.run())
    assert fault.value.phase == "discriminator"


def test_training_goes_on_after_a_fault(build) -> None:
    """Rewinding is the advice, but a lower learning rate may do too."""
    experiment = build(models=("aae", "ae"))
    curves(experiment, 2)
    for name in ("aae", "ae"):
        with pytest.raises(NonFinite):
            experiment.train_step(name, torch.full_like(experiment.batch(0), torch.nan))
    assert curves(experiment, 3) == curves(build(models=("aae", "ae")), 5)[2:]


# What it is for


def test_the_adversary_shapes_the_codes() -> None:
    """300 steps with the defaults: the AAE's codes take the prior's shape, and D stays undecided."""
    config = ExperimentConfig(models=("ae", "aae"), precision="float32")
    experiment = Experiment(config, load_dataset(config, Path()))
    losses = curves(experiment, 300)
    snapshot = experiment.snapshot()
    plain, adversarial = snapshot.figures("ae"), snapshot.figures("aae")
    assert adversarial.mmd_to_prior < plain.mmd_to_prior / 4
    assert adversarial.recon_mse < 0.047
    assert plain.recon_mse < 0.042
    assert adversarial.knn_accuracy > 0.55
    for name in ("d_real", "d_fake"):
        figures = [step["aae"][name] for step in losses[100:]]
        assert min(figures) > 0.2
        assert max(figures) < 0.8


def test_all_models_learn(build) -> None:
    losses = curves(build(models=("ae", "vae", "aae"), hidden=(64, 64), learning_rate=3e-3), 200)
    for name in ("ae", "vae", "aae"):
        last = np.mean([step[name]["reconstruction"] for step in losses[-20:]])
        assert last < 0.45 * losses[0][name]["reconstruction"]


def test_seeds_for_purposes_differ() -> None:
    seeds = [seed_for(seed, "epoch", place) for seed in range(50) for place in range(50)]
    assert len(set(seeds)) == len(seeds)
    assert seed_for(0, "a", 1) != seed_for(0, "a1")
    assert all(0 <= seed < 2**63 for seed in [*seeds, seed_for(2**31 - 1, "x")])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_the_default_holds_for_a_long_time(seed: int) -> None:
    """Three hundred epochs: neither does D win, nor do the codes leave the prior."""
    config = ExperimentConfig(models=("aae",), precision="float32", seed=seed)
    experiment = Experiment(config, load_dataset(config, Path()))
    for _ in range(6):
        losses = curves(experiment, 550)
        for name in ("d_real", "d_fake"):
            assert 0.35 < np.mean([step["aae"][name] for step in losses[-50:]]) < 0.65
        assert experiment.snapshot().figures("aae").mmd_to_prior < 0.02
