"""Points to pixels: thousands of class-shaped markers painted into one array, without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]

# Up to so many points are drawn with markers of this diameter, in logical pixels; more as single pixels.
SIZES = ((3_000, 7.0), (8_000, 5.0), (30_000, 3.0), (120_000, 2.0))
# Smaller markers, in logical pixels, are squares: their shapes could not be told apart.
SMALLEST_SHAPE = 4.0
SUPERSAMPLING = 8
# Pixels that a marker covers so much (of 255) or less stay clear.
FAINTEST = 24
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


@dataclass(frozen=True)
class Stamps:
    """Every kind of marker (a class's shape in its colour) as places and pixels, each (kinds, most pixels).

    Places count from the marker's centre in an image that is `columns` wide, flat. Soft edges and full
    pixels are apart, since edges are painted before any full pixel. Shorter rows repeat their first
    pixel, which paints it again and changes nothing.
    """

    edge_places: npt.NDArray[np.intp]
    edges: Pixels
    full_places: npt.NDArray[np.intp]
    full: Pixels


@lru_cache(maxsize=16)
def _stamps(diameter: float, palette: bytes, columns: int) -> Stamps:
    """The markers of this diameter. `palette`: its colours' (k, 3) bytes, so that they can be looked up."""
    colors = np.frombuffer(palette, np.uint32).reshape(-1, 3)
    tables = []
    for full in (False, True):
        rows = [_pixels(coverage(shape, diameter), full) for shape in SHAPES]
        longest = max(row.shape[1] for row in rows)
        rows = [np.concatenate([np.repeat(r[:, :1], longest - r.shape[1], axis=1), r], axis=1) for r in rows]
        kinds = np.arange(int(np.lcm(len(SHAPES), len(colors))))
        down, right, alpha = np.stack(rows, axis=1)[:, kinds % len(SHAPES)]
        ink = premultiplied(colors[kinds % len(colors)][:, None, :], alpha.astype(np.uint32))
        tables += [down * columns + right, ink]
    return Stamps(*tables)


def _pixels(covered: npt.NDArray[np.float64], full: bool) -> npt.NDArray[np.intp]:
    """Rows and columns from the centre, and alpha (0–255), of a marker's full or edge pixels, (3, n)."""
    alpha = np.rint(covered * 255).astype(np.intp)
    most, middle = alpha.max(), alpha.shape[0] // 2
    y, x = np.nonzero((alpha > FAINTEST) & (alpha < most))
    # A marker without edges repeats a full pixel as one: the full pixel is painted over it.
    if full or len(y) == 0:
        y, x = np.nonzero(alpha == most)
    order = np.argsort(alpha[y, x], kind="stable")
    return np.stack([y - middle, x - middle, alpha[y, x]])[:, order]


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
    # Centres up to `reach` outside still show; a frame around the image takes what they have beyond it.
    reach = int(np.ceil(size / 2))
    frame = 2 * reach
    rows, columns = height + 2 * frame, width + 2 * frame
    pixels = np.rint(np.clip(places, -1e6, 1e6) - 0.5).astype(np.intp)
    x, y = pixels[:, 0], pixels[:, 1]
    there = (x >= -reach) & (x < width + reach) & (y >= -reach) & (y < height + reach)
    centre = ((y + frame) * columns + x + frame)[there, None]
    stamps = _stamps(round(size, 2), palette.astype(np.uint32).tobytes(), columns)
    kind = classes[there] % len(stamps.full)
    image = np.zeros(rows * columns, np.uint32)
    # Soft edges first, full pixels above them: neighbours touch without dark seams.
    image[centre + stamps.edge_places[kind]] = stamps.edges[kind]
    image[centre + stamps.full_places[kind]] = stamps.full[kind]
    shown = image.reshape(rows, columns)[frame : frame + height, frame : frame + width]
    return np.ascontiguousarray(shown)
