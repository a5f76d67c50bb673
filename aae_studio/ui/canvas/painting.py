"""What a latent canvas is painted from. Functions draw with a given painter and keep nothing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.scene import Grid
from aae_studio.ui.theme import Theme, fixed_font

Array = npt.NDArray[np.float32]
CURSOR_RADIUS = 7
CURSOR_REACH = 13
CARD_IMAGE = 56
MARGIN = 6
# Width of the lines between decoded images.
SEAM = 1.5


@dataclass(frozen=True)
class Card:
    """What hovering a point shows: its image, its reconstruction and captions, a line each."""

    original: QImage
    rebuilt: QImage
    captions: tuple[str, ...]

    @classmethod
    def of(cls, original: Array, rebuilt: Array, *captions: str) -> Card:
        return cls(to_qimage(original), to_qimage(rebuilt), captions)


def nearest(places: Array, at: QPointF, reach: float) -> int | None:
    """The place (of n, in pixels) nearest to a pixel, if one lies within reach."""
    if len(places) == 0:
        return None
    x, y = places[:, 0] - np.float32(at.x()), places[:, 1] - np.float32(at.y())
    squared = x * x + y * y
    found = int(squared.argmin())
    return found if squared[found] <= reach * reach else None


def next_toward(places: Array, start: QPointF, direction: tuple[int, int], but: int | None) -> int | None:
    """The place (of n, in pixels) nearest to a pixel within 45° of a direction along an axis, if any.

    `but` is the place where one is already.
    """
    steps = places - np.array([start.x(), start.y()], np.float32)
    ahead = steps @ np.array(direction, np.float32)
    aside = np.abs(steps @ np.array(direction[::-1], np.float32))
    there = (ahead > 0) & (aside <= ahead)
    if but is not None:
        there[but] = False
    if not there.any():
        return None
    return int(np.where(there, (steps**2).sum(axis=1), np.inf).argmin())


def tick_step(half: float) -> float:
    """A round distance between grid lines (1, 2 or 5 times a power of ten), three to seven in a view."""
    rough = 2 * half / 6
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * m for m in (1, 2, 5, 10) if power * m >= rough))


def draw_grid(painter: QPainter, view: View, size: QSize, theme: Theme) -> None:
    """Grid lines at round numbers, and the axes through zero."""
    width, height = size.width(), size.height()
    step = tick_step(view.half)
    for vertical in (True, False):
        for number in _ticks(view, size, vertical):
            x, y = view.to_pixels(np.array([[number, number]], np.float32), width, height)[0]
            at = round(float(x if vertical else y)) + 0.5
            painter.setPen(QPen(theme.color("axis" if abs(number) < step / 2 else "grid"), 1))
            if vertical:
                painter.drawLine(QPointF(at, 0), QPointF(at, height))
            else:
                painter.drawLine(QPointF(0, at), QPointF(width, at))


def draw_numbers(painter: QPainter, view: View, size: QSize, labels: tuple[str, str], theme: Theme) -> None:
    """The grid's numbers along the left and the lower edge, and the names of the plane's axes at their ends.

    Above all else, each on a ground of its own: a minus sign on a grid line could not be seen.
    """
    width, height = size.width(), size.height()
    painter.setFont(fixed_font(11))
    metrics = QFontMetricsF(painter.font())
    free = 2.0
    for number in _ticks(view, size, vertical=True):
        x, _ = view.to_pixels(np.array([[number, view.y]], np.float32), width, height)[0]
        text = _spoken(number, view)
        wide = metrics.horizontalAdvance(text)
        left = float(x) - wide / 2
        # Codes that have exploded have numbers wider than their grid.
        if left >= free and 14 < x < width - 40:
            _draw_label(painter, left, height - 4, text, theme)
            free = left + wide + 6
    for number in _ticks(view, size, vertical=False):
        _, y = view.to_pixels(np.array([[view.x, number]], np.float32), width, height)[0]
        if 26 < y < height - 18:
            _draw_label(painter, 4, float(y) + 4, _spoken(number, view), theme)
    _draw_label(painter, width - metrics.horizontalAdvance(labels[0]) - 5, height - 4, labels[0], theme)
    _draw_label(painter, 4, 14, labels[1], theme)


def _ticks(view: View, size: QSize, vertical: bool) -> npt.NDArray[np.float64]:
    """Where grid lines are: x of the vertical ones, or y of the others."""
    left, bottom = view.to_plane(0, size.height(), size.width(), size.height())
    right, top = view.to_plane(size.width(), 0, size.width(), size.height())
    low, high = (left, right) if vertical else (bottom, top)
    step = tick_step(view.half)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _spoken(number: float, view: View) -> str:
    return "0" if abs(number) < tick_step(view.half) / 2 else f"{number:.6g}".replace("-", "−")


def _draw_label(painter: QPainter, x: float, baseline: float, text: str, theme: Theme) -> None:
    if not text:
        return
    ground = QColor(theme.color("well"))
    ground.setAlpha(190)
    metrics = QFontMetricsF(painter.font())
    painter.fillRect(
        QRectF(x - 2, baseline - metrics.ascent(), metrics.horizontalAdvance(text) + 4, metrics.height()),
        ground,
    )
    painter.setPen(theme.color("muted"))
    painter.drawText(QPointF(x, baseline), text)


def draw_outline(
    painter: QPainter, lines: list[npt.NDArray[np.float64]], view: View, size: QSize, theme: Theme
) -> None:
    """The prior's outline, dashed."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("outline"), 1, Qt.PenStyle.DashLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in lines:
        pixels = view.to_pixels(line.astype(np.float32), size.width(), size.height())
        painter.drawPolyline(QPolygonF(list(starmap(QPointF, pixels.tolist()))))


