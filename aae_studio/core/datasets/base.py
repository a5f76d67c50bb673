"""What a dataset is: images, labels, a train and a test split, and a fixed probe subset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from aae_studio.core import sketch
from aae_studio.core.errors import StudioError
from aae_studio.core.options import Option, Value

PROBE_SIZE = 2000
# Training images whose mean and deviation stand for those of all.
SCALE_SIZE, SCALE_PART = 10_000, 500


@dataclass(frozen=True)
class Split:
    """Some of a dataset's samples.

    `images`: (n, C, H, W), uint8 from 0 to the dataset's `levels`. `labels`: (n,), int64, places in
    `classes`. `ids`: (n,), int64, the same sample has the same id in every run.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int) -> Split:
        """At most `count` samples from the front."""
        return Split(self.images[:count], self.labels[:count], self.ids[:count])

    def after(self, count: int) -> Split:
        """All but `count` samples at the front."""
        return Split(self.images[count:], self.labels[count:], self.ids[count:])

    def joined(self, other: Split) -> Split:
        """These samples, then the other's."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Split(*(np.concatenate(pair) for pair in pairs))


class PixelScale(NamedTuple):
    """By what images are standardised: less `mean`, (C, H, W), divided by `deviation`, a number above 0."""

    mean: npt.NDArray[np.float32]
    deviation: float


class Dataset(ABC):
    """Labelled images with values in [0, 1], stored as whole levels.

    Construction loads or draws the data; `data_dir` is the folder of downloaded files. Raises
    DataMissing when they are not there and StudioError when they are damaged.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    order: ClassVar[int] = 50
    options: ClassVar[tuple[Option, ...]] = ()
    attribution: ClassVar[str] = ""
    levels: ClassVar[int] = 255
    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    classes: tuple[str, ...]
    train: Split
    test: Split

    @abstractmethod
    def __init__(self, data_dir: Path, **option: Value) -> None: ...

    @classmethod
    def unavailable(cls) -> str | None:
        """Why this dataset cannot be used on this machine at all, or None."""
        return None

    @classmethod
    def download(cls, data_dir: Path) -> Iterator[tuple[int, int]]:
        """Fetch the files into `data_dir`; yields (done, all). Nothing to do where there are none.

        Closing the iterator cancels. Raises StudioError.
        """
        yield from ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        _, channels, height, width = self.test.images.shape
        return channels, height, width

    @cached_property
    def pixels(self) -> PixelScale:
        """The mean image of at most 10 000 training images, and the deviation of all their pixels."""
        images = self.train.first(SCALE_SIZE).images
        # Whole levels, part by part: as float32, large images would take a gigabyte.
        parts = (images[start : start + SCALE_PART] for start in range(0, len(images), SCALE_PART))
        counts = sum(np.bincount(part.ravel(), minlength=self.levels + 1) for part in parts)
        mean = (images.mean(axis=0, dtype=np.float64) / self.levels).astype(np.float32)
        if np.count_nonzero(counts) < 2:
            # Images that are all the same have no scale.
            return PixelScale(mean, 1.0)
        levels = np.arange(self.levels + 1) / self.levels
        off = levels - np.average(levels, weights=counts)
        return PixelScale(mean, float(np.sqrt(np.average(off**2, weights=counts))))

    @cached_property
    def probe(self) -> Split:
        """The samples that the canvases show: the test split, filled up from training to 2 000."""
        some = self.test.first(PROBE_SIZE)
        return some.joined(self.train.first(PROBE_SIZE - len(some)))

    @cached_property
    def everything(self) -> Split:
        """All samples, those of the probe subset first."""
        return self.test.joined(self.train)

    def drawn(self, count: int | None) -> Split:
        """The probe subset, or with a larger `count` so many samples that begin with it; None: all."""
        least, total = len(self.probe), len(self.test) + len(self.train)
        if count is not None and min(count, total) <= least:
            return self.probe
        return self.everything.first(total if count is None else count)

    def training_split(self, epoch: int) -> Split:
        """The samples of an epoch: always `train`, or new ones for a dataset without end."""
        return self.train

    def check(self) -> None:
        """Raise StudioError, with a sentence, where `train` or `test` does not hold what a Split should."""
        for split in (self.train, self.test):
            self._check_images(split.images)
            self._check_labels(split)

    def _check_images(self, images: npt.NDArray[np.uint8]) -> None:
        wanted = (len(images), *np.shape(self.train.images)[1:])
        if (
            getattr(images, "dtype", None) != np.uint8
            or images.ndim != 4
            or 0 in wanted
            or images.shape != wanted
        ):
            raise StudioError(
                "“{title}”: images should be uint8 of the shape (n, C, H, W), all of one size, and some are "
                "{dtype} of the shape {shape}.",
                title=self.title,
                dtype=getattr(images, "dtype", type(images).__name__),
                shape=np.shape(images),
            )
        # Where white is the greatest number that a byte holds, none can be greater.
        if self.levels < np.iinfo(np.uint8).max and images.max() > self.levels:
            raise StudioError(
                "“{title}”: a pixel is {level}, and white is {levels} (`levels`).",
                title=self.title,
                level=images.max(),
                levels=self.levels,
            )

    def _check_labels(self, split: Split) -> None:
        for column in (split.labels, split.ids):
            if np.shape(column) != (len(split),) or np.asarray(column).dtype.kind not in "iu":
                raise StudioError(
                    "“{title}”: {count} images should have as many labels and ids, whole numbers, and some "
                    "are {dtype} of the shape {shape}.",
                    title=self.title,
                    count=len(split),
                    dtype=np.asarray(column).dtype,
                    shape=np.shape(column),
                )
        low, high, count = split.labels.min(), split.labels.max(), len(self.classes)
        if low < 0 or high >= count:
            raise StudioError(
                "“{title}”: labels should be places in `classes`, of which there are {count}, and go from "
                "{low} to {high}.",
                title=self.title,
                count=count,
                low=low,
                high=high,
            )

    @property
    def endless(self) -> bool:
        """Whether each epoch has samples of its own."""
        return type(self).training_split is not Dataset.training_split

    def to_unit(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Levels to float32 values in [0, 1]."""
        return images.astype(np.float32) / np.float32(self.levels)

    def framed(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A picture (C, height, width) of any size, light on black, scaled and placed as the data are."""
        _, height, width = self.image_shape
        return sketch.fitted(picture, height, width)

    def normalised(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A picture `framed`, in whole levels over [0, 1]: what could be an image (C, H, W) of the data."""
        levels = np.rint(self.framed(picture).clip(0, 1) * self.levels)
        return self.to_unit(levels.astype(np.uint8))
