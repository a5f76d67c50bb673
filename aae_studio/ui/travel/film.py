"""An animation of all models' images side by side, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QImage, QPainter

from aae_studio.core.errors import StudioError
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.theme import Theme

Array = npt.NDArray[np.float32]
SIDE = 128
GAP = 8
HEAD = 20


@dataclass(frozen=True, eq=False)
class Reel:
    """One model's images (count, C, H, W), with its name and the name of its colour."""

    title: str
    color: str
    images: Array


class Filming:
    """The question that writes an animation into a file, once, in the survey thread."""

    def __init__(
        self, file: Path, reels: Sequence[Reel], theme: Theme, crisp: bool, milliseconds: int
    ) -> None:
        self.file = file
        self._reels, self._theme, self._crisp, self._milliseconds = reels, theme, crisp, milliseconds
        self._done: tuple[StudioError | None] | None = None

    def __call__(self, *_: object) -> tuple[StudioError | None]:
        """What went wrong, or None."""
        if self._done is None:
            self._done = (self._write(),)
        return self._done

    def _write(self) -> StudioError | None:
        from aae_studio.core.gif import write_gif

        order = there_and_back(len(self._reels[0].images))
        try:
            write_gif(self.file, film(self._reels, self._theme, self._crisp, order), self._milliseconds)
        except StudioError as fault:
            return fault
        return None


def there_and_back(count: int) -> list[int]:
    """The places of a path in the order of a loop: to the end, and back without showing either end twice."""
    return [*range(count), *range(count - 2, 0, -1)]


def film(
    reels: Sequence[Reel], theme: Theme, crisp: bool, order: Sequence[int]
) -> list[npt.NDArray[np.uint8]]:
    """Frames (H, W, 3) of the images at these places, in this order."""
    drawn = {place: _frame(reels, theme, crisp, place) for place in set(order)}
    return [drawn[place] for place in order]


def _frame(reels: Sequence[Reel], theme: Theme, crisp: bool, place: int) -> npt.NDArray[np.uint8]:
    width, height = len(reels) * (SIDE + GAP) + GAP, SIDE + HEAD + 2 * GAP
    sheet = QImage(width, height, QImage.Format.Format_RGB32)
    sheet.fill(theme.color("card"))
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not crisp)
    font = painter.font()
    font.setPixelSize(13)
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    for column, reel in enumerate(reels):
        left = GAP + column * (SIDE + GAP)
        painter.setPen(theme.color(reel.color))
        painter.drawText(QRectF(left, GAP / 2, SIDE, HEAD), Qt.AlignmentFlag.AlignVCenter, reel.title)
        image = to_qimage(reel.images[place])
        scale = SIDE / max(image.width(), image.height())
        painter.drawImage(QRectF(left, GAP + HEAD, image.width() * scale, image.height() * scale), image)
    painter.end()
    pixels = np.frombuffer(sheet.constBits(), np.uint8).reshape(height, sheet.bytesPerLine() // 4, 4)
    # Blue, green, red in memory.
    return np.ascontiguousarray(pixels[:, :width, 2::-1])
