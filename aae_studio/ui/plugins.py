"""The user interface's own plug-ins: a new file is a new overlay or panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aae_studio.core.errors import StudioError
from aae_studio.core.registry import Registry

if TYPE_CHECKING:
    from aae_studio.ui.canvas.overlays.base import Overlay
    from aae_studio.ui.panels.base import Panel

OVERLAYS = Registry("overlay", "aae_studio.ui.canvas.overlays", "Overlay")
PANELS = Registry("panel", "aae_studio.ui.panels", "Panel")


def overlays() -> dict[str, Overlay]:
    """One overlay of each kind, in the order of drawing."""
    return {name: kind() for name, kind in _loaded(OVERLAYS).items()}


def panels() -> dict[str, type[Panel]]:
    """Every kind of panel, in the order of the menu."""
    return _loaded(PANELS)


def _loaded(registry: Registry) -> dict[str, type]:
    """The plug-ins by name. Raises StudioError where one cannot be loaded: they are all our own."""
    found = registry.all()
    for kind in found.values():
        if isinstance(kind, StudioError):
            raise kind
    return found