def draw_over(
    painter: QPainter, image: QImage, grid: Grid, view: View, size: QSize, smooth: bool = True
) -> None:
    """An image of a grid's cells, each where it is in the plane."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.drawImage(_space(grid, view, size), image)


def draw_seams(painter: QPainter, grid: Grid, view: View, size: QSize) -> None:
    """Lines between the images in a grid's cells, black as the ground of most of them in every theme."""
    space = _space(grid, view, size)
    columns = np.linspace(space.left(), space.right(), grid.columns + 1)[1:-1]
    rows = np.linspace(space.top(), space.bottom(), grid.rows + 1)[1:-1]
    painter.setPen(QPen(Qt.GlobalColor.black, SEAM))
    painter.drawLines([QLineF(x, space.top(), x, space.bottom()) for x in columns])
    painter.drawLines([QLineF(space.left(), y, space.right(), y) for y in rows])


def _space(grid: Grid, view: View, size: QSize) -> QRectF:
    """Where a grid is on a canvas of this size."""
    corners = np.array([[grid.left, grid.top], [grid.right, grid.bottom]], np.float32)
    (x0, y0), (x1, y1) = view.to_pixels(corners, size.width(), size.height())
    return QRectF(float(x0), float(y0), float(x1 - x0), float(y1 - y0))


def draw_cursor(painter: QPainter, at: QPointF, color: QColor, theme: Theme) -> None:
    """A filled circle with a cross, in the model's colour, ringed to stand out on any ground."""
    ring = theme.color("cursor")
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("well"), 4.5))
    painter.drawEllipse(at, CURSOR_RADIUS, CURSOR_RADIUS)
    painter.setBrush(color)
    painter.setPen(QPen(ring, 2))
    painter.drawEllipse(at, CURSOR_RADIUS, CURSOR_RADIUS)
    painter.setPen(QPen(ring, 1.2))
    for dx, dy in ((1, 0), (0, 1)):
        reach = QPointF(dx * CURSOR_REACH, dy * CURSOR_REACH)
        painter.drawLine(at - reach, at + reach)


def within(at: QPointF, size: QSize) -> QPointF:
    """The place itself, or the nearest one on a canvas of this size."""
    return QPointF(min(max(at.x(), 0.0), size.width()), min(max(at.y(), 0.0), size.height()))


def draw_pointer(painter: QPainter, at: QPointF, size: QSize, color: QColor, theme: Theme) -> None:
    """An arrow at the edge of the canvas toward a cursor beyond it."""
    edge = within(at, size)
    away = at - edge
    length = max(float(np.hypot(away.x(), away.y())), 1e-9)
    along = QPointF(away.x() / length, away.y() / length)
    across = QPointF(-along.y(), along.x())
    tip = edge - along * 2
    painter.setPen(QPen(theme.color("cursor"), 1.5))
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([tip, tip - along * 12 + across * 7, tip - along * 12 - across * 7]))


def draw_card(painter: QPainter, spot: QPointF, card: Card, size: QSize, theme: Theme) -> None:
    """The hovered point ringed, and its card beside it, within the canvas."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("cursor"), 1.5))
    painter.drawEllipse(spot, 6, 6)
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    inner = max(2 * CARD_IMAGE + MARGIN, *(metrics.horizontalAdvance(line) for line in card.captions))
    words = len(card.captions) * metrics.height()
    width, height = inner + 2 * MARGIN, CARD_IMAGE + words + 3 * MARGIN
    x = spot.x() + 14 if spot.x() + 14 + width < size.width() else spot.x() - 14 - width
    y = spot.y() - height / 2
    if x < 2:
        # No room at either side: below or above, so that the point is seen.
        x, y = spot.x() - width / 2, spot.y() + 12
        y = y if y + height + 2 < size.height() else spot.y() - 12 - height
    y = min(max(y, 2), size.height() - height - 2)
    x = min(max(x, 2), max(2.0, size.width() - width - 2))
    painter.setBrush(theme.color("card"))
    painter.setPen(QPen(theme.color("border"), 1))
    painter.drawRoundedRect(QRectF(x, y, width, height), 5, 5)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    for place, image in enumerate((card.original, card.rebuilt)):
        left = x + MARGIN + place * (CARD_IMAGE + MARGIN)
        painter.drawImage(QRectF(left, y + MARGIN, CARD_IMAGE, CARD_IMAGE), image)
    painter.setPen(theme.color("text"))
    for line, caption in enumerate(reversed(card.captions)):
        below = y + height - MARGIN - metrics.descent() - line * metrics.height()
        painter.drawText(QPointF(x + MARGIN, below), caption)
