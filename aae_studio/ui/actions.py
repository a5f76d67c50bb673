"""The window's actions: one table of text, shortcut, icon and explanation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from aae_studio.ui.canvas.overlays.base import Overlay
from aae_studio.ui.icons import icon
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr


@dataclass(frozen=True)
class Row:
    """One action. `checked` is its first state, for an action that can be on or off."""

    name: str
    text: str
    shortcut: str = ""
    tip: str = ""
    icon: str = ""
    checked: bool | None = None


# Actions that begin at step 0.
BEGINNING = ("rewind", "new_seed")
ROWS = (
    Row("train", "Train", "Space", "Train all models, or pause.", "train"),
    Row("step", "Step", "S", "Train exactly one step, then stand still.", "step"),
    Row(
        "rewind",
        "Rewind",
        "R",
        "Back to step 0 with the same seed: same weights, same batches. "
        "Undo brings back what was trained last.",
        "rewind",
    ),
    Row(
        "new_seed",
        "New seed",
        "N",
        "Back to step 0 with another seed: other weights and batches. "
        "Undo brings back what was trained last.",
        "seed",
    ),
    Row("open", "Open session…", "Ctrl+O", "Bring back a saved session."),
    Row(
        "follow",
        "Follow a run…",
        "",
        "Show a run that is trained elsewhere, as it is saved.",
    ),
    Row(
        "stop_following",
        "Stop following",
        "",
        "Train on here from where the followed run is now.",
    ),
    Row(
        "save", "Save session", "Ctrl+S", "Write configuration, weights and curves into the session's folder."
    ),
    Row("save_as", "Save session as…", "Ctrl+Shift+S", "Write the session into another folder."),
    Row("data_dir", "Data folder…", "", "Choose where downloaded datasets lie."),
    Row("quit", "Quit", "Ctrl+Q", "Close the Studio."),
    Row(
        "undo",
        "Undo",
        "Ctrl+Z",
        "Take the last change back. If it began at step 0, what was trained last comes back, too.",
    ),
    Row("redo", "Redo", "Ctrl+Shift+Z", "Make the change again."),
    Row(
        "linked",
        "Link cursors",
        "L",
        "Move the points of all lanes together, and tell all decoders the same class.",
        "link",
        True,
    ),
    Row(
        "drags_data",
        "Drag images of the data",
        "",
        "Let a drag go from one real image to the next, as with Shift held down.",
        "",
        False,
    ),
    Row("crisp", "Crisp pixels", "P", "Show pixels as squares instead of smoothly.", "", True),
    Row("show_codes", "Encoded data", "E", "Show the codes of real images.", "", True),
    Row("show_prior", "Prior outline", "O", "Show the shape of the prior.", "", True),
    Row("fit", "Show all", "F", "Fit every canvas to its codes and prior."),
    Row("reset_layout", "Reset layout", "", "Put all panels back where they were."),
    Row("keys", "Mouse and keys", "F1", "What mouse and keyboard do."),
    Row("about", "About AAE Studio", "", "Version, licences and data."),
)


def describe(action: QAction, tip: str) -> None:
    """Let an action say this, and its shortcut."""
    shortcut = action.shortcut().toString()
    action.setToolTip(f"{tip} ({shortcut})" if shortcut else tip)
    action.setStatusTip(tip)


def overlay_rows(overlays: Mapping[str, Overlay]) -> tuple[Row, ...]:
    """An action for each overlay, called `overlay_<name>`."""
    return tuple(
        Row(f"overlay_{name}", overlay.title, overlay.shortcut, overlay.tip, "", False)
        for name, overlay in overlays.items()
    )


def make_actions(
    parent: QWidget, theme: Theme, rows: Iterable[Row], slots: Mapping[str, Callable[..., object]]
) -> dict[str, QAction]:
    """All actions by name, connected to the slots of the same name. A row without a slot is an error."""
    actions = {}
    for row in rows:
        action = QAction(tr(row.text), parent)
        action.setObjectName(row.name)
        if row.shortcut:
            action.setShortcut(QKeySequence(row.shortcut))
        # A key that is held down begins once.
        action.setAutoRepeat(row.name not in BEGINNING)
        describe(action, tr(row.tip))
        if row.icon:
            color = theme.color("on-accent" if row.name == "train" else "text")
            action.setIcon(icon(row.icon, color, theme.color("disabled")))
            # In a menu an icon would stand where the tick does, in a colour made for a button.
            action.setIconVisibleInMenu(False)
        if row.checked is None:
            action.triggered.connect(slots[row.name])
        else:
            action.setCheckable(True)
            action.setChecked(row.checked)
            action.toggled.connect(slots[row.name])
        parent.addAction(action)
        actions[row.name] = action
    return actions
