"""What the pictures of a step say: names, figures and captions."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING

from aae_studio.ui.inside.script import Moment
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.walk import Call, PhaseWalk, Walk

# A name as short as this is an acronym.
ACRONYM = 4


def spoken(name: str) -> str:
    """The name of a network, a phase or a module in words."""
    return tr(name).replace("_", " ")


def titled(name: str) -> str:
    """A phase's name as a title."""
    words = spoken(name)
    return words.upper() if len(words) <= ACRONYM else words[:1].upper() + words[1:]


def figure(number: float | None) -> str:
    """A number with three digits that count."""
    if number is None:
        return "–"
    text = f"{number:.3g}" if number == 0 or 1e-3 <= abs(number) < 1e4 else f"{number:.1e}"
    return text.replace("e-0", "e-").replace("-", "−")


def percent(share: float) -> str:
    """A share in percent, with two digits that count."""
    return f"{figure(float(f'{100 * share:.2g}'))} %"


def shape(size: Iterable[int]) -> str:
    """A tensor's shape."""
    return "×".join(map(str, size)) or "1"


def layers(call: Call) -> str:
    """The sizes of a network from layer to layer, without the batch."""
    heads = len(call.outputs)
    sizes = [shape(size) for size in ((call.entering[1:],) if call.entering else ()) + call.layers]
    return "→".join([*sizes[:-heads], " + ".join(sizes[-heads:])])


def value_name(phase: PhaseWalk, place: int, latent: int) -> str:
    """What a tensor is, by where it comes from and by its shape."""
    value = phase.values[place]
    if value.call is None:
        known = {
            "images": tr("images x"),
            "corrupted": tr("corrupted x̃"),
            "moved": tr("moved x′"),
            "labels": tr("labels"),
            "prior": tr("z ~ p(z)"),
            "noise": tr("noise"),
            "categories": tr("y ~ Cat"),
        }
        return known.get(value.name, tr("input"))
    if value.name == "category":
        return tr("category")
    if len(phase.calls[value.call].outputs) > 1:
        heads = {"mean": tr("mean"), "log_variance": tr("log-variance")}
        return heads.get(value.name) or value.name.replace("_", " ")
    if len(value.shape) == 4:
        return tr("image out")
    size = prod(value.shape[1:])
    return tr("logit") if size == 1 else tr("code z") if size == latent else tr("output")


def route(phase: PhaseWalk) -> str:
    """Which network is given what, in one line."""
    text = last = ""
    for call in phase.calls:
        if call.earlier:
            continue
        sources = list(dict.fromkeys(source(phase, place) for place in call.inputs))
        others = [name for name in sources if name != last]
        joined = " + ".join(others)
        if last in sources and text:
            text += f" + {joined}" if others else ""
        else:
            text += f" · {joined}" if text else joined
        text += f" → {spoken(call.network)}"
        last = spoken(call.network)
    return text


def source(phase: PhaseWalk, place: int) -> str:
    """Where a value comes from: its name, or the network that put it out."""
    value = phase.values[place]
    return value_name(phase, place, 0) if value.call is None else spoken(phase.calls[value.call].network)


def role(phase: PhaseWalk, network: str) -> str:
    """What a phase does with a network that it does not train."""
    if phase.gradients.get(network) is not None:
        return tr("passes the gradient on, stays as it is")
    return tr("forward only, no gradient")


def listed(names: Iterable[str]) -> str:
    """Names of networks, one after the other."""
    return ", ".join(spoken(name) for name in dict.fromkeys(names))


def headings(walk: Walk, moment: Moment, number: int, count: int) -> tuple[str, str]:
    """Which step, phase and sub-step this is, and the same without the step."""
    known = {"phase": titled(walk.phases[moment.phase].name), "number": number, "count": count}
    whole = tr("Step {step} · {phase} · {number} of {count}", step=walk.step, **known)
    return whole, tr("{phase} · {number} of {count}", **known)


def caption(walk: Walk, moment: Moment, latent: int) -> str:
    """What happens at a moment."""
    phase = walk.phases[moment.phase]
    if moment.at == "batch":
        return _batch(phase, latent)
    if moment.at == "forward":
        call = phase.calls[moment.call]
        outputs = [phase.values[place].shape for place in call.outputs]
        text = tr(
            "Forward: the {network} turns {given} into {made}.",
            network=spoken(call.network),
            given=shape(call.entering),
            made=" + ".join(map(shape, outputs)),
        )
        return f"{text} {_standardising()}" if call.standardises else text
    if moment.at == "loss":
        names = [source(phase, place) for place in phase.loss_inputs]
        return tr(
            "Loss: one number, {loss}, says how wrong this was. It is made from: {names}.",
            loss=figure(phase.loss),
            names=", ".join(dict.fromkeys(names)),
        )
    if moment.at == "backward":
        return _backward(phase)
    if moment.at == "wait":
        assert phase.joins is not None
        return tr(
            "No update yet: this gradient waits and is added to that of phase “{phase}”. One step follows "
            "both.",
            phase=titled(phase.joins),
        )
    return _update(phase)


