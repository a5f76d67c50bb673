"""Label paintbrush: some training images are labelled, and their classes go to parts of the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
)

from aae_studio.core.ids import OWN, read_labels, told, written_ids, written_labels
from aae_studio.ui import label_setup
from aae_studio.ui.buttons import choice_buttons, push_button, slider
from aae_studio.ui.canvas.label_brush import LabelBrush
from aae_studio.ui.label_table import LabelTable
from aae_studio.ui.option_editors import QuietBox, WheelWhenFocused
from aae_studio.ui.option_rows import RESTARTS
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.labelling import OwnShares

Ids = npt.NDArray[np.int64]
OVERLAY = "labelled"
EACH = 40
DEMONSTRATED_STEPS = 800


class _Count(WheelWhenFocused, QSpinBox):
    """A number that the wheel passes over until one has gone to it."""


class Labels(Panel):
    """Which training images have labels, and a brush that gives them. Emits nothing."""

    title = "Label paintbrush"
    tip = "Tell the AAE the classes of some images: each class goes to its own part of the prior."
    order = 70

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.brush = LabelBrush(workbench, theme)
        self.brush.brushed.connect(self.label)
        self.brush.left.connect(self._leave)
        self._goal = 0
        self._showed_overlay = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 6, 10, 8)
        self._column.setSpacing(7)
        self._arrange()
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self._leave)
        workbench.configured.connect(self.show_state)
        workbench.prepared.connect(self._on_prepared)
        workbench.surveyed.connect(self._show_shares)
        workbench.display.tool_changed.connect(self._show_mode)
        workbench.following_changed.connect(self._enable)
        self._on_prepared()

    # What is labelled

    def ids(self) -> Ids:
        """The ids of the labelled images of the configuration that was asked for."""
        return self._labels()[0]

    def _labels(self) -> tuple[Ids, Ids]:
        return read_labels(str(self._bench.asked.options.get("aae.labelled", "")))

    def label(self, ids: npt.ArrayLike, give: bool = True) -> None:
        """Give these training images the label that is chosen, or take theirs away."""
        known, classes = self._labels()
        changed = np.asarray(ids, np.int64)
        kept = ~np.isin(known, changed)
        known, classes = known[kept], classes[kept]
        if give:
            label = OWN if self.brush.label is None else self.brush.label
            known = np.concatenate([known, changed])
            classes = np.concatenate([classes, np.full(len(changed), label)])
        self._set_labelled(written_labels(known, classes))

    def label_first(self) -> None:
        """Label the first so many of each class, and no others."""
        from aae_studio.core.labelling import first_of_each_class

        if self._bench.snapshot is not None:
            train = self._bench.snapshot.dataset.train
            ids = first_of_each_class(train, self.each.value(), self._bench.asked.seed)
            self._set_labelled(written_ids(ids))

    def remove_all(self) -> None:
        """Take all labels away."""
        self._set_labelled("")

    def _set_labelled(self, text: str) -> None:
        self._bench.try_configure(**{"aae.labelled": text})

    def _counts(self) -> npt.NDArray[np.int64]:
        """How many training images have each class as their label."""
        assert self._bench.snapshot is not None
        data = self._bench.snapshot.dataset
        labels = told(data.train.labels, data.train.ids, self._labels(), len(data.classes))
        return np.bincount(labels[labels >= 0], minlength=len(data.classes))

    def set_up(self) -> None:
        """Begin anew with everything that labels by hand need."""
        if self._bench.snapshot is not None:
            dataset = self._bench.snapshot.dataset
            self._bench.try_configure(**label_setup.set_up(self._bench.asked, dataset))

    # The mode

    def set_mode(self, on: bool) -> None:
        """Let the mouse label in the planes, or move the cursor again."""
        bench = self._bench
        if on and bench.display.tool is not self.brush:
            self._showed_overlay = OVERLAY not in bench.display.overlays
            bench.display.show_overlay(OVERLAY, True)
            bench.display.take_up(self.brush)
        elif not on and bench.display.tool is self.brush:
            bench.display.take_up(None)
            if self._showed_overlay:
                bench.display.show_overlay(OVERLAY, False)

    def _leave(self) -> None:
        if not self.brush.take_back():
            self.set_mode(False)

    def _show_mode(self) -> None:
        self.mode.setChecked(self._bench.display.tool is self.brush)

    def _set_brush(self, *_: object) -> None:
        self.brush.radius, self.brush.removing = float(self._size.value()), self._remove.isChecked()
        self.brush.label = self.given.currentData()

    # News

    def demonstrate(self) -> None:
        begun = self._bench.step
        if label_setup.missing(self._bench.asked):
            self.set_up()
            begun = 0
        if not len(self.ids()):
            self.label_first()
        self.set_mode(True)
        self._goal = begun + DEMONSTRATED_STEPS
        self._bench.train(DEMONSTRATED_STEPS)

    def choices(self) -> tuple[bool, int, int, int]:
        return self._remove.isChecked(), self.given.currentIndex(), self._size.value(), self.each.value()

    def choose(self, choices: tuple[bool, int, int, int]) -> None:
        removes, given, size, each = choices
        self._remove.setChecked(removes)
        self.given.setCurrentIndex(given)
        self._size.setValue(size)
        self.each.setValue(each)

    @property
    def settled(self) -> bool:
        return self._bench.step >= self._goal and self._bench.findings.step >= self._goal

    def showEvent(self, event: QShowEvent) -> None:
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        self._bench.questions.drop("labels")
        self.set_mode(False)

    def _ask(self) -> None:
        if self.isVisible() and self._bench.snapshot is not None:
            from aae_studio.core.labelling import RestingShares

            self._bench.questions.ask("labels", RestingShares())

    def _enable(self) -> None:
        """Only an experiment of one's own, once it is there, can be given labels."""
        if self._bench.following is not None:
            self.set_mode(False)
        self.setEnabled(self._bench.snapshot is not None and self._bench.following is None)

    def _on_prepared(self) -> None:
        self._enable()
        self.show_state()
        self._ask()

    def _offer_classes(self) -> None:
        """The classes that the table has, and the brush can give, are the dataset's."""
        names = [] if self._bench.snapshot is None else list(self._bench.probe.classes)
        self.table.set_classes(names)
        if [self.given.itemText(row) for row in range(1, self.given.count())] != names:
            self.given.clear()
            self.given.addItem(tr("its own class"), None)
            for place, name in enumerate(names):
                self.given.addItem(name, place)

    def show_state(self) -> None:
        """Show what is missing, and how many images of each class have labels."""
        snapshot = self._bench.snapshot
        if snapshot is None:
            return
        # Another configuration is told before another experiment is.
        self._offer_classes()
        sentences = label_setup.missing(self._bench.asked)
        ready = not sentences
        if snapshot.dataset.endless:
            sentences.append(
                tr(
                    "“{title}” has new images every epoch: labels last for the first one only.",
                    title=tr(snapshot.dataset.title),
                )
            )
        self._needs.setText("\n".join(sentences))
        self._card.setVisible(bool(sentences))
        self._set_up.setVisible(not ready)
        for widget in (
            *(self.mode, self._give, self._remove, self.given, self._size),
            *(self.each, self._first, self._none),
        ):
            widget.setEnabled(ready)
        if not ready:
            self.set_mode(False)
        counts, train = self._counts(), snapshot.dataset.train
        self.table.show_counts(counts, np.bincount(train.labels, minlength=len(counts)))
        self._total.setText(
            tr("{count} of {total} training images have labels.", count=counts.sum(), total=len(train))
        )
        self._show_shares()

    def _show_shares(self) -> None:
        shares: OwnShares | None = self._bench.questions.answers.get("labels")
        if shares is None or len(shares.each) != len(self.table):
            self.table.show_shares(None)
            self._whole.setText(tr("In the part of their class: –"))
            return
        self.table.show_shares(shares.each.tolist())
        self._whole.setText(
            tr(
                "In the part of their class: {labelled} of the labelled images, {share} of all {count} test "
                "images (by chance {chance}).",
                labelled="–" if shares.labelled is None else f"{shares.labelled:.0%}",
                share=f"{shares.whole:.0%}",
                count=shares.count,
                chance=f"{1 / len(self.table):.0%}",
            )
        )

    # Layout

    def _arrange(self) -> None:
        words = self.muted(
            tr(
                "Tell the AAE the class of a few training images. Its discriminator then sends each class to "
                "its own part of the prior; images without a label go along."
            )
        )
        self._column.addWidget(words)
        self._arrange_set_up()
        self._arrange_brush()
        self._arrange_first()
        self.table = LabelTable(self._theme)
        self._column.addWidget(self.table)
        self._total, self._whole = QLabel(), QLabel()
        for label in (self._total, self._whole):
            label.setWordWrap(True)
            self._column.addWidget(label)
        self._column.addStretch(1)

    def _arrange_set_up(self) -> None:
        self._card = QFrame()
        self._card.setObjectName("card")
        inner = QVBoxLayout(self._card)
        inner.setContentsMargins(9, 8, 9, 8)
        self._needs = QLabel()
        self._needs.setWordWrap(True)
        inner.addWidget(self._needs)
        self._set_up = push_button(
            tr("Set it up") + RESTARTS,
            tr(
                "Adds the AAE, takes 10 Gaussians where the prior has no parts, and gives the adversary more "
                "weight and speed, so that few labels count. Starts again from step 0; undo "
                "brings the training back."
            ),
            self.set_up,
        )
        self._set_up.setObjectName("primary")
        inner.addWidget(self._set_up)
        self._column.addWidget(self._card)

    def _arrange_brush(self) -> None:
        self.mode = QPushButton(tr("Label in the planes"))
        self.mode.setCheckable(True)
        words = tr(
            "Click points or brush over them in any plane. With the keys: move the cursor, Enter labels "
            "what is around it, Delete takes labels away. Esc leaves."
        )
        explain(self.mode, words)
        self.mode.clicked.connect(self.set_mode)
        self._column.addWidget(self.mode)
        self._give, self._remove = choice_buttons(
            self,
            (tr("Give"), tr("Give labels to what is brushed.")),
            (tr("Take away"), tr("Take labels away. Shift while brushing does so too.")),
        )
        self._remove.toggled.connect(self._set_brush)
        self.given = QuietBox()
        self.given.setAccessibleName(tr("Label that is given"))
        self.given.setToolTip(
            tr("Give this label: the image's own class, or another one, to see what wrong labels do.")
        )
        self.given.currentIndexChanged.connect(self._set_brush)
        tip = tr("Radius of the brush, in pixels.")
        self._size = slider(tr("Size"), 4, 60, 12, tip, self._set_brush)
        size = QLabel(tr("Size"))
        size.setProperty("muted", True)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self._give)
        row.addWidget(self.given, 1)
        row.addWidget(self._remove)
        self._column.addLayout(row)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(size)
        row.addWidget(self._size, 1)
        self._column.addLayout(row)

    def _arrange_first(self) -> None:
        self.each = _Count()
        self.each.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.each.setRange(1, 9999)
        self.each.setFixedWidth(66)
        self.each.setValue(EACH)
        self.each.setAccessibleName(tr("Images of each class"))
        self.each.setToolTip(tr("Images of each class"))
        tip = tr("Label so many images of each class, drawn by the seed, and no others.")
        self._first = push_button(tr("of each class"), tip, self.label_first)
        self._none = push_button(tr("None"), tr("Take all labels away."), self.remove_all)
        row = QHBoxLayout()
        row.setSpacing(6)
        label = QLabel(tr("Label"))
        label.setProperty("muted", True)
        row.addWidget(label)
        row.addWidget(self.each)
        row.addWidget(self._first, 1)
        row.addWidget(self._none)
        self._column.addLayout(row)
