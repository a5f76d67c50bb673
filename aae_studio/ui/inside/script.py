"""The script of slow motion: the moments of a walk, and what is on show at each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aae_studio.core.walk import PhaseWalk, Walk


@dataclass(frozen=True)
class Row:
    """A row of a phase's picture. `kind`: `value`, `call` or `loss`; `place` among the values or calls."""

    kind: str
    place: int = 0


@dataclass(frozen=True)
class Moment:
    """One sub-step: `at` is `batch`, `forward` (one `call`), `loss`, `backward`, `update` or `wait`."""

    phase: int
    at: str
    call: int = 0


def moments(walk: Walk) -> list[Moment]:
    """All sub-steps of a walk, phase by phase."""
    found: list[Moment] = []
    for place, phase in enumerate(walk.phases):
        fresh = [number for number, call in enumerate(phase.calls) if not call.earlier]
        found += [Moment(place, "batch"), *(Moment(place, "forward", number) for number in fresh)]
        found += [Moment(place, "loss"), Moment(place, "backward")]
        if phase.updates is not None:
            found.append(Moment(place, "update"))
        elif phase.joins is not None:
            found.append(Moment(place, "wait"))
    return found


def rows(phase: PhaseWalk) -> list[Row]:
    """A phase's picture from top to bottom: what comes in, networks, what comes out, the loss."""
    found: list[Row] = []
    for place, call in enumerate(phase.calls):
        found += [Row("value", value) for value in call.inputs if phase.values[value].call is None]
        found += [Row("call", place), *(Row("value", value) for value in call.outputs)]
    found += [Row("value", value) for value in phase.loss_inputs if phase.values[value].call is None]
    return [*dict.fromkeys(found), Row("loss")]


def lit(phase: PhaseWalk, moment: Moment) -> set[Row]:
    """The rows that a moment is about."""
    if moment.at == "batch":
        made = {place for call in phase.calls if call.earlier for place in call.outputs}
        return {
            Row("value", place)
            for place, value in enumerate(phase.values)
            if value.call is None or place in made
        }
    if moment.at == "forward":
        call = phase.calls[moment.call]
        return {Row("call", moment.call), *(Row("value", place) for place in (*call.inputs, *call.outputs))}
    if moment.at == "loss":
        return {Row("loss"), *(Row("value", place) for place in phase.loss_inputs)}
    if moment.at == "backward":
        reached = {Row("call", place) for place, call in enumerate(phase.calls) if has_gradient(phase, place)}
        flowing = {Row("value", place) for place, v in enumerate(phase.values) if v.gradient is not None}
        return {Row("loss"), *reached, *flowing}
    moved = phase.trains if moment.at == "wait" else (phase.updates or {})
    return {Row("call", place) for place, call in enumerate(phase.calls) if call.network in moved}


def reached(phase: PhaseWalk, moment: Moment) -> set[Row]:
    """The rows that have been filled by then."""
    if moment.at not in ("batch", "forward"):
        return set(rows(phase))
    known = lit(phase, Moment(moment.phase, "batch"))
    for place, call in enumerate(phase.calls):
        if call.earlier or (moment.at == "forward" and place <= moment.call):
            known |= lit(phase, Moment(moment.phase, "forward", place))
    return known


def has_gradient(phase: PhaseWalk, place: int) -> bool:
    """Whether the phase's gradient flows back into this call of a network."""
    return any(phase.values[value].gradient is not None for value in phase.calls[place].outputs)
