"""What mouse and keyboard do, as one table."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtGui import QAction, QKeySequence

from aae_studio.ui.translation import tr


def mouse_rows() -> list[tuple[str, str]]:
    """What is done in the planes, beside the actions."""
    return [
        (tr("Drag, arrow keys (Shift: farther)"), tr("move the point; Esc takes a drag back")),
        (tr("Shift and drag"), tr("take hold of a data point")),
        (tr("Hover a point"), tr("its image, its reconstruction and what the model finds in it")),
        (tr("Click below a lane"), tr("decode as this class or cluster, if the decoder is told one")),
        (tr("Wheel, + and −"), tr("zoom")),
        (tr("Right drag"), tr("pan")),
        (tr("Double click, 0"), tr("show all")),
        (", . /", tr("in the slow motion of a step: back, on, play")),
    ]


def keys_table(actions: Iterable[QAction]) -> str:
    """Mouse and keys in rich text: those of the planes, then of all actions that have one, in two columns."""
    keyed = [
        (action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), action.iconText())
        for action in actions
        if not action.shortcut().isEmpty()
    ]
    half = -(-len(keyed) // 2)
    columns = "".join(f"<td>{_table(part)}</td>" for part in (keyed[:half], keyed[half:]))
    return f"{_table(mouse_rows())}<br><table cellspacing='0'><tr>{columns}</tr></table>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (
        f"<tr><td style='padding-right: 14px; white-space: nowrap'><b>{escape(key)}</b></td>"
        f"<td style='padding-right: 24px; white-space: nowrap'>{escape(text)}</td></tr>"
        for key, text in rows
    )
    return f"<table cellspacing='2'>{''.join(lines)}</table>"
