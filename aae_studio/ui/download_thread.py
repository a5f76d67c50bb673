"""DownloadThread: fetches a dataset's files in the background, nothing else."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QThread, Signal

from aae_studio.core.errors import StudioError

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset

PROGRESS_INTERVAL_S = 1 / 30
# How long a cancelled download may take to tidy up before it is left to do so alone.
TIDY_S = 0.5

# Two downloads never write the same files: one that was left alone ends first.
_one_at_a_time = threading.Lock()


class DownloadThread(QThread):
    """Drives `Dataset.download`. `cancel` is thread-safe.

    The network can hang for many seconds in a call that nothing interrupts. Fetching is therefore
    done by a daemon thread of Python's, which may outlive this thread and does not hold up the end of the
    program; this thread passes its news on and ends at once when it is cancelled.

    Emits `progressed` (done, all) and at the end, unless it is cancelled, `finished_ok` or `failed`
    (StudioError).
    """

    # Counts of bytes outgrow Qt's integers.
    progressed = Signal(object, object)
    finished_ok = Signal()
    failed = Signal(object)

    def __init__(self, dataset: type[Dataset], data_dir: Path) -> None:
        super().__init__()
        self.setObjectName("download")
        self._dataset, self._data_dir = dataset, data_dir
        self._news: queue.SimpleQueue[tuple[int, int] | StudioError | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End soon, without any further signal but `finished`."""
        self._cancelled.set()
        self._news.put(None)

    def run(self) -> None:
        fetching = threading.Thread(target=self._fetch, name="fetching", daemon=True)
        fetching.start()
        while not self._cancelled.is_set():
            match self._news.get():
                case None:
                    break
                case StudioError() as fault:
                    self.failed.emit(fault)
                    return
                case done, whole:
                    self.progressed.emit(done, whole)
        if self._cancelled.is_set():
            fetching.join(TIDY_S)
        else:
            self.finished_ok.emit()

    def _fetch(self) -> None:
        """In the daemon thread: put progress, then None or the fault, into the queue."""
        end: StudioError | None = None
        with _one_at_a_time:
            try:
                self._walk(self._dataset.download(self._data_dir))
            except StudioError as fault:
                end = fault
            except Exception as fault:
                # A defect of ours must not end the download in silence.
                end = StudioError("An unexpected fault stopped the download: {fault}", fault=repr(fault))
        self._news.put(end)

    def _walk(self, steps: Iterator[tuple[int, int]]) -> None:
        due = 0.0
        try:
            for done, whole in steps:
                if self._cancelled.is_set():
                    return
                now = time.monotonic()
                if now >= due or done == whole:
                    due = now + PROGRESS_INTERVAL_S
                    self._news.put((done, whole))
        finally:
            # Closing a generator lets it remove what is half done.
            close = getattr(steps, "close", None)
            if close is not None:
                close()
