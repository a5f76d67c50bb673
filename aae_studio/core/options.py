"""Options: what an experiment, a model, a prior or a dataset lets the user choose.

They are rows of data. The form in the window, the flags of the command line and the checks of a
session on disk are all made from them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aae_studio.core.errors import ConfigError, UnknownName

Value = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True)
class Option:
    """One choice: its name, its default (whose type is the option's type), range and explanation.

    `minimum` and `maximum` are inclusive. `live` options change while training goes on, the others
    start the experiment again. `logarithmic` options are stepped by factors. A tuple holds layer
    widths: whole numbers, each within the range. What no row of a form can show has a `panel` of the
    window instead, by name. What is `rare` has a row that is folded away until it is asked for, or has
    another value than the default. `word` is what the command line's help calls a value.
    """

    name: str
    label: str
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False
    logarithmic: bool = False
    panel: str = ""
    rare: bool = False
    word: str = ""

    def checked(self, value: Any, field: str | None = None) -> Value:
        """Return `value` in the option's type.

        Raises ConfigError, which names `field`, when the type or the range does not fit.
        """
        field = field or self.name
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise ConfigError(field, "{value!r} is neither true nor false.", value=value)
            return value
        if isinstance(self.default, str):
            return self._checked_choice(value, field)
        if isinstance(self.default, tuple):
            return self._checked_widths(value, field)
        return self._checked_number(value, field)

    def parsed(self, text: str, field: str | None = None) -> Value:
        """Read the option from a command-line word such as `512,512`, `1e-3` or `true`."""
        field = field or self.name
        if isinstance(self.default, bool):
            words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            if text.lower() not in words:
                raise ConfigError(field, "{value!r} is neither true nor false.", value=text)
            return words[text.lower()]
        if isinstance(self.default, str):
            return self.checked(text, field)
        try:
            if isinstance(self.default, tuple):
                return self.checked(tuple(int(word) for word in text.split(",")), field)
            number = float(text)
        except ValueError:
            what = "whole numbers such as 256,256" if isinstance(self.default, tuple) else "a number"
            raise ConfigError(field, "{value!r} is not {what}.", value=text, what=what) from None
        return self.checked(number, field)

    def shown(self, value: Value) -> str:
        """The word for a value that `parsed` reads back."""
        if isinstance(value, tuple):
            return ",".join(str(width) for width in value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        return str(value)

    def _checked_choice(self, value: Any, field: str) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ConfigError(
                field,
                "{value!r} is not one of {known}.",
                value=value,
                known=", ".join(self.choices),
            )
        return value

    def _checked_widths(self, value: Any, field: str) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise ConfigError(field, "{value!r} is not a list of layer widths.", value=value)
        return tuple(int(self._checked_number(width, field, whole=True)) for width in value)

    def _checked_number(self, value: Any, field: str, whole: bool | None = None) -> int | float:
        whole = isinstance(self.default, int) if whole is None else whole
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(field, "{value!r} is not a number.", value=value)
        # Neither nan nor infinite, nor a whole number beyond floating point.
        if not abs(value) <= sys.float_info.max:
            raise ConfigError(field, "{value!r} is not a finite number.", value=value)
        if whole and value != int(value):
            raise ConfigError(field, "{value} is not a whole number.", value=value)
        if self.minimum is not None and value < self.minimum:
            raise ConfigError(
                field, "{value} is below the least, {bound}.", value=_shown(value), bound=_shown(self.minimum)
            )
        if self.maximum is not None and value > self.maximum:
            raise ConfigError(
                field,
                "{value} is above the greatest, {bound}.",
                value=_shown(value),
                bound=_shown(self.maximum),
            )
        return int(value) if whole else float(value)


def _shown(number: float) -> str:
    """A number as a person writes it: whole ones with all their digits."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else f"{number:g}"


def resolved(owner: str, declared: Iterable[Option], given: Mapping[str, Value]) -> dict[str, Value]:
    """Values of all options that `owner` declares: those given as `owner.option`, else the defaults.

    Raises ConfigError for a value out of range and UnknownName for an option it does not declare.
    """
    rows = {option.name: option for option in declared}
    prefix = owner + "."
    for key in given:
        if key.startswith(prefix) and key.removeprefix(prefix) not in rows:
            raise UnknownName("option", key, [prefix + name for name in rows])
    return {
        name: option.checked(given.get(prefix + name, option.default), prefix + name)
        for name, option in rows.items()
    }
