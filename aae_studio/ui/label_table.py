"""LabelTable: for each class, how many images are labelled, and how many codes lie where they should."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from aae_studio.ui.readout import Readout
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.translation import grouped, tr


class LabelTable(QWidget):
    """Shows a row for each class, in its colour. Emits nothing."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: list[tuple[Readout, Readout]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(0, 1)

    def __len__(self) -> int:
        return len(self._rows)

    def texts(self) -> list[tuple[str, str]]:
        """What each row says."""
        return [(labelled.text(), share.text()) for labelled, share in self._rows]

    def set_classes(self, names: Sequence[str]) -> None:
        """Begin anew with a row for each of these classes."""
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        heads = (tr("Class"), tr("labelled"), tr("in its part"))
        right = Qt.AlignmentFlag.AlignRight
        for column, text in enumerate(heads):
            head = QLabel(text)
            head.setProperty("muted", True)
            self._grid.addWidget(head, 0, column, right if column else Qt.AlignmentFlag.AlignLeft)
        self._rows = []
        for row, name in enumerate(names, start=1):
            sign = QLabel(f"● {name}")
            sign.setStyleSheet(f"color: {self._theme.class_color(row - 1).name()};")
            labelled, share = (
                Readout(self._theme.color("text"), fixed_font(12), widest, right)
                for widest in ("0 000 / 0 000", "100 %")
            )
            for readout, head in ((labelled, heads[1]), (share, heads[2])):
                readout.setAccessibleName(f"{name}: {head}")
            self._grid.addWidget(sign, row, 0)
            self._grid.addWidget(labelled, row, 1)
            self._grid.addWidget(share, row, 2)
            self._rows.append((labelled, share))

    def show_counts(self, counts: Iterable[int], totals: Iterable[int]) -> None:
        """Show how many images of each class are labelled, and how many there are."""
        for (labelled, _), count, total in zip(self._rows, counts, totals, strict=True):
            labelled.setText(f"{grouped(count)} / {grouped(total)}")

    def show_shares(self, shares: Sequence[float] | None) -> None:
        """Show the share of each class's codes in its own part; None: it is not known."""
        for place, (_, share) in enumerate(self._rows):
            share.setText("–" if shares is None else f"{shares[place]:.0%}")
