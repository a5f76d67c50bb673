"""Repeats: configurations trained one after the other, measured alike, and what their spread says.

from aae_studio.core.repeats import Run, repeat, spread, with_seeds

events = repeat(with_seeds(config, 5), steps=1000, data_dir=folder)
runs = [event for event in events if isinstance(event, Run)]
print(spread(runs)["aae"]["mmd_to_prior"])
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from aae_studio.core.apart import Passing
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import StudioError
from aae_studio.core.evaluation import FIGURES, LIVE_SIZE, chance, evaluate
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.metrics import Classifier, classifier_training
from aae_studio.core.metrics.classifier import STEPS
from aae_studio.core.registry import DATASETS
from aae_studio.core.snapshot import Array, FrozenModel, Snapshot

# What models are compared by, in the order of a table: what most of them have.
COMPARED = (
    "recon_mse",
    "mmd_to_prior",
    "sw1_to_prior",
    "hole_fraction",
    "precision",
    "recall",
    "coverage",
    "knn_accuracy",
)
# Student's t that 95 of 100 keep to, by the number of values but one.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
NORMAL = 1.96


@dataclass(frozen=True)
class Measure:
    """A figure and how far chance moves it: 95 of 100 keep within `noise` of it.

    Of `count` > 1 runs it is their mean, `deviation` their standard deviation (unbiased), and `noise` the
    half of Student's 95 % interval of the mean.
    """

    value: float
    noise: float
    deviation: float | None = None
    count: int = 1


Measures = Mapping[str, Measure]


@dataclass(frozen=True)
class Progress(Passing):
    """How far training has come: `step` of `steps`, of run `place` (from 0) of `runs`; or, `judging`, that of
    the classifier which judges them."""

    place: int
    runs: int
    step: int
    steps: int
    judging: bool = False


@dataclass(frozen=True)
class Judge:
    """The classifier for the data that `data_of` names."""

    data: Hashable
    classifier: Classifier


@dataclass(frozen=True)
class Run:
    """A configuration that was trained for `steps`, or why it could not be.

    `measures` by model and by name in `COMPARED`; `codes` (n, latent size) of the probe subset by model, for
    those with an encoder, and its `labels` (n,); `extent` is that of the prior, in code units.
    """

    config: ExperimentConfig
    steps: int
    measures: Mapping[str, Measures] = field(default_factory=dict)
    codes: Mapping[str, Array] = field(default_factory=dict)
    labels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    extent: float = 1.0
    fault: StudioError | None = None


Event = Progress | Judge | Run
Name = TypeVar("Name", bound=Hashable)


def data_of(config: ExperimentConfig) -> Hashable:
    """What decides a configuration's images: equal ones have the same classifier."""
    options = config.options_of(config.dataset, DATASETS.get(config.dataset).options)
    return config.dataset, tuple(options.items())


def with_seeds(config: ExperimentConfig, count: int) -> list[ExperimentConfig]:
    """The configuration with its own seed and the next ones."""
    return [config.with_(seed=(config.seed + place) % 2**31) for place in range(count)]


def repeat(
    configs: Sequence[ExperimentConfig],
    steps: int,
    data_dir: Path,
    judges: Mapping[Hashable, Classifier] | None = None,
) -> Iterator[Event]:
    """Train each configuration from step 0 for `steps` ≥ 0, one after the other, and measure it.

    Yields a `Progress` after every step, so that it can be left there, and a `Run` after each configuration.
    A classifier is trained first where `judges` (by `data_of`) has none for the data, and yielded as a
    `Judge`. A configuration that cannot be trained gives a Run with the fault, and the next one follows.
    """
    known, loaded = dict(judges or {}), dict[Hashable, Dataset]()
    for place, config in enumerate(configs):
        try:
            # Whether a batch is too large is seen when the data are loaded.
            data = data_of(config)
            key = data, config.batch_size
            if key not in loaded:
                loaded = {key: load_dataset(config, data_dir)}
            if data not in known:
                for news in judge(config, loaded[key], place, len(configs)):
                    if isinstance(news, Judge):
                        known[data] = news.classifier
                    yield news
            yield from _trained(config, steps, loaded[key], known[data], place, len(configs))
        except StudioError as fault:
            yield Run(config, steps, fault=fault)


def judge_of(config: ExperimentConfig, data_dir: Path) -> Iterator[Progress | Judge]:
    """Train the classifier for a configuration's data. Raises what `load_dataset` raises."""
    yield from judge(config, load_dataset(config, data_dir))


