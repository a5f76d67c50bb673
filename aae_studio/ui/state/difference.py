"""What differs between two configurations, in the words of the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.options import Option, Value
from aae_studio.core.registry import DATASETS, MODELS, PRIORS, Registry
from aae_studio.ui.translation import tr

# Differences that a line names, and letters that it has, at most.
NAMED, LONGEST = 2, 72


def differences(before: ExperimentConfig, after: ExperimentConfig) -> list[str]:
    """A phrase for each, such as `VAE β 1 → 4` or `+ GAN`; of what no form has a row for, its label alone."""
    return [*_plugins(before, after), *_fields(before, after), *_declared(before, after)]


def in_short(before: ExperimentConfig, after: ExperimentConfig) -> str:
    """The differences in a line that a menu bears; empty where none can be named."""
    # The same configuration again began at step 0.
    phrases = [tr("Rewind")] if before == after else differences(before, after)
    words = ", ".join(phrases[:NAMED]) + (" …" if len(phrases) > NAMED else "")
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _plugins(before: ExperimentConfig, after: ExperimentConfig) -> Iterator[str]:
    for kind, registry, old, new in (
        (tr("Dataset"), DATASETS, before.dataset, after.dataset),
        (tr("Prior"), PRIORS, before.prior, after.prior),
    ):
        if old != new:
            yield f"{kind} {_title(registry, old)} → {_title(registry, new)}"
    for sign, these, those in (("+", after, before), ("−", before, after)):
        for name in these.models:
            if name not in those.models:
                yield f"{sign} {_short(name)}"


def _fields(before: ExperimentConfig, after: ExperimentConfig) -> Iterator[str]:
    if before.seed != after.seed:
        yield f"{tr('Seed')} {before.seed} → {after.seed}"
    for option in OPTIONS:
        yield from _change(option, getattr(before, option.name), getattr(after, option.name))


def _declared(before: ExperimentConfig, after: ExperimentConfig) -> Iterator[str]:
    for owner in dict.fromkeys(key.partition(".")[0] for key in (*before.options, *after.options)):
        for registry in (DATASETS, PRIORS, MODELS):
            plugin = _plugin(registry, owner) if owner in registry.names() else None
            # Several models have an option of the same label.
            whose = f"{tr(plugin.short)} " if plugin is not None and registry is MODELS else ""
            for option in () if plugin is None else plugin.options:
                key = f"{owner}.{option.name}"
                old, new = (config.options.get(key, option.default) for config in (before, after))
                yield from _change(option, old, new, whose)


def _change(option: Option, old: Value, new: Value, whose: str = "") -> Iterator[str]:
    if old != new:
        label = whose + tr(option.label)
        yield label if option.panel else f"{label} {_value(option, old)} → {_value(option, new)}"


def _value(option: Option, value: Value) -> str:
    word = option.shown(value)
    return tr(word) if option.choices else word


def _title(registry: Registry, name: str) -> str:
    plugin = _plugin(registry, name)
    return name if plugin is None else tr(plugin.title)


def _short(model: str) -> str:
    plugin = _plugin(MODELS, model)
    return model if plugin is None else tr(plugin.short)


def _plugin(registry: Registry, name: str) -> Any:
    """The class, or None where it cannot be loaded: whoever makes it meets the same fault and reports it."""
    try:
        return registry.get(name)
    except StudioError:
        return None
