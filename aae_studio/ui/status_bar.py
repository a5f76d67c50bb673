"""StatusBar: device, memory, decoding time, frames per second, and the newest message."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QLabel, QSizePolicy, QStatusBar, QWidget

from aae_studio.core.errors import DataMissing, StudioError
from aae_studio.core.registry import MODELS
from aae_studio.ui.translation import tr, tr_error
from aae_studio.ui.workbench import Workbench

PERIOD_MS = 1000
PASSING_MS = 8000


class StatusBar(QStatusBar):
    """Says what happened last and how things stand, and once a second measured figures of the program itself.
    Emits nothing."""

    def __init__(self, workbench: Workbench, canvas_area: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = workbench
        self._device, self._memory, self._decoding, self._frames = (QLabel() for _ in range(4))
        self._message = QLabel()
        self._message.setProperty("muted", True)
        # A long sentence must not widen the window.
        self._message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._device.setToolTip(tr("Where training runs, and in which precision."))
        self._memory.setToolTip(tr("Memory that the Studio holds."))
        self._decoding.setToolTip(
            tr("Processor time that the last images at the cursors took, those of all lanes together.")
        )
        self._frames.setToolTip(tr("Frames drawn in the last second; the window only draws what changes."))
        self.addWidget(self._message, 1)
        for label in (self._device, self._memory, self._decoding, self._frames):
            self.addPermanentWidget(label)
        self.setSizeGripEnabled(False)
        self._painted, self._since = 0, time.perf_counter()
        # Every frame of the window passes through its update request.
        self._area = canvas_area
        canvas_area.installEventFilter(self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._refresh)
        self._timer.start(PERIOD_MS)
        self._show_device()
        # What was trained when another experiment came up.
        self._last_step = workbench.step
        # Whether the run that is followed is in trouble.
        self._stuck = False
        # Models that are catching up.
        self._joining: tuple[str, ...] = ()
        # A message makes room after a while.
        self._passing = QTimer(self)
        self._passing.setSingleShot(True)
        self._passing.setInterval(PASSING_MS)
        self._passing.timeout.connect(self._say_state)
        self._connect()
        self._say_state()

    def _connect(self) -> None:
        bench = self._bench
        bench.prepared.connect(self._on_prepared)
        bench.progressed.connect(self._on_progressed)
        bench.training_changed.connect(self._on_training)
        bench.following_changed.connect(self._on_following)
        bench.failed.connect(self._on_failed)
        bench.saved.connect(self._on_saved)
        bench.caught_up.connect(self._on_caught_up)
        bench.configured.connect(self._on_configured)

    def say(self, text: str) -> None:
        """Show a message for a while; then how things stand."""
        self._message.setText(text)
        self._passing.start()

    def message(self) -> str:
        """The message on show."""
        return self._message.text()

    def _say_state(self) -> None:
        """Show how things stand: until they do so no longer."""
        bench = self._bench
        self._passing.stop()
        if bench.following is not None:
            folder = bench.following
            words = (
                tr("Following {folder}, which is trained elsewhere.", folder=folder)
                if bench.folder == folder
                else tr("Waiting for {folder} to be saved…", folder=folder)
            )
        elif bench.joining and bench.training:
            words = self._joining_words()
        elif bench.training:
            words = tr("Training. Drag the point: the decoded image follows.")
        elif bench.step:
            words = tr("Paused at step {step}.", step=bench.step)
        else:
            words = tr("Ready: press Space to train, drag in a plane to look around.")
        self._message.setText(words if bench.snapshot is not None or bench.following is not None else "")

    def _on_prepared(self) -> None:
        bench = self._bench
        lost, self._last_step = self._last_step, bench.step
        joined = [MODELS.get(name).short for name in self._joining if name in bench.models]
        self._joining = tuple(bench.joining)
        if joined and lost <= bench.step:
            self.say(tr("{models}: as far as the others.", models=", ".join(joined)))
        elif lost > bench.step == 0 and bench.following is None and not bench.training:
            words = (
                tr("Started again from step 0. Ctrl+Z brings back what was trained.")
                if bench.changes.brings_back
                else tr("Started again from step 0: what was trained to step {step} is gone.", step=lost)
            )
            self.say(words)
        else:
            self._say_state()

    def _on_training(self, training: bool) -> None:
        # A pause that came with another experiment says nothing new: what has become of it is said.
        if training or self._bench.step or not self._passing.isActive():
            self._say_state()

    def _on_progressed(self) -> None:
        self._last_step = self._bench.step
        if self._stuck and self._bench.following is not None:
            self._stuck = False
            self._say_state()

    def _on_failed(self, fault: StudioError) -> None:
        self._stuck = True
        self.say(tr_error(fault) if not isinstance(fault, DataMissing) else tr("Data missing."))
        if self._bench.following is not None:
            # Until the run can be read again.
            self._passing.stop()

    def _on_saved(self, folder: Path) -> None:
        missing = ", ".join(MODELS.get(name).short for name in self._bench.joining)
        self.say(
            tr("Saved in {folder}, without {models}: still catching up.", folder=folder, models=missing)
            if missing
            else tr("Saved in {folder}.", folder=folder)
        )

    def _on_caught_up(self) -> None:
        self._joining = tuple(self._bench.joining)
        # What was said just now can be read first.
        if not self._passing.isActive():
            self._say_state()

    def _joining_words(self) -> str:
        """How far models are that catch up."""
        steps = self._bench.step
        told = (
            f"{MODELS.get(name).short} {tr('step {step} of {steps}', step=step, steps=steps)}"
            for name, step in self._bench.joining.items()
        )
        return tr("Catching up: {models}.", models=", ".join(told))

    def _on_configured(self) -> None:
        if self._joining and not self._bench.joining:
            self._say_state()
        self._joining = tuple(self._bench.joining)

    def _on_following(self, following: bool) -> None:
        if following:
            self._stuck = False
            self._say_state()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.UpdateRequest:
            self._painted += 1
        return False

    def _refresh(self) -> None:
        # Imported here: the window is shown first.
        import psutil

        now = time.perf_counter()
        rate = self._painted / max(now - self._since, 1e-6)
        self._painted, self._since = 0, now
        self._frames.setText(tr("{rate} frames/s", rate=f"{rate:.0f}"))
        decoding = 1000 * self._bench.decodings.seconds(self._bench.models)
        self._decoding.setText(tr("decode {time} ms", time=f"{decoding:.1f}") if decoding else "")
        megabytes = psutil.Process().memory_info().rss / 1e6
        self._memory.setText(f"{megabytes:.0f} MB")
        self._show_device()

    def _show_device(self) -> None:
        device = self._bench.config.device.upper()
        self._device.setText(f"{device} · {self._bench.precision}" if self._bench.precision else device)
