"""A painted density: a square grid of ink over the plane, as an array, a short text or a picture.

This file needs no torch, so that the window can paint before torch is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aae_studio.core.errors import ConfigError
from aae_studio.core.options import Option

# Ink in each cell, (SIDE, SIDE), from 0 to LEVELS, row by row from the top.
Ink = npt.NDArray[np.uint8]
SIDE, LEVELS = 64, 24
# Half the side of the square around 0 that the grid covers, in σ of the prior.
HALF = 3.0
CELL = 2 * HALF / SIDE
SHAPES = ("heart", "ring", "islands")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MOST_PIXELS = 40_000_000
SUPERSAMPLING = 8
_RUN = re.compile(r"(\d{0,2})([.A-X$])")


# Text: how programs for cellular automata write a pattern (run-length encoding, as Golly extends it).


def written(ink: Ink) -> str:
    """The ink as text: `.` is an empty cell, `A` to `X` are levels 1 to 24, a number before a sign repeats
    it, `$` ends a row, `!` ends the text; empty cells at the end of a row are left out."""
    rows = []
    for row in ink:
        last = int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0
        rows.append(_runs("".join("." if level == 0 else chr(64 + level) for level in row[:last].tolist())))
    text = "$".join(rows).rstrip("$")
    return re.sub(r"\$\$+", lambda ends: f"{len(ends[0])}$", text) + "!"


def _runs(signs: str) -> str:
    return re.sub(r"(.)\1+", lambda run: f"{len(run[0])}{run[1]}", signs)


@lru_cache(maxsize=8)
def read(text: str, field: str = "picture") -> Ink:
    """The ink that `written` wrote. Not to be written to. Raises ConfigError, which names `field`, for any
    other text."""
    body, ink = text.strip().removesuffix("!"), np.zeros((SIDE, SIDE), np.uint8)
    if not text.strip().endswith("!") or _RUN.sub("", body):
        raise ConfigError(field, "“{text}” is neither a picture nor a painting.", text=text[:40])
    row = column = 0
    for count, sign in _RUN.findall(body):
        length = int(count or 1)
        if sign == "$":
            row, column = row + length, 0
        elif row < SIDE and length > 0 and column + length <= SIDE:
            ink[row, column : column + length] = 0 if sign == "." else ord(sign) - 64
            column += length
        else:
            raise ConfigError(field, "a painting has {side} rows of {side} cells, not more.", side=SIDE)
    ink.flags.writeable = False
    return inked(ink, field)


def inked(ink: Ink, field: str = "picture") -> Ink:
    """The ink itself. Raises ConfigError where there is none: a density of nothing cannot be sampled."""
    if not ink.any():
        raise ConfigError(field, "nothing is painted there, and a prior needs some density somewhere.")
    return ink


# Pictures


def from_picture(file: Path, field: str = "picture") -> Ink:
    """A picture as ink, fitted into the square; its darkest ink becomes level 24.

    Ink is what is opaque in a picture with transparency; else what is bright if the picture's border is
    dark, and what is dark if its border is bright. Raises ConfigError for a file that is no picture (PNG,
    JPEG, GIF, BMP, WebP), has more than 40 million pixels, or has no ink.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ConfigError(field, "the picture {file} is too large.", file=file)
            values = _ink_of(ImageOps.exif_transpose(picture))
    except ConfigError:
        raise
    except OSError as fault:
        raise ConfigError(
            field, "{file} cannot be read as a picture: {fault}", file=file, fault=fault.strerror or fault
        ) from fault
    # Pillow's readers meet damage with whatever error comes first.
    except Exception as fault:
        raise ConfigError(
            field, "{file} cannot be read as a picture: {fault}", file=file, fault=fault
        ) from fault
    most = float(values.max())
    return inked(np.rint(values * (LEVELS / most if most else 1)).astype(np.uint8), field)


def _ink_of(picture: Any) -> npt.NDArray[np.float64]:
    """Ink (SIDE, SIDE) from 0 to 255 of a picture of any size and mode."""
    from PIL import Image, ImageOps

    whole = picture.convert("RGBA")
    ink = whole.getchannel("A")
    if ink.getextrema()[0] == 255:
        ink = whole.convert("L")
        border = np.asarray(ink)
        edges = np.concatenate([border[0], border[-1], border[:, 0], border[:, -1]])
        if edges.mean() > 127:
            ink = ImageOps.invert(ink)
    fitted = ImageOps.contain(ink, (SIDE, SIDE), Image.Resampling.BOX)
    square = np.zeros((SIDE, SIDE))
    top, left = (SIDE - fitted.height) // 2, (SIDE - fitted.width) // 2
    square[top : top + fitted.height, left : left + fitted.width] = np.asarray(fitted)
    return square


# Starters


@lru_cache
def starter(name: str) -> Ink:
    """One of `SHAPES`; each spreads about 1 σ along each axis. Not to be written to."""
    fine = SIDE * SUPERSAMPLING
    axis = ((np.arange(fine) + 0.5) / fine * 2 - 1) * HALF
    x, y = axis[None, :], -axis[:, None]
    match name:
        case "heart":
            u, v = x / 1.8, y / 1.8 + 0.295
            inside = (u**2 + v**2 - 1) ** 3 <= u**2 * v**3
        case "ring":
            inside = np.abs(np.hypot(x, y) - 1.41) <= 0.35
        case _:
            inside = np.hypot(np.abs(x) - 1.35, y) <= 0.85
    share = inside.reshape(SIDE, SUPERSAMPLING, SIDE, SUPERSAMPLING).mean(axis=(1, 3))
    ink: Ink = np.rint(LEVELS * share).astype(np.uint8)
    ink.flags.writeable = False
    return ink


# Painting


def stroked(
    ink: Ink, start: tuple[float, float], end: tuple[float, float], radius: float, level: int, erase: bool
) -> Ink:
    """The ink after a round brush went from one place to another; with `erase` it takes ink away.

    Places and radius are in units of σ, y upwards. The brush's edge is one cell wide.
    """
    axis = (np.arange(SIDE) + 0.5) * CELL - HALF
    x, y = axis[None, :] - start[0], -axis[:, None] - start[1]
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / length, 0, 1) if length else 0.0
    covered = np.clip((radius - np.hypot(x - along * dx, y - along * dy)) / CELL + 0.5, 0, 1)
    left = LEVELS * (1 - covered) if erase else level * covered
    after: Ink = (np.minimum if erase else np.maximum)(ink, np.rint(left)).astype(np.uint8)
    return after


def lies_on(ink: Ink, places: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether places (n, 2), in units of σ, lie on cells with ink, (n,)."""
    cells = np.floor((np.asarray(places, np.float64) * (1, -1) + HALF) / CELL)
    there = (cells >= 0).all(axis=1) & (cells < SIDE).all(axis=1)
    column, row = np.clip(cells, 0, SIDE - 1).astype(np.intp).T
    found: npt.NDArray[np.bool_] = there & (ink[row, column] > 0)
    return found


@dataclass(frozen=True)
class PictureOption(Option):
    """An option that holds a painting as text, or nothing. On the command line its word is also a file."""

    def checked(self, value: Any, field: str | None = None) -> str:
        field = field or self.name
        if not isinstance(value, str):
            raise ConfigError(field, "{value!r} is not a painting as text.", value=value)
        # Equal paintings have equal texts.
        return written(read(value, field)) if value else ""

    def parsed(self, text: str, field: str | None = None) -> str:
        """Read a picture file, or what `shown` gave."""
        if not text or text.endswith("!"):
            return self.checked(text, field)
        return written(from_picture(Path(text).expanduser(), field or self.name))
