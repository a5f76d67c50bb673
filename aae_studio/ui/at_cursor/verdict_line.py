"""VerdictLine: in a few words, whether the image at the cursor can be trusted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QWidget

from aae_studio.core.region import Trust, Verdict
from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import tr

COLORS = {Verdict.INSIDE: "good", Verdict.EDGE: "warn", Verdict.HOLE: "warn", Verdict.FAR: "bad"}


def verdict_words(verdict: Verdict) -> str:
    """The verdict, to be read beside an image."""
    if verdict is Verdict.INSIDE:
        return tr("inside the data")
    if verdict is Verdict.EDGE:
        return tr("at the edge: few data near")
    if verdict is Verdict.HOLE:
        return tr("in a hole: comes back elsewhere")
    return tr("far from data: output not trusted")


class VerdictLine(Readout):
    """Shows a verdict in its colour. Emits nothing."""

    def __init__(
        self,
        theme: Theme,
        font: QFont,
        alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme.color("muted"), font, "", alignment, parent)
        self._theme = theme
        self.setAccessibleName(tr("Whether to trust the decoded image"))
        words = tr(
            "Inside the data: the 5th nearest code of a real image is as near as it is for 95 % of the "
            "codes of real images themselves. At the edge: up to twice as far away. Far: farther. In a "
            "hole: there are codes around, but the decoded image is encoded more than ½ σ away (more "
            "where the code has more than two axes)."
        )
        explain(self, words)

    def show_trust(self, trust: Trust | None, step: int) -> None:
        """Show what to think of an image by the codes after so many steps; None: nothing is known."""
        color, words = "muted", ""
        if trust is not None:
            # Random weights are neither right nor wrong about anything.
            color = COLORS[trust.verdict] if step else "muted"
            words = verdict_words(trust.verdict) if step else tr("not trained yet")
        if self._color != self._theme.color(color):
            self._color = self._theme.color(color)
            self.update()
        # What stands before the colon says it too.
        self.setText(words, words.partition(":")[0])
