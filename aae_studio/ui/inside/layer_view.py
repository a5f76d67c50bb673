"""LayerView: what every layer of a model's networks makes of one code or image."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.inside import words
from aae_studio.ui.inside.samples import draw_numbers, fitted, heat_image, scale_of
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.activations import Layer, Passage

Array = npt.NDArray[np.float32]
LABEL_WIDTH, GAP = 106, 5
HEAD_HEIGHT, STRIP_HEIGHT, IMAGE_HEIGHT = 22, 30, 46
# Feature maps that are shown of a layer at most.
MAPS = 64
# Numbers are never coloured as if the largest were less than this: what reads as 0.00 has no colour.
LEAST_SCALE = 0.1
# So many numbers of a code are written out.
WRITTEN = 6
SMALL = 11


@dataclass(frozen=True)
class Part:
    """A row: a network's name, a layer, or what goes in or comes out. `values` is None for a name."""

    title: str
    note: str
    values: Array | None
    tip: str = ""
    # How `values` are drawn: `numbers`, `image`, `strip` or `maps`.
    kind: str = ""


class LayerView(QWidget):
    """Draws a passage. Emits nothing."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: list[Part] = []
        self._crisp = True
        self._picture: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_passage(self, passage: Passage, crisp: bool) -> None:
        """Show this passage at the next `redraw`."""
        self._crisp = crisp
        self._parts = parts(passage)

    def redraw(self) -> None:
        """Draw the newest passage: not in the paint, where what the mouse moved would wait for it."""
        self._fit()
        self._picture = self._drawn()
        self.update()

    def parts(self) -> list[Part]:
        """The rows on show, from top to bottom."""
        return self._parts

    def _fit(self) -> None:
        height = round(sum(self._height(part) + GAP for part in self._parts))
        if height != self.height():
            self.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        return QSize(260, self.height())

    def resizeEvent(self, event: object) -> None:
        self._picture = None
        self._fit()

    def _height(self, part: Part) -> float:
        if part.values is None:
            return HEAD_HEIGHT
        if part.kind == "image":
            return IMAGE_HEIGHT
        if part.kind == "maps":
            columns, rows = map_grid(len(part.values))
            return max(STRIP_HEIGHT, rows * min(IMAGE_HEIGHT, (self.width() - LABEL_WIDTH) / columns))
        return STRIP_HEIGHT

    def _spaces(self) -> list[QRectF]:
        found, top = [], 0.0
        for part in self._parts:
            height = self._height(part)
            found.append(QRectF(0, top, self.width(), height))
            top += height + GAP
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            self._picture = self._drawn()
        painter = QPainter(self)
        painter.drawPixmap(QPointF(0, 0), self._picture)
        painter.end()

    def _drawn(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(round(self.width() * ratio), max(1, round(self.height() * ratio)))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setFont(self.font())
        for part, space in zip(self._parts, self._spaces(), strict=True):
            if part.values is None:
                self._draw_head(painter, space, part)
            else:
                self._draw_part(painter, space, part, part.values)
        painter.end()
        return picture

    def _draw_head(self, painter: QPainter, space: QRectF, part: Part) -> None:
        painter.save()
        painter.setPen(self._theme.color("border"))
        painter.drawLine(space.topLeft() + QPointF(0, 2), space.topRight() + QPointF(0, 2))
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self._theme.color("text"))
        line = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(space.adjusted(0, 4, 0, 0), line | Qt.AlignmentFlag.AlignLeft, part.title)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(self._theme.color("muted"))
        painter.drawText(space.adjusted(0, 4, 0, 0), line | Qt.AlignmentFlag.AlignRight, part.note)
        painter.restore()

    def _draw_part(self, painter: QPainter, space: QRectF, part: Part, values: Array) -> None:
        painter.save()
        font = painter.font()
        font.setPixelSize(SMALL)
        painter.setFont(font)
        label = QRectF(space.left(), space.center().y() - 15, LABEL_WIDTH - 6, 15)
        metrics = painter.fontMetrics()
        for text, color, shift in ((part.title, "text", 0), (part.note, "muted", 15)):
            painter.setPen(self._theme.color(color))
            fitting = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(label.width()))
            painter.drawText(label.translated(0, shift), Qt.AlignmentFlag.AlignVCenter, fitting)
        room = space.adjusted(LABEL_WIDTH, 0, 0, 0)
        if part.kind == "numbers":
            cell = min(56.0, room.width() / len(values))
            scale = max(scale_of(values), LEAST_SCALE)
            for place, number in enumerate(values):
                at = QRectF(room.left() + place * cell, room.top() + 6, cell - 3, room.height() - 12)
                draw_numbers(painter, at, number[None], scale, self._theme)
        elif part.kind == "image":
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not self._crisp)
            at = fitted(values.shape[2] / values.shape[1], room)
            at.moveLeft(room.left())
            painter.drawImage(at, to_qimage(values))
        else:
            image = _maps(values, self._theme) if part.kind == "maps" else _strip(values, room, self._theme)
            if part.kind == "maps":
                room.setWidth(min(room.width(), room.height() * image.width() / image.height()))
            painter.drawImage(room, image)
        painter.restore()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = event.pos().y()
            tips = (
                p.tip for p, s in zip(self._parts, self._spaces(), strict=True) if s.top() <= at < s.bottom()
            )
            text = next(tips, "")
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)


def parts(passage: Passage) -> list[Part]:
    """The rows of a passage: along the way of what was given, and then back."""
    code = _code_part(tr("code z"), passage.code)
    image = Part(tr("image x"), words.shape(passage.image.shape), passage.image, kind="image")
    if passage.given == "code":
        start, middle = code, Part(tr("decoded"), image.note, passage.image, kind="image")
        end = None if passage.back is None else _code_part(tr("encoded again"), passage.back)
    else:
        start, middle = image, code
        assert passage.back is not None
        end = Part(tr("decoded"), image.note, passage.back, kind="image")
    networks = list(passage.networks)
    # What led forward, what leads back, and whoever judges.
    first, second = networks[0], networks[1] if passage.back is not None else None
    found = [start, *_network_parts(passage, first), middle]
    if second is not None and end is not None:
        found += [*_network_parts(passage, second), end]
    for network in networks:
        if network not in (first, second):
            found += _network_parts(passage, network)
    return found


def _network_parts(passage: Passage, network: str) -> list[Part]:
    layers = passage.of(network)
    answer = layers[-1].values
    note = ""
    if answer.size == 1:
        real = 1 / (1 + np.exp(-float(answer.ravel()[0])))
        note = tr("{share} % real", share=f"{100 * real:.0f}")
    # What leaves an encoder has a row of its own below.
    ends = [code for code in (passage.code, passage.back) if code is not None]
    rest = [layer for layer in layers if not any(np.array_equal(layer.values, end) for end in ends)]
    return [Part(words.spoken(network), note, None), *map(_layer_part, rest)]


def _layer_part(layer: Layer) -> Part:
    values = layer.values
    kinds = {
        # A mean image that is taken away.
        "sub": tr("standardised"),
        "linear": tr("fully connected"),
        "conv2d": tr("convolution"),
        "conv_transpose2d": tr("convolution up"),
    }
    name, size = kinds.get(layer.kind, layer.kind), words.shape(values.shape)
    silent = float((values == 0).mean())
    tip = tr(
        "{kind}, {size}: from {low} to {high}; {share} % of the units are at 0.",
        kind=name,
        size=size,
        low=words.figure(float(values.min())),
        high=words.figure(float(values.max())),
        share=f"{100 * silent:.0f}",
    )
    if values.ndim == 3:
        if len(values) > MAPS:
            tip += " " + tr("The first {count} maps are shown.", count=MAPS)
        return Part(name, size, values, tip, "maps")
    if values.size <= 2:
        name = tr("logit") if values.size == 1 else name
        return Part(name, size, values.ravel(), tip, "numbers")
    note = f"{size} · " + tr("{share} % at 0", share=f"{100 * silent:.0f}") if silent > 0.01 else size
    return Part(name, note, values.ravel(), tip, "strip")


def _code_part(title: str, code: Array) -> Part:
    note = tr("{count} numbers", count=code.size)
    return Part(title, note, code, kind="numbers" if code.size <= WRITTEN else "strip")


def _strip(values: Array, room: QRectF, theme: Theme) -> QImage:
    """Numbers as cells that are about square, row by row."""
    columns = min(len(values), ceil(sqrt(len(values) * room.width() / room.height())))
    rows = -(-len(values) // columns)
    cells = np.zeros(rows * columns, np.float32)
    cells[: len(values)] = values / scale_of(values)
    return heat_image(cells.reshape(rows, columns), theme)


def map_grid(count: int) -> tuple[int, int]:
    """In how many columns and rows so many feature maps are laid out."""
    shown = min(count, MAPS)
    columns = min(shown, 8 if shown <= 32 else 16)
    return columns, -(-shown // columns)


def _maps(values: Array, theme: Theme) -> QImage:
    """The first feature maps (C, H, W) as tiles, with a line between them."""
    shown = values[:MAPS] / scale_of(values[:MAPS])
    count, height, width = shown.shape
    columns, rows = map_grid(count)
    # Small maps are made larger first: a line as wide as a pixel of theirs would be too wide.
    times = max(1, 24 // max(height, width))
    tiles = np.zeros((rows * columns, height * times + 2, width * times + 2), np.float32)
    tiles[:count, 1:-1, 1:-1] = shown.repeat(times, 1).repeat(times, 2)
    _, high, wide = tiles.shape
    rows_of_tiles = tiles.reshape(rows, columns, high, wide).transpose(0, 2, 1, 3)
    return heat_image(rows_of_tiles.reshape(rows * high, columns * wide), theme)
