"""Buttons and sliders of panels, with their words: each has a tooltip, an accessible name and the keys."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QPushButton, QToolButton, QWidget

from aae_studio.ui.code_panel import Slider
from aae_studio.ui.tooltip import explain


def push_button(text: str, tip: str, slot: Callable[..., object]) -> QPushButton:
    """A button that does something."""
    button = QPushButton(text)
    explain(button, tip)
    button.setAccessibleName(text)
    button.clicked.connect(slot)
    return button


def choice_buttons(parent: QWidget, *words: tuple[str, str]) -> list[QToolButton]:
    """A button for each text and tooltip; exactly one of them is down, at first the first."""
    group, buttons = QButtonGroup(parent), []
    for text, tip in words:
        button = QToolButton()
        button.setText(text)
        button.setCheckable(True)
        button.setChecked(not buttons)
        button.setProperty("choice", True)
        explain(button, tip)
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        group.addButton(button)
        buttons.append(button)
    return buttons


def slider(name: str, least: int, most: int, value: int, tip: str, slot: Callable[[int], object]) -> Slider:
    """A horizontal slider of whole numbers."""
    found = Slider(Qt.Orientation.Horizontal)
    found.setRange(least, most)
    found.setValue(value)
    found.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    explain(found, tip)
    found.setAccessibleName(name)
    found.valueChanged.connect(slot)
    return found
