"""What a panel is: one view of the experiment that can be opened beside the lanes."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtWidgets import QLabel, QWidget

from aae_studio.ui.theme import Theme
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench


class Panel(QWidget):
    """One panel. A subclass's file is one plug-in: its dock, menu and `screenshot --show` follow.

    It is made when it is first opened, listens to the workbench, asks it questions, and does nothing while
    it is hidden. `order` is its place in the menu, `takes_step` whether `demonstrate` takes a training step.
    Emits nothing.
    """

    title: ClassVar[str]
    tip: ClassVar[str]
    shortcut: ClassVar[str] = ""
    order: ClassVar[int] = 50
    takes_step: ClassVar[bool] = False

    def __init__(self, workbench: Workbench, theme: Theme, turns: Turns) -> None:
        super().__init__()
        self._bench, self._theme, self._turns = workbench, theme, turns

    @staticmethod
    def muted(text: str = "") -> QLabel:
        """A text beside what the panel is about; it breaks its lines."""
        label = QLabel(text)
        label.setWordWrap(True)
        label.setProperty("muted", True)
        return label

    def demonstrate(self) -> None:
        """Do what a person would do first here: for `screenshot --show`."""

    def choices(self) -> Any:
        """What was chosen here, for `choose` of the panel in another window, which speaks or looks otherwise.

        None: nothing that the workbench does not know.
        """
        return None

    def choose(self, choices: Any) -> None:
        """Choose what was chosen in the window before."""

    @property
    def settled(self) -> bool:
        """Whether everything that was asked for is on show."""
        return True
