"""What every registered model, prior and dataset must keep to, whatever its file is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from samples import batch_of

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.datasets.base import PROBE_SIZE, Dataset
from aae_studio.core.errors import ConfigError, DataMissing, StudioError
from aae_studio.core.experiment import Experiment, Substep
from aae_studio.core.models.base import Model
from aae_studio.core.options import Option, resolved
from aae_studio.core.registry import DATASETS, MODELS, PRIORS, Registry

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
REGISTRIES = (MODELS, PRIORS, DATASETS)
PLUGINS = [(registry, name) for registry in REGISTRIES for name in registry.names()]
PLUGIN_IDS = [f"{registry.kind}-{name}" for registry, name in PLUGINS]
PLOTS = {"reconstruction", "regularisation", "discriminator"}
IMAGE_SHAPES = [(1, 8, 8), (1, 28, 28), (1, 30, 30), (3, 64, 64)]
LATENT_SIZES = [1, 2, 3, 128]


def all_options() -> list[tuple[str, Option]]:
    rows = [("experiment", option) for option in OPTIONS]
    return rows + [(name, option) for registry, name in PLUGINS for option in registry.get(name).options]


def make_prior(name: str, latent_size: int, **given: Any) -> Any:
    plugin = PRIORS.get(name)
    values = {f"{name}.{key}": value for key, value in given.items()}
    return plugin(latent_size, **resolved(name, plugin.options, values))


def possible(name: str, latent_size: int) -> bool:
    return latent_size >= PRIORS.get(name).smallest_latent


# All plug-ins


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal"])
def test_a_code_without_noise_is_what_is_encoded(make_model, name: str, posterior: str) -> None:
    chosen = {"posterior": posterior} if any(o.name == "posterior" for o in MODELS.get(name).options) else {}
    model = make_model(name, **chosen)
    images = torch.rand(5, 1, 4, 4)
    codes, drawn = model.encode(images), model.sampled_codes(images, torch.zeros_like)
    assert (drawn is None) == (codes is None)
    if codes is not None:
        assert torch.equal(drawn, codes)


def test_the_plugins_that_the_studio_comes_with() -> None:
    assert {"ae", "vae", "gan", "aae"} <= set(MODELS.names())
    assert {"gaussian", "mixture", "swiss_roll", "ring", "uniform"} <= set(PRIORS.names())
    assert {"digits", "shapes", "mnist"} <= set(DATASETS.names())


@pytest.mark.parametrize(("registry", "name"), PLUGINS, ids=PLUGIN_IDS)
def test_words(registry: Registry, name: str) -> None:
    plugin = registry.get(name)
    assert plugin.title.strip() == plugin.title != ""
    assert plugin.summary.strip() == plugin.summary != ""
    assert plugin.__doc__
    assert isinstance(plugin.order, int)
    titles = [registry.get(other).title for other in registry.names()]
    assert titles.count(plugin.title) == 1
    assert len({option.name for option in plugin.options}) == len(plugin.options)


@pytest.mark.parametrize(("owner", "option"), all_options(), ids=lambda value: getattr(value, "name", value))
def test_options(owner: str, option: Option) -> None:
    assert option.name.isidentifier()
    assert option.label.strip() == option.label != ""
    assert option.help.endswith(".")
    assert option.checked(option.default) == option.default
    assert type(option.checked(option.default)) is type(option.default)
    assert option.parsed(option.shown(option.default)) == option.default
    if isinstance(option.default, str) and (option.choices or not option.panel):
        assert option.default in option.choices
        assert len(set(option.choices)) == len(option.choices) > 1
    for bound, beyond in ((option.minimum, -1), (option.maximum, +1)):
        if bound is None:
            continue
        sample = (lambda value: (value,)) if isinstance(option.default, tuple) else (lambda value: value)
        assert option.checked(sample(bound)) == sample(bound)
        with pytest.raises(ConfigError, match=r"the (least|greatest)") as fault:
            option.checked(sample(bound + beyond), "some.field")
        assert fault.value.field == "some.field"
        assert str(fault.value).startswith("some.field: ")
    if option.logarithmic:
        assert option.minimum is not None
        assert option.minimum >= 0
    if isinstance(option.default, int | float) and not isinstance(option.default, bool):
        assert option.minimum is not None
        assert option.maximum is not None
        assert option.minimum < option.maximum


# Models


@pytest.mark.parametrize("name", MODELS.names())
def test_model_declarations(make_model, name: str) -> None:
    model = make_model(name)
    assert model.short
    assert model.color.startswith("model-")
    assert len({curve.name for curve in model.curves}) == len(model.curves) > 0
    for curve in model.curves:
        assert curve.label
        assert curve.plot in PLOTS
    assert len({phase.name for phase in model.phases}) == len(model.phases) > 0
    options = {option.name: option for option in model.options}
    for phase in model.phases:
        assert phase.trains
        assert set(phase.trains) <= set(model.networks)
        moved = {id(weight) for group in phase.optimizer.param_groups for weight in group["params"]}
        assert {id(weight) for weight in model.parameters(phase.trains)} <= moved
        if phase.repeats:
            assert options[phase.repeats].live
        if phase.labelled:
            assert options[phase.labelled].minimum == 1
    # What waits is taken along by a later phase.
    for place, phase in enumerate(model.phases):
        if not phase.updates:
            later = model.phases[place + 1 :]
            assert any(other.updates and other.optimizer is phase.optimizer for other in later)


def one_hot_for(model: Model, count: int) -> torch.Tensor | None:
    if not model.conditions:
        return None
    return torch.eye(len(model.conditions))[torch.arange(count) % len(model.conditions)]


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize(
    ("image_shape", "latent_size"),
    [*((shape, 2) for shape in IMAGE_SHAPES), *((IMAGE_SHAPES[0], size) for size in (1, 3, 128))],
)
@pytest.mark.parametrize("reconstruction", ["mse", "bernoulli"])
def test_model_shapes(
    make_model, name: str, network: str, image_shape: tuple[int, int, int], latent_size: int, reconstruction
) -> None:
    model = make_model(
        name,
        image_shape=image_shape,
        latent_size=latent_size,
        network=network,
        reconstruction=reconstruction,
    )
    images = torch.from_numpy(np.random.default_rng(0).random((5, *image_shape), np.float32))
    told = one_hot_for(model, 5)
    decoded = model.decode(100 * torch.randn(5, latent_size), told)
    assert decoded.shape == (5, *image_shape)
    assert decoded.dtype == torch.float32
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert len(torch.unique(model.decode(torch.randn(5, latent_size), told))) > 5
    if told is not None:
        same = torch.zeros(len(model.conditions), latent_size)
        answers = model.decode(same, torch.eye(len(model.conditions)))
        assert len(torch.unique(answers.flatten(1), dim=0)) == len(model.conditions)
    codes = model.encode(images)
    assert (codes is None) == ("encoder" not in model.networks)
    if codes is not None:
        assert codes.shape == (5, latent_size)
        assert codes.dtype == torch.float32
    generator = torch.Generator().manual_seed(0)
    drawn, conditions = model.draw(40, generator)
    assert drawn.shape == (40, latent_size)
    assert (conditions is None) == (not model.conditions)
    found = model.class_shares(images)
    assert (found is not None) == bool(model.finds)
    # Three classes; as many clusters as the model likes.
    places = 3 if model.finds == "classes" else None
    for shares, count in (
        (conditions, len(model.conditions)),
        (model.condition_of(images, torch.arange(5) % 3), len(model.conditions)),
        (found, places),
    ):
        if shares is not None:
            assert count is None or shares.shape[1] == count
            torch.testing.assert_close(shares.sum(dim=1), torch.ones(len(shares)))
    figures: dict[str, torch.Tensor] = {}
    model.reseed(0)
    for phase in model.phases:
        losses = phase.loss(batch_of(images))
        assert losses.objective.shape == ()
        assert torch.isfinite(losses.objective)
        figures |= losses.figures
    assert set(figures) == {curve.name for curve in model.curves}
    assert all(figure.shape == () for figure in figures.values())


@pytest.mark.parametrize("name", MODELS.names())
def test_looking_at_a_model_does_not_change_how_it_trains(build, name: str) -> None:
    """A frozen model shares the generator of random numbers with the one that trains, in another thread."""
    declared = {option.name for option in MODELS.get(name).options}
    posterior = {f"{name}.posterior": "gaussian"} if "posterior" in declared else {}
    plain, looked_at = (build(models=(name,), **posterior) for _ in range(2))
    batch = plain.batches.of_step(0)
    wanted = plain.train_step(name, batch)

    def looking(step: Iterator[Substep]) -> dict[str, float]:
        figures: dict[str, torch.Tensor] = {}
        for substep in step:
            figures |= substep.figures
            looked_at.snapshot().figures(name)
        return {key: value.item() for key, value in figures.items()}

    assert looking(looked_at.substeps(name, batch)) == wanted


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize(("size", "color"), [(30, False), (64, True)])
def test_models_train_on_shapes(
    configure, draw_shapes, name: str, network: str, size: int, color: bool
) -> None:
    config = configure(dataset="shapes", models=(name,), network=network, batch_size=16)
    experiment = Experiment(config, draw_shapes(size=size, color=color))
    model = experiment.models[name]
    first, second = (experiment.train_step(name, experiment.batches.of_step(step)) for step in range(2))
    assert list(first) == list(second)
    assert set(first) == {curve.name for curve in model.curves}
    assert all(np.isfinite(list(first.values()) + list(second.values())))
    for curve in model.curves:
        if curve.plot == "discriminator":
            assert 0 < first[curve.name] < 1
    frozen = experiment.snapshot().models[name]
    assert frozen.decode(np.zeros((1, 2))).shape == (1, 3 if color else 1, size, size)


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("prior", PRIORS.names())
@pytest.mark.parametrize("latent_size", LATENT_SIZES)
def test_every_model_with_every_prior(build, name: str, prior: str, latent_size: int) -> None:
    """It trains, or it is refused in a sentence that names the prior."""
    kind = PRIORS.get(prior)
    if not possible(prior, latent_size) or (name == "vae" and not kind.positive_everywhere):
        with pytest.raises(StudioError, match=rf"“{kind.title}”.*\.$"):
            build(models=(name,), prior=prior, latent_size=latent_size)
        return
    experiment = build(models=(name,), prior=prior, latent_size=latent_size)
    for step in range(3):
        losses = experiment.train_step(name, experiment.batches.of_step(step))
        assert all(np.isfinite(list(losses.values())))


# Priors


@pytest.mark.parametrize("name", PRIORS.names())
@pytest.mark.parametrize("latent_size", LATENT_SIZES)
def test_prior_shapes(name: str, latent_size: int) -> None:
    if not possible(name, latent_size):
        with pytest.raises(ConfigError) as fault:
            make_prior(name, latent_size)
        assert fault.value.field == "latent_size"
        return
    prior = make_prior(name, latent_size, sigma=1.5)
    codes = prior.sample(200, torch.Generator().manual_seed(3))
    assert codes.shape == (200, latent_size)
    assert codes.dtype == torch.float32
    assert torch.isfinite(codes).all()
    assert torch.equal(codes, prior.sample(200, torch.Generator().manual_seed(3)))
    assert not torch.equal(codes, prior.sample(200, torch.Generator().manual_seed(4)))
    assert prior.sample(0, torch.Generator()).shape == (0, latent_size)
    if prior.has_log_prob:
        log_prob = prior.log_prob(codes)
        assert log_prob.shape == (200,)
        assert torch.isfinite(log_prob).all()
    else:
        with pytest.raises(StudioError, match="no density"):
            prior.log_prob(codes)
    closed = prior.kl_from_gaussian(codes, torch.zeros_like(codes))
    assert closed is None or closed.shape == (200,)


@pytest.mark.parametrize("name", PRIORS.names())
def test_prior_outline_fits_its_extent(name: str) -> None:
    for sigma in (0.5, 4.0):
        prior = make_prior(name, 2, sigma=sigma)
        lines = prior.outline()
        assert lines
        for line in lines:
            assert line.ndim == 2
            assert line.shape[1] == 2
            assert line.dtype == np.float64
            assert np.isfinite(line).all()
            assert np.abs(line).max() <= prior.extent
        # All codes scale with σ, so the picture does.
        unit = make_prior(name, 2, sigma=1.0)
        assert prior.extent == pytest.approx(sigma * unit.extent)
        for line, other in zip(lines, unit.outline(), strict=True):
            np.testing.assert_allclose(line, sigma * other, atol=1e-9)


# Datasets


def load(name: str, folder: Path) -> Dataset:
    plugin = DATASETS.get(name)
    reason = plugin.unavailable()
    if reason:
        pytest.skip(reason)
    try:
        loaded: Dataset = plugin(folder, **resolved(name, plugin.options, {}))
    except DataMissing as fault:
        pytest.skip(f"{name} is not on this machine: {fault}")
    return loaded


@pytest.fixture(scope="module", params=DATASETS.names())
def loaded(request: pytest.FixtureRequest) -> tuple[str, Dataset]:
    return request.param, load(request.param, SHARED_DATA)


def test_dataset_arrays(loaded: tuple[str, Dataset]) -> None:
    _, dataset = loaded
    shape = dataset.image_shape
    assert 1 <= dataset.levels <= 255
    assert dataset.value_range == (0.0, 1.0)
    for split in (dataset.train, dataset.test, dataset.probe, dataset.training_split(1)):
        assert split.images.dtype == np.uint8
        assert split.images.shape == (len(split), *shape)
        assert split.images.max() <= dataset.levels
        assert split.labels.dtype == np.int64
        assert split.labels.shape == (len(split),)
        assert set(np.unique(split.labels)) <= set(range(len(dataset.classes)))
        assert split.ids.dtype == np.int64
        assert split.ids.shape == (len(split),)
        assert len(np.unique(split.ids)) == len(split)
        # `to_unit` is what networks and canvases are given.
        unit = dataset.to_unit(split.images[:300])
        assert unit.dtype == np.float32
        assert unit.min() >= 0
        assert unit.max() <= 1
    assert dataset.train.images.max() == dataset.levels
    assert set(np.unique(dataset.test.labels)) == set(range(len(dataset.classes)))
    assert len(set(dataset.classes)) == len(dataset.classes)
    assert all(dataset.classes)


def test_dataset_splits_do_not_overlap(loaded: tuple[str, Dataset]) -> None:
    _, dataset = loaded
    assert not np.intersect1d(dataset.train.ids, dataset.test.ids).size
    assert not np.intersect1d(dataset.training_split(1).ids, dataset.test.ids).size
    # The same picture in both would make the test figures too good.
    test = {image.tobytes() for image in dataset.test.images}
    assert not test & {image.tobytes() for image in dataset.train.images}


def test_a_front_part_of_the_test_split_is_like_the_whole(loaded: tuple[str, Dataset]) -> None:
    """Figures are made from the first images: a split in the order of its classes would make them wrong."""
    _, dataset = loaded
    total = len(dataset.test)
    whole = np.bincount(dataset.test.labels, minlength=len(dataset.classes)) / total
    for size in {min(1000, total // 2), total // 4}:
        front = np.bincount(dataset.test.first(size).labels, minlength=len(dataset.classes)) / size
        # Drawn without putting back.
        error = np.sqrt(whole * (1 - whole) / size * (1 - size / total))
        assert (front > 0).all()
        assert (np.abs(front - whole) < 4 * error).all()


def test_dataset_probe(loaded: tuple[str, Dataset]) -> None:
    _, dataset = loaded
    probe = dataset.probe
    assert len(probe) == min(PROBE_SIZE, len(dataset.test) + len(dataset.train))
    assert dataset.probe is probe
    count = min(len(probe), len(dataset.test))
    np.testing.assert_array_equal(probe.ids[:count], dataset.test.ids[:count])
    assert len(np.unique(probe.ids)) == len(probe)


def test_dataset_is_the_same_every_time(loaded: tuple[str, Dataset]) -> None:
    name, dataset = loaded
    again = load(name, SHARED_DATA)
    for part in ("train", "test", "probe"):
        left, right = getattr(dataset, part), getattr(again, part)
        np.testing.assert_array_equal(left.ids, right.ids)
        np.testing.assert_array_equal(left.labels, right.labels)
        np.testing.assert_array_equal(left.images, right.images)


def test_dataset_trains(loaded: tuple[str, Dataset]) -> None:
    name, dataset = loaded
    config = ExperimentConfig(dataset=name, models=("ae",), hidden=(16,), precision="float32")
    experiment = Experiment(config, dataset)
    first = experiment.batches.of_step(0)
    assert first.images.dtype == torch.float32
    assert first.images.max() == 1
    assert len(first) == len(first.labels) == len(first.ranks) == len(first.ids)
    assert np.isfinite(experiment.train_step("ae", first)["reconstruction"])
