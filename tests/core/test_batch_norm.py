"""Batch normalisation in encoders: over the batch in training, over the batches of late for whoever looks."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from perceptrons import gelu

import aae_studio
from aae_studio.core import session
from aae_studio.core.errors import NonFinite, StudioError
from aae_studio.core.experiment import Experiment
from aae_studio.core.history import History
from aae_studio.core.models.base import Model
from aae_studio.core.networks import BatchNorm, NormalisedConv2d, NormalisedLinear, seeded
from aae_studio.core.parallel import Share
from aae_studio.core.recording import Recorder
from aae_studio.core.walk import walk_phase

Array = npt.NDArray[np.float64]
EPSILON = 1e-5


def normalised(features: Array, mean: Array, variance: Array, beta: Array) -> Array:
    """Features (n, k) by these statistics, plus β."""
    return (features - mean) / np.sqrt(variance + EPSILON) + beta


def norms_of(model: Model) -> list[BatchNorm]:
    return [norm for norms in model.norms.values() for norm in norms]


def by_batch(features: Array, beta: Array) -> Array:
    return normalised(features, features.mean(axis=0), features.var(axis=0), beta)


def array(tensor: torch.Tensor) -> Array:
    return tensor.detach().double().numpy()


class ByHand:
    """An encoder of perceptrons, and the statistics that it has seen."""

    def __init__(self, experiment: Experiment) -> None:
        (self._model,) = experiment.models.values()
        self._seen = 0
        self._sizes = [norm.mean.numel() for norm in norms_of(self._model)]
        self.means = [np.zeros(size) for size in self._sizes]
        self.variances = [np.ones(size) for size in self._sizes]

    def see(self, images: Array) -> None:
        """A batch (n, pixels), with the weights as they are, that is followed by an update."""
        self._seen += 1
        share = max(0.1, 1 / self._seen)
        for place, (weight, beta) in enumerate(self._layers()):
            outputs = images @ weight.T
            self.means[place] += share * (outputs.mean(axis=0) - self.means[place])
            self.variances[place] += share * (outputs.var(axis=0, ddof=1) - self.variances[place])
            images = gelu(by_batch(outputs, beta))

    def codes(self, images: Array) -> Array:
        """What whoever looks sees of images (n, pixels)."""
        statistics = zip(self.means, self.variances, strict=True)
        for (weight, beta), (mean, variance) in zip(self._layers(), statistics, strict=True):
            images = gelu(normalised(images @ weight.T, mean, variance, beta))
        weight, bias = map(array, list(self._model.networks["encoder"].parameters())[-2:])
        return images @ weight.T + bias

    def _layers(self) -> list[tuple[Array, Array]]:
        weights = [array(weight) for weight in self._model.networks["encoder"].parameters()][:-2]
        return list(zip(weights[::2], weights[1::2], strict=True))


def flat(images: npt.NDArray[np.float32]) -> Array:
    return images.reshape(len(images), -1).astype(np.float64)


def test_a_layer_in_training() -> None:
    layer = seeded(0, "layer", lambda: NormalisedLinear(6, 4))
    images = torch.randn(9, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)
    wanted = by_batch(array(images) @ array(layer.weight).T, array(layer.bias))
    np.testing.assert_allclose(layer(images).detach().numpy(), wanted, atol=1e-5)
    # Neither a shift nor a scale of what comes in is seen behind it.
    np.testing.assert_allclose(layer(3 * images + 2).detach().numpy(), wanted, atol=1e-4)


def test_a_convolution_in_training_is_normalised_channel_by_channel() -> None:
    layer = seeded(0, "layer", lambda: NormalisedConv2d(2, 3, kernel_size=3, stride=2, padding=1))
    images = torch.randn(5, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    plain = array(torch.nn.functional.conv2d(images, layer.weight, None, 2, 1))
    wanted = by_batch(plain.transpose(0, 2, 3, 1).reshape(-1, 3), array(layer.bias))
    found = layer(images).detach().numpy().transpose(0, 2, 3, 1).reshape(-1, 3)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_logits_of_clusters_are_spread_alike_whatever_the_encoder_norm(build) -> None:
    encoder = build(models=("clustering_aae",)).models["clustering_aae"].networks["encoder"]
    head, features = encoder.category, torch.rand(40, encoder.category.in_features)
    with torch.no_grad():
        head.bias[2] = 0.7
    logits = array(encoder.categories(features))
    np.testing.assert_allclose(
        logits, 2.5 * by_batch(array(features) @ array(head.weight).T, array(head.bias)), atol=1e-4
    )
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.bincount(shares.argmax(axis=1), minlength=16).max() < 12, "no cluster takes all"


def test_the_weights_are_those_without_it(build) -> None:
    plain, changed = (build(models=("aae",), encoder_norm=norm) for norm in ("none", "batch"))
    for name, network in plain.models["aae"].networks.items():
        others = changed.models["aae"].networks[name].named_parameters()
        pairs = zip(network.named_parameters(), others, strict=True)
        for (key, weight), (other_key, other) in pairs:
            assert key == other_key
            assert torch.equal(weight, other)


def test_who_looks_sees_by_the_batches_of_late(build, digits) -> None:
    experiment = build(models=("ae",), encoder_norm="batch", averaging=0, inputs="plain")
    by_hand, test = ByHand(experiment), digits.to_unit(digits.test.first(20).images)
    for step in range(12):
        by_hand.see(flat(experiment.batches.of_step(step).images.numpy()))
        next(experiment.run())
        frozen = experiment.snapshot().models["ae"]
        codes = frozen.encode(test)
        np.testing.assert_allclose(codes, by_hand.codes(flat(test)), atol=1e-4)
    # Whatever images it is among.
    np.testing.assert_allclose(frozen.encode(test[3:4]), codes[3:4], atol=1e-5)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_saved_session_encodes_and_decodes_without_its_dataset(build, digits, tmp_path: Path, network: str):
    experiment = build(models=("ae", "aae"), encoder_norm="batch", network=network)
    history = History()
    history.append(list(islice(experiment.run(), 6)))
    session.save(tmp_path / "run", experiment, history)
    run, frozen = aae_studio.load(tmp_path / "run"), experiment.snapshot().models
    images = digits.to_unit(digits.test.first(5).images)
    for name in ("ae", "aae"):
        codes = frozen[name].encode(images)
        np.testing.assert_array_equal(run.encode(images, name), codes)
        np.testing.assert_array_equal(run.decode(codes, name), frozen[name].decode(codes))


def test_a_batch_that_moves_no_weight_leaves_no_trace(build) -> None:
    """Neither what the discriminator's phase encodes, nor images that are moved, nor the few with labels."""
    experiment = build(
        models=("semi_supervised_aae",), encoder_norm="batch", **{"semi_supervised_aae.updates": "two-phase"}
    )
    model = experiment.models["semi_supervised_aae"]
    next(experiment.run())
    norms = norms_of(model)
    phases = model.phases
    for step, phase in enumerate(phases):
        before = [norm.mean.clone() for norm in norms]
        noted = [norm.batch_mean.clone() for norm in norms]
        model.phases = (phase,)
        experiment.train_step("semi_supervised_aae", experiment.batches.of_step(3 + step))
        moved = [not torch.equal(norm.mean, old) for norm, old in zip(norms, before, strict=True)]
        assert moved == [("encoder" in phase.trains and phase.updates and phase.typical)] * len(norms)
        kept = [torch.equal(norm.batch_mean, old) for norm, old in zip(norms, noted, strict=True)]
        assert kept == [phase.name in ("consistency", "classification")] * len(norms)


