"""Tooltips that break their lines: Qt does so for rich text alone."""

from __future__ import annotations

from html import escape


def tooltip(*paragraphs: str) -> str:
    """Paragraphs of plain text for `setToolTip`; lines in them stay lines."""
    lines = (escape(paragraph).replace("\n", "<br>") for paragraph in paragraphs if paragraph)
    return "".join(f"<p>{line}</p>" for line in lines)
