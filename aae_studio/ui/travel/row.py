"""JourneyRow: one model's path as images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from aae_studio.ui.decode_view import DecodeView, ImageStrip
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr
from aae_studio.ui.travel.journey import STRIDE, Journey

if TYPE_CHECKING:
    from aae_studio.core.models.base import Model

SIDE = 54


class JourneyRow(QWidget):
    """The image at the place that is reached, and a strip of those on the way.

    Emits `chosen` (place on the path) when an image of the strip is chosen.
    """

    chosen = Signal(int)

    def __init__(self, model: Model, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._color = theme, model.color
        self._journey: Journey | None = None
        self.view = DecodeView(theme, SIDE)
        self.view.setAccessibleName(tr("Image on the way"))
        self.view.setToolTip(tr("What is decoded at the place on the path that the slider says."))
        self.strip = ImageStrip(theme, selectable=True)
        self.strip.setAccessibleName(tr("Images from A to B"))
        self.strip.setToolTip(tr("Images decoded on the way from A to B. Click one to go there."))
        self.strip.chosen.connect(self._on_chosen)
        self.length = Readout(theme.color("muted"), fixed_font(11), "", Qt.AlignmentFlag.AlignRight)
        words = tr(
            "How much the image changes along the path: the sum of its steps, each a Euclidean distance "
            "over all pixels. A geodesic makes it small."
        )
        explain(self.length, words)
        title = QLabel(tr(model.short))
        title.setObjectName("cardTitle")
        title.setToolTip(tr(model.title))
        head = QHBoxLayout(spacing=4)
        head.addWidget(title)
        head.addWidget(self.length, 1)
        right = QVBoxLayout(spacing=2)
        right.addLayout(head)
        right.addWidget(self.strip)
        layout = QHBoxLayout(self, spacing=6)
        layout.setContentsMargins(8, 0, 0, 0)
        layout.addWidget(self.view)
        layout.addLayout(right, 1)

    def show_journey(self, journey: Journey | None) -> None:
        """Show this path; None: there is none in this model."""
        self._journey = journey
        if journey is None:
            self.view.set_image(None)
            self.view.hide()
            self.length.setText(tr("no encoder: no place for an image"), tr("no encoder"))
            return
        self.view.show()
        self.strip.set_images(journey.images[::STRIDE])
        self.length.setText(tr("image change {length}", length=f"{journey.length:.2f}"))

    def show_place(self, place: int) -> None:
        """Show the image at a place on the path."""
        if self._journey is not None:
            self.view.set_image(self._journey.images[place])
            self.strip.select(round(place / STRIDE))

    def set_crisp(self, crisp: bool) -> None:
        """Show pixels as squares, or smoothly."""
        self.view.set_crisp(crisp)
        self.strip.set_crisp(crisp)

    def _on_chosen(self, image: int) -> None:
        self.chosen.emit(image * STRIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, 0, 3, self.height(), self._theme.color(self._color))
        painter.end()
