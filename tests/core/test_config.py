"""ExperimentConfig: checked on construction, the same after a trip through JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.errors import ConfigError, StudioError, UnknownName
from aae_studio.core.registry import DATASETS, MODELS, PRIORS

plugin_options = st.fixed_dictionaries(
    {},
    optional={
        "vae.beta": st.floats(0, 1000),
        "aae.discriminator_hidden": st.lists(st.integers(1, 8192), min_size=1, max_size=3).map(tuple),
        "aae.updates": st.sampled_from(("joint", "two-phase")),
        "shapes.color": st.booleans(),
        "gaussian.sigma": st.floats(0.01, 100),
    },
)

configurations = st.builds(
    ExperimentConfig,
    dataset=st.sampled_from(DATASETS.names()),
    prior=st.sampled_from(PRIORS.names()),
    models=st.lists(st.sampled_from(MODELS.names()), min_size=1, unique=True).map(tuple),
    seed=st.integers(0, 2**31 - 1),
    learning_rate=st.floats(1e-7, 1e4),
    rate_decay=st.floats(0, 100),
    batch_size=st.integers(2, 65536),
    latent_size=st.integers(1, 128),
    network=st.sampled_from(("mlp", "conv")),
    hidden=st.lists(st.integers(1, 8192), min_size=1, max_size=4).map(tuple),
    reconstruction=st.sampled_from(("mse", "bernoulli")),
    device=st.sampled_from(("cpu", "cuda", "mps")),
    precision=st.sampled_from(("auto", "float32", "bfloat16")),
    options=plugin_options,
)


@given(configurations)
def test_json_round_trip(config: ExperimentConfig) -> None:
    again = ExperimentConfig.from_json(config.to_json())
    assert again == config
    assert again.to_json() == config.to_json()
    for item in dataclasses.fields(config):
        assert type(getattr(again, item.name)) is type(getattr(config, item.name))
    for key, value in config.options.items():
        assert type(again.options[key]) is type(value)


def test_missing_fields_take_their_defaults() -> None:
    assert ExperimentConfig.from_json("{}") == ExperimentConfig()
    assert ExperimentConfig.from_json('{"seed": 3, "models": ["gan"]}') == ExperimentConfig(
        seed=3, models=("gan",)
    )


def test_every_option_is_a_field_with_the_same_default() -> None:
    fields = {item.name: item.default for item in dataclasses.fields(ExperimentConfig)}
    for option in OPTIONS:
        assert fields[option.name] == option.default


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0),
        ("rate_decay", -0.1),
        ("learning_rate", "fast"),
        ("batch_size", 1),
        ("batch_size", 2.5),
        ("latent_size", 0),
        ("latent_size", 129),
        ("network", "rnn"),
        ("hidden", []),
        ("hidden", 256),
        ("reconstruction", "l1"),
        ("device", "tpu"),
        ("precision", "int8"),
        ("seed", -1),
        ("seed", 2**31),
        ("models", []),
        ("models", ["ae", "ae"]),
        ("models", "ae"),
        ("models", [["ae"]]),
        ("models", {"ae": 1}),
        ("options", []),
        ("options", "vae.beta"),
    ],
)
def test_impossible_values_name_the_field(field: str, value: Any) -> None:
    with pytest.raises(ConfigError) as fault:
        ExperimentConfig.from_json(json.dumps({field: value}))
    assert fault.value.field == field
    assert str(fault.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dataset": "digts"}, "There is no dataset called “digts”. Did you mean digits?"),
        ({"prior": "gausian"}, "There is no prior called “gausian”. Did you mean gaussian?"),
        ({"models": ("vea",)}, "There is no model called “vea”. Did you mean "),
        ({"models": ("transformer",)}, "There are: aae, ae, clustering_aae, gan, "),
        ({"dataset": 7}, "There is no dataset called “7”"),
        ({"dataset": None}, "There is no dataset called “None”"),
        ({"prior": ["ring"]}, "There is no prior called"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnknownName) as fault:
        ExperimentConfig(**changes)
    assert sentence in str(fault.value)


def test_unknown_field_in_json() -> None:
    with pytest.raises(UnknownName, match=r"no option called “batchsize”\. Did you mean batch_size"):
        ExperimentConfig.from_json('{"batchsize": 3}')


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '"ae"', "null", "nonsense", "[" * 100_000, '{"seed": ' + "9" * 5000 + "}"],
)
def test_what_is_not_a_configuration(text: str) -> None:
    with pytest.raises(StudioError, match="not a configuration"):
        ExperimentConfig.from_json(text)


def test_a_number_beyond_floating_point() -> None:
    with pytest.raises(ConfigError, match=r"learning_rate: .* is not a finite number"):
        ExperimentConfig.from_json('{"learning_rate": 1' + "0" * 400 + "}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from([item.name for item in dataclasses.fields(ExperimentConfig)]),
)
def test_foreign_json_gives_a_configuration_or_a_sentence(value: Any, field: str) -> None:
    for text in (json.dumps(value), json.dumps({field: value})):
        try:
            config = ExperimentConfig.from_json(text)
        except StudioError as fault:
            sentence = str(fault)
        else:
            assert ExperimentConfig.from_json(config.to_json()) == config
            continue
        assert sentence


def test_with_changes_fields_and_plugin_options() -> None:
    config = ExperimentConfig(options={"vae.beta": 2.0})
    changed = config.with_(seed=4, **{"aae.r1": 0.5})
    assert (changed.seed, dict(changed.options)) == (4, {"vae.beta": 2.0, "aae.r1": 0.5})
    assert dict(config.options) == {"vae.beta": 2.0}
    assert dict(config.with_(options={}).options) == {}
    with pytest.raises(ConfigError):
        config.with_(seed=-1)


def test_a_configuration_keeps_its_own_options() -> None:
    given_options: dict[str, Any] = {"vae.beta": 2.0}
    config = ExperimentConfig(options=given_options)
    given_options["vae.beta"] = 9.0
    assert config.options["vae.beta"] == 2.0


def test_options_of_a_plugin() -> None:
    config = ExperimentConfig(options={"vae.beta": 2, "gan.r1": 7.0})
    values = config.options_of("vae", MODELS.get("vae").options)
    assert values == {"beta": 2.0, "annealing_steps": 0, "pixel_sigma": 0.25}
    assert type(values["beta"]) is float
    with pytest.raises(ConfigError, match=r"vae\.beta: -1 is below the least"):
        config.with_(**{"vae.beta": -1.0}).options_of("vae", MODELS.get("vae").options)
    with pytest.raises(UnknownName, match=r"vae\.betta.*vae\.beta"):
        config.with_(**{"vae.betta": 1.0}).options_of("vae", MODELS.get("vae").options)
