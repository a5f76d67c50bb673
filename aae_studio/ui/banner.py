"""Banner: the one place where errors are shown."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from aae_studio.core.errors import DataMissing, NonFinite, StudioError
from aae_studio.ui.translation import tr, tr_error


class Banner(QFrame):
    """Shows an error's sentence, and a button for what would mend it. Hidden when all is well.

    Emits `download_asked` (dataset name), `folder_asked` and `rewind_asked`.
    """

    download_asked = Signal(str)
    folder_asked = Signal()
    rewind_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._fault: StudioError | None = None
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

    def _ask_download(self) -> None:
        if isinstance(self._fault, DataMissing):
            self.download_asked.emit(self._fault.dataset)
