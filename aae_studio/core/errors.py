"""What can go wrong, said in sentences that a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class StudioError(Exception):
    """A fault with a sentence for the user.

    The sentence is kept as a template and its values, so that the interface can translate the template.
    """

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values))
        self.template = template
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from their sentence, and no child takes that alone.
        return _carried, (type(self), str(self), self.__dict__)


def _carried(kind: type[StudioError], sentence: str, state: Mapping[str, object]) -> StudioError:
    """A fault as another process met it."""
    fault = kind.__new__(kind, sentence)
    fault.__dict__.update(state)
    return fault


class ConfigError(StudioError):
    """An option holds an impossible value; `field` names it."""

    def __init__(self, field: str, template: str, **values: object) -> None:
        super().__init__("{field}: " + template, field=field, **values)
        self.field = field


class UnknownName(StudioError):
    """A model, prior, dataset or option that does not exist; the sentence offers the nearest names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        if near:
            template = "There is no {kind} called “{name}”. Did you mean {near}?"
        else:
            template = "There is no {kind} called “{name}”. There are: {names}."
        super().__init__(template, kind=kind, name=name, near=" or ".join(near), names=", ".join(names))


class DataMissing(StudioError):
    """The files of a dataset are not on this machine, but can be downloaded."""

    def __init__(self, dataset: str, template: str, **values: object) -> None:
        super().__init__(template, **values)
        self.dataset = dataset


class NonFinite(StudioError):
    """Training stopped at this step because a loss or a gradient was no longer a finite number.

    `model`: its short name.
    """

    def __init__(self, model: str, phase: str, step: int, what: str) -> None:
        super().__init__(
            "{model}: {what} became infinite or undefined in phase “{phase}” at step {step}. "
            "Training stopped before the update. Lower the learning rate and rewind.",
            model=model,
            phase=phase,
            step=step,
            what=what,
        )
        self.model, self.phase, self.step = model, phase, step


class FaultElsewhere(StudioError):
    """Another of the processes that train together met a fault; it says so itself."""

    def __init__(self, rank: int, words: str) -> None:
        super().__init__("Process {rank} of this training has stopped: {words}", rank=rank, words=words)


class ProcessLost(StudioError):
    """Another of the processes that train together is gone, or cannot be reached."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Another process of this training has ended or does not answer, so this one stops too "
            "({reason}).",
            reason=reason,
        )


class SessionError(StudioError):
    """A folder is not a session of the Studio, or is damaged, or cannot be written."""
