"""Trace: what a panel draws over a latent plane, at every paint: lines, signs and marks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from aae_studio.ui.canvas.mark import Mark, draw_mark
from aae_studio.ui.canvas.marks import to_pixels
from aae_studio.ui.canvas.scene import Stage
from aae_studio.ui.canvas.tints import faded

Array = npt.NDArray[np.float32]
RING = 6.0
DOT = 4.0
BADGE = 8.0


@dataclass(frozen=True, eq=False)
class Line:
    """A line through places (k, 2). `color` names one of the theme's; none: the model's."""

    places: Array
    color: str = ""
    width: float = 2.0
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Sign:
    """The same sign at places (n, 2): a `ring`, a `dot`, or a `badge` with a letter."""

    kind: str
    places: Array
    letter: str = ""


@dataclass(frozen=True, eq=False)
class Trace:
    """Lines, signs and marks in one plane."""

    lines: tuple[Line, ...] = ()
    signs: tuple[Sign, ...] = ()
    marks: tuple[Mark, ...] = ()


def draw_trace(painter: QPainter, trace: Trace, stage: Stage) -> None:
    """Draw lines, then signs, with a seam in the ground's colour that sets them off; then marks."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for line in trace.lines:
        _draw_line(painter, line, stage)
    for sign in trace.signs:
        for x, y in to_pixels(sign.places, stage).tolist():
            _draw_sign(painter, sign, QPointF(x, y), stage)
    for mark in trace.marks:
        ((x, y),) = to_pixels(mark.place[None], stage).tolist()
        draw_mark(painter, QPointF(x, y), mark.text, mark.image, stage.size, stage.theme, stage.crisp)
    painter.restore()


def _draw_line(painter: QPainter, line: Line, stage: Stage) -> None:
    shape = QPolygonF(list(starmap(QPointF, to_pixels(line.places, stage).tolist())))
    color = stage.theme.color(line.color) if line.color else stage.color
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.DotLine if line.dashed else Qt.PenStyle.SolidLine
    seam = faded(stage.theme.color("well"), 0.7)
    pens = ((seam, line.width + 2.5, Qt.PenStyle.SolidLine), (color, line.width, style))
    for ink, width, kind in pens:
        painter.setPen(QPen(ink, width, kind, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPolyline(shape)


def _draw_sign(painter: QPainter, sign: Sign, at: QPointF, stage: Stage) -> None:
    ground, ink = stage.theme.color("well"), stage.theme.color("cursor")
    if sign.kind == "ring":
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((ground, 4.0), (ink, 1.8)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(at, RING, RING)
        return
    radius = BADGE if sign.letter else DOT
    painter.setPen(QPen(ground, 2))
    painter.setBrush(ink)
    painter.drawEllipse(at, radius, radius)
    if sign.letter:
        _draw_letter(painter, sign.letter, at, ground)


def _draw_letter(painter: QPainter, letter: str, at: QPointF, color: QColor) -> None:
    font = painter.font()
    font.setPixelSize(11)
    font.setWeight(QFont.Weight.Bold)
    painter.setFont(font)
    painter.setPen(color)
    space = QRectF(at.x() - BADGE, at.y() - BADGE, 2 * BADGE, 2 * BADGE)
    painter.drawText(space, Qt.AlignmentFlag.AlignCenter, letter)
