"""RepeatsThread: has configurations trained in a process apart, nothing else."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal

from aae_studio.core.errors import StudioError
from aae_studio.ui.closing_thread import ClosingThread

# How soon it notices that it should stop.
POLL_S = 0.1


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be iterated in the other process: a function of a module in `core` and its arguments."""

    work: Callable[[], tuple[Callable[..., Iterator[Any]], tuple[Any, ...]]]


class RepeatsThread(ClosingThread):
    """Does one job after the other.

    Its public methods are thread-safe. Emits `happened` (Job, what its generator yielded) and `ended` (Job,
    StudioError or None), also for a job that was cancelled.
    """

    happened = Signal(object, object)
    ended = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("repeats")
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._cancelled: set[Job] = set()

    # From any thread

    def begin(self, job: Job) -> None:
        """Do this when the jobs before it are done."""
        self._waiting.put(job)
        if not self.isRunning():
            self.start()

    def cancel(self, job: Job) -> None:
        """Leave this job at whatever step it is."""
        self._cancelled.add(job)

    def wake(self) -> None:
        self._waiting.put(None)

    # In the thread

    def run(self) -> None:
        while not self.isInterruptionRequested():
            job = self._waiting.get()
            if job is None:
                return
            try:
                self._do(job)
                fault = None
            except StudioError as told:
                fault = told
            except Exception as defect:
                # A defect of ours must not end the thread in silence.
                fault = StudioError("An unexpected fault stopped training: {fault}", fault=repr(defect))
            self._cancelled.discard(job)
            self.ended.emit(job, fault)

    def _do(self, job: Job) -> None:
        # Imported here: torch comes with it, and the window must not wait for that.
        from aae_studio.core.apart import Apart

        if self._is_over(job):
            return
        function, arguments = job.work()
        with Apart(function, *arguments) as there:
            while not (there.ended or self._is_over(job)):
                item = there.next(POLL_S)
                if item is not None and not self._is_over(job):
                    self.happened.emit(job, item)

    def _is_over(self, job: Job) -> bool:
        return self.isInterruptionRequested() or job in self._cancelled
