"""SightCard: what one model makes of the place under its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from aae_studio.ui.at_cursor.sight import Sight, sight
from aae_studio.ui.at_cursor.verdict_line import VerdictLine
from aae_studio.ui.decode_view import DecodeView, ImageStrip
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.models.base import Model

Array = npt.NDArray[np.float32]
# What a figure takes at most.
WIDEST = "−00.0 σ"
SIDE = 52


class SightCard(QFrame):
    """Shows images, figures and neighbours at one model's cursor. Emits nothing.

    Of a place: its image, that image's reconstruction, and the nearest real one. Of a picked data point: the
    image, its reconstruction, and the error.
    """

    def __init__(self, workbench: Workbench, name: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench, self.name, self._theme = workbench, name, theme
        self._model: Model = workbench.models[name].model
        self.setObjectName("card")
        self.seen: Sight | None = None
        self.verdict = VerdictLine(theme, self.font(), Qt.AlignmentFlag.AlignRight)
        self.views = [DecodeView(theme, SIDE) for _ in range(3)]
        self._captions = [_caption() for _ in range(3)]
        self.figures = {row: Readout(theme.color("text"), fixed_font(11), WIDEST) for row in self._rows()}
        self.strip = ImageStrip(theme)
        self.strip.setAccessibleName(tr("Nearest real images"))
        self.strip.setToolTip(tr("The real images whose codes are nearest to the cursor, nearest first."))
        self._arrange()

    def _rows(self) -> dict[str, str]:
        """The figures that this model has, by label, and what each one is."""
        frozen, rows = self._bench.models[self.name], dict[str, str]()
        if frozen.has_discriminator:
            rows["D(z)"] = tr(
                "What the discriminator says: 1 real, 0 fake, ½ it cannot tell. A GAN's is shown the image."
            )
        assert self._bench.snapshot is not None
        if frozen.model.uses_prior and self._bench.snapshot.prior.has_log_prob:
            rows["log p(z)"] = tr("The prior's log density at the code, in nats: the higher, the likelier.")
        if frozen.has_encoder:
            rows["|E(Dec(z)) − z|"] = tr(
                "How far from the cursor its image is encoded. Above ½ σ, with two axes: a hole."
            )
            rows["z → x"] = tr(
                "Distance to the 5th nearest code of a real image. The limit: 95 % of these codes are nearer "
                "to their own 5th neighbour. Beyond twice the limit: far from the data."
            )
        return rows

    def _arrange(self) -> None:
        title = QLabel(tr(self._model.short))
        title.setObjectName("cardTitle")
        title.setToolTip(tr(self._model.title))
        head = QHBoxLayout(spacing=6)
        head.addWidget(title)
        head.addWidget(self.verdict, 1)
        images = QGridLayout(horizontalSpacing=4, verticalSpacing=1)
        for column, (view, caption) in enumerate(zip(self.views, self._captions, strict=True)):
            images.addWidget(view, 0, column)
            images.addWidget(caption, 1, column)
        figures = QGridLayout(horizontalSpacing=4, verticalSpacing=1)
        for row, (label, tip) in enumerate(self._rows().items()):
            word = QLabel(_short(label))
            word.setProperty("muted", True)
            self.figures[label].setAccessibleName(label)
            for column, part in enumerate((word, self.figures[label])):
                explain(part, label, tip)
                figures.addWidget(part, row, column)
        figures.setColumnStretch(1, 1)
        figures.setRowStretch(len(self.figures), 1)
        middle = QHBoxLayout(spacing=8)
        middle.addLayout(images)
        middle.addLayout(figures, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 8, 8)
        column.setSpacing(5)
        column.addLayout(head)
        column.addLayout(middle)
        self._near = QLabel(tr("nearest real images, by code"))
        self._near.setProperty("muted", True)
        column.addWidget(self.strip)
        column.addWidget(self._near)
        encodes = self._bench.models[self.name].has_encoder
        for part in (self.strip, self._near, *self.views[1:], *self._captions[1:]):
            part.setVisible(encodes)

    def look(self) -> None:
        """Show what is at the cursor now."""
        if self.name not in self._bench.models or not self.isVisible():
            return
        self.seen = sight(self._bench, self.name)
        self._show_images(self.seen)
        self._show_figures(self.seen)
        assert self._bench.snapshot is not None
        self.verdict.show_trust(self.seen.trust, self._bench.findings.step)
        if self.seen.nearest:
            self.strip.set_images(self._bench.snapshot.probe_images[list(self.seen.nearest)])

    def set_crisp(self, crisp: bool) -> None:
        """Show pixels as squares, or smoothly."""
        for part in (*self.views, self.strip):
            part.set_crisp(crisp)

    def _show_images(self, seen: Sight) -> None:
        assert self._bench.snapshot is not None
        real, picked = self._bench.snapshot.probe_images, self._bench.planes.picked
        if picked is not None and seen.rebuilt is not None:
            image = self._bench.probe.image(picked)
            error = self.error_map(image, seen.rebuilt)
            shown = ((tr("image"), image), (tr("rebuilt"), seen.rebuilt), (tr("error"), error))
        else:
            nearest = real[seen.nearest[0]] if seen.nearest else None
            shown = ((tr("decoded"), seen.image), (tr("again"), seen.again), (tr("nearest"), nearest))
        for view, caption, (word, image) in zip(self.views, self._captions, shown, strict=True):
            caption.setText(word)
            view.setAccessibleName(word)
            view.setToolTip(self._tips()[word])
            view.set_image(image)

    def error_map(self, image: Array, rebuilt: Array) -> Array:
        """|x − x̂|, the mean over channels, from the ground's colour (0) to red (1), as (3, H, W)."""
        error = np.abs(image - rebuilt).mean(axis=0)
        ground, full = (
            np.array(self._theme.color(name).getRgbF()[:3], np.float32)[:, None, None]
            for name in ("well", "bad")
        )
        mixed: Array = ground + (full - ground) * error
        return mixed

    def _tips(self) -> dict[str, str]:
        """What each image is."""
        return {
            tr("image"): tr("x: the image of the data that is picked."),
            tr("rebuilt"): tr("x̂ = Dec(E(x)): what the model makes of the image."),
            tr("error"): tr("|x − x̂| for each pixel: full red where black became white."),
            tr("decoded"): tr("Dec(z): what the decoder makes of the code under the cursor."),
            tr("again"): tr(
                "Dec(E(Dec(z))): that image, encoded and decoded once more. In a hole it differs."
            ),
            tr("nearest"): tr("The real image whose code is nearest."),
        }

    def _show_figures(self, seen: Sight) -> None:
        trust = seen.trust
        texts = {
            "D(z)": None if seen.says is None else f"{seen.says:.2f}",
            "log p(z)": None if seen.log_prior is None else _nats(seen.log_prior),
            "|E(Dec(z)) − z|": None if trust is None else f"{trust.displacement:.2f} σ",
            "z → x": None if trust is None else f"{trust.strangeness:.1f}×",
        }
        for label, value in self.figures.items():
            value.setText((texts[label] or "–").replace("-", "−"))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 7, 3, 18, self._theme.color(self._model.color))
        painter.end()


def _caption() -> QLabel:
    label = QLabel()
    label.setProperty("muted", True)
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return label


def _short(label: str) -> str:
    """A figure's label where there is little room."""
    if label == "|E(Dec(z)) − z|":
        return tr("back")
    return tr("to data") if label == "z → x" else label


def _nats(number: float) -> str:
    """The number with about as many digits as have room."""
    return f"{number:.{2 if abs(number) < 10 else 1}f}"
