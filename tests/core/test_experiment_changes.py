"""What may happen to a running experiment: changes that apply live, and faults that stop it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from samples import batch_of
from torch import Tensor

from aae_studio.core import session
from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import NonFinite, StudioError
from aae_studio.core.experiment import Experiment
from aae_studio.core.history import History
from aae_studio.core.ids import IdsOption
from aae_studio.core.joining import Joining
from aae_studio.core.models.base import Batch
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
        ("vae", {"rate_decay": 90.0}),
        ("gan", {"gan.r1": 50.0}),
        ("gan", {"gan.discriminator_steps": 3}),
        ("gan", {"gan.discriminator_rate": 4.0}),
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


def test_the_learning_rate_falls_as_declared(build) -> None:
    """Every optimiser's, the discriminator's times its factor, as 1/√(1 + decay · step / 1000)."""
    options = {"aae.discriminator_rate": 0.25}
    experiment = build(models=("aae",), learning_rate=0.004, rate_decay=50.0, **options)
    for step in range(8):
        curves(experiment, 1)
        wanted = 0.004 * (20 / (20 + step)) ** 0.5
        for phase in experiment.models["aae"].phases:
            factor = 0.25 if phase.name == "discriminator" else 1.0
            assert phase.optimizer.param_groups[0]["lr"] == pytest.approx(wanted * factor, rel=1e-12)
    experiment.change(experiment.config.with_(rate_decay=0.0))
    curves(experiment, 1)
    assert experiment.models["aae"].phases[0].optimizer.param_groups[0]["lr"] == pytest.approx(0.004)


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


def test_a_model_can_be_dropped_at_once(build) -> None:
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


def joined(experiment: Experiment, history: History, joining: Joining) -> None:
    """Let all that join do so."""
    while joining.steps:
        if name := joining.arrived:
            joining.admit(name, history)
        else:
            joining.take_step()


def assert_holds(history: History, expected: list[dict[str, dict[str, float]]]) -> None:
    """The history has these losses, and no others, of these models."""
    for model, losses in expected[0].items():
        for curve in losses:
            np.testing.assert_array_equal(
                history.values(model, curve), [each[model][curve] for each in expected]
            )


def begun(experiment: Experiment, config: ExperimentConfig) -> Joining:
    joining = Joining(experiment, experiment.config).adapted(config)
    joining.begin()
    return joining


@pytest.mark.parametrize("labels", [0, 50])
def test_a_model_that_joins_is_what_it_would_be_had_it_been_there(build, labels: int) -> None:
    prior = {"prior": "mixture", "aae.labels": labels, "noise_strength": 0.2}
    whole = build(models=EVERYONE, **prior)
    expected = curves(whole, 9)
    experiment, history = build(models=("vae", "gan"), **prior), History()
    history.append(list(islice(experiment.run(), 6)))
    staying = all_weights(experiment)
    joining = begun(experiment, whole.config)
    assert joining.steps == {"ae": 0, "aae": 0}
    joined(experiment, history, joining)
    assert experiment.config == whole.config
    assert list(experiment.models) == list(EVERYONE)
    assert experiment.step == 6
    now = all_weights(experiment)
    assert all(torch.equal(now[name], value) for name, value in staying.items())
    reports = list(islice(experiment.run(), 3))
    assert [report.losses for report in reports] == expected[6:]
    history.append(reports)
    assert_holds(history, expected)
    there = all_weights(whole)
    assert all(torch.equal(there[name], value) for name, value in all_weights(experiment).items())


def test_one_that_left_can_come_back(build) -> None:
    experiment, history = build(models=("ae", "vae")), History()
    both = experiment.config
    expected = curves(build(models=("ae", "vae")), 8)
    history.append(list(islice(experiment.run(), 3)))
    experiment.change(both.with_(models=("ae",)))
    history.append(list(islice(experiment.run(), 3)))
    joined(experiment, history, begun(experiment, both))
    history.append(list(islice(experiment.run(), 2)))
    assert list(history.values("vae", "kl")) == [losses["vae"]["kl"] for losses in expected]


def gone(experiment: Experiment, models: tuple[str, ...]) -> Joining:
    """Leave these models alone there, as the Studio does."""
    config = experiment.config.with_(models=models)
    joining = Joining(experiment, experiment.config).adapted(config)
    joining.part()
    experiment.change(config)
    joining.begin()
    return joining


def back(experiment: Experiment, joining: Joining, config: ExperimentConfig) -> Joining:
    coming = Joining(experiment, experiment.config, left=joining.left).adapted(config)
    coming.begin()
    return coming


@pytest.mark.parametrize(("meanwhile", "broken_off"), [(0, False), (4, False), (4, True)])
def test_one_that_comes_back_goes_on_from_where_it_left(build, meanwhile: int, broken_off: bool) -> None:
    whole = build(models=EVERYONE, noise_strength=0.2)
    expected = curves(whole, 5 + meanwhile)
    experiment, history = build(models=EVERYONE, noise_strength=0.2), History()
    everyone = experiment.config
    history.append(list(islice(experiment.run(), 3)))
    joining = gone(experiment, ("ae", "gan"))
    assert joining.left.keys() == {"vae", "aae"}
    history.append(list(islice(experiment.run(), meanwhile)))
    coming = back(experiment, joining, everyone)
    assert coming.steps == {"vae": 3, "aae": 3}
    seconds, returned = experiment.seconds, list(coming._apart.values())
    assert [each.experiment.seconds for each in returned] == [0, 0]
    if broken_off:
        coming.take_step()
        coming = back(experiment, coming.adapted(experiment.config), everyone)
        assert sorted(coming.steps.values()) == [3, 4]
    joined(experiment, history, coming)
    assert not coming.left
    assert list(experiment.models) == list(EVERYONE)
    # What it had trained before it left is not counted twice.
    assert experiment.seconds == pytest.approx(seconds + sum(each.experiment.seconds for each in returned))
    history.append(list(islice(experiment.run(), 2)))
    assert_holds(history, expected)
    there = all_weights(whole)
    assert all(torch.equal(there[name], value) for name, value in all_weights(experiment).items())


def test_one_that_left_begins_anew_with_another_network(build) -> None:
    experiment = build(models=("ae", "aae"))
    everyone = experiment.config
    list(islice(experiment.run(), 3))
    joining = gone(experiment, ("ae",))
    other = everyone.with_(**{"aae.discriminator_hidden": (8,)})
    assert back(experiment, joining, other).steps == {"aae": 0}
    assert back(experiment, joining, everyone.with_(**{"aae.r1": 0.5})).steps == {"aae": 3}


@pytest.mark.parametrize("meanwhile", [0, 1])
def test_one_that_leaves_after_a_step_in_which_another_failed_takes_it_once(
    build, monkeypatch, meanwhile: int
) -> None:
    whole = build(models=("ae", "vae"))
    expected = curves(whole, 5)
    experiment = build(models=("ae", "vae"))
    both = experiment.config
    list(islice(experiment.run(), 3))
    train_step = experiment.train_step

    def failing(name: str, batch: Batch) -> dict[str, float]:
        if name == "vae":
            raise NonFinite("VAE", "elbo", 4, "a loss")
        return train_step(name, batch)

    monkeypatch.setattr(experiment, "train_step", failing)
    with pytest.raises(NonFinite):
        experiment.take_step()
    monkeypatch.undo()
    joining = gone(experiment, ("vae",))
    list(islice(experiment.run(), meanwhile))
    joined(experiment, History(), back(experiment, joining, both))
    reports = list(islice(experiment.run(), 1))
    assert reports[0].losses == expected[3 + meanwhile]


def test_while_one_catches_up_options_may_change_and_others_come_and_go(build) -> None:
    experiment = build(models=("vae",))
    curves(experiment, 3)
    config = experiment.config.with_(models=("vae", "aae"))
    joining = begun(experiment, config)
    joining.take_step()
    # One more, and another option: who is on the way goes on.
    more = config.with_(models=("ae", "vae", "aae"), **{"aae.r1": 3.0})
    joining = joining.adapted(more)
    joining.begin()
    assert joining.steps == {"ae": 0, "aae": 1}
    # Another network begins anew.
    assert joining.adapted(more.with_(**{"aae.discriminator_hidden": (5,)})).steps == {"ae": 0, "aae": 0}
    # One of them is taken back.
    joining = joining.adapted(config.with_(**{"aae.r1": 3.0}))
    experiment.change(experiment.config.with_(**{"aae.r1": 3.0}))
    joining.begin()
    assert joining.steps == {"aae": 1}
    joined(experiment, History(), joining)
    assert experiment.config == config.with_(**{"aae.r1": 3.0})
    assert experiment.models["aae"].option["r1"] == 3.0
    assert experiment.models["aae"].prior is experiment.prior


def test_a_wish_that_cannot_be_changes_nothing(build) -> None:
    experiment = build(models=("ae",))
    curves(experiment, 2)
    joining = begun(experiment, experiment.config.with_(models=("ae", "vae")))
    joining.take_step()
    wish = joining.config.with_(prior="uniform", noise_strength=0.5)
    with pytest.raises(StudioError):
        joining.adapted(wish)
    assert experiment.batches.corruption.strength == 0
    assert joining.steps == {"vae": 1}
    with pytest.raises(StudioError):
        begun(experiment, wish)
    assert list(experiment.models) == ["ae"]


def test_one_that_left_in_the_middle_of_a_step_comes_back_without_its_losses(build) -> None:
    """Models before the one that fails have taken the step; what they had of it goes with them."""
    experiment, history = build(models=("ae", "vae", "gan")), History()
    expected = curves(build(models=("ae", "vae", "gan")), 5)
    history.append(list(islice(experiment.run(), 3)))
    weight = next(experiment.models["gan"].networks["generator"].parameters())
    good = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(torch.nan)
    with pytest.raises(NonFinite):
        next(experiment.run())
    with torch.no_grad():
        weight.copy_(good)
    both = experiment.config
    experiment.change(both.with_(models=("ae", "gan")))
    joined(experiment, history, begun(experiment, both))
    assert [report.losses["vae"] for report in islice(experiment.run(), 2)] == [
        losses["vae"] for losses in expected[3:]
    ]


def test_one_that_comes_back_with_another_network_has_snapshots(build) -> None:
    experiment = build(models=("ae", "aae"))
    curves(experiment, 1)
    for _ in range(3):
        experiment.snapshot()
    both = experiment.config
    experiment.change(both.with_(models=("ae",)))
    joined(experiment, History(), begun(experiment, both.with_(**{"aae.discriminator_hidden": (7,)})))
    assert set(experiment.snapshot().models) == {"ae", "aae"}


def test_what_stays_the_same_prior_is_the_same_object(build) -> None:
    experiment = build(models=("vae",))
    prior = experiment.prior
    experiment.change(experiment.config.with_(learning_rate=0.5))
    assert experiment.prior is prior
    experiment.change(experiment.config.with_(**{"gaussian.sigma": 2.0}))
    assert experiment.prior is not prior


def test_what_is_not_live_is_refused(build) -> None:
    experiment = build(models=("aae", "vae"))
    config = experiment.config
    assert experiment.accepts_live(config)
    restarts: dict[str, Any] = {
        "dataset": "shapes",
        "seed": 1,
        "batch_size": 33,
        "latent_size": 3,
        "encoder_norm": "batch",
        "network": "conv",
        "hidden": (24, 17),
        "activation": "tanh",
        "inputs": "plain",
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
            elif isinstance(option, IdsOption):
                other = "5"
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
    broken = batch_of(torch.full_like(experiment.batches.of_step(0).images, torch.nan))
    with pytest.raises(NonFinite, match=f"“{first}” at step 3") as fault:
        experiment.train_step(name, broken)
    short = experiment.models[name].short
    assert (fault.value.model, fault.value.phase, fault.value.step) == (short, first, 3)
    assert str(fault.value).startswith(f"{short}: a loss became infinite or undefined")
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
    assert (fault.value.model, fault.value.phase) == ("VAE", "elbo")
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

    def steep(batch: Batch) -> Any:
        losses = phase.loss(batch)
        zero = (model.encode(batch.images) * 0).sum()
        return type(losses)(losses.objective + zero.sqrt(), losses.figures)

    model.phases = (type(phase)(phase.name, phase.trains, steep, phase.optimizer),)
    before = all_weights(experiment)
    with pytest.raises(NonFinite, match="AE: a gradient became infinite or undefined"):
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
    broken = batch_of(torch.full_like(experiment.batches.of_step(0).images, torch.nan))
    for name in ("aae", "ae"):
        with pytest.raises(NonFinite):
            experiment.train_step(name, broken)
    assert curves(experiment, 3) == curves(build(models=("aae", "ae")), 5)[2:]


def test_a_model_that_took_the_faulty_step_does_not_take_it_again(build, monkeypatch, tmp_path) -> None:
    experiment = build(models=("ae", "aae"))
    curves(experiment, 2)
    decoded = experiment.models["aae"].decoded_logits
    monkeypatch.setattr(
        experiment.models["aae"], "decoded_logits", lambda *given: decoded(*given) * torch.nan
    )
    with pytest.raises(NonFinite, match="AAE"):
        next(experiment.run())
    monkeypatch.undo()
    # Nor does it when it has been saved and restored in between.
    session.save(tmp_path / "run", experiment, History(), figures={})
    restored, _ = session.restore(tmp_path / "run", tmp_path, dataset=experiment.dataset)
    assert restored.ahead == experiment.ahead
    assert list(restored.ahead) == ["ae"]
    expected = curves(build(models=("ae", "aae")), 5)[2:]
    assert curves(experiment, 3) == expected
    assert curves(restored, 3) == expected
