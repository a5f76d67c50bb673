"""What differs between two configurations, in words."""

from __future__ import annotations

import pytest

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.core.registry import MODELS, Registry
from aae_studio.ui import translation
from aae_studio.ui.state.difference import differences

BEFORE = ExperimentConfig(options={"vae.beta": 2.0})


@pytest.mark.parametrize(
    ("changes", "phrases"),
    [
        ({}, []),
        ({"seed": 3}, ["Seed 0 → 3"]),
        ({"hidden": (64,)}, ["Hidden layers 256,256 → 64"]),
        (
            {"dataset": "mnist", "prior": "mixture"},
            ["Dataset Digits → MNIST", "Prior Gaussian → 10 Gaussians"],
        ),
        ({"models": ("ae", "gan", "aae")}, ["+ GAN", "− VAE"]),
        # An option that is not named has its default.
        ({"options": {}}, ["VAE β 2 → 1"]),
        ({"gaussian.sigma": 5.0}, ["Prior σ 1 → 5"]),
        # Forty thousand numbers are nothing to read.
        ({"aae.labelled": "3,17-20"}, ["AAE Labelled images"]),
        ({"learning_rate": 1e-4, "aae.r1": 0.0}, ["Learning rate 0.001 → 0.0001", "AAE R1 penalty 0.1 → 0"]),
    ],
)
def test_differences_are_named_with_what_was_and_what_is(changes, phrases) -> None:
    assert differences(BEFORE, BEFORE.with_(**changes)) == phrases


def test_choices_are_in_the_users_language(qapp) -> None:
    translation.use("ko", qapp)
    try:
        found = differences(
            BEFORE, BEFORE.with_(network="conv", **{"aae.updates": "two-phase", "vae.beta": 4.0})
        )
    finally:
        translation.use("en", qapp)
    assert found == ["신경망 mlp → 합성곱", "VAE β 2 → 4", "AAE 갱신 함께 → 2단계"]


def test_there_and_back_say_the_opposite() -> None:
    after = BEFORE.with_(models=("ae", "vae"), seed=9)
    assert differences(after, BEFORE) == ["+ AAE", "Seed 9 → 0"]


def test_a_plug_in_that_cannot_be_loaded_is_called_by_its_name(monkeypatch) -> None:
    after = BEFORE.with_(models=(*BEFORE.models, "gan"), **{"gan.r1": 3.0})
    get = Registry.get

    def broken(registry: Registry, name: str) -> object:
        if registry is MODELS and name == "gan":
            raise StudioError("no")
        return get(registry, name)

    monkeypatch.setattr(Registry, "get", broken)
    assert differences(BEFORE, after) == ["+ gan"]
