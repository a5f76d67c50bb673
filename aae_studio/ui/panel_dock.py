"""PanelDock: a dock whose panel is made when it is first opened."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QDockWidget, QFrame, QScrollArea, QWidget

from aae_studio.ui.panels.base import Panel
from aae_studio.ui.translation import tr

LEAST_WIDTH = 300


class PanelDock(QDockWidget):
    """Shows one panel, and scrolls it where it is too high. Until it is opened it costs nothing."""

    def __init__(self, name: str, kind: type[Panel], build: Callable[[type[Panel]], Panel], parent: QWidget):
        super().__init__(tr(kind.title), parent)
        self.setObjectName(name)
        self.panel: Panel | None = None
        self._kind, self._build = kind, build
        self.toggleViewAction().setToolTip(tr(kind.tip))
        self.toggleViewAction().setStatusTip(tr(kind.tip))
        if kind.shortcut:
            self.toggleViewAction().setShortcut(kind.shortcut)
        self.visibilityChanged.connect(self._fill)
        self.hide()

    def open(self) -> Panel:
        """Bring the panel to the front."""
        self.show()
        self.raise_()
        self._fill(True)
        assert self.panel is not None
        return self.panel

    def _fill(self, visible: bool) -> None:
        if not visible or self.panel is not None:
            return
        self.panel = self._build(self._kind)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.panel)
        wanted = self.panel.minimumSizeHint().width() + area.verticalScrollBar().sizeHint().width()
        area.setMinimumWidth(max(LEAST_WIDTH, wanted))
        self.setWidget(area)
