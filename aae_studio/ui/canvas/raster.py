"""Points to pixels: thousands of class-shaped markers painted into one array, without Qt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from aae_studio.ui.canvas.plane import AS_IT_IS, Lens

Pixels = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]
Tops = npt.NDArray[np.int32]

# Up to so many points are drawn with markers of this diameter, in logical pixels; more as single pixels.
SIZES = ((3_000, 7.0), (8_000, 5.0), (30_000, 3.0), (120_000, 2.0))
# Smaller markers, in logical pixels, are squares: their shapes could not be told apart.
SMALLEST_SHAPE = 4.0
SUPERSAMPLING = 8
# So many points are worked on at a time.
PART = 1 << 15
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


@dataclass(frozen=True)
class Raster:
    """Points as an image.

    `pixels`: (height, width), premultiplied ARGB. They look into `framed`, which has the frame around them.
    """

    pixels: Pixels
    framed: Pixels


def _parts(
    places: Floats, lens: Lens, shape: tuple[int, int], frame: int
) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Which flat place in an image of this shape (rows, columns), frame included, is each point's pixel.

    A part of the points at a time, with the number of its first one; the memory of a part is used again for
    the next. What is far away, or nowhere, goes to the middle of the frame.
    """
    rows, columns = shape
    half = frame // 2
    # A part stays in the processor's cache while it is worked on.
    part = min(PART, len(places))
    x, y = np.empty(part, np.float32), np.empty(part, np.float32)
    column, row, flat = np.empty(part, np.int32), np.empty(part, np.int32), np.empty(part, np.intp)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(places), PART):
            some = places[start : start + PART]
            for axis, (way, whole, length) in enumerate(((x, column, columns), (y, row, rows))):
                lens.along(axis, some[:, axis], way[: len(some)])
                way += np.float32(frame)
                np.fmin(np.fmax(way, np.float32(half), out=way), np.float32(length - 1 - half), out=way)
                np.copyto(whole, way, casting="unsafe")
            row *= np.int32(columns)
            row += column
            np.copyto(flat, row)
            yield start, flat[: len(some)]


def topmost(places: Floats, width: int, height: int, lens: Lens = AS_IT_IS) -> Tops:
    """Which point lies above all others at each of so many device pixels, (height, width).

    It is the last one whose middle is there, counted from 1; 0 where there is none.
    """
    # The outermost pixels take what lies outside.
    framed = np.zeros((height + 2, width + 2), np.int32)
    tops = framed.reshape(-1)
    number = np.arange(1, min(PART, len(places)) + 1, dtype=np.int32)
    for start, flat in _parts(places, lens, framed.shape, frame=1):
        tops[flat] = number[: len(flat)] + np.int32(start)
    return framed[1:-1, 1:-1]


def _blocks(
    places: Floats,
    classes: npt.NDArray[np.int64],
    palette: npt.NDArray[np.uint32],
    lens: Lens,
    frame: int,
    side: int,
    clear: Pixels,
) -> None:
    """Paint points as squares of `side` pixels, which are too small for shapes, into `clear`, which has the
    frame, too."""
    colors = premultiplied(palette, np.full(len(palette), 255, np.uint32))
    image = clear.reshape(-1)
    span = np.arange(side) - (side - 1) // 2
    offsets = (span[:, None] * clear.shape[1] + span).ravel()
    for start, flat in _parts(places, lens, clear.shape, frame):
        kinds = classes[start : start + len(flat)]
        ink = colors[kinds if int(kinds.max()) < len(colors) else kinds % len(colors)]
        for offset in offsets:
            image[flat + offset] = ink


def _markers(
    places: Floats,
    classes: npt.NDArray[np.int64],
    palette: npt.NDArray[np.uint32],
    frame: int,
    size: float,
    clear: Pixels,
) -> None:
    """Paint points as markers of their classes' shapes into `clear`, which has the frame, too."""
    rows, columns = clear.shape
    pixels = np.floor(np.clip(places, -1e6, 1e6)).astype(np.intp)
    x, y = pixels[:, 0] + frame, pixels[:, 1] + frame
    reach = frame // 2
    there = (x >= reach) & (x < columns - reach) & (y >= reach) & (y < rows - reach)
    centre = (y * columns + x)[there, None]
    stamps = _stamps(round(size, 2), palette.astype(np.uint32).tobytes(), columns)
    kind = classes[there] % len(stamps.full)
    image = clear.reshape(-1)
    # Soft edges first, full pixels above them: neighbours touch without dark seams.
    image[centre + stamps.edge_places[kind]] = stamps.edges[kind]
    image[centre + stamps.full_places[kind]] = stamps.full[kind]


def rasterise(
    places: Floats,
    classes: npt.NDArray[np.int64],
    palette: npt.NDArray[np.uint32],
    width: int,
    height: int,
    ratio: float = 1.0,
    lens: Lens = AS_IT_IS,
    spent: Raster | None = None,
) -> Raster:
    """Paint points into a transparent image of so many device pixels.

    `places`: (n, 2), which `lens` turns into device pixels. `classes`: (n,), each picks a colour of
    `palette` (k, 3), 0–255, and a shape; integers of few bytes are read fastest. `ratio`: device pixels per
    logical pixel. Later points lie above earlier ones; among squares of more than a pixel that holds from one
    part of `PART` points to the next. `spent` is a
    raster that nobody needs any more: its memory is used again where it fits, for fresh memory costs more
    than all else here.
    """
    size = marker_size(len(places)) * ratio
    # Markers whose middle is outside show, too; a frame takes what any of them has beyond the image.
    frame = 2 * (int(np.ceil(size / 2)) + 1)
    shape = height + 2 * frame, width + 2 * frame
    if spent is None or spent.framed.shape != shape:
        whole = np.zeros(shape, np.uint32)
    else:
        whole = spent.framed
        whole.fill(0)
    if size < SMALLEST_SHAPE * ratio:
        _blocks(places, classes, palette, lens, frame, max(1, round(size)), whole)
    else:
        _markers(lens.pixels(places), classes, palette, frame, size, whole)
    return Raster(whole[frame : frame + height, frame : frame + width], whole)
