"""What tests do to a Studio, and wait for."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from aae_studio.ui.app import Studio


def trained(qtbot: QtBot, studio: Studio, steps: int) -> None:
    """Train exactly so many steps on, until the window has them and stands still."""
    bench = studio.workbench
    goal = bench.step + steps
    bench.train(steps)
    qtbot.waitUntil(
        lambda: bench.step == bench.snapshot.step == goal == len(bench.history) and not bench.training,
        timeout=60_000,
    )