def test_a_phase_with_labels_alone_moves_no_statistics_also_after_a_restore(build, digits, tmp_path) -> None:
    """What it would follow, the last batch of all images, is no part of a session."""
    experiment = build(models=("semi_supervised_aae",), encoder_norm="batch")
    list(islice(experiment.run(), 20))
    session.save(tmp_path / "run", experiment, History(), figures={})
    restored, _ = session.restore(tmp_path / "run", tmp_path, dataset=digits)
    kept = []
    for each in (experiment, restored):
        # What the discriminator's phase encodes moves no weight of the encoder, and leaves no trace.
        walk_phase(each, "semi_supervised_aae", "category_discriminator")
        for _ in range(3):
            walk_phase(each, "semi_supervised_aae", "classification")
        norms = norms_of(each.models["semi_supervised_aae"])
        kept.append([part for norm in norms for part in (norm.mean, norm.variance)])
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(*kept, strict=True))
    assert all(part.abs().sum() > 0 for part in kept[0])


def test_a_snapshot_stays_as_it_is_while_training_goes_on(build, digits) -> None:
    experiment = build(models=("ae", "vae"), encoder_norm="batch", network="conv", hidden=(8,))
    test = digits.to_unit(digits.test.first(9).images)
    list(islice(experiment.run(), 3))
    first = experiment.snapshot()
    before = {name: frozen.encode(test) for name, frozen in first.models.items()}
    for _ in range(3):
        list(islice(experiment.run(), 2))
        later = experiment.snapshot()
        for name, codes in before.items():
            np.testing.assert_array_equal(first.models[name].encode(test), codes)
            assert not np.allclose(later.models[name].encode(test), codes)


