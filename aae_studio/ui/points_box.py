"""PointsBox: how many of the dataset's images are points in the latent planes."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from aae_studio.ui.option_editors import QuietBox
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import grouped, tr
from aae_studio.ui.workbench import Workbench

# Beside the probe subset, and all.
COUNTS = (10_000, 30_000)


class PointsBox(QWidget):
    """A choice of numbers. Emits nothing; the workbench does."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self._bench = workbench
        # What each row stands for.
        self._choices: list[int | None] = []
        self.combo = QuietBox()
        self.combo.setAccessibleName(tr("Points"))
        tip = tr(
            "How many of the dataset's images the planes show as points. More than the first {count} are "
            "encoded anew as fast as one processor core can, while training goes on.",
            count=2000,
        )
        explain(self.combo, tip)
        label = QLabel(tr("Points"))
        explain(label, tip)
        label.setBuddy(self.combo)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        self.combo.activated.connect(self._choose)
        workbench.prepared.connect(self.show_choices)
        workbench.display.changed.connect(self.show_choices)
        self.show_choices()

    def show_choices(self) -> None:
        """Offer what this dataset has, and show what holds."""
        snapshot = self._bench.snapshot
        self.combo.clear()
        self.setEnabled(snapshot is not None)
        if snapshot is None:
            return
        data = snapshot.dataset
        least, total = len(data.probe), len(data.train) + len(data.test)
        self._choices = [count for count in (least, *COUNTS) if count < total]
        self.combo.addItems([grouped(count) for count in self._choices])
        self._choices.append(None)
        self.combo.addItem(tr("all {total}", total=total))
        drawn = len(self._bench.probe)
        shown = None if drawn == total else drawn
        self.combo.setCurrentIndex(self._choices.index(shown) if shown in self._choices else -1)
        self.setEnabled(len(self._choices) > 1)

    def _choose(self, row: int) -> None:
        self._bench.draw_points(self._choices[row])
