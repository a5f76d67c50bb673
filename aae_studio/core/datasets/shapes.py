"""Anti-aliased geometric shapes with known factors, drawn without end from a seed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.options import Option, Value

Array = npt.NDArray[np.float64]

KINDS = ("circle", "square", "triangle", "pentagon", "star", "cross", "half-disc")
TRAIN_SIZE, TEST_SIZE = 8192, 2048
# Ids of the test split start here, far above any epoch of training.
TEST_START = 1 << 40
FACTORS = ("kind", "size", "angle", "x", "y", "stroke", "red", "green", "blue")


def uniform_numbers(ids: npt.NDArray[np.int64], columns: int) -> Array:
    """Numbers in [0, 1), shape (n, columns), that depend on the id and the column alone.

    SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
    """
    golden = np.uint64(0x9E3779B97F4A7C15)
    rows = ids.astype(np.uint64) * np.uint64(columns)
    counter: npt.NDArray[np.uint64] = np.add.outer(rows, np.arange(columns, dtype=np.uint64))
    with np.errstate(over="ignore"):
        mixed = (counter + np.uint64(1)) * golden
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53


def _polygon(x: Array, y: Array, sides: int) -> Array:
    """Signed distance to the edge lines of a regular polygon with corners at distance 1."""
    sector = 2 * np.pi / sides
    angle = np.mod(np.arctan2(y, x) + sector / 2, sector) - sector / 2
    signed: Array = np.hypot(x, y) * np.cos(angle) - np.cos(sector / 2)
    return signed


def _star(x: Array, y: Array) -> Array:
    """Signed distance to the edge lines of a five-pointed star with points at distance 1."""
    sector = 2 * np.pi / 5
    angle = np.abs(np.mod(np.arctan2(y, x) + sector / 2, sector) - sector / 2)
    radius = np.hypot(x, y)
    px, py = radius * np.cos(angle), radius * np.sin(angle)
    inner = 0.45
    # The edge from a point (1, 0) to the notch at half a sector.
    ex, ey = inner * np.cos(sector / 2) - 1, inner * np.sin(sector / 2)
    signed: Array = ((px - 1) * ey - py * ex) / np.hypot(ex, ey)
    return signed


def _box(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def distance(kind: int, x: Array, y: Array) -> Array:
    """Signed distance (negative inside) from points to a shape of size 1 around the origin."""
    match KINDS[kind]:
        case "circle":
            return np.hypot(x, y) - 0.9
        case "square":
            return _box(x, y, 0.75, 0.75)
        case "triangle":
            return _polygon(-y, x, 3)
        case "pentagon":
            return _polygon(-y, x, 5)
        case "star":
            return _star(y, x)
        case "cross":
            return np.minimum(_box(x, y, 0.95, 0.32), _box(x, y, 0.32, 0.95))
        case _:
            return np.maximum(np.hypot(x, y) - 1.0, -y - 0.1)


class Shapes(Dataset):
    """Circles, squares, triangles and more. Every epoch draws new ones; a sample's id fixes its image."""

    title = "Shapes"
    summary = "drawn without end"
    order = 20
    attribution = "Drawn by the Studio"
    options: ClassVar[tuple[Option, ...]] = (
        Option("size", "Image size", 28, "Pixels along each edge.", minimum=8, maximum=64),
        Option("color", "Colour", False, "Three channels instead of one."),
        Option(
            "data_seed",
            "Data seed",
            0,
            "Another seed draws other shapes.",
            minimum=0,
            maximum=2**20,
        ),
    )

    def __init__(self, data_dir: Path, **option: Value) -> None:
        self.size = int(option["size"])  # type: ignore[arg-type]
        self.color = bool(option["color"])
        # Each seed has a range of ids to itself.
        self.offset = int(option["data_seed"]) << 42  # type: ignore[arg-type]
        self.classes = KINDS
        self.train = self.draw(np.arange(TRAIN_SIZE))
        self.test = self.draw(np.arange(TEST_START, TEST_START + TEST_SIZE))

    def training_split(self, epoch: int) -> Split:
        if epoch == 0:
            return self.train
        return self.draw(np.arange(epoch * TRAIN_SIZE, (epoch + 1) * TRAIN_SIZE))

    def factors(self, ids: npt.NDArray[np.int64]) -> Array:
        """The factors of the samples, shape (n, 9), in the order of `FACTORS`.

        kind: place in `classes`. size: half the extent over half the image, 0.3–0.7. angle: radians,
        ±0.6. x, y: centre over half the image, ±0.25. stroke: line width over the size, above 0.5
        filled. red, green, blue: 0.3–1.
        """
        unit = uniform_numbers(ids + self.offset, len(FACTORS))
        low = np.array([0, 0.3, -0.6, -0.25, -0.25, 0.15, 0.3, 0.3, 0.3])
        high = np.array([len(KINDS), 0.7, 0.6, 0.25, 0.25, 0.85, 1, 1, 1])
        values: Array = low + (high - low) * unit
        values[:, 0] = np.floor(values[:, 0])
        return values

    def draw(self, ids: npt.NDArray[np.int64]) -> Split:
        """Draw the samples with these ids."""
        values = self.factors(ids)
        images = np.empty((len(ids), 3 if self.color else 1, self.size, self.size), np.uint8)
        for kind in range(len(KINDS)):
            chosen = np.flatnonzero(values[:, 0] == kind)
            # A few hundred at a time stay within the processor's cache.
            for part in np.array_split(chosen, len(chosen) // 256 + 1):
                images[part] = self._painted(kind, values[part])
        return Split(images, values[:, 0].astype(np.int64), ids.astype(np.int64))

    def _painted(self, kind: int, values: Array) -> npt.NDArray[np.uint8]:
        """Images (n, C, H, W) of one kind."""
        _, size, angle, x, y, stroke = (column[:, None, None] for column in values[:, :6].T)
        axis = (np.arange(self.size) + 0.5) / self.size * 2 - 1
        dx, dy = axis[None, None, :] - x, -axis[None, :, None] - y
        cos, sin = np.cos(angle) / size, np.sin(angle) / size
        edge = distance(kind, dx * cos + dy * sin, dy * cos - dx * sin)
        edge = np.where(stroke > 0.5, edge, np.abs(edge + stroke / 2) - stroke / 2)
        # One pixel wide, from covered to not: the distance is in sizes, the image 2 wide.
        coverage = np.clip(0.5 - edge * size * self.size / 2, 0, 1)
        levels: npt.NDArray[np.uint8] = np.rint(coverage * self.levels).astype(np.uint8)[:, None]
        if not self.color:
            return levels
        tinted: npt.NDArray[np.uint8] = np.rint(levels * values[:, 6:9, None, None]).astype(np.uint8)
        return tinted
