"""FollowThread: reads a run that is trained elsewhere, nothing else."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from aae_studio.core.errors import SessionError, StudioError
from aae_studio.ui.closing_thread import ClosingThread
from aae_studio.ui.trainer_thread import Prepared

if TYPE_CHECKING:
    from aae_studio.core.followed import FollowedRun

# How often the folder is asked whether it has been saved again. Asking works on every kind of mount.
POLL_S = 0.5
# A reading that may have fallen into a replacement is tried again after this long …
RETRY_S = 0.1
# … and is an error only when one and the same state has not become readable for so long.
PATIENCE_S = 5.0
NICE = 10


class FollowThread(ClosingThread):
    """Looks again and again at one RUN folder; not started before there is one to follow.

    Its public methods are thread-safe. Emits what TrainerThread emits for an experiment of its own:
    `prepared` (Prepared) for another training, and for more steps of the same one `reported` (a list of
    the newest report; the history has all) and `snapshotted` (Snapshot). `failed` (StudioError) is emitted
    once for a folder that stays unreadable; it is looked at all the same.
    """

    prepared = Signal(object)
    reported = Signal(object)
    snapshotted = Signal(object)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("follow")
        self._news = threading.Condition()
        self._target: tuple[Path, Path] | None = None

    # From any thread

    def follow(self, folder: Path, data_dir: Path) -> None:
        """Look at this folder from now on."""
        with self._news:
            self._target = (folder, data_dir)
            self._news.notify()
        if not self.isRunning():
            self.start()

    def stop(self) -> None:
        """Look at nothing. What was read already may still arrive."""
        with self._news:
            self._target = None
            self._news.notify()

    def wake(self) -> None:
        with self._news:
            self._news.notify()

    # In the thread

    def run(self) -> None:
        while (target := self._next()) is not None:
            from aae_studio.core import compute
            from aae_studio.core.followed import FollowedRun

            compute.lower_priority(NICE)
            compute.use_threads(1)
            self._follow(target, FollowedRun(*target))

    def _next(self) -> tuple[Path, Path] | None:
        """The folder to look at, once there is one; None when the thread is to end."""
        with self._news:
            self._news.wait_for(lambda: self._target is not None or self.isInterruptionRequested())
            return None if self.isInterruptionRequested() else self._target

    def _follow(self, target: tuple[Path, Path], run: FollowedRun) -> None:
        """Look at one folder until another is asked for."""

        def is_over() -> bool:
            return self._target is not target or self.isInterruptionRequested()

        unread, since, told = None, 0.0, False
        while not is_over():
            pause = POLL_S
            try:
                self._look(run)
                unread, told = None, False
            except Exception as fault:
                now = time.monotonic()
                if unread != run.tried:
                    unread, since = run.tried, now
                patience = PATIENCE_S if isinstance(fault, SessionError) else 0.0
                if not told and now - since >= patience and not is_over():
                    told = True
                    self.failed.emit(_said(fault))
                pause = POLL_S if told else RETRY_S
            with self._news:
                self._news.wait_for(is_over, timeout=pause)

    def _look(self, run: FollowedRun) -> None:
        from aae_studio.core.followed import Novelty

        match run.read():
            case Novelty.TRAINING:
                experiment = run.experiment
                self.prepared.emit(
                    Prepared(
                        run.config,
                        experiment.snapshot(),
                        run.history,
                        str(experiment.precision).removeprefix("torch."),
                        experiment.steps_per_epoch,
                        experiment.seconds,
                    )
                )
            case Novelty.STEPS:
                self.reported.emit([run.report()])
                self.snapshotted.emit(run.experiment.snapshot())


def _said(fault: Exception) -> StudioError:
    """The fault itself; a defect of ours must not end the following in silence."""
    if isinstance(fault, StudioError):
        return fault
    return StudioError("An unexpected fault disturbed the following: {fault}", fault=repr(fault))
