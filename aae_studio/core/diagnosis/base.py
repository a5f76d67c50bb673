"""What a diagnosis is: named evidence with limits, a sentence of why, and what helps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.evidence import Evidence

Severity = Literal["warning", "hint", "good"]
# A diagnosis that stands goes when a sign is so far on the healthy side of its limit: figures waver.
MARGIN = 1.25
# Adam throws weights about at rates beyond this: on the digits, with ReLU and plain inputs, at 0.01 the AAE
# ends up with one code for all images, at 0.05 the AE, the VAE and the AAE do (two seeds each). With GELU and
# standardised inputs they bear more. It alone is no finding: the error must be that of the mean image, too.
HIGH_RATE = 0.004


@dataclass(frozen=True)
class Sign:
    """One figure of evidence. It speaks for the diagnosis above `limit`, or below it with `below`.

    `text` says what the figure is. `unit` is `%` for a share from 0 to 1, `×` for a ratio, else the name
    of the unit or nothing. `limit` is above 0.
    """

    text: str
    value: float
    limit: float
    below: bool = False
    unit: str = ""

    @property
    def end(self) -> float:
        """Where it no longer speaks for a diagnosis that stands."""
        return self.limit * MARGIN if self.below else self.limit / MARGIN

    def speaks(self, standing: bool = False) -> bool:
        """Whether it speaks for the diagnosis; more easily for one that is `standing` already."""
        bound = self.end if standing else self.limit
        return self.value < bound if self.below else self.value > bound


@dataclass(frozen=True)
class Remedy:
    """What helps: changes for `ExperimentConfig.with_`, and what they come to in a few words.

    With `restarts`, training starts again from step 0.
    """

    text: str
    changes: Mapping[str, Any] = field(hash=False)
    restarts: bool = False


@dataclass(frozen=True)
class Finding:
    """A diagnosis that holds for one model.

    `overlays` names what shows it on the canvas, the best first; `curves` what shows it in a plot.
    """

    diagnosis: str
    model: str
    title: str
    summary: str
    severity: Severity
    signs: tuple[Sign, ...]
    overlays: tuple[str, ...]
    curves: tuple[str, ...]
    remedy: Remedy | None


class Diagnosis(ABC):
    """One diagnosis. A subclass's file is one plug-in.

    `summary` is one sentence of why. It is looked for once training went on for `patience` steps since
    step 0 or the last change of options. `explains` names diagnoses that are its consequences: they are
    not told apart from it. `order` is its place in the list.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    severity: ClassVar[Severity] = "warning"
    order: ClassVar[int] = 50
    patience: ClassVar[int] = 200
    overlays: ClassVar[tuple[str, ...]] = ()
    curves: ClassVar[tuple[str, ...]] = ()
    explains: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        """The figures that tell; the diagnosis holds when all of them speak for it.

        None at all where it cannot be said of this model, or not yet.
        """

    def remedy(self, evidence: Evidence) -> Remedy | None:
        """What helps, if anything can be done about it."""
        return None


def eased(evidence: Evidence, name: str, factor: float) -> dict[str, Any]:
    """A change of one of the model's number options, keyed as the configuration has it.

    Where somebody moved it from its default the other way than `factor` would, back to the default; else by
    `factor`, within its range. Empty where the model has no such option or it stays where it is.
    """
    option = next((one for one in evidence.frozen.model.options if one.name == name), None)
    if option is None:
        return {}
    value, default = evidence.option(name), option.default
    assert isinstance(default, int | float)
    moved = value > default if factor < 1 else value < default
    new = default if moved else value * factor
    new = max(new, -math.inf if option.minimum is None else option.minimum)
    new = min(new, math.inf if option.maximum is None else option.maximum)
    new = type(default)(new)
    return {} if new == value else {f"{evidence.name}.{name}": new}


def restored(evidence: Evidence, **worse: Literal["above", "below"]) -> dict[str, Any]:
    """Those of the model's options back at their defaults that lie on the worse side of them."""
    changes = {}
    for name, side in worse.items():
        value = evidence.option(name)
        if value is not None:
            default = evidence.default(name)
            if value > default if side == "above" else value < default:
                changes[f"{evidence.name}.{name}"] = default
    return changes


def lowered_rate(evidence: Evidence, rate: float | None = None) -> dict[str, Any]:
    """The experiment's learning rate at a tenth, or at its default.

    Empty where `rate`, by default what it is now, is not beyond `HIGH_RATE`.
    """
    config, default = evidence.config, ExperimentConfig().learning_rate
    if (config.rate_at(evidence.snapshot.step) if rate is None else rate) <= HIGH_RATE:
        return {}
    return {"learning_rate": min(default, config.learning_rate / 10)}


def with_model(evidence: Evidence, name: str) -> dict[str, Any]:
    """One more model in the experiment; empty where it takes part already."""
    models = evidence.config.models
    return {} if name in models else {"models": (*models, name)}
