"""ClosingThread: a thread that waits for something to do, and can be asked to end."""

from __future__ import annotations

from PySide6.QtCore import QThread


class ClosingThread(QThread):
    """Ends soon after it was asked to. A subclass looks at `isInterruptionRequested` while it works."""

    def close(self, limit_ms: int = 3000) -> bool:
        """Ask the thread to end and wait; False when it is still busy at the time limit."""
        self.requestInterruption()
        self.wake()
        return self.wait(limit_ms)

    def wake(self) -> None:
        """Let the thread look up where it waits for something to do."""
        raise NotImplementedError
