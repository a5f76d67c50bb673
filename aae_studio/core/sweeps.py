"""Sweeps: one experiment with several values of two options, without torch."""

from __future__ import annotations

from collections.abc import Sequence

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import ConfigError
from aae_studio.core.options import Option, Value
from aae_studio.core.registry import MODELS

# Where training runs changes nothing but its speed.
UNSWEPT = ("device",)
MOST_VALUES = 6
# From one suggested number to the next: 1, 3, 10.
FACTOR = 10 / 3


def swept_options(model: str) -> dict[str, Option]:
    """What can be swept for a model, by the key that `ExperimentConfig.with_` takes: the options of the
    experiment, and those that the model declares, but for free text. Raises UnknownName."""
    declared = [option for option in MODELS.get(model).options if option.choices or option.default != ""]
    shared = {option.name: option for option in OPTIONS if option.name not in UNSWEPT}
    return {**{f"{model}.{option.name}": option for option in declared}, **shared}


def values_of(option: Option, text: str, field: str) -> tuple[Value, ...]:
    """The values in a text such as `0.1 1 10`: apart by spaces or semicolons, and by commas where a value
    has none itself.

    Raises ConfigError, which names `field`, for a value that cannot be, for none, for one that is there
    twice and for more than 6.
    """
    parting = text.replace(";", " ")
    if not isinstance(option.default, tuple):
        parting = parting.replace(",", " ")
    values = tuple(option.parsed(word, field) for word in parting.split())
    if not values:
        raise ConfigError(field, "give at least one value.")
    if len(set(values)) < len(values):
        raise ConfigError(field, "a value is there twice.")
    if len(values) > MOST_VALUES:
        raise ConfigError(
            field,
            "{count} values are more than the {most} there is room for.",
            count=len(values),
            most=MOST_VALUES,
        )
    return values


def suggested(option: Option, value: Value) -> str:
    """Values around the one that holds, as the text that `values_of` reads."""
    if option.choices:
        values: Sequence[Value] = option.choices
    elif isinstance(value, bool):
        values = (False, True)
    elif isinstance(value, tuple):
        values = (tuple(max(1, width // 4) for width in value), value)
    else:
        values = _around(option, value)
    return " ".join(option.shown(each) for each in dict.fromkeys(values))


def _around(option: Option, value: Value) -> list[Value]:
    """A number, and less and more in one digit, as far as the option's range goes."""
    assert isinstance(value, int | float)
    middle = value or option.default or 1
    assert isinstance(middle, int | float)
    # What is off has no neighbours in proportion.
    wanted = [middle / FACTOR, middle, middle * FACTOR] if value else [0, middle / FACTOR, middle]
    if isinstance(option.default, int):
        wanted = [round(number) for number in wanted]
    low = -float("inf") if option.minimum is None else option.minimum
    high = float("inf") if option.maximum is None else option.maximum
    round_ones = (number if number == middle else float(f"{number:.1g}") for number in wanted)
    return [option.checked(min(max(number, low), high)) for number in round_ones]


def crossed(
    config: ExperimentConfig, across: tuple[str, Sequence[Value]], down: tuple[str, Sequence[Value]]
) -> list[ExperimentConfig]:
    """The configuration with each value of one option (`across`) and each of another (`down`), row by row.

    An option goes by its key, as in `config.with_`. Raises ConfigError for the same option twice, and for a
    value that its configuration cannot have.
    """
    (right, columns), (below, rows) = across, down
    if right == below:
        raise ConfigError(below, "choose two different options.")
    return [config.with_(**{right: column, below: row}) for row in rows for column in columns]
