"""What a diagnosis is: named evidence with limits, a sentence of why, and what helps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from aae_studio.core.evidence import Evidence

Severity = Literal["warning", "hint", "good"]
# A diagnosis that stands goes when a sign is so far on the healthy side of its limit: figures waver.
MARGIN = 1.25


@dataclass(frozen=True)
class Sign:
    """One figure of evidence. It speaks for the diagnosis above `limit`, or below it with `below`.

    `text` says what the figure is. `unit` is `%` for a share from 0 to 1, `×` for a ratio, else the name
    of the unit or nothing. `value` and `limit` are at least 0.
    """

    text: str
    value: float
    limit: float
    below: bool = False
    unit: str = ""

    def speaks(self, standing: bool = False) -> bool:
        """Whether it speaks for the diagnosis; more easily for one that is `standing` already."""
        ease = MARGIN if standing else 1.0
        return self.value < self.limit * ease if self.below else self.value > self.limit / ease


@dataclass(frozen=True)
class Remedy:
    """What helps: changes for `ExperimentConfig.with_`, and what they come to in a few words."""

    text: str
    changes: Mapping[str, Any] = field(hash=False)

    @property
    def restarts(self) -> bool:
        """Whether training starts again from step 0: a model that joins would have missed its batches."""
        return "models" in self.changes


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
    """A change of one of the model's number options in one direction: back to its default if it left that
    the other way, else by `factor`, within the option's range. Empty where it ends up where it was."""
    option = next((one for one in evidence.frozen.model.options if one.name == name), None)
    if option is None:
        return {}
    value, default = evidence.option(name), option.default
    assert isinstance(default, int | float)
    further = value * factor
    new = min(default, further) if factor < 1 and value > default else further
    return new


def changed(evidence: Evidence, **values: Any) -> dict[str, Any]:
    """Changes of the model's own options, keyed as the configuration has them, of those that differ."""
    return {f"{evidence.name}.{key}": value for key, value in values.items() if evidence.option(key) != value}
