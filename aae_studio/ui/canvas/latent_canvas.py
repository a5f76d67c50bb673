"""LatentCanvas: one model's latent plane, with its codes, its prior and the cursor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from aae_studio.ui.canvas import painting
from aae_studio.ui.canvas.hand import Hand
from aae_studio.ui.canvas.layers import Layers, Piece
from aae_studio.ui.canvas.overlays.base import Overlay
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.points import Points
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.canvas.trace import draw_trace
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
HOVER_PX = 9
# A view that has not changed for so long rests.
REST_MS = 120


class LatentCanvas(QWidget):
    """Shows a plane of one model's latent space.

    Drag moves the cursor, with Shift from one data point to the next; the wheel zooms, a drag with the
    right button pans, a double click fits, the arrow keys nudge the cursor, Esc takes a drag back. Hovering
    a point shows its image and its reconstruction. Everything goes through the workbench; emits nothing.
    """

    def __init__(
        self,
        workbench: Workbench,
        name: str,
        theme: Theme,
        turns: Turns,
        overlays: Mapping[str, Overlay],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._bench, self._name, self._theme, self._turns = workbench, name, theme, turns
        self._planes, self._display = workbench.planes, workbench.display
        self._available = overlays
        self._color = theme.color(workbench.models[name].model.color)
        colors = [theme.class_color(place).getRgb()[:3] for place in range(len(theme.classes))]
        self._points = Points(np.array(colors, np.uint32))
        self._backdrop: QPixmap | None = None
        # Whether there is news that the backdrop does not show yet.
        self._stale = False
        # Whether points are on show: what is not drawn cannot be hovered.
        self._dotted = False
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MS)
        self._resting.timeout.connect(self._rest)
        self._hovered: int | None = None
        self._card: painting.Card | None = None
        self._hand = Hand(self, workbench, name, turns)
        self._cursor_rect = QRect()
        # The overlays on show, in the order of drawing, and what they were last asked about.
        self._overlays: dict[str, Overlay] = {}
        self._scene: Scene | None = None
        self._layers = Layers()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(140, 140)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        title = tr(workbench.models[name].model.title)
        self.setAccessibleName(tr("Latent space of the {title}", title=title))
        self.setAccessibleDescription(
            tr("Drag or arrow keys: move the point. Wheel: zoom. Right drag: pan. Double click: show all.")
        )
        self._listen()
        self.choose_overlays()

    def _listen(self) -> None:
        self._planes.views_changed.connect(self._follow_view)
        self._planes.views_changed.connect(self._ask_again)
        self._planes.cursor_moved.connect(self.follow_cursor)
        self._planes.cursor_moved.connect(self._ask_again)
        self._display.traced.connect(self.update)
        self._bench.surveyed.connect(self._ask_later)
        self._display.changed.connect(self.choose_overlays)
        self._display.tool_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, 320)

    # Drawing

    def redraw(self) -> None:
        """Paint codes, view and prior anew at the next paint."""
        self._backdrop = None
        if self._hovered is not None:
            self._show_card(self._hovered)
        self.update()

    def refresh(self) -> None:
        """Paint codes, view and prior anew in a turn of its own; what was there is shown until then."""
        self._stale = True
        self._turns.ask(self._take_turn)

    def _take_turn(self) -> None:
        if not self._stale:
            return
        shown = self.isVisible() and self._name in self._bench.models
        if shown and self._paint_one_layer():
            self._turns.ask(self._take_turn)
            return
        self.redraw()
        if shown:
            # Not in the paint: there the lanes' backdrops, and what the mouse moved, come together.
            self._backdrop = self._painted_backdrop()

    def _paint_one_layer(self) -> bool:
        """Paint what one overlay draws; False when the rest can be painted together."""
        stage = self._stage()
        pieces = self._pieces(covering=False) + self._pieces(covering=True)
        piece = self._layers.one_of_several(pieces, stage)
        if piece is not None:
            self._layers.paint(piece, stage, self.devicePixelRatioF())
        return piece is not None

    def _follow_view(self) -> None:
        if self._points.many:
            self._resting.start()
        self.refresh()

    def _rest(self) -> None:
        """The view has come to rest: points that were only moved are drawn where they belong."""
        self._resting.stop()
        self.refresh()

    def follow_cursor(self) -> None:
        """Repaint only where the cursor was and is."""
        if self._name in self._planes.cursors:
            self.update(self._cursor_rect)
            self.update(self._cursor_area())

    def cursor_pixel(self) -> QPointF:
        """Where the cursor is, in logical pixels."""
        place = np.array([self._planes.cursor_place(self._name)], np.float32)
        x, y = self.view().to_pixels(place, self.width(), self.height())[0]
        return QPointF(float(x), float(y))

    def card(self) -> painting.Card | None:
        """What is on show of the point under the mouse."""
        return self._card

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._name not in self._bench.models:
            return
        if self._backdrop is None:
            self._backdrop = self._painted_backdrop()
        with QPainter(self) as painter:
            painter.drawPixmap(QPoint(0, 0), self._backdrop)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for traces in self._display.traces.values():
                if self._name in traces:
                    draw_trace(painter, traces[self._name], self._stage())
            self._cursor_rect = self._cursor_area()
            at = self.cursor_pixel()
            if self.rect().contains(at.toPoint()):
                painting.draw_cursor(painter, at, self._color, self._theme)
            else:
                painting.draw_pointer(painter, at, self.size(), self._color, self._theme)
            if self._hovered is not None and self._card is not None and self._dotted:
                spot = self._points.spot(self._hovered)
                if spot is not None:
                    painting.draw_card(painter, spot, self._card, self.size(), self._theme)
            if self._display.tool is not None:
                self._display.tool.draw(painter, self, self._name)
            if self.hasFocus():
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                painter.setPen(QPen(self._theme.color("accent"), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _painted_backdrop(self) -> QPixmap:
        """Everything but cursor and hover card: it changes a few times a second at most."""
        self._stale = False
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(QSize(round(self.width() * ratio), round(self.height() * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self._theme.color("well"))
        with QPainter(pixmap) as painter:
            view, size, stage = self.view(), self.size(), self._stage()
            painting.draw_grid(painter, view, size, self._theme)
            self._layers.draw(painter, self._pieces(covering=False), stage, ratio)
            self._dotted = self._name in self._bench.findings.codes and self._display.show_codes
            self._dotted = self._dotted and not self._replaces_points()
            if self._dotted:
                self._draw_points(painter, ratio)
            self._layers.draw(painter, self._pieces(covering=True), stage, ratio)
            if self._display.show_prior and self._planes.axes in ((0, 1), None):
                snapshot = self._bench.snapshot
                assert snapshot is not None
                if self._bench.config.latent_size > 1 and self._planes.axes is not None:
                    painting.draw_outline(painter, snapshot.prior.outline(), view, size, self._theme)
            painting.draw_numbers(painter, view, size, self._planes[self._name].labels, self._theme)
        return pixmap

    # Overlays

    def choose_overlays(self) -> None:
        """Take up the overlays that are to be shown here."""
        if self._name not in self._bench.models:
            return
        frozen = self._bench.models[self._name]
        chosen = {
            name: overlay
            for name, overlay in self._available.items()
            if overlay.stands_in(frozen) or (name in self._display.overlays and overlay.applies(frozen))
        }
        for name in self._overlays.keys() - chosen.keys():
            self._bench.questions.drop((name, self._name))
        self._overlays, self._scene, self._layers = chosen, None, Layers()
        self._ask_again()
        self.refresh()

    def _ask_again(self, soon: bool = True) -> None:
        """Ask what the overlays show of the scene, where it is another than before."""
        bench, name = self._bench, self._name
        if not self._overlays or name not in bench.models or not self.isVisible():
            return
        condition = bench.planes.conditions[name]
        plane, code = bench.planes[name], bench.planes.cursors[name]
        # With more axes nothing depends on the home view, and each drag would look for it.
        home = bench.planes.home_view(name) if len(code) == 1 else None
        scene = Scene.at(name, plane, self.view(), code, condition, self.size(), home)
        if self._scene is None or not self._scene.shows(scene):
            self._scene = scene
            for key, overlay in self._overlays.items():
                bench.questions.ask((key, name), partial(_look, overlay, scene), soon)

    def _ask_later(self) -> None:
        """A plane of principal components turns with the codes."""
        self._ask_again(soon=False)

    def _replaces_points(self) -> bool:
        return any(
            overlay.replaces_points and (name, self._name) in self._bench.questions.answers
            for name, overlay in self._overlays.items()
        )

    def _pieces(self, covering: bool) -> list[Piece]:
        """What the overlays draw: those that lie below the points, or those that cover them and the figures
        of all."""
        answers = self._bench.questions.answers
        seen = [
            (name, answers[name, self._name], overlay)
            for name, overlay in self._overlays.items()
            if answers.get((name, self._name)) is not None
        ]
        pieces = [
            Piece((name, "draw"), answer, overlay.draw)
            for name, answer, overlay in seen
            if overlay.covers is covering
        ]
        if covering:
            pieces += [
                Piece((name, "annotate"), answer, overlay.annotate)
                for name, answer, overlay in seen
                if type(overlay).annotate is not Overlay.annotate
            ]
        return pieces

    def _draw_points(self, painter: QPainter, ratio: float) -> None:
        places, view, size, points = self._planes.places(self._name), self.view(), self.size(), self._points
        moving = self._resting.isActive() and points.many
        if not points.shows(places, size, ratio, None if moving else view):
            points.make(places, self._bench.probe.labels, view, size, ratio)
        points.draw(painter, view)

    def _stage(self) -> Stage:
        return Stage(self.view(), self.size(), self._theme, self._display.crisp, self._color)

    def view(self) -> View:
        """The part of the plane that is shown."""
        return self._planes.views[self._name]

    def _cursor_area(self) -> QRect:
        at, reach = painting.within(self.cursor_pixel(), self.size()), painting.CURSOR_REACH + 2
        return QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach).toAlignedRect()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.redraw()
        self._ask_again()

    def showEvent(self, event: QShowEvent) -> None:
        self._ask_again()

    def event(self, event: QEvent) -> bool:
        # Moved to a screen with other pixels. Qt does not pass this on to `changeEvent`.
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._layers = Layers()
            self.redraw()
        tool = self._display.tool
        return (tool is not None and tool.takes(event, self, self._name)) or super().event(event)

    # Mouse and keyboard

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hand.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._hand.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._hand.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._hand.turn_wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._hand.takes_key(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.hover(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        self.leave_point()

    def show_view(self, view: View) -> None:
        """Go to another view: here at once, since the mouse is here; in other lanes in their turn."""
        self._planes.set_view(self._name, view)
        self.redraw()

    def let_rest(self) -> None:
        """The view is not moved any more: what was only moved is drawn where it belongs now, not soon."""
        if self._resting.isActive():
            self._rest()

    def hover(self, at: QPointF) -> None:
        """Show the point under the mouse, if there is one."""
        found = self._points.at(at, HOVER_PX) if self._dotted else None
        if found == self._hovered:
            return
        self._hovered = found
        self._show_card(found)
        self._display.hover(found)
        self.update()

    def _show_card(self, point: int | None) -> None:
        """Make the card of a point, with its reconstruction by the newest weights."""
        self._card = None
        if point is not None and point < len(self._bench.findings.codes.get(self._name, ())):
            original, rebuilt = self._bench.reconstruction(self._name, point)
            self._card = painting.Card.of(original, rebuilt, *self._captions(point))

    def _captions(self, point: int) -> tuple[str, ...]:
        """The lines below a point's images: what it is, and what a model that finds that out takes it for."""
        found = self._bench.found(self._name, point)
        if found is None:
            return (self._bench.probe.caption(point),)
        # Less than certain is not 100 %.
        share = ">99" if 0.995 <= found[1] < 1 else f"{100 * found[1]:.0f}"
        return self._bench.probe.caption(point), tr("found: {name}, {share} %", name=found[0], share=share)

    def leave_point(self) -> None:
        """The mouse is not on a point any more."""
        if self._hovered is not None:
            self._hovered = self._card = None
            self._display.hover(None)
            self.update()


def _look(overlay: Overlay, scene: Scene, snapshot: Snapshot, codes: Mapping[str, Any]) -> Any:
    """The question that an overlay asks of a snapshot."""
    if scene.model not in snapshot.models:
        return None
    return overlay.look(scene, snapshot, codes.get(scene.model))
