"""What a tool is: something that mouse and keys do in a latent plane instead of moving the cursor."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QEvent
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget


class Tool(Protocol):
    """One tool. `Display.take_up` puts it into all planes at once."""

    def takes(self, event: QEvent, canvas: QWidget, name: str) -> bool:
        """Do what an event on the canvas of the model `name` asks for; False: it is not for this tool."""

    def draw(self, painter: QPainter, canvas: QWidget, name: str) -> None:
        """Draw what has to follow the mouse over a canvas, at each of its paints."""
