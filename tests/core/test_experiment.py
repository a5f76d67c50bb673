"""Experiment: lockstep training that is the same every time, changes that apply live, and faults."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import ConfigError
from aae_studio.core.experiment import Experiment, Report, load_dataset
from aae_studio.core.networks import seed_for

EVERYONE = ("ae", "vae", "gan", "aae")


def curves(experiment: Experiment, steps: int) -> list[dict[str, dict[str, float]]]:
    return [report.losses for report in islice(experiment.run(), steps)]


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


@pytest.mark.parametrize("name", ["vae", "aae"])
def test_a_steps_noise_does_not_depend_on_what_was_drawn_before(build, name: str) -> None:
    plain = curves(build(models=(name,)), 6)
    experiment = build(models=(name,))
    first = curves(experiment, 3)
    experiment.models[name].noise_like(torch.empty(5))
    assert first + curves(experiment, 3) == plain


# Batches


def test_batches_depend_on_seed_and_step_alone(build) -> None:
    one, other = build(seed=1), build(seed=1, models=("gan",), latent_size=5)
    list(islice(one.run(), 3))
    for step in (7, 0, 3, 200, 3):
        assert torch.equal(one.batches.of_step(step).images, other.batches.of_step(step).images)
        assert not torch.equal(one.batches.of_step(step).images, build(seed=2).batches.of_step(step).images)
    assert not torch.equal(one.batches.of_step(0).images, one.batches.of_step(1).images)
    assert not torch.equal(one.batches.of_step(0).images, one.batches.of_step(one.steps_per_epoch).images)


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
            for image in experiment.batches.of_step(step).images
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
            for image in experiment.batches.of_step(step).images
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
    losses = curves(build(models=("ae", "vae", "aae"), hidden=(48, 48), learning_rate=3e-3), 150)
    for name in ("ae", "vae", "aae"):
        last = np.mean([step[name]["reconstruction"] for step in losses[-15:]])
        assert last < 0.45 * losses[0][name]["reconstruction"]


def test_seeds_for_purposes_differ() -> None:
    seeds = [seed_for(seed, "epoch", place) for seed in range(50) for place in range(50)]
    assert len(set(seeds)) == len(seeds)
    assert seed_for(0, "a", 1) != seed_for(0, "a1")
    assert all(0 <= seed < 2**63 for seed in [*seeds, seed_for(2**31 - 1, "x")])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_the_default_holds_for_a_long_time(seed: int) -> None:
    """Three hundred epochs beside a VAE: neither does D win, nor do the codes leave the prior."""
    config = ExperimentConfig(models=("vae", "aae"), precision="float32", seed=seed)
    experiment = Experiment(config, load_dataset(config, Path()))
    distances: dict[str, list[float]] = {"vae": [], "aae": []}
    for part in range(6):
        losses = curves(experiment, 550)
        for name in ("d_real", "d_fake"):
            assert 0.35 < np.mean([step["aae"][name] for step in losses[-50:]]) < 0.65
        for name, seen in distances.items():
            figures = experiment.snapshot().figures(name)
            seen += [figures.mmd_to_prior] if part else []
        assert figures.mmd_to_prior < 0.006
        assert figures.code_std_least > 0.8
    assert np.mean(distances["aae"]) < 2 * np.mean(distances["vae"])
