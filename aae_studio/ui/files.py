"""Files: what the window opens, saves and downloads."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from aae_studio import paths
from aae_studio.core.errors import StudioError
from aae_studio.core.registry import DATASETS
from aae_studio.ui.download_dialog import DownloadDialog
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench


class Files(QObject):
    """Asks for folders, over the window that it belongs to. Emits `said` (a message for the status bar)."""

    said = Signal(str)

    def __init__(self, window: QWidget, workbench: Workbench, settings: QSettings) -> None:
        super().__init__(window)
        self._window, self._bench, self._settings = window, workbench, settings

    def open_session(self) -> None:
        """Ask for a session's folder and bring it back."""
        if folder := self._chosen(tr("Open session"), paths.sessions_dir()):
            self._bench.open(folder)

    def follow_run(self) -> None:
        """Ask for the folder of a run that is trained elsewhere, and follow it."""
        if folder := self._chosen(tr("Follow a run"), paths.sessions_dir()):
            self._bench.follow(folder)

    def save_session(self) -> None:
        """Write the session where it was saved or opened last; ask where, if there is no such folder."""
        if self._bench.folder is None:
            self.save_session_as()
        else:
            self._bench.save(self._bench.folder)

    def save_session_as(self) -> None:
        """Ask for a folder and write the session into it."""
        name = f"{self._bench.config.dataset}-{self._bench.config.seed}-{self._bench.step}"
        folder, _ = QFileDialog.getSaveFileName(
            self._window,
            tr("Save session as a folder"),
            str(paths.sessions_dir() / name),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if folder:
            self._bench.save(Path(folder))

    def choose_data_dir(self) -> None:
        """Ask for the folder of downloaded datasets."""
        if folder := self._chosen(tr("Data folder"), self._bench.data_dir):
            self._use_data_dir(folder)

    def download_actions(self) -> list[QAction]:
        """An action for each dataset that can be fetched."""
        actions = []
        for name, plugin in DATASETS.all().items():
            # The others inherit a download of nothing.
            if isinstance(plugin, StudioError) or "download" not in vars(plugin):
                continue
            action = QAction(tr("Download {title}…", title=tr(plugin.title)), self)
            action.setStatusTip(tr("Fetch it into the data folder."))
            action.triggered.connect(partial(self.download, name))
            actions.append(action)
        return actions

    def download(self, dataset: str, *_: object) -> None:
        """Fetch a dataset with a progress bar, then try again what failed without it."""
        dialog = DownloadDialog(DATASETS.get(dataset), self._bench.data_dir, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.completed.connect(self._on_downloaded)
        dialog.folder_chosen.connect(self._use_data_dir)
        dialog.show()
        dialog.start()

    def _chosen(self, title: str, start: Path) -> Path | None:
        """A folder that the person chooses."""
        folder = QFileDialog.getExistingDirectory(self._window, title, str(start))
        return Path(folder) if folder else None

    def _use_data_dir(self, folder: Path) -> None:
        self._settings.setValue("data_dir", str(folder))
        self._bench.set_data_dir(folder)

    def _on_downloaded(self) -> None:
        self.said.emit(tr("Downloaded."))
        self._bench.retry()
