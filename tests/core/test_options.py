"""Options: checks that name the field, words of the command line, and defaults."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aae_studio.core.errors import ConfigError, UnknownName
from aae_studio.core.options import Option, resolved

REAL = Option("rate", "Rate", 1e-3, "A number.", minimum=1e-6, maximum=1e4)
WHOLE = Option("count", "Count", 8, "A whole number.", minimum=1, maximum=1000)
WIDTHS = Option("hidden", "Hidden", (8, 4), "Widths.", minimum=1, maximum=512)
CHOICE = Option("kind", "Kind", "mlp", "A word.", choices=("mlp", "conv"))
SWITCH = Option("color", "Colour", False, "Yes or no.")
ROWS = (REAL, WHOLE, WIDTHS, CHOICE, SWITCH)


def values_of(option: Option) -> st.SearchStrategy[Any]:
    return {
        "rate": st.floats(1e-6, 1e4),
        "count": st.integers(1, 1000),
        "hidden": st.lists(st.integers(1, 512), min_size=1, max_size=5).map(tuple),
        "kind": st.sampled_from(("mlp", "conv")),
        "color": st.booleans(),
    }[option.name]


@given(st.data())
@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.name)
def test_possible_values_pass_and_come_back_from_their_word(option: Option, data: st.DataObject) -> None:
    value = data.draw(values_of(option))
    assert option.checked(value) == value
    assert type(option.checked(value)) is type(option.default)
    assert option.parsed(option.shown(value)) == value


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(value=anything)
@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.name)
def test_any_value_passes_or_is_refused_by_name(option: Option, value: Any) -> None:
    try:
        checked = option.checked(value, "the.field")
    except ConfigError as fault:
        named, sentence = fault.field, str(fault)
    else:
        assert type(checked) is type(option.default)
        return
    assert named == "the.field"
    assert sentence.startswith("the.field: ")
    assert sentence.endswith(".")


@given(text=st.text(max_size=12) | st.floats().map(str) | st.integers().map(str))
@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.name)
def test_any_word_is_read_or_refused_by_name(option: Option, text: str) -> None:
    try:
        parsed = option.parsed(text)
    except ConfigError as fault:
        named = fault.field
    else:
        assert option.checked(parsed) == parsed
        return
    assert named == option.name


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        (REAL, "1e-3", "'1e-3' is not a number"),
        (REAL, True, "True is not a number"),
        (REAL, math.nan, "nan is not a finite number"),
        (REAL, math.inf, "inf is not a finite number"),
        (REAL, 10**400, "is not a finite number"),
        (REAL, 1e-9, "1e-09 is below the least, 1e-06"),
        (REAL, 2e4, "20000 is above the greatest, 10000"),
        (WHOLE, 2.5, "2.5 is not a whole number"),
        (WHOLE, 0, "0 is below the least, 1"),
        (WHOLE, None, "None is not a number"),
        (WIDTHS, (), r"\(\) is not a list of layer widths"),
        (WIDTHS, 8, "8 is not a list of layer widths"),
        (WIDTHS, (8, 0), "0 is below the least, 1"),
        (WIDTHS, (8, 2.5), "2.5 is not a whole number"),
        (WIDTHS, "8,4", "'8,4' is not a list of layer widths"),
        (CHOICE, "cnn", "'cnn' is not one of mlp, conv"),
        (CHOICE, ["mlp"], "is not one of mlp, conv"),
        (SWITCH, 1, "1 is neither true nor false"),
    ],
)
def test_impossible_values(option: Option, value: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"{option.name}: .*{reason}"):
        option.checked(value)


@pytest.mark.parametrize(
    ("option", "word", "value"),
    [
        (REAL, "1e-3", 0.001),
        (REAL, "5", 5.0),
        (WHOLE, "1e2", 100),
        (WIDTHS, "512", (512,)),
        (WIDTHS, "64, 32", (64, 32)),
        (CHOICE, "conv", "conv"),
        (SWITCH, "Yes", True),
        (SWITCH, "0", False),
    ],
)
def test_words(option: Option, word: str, value: Any) -> None:
    assert option.parsed(word) == value
    assert type(option.parsed(word)) is type(value)


@pytest.mark.parametrize(
    ("option", "word", "reason"),
    [
        (REAL, "fast", "'fast' is not a number"),
        (WHOLE, "2.5", "2.5 is not a whole number"),
        (WIDTHS, "64;32", "'64;32' is not whole numbers such as 256,256"),
        (WIDTHS, "", "'' is not whole numbers"),
        (SWITCH, "maybe", "'maybe' is neither true nor false"),
    ],
)
def test_impossible_words(option: Option, word: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"{option.name}: {reason}"):
        option.parsed(word)


def test_resolved_takes_what_is_given_and_defaults_for_the_rest() -> None:
    given_values = {"net.count": 3, "net.hidden": [7], "other.count": 9000, "netto.x": 1}
    assert resolved("net", ROWS, given_values) == {
        "rate": 1e-3,
        "count": 3,
        "hidden": (7,),
        "kind": "mlp",
        "color": False,
    }


def test_resolved_names_the_field_and_offers_the_nearest() -> None:
    with pytest.raises(ConfigError, match="above the greatest") as fault:
        resolved("net", ROWS, {"net.count": 1001})
    assert fault.value.field == "net.count"
    with pytest.raises(UnknownName, match=r"no option called “net\.cuont”\. Did you mean net\.count"):
        resolved("net", ROWS, {"net.cuont": 3})
