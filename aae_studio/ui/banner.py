"""Banner: the one place where errors are shown."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton

from aae_studio.core.errors import DataMissing, NonFinite, StudioError
from aae_studio.ui.translation import tr, tr_error
from aae_studio.ui.workbench import Workbench


class Banner(QFrame):
    """Shows an error's sentence, and a button for what would mend it. Hidden when all is well again.

    Emits `download_asked` (dataset name), `folder_asked` and `rewind_asked`.
    """

    download_asked = Signal(str)
    folder_asked = Signal()
    rewind_asked = Signal()

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self._bench = workbench
        self.setObjectName("banner")
        self._fault: StudioError | None = None
        self._generation = workbench.generation
        self._sentence = QLabel()
        self._sentence.setWordWrap(True)
        self._sentence.setProperty("bad", True)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._download = QPushButton(tr("Download…"))
        self._folder = QPushButton(tr("Data folder…"))
        self._rewind = QPushButton(tr("Rewind"))
        close = QToolButton()
        close.setText("✕")
        close.setProperty("flat", True)
        close.setAccessibleName(tr("Dismiss"))
        close.setToolTip(tr("Dismiss"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self._sentence, 1)
        for button in (self._download, self._folder, self._rewind, close):
            row.addWidget(button)
        self._download.clicked.connect(self._ask_download)
        self._folder.clicked.connect(self.folder_asked)
        self._rewind.clicked.connect(self.rewind_asked)
        close.clicked.connect(self.hide)
        workbench.failed.connect(self.show_fault)
        workbench.prepared.connect(self._on_prepared)
        workbench.training_changed.connect(self._on_training)
        workbench.following_changed.connect(self._on_following)
        workbench.progressed.connect(self._on_progressed)
        self.hide()

    def show_fault(self, fault: StudioError) -> None:
        """Show this error until it is dismissed or mended."""
        self._fault = fault
        self._sentence.setText(tr_error(fault))
        self._download.setVisible(isinstance(fault, DataMissing))
        self._folder.setVisible(isinstance(fault, DataMissing))
        self._rewind.setVisible(isinstance(fault, NonFinite))
        self.show()

    def text(self) -> str:
        """The sentence on show, or nothing."""
        return "" if self.isHidden() else self._sentence.text()

    def _on_prepared(self) -> None:
        # Other models in the same experiment mend nothing.
        if self._generation != self._bench.generation:
            self._generation = self._bench.generation
            self.hide()

    def _on_training(self, training: bool) -> None:
        if training:
            self.hide()

    def _on_following(self, following: bool) -> None:
        if following:
            # What it offers would change an experiment that is no longer on show.
            self.hide()

    def _on_progressed(self) -> None:
        if self._bench.following is not None:
            # A run that could not be read for a while can be read again.
            self.hide()

    def _ask_download(self) -> None:
        if isinstance(self._fault, DataMissing):
            self.download_asked.emit(self._fault.dataset)
