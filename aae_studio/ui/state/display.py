"""Display: what is drawn in the latent planes, and what the mouse does there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from aae_studio.ui.canvas.tool import Tool
    from aae_studio.ui.canvas.trace import Trace


class Display(QObject):
    """What all canvases show alike.

    Emits `changed` (crisp pixels, codes, how many, prior, overlays, what a drag takes hold of), `traced`
    (what panels draw over the planes), `tool_changed`, and `hovered` (the probe sample under the mouse, or
    None).
    """

    changed = Signal()
    traced = Signal()
    tool_changed = Signal()
    hovered = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.crisp = self.show_codes = self.show_prior = True
        # Whether a drag takes hold of data points.
        self.drags_data = False
        # How many of the dataset's images are points; at least the probe subset; None: all.
        self.points: int | None = 0
        self.overlays: frozenset[str] = frozenset()
        self.traces: dict[str, Mapping[str, Trace]] = {}
        # What the mouse does in the planes, where it does not move the cursor.
        self.tool: Tool | None = None
        # The probe sample under the mouse, in whichever lane.
        self.hovered_sample: int | None = None

    def set(self, **shown: bool) -> None:
        """Set `crisp`, `show_codes`, `show_prior` or `drags_data`."""
        changed = any(getattr(self, key) != value for key, value in shown.items())
        for key, value in shown.items():
            setattr(self, key, value)
        if changed:
            self.changed.emit()

    def show_overlay(self, name: str, shown: bool) -> None:
        """Draw an overlay over every latent plane, or draw it no longer."""
        self.overlays = self.overlays | {name} if shown else self.overlays - {name}
        self.changed.emit()

    def trace(self, key: str, traces: Mapping[str, Trace]) -> None:
        """Draw these over the models' planes in place of what was drawn by this key."""
        if traces or self.traces.get(key):
            self.traces[key] = traces
            self.traced.emit()

    def take_up(self, tool: Tool | None) -> None:
        """Use a tool in the planes; None: let the mouse move the cursor again."""
        if tool is not self.tool:
            self.tool = tool
            self.tool_changed.emit()

    def let_go(self, count: int) -> None:
        """Only so many samples are points from now on."""
        if self.hovered_sample is not None and self.hovered_sample >= count:
            self.hover(None)

    def hover(self, place: int | None) -> None:
        """The mouse is over this probe sample's point, or over none."""
        self.hovered_sample = place
        self.hovered.emit(place)

    def clear(self) -> None:
        """Forget what was drawn about models that are gone, and the point under the mouse."""
        self.traces.clear()
        if self.hovered_sample is not None:
            self.hover(None)
