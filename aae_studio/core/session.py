"""Sessions: everything on disk that brings an experiment back, weights to curves.

A step's batch and noise depend on the seed and the step alone. Weights, optimiser states, the step number
and, after a fault in the middle of a step, who has taken it already are therefore the whole state, and a
restored experiment goes on bit for bit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from aae_studio import paths
from aae_studio.core import compute
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset, PixelScale
from aae_studio.core.errors import ConfigError, SessionError, StudioError, UnknownName
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.history import History
from aae_studio.core.options import Value
from aae_studio.core.parallel import ALONE, Alone
from aae_studio.core.session_folder import (
    BEFORE_OPTIONS,
    check_target,
    config_of,
    misfit,
    read_config,
    read_document,
    read_steadily,
    write,
)
from aae_studio.core.session_tensors import packed, read_history, read_training_state, read_weights
from aae_studio.core.snapshot import Array, Figures, FrozenModel

__all__ = ["TrainedRun", "check_target", "read_config", "restore", "save"]

Document = Mapping[str, Any]


def save(
    folder: Path,
    experiment: Experiment,
    history: History,
    figures: Mapping[str, Figures] | None = None,
) -> None:
    """Write the experiment, as it is between two steps, to `folder`.

    `figures` are those of each model to note in `session.json`; without them they are computed. Raises
    SessionError, and leaves what was there, when the folder cannot be written or holds something else.
    """
    if figures is None:
        snapshot = experiment.snapshot()
        figures = {name: snapshot.figures(name) for name in experiment.models}
    document = {
        "config": dataclasses.asdict(experiment.config),
        # With those that were left at their defaults, which may be others some day.
        "options": {
            f"{name}.{key}": value
            for registry, name in experiment.config.plugins()
            for key, value in experiment.config.options_of(name, registry.get(name).options).items()
        },
        "step": experiment.step,
        "epoch": experiment.epoch,
        "seconds": float(experiment.seconds),
        # What `auto` chose: measured anew, it could choose differently and change the curves.
        "precision": str(experiment.precision).removeprefix("torch."),
        "image_shape": list(experiment.dataset.image_shape),
        "classes": list(experiment.dataset.classes),
        "ahead": {name: _finite(losses) for name, losses in experiment.ahead.items()},
        "figures": {
            name: {"count": part.count, "total": part.total, **_finite(part.measured)}
            for name, part in figures.items()
        },
        # A safetensors file does not keep the order of its arrays.
        "curves": list(history.as_arrays()),
    }
    write(folder, document, packed(experiment, history))


def restore(
    folder: Path, data_dir: Path, group: Alone = ALONE, dataset: Dataset | None = None
) -> tuple[Experiment, History]:
    """The experiment in `folder`, ready to go on, and its curves.

    `dataset`: the one to train on; without it, it is loaded. On a machine without the session's device
    the experiment comes back on the CPU. How many processes trained it does not matter to the `group`
    that goes on. Raises SessionError for a folder that is damaged or foreign, and what `load_dataset`
    raises.
    """
    return read_steadily(folder, partial(_restored, folder, data_dir, dataset, group))


def _restored(
    folder: Path, data_dir: Path, dataset: Dataset | None, group: Alone, document: Document
) -> tuple[Experiment, History]:
    config = _as_it_was(folder, document)
    try:
        compute.choose_device(config.device)
    except ConfigError:
        config = config.with_(device="cpu")
    history = read_history(folder, document)
    if dataset is None:
        dataset = load_dataset(config, data_dir)
    experiment = Experiment(config, matching(folder, document, dataset), group)
    experiment.step, experiment.seconds = document["step"], document["seconds"]
    experiment.precision = getattr(torch, document["precision"])
    experiment.ahead = {
        name: {curve: math.nan if value is None else value for curve, value in losses.items()}
        for name, losses in document.get("ahead", {}).items()
        if name in experiment.models
    }
    read_weights(folder, document, experiment)
    read_training_state(folder, document, experiment)
    return experiment, history


def _as_it_was(folder: Path, document: Document) -> ExperimentConfig:
    """The configuration, with options that were left at a default which is another now.

    Raises SessionError.
    """
    config = config_of(folder, document)
    former = {f"{name}.{key}": value for name in config.models for key, value in BEFORE_OPTIONS.items()}
    known = document.get("options", former)
    others: dict[str, Value] = {}
    for registry, name in config.plugins():
        for option in registry.get(name).options:
            key = f"{name}.{option.name}"
            then = known.get(key, option.default)
            try:
                then = option.checked(tuple(then) if isinstance(then, list) else then, key)
            except ConfigError as fault:
                raise misfit(folder, fault) from fault
            if key not in config.options and then != option.default:
                others[key] = then
    return config.with_(**others)


class TrainedRun:
    """The trained models of a RUN folder, for other programs: numpy arrays in and out, on the CPU.

    `config` is the experiment's configuration, `models` the names of its models, `step` how far they
    were trained and `image_shape` (C, H, W). Only `dataset` needs the dataset's files. Raises
    SessionError when the folder is damaged or foreign.
    """

    def __init__(self, folder: Path, data_dir: str | Path | None = None) -> None:
        document = read_document(folder)
        self.folder, self.config = folder, _as_it_was(folder, document)
        self.step: int = document["step"]
        self._document, self._data_dir = document, paths.data_dir(data_dir)
        shape: tuple[int, int, int] = tuple(document["image_shape"])
        self.image_shape = shape
        plain = self.config.with_(device="cpu", precision="float32")
        # Sessions of before models knew classes name none.
        experiment = Experiment(plain, _Absent(shape, tuple(document.get("classes", ()))))
        read_weights(folder, document, experiment)
        self._frozen = dict(experiment.snapshot().models)
        self.models: tuple[str, ...] = tuple(self._frozen)

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset that the models were trained on, loaded at first use. Raises StudioError."""
        return matching(self.folder, self._document, load_dataset(self.config, self._data_dir))

    @property
    def encoders(self) -> tuple[str, ...]:
        """The models that can encode; a GAN cannot."""
        return tuple(name for name, frozen in self._frozen.items() if frozen.has_encoder)

    def encode(self, images: npt.ArrayLike, model: str | None = None) -> Array:
        """Codes, float32 (n, latent size), of images (n, C, H, W) with values in [0, 1].

        `model` can be left out where only one has an encoder. A probabilistic encoder gives the mean of
        q(z|x). Raises StudioError for another shape, other values or a model that cannot encode.
        """
        return self._chosen(model, self.encoders, "encode").encode(self._images(images))

    @property
    def finders(self) -> tuple[str, ...]:
        """The models that find out the class of an image, or a cluster that it belongs to."""
        return tuple(name for name, frozen in self._frozen.items() if frozen.model.finds)

    def class_shares(self, images: npt.ArrayLike, model: str | None = None) -> Array:
        """q(y|x), float32 (n, classes or clusters), of images (n, C, H, W) with values in [0, 1].

        `model` can be left out where only one finds classes or clusters. Raises what `encode` raises.
        """
        shares = self._chosen(model, self.finders, "find classes").class_shares(self._images(images))
        assert shares is not None
        return shares

    def _images(self, images: npt.ArrayLike) -> Array:
        """The images as an array. Raises StudioError for another shape or other values."""
        values = _numbers(images, "images", ("n", *self.image_shape))
        if values.size and (values.min() < 0 or values.max() > 1):
            raise StudioError(
                "The images should have values from 0 to 1; these go from {low:g} to {high:g}.",
                low=values.min(),
                high=values.max(),
            )
        return values

    def conditions(self, model: str | None = None) -> tuple[str, ...]:
        """The classes or clusters that a model's decoder is told beside the code; mostly none."""
        return self._chosen(model, self.models, "decode").conditions

    def decode(
        self,
        codes: npt.ArrayLike,
        model: str | None = None,
        condition: str | npt.NDArray[np.integer[Any]] | None = None,
    ) -> Array:
        """Images, float32 (n, C, H, W) with values in [0, 1], from codes (n, latent size).

        `model` can be left out where there is only one. `condition`: one of the model's `conditions`, which
        goes with all codes, or for each code a place among them, (n,). Raises StudioError for another
        shape, values that are not finite, or an unknown condition.
        """
        frozen = self._chosen(model, self.models, "decode")
        numbers = _numbers(codes, "codes", ("n", self.config.latent_size))
        if condition is None or isinstance(condition, str):
            return frozen.decode(numbers, _place_of(condition, frozen))
        _place_of(next(iter(frozen.conditions), ""), frozen)
        places, count = np.asarray(condition), len(frozen.conditions)
        fits = places.dtype.kind in "iu" and places.shape == (len(numbers),)
        if not fits or not ((places >= 0) & (places < count)).all():
            raise StudioError("Each code should have a place among the {count} conditions.", count=count)
        return frozen.decode(numbers, places)

    def _chosen(self, model: str | None, able: tuple[str, ...], act: str) -> FrozenModel:
        if model is None and len(able) == 1:
            return self._frozen[able[0]]
        if model in able:
            return self._frozen[model]
        if not able:
            raise StudioError("No model of this session can {act}.", act=act)
        template = (
            "Say which model should {act}: {names}."
            if model is None
            else "No model “{model}” of this session can {act}. There are: {names}."
        )
        raise StudioError(template, model=model, act=act, names=", ".join(able))


