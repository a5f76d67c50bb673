"""ModelBox: which model a panel looks into."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker

from aae_studio.ui.option_editors import QuietBox
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench


class ModelBox(QuietBox):
    """Offers the experiment's models; at first the one whose lane is in use."""

    def __init__(self, workbench: Workbench, tip: str) -> None:
        super().__init__()
        self._bench = workbench
        self.setAccessibleName(tr("Model"))
        self.setToolTip(tip)

    @property
    def model(self) -> str:
        """The model that is chosen."""
        return str(self.currentData() or "")

    def fill(self) -> None:
        """Offer the models that there are now. The one that was chosen stays, and nothing is announced."""
        models = self._bench.models
        chosen = self.model if self.model in models else self._bench.planes.active
        with QSignalBlocker(self):
            self.clear()
            for name, frozen in models.items():
                self.addItem(tr(frozen.model.title), name)
            self.choose(chosen)

    def choose(self, name: str) -> None:
        """Choose a model, if it is there."""
        place = self.findData(name)
        if place >= 0:
            self.setCurrentIndex(place)
