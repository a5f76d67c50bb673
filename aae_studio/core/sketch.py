"""Pictures from outside, drawn or read from a file, as images of a dataset. Pure functions of numpy.

Pictures are float arrays (C, height, width) of any size, in [0, 1], light on black as the data are.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from aae_studio.core.errors import StudioError

Array = npt.NDArray[np.float32]
# What is darker than this belongs to the ground: a drawn line fades out at its edge.
INK = 0.02
# Larger pictures are made smaller when they are read: no dataset has finer images.
READ_SIDE = 1120
# A single upright line would become a beam: digits are widened at most so many times more than heightened.
WIDENING = 2.0
# Slopes (x over y) of which four in five of the 8×8 digits' training images have one: upright enough.
UPRIGHT = (-0.1, 0.2)
# What slants by more than 45° is not slanting.
STEEPEST = 1.0


class Box(NamedTuple):
    """A rectangle of a picture, in its pixels; edges may lie within pixels, and outside the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def bounding_box(picture: Array) -> Box | None:
    """The smallest box around the ink; None where there is none."""
    inked = picture.max(axis=0) > INK
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return None
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def centre_of_mass(picture: Array) -> tuple[float, float]:
    """x and y of the ink's centre, in pixels from the upper left corner; the picture must not be black."""
    ink = picture.sum(axis=0, dtype=np.float64)
    total = ink.sum()
    x = float((ink.sum(axis=0) @ (np.arange(ink.shape[1]) + 0.5)) / total)
    y = float((ink.sum(axis=1) @ (np.arange(ink.shape[0]) + 0.5)) / total)
    return x, y


def resampled(picture: Array, box: Box, height: int, width: int) -> Array:
    """A box of a picture as an image (C, height, width).

    Each pixel is the mean over the area that it covers; outside the picture everything is black.
    """
    rows = _averaged(picture, box.top, box.bottom, height)
    columns = _averaged(rows.swapaxes(1, 2), box.left, box.right, width)
    return np.ascontiguousarray(columns.swapaxes(1, 2), np.float32)


def _averaged(picture: Array, first: float, last: float, cells: int) -> Array:
    """Means (C, cells, width) of a picture's rows over equal parts of [first, last]."""
    _, height, _ = picture.shape
    # The sum of all rows above a place, which may lie within a row.
    above = np.pad(np.cumsum(picture, axis=1, dtype=np.float64), ((0, 0), (1, 0), (0, 0)))
    edges = np.linspace(first, last, cells + 1).clip(0, height)
    whole = np.minimum(edges.astype(np.int64), height - 1)
    part = (edges - whole)[:, None]
    sums = above[:, whole] + part * picture[:, whole]
    means: Array = np.diff(sums, axis=1) * (cells / (last - first))
    return means


def fitted(picture: Array, height: int, width: int) -> Array:
    """The whole picture in the middle of an image (C, height, width), its sides in proportion."""
    _, rows, columns = picture.shape
    pixel = max(rows / height, columns / width)
    x, y = columns / 2, rows / 2
    across, down = pixel * width / 2, pixel * height / 2
    return resampled(picture, Box(x - across, y - down, x + across, y + down), height, width)


