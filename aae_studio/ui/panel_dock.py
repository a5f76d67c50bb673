"""PanelDock: a dock whose panel is made when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QFrame, QScrollArea, QWidget

from aae_studio.ui.panels.base import Panel
from aae_studio.ui.translation import tr

LEAST_WIDTH = 300


class _PanelArea(QScrollArea):
    """Scrolls a panel that is too high. The room of its scroll bar is free where nothing scrolls.

    Else a panel whose pictures are lower where it is narrower would fit with the bar and not without it, and
    Qt would show and hide the bar, one within the other, until the stack overflows.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._show_use)
        self._show_use(bar.minimum(), bar.maximum())
        self.setWidget(panel)
        wanted = panel.minimumSizeHint().width() + bar.sizeHint().width()
        self.setMinimumWidth(max(LEAST_WIDTH, wanted))

    def _show_use(self, least: int, most: int) -> None:
        bar = self.verticalScrollBar()
        if bar.property("idle") != (least == most):
            bar.setProperty("idle", least == most)
            # The style sheet looks at the property only then.
            bar.style().unpolish(bar)
            bar.style().polish(bar)


class PanelDock(QDockWidget):
    """Shows one panel, and scrolls it where it is too high. Until it is opened it costs nothing.

    Emits `left`: it was closed while the focus was in it.
    """

    left = Signal()

    def __init__(self, name: str, kind: type[Panel], build: Callable[[type[Panel]], Panel], parent: QWidget):
        super().__init__(tr(kind.title), parent)
        self.setObjectName(name)
        self.panel: Panel | None = None
        self._kind, self._build = kind, build
        # What was chosen in the window before, until there is a panel that wants to know.
        self._choices: Any = None
        # Whether it is seen, and not behind another.
        self.in_front = False
        # Not Qt's own: that one closes a panel which lies behind another.
        self.action = QAction(tr(kind.title), parent)
        self.action.setCheckable(True)
        self.action.setToolTip(tr(kind.tip))
        self.action.setStatusTip(tr(kind.tip))
        self.action.setShortcut(kind.shortcut)
        self.action.triggered.connect(self._toggle)
        self.visibilityChanged.connect(self._follow)
        self.hide()

    def open(self) -> Panel:
        """Bring the panel to the front."""
        self.show()
        self.raise_()
        self._fill(True)
        assert self.panel is not None
        return self.panel

    def choices(self) -> Any:
        """What was chosen in the panel."""
        return self._choices if self.panel is None else self.panel.choices()

    def keep(self, choices: Any) -> None:
        """Let the panel have these choices of the window before."""
        self._choices = choices
        # One that floats is there as soon as its window is.
        if self.panel is not None and choices is not None:
            self.panel.choose(choices)

    def _toggle(self) -> None:
        """Close what is in front, and bring everything else there."""
        if self.in_front:
            self.close()
        else:
            self.open()
        self.action.setChecked(not self.isHidden())

    def closeEvent(self, event: QCloseEvent) -> None:
        focus = QApplication.focusWidget()
        inside = focus is not None and self.isAncestorOf(focus)
        super().closeEvent(event)
        if inside:
            self.left.emit()

    def _follow(self, visible: bool) -> None:
        self.in_front = visible
        self.action.setChecked(not self.isHidden())
        self._fill(visible)
        if self.panel is not None:
            # Qt moves what lies behind another out of sight and goes on calling it visible.
            self.panel.setVisible(visible)

    def _fill(self, visible: bool) -> None:
        if not visible or self.panel is not None:
            return
        self.panel = self._build(self._kind)
        if self._choices is not None:
            self.panel.choose(self._choices)
        self.setWidget(_PanelArea(self.panel))
