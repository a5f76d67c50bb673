"""ShowPanel: what is drawn on the canvases."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from aae_studio.ui.points_box import PointsBox


class ShowPanel(QWidget):
    """A check box for each action that shows or hides something, and how many points there are.

    Emits nothing; the actions do.
    """

    def __init__(self, actions: Iterable[QAction], points: PointsBox) -> None:
        super().__init__()
        self.points = points
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 6, 6, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        self.boxes: dict[str, QCheckBox] = {}
        for place, action in enumerate(actions):
            box = QCheckBox(action.text())
            box.setToolTip(action.toolTip())
            box.setChecked(action.isChecked())
            box.toggled.connect(action.setChecked)
            action.toggled.connect(box.setChecked)
            grid.addWidget(box, place // 2, place % 2)
            self.boxes[action.objectName()] = box
        grid.addWidget(points, grid.rowCount(), 0, 1, 2)
        grid.setColumnStretch(1, 1)
        # What is left over belongs to the options above.
        self.setMaximumHeight(self.sizeHint().height())
