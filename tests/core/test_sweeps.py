"""Sweeps: which options, which values, and the configurations that they make."""

from __future__ import annotations

import pytest

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import ConfigError, UnknownName
from aae_studio.core.options import Option
from aae_studio.core.registry import MODELS
from aae_studio.core.sweeps import crossed, suggested, swept_options, values_of

NUMBER = Option("rate", "Rate", 0.1, "", minimum=0.0, maximum=100.0)
WIDTHS = Option("hidden", "Hidden", (256, 256), "", minimum=1)
WORD = Option("network", "Network", "mlp", "", choices=("mlp", "conv"))
SWITCH = Option("on", "On", False, "")


@pytest.mark.parametrize(
    ("option", "text", "values"),
    [
        (NUMBER, "0.1 1 10", (0.1, 1.0, 10.0)),
        (NUMBER, "1e-3,2;  3", (0.001, 2.0, 3.0)),
        (WIDTHS, "64 256,256", ((64,), (256, 256))),
        (WIDTHS, "64;32,16", ((64,), (32, 16))),
        (WORD, "conv mlp", ("conv", "mlp")),
        (SWITCH, "false true", (False, True)),
    ],
)
def test_values_are_read_from_text(option, text, values) -> None:
    assert values_of(option, text, "x") == values


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (NUMBER, ""),
        (NUMBER, " ; ,"),
        (NUMBER, "1 nan"),
        (NUMBER, "1 -1"),
        (NUMBER, "1 101"),
        (NUMBER, "1 1.0"),
        (NUMBER, "1 2 3 4 5 6 7"),
        (NUMBER, "one"),
        (WIDTHS, "0,4"),
        (WORD, "rnn"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(option, text) -> None:
    with pytest.raises(ConfigError, match=r"^Column") as told:
        values_of(option, text, "Column")
    assert told.value.field == "Column"


@pytest.mark.parametrize("model", MODELS.names())
def test_every_suggestion_can_be_read_and_holds_the_present_value(model) -> None:
    options = swept_options(model)
    assert set(options) >= {option.name for option in OPTIONS} - {"device"}
    for option in options.values():
        values = values_of(option, suggested(option, option.default), option.name)
        assert option.default in values
        for extreme in (option.minimum, option.maximum):
            if isinstance(option.default, int | float) and extreme is not None:
                values_of(option, suggested(option, option.checked(extreme)), option.name)


def test_numbers_around_one_are_round_and_one_is_kept_as_it_is() -> None:
    assert suggested(NUMBER, 0.1) == "0.03 0.1 0.3"
    assert suggested(NUMBER, 0.125) == "0.04 0.125 0.4"
    assert suggested(NUMBER, 100.0) == "30 100"
    assert suggested(NUMBER, 0.0) == "0 0.03 0.1"


def test_an_unknown_model_has_nothing_to_sweep() -> None:
    with pytest.raises(UnknownName):
        swept_options("vaee")


def test_the_grid_is_row_by_row() -> None:
    base = ExperimentConfig(seed=4)
    made = crossed(base, ("vae.beta", (1.0, 2.0, 3.0)), ("batch_size", (16, 32)))
    assert [(c.options["vae.beta"], c.batch_size) for c in made] == [
        (beta, size) for size in (16, 32) for beta in (1.0, 2.0, 3.0)
    ]
    assert {config.seed for config in made} == {4}
    with pytest.raises(ConfigError):
        crossed(base, ("vae.beta", (1.0,)), ("vae.beta", (2.0,)))
    with pytest.raises(ConfigError, match="latent_size"):
        crossed(base, ("latent_size", (2, 999)), ("batch_size", (16,)))
