"""Points to pixels: thousands of class-shaped markers painted into one array, without Qt."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]

# Up to so many points are drawn with markers of this diameter, in logical pixels; more as single pixels.
SIZES = ((3_000, 7.0), (8_000, 5.0), (30_000, 3.0), (120_000, 2.0))
# Smaller markers, in logical pixels, are squares: their shapes could not be told apart.
SMALLEST_SHAPE = 4.0
SUPERSAMPLING = 8
SHAPES = (
    "disc",
    "square",
    "triangle",
    "diamond",
    "triangle-down",
    "plus",
    "cross",
    "pentagon",
    "ring",
    "bar",
)


def marker_size(count: int) -> float:
    """Diameter of a marker in logical pixels when so many points are drawn; 1 for single pixels."""
    return next((size for most, size in SIZES if count <= most), 1.0)


def coverage(shape: str, diameter: float) -> npt.NDArray[np.float64]:
    """How much of each pixel a marker covers, 0 to 1, shape (odd, odd), centred."""
    half = int(np.ceil(diameter / 2))
    side = (2 * half + 1) * SUPERSAMPLING
    axis = ((np.arange(side) + 0.5) / SUPERSAMPLING - half - 0.5) / (diameter / 2)
    x, y = np.meshgrid(axis, axis)
    ax, ay, radius = np.abs(x), np.abs(y), np.hypot(x, y)
    inside = {
        "disc": radius <= 0.92,
        "square": np.maximum(ax, ay) <= 0.78,
        "triangle": (y <= 0.75) & (ax <= (y + 1.05) * 0.56),
        "diamond": ax + ay <= 1.08,
        "triangle-down": (y >= -0.75) & (ax <= (1.05 - y) * 0.56),
        "plus": (np.minimum(ax, ay) <= 0.3) & (np.maximum(ax, ay) <= 1.0),
        "cross": (np.minimum(np.abs(x + y), np.abs(x - y)) <= 0.45) & (np.maximum(ax, ay) <= 0.85),
        "pentagon": np.maximum.reduce(
            [x * np.sin(turn) - y * np.cos(turn) for turn in 2 * np.pi * (np.arange(5) + 0.5) / 5]
        )
        <= 0.78,
        "ring": (radius <= 1.0) & (radius >= 0.45),
        "bar": (ax <= 1.0) & (ay <= 0.4),
    }[shape]
    size = 2 * half + 1
    return inside.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING).mean(axis=(1, 3))


class Marks(NamedTuple):
    """Some pixels of each shape: row and column offsets and alpha (0–255), each (shapes, most pixels).

    Shorter rows repeat their first pixel, which paints it again and changes nothing.
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    alphas: npt.NDArray[np.uint32]


@lru_cache(maxsize=16)
def _markers(diameter: float) -> tuple[Marks, Marks]:
    """All shapes' edge pixels, which are covered in part, and their full ones."""
    edges, full = [], []
    for shape in SHAPES:
        alpha = np.rint(coverage(shape, diameter) * 255).astype(np.int64)
        y, x = np.nonzero(alpha > 24)
        middle = alpha.shape[0] // 2
        pixels = np.stack([y - middle, x - middle, alpha[y, x]])
        whole = pixels[2] == 255
        edges.append(pixels[:, ~whole] if not whole.all() else pixels)
        full.append(pixels[:, whole] if whole.any() else pixels)
    return _padded(edges), _padded(full)


def _padded(shapes: list[npt.NDArray[np.int64]]) -> Marks:
    longest = max(pixels.shape[1] for pixels in shapes)
    padded = [
        np.concatenate([np.repeat(pixels[:, :1], longest - pixels.shape[1], axis=1), pixels], axis=1)
        for pixels in shapes
    ]
    rows, columns, alphas = np.stack(padded, axis=1)
    return Marks(rows, columns, alphas.astype(np.uint32))


def premultiplied(color: npt.NDArray[np.uint32], alpha: npt.NDArray[np.uint32]) -> Pixels:
    """0xAARRGGBB with the colour (…, 3) scaled by alpha (…), as Qt's ARGB32_Premultiplied has it."""
    scaled = (color * alpha[..., None] + 127) // 255
    return (alpha << 24 | scaled[..., 0] << 16 | scaled[..., 1] << 8 | scaled[..., 2]).astype(np.uint32)


def _blocks(
    places: Floats,
    classes: npt.NDArray[np.int64],
    palette: npt.NDArray[np.uint32],
    width: int,
    height: int,
    side: int,
) -> Pixels:
    """Points as squares of `side` pixels: too small for shapes, and as quick as numpy can be."""
    before = (side - 1) // 2
    # A frame around the image takes what squares at the edge have outside.
    columns, rows = width + side, height + side
    image = np.zeros(rows * columns, np.uint32)
    x, y = places[:, 0] + np.float32(0), places[:, 1] + np.float32(0)
    there = (x > -0.5) & (x < width) & (y > -0.5) & (y < height)
    if not there.all():
        x, y, classes = x[there], y[there], classes[there]
    corner = np.rint(y - 0.5).astype(np.int32) * columns + np.rint(x - 0.5).astype(np.int32)
    colors = premultiplied(palette, np.full(len(palette), 255, np.uint32))
    ink = colors[classes] if int(classes.max(initial=0)) < len(colors) else colors[classes % len(colors)]
    for down in range(side):
        for right in range(side):
            image[corner + (down * columns + right)] = ink
    shown = image.reshape(rows, columns)[before : before + height, before : before + width]
    return np.ascontiguousarray(shown)


def rasterise(
    places: Floats,
    classes: npt.NDArray[np.int64],
    palette: npt.NDArray[np.uint32],
    width: int,
    height: int,
    ratio: float = 1.0,
) -> Pixels:
    """Paint points into a transparent image (height, width) of premultiplied ARGB.

    `places`: (n, 2) in device pixels. `classes`: (n,), each picks a colour of `palette` (k, 3), 0–255, and
    a shape. `ratio`: device pixels per logical pixel. Later points lie above earlier ones.
    """
    if len(places) == 0:
        return np.zeros((height, width), np.uint32)
    size = marker_size(len(places)) * ratio
    if size < SMALLEST_SHAPE * ratio:
        return _blocks(places, classes, palette, width, height, max(1, round(size)))
    # A frame around the image takes what markers at the edge have outside.
    reach = int(np.ceil(size / 2))
    frame = 2 * reach
    columns, rows = width + 2 * frame, height + 2 * frame
    pixels = np.rint(np.clip(places, -1e6, 1e6) - 0.5).astype(np.int64)
    x, y = pixels[:, 0], pixels[:, 1]
    there = (x >= -reach) & (x < width + reach) & (y >= -reach) & (y < height + reach)
    centers = ((y + frame) * columns + x + frame)[there]
    # Every shape in every colour is one row of premultiplied pixels.
    kinds = np.arange(int(np.lcm(len(SHAPES), len(palette))))
    kind = (classes if there.all() else classes[there]) % len(kinds)
    image = np.zeros(rows * columns, np.uint32)
    # Soft edges first, full pixels above them: neighbours touch without dark seams.
    for marks in _markers(round(size, 2)):
        offsets = (marks.rows * columns + marks.columns)[kinds % len(SHAPES)]
        inks = premultiplied(palette[kinds % len(palette)][:, None, :], marks.alphas[kinds % len(SHAPES)])
        spots = offsets.take(kind, axis=0)
        spots += centers[:, None]
        image[spots.ravel()] = inks.take(kind, axis=0).ravel()
    framed = image.reshape(rows, columns)
    return np.ascontiguousarray(framed[frame : frame + height, frame : frame + width])