def test_looking_does_not_touch_training(build) -> None:
    watched, alone = (build(models=("aae",), encoder_norm="batch") for _ in range(2))
    for _ in range(4):
        watched.snapshot()
        assert next(watched.run()).losses == next(alone.run()).losses


def test_a_single_labelled_image_trains(build) -> None:
    options = {"semi_supervised_aae.labels": 1, "semi_supervised_aae.discriminator_hidden": (8,)}
    experiment = build(models=("semi_supervised_aae",), encoder_norm="batch", **options)
    losses = [report.losses["semi_supervised_aae"] for report in islice(experiment.run(), 5)]
    assert all(np.isfinite(value) for step in losses for value in step.values())
    figures = experiment.snapshot().figures("semi_supervised_aae").measured
    assert all(np.isfinite(value) for value in figures.values() if value is not None)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_in_bfloat16(build, network: str) -> None:
    experiment = build(models=("vae",), encoder_norm="batch", network=network, precision="bfloat16")
    plain = build(models=("vae",), encoder_norm="batch", network=network)
    for lowered, full in zip(islice(experiment.run(), 5), islice(plain.run(), 5), strict=True):
        assert lowered.losses["vae"]["reconstruction"] == pytest.approx(
            full.losses["vae"]["reconstruction"], rel=0.02
        )


def test_two_batches_before_one_way_back() -> None:
    layer = seeded(0, "layer", lambda: NormalisedLinear(6, 4))
    first, second = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(1))
    (layer(first).pow(3).sum() + layer(second).pow(3).sum()).backward()
    both = layer.weight.grad.clone()
    layer.weight.grad = None
    for batch in (first, second):
        layer(batch).pow(3).sum().backward()
    torch.testing.assert_close(layer.weight.grad, both)


def test_a_recorded_step_that_is_held_back_leaves_no_trace(build) -> None:
    """A fault behind the encoder, whose statistics are sound."""
    for record in (None, lambda act, generator: act):
        experiment = build(models=("ae",), encoder_norm="batch")
        experiment.recorder = Recorder(record)
        list(islice(experiment.run(), 6))
        model = experiment.models["ae"]
        norms = norms_of(model)
        before = [(norm.mean.clone(), norm.variance.clone(), norm.count.clone()) for norm in norms]
        with torch.no_grad():
            next(model.networks["decoder"].parameters())[0, 0] = torch.nan
        with pytest.raises(NonFinite):
            next(experiment.run())
        for norm, (mean, variance, count) in zip(norms, before, strict=True):
            assert torch.equal(norm.mean, mean)
            assert torch.equal(norm.variance, variance)
            assert torch.equal(norm.count, count)


def test_a_share_of_other_rows_than_the_batch_is_refused() -> None:
    layer = NormalisedLinear(6, 4)
    layer.norm.share = Share(0, 3, 6, 0.5)
    with pytest.raises(StudioError, match="6 rows for 3 samples"):
        layer(torch.randn(6, 6))
