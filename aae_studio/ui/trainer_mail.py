"""What the trainer thread is asked for, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aae_studio.core.config import ExperimentConfig


@dataclass(frozen=True)
class Configure:
    """Go over to this configuration, live where that is possible and `restart` is not asked for.

    `back_to`: an earlier wish that led to it.
    """

    config: ExperimentConfig
    data_dir: Path
    restart: bool
    wish: int | None
    back_to: int | None = None


@dataclass(frozen=True)
class Leave:
    """Wait no longer for models that join."""


@dataclass(frozen=True)
class Open:
    """Bring back the session in this folder; the wish before led to it, from now on."""

    folder: Path
    data_dir: Path
    wish: int | None = None


@dataclass(frozen=True)
class Train:
    """Train so many steps; None: until told otherwise; 0: pause."""

    steps: int | None


@dataclass(frozen=True)
class Save:
    """Write the session into this folder."""

    folder: Path


@dataclass(frozen=True)
class Watch:
    """Write down a step of this model a few times a second; None: of no model any more."""

    model: str | None


@dataclass(frozen=True)
class WalkStep:
    """Pause, take one step and write this model's down."""

    model: str


@dataclass(frozen=True)
class WalkPhase:
    """Pause, and update one model by one of its phases alone."""

    model: str
    phase: str


Mail = Configure | Leave | Open | Train | Save | Watch | WalkStep | WalkPhase
