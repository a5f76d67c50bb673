"""Lane: one model's column: latent canvas, decoded image, figures and samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from aae_studio.ui.at_cursor.sight import trust_in
from aae_studio.ui.at_cursor.verdict_line import VerdictLine
from aae_studio.ui.canvas.latent_canvas import LatentCanvas
from aae_studio.ui.canvas.overlays.base import Overlay
from aae_studio.ui.decode_view import DecodeView, ImageStrip
from aae_studio.ui.decodings import Decoded
from aae_studio.ui.readout import Readout, shortened, signed
from aae_studio.ui.theme import Theme, fixed_font
from aae_studio.ui.tooltip import explain
from aae_studio.ui.translation import grouped, tr
from aae_studio.ui.turns import Turns
from aae_studio.ui.workbench import Workbench

if TYPE_CHECKING:
    from aae_studio.core.models.base import Curve
    from aae_studio.core.snapshot import Figures, Snapshot

# The decoded image's side in a lane of at least this width, and in a narrower one.
ROOMY = 284
DECODE_SIDES = (108, 76)
# With many models the lanes keep this width, and scroll.
LEAST_WIDTH = 212
# Of figures: a lane with fewer leaves room, so that image and canvas are where the others' are.
ROWS = 4
# New weights wait so long for a drag to show them: it decodes with the newest ones at every move.
NEWS_MS = 50
# Around a lane's title and the summary at its right; a longer title becomes the model's short name.
TITLE_MARGINS = 36


class Lane(QFrame):
    """Shows one model. Listens to the workbench; emits nothing."""

    def __init__(
        self,
        workbench: Workbench,
        name: str,
        theme: Theme,
        turns: Turns,
        overlays: Mapping[str, Overlay],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._bench, self._name, self._theme, self._turns = workbench, name, theme, turns
        self._model = workbench.models[name].model
        self.setObjectName("card")
        self.setMinimumWidth(LEAST_WIDTH)
        self.canvas = LatentCanvas(workbench, name, theme, turns, overlays)
        self.decode_view = DecodeView(theme, DECODE_SIDES[0])
        self.decode_view.setAccessibleName(tr("Decoded image"))
        self.decode_view.setToolTip(tr("What the decoder makes of the code under the cursor."))
        self._conditions = workbench.models[name].conditions
        self.strip = ImageStrip(theme, bool(self._conditions), workbench.condition_names(name))
        explain(self.strip, self._samples_tip())
        self.strip.setAccessibleName(self._strip_caption())
        self.strip.chosen.connect(partial(workbench.planes.set_condition, name))
        self._code = Readout(theme.color("text"), fixed_font(12), "(+0.00, +0.00)")
        self._code.setToolTip(tr("The code under the cursor."))
        self.verdict = VerdictLine(theme, self.font())
        self._rows: list[tuple[QLabel, Readout]] = []
        # The weights that the newest image was asked of, and the image that is on show.
        self._decoded_by: Snapshot | None = None
        self._decoded: Decoded | None = None
        self._arrange()
        workbench.decodings.decoded.connect(self._on_decoded)
        workbench.snapshot_changed.connect(self._await_drag)
        self._drag_wait = QTimer(self)
        self._drag_wait.setSingleShot(True)
        self._drag_wait.setInterval(NEWS_MS)
        self._drag_wait.timeout.connect(self._schedule_decoding)
        workbench.surveyed.connect(self._schedule)
        workbench.progressed.connect(self._show_discriminator)
        workbench.display.changed.connect(self._apply_display)
        workbench.display.hovered.connect(self._await_mark)
        self._apply_display()
        self.show_decoded()
        self.show_place()
        self.show_figures()

    def figures(self) -> dict[str, str]:
        """The figures on show, by label."""
        return {value.accessibleName(): value.text() for _, value in self._rows}

    def show_decoded(self) -> None:
        """Decode at the cursor and show it."""
        if self._name not in self._bench.models:
            return
        self._decoded_by = self._bench.snapshot
        self._bench.decodings.ask(self._name, self._bench.at_cursor(self._name))

    def _on_decoded(self, name: str, decoded: Decoded) -> None:
        if name != self._name or name not in self._bench.models:
            return
        self._decoded = decoded
        self.decode_view.set_image(decoded.image)
        if decoded.each is not None:
            self.strip.set_images(decoded.each)
            self.strip.select(self._bench.planes.conditions[self._name])
        if decoded.back is not None:
            self._turns.ask(self._show_verdict)

    def show_place(self) -> None:
        """Show the code under the cursor, and in a turn what to think of its image."""
        if self._name in self._bench.models:
            self._show_code()
            self._turns.ask(self._show_verdict)

    def _show_code(self) -> None:
        code = self._bench.planes.cursors[self._name]
        numbers = ", ".join(signed(value) for value in code[:2].tolist())
        more = len(code) > 2
        wide = f"z = ({numbers}{', …' if more else ''})"
        # A narrow lane has room for the numbers alone.
        self._code.setText(wide if self.width() >= ROOMY else f"{numbers}{'…' if more else ''}")

    def show_newest(self) -> None:
        """Decode at the cursor if there are newer weights than those on show.

        The verdict waits for the next survey, which knows where the data are now.
        """
        if self._decoded_by is not self._bench.snapshot:
            self.show_decoded()

    def _show_verdict(self) -> None:
        if self._name not in self._bench.models or self._decoded is None:
            return
        found = trust_in(self._bench, self._name, self._decoded)
        self.verdict.show_trust(None if found is None else found[0], self._bench.findings.step)

    def _await_drag(self) -> None:
        if not self._drag_wait.isActive():
            self._drag_wait.start()

    def _await_mark(self) -> None:
        if self._conditions:
            self._turns.ask(self._show_mark)

    def _show_mark(self) -> None:
        """Mark the class or cluster of the image under the mouse, in whichever lane that is."""
        sample = self._bench.display.hovered_sample
        self.strip.mark(None if sample is None else self._bench.planes.conditions.of(self._name, sample))

    def _schedule_decoding(self) -> None:
        self._turns.ask(self.show_newest)

    def _schedule(self) -> None:
        """Take news in a turn of its own: three lanes at once would make the mouse wait."""
        self._turns.ask(self.show_figures)

    def show_figures(self) -> None:
        """Show the newest codes, figures and samples."""
        if self._name not in self._bench.models:
            return
        self.canvas.refresh()
        self._show_drawn()
        self._show_verdict()
        self._show_mark()
        if self._name in self._bench.findings.samples and not self._conditions:
            self.strip.set_images(self._bench.findings.samples[self._name])
        if not self._bench.models[self._name].has_encoder:
            self._show_discriminator()
            return
        figures = self._bench.findings.figures.get(self._name)
        if figures is None:
            return
        # Clusters are named after classes by what was measured.
        self.strip.set_names(self._bench.condition_names(self._name))
        error = figures.class_error if self._bench.models[self._name].model.finds else None
        texts = (
            shortened(figures.recon_mse, 4),
            shortened(figures.mmd_to_prior, 4),
            f"{shortened(figures.sw1_to_prior, 2)} σ",
            f"{figures.knn_accuracy:.2f}" if error is None else f"{100 * error:.1f} %",
        )
        count, where = self._notes(figures)
        notes = (count, f"{where}\n{count}", f"{where}\n{count}", count)
        for row, text, note, (_, _, tip) in zip(self._rows, texts, notes, self._figure_rows(), strict=True):
            text = text.replace("-", "−")
            # Of a figure that has exploded the order of magnitude says enough.
            row[1].setText(text, re.sub(r"\.\d+e", "e", text))
            for widget in row:
                explain(widget, tip, note)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(0, 9, 3, 20, self._theme.color(self._model.color))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        title = tr(self._model.title)
        space = self.width() - self._summary.sizeHint().width() - TITLE_MARGINS
        roomy = self._title.fontMetrics().horizontalAdvance(title) <= space
        self._title.setText(title if roomy else self._model.short)
        wide = self.width() >= ROOMY
        self.decode_view.setFixedSize(*[DECODE_SIDES[not wide]] * 2)
        for (label, _), (text, short, _) in zip(self._rows, self._figure_rows(), strict=True):
            label.setText(text if wide else short)
        if self._name in self._bench.planes.cursors:
            self._show_code()
        super().resizeEvent(event)

    def _arrange(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(10)
        below.addWidget(self.decode_view)
        below.addLayout(self._figures_grid(), 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 6)
        layout.setSpacing(6)
        layout.addLayout(self._head())
        layout.addWidget(self.canvas, 1)
        layout.addLayout(below)
        layout.addWidget(self.strip)
        layout.addLayout(self._caption())

    def _head(self) -> QHBoxLayout:
        """The model's name, and in a word what holds its codes to the prior."""
        self._title = QLabel(tr(self._model.title))
        self._title.setObjectName("cardTitle")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._summary = QLabel(tr(self._model.summary))
        self._summary.setProperty("muted", True)
        # Where the lane is narrow, the title is short.
        explain(self._title, f"{tr(self._model.title)} · {tr(self._model.summary)}")
        row = QHBoxLayout()
        row.addWidget(self._title, 1)
        row.addWidget(self._summary)
        return row

    def _figures_grid(self) -> QGridLayout:
        """The code, the verdict and the figures: six rows, as high as the decoded image beside them."""
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        grid.addWidget(self._code, 0, 0, 1, 2)
        grid.addWidget(self.verdict, 1, 0, 1, 2)
        for row, (text, _, tip) in enumerate(self._figure_rows(), start=2):
            label = QLabel(text)
            label.setProperty("muted", True)
            right = Qt.AlignmentFlag.AlignRight
            value = Readout(self._theme.color("text"), fixed_font(12), "0.0000", right)
            value.setText("–")
            value.setAccessibleName(text)
            explain(label, tip)
            explain(value, tip)
            grid.addWidget(label, row, 0)
            grid.addWidget(value, row, 1)
            self._rows.append((label, value))
        for row in range(len(self._rows) + 2, ROWS + 2):
            # A row without widgets has no space before it either.
            grid.setRowMinimumHeight(row, self._rows[0][1].sizeHint().height() + grid.verticalSpacing())
        grid.setRowStretch(ROWS + 2, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def _caption(self) -> QHBoxLayout:
        """What the strip shows, and how many points the plane has."""
        samples = QLabel(self._strip_caption())
        samples.setProperty("muted", True)
        explain(samples, self._samples_tip())
        # A readout gives way where a lane is narrow; a label would widen the lane.
        self._points = Readout(self._theme.color("muted"), self.font(), "", Qt.AlignmentFlag.AlignRight)
        row = QHBoxLayout()
        row.addWidget(samples)
        row.addWidget(self._points, 1)
        return row

    def _show_drawn(self) -> None:
        """Show how many of the dataset's images are points here, where it is not all of them."""
        snapshot = self._bench.snapshot
        if snapshot is None or not self._bench.models[self._name].has_encoder:
            return
        data = snapshot.dataset
        total = len(data.train) + len(data.test)
        count = len(self._bench.findings.codes.get(self._name, data.probe.ids))
        words = "" if count == total else tr("{count} of {total} points", count=count, total=total)
        self._points.setText(words, grouped(count) if words else "")
        tip = tr("How many of the dataset's images the plane shows as points.")
        explain(self._points, words, tip)

    def _strip_caption(self) -> str:
        if not self._conditions:
            return tr("decoded from z ~ p(z)")
        clusters = self._model.finds == "clusters"
        return tr("this z as every cluster") if clusters else tr("this z as every class")

    def _samples_tip(self) -> str:
        if self._conditions:
            return tr(
                "The code under the cursor, decoded as each class or cluster: the same style again and "
                "again. Click one, or use the arrow keys, to decode as that. A dashed frame: the class or "
                "cluster of the image under the mouse in a plane."
            )
        return tr(
            "Codes drawn from the prior, decoded. Where the codes of real images are elsewhere, "
            "the decoder was never taught what to make of them."
        )

    def _figure_rows(self) -> tuple[tuple[str, str, str], ...]:
        """Label, a shorter one, and explanation of each figure."""
        if not self._bench.models[self._name].has_encoder:
            tip = tr("How real the discriminator finds them, on average. ½: it cannot tell.")
            return tuple((tr(curve.label), tr(curve.label), tip) for curve in self._discriminator_curves())
        return (
            (
                tr("recon MSE"),
                "MSE",
                tr("Squared error per pixel between test images and their reconstructions."),
            ),
            (
                tr("MMD² to prior"),
                "MMD²",
                tr(
                    "Distance between the codes, one z ~ q(z|x) of each image, and the prior (unbiased, "
                    "five RBF kernels). 0: they match."
                ),
            ),
            (
                tr("SW1 to prior"),
                "SW1",
                tr(
                    "How far codes z ~ q(z|x) lie from samples of the prior, on average over directions "
                    "(sliced Wasserstein-1), in units of its σ. Chance alone gives about 0.06 with "
                    "1 000 codes, 0.08 with 360."
                ),
            ),
            self._class_row(),
        )

    def _class_row(self) -> tuple[str, str, str]:
        """What codes tell of the class; or how often a model that finds it out itself is wrong."""
        finds = self._bench.models[self._name].model.finds
        if finds == "classes":
            return (
                tr("class error"),
                tr("wrong"),
                tr("Share of test images whose class the model does not find."),
            )
        if finds == "clusters":
            tip = tr(
                "Share of test images that are not of their cluster's class, which is that of most training "
                "images in it. The more clusters, the fewer are wrong: compare equal numbers."
            )
            return tr("cluster error"), tr("wrong"), tip
        tip = tr("Share of codes whose 10 nearest codes vote for their own class.")
        if self._conditions:
            tip += " " + tr("The decoder is told the class, so the code need not tell it: low is good.")
        return tr("kNN accuracy"), "kNN", tip

    def _notes(self, figures: Figures) -> tuple[str, str]:
        """When and from what the figures were made, and where the codes lie."""
        count = tr(
            "Measured after step {step}, on {count} of {total} test images.",
            step=self._bench.findings.figures_step,
            count=figures.count,
            total=figures.total,
        )
        where = tr(
            "Code axes, over the prior's σ: mean at most {mean}, standard deviation {least} to {greatest}.",
            mean=f"{figures.code_mean:.2f}",
            least=f"{figures.code_std_least:.2f}",
            greatest=f"{figures.code_std_greatest:.2f}",
        )
        if self._bench.models[self._name].random_encoder:
            where += "\n" + tr(
                "Codes with the encoder's noise are measured; the points are codes without it."
            )
        return count, where

    def _show_discriminator(self) -> None:
        """A model without encoder shows its discriminator's last figures."""
        losses = self._bench.losses.get(self._name)
        frozen = self._bench.models.get(self._name)
        if losses is None or frozen is None or frozen.has_encoder:
            return
        for (_, value), curve in zip(self._rows, self._discriminator_curves(), strict=True):
            if curve.name in losses:
                value.setText(f"{losses[curve.name]:.2f}")

    def _discriminator_curves(self) -> list[Curve]:
        return [curve for curve in self._model.curves if curve.plot == "discriminator"]

    def _apply_display(self) -> None:
        self.decode_view.set_crisp(self._bench.display.crisp)
        self.strip.set_crisp(self._bench.display.crisp)
        self.canvas.refresh()