def judge(
    config: ExperimentConfig, dataset: Dataset, place: int = 0, runs: int = 0
) -> Iterator[Progress | Judge]:
    """Train the classifier of a dataset that is loaded: a `Progress` at every step, then the `Judge`."""
    images = torch.from_numpy(dataset.to_unit(dataset.train.images))
    labels = torch.from_numpy(dataset.train.labels)
    # The same for all seeds: what differs between runs is the models.
    training = classifier_training(images, labels, len(dataset.classes))
    for step, classifier in enumerate(training):
        trained = classifier
        yield Progress(place, runs, step, STEPS, judging=True)
    yield Judge(data_of(config), trained)


def _trained(
    config: ExperimentConfig, steps: int, dataset: Dataset, judge: Classifier, place: int, runs: int
) -> Iterator[Progress | Run]:
    experiment = Experiment(config, dataset)
    yield Progress(place, runs, 0, steps)
    for report in islice(experiment.run(), steps):
        yield Progress(place, runs, report.step, steps)
    snapshot = experiment.snapshot()
    measures, codes = dict[str, Measures](), dict[str, Array]()
    for name, frozen in snapshot.models.items():
        measures[name] = measured(snapshot, name, judge, config.seed)
        if frozen.has_encoder:
            codes[name] = frozen.encode(snapshot.probe_images)
        yield Progress(place, runs, steps, steps)
    labels, extent = dataset.probe.labels, experiment.prior.extent
    yield Run(config, steps, measures, codes, labels, float(extent))


def measured(
    snapshot: Snapshot, name: str, judge: Classifier | None, seed: int = 0, size: int = LIVE_SIZE
) -> dict[str, Measure]:
    """The figures in `COMPARED` that exist for one model of a snapshot, on the first `size` test images;
    those of generated images need a `judge`. A figure that is not finite is left out."""
    frozen, dataset = snapshot.models[name], snapshot.dataset
    figures = evaluate(frozen, snapshot.prior, dataset, judge, size, seed, bounds=False)
    count = min(size, len(dataset.test))
    measures = {}
    for figure in COMPARED:
        value = figures.get(figure, math.nan)
        if math.isfinite(value):
            measures[figure] = Measure(value, _noise(figure, value, count, frozen, dataset))
    return measures


def _noise(figure: str, value: float, count: int, frozen: FrozenModel, dataset: Dataset) -> float:
    known = chance(figure, count)
    if known is not None:
        return known
    if figure == "hole_fraction":
        return share_noise(value, LIVE_SIZE)
    part = dataset.test.first(count)
    images = dataset.to_unit(part.images)
    errors = np.square(frozen.reconstruct(images, part.labels) - images, dtype=np.float64)
    return mean_noise(errors.mean(axis=(1, 2, 3)))


def share_noise(share: float, count: int) -> float:
    """Half of the 95 % interval of a share of `count` independent samples (Agresti and Coull, The American
    Statistician 52, 1998: as with two successes and two failures more, so it is not 0 for a share of 0)."""
    p = (share * count + 2) / (count + 4)
    return NORMAL * math.sqrt(p * (1 - p) / (count + 4))


def mean_noise(values: npt.NDArray[np.float64]) -> float:
    """Half of the 95 % interval of the mean of independent values (n,), n ≥ 2."""
    return float(NORMAL * values.std(ddof=1) / math.sqrt(len(values)))


def spread(runs: Sequence[Run]) -> dict[str, dict[str, Measure]]:
    """Mean and spread over those runs that could be trained, by model and figure."""
    whole = [run for run in runs if run.fault is None]
    found: dict[str, dict[str, Measure]] = {}
    for name in dict.fromkeys(name for run in whole for name in run.measures):
        rows = [run.measures[name] for run in whole if name in run.measures]
        shared = [figure for figure in COMPARED if all(figure in row for row in rows)]
        found[name] = {figure: _over([row[figure] for row in rows]) for figure in shared}
    return found


def _over(measures: Sequence[Measure]) -> Measure:
    """One figure of several runs; of a single one, itself."""
    count = len(measures)
    if count == 1:
        return measures[0]
    values = [measure.value for measure in measures]
    deviation = stdev(values)
    quantile = STUDENT[min(count - 1, len(STUDENT)) - 1]
    return Measure(fmean(values), quantile * deviation / math.sqrt(count), deviation, count)


def best(figure: str, measures: Mapping[Name, Measure]) -> Name | None:
    """Whose measure of a figure is the best, if it is better than each of the others by more than the noise
    of both; None where nobody's is, or there is nobody to compare with."""
    if len(measures) < 2:
        return None
    sign = 1 if FIGURES[figure].higher else -1
    first, *others = sorted(measures, key=lambda name: -sign * measures[name].value)
    leader = measures[first]
    clear = all(
        sign * (leader.value - measures[name].value) > math.hypot(leader.noise, measures[name].noise)
        for name in others
    )
    return first if clear else None
