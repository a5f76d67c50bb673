"""Files: what the window opens, saves and downloads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from aae_studio import paths
from aae_studio.core.errors import StudioError
from aae_studio.core.registry import DATASETS
from aae_studio.ui.download_dialog import DownloadDialog
from aae_studio.ui.translation import tr
from aae_studio.ui.workbench import Workbench

# After so much training a person is asked before it is lost.
WORTH_SAVING_S = 60.0
# The folder in which a session was opened or saved last.
LAST_FOLDER = "sessions"


class Files(QObject):
    """Asks for folders, over the window that it belongs to. Emits `said` (a message for the status bar)."""

    said = Signal(str)

    def __init__(self, window: QWidget, workbench: Workbench, settings: QSettings) -> None:
        super().__init__(window)
        self._window, self._bench, self._settings = window, workbench, settings
        # Whether what is not saved may be lost, and what is done when it has been saved.
        self.loses = False
        self._next: Callable[[], None] | None = None
        workbench.saved.connect(self._on_saved)
        workbench.failed.connect(self._on_failed)

    def may_leave(self) -> bool:
        """Whether nothing is lost that took long; if not, a question closes the window or does not."""
        if self.loses or self._bench.unsaved_seconds < WORTH_SAVING_S:
            return True
        self._ask(tr("Save the session before closing?"), tr("Close without saving"), self._leave)
        return False

    def _leave(self) -> None:
        self.loses = True
        self._window.close()

    def _bring(self, session: Callable[[], None]) -> None:
        """Show another session, if nothing is lost that took long; if so, ask first."""
        if self._bench.unsaved_seconds < WORTH_SAVING_S:
            session()
        else:
            self._ask(tr("Save the session before opening another?"), tr("Open without saving"), session)

    def _ask(self, question: str, discard: str, go_on: Callable[[], None]) -> None:
        """Ask whether to save, and then go on."""
        kinds = QMessageBox.StandardButton
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "AAE Studio",
            question,
            kinds.Save | kinds.Discard | kinds.Cancel,
            self._window,
        )
        minutes = max(1, round(self._bench.unsaved_seconds / 60))
        box.setInformativeText(
            tr("Else what was trained since it was saved is lost: about {minutes} min.", minutes=minutes)
        )
        box.button(kinds.Discard).setText(discard)
        box.setDefaultButton(kinds.Save)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.finished.connect(partial(self._on_answered, go_on))
        box.open()

    def _on_answered(self, go_on: Callable[[], None], answer: int) -> None:
        if answer == QMessageBox.StandardButton.Discard:
            go_on()
        elif answer == QMessageBox.StandardButton.Save and self.save_session():
            self._next = go_on

    def _on_saved(self) -> None:
        go_on, self._next = self._next, None
        if go_on is not None:
            go_on()

    def _on_failed(self) -> None:
        self._next = None

    def open_session(self) -> None:
        """Ask for a session's folder and bring it back."""
        if folder := self._chosen(tr("Open session"), self._last_folder()):
            self._remember(folder)
            self._bring(partial(self._bench.open, folder))

    def follow_run(self) -> None:
        """Ask for the folder of a run that is trained elsewhere, and follow it."""
        if folder := self._chosen(tr("Follow a run"), self._last_folder()):
            self._remember(folder)
            self._bring(partial(self._bench.follow, folder))

    def save_session(self) -> bool:
        """Write the session where it was saved or opened last; ask where, if there is no such folder.

        False where the person thought better of it.
        """
        if self._bench.folder is None:
            return self.save_session_as()
        self._bench.save(self._bench.folder)
        return True

    def save_session_as(self) -> bool:
        """Ask for a folder and write the session into it; False where none was chosen."""
        name = f"{self._bench.config.dataset}-{self._bench.config.seed}-{self._bench.step}"
        folder, _ = QFileDialog.getSaveFileName(
            self._window,
            tr("Save session as a folder"),
            str(self._last_folder() / name),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if folder:
            self._remember(Path(folder))
            self._bench.save(Path(folder))
        return bool(folder)

    def choose_data_dir(self) -> None:
        """Ask for the folder of downloaded datasets."""
        if folder := self._chosen(tr("Data folder"), self._bench.data_dir.absolute()):
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
        # In a folder that is not there yet, the dialog lets nobody choose.
        there = next((folder for folder in (start, *start.parents) if folder.is_dir()), Path.home())
        folder = QFileDialog.getExistingDirectory(self._window, title, str(there))
        return Path(folder) if folder else None

    def _last_folder(self) -> Path:
        """Where the last session lies beside others; at first, where sessions are kept."""
        folder = Path(str(self._settings.value(LAST_FOLDER, paths.sessions_dir())))
        return folder if folder.is_dir() else paths.sessions_dir()

    def _remember(self, session: Path) -> None:
        self._settings.setValue(LAST_FOLDER, str(session.parent))

    def _use_data_dir(self, folder: Path) -> None:
        self._bench.set_data_dir(folder)
        try:
            paths.remember_data_dir(folder)
        except OSError as fault:
            self.said.emit(tr("The folder holds for this window alone: {fault}", fault=fault.strerror))

    def _on_downloaded(self) -> None:
        self.said.emit(tr("Downloaded."))
        self._bench.retry()
