"""Marks: lines, arrows, ellipses and notes that overlays draw. Functions draw with a given painter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import starmap

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QPolygonF

from aae_studio.ui.canvas.scene import Stage
from aae_studio.ui.canvas.tints import faded
from aae_studio.ui.theme import fixed_font

Array = npt.NDArray[np.float32]
HEAD = 5.0
# Shorter arrows have no direction that an eye could see.
SHORTEST = 1.5
NOTE_HEIGHT = 17


def to_pixels(places: Array, stage: Stage) -> Array:
    """Places (n, 2) of the plane in logical pixels of the canvas."""
    return stage.view.to_pixels(np.asarray(places, np.float32), stage.size.width(), stage.size.height())


def draw_lines(
    painter: QPainter, lines: Iterable[Array], color: QColor, stage: Stage, width: float = 1.5
) -> None:
    """Lines (k, 2) in the plane, with a seam in the ground's colour that sets them off."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shapes = [QPolygonF(list(starmap(QPointF, to_pixels(line, stage).tolist()))) for line in lines]
    seam = faded(stage.theme.color("well"), 0.6)
    for ink, thick in ((seam, width + 2), (color, width)):
        painter.setPen(QPen(ink, thick, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for shape in shapes:
            painter.drawPolyline(shape)


def draw_arrows(painter: QPainter, tails: Array, steps: Array, color: QColor, stage: Stage) -> None:
    """Arrows from `tails` (n, 2) along `steps` (n, 2), both in pixels."""
    lengths = np.linalg.norm(steps, axis=1)
    seen = lengths >= SHORTEST
    tails, steps, lengths = tails[seen], steps[seen], lengths[seen, None]
    tips = tails + steps
    back = steps / lengths * np.minimum(HEAD, 0.5 * lengths)
    side = 0.55 * np.stack([-back[:, 1], back[:, 0]], axis=1)
    path = QPainterPath()
    for tail, tip, left, right in zip(
        tails.tolist(),
        tips.tolist(),
        (tips - back + side).tolist(),
        (tips - back - side).tolist(),
        strict=True,
    ):
        path.moveTo(*tail)
        path.lineTo(*tip)
        path.moveTo(*left)
        path.lineTo(*tip)
        path.lineTo(*right)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    for ink, width in ((faded(stage.theme.color("well"), 0.75), 4.0), (color, 1.7)):
        painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, cap, join))
        painter.drawPath(path)


def draw_rings(painter: QPainter, centres: Array, radius: float, color: QColor, stage: Stage) -> None:
    """Circles around `centres` (n, 2) in pixels, with a seam in the ground's colour that sets them off."""
    # One is drawn, and then copied: to stroke a thousand takes a tenth of a second.
    half, ratio = radius + 2.0, painter.device().devicePixelRatioF()
    side = math.ceil(2 * half * ratio)
    ring = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    ring.setDevicePixelRatio(ratio)
    ring.fill(0)
    pen = QPainter(ring)
    pen.setRenderHint(QPainter.RenderHint.Antialiasing)
    for ink, width in ((faded(stage.theme.color("well"), 0.75), 3.5), (color, 1.7)):
        pen.setPen(QPen(ink, width))
        pen.drawEllipse(QPointF(half, half), radius, radius)
    pen.end()
    for x, y in (centres - half).tolist():
        painter.drawImage(QPointF(x, y), ring)


def draw_ellipses(painter: QPainter, centres: Array, lengths: Array, directions: Array) -> None:
    """Ellipses around `centres` (n, 2) in pixels, with the painter's pen and brush.

    `lengths` (n, 2): half axes in pixels. `directions` (n, 2, 2): theirs in the plane, one a row.
    """
    turns = -np.degrees(np.arctan2(directions[:, 0, 1], directions[:, 0, 0]))
    for (x, y), (long, short), turn in zip(centres.tolist(), lengths.tolist(), turns.tolist(), strict=True):
        painter.save()
        painter.translate(x, y)
        painter.rotate(turn)
        painter.drawEllipse(QPointF(0, 0), long, short)
        painter.restore()


def round_below(value: float) -> float:
    """The greatest of 1, 2 and 5 times a power of ten that is not above a value, for a scale."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(power * factor for factor in (1, 2, 5) if power * factor <= value * (1 + 1e-9)))


def draw_note(
    painter: QPainter, text: str, corner: Qt.Corner, stage: Stage, row: int = 0, lead: float = 0.0
) -> QRectF:
    """A short text on a ground of its own in a row from a corner; `lead` pixels before it are left free.

    Gives its space.
    """
    width = QFontMetricsF(fixed_font(11)).horizontalAdvance(text) + lead + 10
    # Right of the numbers of the vertical axis.
    left, top = 30.0, 4.0 + row * (NOTE_HEIGHT + 2)
    if corner in (Qt.Corner.TopRightCorner, Qt.Corner.BottomRightCorner):
        left = stage.size.width() - 4 - width
    if corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
        # Above the numbers of the axis.
        top = stage.size.height() - 18 - top - NOTE_HEIGHT
    space = QRectF(left, top, width, NOTE_HEIGHT)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faded(stage.theme.color("well"), 0.8))
    painter.drawRoundedRect(space, 4, 4)
    painter.setFont(fixed_font(11))
    painter.setPen(stage.theme.color("text"))
    painter.drawText(space.adjusted(5 + lead, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
    return space
