"""Noise lab: what each model's reconstruction takes away from corrupted images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from aae_studio.core.corruption import KINDS, Corruption
from aae_studio.ui.canvas.images import to_qimage
from aae_studio.ui.code_panel import Slider
from aae_studio.ui.image_table import Column, FigureRow, ImageTable
from aae_studio.ui.option_editors import STEP_PAUSE_MS, QuietBox
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.survey_thread import Question
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.denoising import Denoising
    from aae_studio.core.snapshot import Snapshot

KEY = "noise"
SHOWN = 5
STEPS = 100
FIRST_STRENGTH = 0.3


class Noise(Panel):
    """Corrupts test images and shows what the models make of them, in pictures and in dB."""

    title = "Noise lab"
    tip = "Put noise on images and see what each model's reconstruction takes away."
    order = 60

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self._seed = 0
        # What is trained against, while the slider stands where it is: it knows whole percents alone.
        self._taken: Corruption | None = None
        self._seen: Denoising | None = None
        self._question: Question | None = None
        self.kind = QuietBox()
        names = (tr("Gaussian"), tr("salt and pepper"), tr("mask"), tr("affine"))
        for kind, text in zip(KINDS, names, strict=True):
            self.kind.addItem(text, kind)
        self.kind.setToolTip(
            tr(
                "Gaussian: added to every pixel. Salt and pepper: pixels turn white or black. Mask: black. "
                "Affine: the image is turned, stretched, sheared and shifted."
            )
        )
        self.kind.setAccessibleName(tr("Kind of noise"))
        self.strength = Slider(Qt.Orientation.Horizontal)
        self.strength.setRange(0, STEPS)
        self.strength.setPageStep(STEPS // 10)
        self.strength.setValue(round(FIRST_STRENGTH * STEPS))
        self.strength.setToolTip(
            tr(
                "How strong the noise is: its standard deviation σ, or the share of pixels that it changes. "
                "Affine: at 100 % the standard deviation of the turn is 29°, of the shift a tenth of the "
                "side."
            )
        )
        self.strength.setAccessibleName(tr("Strength of the noise"))
        self.amount = QLabel()
        self.other = QPushButton(tr("Other noise"))
        self.other.setToolTip(tr("Draw other noise of the same kind and strength."))
        self.train = QCheckBox(tr("Train against this noise"))
        self.train.setToolTip(
            tr("Give encoders images with this noise, and let decoders answer with the clean ones.")
        )
        self.table = ImageTable(theme)
        self.table.setAccessibleName(tr("Reconstructions of noisy images"))
        self.notes = QLabel()
        self._arrange()
        self._pause = QTimer(self, singleShot=True, interval=STEP_PAUSE_MS)
        self._pause.timeout.connect(self._follow_slider)
        self._connect()
        self._show_asked()

    @property
    def corruption(self) -> Corruption:
        """The noise that is chosen here."""
        kind, place, taken = str(self.kind.currentData()), self.strength.value(), self._taken
        if taken is not None and (taken.kind, _place(taken)) == (kind, place):
            return taken
        return Corruption(kind, place / STEPS)

    def choices(self) -> tuple[int, int, int]:
        return self.kind.currentIndex(), self.strength.value(), self._seed

    def choose(self, choices: tuple[int, int, int]) -> None:
        kind, strength, self._seed = choices
        self.kind.setCurrentIndex(kind)
        self.strength.setValue(strength)

    @property
    def settled(self) -> bool:
        seen = self._seen
        return not self.isVisible() or (
            seen is not None and (seen.corruption, seen.seed) == (self.corruption, self._seed)
        )

    def _arrange(self) -> None:
        what = QLabel(tr("Noise on test images, and how much of it each model's reconstruction takes away."))
        what.setWordWrap(True)
        self.amount.setMinimumWidth(56)
        self.amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid = QGridLayout(horizontalSpacing=6, verticalSpacing=6)
        for row, (name, editor) in enumerate(((tr("Noise"), self.kind), (tr("Strength"), self.strength))):
            label = QLabel(name)
            label.setProperty("muted", True)
            label.setBuddy(editor)
            grid.addWidget(label, row, 0)
            grid.addWidget(editor, row, 1)
        grid.addWidget(self.other, 0, 2)
        grid.addWidget(self.amount, 1, 2)
        grid.setColumnStretch(1, 1)
        self.notes.setWordWrap(True)
        self.notes.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(8)
        column.addWidget(what)
        column.addLayout(grid)
        column.addWidget(self.train)
        column.addWidget(self.table)
        column.addWidget(self.notes)
        column.addStretch(1)

    def _connect(self) -> None:
        bench = self._bench
        self.kind.currentIndexChanged.connect(self._on_chosen)
        self.strength.valueChanged.connect(self._on_chosen)
        self.other.clicked.connect(self._on_other)
        self.train.clicked.connect(self._on_train)
        bench.surveyed.connect(self._schedule)
        bench.prepared.connect(self._on_prepared)
        bench.configured.connect(self._show_asked)
        bench.following_changed.connect(self._show_asked)
        bench.display.changed.connect(self._apply_display)
        self._apply_display()

    # What is asked

    def showEvent(self, event: QShowEvent) -> None:
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        # Another window on this workbench may have asked meanwhile.
        if self._bench.questions.get(KEY) is self._question:
            self._bench.questions.drop(KEY)

    def _on_prepared(self) -> None:
        self._seen = None
        # What is there belongs to other images.
        self.table.setVisible(False)
        self.notes.setVisible(False)
        self._ask()

    def _ask(self) -> None:
        self._show_amount()
        if self.isVisible():
            self._question = partial(_denoised, self.corruption, self._seed)
            self._bench.questions.ask(KEY, self._question)

    def _on_chosen(self) -> None:
        self._ask()
        if self._bench.following is not None:
            self._show_asked()
        elif self.train.isChecked():
            self._pause.start()

    def _on_other(self) -> None:
        self._seed += 1
        self._ask()

    # Training against it

    def _on_train(self, checked: bool) -> None:
        chosen = self.corruption
        self._bench.try_configure(noise=chosen.kind, noise_strength=chosen.strength if checked else 0.0)
        # Against noise of no strength nothing is trained.
        self._show_asked()

    def _follow_slider(self) -> None:
        if self.train.isChecked() and self._bench.following is None:
            self._on_train(True)

    def _show_asked(self) -> None:
        asked, own = self._bench.asked.corruption, self._bench.following is None
        # Not while the slider is moved: what it is at is asked for when it rests.
        if own and asked.strength > 0 and not self._pause.isActive():
            self._take(asked)
        self.train.setEnabled(own)
        with QSignalBlocker(self.train):
            # What is trained elsewhere may be looked at with other noise.
            self.train.setChecked(asked.strength > 0 and (own or asked == self.corruption))

    def _take(self, corruption: Corruption) -> None:
        """Choose here what was chosen elsewhere."""
        before, self._taken = self.corruption, corruption
        with QSignalBlocker(self.kind), QSignalBlocker(self.strength):
            self.kind.setCurrentIndex(self.kind.findData(corruption.kind))
            self.strength.setValue(_place(corruption))
        if self.corruption != before:
            self._ask()

    # What is shown

    def _show_amount(self) -> None:
        chosen = self.corruption
        self.amount.setText(
            f"σ = {chosen.strength:.2f}" if chosen.kind == "gaussian" else f"{100 * chosen.strength:.0f} %"
        )

    def _schedule(self) -> None:
        if self.isVisible():
            self._turns.ask(self._show_newest)

    def _show_newest(self) -> None:
        seen = self._bench.questions.answers.get(KEY)
        if seen is not None and seen is not self._seen:
            self._seen = seen
            self._show(seen)
            self.table.setVisible(True)
            self.notes.setVisible(True)

    def _show(self, seen: Denoising) -> None:
        models = [(name, self._bench.models[name].model) for name in seen.after if name in self._bench.models]
        columns = [
            Column(tr("clean"), "muted", [to_qimage(image) for image in seen.clean]),
            Column(tr("noisy"), "muted", [to_qimage(image) for image in seen.noisy]),
            *(
                Column(model.short, model.color, [to_qimage(image) for image in seen.rebuilt[name]])
                for name, model in models
            ),
        ]
        gains = [seen.after[name] - seen.before for name, _ in models]
        plain = ["text"] * len(columns)
        figures = [
            FigureRow(
                tr("PSNR"),
                ["", _decibels(seen.before), *(_decibels(seen.after[name]) for name, _ in models)],
                plain,
            ),
            FigureRow(
                tr("gain"),
                ["", "", *(_decibels(gain, "+") for gain in gains)],
                ["", "", *("good" if gain > 0 else "bad" for gain in gains)],
            ),
            FigureRow(
                tr("without noise"),
                ["", "", *(_decibels(seen.without_noise[name]) for name, _ in models)],
                ["muted"] * len(columns),
            ),
        ]
        self.table.show_table(columns, figures)
        self.notes.setText(self._explained(seen))

    def _explained(self, seen: Denoising) -> str:
        measured = tr(
            "PSNR in dB: 10 more is a tenth of the squared error. Measured on {count} of {total} test "
            "images.",
            count=seen.count,
            total=seen.total,
        )
        if seen.expected is not None:
            calculated = tr("By calculation this noise has {expected} dB.", expected=_decibels(seen.expected))
            measured = f"{measured} {calculated}"
        bound = tr(
            "“without noise” is what a model reaches on clean images. Where the noise itself is above that, "
            "the small code loses more than the noise did, and there is nothing to gain."
        )
        return f"{measured}\n\n{bound}"

    def _apply_display(self) -> None:
        self.table.set_crisp(self._bench.display.crisp)


def _denoised(corruption: Corruption, seed: int, snapshot: Snapshot, codes: Any) -> Denoising:
    """The question that the panel asks of a snapshot."""
    from aae_studio.core.denoising import denoised

    return denoised(snapshot, corruption, seed, SHOWN)


def _place(corruption: Corruption) -> int:
    """Where the slider stands for it: not at 0 as long as there is any noise."""
    return max(round(corruption.strength * STEPS), int(corruption.strength > 0))


def _decibels(value: float, sign: str = "") -> str:
    return f"{value:{sign}.1f}".replace("-", "−").replace("inf", "∞")
