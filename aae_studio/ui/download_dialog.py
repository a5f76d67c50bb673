"""The dialog that downloads a dataset into the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from aae_studio.core.errors import StudioError
from aae_studio.ui.download_thread import DownloadThread
from aae_studio.ui.translation import tr, tr_error

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset

WIDTH = 420
# The progress bar counts in whole numbers of its own.
BAR_STEPS = 1000
CLOSING_MS = 1000

# Destroying a thread that still runs would abort the program.
_late: list[DownloadThread] = []


class DownloadDialog(QDialog):
    """Shows where a dataset's files go and how far they have come; it does not block the window.

    The user starts it, or `start` does. Closing or Escape cancels and leaves nothing half done.
    Emits `completed` when the files are there, and `folder_chosen` (Path) when the user would
    rather use another data folder; either closes it.
    """

    completed = Signal()
    folder_chosen = Signal(object)

    def __init__(self, dataset: type[Dataset], data_dir: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dataset, self._data_dir = dataset, data_dir
        self._thread: DownloadThread | None = None
        title = tr("Download {title}", title=tr(dataset.title))
        self.setWindowTitle(title)
        self.setMinimumWidth(WIDTH)
        heading = QLabel(title)
        heading.setObjectName("cardTitle")
        self.folder = QLabel(str(data_dir))
        self.folder.setWordWrap(True)
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setAccessibleName(tr("Progress of the download"))
        self.sentence = QLabel()
        self.sentence.setProperty("bad", True)
        self.sentence.setWordWrap(True)
        self.sentence.hide()
        self.folder_button = self._button(
            tr("Choose folder…"), tr("Use another data folder instead."), self._on_choose_folder
        )
        self.start_button = self._button(
            tr("Download"), tr("Fetch the files into the data folder."), self.start
        )
        self.start_button.setObjectName("primary")
        self.start_button.setDefault(True)
        self.close_button = self._button(tr("Close"), tr("Close this dialog (Esc)."), self.reject)
        self._build(heading)
        self.start_button.setFocus()
        application = QCoreApplication.instance()
        assert application is not None
        # No thread may be alive when the application ends, even with this dialog still open.
        application.aboutToQuit.connect(self._stop)

    def _button(self, text: str, help: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(help)
        button.clicked.connect(slot)
        return button

    def _build(self, heading: QLabel) -> None:
        facts = QGridLayout(horizontalSpacing=12, verticalSpacing=4)
        facts.setColumnStretch(1, 1)
        images, source = QLabel(tr(self._dataset.summary)), QLabel(tr(self._dataset.attribution))
        source.setWordWrap(True)
        rows = ((tr("Images"), images), (tr("Source"), source), (tr("Into"), self.folder))
        for row, (name, value) in enumerate(rows):
            label = QLabel(name)
            label.setProperty("muted", True)
            facts.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            facts.addWidget(value, row, 1)
        buttons = QHBoxLayout(spacing=8)
        buttons.addWidget(self.folder_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.start_button)
        layout = QVBoxLayout(self, spacing=12)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.addWidget(heading)
        layout.addLayout(facts)
        layout.addWidget(self.bar)
        layout.addWidget(self.sentence)
        layout.addStretch(1)
        layout.addLayout(buttons)

    @property
    def running(self) -> bool:
        """Whether a download is under way."""
        return self._thread is not None

    def start(self) -> None:
        """Begin to download, or begin again after a failure."""
        if self._thread is not None:
            return
        self.sentence.hide()
        # Until the first news there is no telling how far it is.
        self.bar.setRange(0, 0)
        self._thread = DownloadThread(self._dataset, self._data_dir)
        self._thread.progressed.connect(self._on_progressed)
        self._thread.finished_ok.connect(self._on_finished)
        self._thread.failed.connect(self._on_failed)
        self._show_running()
        self._thread.start()

    def done(self, result: int) -> None:
        # Every way to close a dialog leads here.
        self._stop()
        super().done(result)

    def _stop(self) -> None:
        """Cancel what is under way. The thread ends within its own time for tidying up."""
        thread, self._thread = self._thread, None
        if thread is not None:
            for signal in (thread.progressed, thread.finished_ok, thread.failed):
                signal.disconnect()
            thread.cancel()
            if not thread.wait(CLOSING_MS):
                _late.append(thread)
            self._show_running()

    def _show_running(self) -> None:
        running = self.running
        self.start_button.setEnabled(not running)
        self.close_button.setText(tr("Cancel") if running else tr("Close"))
        if running:
            self.close_button.setFocus()
        else:
            self.bar.setRange(0, BAR_STEPS)
            self.bar.reset()

    # News that was on its way when the user cancelled counts no more.

    def _on_progressed(self, done: int, whole: int) -> None:
        if not self.running:
            return
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setValue(round(BAR_STEPS * done / max(whole, 1)))

    def _on_finished(self) -> None:
        if not self.running:
            return
        self._stop()
        self.bar.setValue(BAR_STEPS)
        self.accept()
        self.completed.emit()

    def _on_failed(self, fault: StudioError) -> None:
        if not self.running:
            return
        self._stop()
        self.sentence.setText(tr_error(fault))
        self.sentence.show()
        # A layout does not make room for wrapped words by itself.
        self.resize(self.width(), max(self.height(), self.layout().totalHeightForWidth(self.width())))
        self.start_button.setText(tr("Try again"))
        self.start_button.setFocus()

    def _on_choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Data folder"), str(self._data_dir))
        if chosen:
            self.reject()
            self.folder_chosen.emit(Path(chosen))
