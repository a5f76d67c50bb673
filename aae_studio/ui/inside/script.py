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


@dataclass(frozen=True)
class Link:
    """An arrow: from the upper row to the lower one, in a lane."""

    source: int
    target: int
    lane: int
    value: int


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


def links(phase: PhaseWalk, order: list[Row]) -> list[Link]:
    """The arrows of a phase's picture. Those to one target, or from one network, share a lane.

    Lanes further left are for longer ways, so that no two arrows lie on one another.
    """
    at = {row: place for place, row in enumerate(order)}
    groups: list[list[tuple[int, int, int]]] = []
    for place, call in enumerate(phase.calls):
        here = at[Row("call", place)]
        groups.append([(at[Row("value", value)], here, value) for value in call.inputs])
        groups.append([(here, at[Row("value", value)], value) for value in call.outputs])
    end = at[Row("loss")]
    groups.append([(at[Row("value", value)], end, value) for value in phase.loss_inputs])
    taken: list[list[tuple[int, int]]] = []
    found: list[Link] = []
    spans = [(min(a for a, _, _ in group), max(b for _, b, _ in group)) for group in groups if group]
    for span, group in sorted(
        zip(spans, [group for group in groups if group], strict=True),
        key=lambda pair: pair[0][1] - pair[0][0],
    ):
        lane = next((n for n, used in enumerate(taken) if _free(span, used)), len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append(span)
        found += [Link(source, target, lane, value) for source, target, value in group]
    return found


def _free(span: tuple[int, int], used: list[tuple[int, int]]) -> bool:
    return all(span[1] <= first or last <= span[0] for first, last in used)
