"""Layers: what the overlays draw in one plane, each in a picture of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap

from aae_studio.ui.canvas.scene import Stage


@dataclass(frozen=True, eq=False)
class Piece:
    """Something to draw: a picture is kept for each `key` until it has another `answer` to show."""

    key: tuple[str, str]
    answer: Any
    draw: Callable[[QPainter, Any, Stage], None]


class Layers:
    """Keeps the pictures of one stage, so that pieces can be painted one after the other before all are
    shown together: an overlay can take ten milliseconds, and a drag is not to wait for nine."""

    def __init__(self) -> None:
        self._stage: Stage | None = None
        self._kept: dict[tuple[str, str], tuple[Any, QPixmap]] = {}

    def one_of_several(self, pieces: list[Piece], stage: Stage) -> Piece | None:
        """The first piece whose picture is out of date, where there are more of them. None on another stage
        than the last: there everything is to be seen together, and soon."""
        stale = [piece for piece in pieces if not self._has(piece, stage)]
        return stale[0] if self._stage == stage and len(stale) > 1 else None

    def paint(self, piece: Piece, stage: Stage, ratio: float) -> None:
        """Make the picture of a piece; those of another stage are gone."""
        if self._stage != stage:
            self._stage = stage
            self._kept.clear()
        size = QSize(round(stage.size.width() * ratio), round(stage.size.height() * ratio))
        picture = QPixmap(size)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        # Ended whatever happens: a picture that is still painted on would take the program with it.
        with QPainter(picture) as painter:
            piece.draw(painter, piece.answer, stage)
        self._kept[piece.key] = piece.answer, picture

    def draw(self, painter: QPainter, pieces: list[Piece], stage: Stage, ratio: float) -> None:
        """Draw these, one over the other; what has no picture yet is painted now."""
        for piece in pieces:
            if not self._has(piece, stage):
                self.paint(piece, stage, ratio)
            painter.drawPixmap(QPoint(0, 0), self._kept[piece.key][1])

    def _has(self, piece: Piece, stage: Stage) -> bool:
        kept = self._kept.get(piece.key) if self._stage == stage else None
        return kept is not None and kept[0] is piece.answer
