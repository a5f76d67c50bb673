"""The panel for codes of more than two numbers: which plane the canvas shows, and sliders for the rest."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from aae_studio.core.options import Option
from aae_studio.ui.option_editors import NumberEntry, QuietBox, WheelWhenFocused
from aae_studio.ui.option_rows import mark
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

# Positions of a slider on either side of 0.
POSITIONS = 200
FIELD_WIDTH = 70
LABEL_WIDTH = 32
# Rows that are built before the interface gets its turn again.
ROWS_AT_ONCE = 8
DECIMALS = 3


class Slider(WheelWhenFocused, QSlider):
    """A slider that scrolls with the page until it has the focus."""


class AxisBox(QuietBox):
    """A choice of a code axis."""

    def __init__(self, name: str, help: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(help)

    def set_size(self, size: int, *first: str) -> None:
        """Offer the words in `first` (their data is None), then the axes z1 to z`size`."""
        self.clear()
        for word in first:
            self.addItem(word, None)
        for axis in range(size):
            self.addItem(f"z{axis + 1}", axis)


class AxisRow(QWidget):
    """One number of the code: its name, a slider and a field. Emits `moved` (axis, value)."""

    moved = Signal(int, float)

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self._extent = 1.0
        self._shown: tuple[float, float] | None = None
        word = f"z{axis + 1}"
        name = tr("Code axis {axis}", axis=word)
        label = QLabel(word)
        label.setProperty("muted", True)
        label.setFixedWidth(LABEL_WIDTH)
        self.slider = Slider(Qt.Orientation.Horizontal)
        self.slider.setRange(-POSITIONS, POSITIONS)
        self.slider.setProperty("balanced", True)
        self.slider.setPageStep(POSITIONS // 10)
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider.valueChanged.connect(self._on_slid)
        self.field = NumberEntry(Option(word, word, 0.0, ""), name)
        self.field.setFixedWidth(FIELD_WIDTH)
        self.field.chosen.connect(self._on_entered)
        self.field.refused.connect(self._on_refused)
        layout = QHBoxLayout(self, spacing=6)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.field)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for part in (self.slider, self.field):
            part.setAccessibleName(name)

    def show_value(self, value: float, extent: float) -> None:
        """Show this value on a slider from -extent to extent; the field shows it even when it lies beyond."""
        if self._shown == (value, extent) or self.field.editing:
            return
        self._shown, self._extent = (value, extent), extent
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(max(-1.0, min(1.0, value / extent)) * POSITIONS))
        # Without the sign that rounding leaves on a small negative number.
        self.field.show_value(round(value, DECIMALS) + 0.0)

    def _on_slid(self, position: int) -> None:
        self.moved.emit(self.axis, position / POSITIONS * self._extent)

    def _on_entered(self, value: float) -> None:
        # Until the cursor is there, so that the field no longer counts as being edited.
        self.field.show_value(value)
        self.moved.emit(self.axis, value)

    def _on_refused(self, sentence: str) -> None:
        mark(self.field, sentence)


class CodePanel(QWidget):
    """Chooses the plane that the canvases show, and shows the cursor's code on the axes across it.

    Emits `relevance_changed` (bool): with at most two code axes the canvas shows all there is.
    """

    relevance_changed = Signal(bool)

    def __init__(self, workbench: Workbench, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._relevant = False
        self._size = 0
        self.rows: list[AxisRow] = []
        self._growth = QTimer(self, interval=0)
        self._growth.timeout.connect(self._grow)
        # After the layout has settled, it is known which rows are in sight.
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._refresh)
        self.across = AxisBox(tr("Horizontal axis"), tr("What the canvas shows from left to right."))
        self.up = AxisBox(tr("Vertical axis"), tr("What the canvas shows from bottom to top."))
        self.across.activated.connect(partial(self._choose_plane, self.across))
        self.up.activated.connect(partial(self._choose_plane, self.up))
        self.reset = QPushButton(tr("Reset"))
        self.reset.setToolTip(tr("Set every number of the code to 0."))
        self.reset.clicked.connect(self._on_reset)
        self._whose = QLabel()
        self._whose.setObjectName("section")
        self._whose.setWordWrap(True)
        self._build()
        for signal in (workbench.prepared, workbench.planes.views_changed):
            signal.connect(self._arrange)
        for signal in (workbench.planes.cursor_moved, workbench.snapshot_changed):
            signal.connect(self._refresh)
        self._arrange()

    @property
    def relevant(self) -> bool:
        """Whether the code has more numbers than a plane shows."""
        return self._relevant

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._soon.start()

    def _build(self) -> None:
        plane = QLabel(tr("Plane").upper())
        plane.setObjectName("section")
        axes = QHBoxLayout(spacing=6)
        axes.addWidget(self.across, 1)
        axes.addWidget(self.up, 1)
        top = QHBoxLayout(spacing=6)
        top.addWidget(self._whose, 1)
        top.addWidget(self.reset)
        content = QWidget()
        self._column = QVBoxLayout(content, spacing=4)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.addStretch(1)
        self._scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(content)
        self._scroll.verticalScrollBar().valueChanged.connect(self._refresh)
        layout = QVBoxLayout(self, spacing=6)
        layout.setContentsMargins(10, 8, 2, 8)
        layout.addWidget(plane)
        layout.addLayout(axes)
        layout.addSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self._scroll, 1)
        for part in (axes, top):
            part.setContentsMargins(0, 0, 8, 0)

    # What is there

    def _arrange(self) -> None:
        """Follow the workbench's latent size and plane."""
        workbench = self._workbench
        size = workbench.config.latent_size if workbench.snapshot is not None else 0
        if (size > 2) != self._relevant:
            self._relevant = size > 2
            self.relevance_changed.emit(self._relevant)
        if not self._relevant or not self.isVisible():
            return
        if size != self._size:
            self._size = size
            self.across.set_size(size, "PC1 × PC2")
            self.up.set_size(size)
            while len(self.rows) > size:
                row = self.rows.pop()
                row.hide()
                row.deleteLater()
            self._growth.start()
        self._show_plane()
        self._soon.start()

    def _show_plane(self) -> None:
        axes = self._workbench.planes.axes
        self.across.setCurrentIndex(0 if axes is None else axes[0] + 1)
        self.up.setCurrentIndex(-1 if axes is None else axes[1])
        self.up.setEnabled(axes is not None)
        for row in self.rows:
            row.setVisible(axes is None or row.axis not in axes)

    def _grow(self) -> None:
        """Build some of the rows that are missing."""
        for axis in range(len(self.rows), min(len(self.rows) + ROWS_AT_ONCE, self._size)):
            row = AxisRow(axis)
            row.moved.connect(self._workbench.planes.set_code_axis)
            self.rows.append(row)
            self._column.insertWidget(axis, row)
            row.setVisible(self._workbench.planes.axes is None or axis not in self._workbench.planes.axes)
        if len(self.rows) >= self._size:
            self._growth.stop()
        self._soon.start()

    def _refresh(self) -> None:
        """Show the code at the active lane's cursor, on the rows that are in sight."""
        workbench = self._workbench
        if not self._relevant or not self.isVisible() or workbench.snapshot is None:
            return
        code = workbench.planes.cursors.get(workbench.planes.active)
        if code is None or len(code) != self._size:
            return
        model = workbench.models[workbench.planes.active].model
        self._whose.setText(
            (tr("Code") if workbench.planes.linked else f"{tr('Code')} · {tr(model.short)}").upper()
        )
        extent = workbench.snapshot.prior.extent
        for row, value in zip(self.rows, code.tolist(), strict=False):
            if not row.visibleRegion().isEmpty():
                row.show_value(value, extent)

    # What the user does

    def _choose_plane(self, box: AxisBox, place: int) -> None:
        across, up = self.across.currentData(), self.up.currentData()
        if across is None:
            self._workbench.planes.set_axes(None)
            return
        old = self._workbench.planes.axes or (0, 1)
        if up is None or across == up:
            # The same axis twice is no plane: the other box takes what this one had.
            if box is self.up:
                across = old[1]
            else:
                up = old[0] if old[0] != across else old[1]
        self._workbench.planes.set_axes((across, up))

    def _on_reset(self) -> None:
        self._workbench.planes.reset_code()