def _standardising() -> str:
    return tr("First it takes the mean image away and divides by the deviation of all pixels.")


def _batch(phase: PhaseWalk, latent: int) -> str:
    fresh = [place for place, value in enumerate(phase.values) if value.call is None]
    earlier = [call for call in phase.calls if call.earlier]
    names = [f"{value_name(phase, place, latent)} {shape(phase.values[place].shape)}" for place in fresh]
    text = tr("The batch comes in: {names}.", names=", ".join(names))
    if earlier:
        again = tr(
            "What the {network} made of it before is used again.",
            network=listed(call.network for call in earlier),
        )
        text = f"{text} {again}"
    return text


def _backward(phase: PhaseWalk) -> str:
    found = [name for name, norm in phase.gradients.items() if norm is not None]
    called = dict.fromkeys(call.network for call in phase.calls)
    parts = [
        tr(
            "Backward: from the loss, gradients flow back to: {names}.",
            names=listed(name for name in found if name in phase.trains),
        )
    ]
    passed = [name for name in found if name not in phase.trains]
    cut = [name for name in called if name not in found]
    if passed:
        parts.append(tr("They pass through, and do not change: {names}.", names=listed(passed)))
    if cut:
        parts.append(tr("None reaches: {names}.", names=listed(cut)))
    return " ".join(parts)


def _update(phase: PhaseWalk) -> str:
    moved = [f"{spoken(name)} {percent(size)}" for name, size in (phase.updates or {}).items()]
    parts = [
        tr(
            "Update: {optimizer} changes the weights: {moved}.",
            optimizer=phase.optimizer,
            moved=", ".join(moved),
        )
    ]
    more = [name for name in phase.updates or {} if name not in phase.trains]
    if more:
        parts.append(tr("For the {names}, an earlier phase's gradient had waited.", names=listed(more)))
    return " ".join(parts)


def spoken_picture(phase: PhaseWalk) -> str:
    """The picture of a phase for those who do not see it."""
    parts = [route(phase), f"{tr('loss')} {figure(phase.loss)}"]
    parts += [
        f"{spoken(name)}: ‖∇‖ {figure(phase.gradients.get(name))}"
        if name in phase.trains
        else f"{spoken(name)}: {role(phase, name)}"
        for name in dict.fromkeys(call.network for call in phase.calls)
    ]
    return " · ".join(parts)


def about_network(phase: PhaseWalk, call: Call) -> str:
    """A network's part in a phase, with what its signs mean."""
    norm = phase.gradients.get(call.network)
    size = (phase.updates or {}).get(call.network)
    parts = [f"{spoken(call.network)} · {layers(call)}"]
    if call.standardises:
        parts.append(_standardising())
    if norm is not None:
        parts.append(
            tr(
                "‖∇‖ {norm}: length of the gradient of this phase's loss with respect to the weights.",
                norm=figure(norm),
            )
        )
    if size is not None:
        parts.append(
            tr("Δ {size}: length of the change of the weights over that of the weights.", size=percent(size))
        )
    if call.network not in phase.trains:
        parts.append(role(phase, call.network))
    return "\n".join(parts)


def about_value(phase: PhaseWalk, place: int, latent: int) -> str:
    """What a tensor holds, and whether a gradient comes back through it."""
    value = phase.values[place]
    low, high = float(value.samples.min()), float(value.samples.max())
    parts = [
        f"{value_name(phase, place, latent)} · {shape(value.shape)}",
        tr(
            "The first {count} of the batch, from {low} to {high}.",
            count=len(value.samples) // value.blocks,
            low=figure(low),
            high=figure(high),
        ),
    ]
    if value.gradient is not None:
        parts.append(tr("A gradient of length {norm} flows back through it.", norm=figure(value.gradient)))
    elif value.call is not None:
        parts.append(tr("No gradient flows back through it."))
    return "\n".join(parts)


def about_loss(phase: PhaseWalk) -> str:
    """The loss that the phase makes smaller, and its figures."""
    terms = [f"{tr(term.label)} {figure(term.figure)}" for term in phase.terms]
    return "\n".join([tr("What this phase makes smaller: {loss}", loss=figure(phase.loss)), *terms])
