"""Paths: from A to B through every latent space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from aae_studio import paths
from aae_studio.ui.canvas.trace import Line, Sign, Trace
from aae_studio.ui.code_panel import Slider
from aae_studio.ui.option_editors import QuietBox
from aae_studio.ui.panels.base import Panel
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr
from aae_studio.ui.travel.attribute_box import AttributeBox
from aae_studio.ui.travel.film import Filming, Reel
from aae_studio.ui.travel.journey import COUNT, WAYS, End, Journey, Journeys
from aae_studio.ui.travel.row import JourneyRow
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

KEY, GIF = "paths", "gif"
FRAME_MS = 70


class Paths(Panel):
    """A row of images for each model, an animation, attribute arithmetic; draws the paths in every plane."""

    title = "Paths"
    tip = "Go from A to B through every latent space, and add attributes to a code."
    order = 30

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__(workbench, theme, turns)
        self.ends: dict[str, End] = {}
        self.rows: dict[str, JourneyRow] = {}
        self._journeys: Journeys | None = None
        self._random = np.random.default_rng(0)
        here = tr("Begin or end at the place under the cursor, or at the image that it is on.")
        self.set_a, self.set_b = _button(tr("Set A"), here), _button(tr("Set B"), here)
        self.random = _button(tr("Random pair"), tr("Take two images of different classes as A and B."))
        self.way = self._make_way()
        self.play = _button(tr("Play"), tr("Go from A to B and back again, until it is pressed once more."))
        self.play.setCheckable(True)
        self.save = _button(tr("Save GIF…"), tr("Save the animation, all models side by side."))
        self.slider = Slider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, COUNT - 1)
        self.slider.setAccessibleName(tr("Place on the path"))
        self.slider.setToolTip(tr("Where on the way from A (left) to B (right)."))
        self.caption, self.saved = (Readout(theme.color("muted"), self.font()) for _ in range(2))
        self._filming: Filming | None = None
        self.attributes = AttributeBox(workbench, theme, turns)
        self._timer = QTimer(self, interval=FRAME_MS)
        self._forward = True
        self._arrange()
        self._connect()
        self._begin()

    def demonstrate(self) -> None:
        """From the first image of a class to that of the next on a geodesic, half way; an attribute."""
        firsts = [int(np.flatnonzero(self._bench.probe.labels == place)[0]) for place in (0, 1)]
        self.way.setCurrentIndex(WAYS.index("geodesic"))
        self.ends = {letter: End(first, {}) for letter, first in zip("AB", firsts, strict=True)}
        self._ask()
        self.slider.setValue(COUNT // 2)
        self.attributes.strength.setValue(self.attributes.strength.maximum() // 2)

    def choices(self) -> tuple[dict[str, End], int, int, tuple[int, int, int]]:
        return self.ends, self.way.currentIndex(), self.slider.value(), self.attributes.choices()

    def choose(self, choices: tuple[dict[str, End], int, int, tuple[int, int, int]]) -> None:
        ends, way, place, attribute = choices
        self.attributes.choose(attribute)
        self.ends = {letter: end for letter, end in ends.items() if self._means_something(end)}
        self.way.setCurrentIndex(way)
        self.slider.setValue(place)
        self._ask()

    def _make_way(self) -> QuietBox:
        box = QuietBox()
        box.setAccessibleName(tr("Kind of path"))
        for word, tip in (
            (tr("straight"), tr("The straight line between both codes.")),
            (
                tr("spherical"),
                tr("An arc around 0: with many code axes, the prior's samples lie on a shell, not inside."),
            ),
            (
                tr("geodesic"),
                tr(
                    "The path on which the decoded image changes least. It knows what the decoder does, not "
                    "where the data are."
                ),
            ),
        ):
            box.addItem(word)
            box.setItemData(box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        return box

    def _arrange(self) -> None:
        what = QLabel(
            tr("From A to B through every latent space, and the images that are decoded on the way.")
        )
        what.setWordWrap(True)
        ends, way, film_row = QHBoxLayout(spacing=6), QHBoxLayout(spacing=6), QHBoxLayout(spacing=6)
        for button in (self.set_a, self.set_b, self.random):
            ends.addWidget(button, 1)
        label = QLabel(tr("Way"))
        label.setProperty("muted", True)
        label.setBuddy(self.way)
        way.addWidget(label)
        way.addWidget(self.way, 1)
        for part in (self.play, self.slider, self.save):
            film_row.addWidget(part, part is self.slider)
        self._rows = QVBoxLayout(spacing=8)
        column = QVBoxLayout(self, spacing=8)
        column.setContentsMargins(10, 8, 10, 8)
        column.addWidget(what)
        column.addLayout(ends)
        column.addLayout(way)
        column.addWidget(self.caption)
        column.addLayout(self._rows)
        column.addLayout(film_row)
        column.addWidget(self.saved)
        column.addWidget(self.attributes)
        column.addStretch(1)

    def _connect(self) -> None:
        bench = self._bench
        self.set_a.clicked.connect(self.take_a)
        self.set_b.clicked.connect(self.take_b)
        self.random.clicked.connect(self.take_random)
        self.way.currentIndexChanged.connect(self._on_way)
        self.play.toggled.connect(self._on_play)
        self.save.clicked.connect(self.choose_file)
        self.slider.valueChanged.connect(self._show_place)
        self._timer.timeout.connect(self._advance)
        bench.prepared.connect(self._begin)
        bench.surveyed.connect(self._on_surveyed)
        bench.planes.views_changed.connect(self._schedule)
        bench.display.changed.connect(self._apply_display)

    def _begin(self) -> None:
        """Rows for the models that there are now; ends that mean nothing to them are forgotten."""
        for row in self.rows.values():
            row.hide()
            row.deleteLater()
        self.rows = {}
        for name, frozen in self._bench.models.items():
            self.rows[name] = row = JourneyRow(frozen.model, self._theme)
            row.chosen.connect(self.slider.setValue)
            self._rows.addWidget(row)
        self.ends = {letter: end for letter, end in self.ends.items() if self._means_something(end)}
        self._apply_display()
        self._enable()
        if self._filming is not None:
            # The question went with the experiment; the images are still there.
            self._bench.questions.ask(GIF, self._filming)
        self.attributes.fill()
        if len(self.ends) < 2:
            self.play.setChecked(False)
        self._ask()

    def _means_something(self, end: End) -> bool:
        bench = self._bench
        if end.picked is not None:
            return bench.snapshot is not None and end.picked < len(bench.snapshot.dataset.probe)
        return all(len(code) == bench.config.latent_size for code in end.codes.values())

    # The ends and the way

    def take_a(self) -> None:
        """Make what is under the cursor A."""
        self._take("A")

    def take_b(self) -> None:
        """Make what is under the cursor B."""
        self._take("B")

    def _take(self, letter: str) -> None:
        codes = {name: code.copy() for name, code in self._bench.planes.cursors.items()}
        picked, known = self._bench.planes.picked, self._bench.snapshot
        if picked is not None and (known is None or picked >= len(known.dataset.probe)):
            # Questions know the probe subset's codes alone.
            picked = None
        told = self._bench.planes.conditions.told
        places = told.places if picked is None else {name: told.places[name] for name in told.chosen}
        self.ends[letter] = End(picked, codes, places)
        self._ask()

    def take_random(self) -> None:
        """Make two images of different classes A and B."""
        assert self._bench.snapshot is not None
        labels = self._bench.snapshot.dataset.probe.labels
        first = int(self._random.integers(len(labels)))
        others = np.flatnonzero(labels != labels[first])
        second = int(self._random.choice(others)) if len(others) else first
        self.ends = {"A": End(first, {}), "B": End(second, {})}
        self._ask()

    def _on_way(self) -> None:
        self._ask()

    def _ask(self) -> None:
        """Have the paths worked out, where both ends are known."""
        if not self.isVisible() or self._bench.snapshot is None:
            return
        if len(self.ends) == 2:
            way = WAYS[self.way.currentIndex()]
            self._journeys = Journeys(way, self.ends["A"], self.ends["B"], self._journeys)
            self._bench.questions.ask(KEY, self._journeys)
        self._schedule()

    # What is on show

    def journeys(self) -> dict[str, Journey]:
        """The newest paths, by model."""
        return self._bench.questions.answers.get(KEY) or {}

    def _schedule(self) -> None:
        if self.isVisible():
            self._turns.ask(self._show)

    def _show(self) -> None:
        """Show the newest paths."""
        if not self.isVisible():
            return
        journeys = self.journeys()
        self._enable()
        whole = self._said(ids=True)
        self.caption.setText(whole, self._said(ids=False))
        self.caption.setToolTip(whole)
        for name, row in self.rows.items():
            row.setVisible(bool(journeys))
            row.show_journey(journeys.get(name))
        self._show_place()

    def _enable(self) -> None:
        for part in (self.play, self.slider, self.save):
            part.setEnabled(bool(self.journeys()))

    def _said(self, ids: bool) -> str:
        """What A and B are, with `ids` also of which image, or what to do next."""
        if not self.ends:
            return tr("Move the cursor and set A, then B.")
        words = {letter: self._named(end, ids) for letter, end in self.ends.items()}
        return "   ".join(f"{letter}: {words[letter]}" for letter in sorted(words))

    def _named(self, end: End, ids: bool) -> str:
        snapshot = self._bench.snapshot
        if end.picked is None or snapshot is None:
            return tr("a place")
        name = self._bench.probe.classes[int(self._bench.probe.labels[end.picked])]
        if not ids:
            return name
        return tr("{name} · id {id}", name=name, id=str(snapshot.dataset.probe.ids[end.picked]))

    def _show_place(self) -> None:
        """Show the images at the slider's place, and that place in the planes."""
        place = self.slider.value()
        for row in self.rows.values():
            row.show_place(place)
        self._bench.display.trace(
            KEY, {name: trace for name in self.rows if (trace := self._trace(name, place))}
        )

    def _trace(self, name: str, place: int) -> Trace | None:
        bench, journey = self._bench, self.journeys().get(name)
        if name not in bench.planes:
            return None
        plane = bench.planes[name]
        badges = [
            Sign("badge", plane.project(code[None]), letter)
            for letter, end in self.ends.items()
            if (code := end.code(name, bench.findings.codes)) is not None
        ]
        if journey is None:
            return Trace((), tuple(badges))
        lines = [Line(plane.project(journey.codes))]
        if self.way.currentIndex():
            lines.insert(0, Line(plane.project(journey.line), "muted", 1.3, dashed=True))
        reached = Sign("dot", plane.project(journey.codes[place][None]))
        return Trace(tuple(lines), (*badges, reached))

    def _apply_display(self) -> None:
        for part in (*self.rows.values(), *self.attributes.views.values()):
            part.set_crisp(self._bench.display.crisp)

    # The animation

    def _on_play(self, playing: bool) -> None:
        self.play.setText(tr("Pause") if playing else tr("Play"))
        if playing:
            self._timer.start()
        else:
            self._timer.stop()

    def _advance(self) -> None:
        """One place on, and at an end back again."""
        place = self.slider.value()
        if place in (0, COUNT - 1):
            self._forward = place == 0
        self.slider.setValue(place + (1 if self._forward else -1))

    def choose_file(self) -> None:
        """Ask for a file, and save the animation in it."""
        start = str(paths.sessions_dir() / "path.gif")
        chosen, _ = QFileDialog.getSaveFileName(self, tr("Save the animation"), start, "GIF (*.gif)")
        if chosen:
            file = Path(chosen)
            self.save_gif(file if file.suffix else file.with_suffix(".gif"))

    def save_gif(self, file: Path) -> None:
        """Have the way there and back written, all models side by side; a fault is shown in the window."""
        models = self._bench.models
        reels = [
            Reel(tr(models[name].model.short), models[name].model.color, journey.images)
            for name, journey in self.journeys().items()
            if name in models
        ]
        if reels:
            self._filming = Filming(file, reels, self._theme, self._bench.display.crisp, FRAME_MS)
            self._bench.questions.ask(GIF, self._filming)

    def _on_surveyed(self) -> None:
        if self._filming is not None and GIF in self._bench.questions.answers:
            (fault,), filming, self._filming = self._bench.questions.answers[GIF], self._filming, None
            self._bench.questions.drop(GIF)
            if fault is not None:
                self._bench.failed.emit(fault)
            else:
                self.saved.setText(tr("Saved: {file}", file=filming.file.name))
        self._schedule()

    # Only while it is open

    def showEvent(self, event: QShowEvent) -> None:
        self.attributes.ask()
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        self.play.setChecked(False)
        self.attributes.forget()
        self._bench.questions.drop(KEY)
        self._bench.display.trace(KEY, {})


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button
