"""Draw your own prior: a density that is painted, and that models train toward at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
)

from aae_studio.core import painted_density
from aae_studio.core.errors import StudioError
from aae_studio.core.painted_density import LEVELS, Ink
from aae_studio.core.registry import PRIORS
from aae_studio.ui.buttons import choice_buttons, push_button, slider
from aae_studio.ui.paint_area import PaintArea
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]
# While a stroke is painted, models are given what is there so often.
APPLY_MS = 120
PICTURES = "*.png *.jpg *.jpeg *.gif *.bmp *.webp"
# What `demonstrate` trains, so that the codes have come to the painting.
DEMONSTRATED_STEPS = 600


class PaintPrior(Panel):
    """Brush, eraser, starters and pictures; what is painted is the prior of all models.

    A stroke is one change of the configuration, which undo takes back. Emits nothing.
    """

    title = "Draw your own prior"
    tip = "Paint where codes are to lie: the models train toward it at once."
    order = 60

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.area = PaintArea(theme)
        # Whether the stroke that is being painted has reached the configuration.
        self._applied = False
        self._goal = 0
        self._wait = QTimer(self, singleShot=True, interval=APPLY_MS)
        self._wait.timeout.connect(self._apply)
        self.area.begun.connect(self._on_begun)
        self.area.changed.connect(self._apply_soon)
        self.area.ended.connect(self._on_ended)
        self.area.taken_back.connect(self._on_taken_back)
        self._note = QLabel()
        self._note.setWordWrap(True)
        self._arrange()
        self._set_brush()
        workbench.configured.connect(self.show_held)
        workbench.prepared.connect(self._ask)
        workbench.surveyed.connect(self._show_shares)
        for signal in (workbench.prepared, workbench.following_changed):
            signal.connect(self._enable)
        self._enable()
        self.show_held()

    # What is on show

    def held(self) -> Ink:
        """The painting of the configuration that was asked for."""
        options = self._bench.asked.options
        picture = str(options.get("painted.picture", ""))
        try:
            if picture:
                return painted_density.read(picture)
            return painted_density.starter(str(options.get("painted.shape", "heart")))
        except StudioError:
            # The trainer meets the same fault and reports it.
            return painted_density.starter("heart")

    def show_held(self) -> None:
        """Show the painting that holds, unless another is being painted."""
        if self.area.painting:
            return
        sigma = self._bench.asked.options.get("painted.sigma", 1.0)
        self.area.show_ink(self.held(), float(sigma))
        self._tell("")
        self.undo.setEnabled(self._undoes_painting())
        on = self._bench.asked.prior == "painted"
        self._take.setVisible(not on)
        self._shares.setVisible(on)
        if not on and self._bench.snapshot is not None:
            prior = tr(PRIORS.get(self._bench.asked.prior).title)
            self._tell(tr("The prior is “{title}” now. Paint, or take this painting.", title=prior))

    def demonstrate(self) -> None:
        self._start_from("heart")
        self._bench.train(DEMONSTRATED_STEPS)
        self._goal = self._bench.step + DEMONSTRATED_STEPS

    def choices(self) -> tuple[bool, int, int]:
        return self._eraser.isChecked(), self._size.value(), self._strength.value()

    def choose(self, choices: tuple[bool, int, int]) -> None:
        erases, size, strength = choices
        self._eraser.setChecked(erases)
        self._size.setValue(size)
        self._strength.setValue(strength)

    @property
    def settled(self) -> bool:
        return self._bench.step >= self._goal and self._bench.findings.step >= self._goal

    def _tell(self, sentence: str, bad: bool = False) -> None:
        self._note.setText(sentence)
        self._note.setProperty("bad", bad)
        self._note.style().unpolish(self._note)
        self._note.style().polish(self._note)
        self._note.setVisible(bool(sentence))

    # Strokes

    def _on_begun(self) -> None:
        self._applied = False
        self._apply_soon()

    def _apply_soon(self) -> None:
        if not self._wait.isActive():
            self._wait.start()

    def _on_ended(self) -> None:
        self._wait.stop()
        self._apply()

    def _on_taken_back(self) -> None:
        self._wait.stop()
        if self._applied:
            self._bench.undo()
        self.show_held()

    def _apply(self) -> None:
        """Give the models what is painted."""
        if not self.area.ink.any():
            self._refuse_nothing()
            return
        self._tell("")
        bench, before = self._bench, self._bench.asked
        if before.prior == "painted" and np.array_equal(self.area.ink, self.held()):
            return
        change = bench.refine if self._applied else bench.try_configure
        change(prior="painted", **{"painted.picture": painted_density.written(self.area.ink)})
        # Undo takes back what has become a change of the configuration.
        self._applied |= bench.asked is not before

    def _refuse_nothing(self) -> None:
        self._tell(
            tr("Nothing is painted, and a prior needs some density somewhere. It stays as it was."), bad=True
        )
        self.undo.setEnabled(True)

    # Everything at once

    def _start_from(self, shape: str) -> None:
        self._bench.try_configure(prior="painted", **{"painted.shape": shape, "painted.picture": ""})

    def _clear(self) -> None:
        self.area.show_ink(np.zeros_like(self.area.ink), self.area.sigma)
        self._refuse_nothing()

    def _undo(self) -> None:
        """Take the last stroke back, or what has been cleared since."""
        if np.array_equal(self.area.ink, self.held()):
            if self._undoes_painting():
                self._bench.undo()
        else:
            self.show_held()

    def _undoes_painting(self) -> bool:
        """Whether the last change was one of the painting: any other is not this panel's to take back."""
        return self._bench.changes.undoes_only("prior", "painted.picture", "painted.shape")

    def _take_painting(self) -> None:
        self._bench.try_configure(prior="painted")

    def _choose_picture(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Picture"), "", f"{tr('Pictures')} ({PICTURES})")
        if name:
            self.load(Path(name))

    def load(self, file: Path) -> None:
        """Take a picture file as the painting, or say what is wrong with it."""
        try:
            ink = painted_density.from_picture(file)
        except StudioError as fault:
            values = {**fault.values, "field": tr("Picture")}
            self._tell(tr(fault.template, **values), bad=True)
            return
        self._bench.try_configure(prior="painted", **{"painted.picture": painted_density.written(ink)})

    def _set_brush(self, *_: object) -> None:
        level = max(1, round(LEVELS * self._strength.value() / 100))
        self.area.set_brush(self._size.value() / 100, level, self._eraser.isChecked())

    def _enable(self) -> None:
        """Only an experiment of one's own, once it is there, can be given another prior."""
        self.setEnabled(self._bench.snapshot is not None and self._bench.following is None)

    # How many codes lie on the painting

    def showEvent(self, event: QShowEvent) -> None:
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        self._bench.questions.drop("paint-prior")

    def _ask(self) -> None:
        if self.isVisible():
            self._bench.questions.ask("paint-prior", shares_on_the_painting)

    def _show_shares(self) -> None:
        shares = self._bench.questions.answers.get("paint-prior")
        if shares is None or not self.isVisible():
            return
        words = [
            f"{self._bench.models[name].model.short}\u00a0{share:.0%}"
            for name, share in shares.items()
            if name in self._bench.models
        ]
        self._shares.setText(tr("Codes on ink: {shares}", shares=" · ".join(words)))

    # Layout

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.setSpacing(7)
        words = QLabel(
            tr(
                "Paint where codes are to lie. The AAE learns it from samples, the VAE from the density; "
                "its outline is in every plane."
            )
        )
        words.setWordWrap(True)
        words.setProperty("muted", True)
        column.addWidget(words)
        column.addLayout(self._tools())
        column.addWidget(self.area)
        column.addWidget(self._note)
        self._take = push_button(
            tr("Train toward this painting"), tr("Make this painting the prior."), self._take_painting
        )
        self._take.setObjectName("primary")
        column.addWidget(self._take)
        self._shares = QLabel(tr("Codes on ink: {shares}", shares="–"))
        self._shares.setWordWrap(True)
        self._shares.setToolTip(
            tr("Share of the codes on show whose first two numbers lie where there is ink.")
        )
        column.addWidget(self._shares)
        column.addLayout(self._beginnings())
        column.addStretch(1)

    def _tools(self) -> QGridLayout:
        self._brush, self._eraser = choice_buttons(
            self,
            (tr("Brush"), tr("Paint: more density here.")),
            (tr("Eraser"), tr("Take density away. The right button does so too.")),
        )
        self._eraser.toggled.connect(self._set_brush)
        tip = tr("Radius of the brush, in hundredths of σ.")
        self._size = slider(tr("Size"), 6, 120, 30, tip, self._set_brush)
        tip = tr("How dense the brush paints, in per cent of the most.")
        self._strength = slider(tr("Density"), 5, 100, 100, tip, self._set_brush)
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(5)
        grid.addWidget(self._brush, 0, 0)
        grid.addWidget(self._eraser, 1, 0)
        for row, (name, setting) in enumerate(((tr("Size"), self._size), (tr("Density"), self._strength))):
            label = QLabel(name)
            label.setProperty("muted", True)
            label.setToolTip(setting.toolTip())
            grid.addWidget(label, row, 1)
            grid.addWidget(setting, row, 2)
        grid.setColumnStretch(2, 1)
        return grid

    def _beginnings(self) -> QVBoxLayout:
        starters = QHBoxLayout()
        starters.setSpacing(6)
        names = (("heart", tr("Heart")), ("ring", tr("Ring")), ("islands", tr("Two islands")))
        for shape, name in names:
            tip = tr("Begin with this shape.")
            starters.addWidget(push_button(name, tip, partial(self._start_from, shape)))
        rest = QHBoxLayout()
        rest.setSpacing(6)
        self.undo = push_button(tr("Undo"), tr("Take the last change back."), self._undo)
        self.clear = push_button(
            tr("Clear"), tr("Wipe the canvas; the prior stays until you paint."), self._clear
        )
        picture = push_button(
            tr("Picture…"),
            tr("Fit a picture file into the square: its ink is the density."),
            self._choose_picture,
        )
        for button in (picture, self.undo, self.clear):
            rest.addWidget(button)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addLayout(starters)
        column.addLayout(rest)
        return column


def shares_on_the_painting(snapshot: Snapshot, codes: Mapping[str, Array]) -> dict[str, float] | None:
    """By model, the share of its codes that lie on ink; None where the prior is not painted."""
    ink = getattr(snapshot.prior, "ink", None)
    if ink is None:
        return None
    sigma = snapshot.prior.sigma
    return {
        name: float(painted_density.lies_on(ink, each[:, :2] / sigma).mean()) for name, each in codes.items()
    }
