"""Hand: what mouse and keys do in a latent plane where no tool is taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from aae_studio.ui.canvas import painting
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.ui.canvas.latent_canvas import LatentCanvas

Array = npt.NDArray[np.float32]
# Of what is on show, the way of an arrow key.
NUDGE = 1 / 60
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class Hand:
    """Moves the cursor, in a drag with Shift from one data point to the next; zooms, pans and fits the view.

    It belongs to one canvas, which passes its events on.
    """

    def __init__(self, canvas: LatentCanvas, workbench: Workbench, name: str, turns: Turns) -> None:
        self._canvas, self._bench, self._name, self._turns = canvas, workbench, name, turns
        self._planes, self._display = workbench.planes, workbench.display
        self._dragging = False
        # Whether the drag goes from one data point to the next.
        self._drags_data = False
        # The cursors before the button was pressed.
        self._before_press = self._planes.kept()
        self._pan_from: tuple[QPointF, View] | None = None

    # The mouse

    def press(self, event: QMouseEvent) -> None:
        """Begin to drag, or to pan."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._canvas.leave_point()
            self._dragging = True
            self._before_press = self._planes.kept()
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._drags_data = shift or self._display.drags_data
            self._move_to(event.position())
        elif event.button() in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            self._pan_from = (event.position(), self._canvas.view())
            self._canvas.setCursor(Qt.CursorShape.ClosedHandCursor)

    def move(self, event: QMouseEvent) -> None:
        """Drag, pan, or look what is under the mouse."""
        if self._dragging:
            self._move_to(event.position())
            self._turns.follow_move()
        elif self._pan_from is not None:
            start, view = self._pan_from
            scale = view.scale(self._canvas.width(), self._canvas.height())
            shift = event.position() - start
            self._canvas.show_view(view.panned(-shift.x() / scale, shift.y() / scale))
        else:
            self._canvas.hover(event.position())

    def release(self) -> None:
        """End what was begun."""
        if self._pan_from is not None:
            self._canvas.let_rest()
        self._dragging, self._pan_from = False, None
        self._canvas.setCursor(Qt.CursorShape.CrossCursor)

    def double_click(self, event: QMouseEvent) -> None:
        """Show the whole plane again."""
        if event.button() != Qt.MouseButton.LeftButton:
            # The second press of two quick ones, with which another pan may begin.
            self.press(event)
            return
        self._dragging = False
        # The first click of the two moved the cursors.
        self._planes.put_back(self._before_press)
        self._planes.fit_view(self._name)

    def turn_wheel(self, event: QWheelEvent) -> None:
        """Zoom around the mouse."""
        self._zoom(1.0015 ** event.angleDelta().y(), self._place(event.position()))
        event.accept()

    # The keyboard

    def takes_key(self, event: QKeyEvent) -> bool:
        """Do what a key asks for; False: nothing here."""
        key = Qt.Key(event.key())
        if key in ARROWS and self._display.drags_data and self._name in self._bench.findings.codes:
            self._step_to_data(*ARROWS[key])
        elif key in ARROWS:
            self._nudge(*ARROWS[key], far=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key == Qt.Key.Key_Escape and self._dragging:
            self._dragging = False
            self._planes.put_back(self._before_press)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            factor = 1 / 1.25 if key == Qt.Key.Key_Minus else 1.25
            inside = self._canvas.rect().contains(self._canvas.cursor_pixel().toPoint())
            view = self._canvas.view()
            self._zoom(factor, self._planes.cursor_place(self._name) if inside else (view.x, view.y))
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self._planes.fit_view(self._name)
        else:
            return False
        return True

    # What they do

    def _place(self, at: QPointF) -> tuple[float, float]:
        return self._canvas.view().to_plane(at.x(), at.y(), self._canvas.width(), self._canvas.height())

    def _move_to(self, at: QPointF) -> None:
        if self._drags_data and self._name in self._bench.findings.codes:
            found = painting.nearest(self._data_pixels(), at, np.inf)
            if found is not None and found != self._planes.picked:
                self._planes.pick(found)
            return
        self._planes.move_cursor(self._name, self._place(at))

    def _nudge(self, x: int, y: int, far: bool) -> None:
        step = (5 if far else 1) * NUDGE * 2 * self._canvas.view().half
        left, up = self._planes.cursor_place(self._name)
        self._planes.move_cursor(self._name, (left + x * step, up + y * step))

    def _step_to_data(self, x: int, y: int) -> None:
        """Go on to the next data point in a direction."""
        picked = self._planes.picked
        found = painting.next_toward(self._data_pixels(), self._canvas.cursor_pixel(), (x, -y), picked)
        if found is not None:
            self._planes.pick(found, self._name)

    def _data_pixels(self) -> Array:
        """Where data points are, in logical pixels, whether they are drawn or not."""
        places = self._planes.places(self._name)
        return self._canvas.view().to_pixels(places, self._canvas.width(), self._canvas.height())

    def _zoom(self, factor: float, place: tuple[float, float]) -> None:
        view = self._canvas.view().zoomed(factor, *place)
        home = self._planes.home_view(self._name)
        if home.half / 1000 <= view.half <= home.half * 50:
            self._canvas.show_view(view)
