"""Sketch: draw an image or drop a picture, and see where every model puts it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QHideEvent, QIcon, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QColorDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from aae_studio.core.errors import StudioError
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.canvas.mark import Mark
from aae_studio.ui.canvas.trace import Trace
from aae_studio.ui.code_panel import Slider
from aae_studio.ui.image_table import Column, FigureRow, ImageTable
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.sketch_pad import SIDE, THICKEST, THICKNESS, THINNEST, SketchPad
from aae_studio.ui.state.conditions import Told
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

Array = npt.NDArray[np.float32]
KEY = "sketch"
PAD_HEIGHT = 208


class Sketch(Panel):
    """A pad, what the encoders get of it, and what comes back; marks its code in every plane."""

    title = "Sketch"
    tip = "Draw an image, or drop a picture, and see where every model puts it."
    order = 50

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.setAcceptDrops(True)
        self.pad = SketchPad(theme)
        self.pad.setFixedHeight(PAD_HEIGHT)
        self.pad.setAccessibleName(tr("Drawing"))
        keys = tr(
            "Left button: draw. Right button: erase. Arrow keys move the pen, with Shift they draw; Enter: a "
            "dot. Delete: clear. Ctrl+Z: take back. Esc: take the stroke back."
        )
        explain(self.pad, keys)
        self.pad.setAccessibleDescription(keys)
        self.brush = self._tool(tr("Brush"), tr("Draw with ink."))
        self.eraser = self._tool(tr("Eraser"), tr("Take ink away, as the right mouse button does."))
        self._tools = QButtonGroup(self)
        for button in (self.brush, self.eraser):
            button.setCheckable(True)
            self._tools.addButton(button)
        self.brush.setChecked(True)
        self.undo = self._tool(tr("Undo"), tr("Take the last stroke back."))
        self.clear = self._tool(tr("Clear"), tr("Take all ink away."))
        self.open = self._tool(tr("Picture…"), tr("Open an image file. You can also drop one here."))
        self.color = self._tool(tr("Colour…"), tr("Choose the colour of the ink."))
        self.thickness = Slider(Qt.Orientation.Horizontal)
        self.thickness.setRange(THINNEST, THICKEST)
        self.thickness.setValue(THICKNESS)
        self.thickness.setAccessibleName(tr("Thickness"))
        self.thickness.setToolTip(tr("How thick the brush and the eraser are."))
        self.table = ImageTable(theme)
        self.table.setAccessibleName(tr("The sketch as the encoders get it, and its reconstructions"))
        self._below = QLabel()
        self._traces: dict[str, Trace] = {}
        # What the decoders were told beside the sketch's codes.
        self._told: Told | None = None
        self._arrange()
        self._connect()
        self._show_color()
        self._show_state()

    def demonstrate(self) -> None:
        self.pad.stroke(_three())
        self._encode()

    def _tool(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        explain(button, tip)
        return button

    def _arrange(self) -> None:
        what = QLabel(tr("Draw an image. Each plane shows as ✚ where the encoder puts it, as you draw."))
        what.setWordWrap(True)
        label = QLabel(tr("Thickness"))
        label.setProperty("muted", True)
        label.setBuddy(self.thickness)
        drawing, rest = QHBoxLayout(spacing=6), QHBoxLayout(spacing=6)
        for part in (self.brush, self.eraser, label, self.thickness):
            drawing.addWidget(part, part is self.thickness)
        for button in (self.undo, self.clear, self.open, self.color):
            rest.addWidget(button, 1)
        self._below.setWordWrap(True)
        self._below.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(8)
        column.addWidget(what)
        column.addWidget(self.pad)
        column.addLayout(drawing)
        column.addLayout(rest)
        column.addWidget(self.table)
        column.addWidget(self._below)
        column.addStretch(1)

    def _connect(self) -> None:
        bench = self._bench
        self.pad.changed.connect(self._on_drawn)
        self.eraser.toggled.connect(self._set_erasing)
        self.thickness.valueChanged.connect(self._set_thickness)
        self.undo.clicked.connect(self.pad.undo)
        self.clear.clicked.connect(self.pad.clear)
        self.open.clicked.connect(self.choose_file)
        self.color.clicked.connect(self.choose_color)
        bench.surveyed.connect(self._schedule)
        bench.prepared.connect(self._on_prepared)
        # The place in a plane is another one in another plane.
        bench.planes.views_changed.connect(self._schedule)
        bench.planes.cursor_moved.connect(self._follow_conditions)
        bench.display.changed.connect(self._apply_display)
        self._apply_display()

    def choices(self) -> tuple[Array | None, int, QColor]:
        picture = None if self.pad.blank else self.pad.picture(3)
        return picture, self.thickness.value(), self.pad.color

    def choose(self, choices: tuple[Array | None, int, QColor]) -> None:
        picture, thickness, color = choices
        self.thickness.setValue(thickness)
        self.set_color(color)
        if picture is not None:
            self.pad.show_picture(picture)

    # The ink

    def _set_erasing(self, erasing: bool) -> None:
        self.pad.erasing = erasing

    def _set_thickness(self, thickness: int) -> None:
        self.pad.thickness = thickness
        self.pad.update()

    def choose_color(self) -> None:
        """Ask for the colour of the ink."""
        color = QColorDialog.getColor(self.pad.color, self, tr("Colour of the ink"))
        if color.isValid():
            self.set_color(color)

    def set_color(self, color: QColor) -> None:
        """Draw in this colour from now on."""
        self.pad.color = color
        self._show_color()

    def _show_color(self) -> None:
        square = QPixmap(12, 12)
        square.fill(self.pad.color)
        self.color.setIcon(QIcon(square))

    # Pictures from files

    def choose_file(self) -> None:
        """Ask for an image file and take it in."""
        kinds = "*.png *.jpg *.jpeg *.gif *.bmp *.webp *.tif *.tiff *.pgm *.ppm"
        words = f"{tr('Pictures')} ({kinds});;{tr('All files')} (*)"
        file, _ = QFileDialog.getOpenFileName(self, tr("Open a picture"), "", words)
        if file:
            self.read(Path(file))

    def read(self, file: Path) -> None:
        """Take a picture in, in place of what is drawn; a bad file is an error and changes nothing."""
        from aae_studio.core import sketch

        try:
            picture = sketch.read_picture(file, self._channels())
        except StudioError as fault:
            self._bench.failed.emit(fault)
            return
        self.pad.show_picture(sketch.fitted(picture, SIDE, SIDE))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.read(Path(files[0]))

    # What the models make of it

    def showEvent(self, event: QShowEvent) -> None:
        self._on_drawn()

    def hideEvent(self, event: QHideEvent) -> None:
        # Another window on this workbench may have marked meanwhile.
        if self._bench.display.traces.get(KEY) is self._traces:
            self._bench.display.trace(KEY, {})

    def _on_prepared(self) -> None:
        self._show_state()
        self._schedule()

    def _on_drawn(self) -> None:
        self._show_state()
        self._schedule()

    def _schedule(self) -> None:
        """Encode in a turn of its own: strokes come faster than pictures."""
        if self.isVisible():
            self._turns.ask(self._encode)

    def _follow_conditions(self) -> None:
        if self._told != self._bench.planes.conditions.told:
            self._schedule()

    def _encode(self) -> None:
        """Encode what is drawn by the newest weights: at once, so that it follows the hand."""
        snapshot = self._bench.snapshot
        if snapshot is None or not self.isVisible():
            return
        self._told = self._bench.planes.conditions.told
        if self.pad.blank:
            self._bench.display.trace(KEY, {})
            self.table.show_table((), ())
            return
        image = snapshot.dataset.normalised(self.pad.picture(self._channels()))
        columns, errors, traces = [Column("x", "muted", [to_qimage(image)])], [""], {}
        for name, frozen in snapshot.models.items():
            if frozen.has_encoder:
                told = self._bench.planes.conditions[name]
                rebuilt = frozen.reconstruct(image[None], [told])[0]
                (place,) = self._bench.planes[name].project(frozen.encode(image[None]))
                mark = Mark(tr("sketch"), place, to_qimage(rebuilt))
                traces[name] = Trace(marks=(mark,))
                columns.append(Column(frozen.model.short, frozen.model.color, [mark.image]))
                errors.append(f"{((rebuilt - image) ** 2).mean():.3f}")
        self._traces = traces
        self._bench.display.trace(KEY, traces)
        self.table.show_table(columns, [FigureRow(tr("MSE"), errors, ["text"] * len(errors))])

    def _channels(self) -> int:
        snapshot = self._bench.snapshot
        return 1 if snapshot is None else snapshot.dataset.image_shape[0]

    def _show_state(self) -> None:
        self.undo.setEnabled(self.pad.can_undo)
        self.clear.setEnabled(not self.pad.blank)
        self.color.setVisible(self._channels() == 3)
        snapshot = self._bench.snapshot
        if snapshot is None or self.pad.blank:
            self._below.setText("")
            return
        _, height, width = snapshot.dataset.image_shape
        self._below.setText(
            tr(
                "x: your image, scaled and placed as the images of “{title}” are, {width}×{height} pixels; "
                "beside it what each model gives back.",
                title=tr(snapshot.dataset.title),
                width=width,
                height=height,
            )
        )

    def _apply_display(self) -> None:
        self.table.set_crisp(self._bench.display.crisp)


def _three() -> list[tuple[float, float]]:
    """A three, in shares of the pad: two bows."""
    upper, lower = (np.radians(np.arange(*bow)) for bow in ((-150, 91, 12), (-90, 151, 12)))
    x = np.concatenate([0.46 + 0.17 * np.cos(upper), 0.46 + 0.20 * np.cos(lower)])
    y = np.concatenate([0.32 + 0.16 * np.sin(upper), 0.66 + 0.18 * np.sin(lower)])
    return list(zip(x.tolist(), y.tolist(), strict=True))