def centred_by_mass(picture: Array, size: int = 28, box: int = 20) -> Array:
    """An image (C, size, size) with the ink as MNIST has it; all black where there is none.

    Scaled in proportion so that its longer side measures `box` pixels, with grey levels from anti-aliasing,
    and moved by whole pixels so that its centre of mass falls into the pixel behind the middle (LeCun et al.,
    Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998, section III.A). So it is in
    MNIST: of 20 000 training images all but 3 have a longer side of 20, and all have their centre of mass
    between 13.98 and 15 pixels from the left and from the top.
    """
    ink = bounding_box(picture)
    if ink is None:
        return np.zeros((len(picture), size, size), np.float32)
    pixel = max(ink.width, ink.height) / box
    x, y = centre_of_mass(picture)
    left, top = (
        start - pixel * (size // 2 - np.floor((middle - start) / pixel))
        for start, middle in ((ink.left, x), (ink.top, y))
    )
    return resampled(picture, Box(left, top, left + pixel * size, top + pixel * size), size, size)


def upright(picture: Array) -> Array:
    """The ink cut out, its rows moved so that it slants no more than the 8×8 digits do.

    The slant is the slope of the regression of x on y over the ink. The picture must not be black.
    """
    ink = bounding_box(picture)
    assert ink is not None
    left, top, right, bottom = map(int, ink)
    cut = picture[:, top:bottom, left:right]
    x, y = centre_of_mass(cut)
    rows, columns = np.arange(cut.shape[1]) + 0.5 - y, np.arange(cut.shape[2]) + 0.5 - x
    mass = cut.sum(axis=0, dtype=np.float64)
    spread = float(mass.sum(axis=1) @ rows**2)
    slope = float(rows @ mass @ columns) / spread if spread > 0 else 0.0
    shift = (np.clip(slope, -STEEPEST, STEEPEST) - np.clip(slope, *UPRIGHT)) * rows
    whole = np.floor(shift).astype(np.int64)
    part = (shift - whole).astype(np.float32)[:, None]
    margin = int(np.abs(whole).max()) + 1
    padded = np.pad(cut, ((0, 0), (0, 0), (2 * margin, 2 * margin)))
    # Between two pixels, each row is drawn from both.
    places = np.arange(margin, padded.shape[2] - margin) + whole[:, None]
    line = np.arange(len(rows))[:, None]
    moved: Array = (1 - part) * padded[:, line, places] + part * padded[:, line, places + 1]
    return moved


def counted_in_blocks(picture: Array, size: int = 8, block: int = 4, width: int = 20) -> Array:
    """An image (C, size, size) with the ink as the 8×8 digits have it; all black where there is none.

    It is set `upright`; then it fills the height of a bitmap of 32×32 and 20 of its columns, in the middle,
    whatever its proportions were; pixels are counted in blocks of 4×4 (Garris et al., NIST Form-Based
    Handprint Recognition System, NISTIR 5469, 1994; Alpaydin and Kaynak, UCI, 1998). A block's value is the
    share of it that is inked. Of the 1 437 training images all fill the height, and 72 % exactly the six
    columns of blocks in the middle. Checked with MNIST's digits, which other people wrote: of 1 500 drawn in
    this way, the five nearest neighbours among the 8×8 digits recognise 75 %; with their slant left, 66 %.
    """
    if bounding_box(picture) is None:
        return np.zeros((len(picture), size, size), np.float32)
    straight = upright(picture)
    ink = bounding_box(straight)
    assert ink is not None
    side = size * block
    down = ink.height / side
    across = max(ink.width / width, down / WIDENING)
    middle = (ink.left + ink.right) / 2
    bitmap = Box(middle - across * side / 2, ink.top, middle + across * side / 2, ink.bottom)
    return resampled(straight, bitmap, size, size)


def grey(picture: Array) -> Array:
    """A picture of three channels in one: the luma of ITU-R BT.601, as Pillow has it."""
    luma: Array = np.tensordot(np.array([[0.299, 0.587, 0.114]], np.float32), picture, axes=1)
    return luma


def as_ink(picture: Array) -> Array:
    """A grey picture (1, height, width) as light ink on black.

    The ground is what the picture's rim shows. A light one is paper: the picture is inverted. Ground and
    its unevenness become black, the strongest ink white.
    """
    rim = np.concatenate([picture[0, 0], picture[0, -1], picture[0, :, 0], picture[0, :, -1]])
    if np.median(rim) > 0.5:
        picture, rim = 1 - picture, 1 - rim
    ground = float(np.median(rim))
    floor = ground + 2 * float(np.quantile(np.abs(rim - ground), 0.75))
    strongest = float(picture.max())
    if strongest <= floor + INK:
        return np.zeros_like(picture)
    ink: Array = np.clip((picture - floor) / (strongest - floor), 0, 1).astype(np.float32)
    return ink


def read_picture(file: Path, channels: int) -> Array:
    """A picture (channels, height, width) from an image file of any kind that Pillow knows.

    With one channel it is `as_ink`, with three it keeps its colours. What is transparent becomes ground. Of
    an animation it is the first picture. Raises StudioError when it cannot be read.
    """
    try:
        with warnings.catch_warnings(), Image.open(file) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened.draft("RGB", (READ_SIDE, READ_SIDE))
            image = ImageOps.exif_transpose(opened).convert("RGBA")
    except FileNotFoundError:
        raise StudioError("There is no file {file}.", file=file) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise StudioError("The picture {file} has too many pixels.", file=file) from None
    except Exception as fault:  # Pillow has a dozen kinds for a damaged file
        raise StudioError(
            "{file} cannot be read as a picture: {fault}", file=file, fault=str(fault) or repr(fault)
        ) from fault
    image.thumbnail((READ_SIDE, READ_SIDE))
    levels = np.asarray(image, np.float32).transpose(2, 0, 1) / np.float32(255)
    colors: Array = levels[:3]
    opacity: Array = levels[3:]
    # Dark ink was drawn for paper, light ink for a dark ground.
    seen = colors[:, opacity[0] > 0.5]
    paper = 1.0 if channels == 1 and seen.size and seen.mean() < 0.5 and opacity.min() < 0.5 else 0.0
    colors = (colors * opacity + paper * (1 - opacity)).astype(np.float32)
    if channels == 3:
        return colors
    return as_ink(grey(colors))
