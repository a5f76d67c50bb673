"""Sets of ids as texts, and the labels that are given away by hand."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import batch_of

from aae_studio.core import labelling
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import ConfigError, StudioError
from aae_studio.core.ids import IdsOption, read_ids, read_labels, written_ids, written_labels
from aae_studio.core.models.base import UNLABELLED
from aae_studio.core.registry import MODELS, PRIORS

OPTION = IdsOption("labelled", "Labelled", "", "Ids.", live=True)


@settings(deadline=None)
@given(st.sets(st.integers(0, 2**59) | st.integers(0, 40)))
def test_ids_come_back_from_their_text(ids: set[int]) -> None:
    text = written_ids(np.array(sorted(ids, reverse=True), np.int64))
    assert read_ids(text).tolist() == sorted(ids)
    assert OPTION.checked(text) == text == OPTION.parsed(OPTION.shown(text))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-1, 3)), max_size=30))
def test_labels_come_back_from_their_text_and_the_last_one_counts(pairs: list[tuple[int, int]]) -> None:
    text = written_labels([one for one, _ in pairs], [label for _, label in pairs])
    ids, classes = read_labels(text)
    assert dict(zip(ids.tolist(), classes.tolist(), strict=True)) == dict(pairs)
    assert OPTION.checked(text) == text
    whole = ",".join(f"{one}" if label < 0 else f"{one}={label}" for one, label in pairs)
    assert OPTION.checked(whole) == text


@settings(deadline=None)
@given(st.text("0123456789,-= x", max_size=14))
def test_any_text_is_ids_or_refused_by_name(text: str) -> None:
    try:
        checked = OPTION.checked(text, "aae.labelled")
    except ConfigError as fault:
        named = fault.field
    else:
        assert OPTION.checked(checked) == checked
        return
    assert named == "aae.labelled"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("3,x", "“x” is neither an id nor a range"),
        ("9-3", "“9-3” is neither"),
        ("-4", "“-4” is neither"),
        ("4=", "“4=” is neither"),
        ("4=-1", "“4=-1” is neither"),
        ("0-99999999999", "more than 1000000 ids"),
        (5, "5 is not ids"),
        ((1, 2), "is not ids"),
    ],
)
def test_what_is_no_set_of_ids(value: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as fault:
        OPTION.checked(value, "aae.labelled")
    assert fault.value.field == "aae.labelled"


def test_order_and_repetition_make_no_other_configuration() -> None:
    assert OPTION.checked("7, 5,6,,20-22,21") == "5-7,20-22"


# In the AAE


def by_hand(text: str) -> dict[str, object]:
    return {"prior": "mixture", "aae.labelling": "hand", "aae.labelled": text}


def test_the_discriminator_is_told_the_classes_of_the_chosen_images(make_model, monkeypatch) -> None:
    model = make_model("aae", prior="mixture", labelling="hand", labelled="1,4-5")
    asked: list[torch.Tensor] = []
    shown: list[torch.Tensor] = []

    def given_codes(labels: torch.Tensor, classes: int, generator: torch.Generator) -> torch.Tensor:
        asked.append(labels)
        return torch.zeros(6, 2)

    monkeypatch.setattr(model.prior, "sample_given", given_codes)
    network = model.networks["discriminator"]
    network.register_forward_hook(lambda _, inputs, __: shown.append(inputs[0]))
    model.discriminator(batch_of(torch.rand(6, 1, 4, 4)))
    # Labels are 0, 1, 2, 0, 1, 2 and ids 0 to 5.
    assert asked[0].tolist() == [UNLABELLED, 1, UNLABELLED, UNLABELLED, 1, 2]
    # Twice, for real and fake codes: behind two code axes one of “unlabelled”, 0, 1, 2.
    assert shown[0][:, 2:].argmax(dim=1).tolist() == 2 * [0, 2, 0, 0, 2, 3]
    assert (shown[0][:, 2:].sum(dim=1) == 1).all()


def test_a_label_can_be_another_class_than_the_datasets(make_model, monkeypatch) -> None:
    model = make_model("aae", prior="mixture", labelling="hand", labelled="0=9,1=0,3,4-5=2")
    asked: list[torch.Tensor] = []

    def given_codes(labels: torch.Tensor, classes: int, generator: torch.Generator) -> torch.Tensor:
        asked.append(labels)
        return torch.zeros(6, 2)

    monkeypatch.setattr(model.prior, "sample_given", given_codes)
    model.discriminator(batch_of(torch.rand(6, 1, 4, 4)))
    # The classes are 0, 1, 2, 0, 1, 2; there is no tenth.
    assert asked[0].tolist() == [UNLABELLED, 0, UNLABELLED, 0, 2, 2]


def test_hand_labels_of_the_counted_images_are_the_same_training_to_the_last_bit(build, digits) -> None:
    counted = build(models=("aae",), prior="mixture", **{"aae.labels": 60})
    ids = written_ids(digits.train.ids[labelling.labels_told(digits, counted.models["aae"].option, 0) >= 0])
    chosen = build(models=("aae",), **by_hand(ids))
    assert len(read_ids(ids)) == 60
    for one, other in islice(zip(counted.run(), chosen.run(), strict=True), 30):
        assert one.losses == other.losses


def test_labels_by_hand_are_taken_up_live_and_a_set_that_is_empty_is_allowed(build, digits) -> None:
    experiment = build(models=("aae",), **by_hand(""))
    plain = build(models=("aae",), **by_hand(""))
    run, other = experiment.run(), plain.run()
    for _ in range(3):
        assert next(run).losses == next(other).losses
    ids = written_ids(labelling.first_of_each_class(digits.train, 40, 0))
    config = experiment.config.with_(**{"aae.labelled": ids})
    assert experiment.accepts_live(config)
    experiment.change(config)
    assert next(run).losses != next(other).losses
    # Which network there is depends on whether there can be labels, so that starts again.
    assert not experiment.accepts_live(config.with_(**{"aae.labelling": "count"}))


def test_codes_go_to_the_parts_of_their_classes(build, digits) -> None:
    ids = written_ids(labelling.first_of_each_class(digits.train, 100, 0))
    quick = {"aae.adversarial_weight": 0.3, "aae.discriminator_rate": 1.0, "aae.discriminator_steps": 2}
    quick |= {"learning_rate": 3e-3, "aae.discriminator_hidden": (128, 128)}
    experiment = build(models=("aae",), hidden=(128,), batch_size=128, **by_hand(ids), **quick)
    before = labelling.own_shares(experiment.snapshot())
    for _ in islice(experiment.run(), 400):
        pass
    after = labelling.own_shares(experiment.snapshot())
    assert before is not None
    assert after is not None
    assert before.count == after.count == len(digits.test)
    assert before.whole < 0.25
    assert after.whole > 0.6
    assert after.labelled is not None
    assert after.labelled > 0.6
    # All of them are the mean of each class's, by how many there are.
    sizes = np.bincount(digits.test.labels)
    assert (after.each * sizes).sum() / sizes.sum() == pytest.approx(after.whole)


def test_there_is_nothing_to_say_without_parts_or_an_aae_and_it_rests_between_two_looks(build) -> None:
    assert labelling.own_shares(build(models=("aae",)).snapshot()) is None
    assert labelling.own_shares(build(models=("ae",), prior="mixture").snapshot()) is None
    experiment = build(models=("aae",), prior="mixture")
    question, first = labelling.RestingShares(), experiment.snapshot()
    seen = question(first, {})
    assert seen is not None
    assert seen.labelled is None
    question._due = float("inf")
    assert question(experiment.snapshot(), {}) is seen
    # Another prior is another question.
    experiment.change(experiment.config.with_(prior="ring"))
    assert question(experiment.snapshot(), {}) is not seen


def test_labels_by_hand_need_a_prior_with_parts(build) -> None:
    with pytest.raises(StudioError, match="“Gaussian” has no parts"):
        build(models=("aae",), **{**by_hand("1"), "prior": "gaussian"})


def test_who_is_labelled_is_what_a_batch_says(build, digits) -> None:
    for changes in ({"aae.labels": 25, "prior": "mixture"}, by_hand("3,40-90=4,95=11,100-120")):
        experiment = build(models=("aae",), seed=3, **changes)
        model = experiment.models["aae"]
        labels = labelling.labels_told(digits, model.option, 3)
        known = dict(zip(digits.train.ids.tolist(), labels.tolist(), strict=True))
        for step in range(experiment.steps_per_epoch):
            batch = experiment.batches.of_step(step)
            assert model._known_labels(batch).tolist() == [known[int(i)] for i in batch.ids]
        assert set(labels) > {UNLABELLED, 4}


def test_the_first_of_each_class(digits) -> None:
    ids = labelling.first_of_each_class(digits.train, 7, 5)
    labels = digits.train.labels[np.isin(digits.train.ids, ids)]
    assert np.bincount(labels).tolist() == [7] * 10
    # Those that the count would give labels first.
    counted = labelling.labels_told(digits, {"labelling": "count", "labels": 70}, 5) >= 0
    assert set(digits.train.ids[counted]) == set(ids)
    assert len(labelling.first_of_each_class(digits.train, 10_000, 5)) == len(digits.train)
    assert labelling.first_of_each_class(digits.train, 0, 5).size == 0


def test_own_parts_written_out() -> None:
    prior = PRIORS.get("mixture")(2)
    angles = 2 * np.pi * np.arange(10) / 10
    codes = 1.36 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = np.arange(10)
    labels[3] = 4
    assert labelling.own_parts(prior, codes, labels, 10).tolist() == [place != 3 for place in range(10)]


def test_the_option_is_saved_with_the_configuration() -> None:
    options = MODELS.get("aae").options
    config = ExperimentConfig(options={"aae.labelled": "7,5-6", "aae.labelling": "hand"})
    again = ExperimentConfig.from_json(config.to_json())
    assert again == config
    assert again.options_of("aae", options)["labelled"] == "5-7"
    with pytest.raises(ConfigError, match=r"aae\.labelled: “x” is neither"):
        config.with_(**{"aae.labelled": "x"}).options_of("aae", options)
