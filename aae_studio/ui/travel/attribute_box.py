"""AttributeBox: what tells one class from another, added to the code under the cursor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from aae_studio.ui.canvas.trace import Line, Sign, Trace
from aae_studio.ui.code_panel import Slider
from aae_studio.ui.decode_view import DecodeView
from aae_studio.ui.option_editors import QuietBox
from aae_studio.ui.readout import Readout, signed
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.translation import tr
from aae_studio.ui.travel.journey import Attribute
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

Array = npt.NDArray[np.float32]
KEY = "attribute"
SIDE = 54
# Positions of the slider for the strength 1, and its greatest strength.
POSITIONS = 20
STRONGEST = 2


class ClassBox(QuietBox):
    """A choice of a class."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(name)


class AttributeBox(QWidget):
    """Two classes, a strength, and each model's image of z + s (mean of one − mean of the other).

    Asks for the means while both classes are chosen and it is visible. Emits nothing.
    """

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns, parent: QWidget | None = None):
        super().__init__(parent)
        self._bench, self._theme, self._turns = workbench, theme, turns
        self._asked: Attribute | None = None
        self.present = ClassBox(tr("Class whose mean code is added"))
        self.absent = ClassBox(tr("Class whose mean code is subtracted"))
        self.strength = Slider(Qt.Orientation.Horizontal)
        self.strength.setRange(-STRONGEST * POSITIONS, STRONGEST * POSITIONS)
        self.strength.setPageStep(POSITIONS // 2)
        self.strength.setProperty("balanced", True)
        self.strength.setAccessibleName(tr("Strength"))
        self.strength.setToolTip(tr("How much of the difference is added; below 0 it is taken away."))
        self._value = Readout(theme.color("text"), fixed_font(12), "s = −0.00")
        self.go = QPushButton(tr("Move the cursor there"))
        self.go.setToolTip(tr("Put every cursor on z + s · (a − b)."))
        self.go.clicked.connect(self.move_cursors)
        self.views: dict[str, DecodeView] = {}
        self._images = QGridLayout(horizontalSpacing=6, verticalSpacing=1)
        self._arrange()
        for box in (self.present, self.absent):
            box.currentIndexChanged.connect(self.ask)
        self.strength.valueChanged.connect(self._schedule)
        workbench.planes.cursor_moved.connect(self._schedule)
        workbench.surveyed.connect(self._schedule)

    def _arrange(self) -> None:
        title = QLabel(tr("Attribute arithmetic").upper())
        title.setObjectName("section")
        what = QLabel(
            tr("Adds what tells class a from class b to the code under the cursor: z + s · (a − b).")
        )
        what.setWordWrap(True)
        classes = QHBoxLayout(spacing=6)
        for word, box in (("a", self.present), ("b", self.absent)):
            label = QLabel(word)
            label.setProperty("muted", True)
            label.setBuddy(box)
            classes.addWidget(label)
            classes.addWidget(box, 1)
        strength = QHBoxLayout(spacing=6)
        strength.addWidget(self.strength, 1)
        strength.addWidget(self._value)
        images = QHBoxLayout()
        images.addLayout(self._images)
        images.addStretch(1)
        column = QVBoxLayout(self, spacing=6)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (title, what, classes, strength, images, self.go):
            column.addWidget(part) if isinstance(part, QWidget) else column.addLayout(part)

    def choices(self) -> tuple[int, int, int]:
        """The classes that are chosen, and the slider's place."""
        return self.present.currentIndex(), self.absent.currentIndex(), self.strength.value()

    def choose(self, choices: tuple[int, int, int]) -> None:
        """Choose what was chosen in another window, where there are these classes."""
        present, absent, strength = choices
        for box, place in ((self.present, present), (self.absent, absent)):
            if 0 <= place < box.count():
                box.setCurrentIndex(place)
        self.strength.setValue(strength)

    def fill(self) -> None:
        """Offer the dataset's classes, and a place for each model's image."""
        names = [] if self._bench.snapshot is None else list(self._bench.probe.classes)
        for box, place in ((self.present, 1), (self.absent, 0)):
            if [box.itemText(row) for row in range(box.count())] != names:
                box.blockSignals(True)
                box.clear()
                box.addItems(names)
                box.setCurrentIndex(min(place, len(names) - 1))
                box.blockSignals(False)
        while (item := self._images.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        self.views = {}
        encoding = [name for name, frozen in self._bench.models.items() if frozen.has_encoder]
        for column, name in enumerate(encoding):
            model = self._bench.models[name].model
            self.views[name] = view = DecodeView(self._theme, SIDE)
            view.set_crisp(self._bench.display.crisp)
            view.setAccessibleName(tr(model.title))
            view.setToolTip(tr("What is decoded from z + s · (a − b)."))
            caption = QLabel(tr(model.short))
            caption.setProperty("muted", True)
            caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._images.addWidget(view, 0, column)
            self._images.addWidget(caption, 1, column)
        self.ask()

    def ask(self) -> None:
        """Ask for the difference of the chosen classes' means."""
        if self.isVisible() and self.present.currentIndex() >= 0:
            self._bench.questions.ask(KEY, Attribute(self.present.currentIndex(), self.absent.currentIndex()))

    def forget(self) -> None:
        """Ask no longer, and draw nothing in the planes."""
        self._bench.questions.drop(KEY)
        self._bench.display.trace(KEY, {})

    def codes(self) -> dict[str, Array]:
        """z + s · (a − b) by model, as far as the means are known."""
        s, cursors = self.strength.value() / POSITIONS, self._bench.planes.cursors
        directions = self._bench.questions.answers.get(KEY) or {}
        return {name: cursors[name] + s * found for name, found in directions.items() if name in cursors}

    def move_cursors(self) -> None:
        """Put every cursor where the attribute leads."""
        self._bench.planes.place_cursors(self.codes())

    def _schedule(self) -> None:
        if self.isVisible():
            self._turns.ask(self.show_images)

    def show_images(self) -> None:
        """Decode and mark where the attribute leads."""
        if not self.isVisible():
            return
        self._value.setText(f"s = {signed(self.strength.value() / POSITIONS)}")
        codes, traces = self.codes(), dict[str, Trace]()
        self.go.setEnabled(bool(codes))
        for name, view in self.views.items():
            if name not in codes or name not in self._bench.models:
                view.set_image(None)
                continue
            condition = self._bench.planes.conditions[name]
            view.set_image(self._bench.models[name].decode(codes[name][None], condition)[0])
            ways = self._bench.planes[name].project(np.stack([self._bench.planes.cursors[name], codes[name]]))
            if self.strength.value():
                traces[name] = Trace((Line(ways, "accent", 1.8),), (Sign("dot", ways[1:]),))
        self._bench.display.trace(KEY, traces)
