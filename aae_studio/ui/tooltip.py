"""Tooltips that break their lines: Qt does so for rich text alone."""

from __future__ import annotations

from html import escape

from PySide6.QtWidgets import QWidget

from aae_studio.ui.readout import Readout
from aae_studio.ui.translation import THIN_SPACE

# The description that a widget has from its tooltip.
TOLD = "told"


def tooltip(*paragraphs: str) -> str:
    """Paragraphs of plain text for `setToolTip`; lines in them stay lines."""
    lines = (escape(paragraph).replace("\n", "<br>") for paragraph in paragraphs if paragraph)
    # Rich text makes an ordinary space of a thin one, and breaks the line there.
    return "".join(f"<p>{line}</p>" for line in lines).replace(THIN_SPACE, "&nbsp;")


def explain(widget: QWidget, *paragraphs: str) -> None:
    """Give a widget a `tooltip`, and who listens the same words.

    A readout, and what has been described otherwise, is told of as it was.
    """
    widget.setToolTip(tooltip(*paragraphs))
    own = widget.accessibleDescription() in ("", widget.property(TOLD))
    if own and not isinstance(widget, Readout):
        words = "\n".join(filter(None, paragraphs))
        widget.setProperty(TOLD, words)
        widget.setAccessibleDescription(words)