class _Absent(Dataset):
    """A dataset of which only image shape and classes are known; enough to build models."""

    def __init__(self, shape: tuple[int, int, int], classes: tuple[str, ...]) -> None:
        self._shape, self.classes = shape, classes

    @cached_property
    def pixels(self) -> PixelScale:
        """One that says nothing: an encoder that standardises has its own among its weights."""
        return PixelScale(np.zeros(self._shape, np.float32), 1.0)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self._shape


def _place_of(condition: str | None, frozen: FrozenModel) -> int:
    """The place of a condition among a model's; the first where none is asked for. Raises StudioError."""
    if condition is None:
        return 0
    if not frozen.conditions:
        raise StudioError(
            "The decoder of the {title} is told nothing beside the code; leave the condition out.",
            title=frozen.model.short,
        )
    if condition not in frozen.conditions:
        raise UnknownName("condition", condition, frozen.conditions)
    return frozen.conditions.index(condition)


def _finite(figures: Mapping[str, float | None]) -> dict[str, float | None]:
    """For JSON, which knows no infinity."""
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in figures.items()
    }


def matching(folder: Path, document: Document, dataset: Dataset) -> Dataset:
    """The dataset, if its images have the shape of the session's. Raises SessionError."""
    if list(dataset.image_shape) != document["image_shape"]:
        raise SessionError(
            "The session {folder} was trained on images of the shape {expected}; “{title}” has {found}.",
            folder=folder,
            expected=tuple(document["image_shape"]),
            title=dataset.title,
            found=dataset.image_shape,
        )
    return dataset


def _numbers(values: npt.ArrayLike, what: str, shape: tuple[str | int, ...]) -> Array:
    """The values as finite float32 numbers of this shape, whose first length is free."""
    expected = "(" + ", ".join(str(length) for length in shape) + ")"
    try:
        array = np.asarray(values)
    except ValueError:
        raise StudioError(
            "The {what} are not an array; expected the shape {expected}.", what=what, expected=expected
        ) from None
    if array.dtype.kind not in "fiub":
        raise StudioError("The {what} are not numbers but {found}.", what=what, found=array.dtype)
    if array.ndim != len(shape) or array.shape[1:] != shape[1:]:
        raise StudioError(
            "The {what} have the shape {found}; expected {expected}.",
            what=what,
            found=array.shape,
            expected=expected,
        )
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise StudioError("The {what} should be finite numbers everywhere.", what=what)
    return numbers
