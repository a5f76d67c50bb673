"""FlowView: one phase as a picture, from what comes in down to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from aae_studio.ui.inside import words
from aae_studio.ui.inside.samples import as_shown, blended, draw_sample, scale_of
from aae_studio.ui.inside.script import Link, Moment, Row, links, lit, reached, rows
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.walk import Call, PhaseWalk

VALUE_HEIGHT, BLOCK_HEIGHT, LINE_HEIGHT, GAP = 34, 40, 36, 5
# Where arrows run, left of everything: a first lane and those further left.
LANE, FIRST_LANE = 8, 7
LABEL_WIDTH, CELL = 90, 37
# The least size that can be read.
SMALL = 11
DIM = 0.28
ORDER = ("batch", "forward", "loss", "backward", "wait", "update")
# The colour of what a part of a phase is about.
SIGNS = {"backward": "warn", "update": "good", "wait": "warn"}


class FlowView(QWidget):
    """Draws a phase. Folded, it shows a line for each network; else what passes from one to the next.

    In slow motion the rows of the moment are lit, and those that come later are empty. Emits nothing.
    """

    def __init__(self, theme: Theme, latent: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._latent = theme, latent
        self._phase: PhaseWalk | None = None
        self._moment: Moment | None = None
        self._folded, self._pending = True, False
        self._rows: list[Row] = []
        self._links: list[Link] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_phase(
        self, phase: PhaseWalk, moment: Moment | None, folded: bool, pending: bool = False
    ) -> None:
        """Draw this phase, in slow motion at this moment of it; `pending`: it has not begun yet."""
        self._phase, self._moment, self._folded, self._pending = phase, moment, folded, pending
        self._rows = rows(phase)
        self._links = links(phase, self._rows)
        self.setAccessibleDescription(words.spoken_picture(phase))
        height = self.sizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)
        self.update()

    def rows(self) -> list[Row]:
        """The rows of the picture, from top to bottom."""
        return self._rows

    def sizeHint(self) -> QSize:
        if self._phase is None:
            return QSize(240, 0)
        if self._folded:
            return QSize(240, LINE_HEIGHT * len(_networks(self._phase)) + 18)
        return QSize(240, sum(self._height(row) + GAP for row in self._rows))

    def _height(self, row: Row) -> int:
        assert self._phase is not None
        if row.kind == "value":
            return VALUE_HEIGHT * self._phase.values[row.place].blocks
        return BLOCK_HEIGHT

    def _spaces(self) -> list[QRectF]:
        """Where each row is."""
        left = FIRST_LANE + LANE * (1 + max((link.lane for link in self._links), default=0)) + 6
        found, top = [], 0.0
        for row in self._rows:
            height = self._height(row)
            found.append(QRectF(left, top, self.width() - left, height))
            top += height + GAP
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._phase is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._folded:
            self._draw_lines(painter)
        else:
            self._draw_flow(painter)
        painter.end()

    # Folded: the networks, a line each

    def _draw_lines(self, painter: QPainter) -> None:
        phase, theme = self._phase, self._theme
        assert phase is not None
        painter.setPen(theme.color("muted"))
        _draw_text(painter, QRectF(0, 0, self.width(), 16), words.route(phase))
        for place, (network, call) in enumerate(_networks(phase).items()):
            space = QRectF(0, 18 + place * LINE_HEIGHT, self.width(), LINE_HEIGHT - 3)
            self._draw_network(painter, space.adjusted(0, 2, 0, 0), call, network)

    def _draw_network(self, painter: QPainter, space: QRectF, call: Call, network: str) -> None:
        """Two lines: name and gradient, sizes and update."""
        phase, theme = self._phase, self._theme
        assert phase is not None
        trained = network in phase.trains
        upper, lower = QRectF(space), QRectF(space)
        upper.setHeight(space.height() / 2)
        lower.setTop(space.top() + space.height() / 2)
        norm = phase.gradients.get(network) if self._has_come("backward") else None
        right = 0.0
        if norm is not None:
            painter.setPen(theme.color("warn" if trained else "muted"))
            right = _draw_text(painter, upper, f"‖∇‖ {words.figure(norm)}", Qt.AlignmentFlag.AlignRight)
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(theme.color("text" if trained else "muted"))
        _draw_text(painter, upper.adjusted(0, 0, -right - 6, 0), words.spoken(network))
        font.setBold(False)
        painter.setFont(font)
        size = (phase.updates or {}).get(network) if self._has_come("update") else None
        right = 0.0
        if size is not None:
            painter.setPen(theme.color("good"))
            right = _draw_text(painter, lower, f"Δ {words.percent(size)}", Qt.AlignmentFlag.AlignRight)
        painter.setPen(theme.color("muted"))
        if trained or size is not None:
            painter.save()
            painter.setFont(fixed_font(SMALL))
            _draw_text(painter, lower.adjusted(0, 0, -right - 6, 0), words.layers(call))
            painter.restore()
        else:
            _draw_text(painter, lower, words.role(phase, network))

    def _has_come(self, part: str) -> bool:
        """Whether slow motion has reached this part of the phase; without it, all have come."""
        if self._pending or self._moment is None:
            return not self._pending
        return ORDER.index(self._moment.at) >= ORDER.index(part)

    # Unfolded: rows and arrows

    def _draw_flow(self, painter: QPainter) -> None:
        phase, moment = self._phase, self._moment
        assert phase is not None
        known = set(self._rows) if moment is None else reached(phase, moment)
        about = set() if moment is None else lit(phase, moment)
        spaces = self._spaces()
        self._draw_links(painter, spaces, known, about)
        for row, space in zip(self._rows, spaces, strict=True):
            painter.setOpacity(1.0 if moment is None or row in about else 0.6 if row in known else DIM)
            if row.kind == "value":
                self._draw_value(painter, space, row, row in known)
            elif row.kind == "call":
                self._draw_block(painter, space, row, row in about)
            else:
                self._draw_loss(painter, space, row in about, row in known)
        painter.setOpacity(1.0)

    def _draw_value(self, painter: QPainter, space: QRectF, row: Row, known: bool) -> None:
        theme = self._theme
        label = QRectF(space.left(), space.top() + 3, LABEL_WIDTH - 4, 14)
        painter.save()
        font = painter.font()
        font.setPixelSize(SMALL)
        painter.setFont(font)
        for place, (text, color) in enumerate(self._labels(row.place)):
            painter.setPen(theme.color(color))
            _draw_text(painter, label.translated(0, place // 2 * VALUE_HEIGHT + place % 2 * 15), text)
        if known:
            self._draw_samples(painter, space, row.place)
        painter.restore()

    def _draw_samples(self, painter: QPainter, space: QRectF, number: int) -> None:
        assert self._phase is not None
        value = self._phase.values[number]
        samples = as_shown(value.samples)
        count = len(samples) // value.blocks
        room = QRectF(space.left() + LABEL_WIDTH, space.top(), space.width() - LABEL_WIDTH, VALUE_HEIGHT)
        shown = min(count, max(1, int(room.width() // CELL)))
        cell, scale = room.width() / shown, scale_of(samples)
        for line, block in enumerate(self._order(number)):
            for place in range(shown):
                at = QRectF(room.left() + place * cell, room.top() + line * VALUE_HEIGHT, cell, VALUE_HEIGHT)
                sample = samples[block * count + place]
                draw_sample(painter, at.adjusted(1.5, 1.5, -1.5, -1.5), sample, scale, self._theme)

    def _inputs(self, place: int) -> tuple[int, ...]:
        """What each block of a value was made from; nothing where there is one block, or nobody can say."""
        assert self._phase is not None
        value = self._phase.values[place]
        inputs = () if value.call is None else self._phase.calls[value.call].inputs
        return tuple(inputs) if len(inputs) == value.blocks > 1 else ()

    def _order(self, place: int) -> list[int]:
        """The blocks of a value from top to bottom: as what they were made from stands above."""
        assert self._phase is not None
        inputs, blocks = self._inputs(place), range(self._phase.values[place].blocks)
        return sorted(blocks, key=inputs.__getitem__) if inputs else list(blocks)

    def _labels(self, place: int) -> list[tuple[str, str]]:
        """Two lines for each block of a value: its name and shape, and what each block was made from."""
        phase = self._phase
        assert phase is not None
        name = words.value_name(phase, place, self._latent)
        size, inputs = words.shape(phase.values[place].shape), self._inputs(place)
        if not inputs:
            return [(name, "text"), (size, "muted")]
        made = [tr("of {name}", name=words.source(phase, inputs[block])) for block in self._order(place)]
        heads = [(f"{name} {size}", "text"), *[("", "text")] * (len(made) - 1)]
        return [line for head, below in zip(heads, made, strict=True) for line in (head, (below, "muted"))]

    def _draw_block(self, painter: QPainter, space: QRectF, row: Row, about: bool) -> None:
        phase, theme = self._phase, self._theme
        assert phase is not None
        call = phase.calls[row.place]
        trained = call.network in phase.trains
        painter.setPen(self._edge(about))
        ground = theme.color("window")
        painter.setBrush(blended(ground, theme.color("accent"), 0.16) if trained else ground)
        painter.drawRoundedRect(space.adjusted(1, 1, -1, -1), 5, 5)
        self._draw_network(painter, space.adjusted(8, 4, -8, -4), call, call.network)

    def _draw_loss(self, painter: QPainter, space: QRectF, about: bool, known: bool) -> None:
        phase, theme = self._phase, self._theme
        assert phase is not None
        painter.setPen(self._edge(about))
        painter.setBrush(theme.color("well"))
        painter.drawRoundedRect(space.adjusted(1, 1, -1, -1), BLOCK_HEIGHT / 2, BLOCK_HEIGHT / 2)
        inside = space.adjusted(16, 4, -14, -4)
        upper, lower = QRectF(inside), QRectF(inside)
        upper.setHeight(inside.height() / 2)
        lower.setTop(inside.top() + inside.height() / 2)
        painter.setPen(theme.color("text"))
        _draw_text(painter, upper, f"{tr('loss')} {words.figure(phase.loss) if known else ''}")
        painter.setPen(theme.color("muted"))
        labels = [f"{tr(term.label)} {words.figure(term.figure)}" for term in phase.terms]
        _draw_text(painter, lower, " · ".join(labels) if known else "")

    def _edge(self, about: bool) -> QPen:
        """The border of a row that the moment is about, or not."""
        if not about or self._moment is None:
            return QPen(self._theme.color("border"), 1)
        return QPen(self._theme.color(SIGNS.get(self._moment.at, "accent")), 2)

    def _draw_links(self, painter: QPainter, spaces: list[QRectF], known: set[Row], about: set[Row]) -> None:
        phase, theme = self._phase, self._theme
        assert phase is not None
        at = self._moment.at if self._moment is not None else ""
        for link in self._links:
            source, target = self._rows[link.source], self._rows[link.target]
            lively = source in about and target in about
            cut = phase.values[link.value].call is not None and phase.values[link.value].gradient is None
            back = at == "backward"
            color = theme.color("border")
            if not at:
                color = theme.color("muted")
            elif back and lively:
                color = theme.color("warn")
            elif lively and at in ("forward", "loss"):
                color = theme.color("accent")
            elif source in known and target in known:
                color = blended(theme.color("border"), theme.color("muted"), 0.5)
            # Arrows meet a row a little above its middle and leave it a little below.
            start = QPointF(spaces[link.source].left() - 2, spaces[link.source].center().y() + 5)
            end = QPointF(spaces[link.target].left() - 2, spaces[link.target].center().y() - 5)
            x = FIRST_LANE + LANE * (max(each.lane for each in self._links) - link.lane)
            painter.setPen(QPen(color, 2 if lively else 1.3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF([start, QPointF(x, start.y()), QPointF(x, end.y()), end]))
            _draw_head(painter, start if back and lively else end, color)
            if cut and source.kind == "value" and at in ("", "backward", "update"):
                _draw_cut(painter, QPointF(x, start.y() + 9), theme.color("bad"))

    # Explanations

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.explanation(QPointF(event.pos()))
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def explanation(self, at: QPointF) -> str:
        """What is to be said of the row at a place."""
        phase = self._phase
        if phase is None:
            return ""
        if self._folded:
            place = int((at.y() - 18) // LINE_HEIGHT)
            calls = list(_networks(phase).values())
            return words.about_network(phase, calls[place]) if 0 <= place < len(calls) else words.route(phase)
        for row, space in zip(self._rows, self._spaces(), strict=True):
            if space.top() <= at.y() < space.bottom() + GAP:
                if row.kind == "value":
                    return words.about_value(phase, row.place, self._latent)
                return (
                    words.about_loss(phase)
                    if row.kind == "loss"
                    else words.about_network(phase, phase.calls[row.place])
                )
        return ""


def _networks(phase: PhaseWalk) -> dict[str, Call]:
    """The networks of a phase, those that it trains first, each with its first call."""
    found: dict[str, Call] = {}
    for call in sorted(phase.calls, key=lambda call: call.network not in phase.trains):
        found.setdefault(call.network, call)
    return found


def _draw_text(
    painter: QPainter, space: QRectF, text: str, side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft
) -> float:
    """One line, shortened where it does not fit; returns its width."""
    metrics = painter.fontMetrics()
    fitting = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(space.width()))
    painter.drawText(space, side | Qt.AlignmentFlag.AlignVCenter, fitting)
    return float(metrics.horizontalAdvance(fitting))


def _draw_head(painter: QPainter, tip: QPointF, color: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(QPolygonF([tip + QPointF(2, 0), tip + QPointF(-4, -3.5), tip + QPointF(-4, 3.5)]))


def _draw_cut(painter: QPainter, middle: QPointF, color: QColor) -> None:
    """A bar across an arrow: here the gradient ends."""
    painter.setPen(QPen(color, 2))
    for sign in (-1, 1):
        painter.drawLine(middle + QPointF(-3.5, -3.5 * sign), middle + QPointF(3.5, 3.5 * sign))
