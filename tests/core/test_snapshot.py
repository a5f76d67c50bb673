"""Snapshots: frozen, in numpy, and the same as the models that they were taken from."""

from __future__ import annotations

import threading
from collections import Counter
from copy import deepcopy
from itertools import islice

import numpy as np
import pytest
import torch

from aae_studio.core import compute, metrics
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.evaluation import LIVE_SIZE, evaluate
from aae_studio.core.evidence import Evidence
from aae_studio.core.experiment import Experiment
from aae_studio.core.registry import MODELS
from aae_studio.core.snapshot import CHUNK, FrozenModel, Snapshot

EVERYONE = ("ae", "vae", "gan", "aae")
CODES = np.random.default_rng(0).standard_normal((7, 2))


@pytest.fixture
def trained(build):
    experiment = build(models=EVERYONE)
    list(islice(experiment.run(), 5))
    return experiment


def test_training_does_not_touch_a_snapshot(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    images = digits.to_unit(digits.test.images[:9])
    decoded = {name: frozen.decode(CODES) for name, frozen in snapshot.models.items()}
    encoded = {name: snapshot.models[name].encode(images) for name in ("ae", "vae", "aae")}
    figures = snapshot.figures("aae")
    list(islice(trained.run(), 5))
    trained.change(trained.config.with_(prior="ring"))
    assert snapshot.step == 5
    for name, frozen in snapshot.models.items():
        np.testing.assert_array_equal(frozen.decode(CODES), decoded[name])
        assert not np.array_equal(trained.snapshot().models[name].decode(CODES), decoded[name])
    for name, codes in encoded.items():
        np.testing.assert_array_equal(snapshot.models[name].encode(images), codes)
    assert snapshot.figures("aae") == figures
    assert snapshot.prior.title == "Gaussian"


def test_taking_a_snapshot_does_not_touch_training(build) -> None:
    plain, watched = build(models=EVERYONE), build(models=EVERYONE)
    for report, other in zip(islice(plain.run(), 5), watched.run(), strict=False):
        watched.snapshot().figures("aae")
        watched.snapshot().models["gan"].decode(CODES)
        assert report.losses == other.losses


@pytest.mark.parametrize("latent_size", [1, 5])
@pytest.mark.parametrize("name", EVERYONE)
def test_shapes_and_dtype(build, digits: Dataset, name: str, latent_size: int) -> None:
    frozen = build(models=(name,), latent_size=latent_size).snapshot().models[name]
    for count in (0, 1, CHUNK, CHUNK + 1):
        images = frozen.decode(np.zeros((count, latent_size)))
        assert images.shape == (count, 1, 8, 8)
        assert images.dtype == np.float32
    assert frozen.has_encoder == (name != "gan")
    if frozen.has_encoder:
        codes = frozen.encode(digits.to_unit(digits.test.images[:3]))
        assert codes.shape == (3, latent_size)
        assert codes.dtype == np.float32
    # Lists, foreign types and strides are fine.
    given = np.zeros((latent_size, 4), np.int32).T
    np.testing.assert_array_equal(frozen.decode(given), frozen.decode(given.tolist()))


def test_decode_and_encode_are_the_live_models(trained, digits: Dataset) -> None:
    trained.forget_averages()
    snapshot = trained.snapshot()
    images = digits.to_unit(digits.test.images[:20])
    for name, model in trained.models.items():
        frozen = snapshot.models[name]
        with torch.no_grad():
            wanted = model.decode(torch.from_numpy(CODES).float())
            np.testing.assert_array_equal(frozen.decode(CODES), wanted)
            if frozen.has_encoder:
                np.testing.assert_array_equal(frozen.encode(images), model.encode(torch.from_numpy(images)))


def test_large_arrays_are_cut_up_without_a_seam(trained) -> None:
    frozen = trained.snapshot().models["ae"]
    codes = np.random.default_rng(1).standard_normal((2 * CHUNK + 5, 2))
    whole = frozen.decode(codes)
    for place in (0, CHUNK - 1, CHUNK, 2 * CHUNK + 4):
        np.testing.assert_allclose(whole[place], frozen.decode(codes[place : place + 1])[0], atol=1e-6)


def test_a_snapshot_that_is_held_stays_as_it_is_and_others_are_reused(build) -> None:
    experiment = build(models=("ae", "aae"))
    run = experiment.run()

    def addresses(snapshot: Snapshot) -> set[int]:
        networks = [
            network for frozen in snapshot.models.values() for network in frozen.model.networks.values()
        ]
        return {weight.data_ptr() for network in networks for weight in network.parameters()}

    held, wanted, used = [], [], []
    for step in range(8):
        next(run)
        snapshot = experiment.snapshot()
        used.append(addresses(snapshot))
        if step % 3 == 0:
            held.append(snapshot)
            wanted.append({name: frozen.decode(CODES) for name, frozen in snapshot.models.items()})
        del snapshot
    for snapshot, images in zip(held, wanted, strict=True):
        for name, frozen in snapshot.models.items():
            np.testing.assert_array_equal(frozen.decode(CODES), images[name])
    assert not np.allclose(wanted[0]["ae"], wanted[-1]["ae"])
    # What nobody held was copied into again; what somebody held was not.
    assert used[2] == used[1]
    assert not used[0] & used[1]
    kept = [addresses(snapshot) for snapshot in held]
    assert not any(one & other for place, one in enumerate(kept) for other in kept[:place])


def test_nothing_in_a_snapshot_wants_gradients(trained) -> None:
    for name, frozen in trained.snapshot().models.items():
        assert frozen.model.phases == ()
        for part, network in frozen.model.networks.items():
            live = trained.models[name].networks[part]
            assert not network.training
            for copy, weight in zip(network.parameters(), live.parameters(), strict=True):
                assert not copy.requires_grad
                assert weight.requires_grad
                assert copy.data_ptr() != weight.data_ptr()


def test_lane_command_line_and_comparison_say_the_same_of_the_same_codes(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    for name in ("ae", "vae", "aae"):
        compared = evaluate(snapshot.models[name], snapshot.prior, digits, size=LIVE_SIZE, bounds=False)
        for live in (snapshot.figures(name), snapshot.figures(name, size=None)):
            for figure in ("recon_mse", "mmd_to_prior", "sw1_to_prior", "knn_accuracy"):
                assert getattr(live, figure) == pytest.approx(compared[figure], rel=1e-4), figure


def test_figures(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    images, labels = digits.to_unit(digits.test.images), digits.test.labels
    for name in ("ae", "vae", "aae"):
        frozen = snapshot.models[name]
        figures = snapshot.figures(name)
        assert (figures.count, figures.total) == (360, 360)
        codes = frozen.encode(images)
        error = ((frozen.decode(codes).astype(np.float64) - images) ** 2).mean()
        assert figures.recon_mse == pytest.approx(error, rel=1e-5)
        distances = ((codes[:, None].astype(np.float64) - codes) ** 2).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        nearest = np.argsort(distances, axis=1)[:, : metrics.NEIGHBOURS]
        votes = np.stack([np.bincount(labels[row], minlength=10) for row in nearest])
        assert figures.knn_accuracy == pytest.approx((votes.argmax(axis=1) == labels).mean(), abs=0.006)
        # What is held against the prior are samples of q(z|x).
        drawn = frozen.aggregated_posterior(images, codes)
        wanted = metrics.mmd2(torch.from_numpy(drawn), torch.from_numpy(snapshot.models[name].draw(1000)[0]))
        assert figures.mmd_to_prior == pytest.approx(wanted)
        deviations = drawn.astype(np.float64).std(axis=0, ddof=1)
        assert figures.code_mean == pytest.approx(np.abs(drawn.mean(axis=0)).max(), rel=1e-4)
        assert figures.code_std_least == pytest.approx(deviations.min(), rel=1e-4)
        assert figures.code_std_greatest == pytest.approx(deviations.max(), rel=1e-4)
        # Over all directions of the plane, evenly, in place of some drawn ones.
        apart = []
        for angle in np.linspace(0, np.pi, 180, endpoint=False):
            direction = np.array([np.cos(angle), np.sin(angle)])
            # Both as 9 000 steps of one staircase.
            pair = (
                np.repeat(np.sort(drawn @ direction), 25),
                np.repeat(np.sort(frozen.draw(1000)[0] @ direction), 9),
            )
            apart.append(np.abs(pair[0] - pair[1]).mean())
        assert figures.sw1_to_prior == pytest.approx(np.mean(apart), rel=0.1)
    part = snapshot.figures("ae", size=50)
    assert (part.count, part.total) == (50, 360)
    assert part.recon_mse != snapshot.figures("ae").recon_mse
    assert snapshot.figures("ae", size=None) == snapshot.figures("ae")


def test_the_class_error_is_the_share_of_wrong_answers(build) -> None:
    """Of classes as they are; of clusters, each of which answers like most training images in it."""
    names = ("ae", "semi_supervised_aae", "reduction_aae", "clustering_aae")
    experiment = build(models=names, averaging=0, **{"clustering_aae.clusters": 7})
    list(islice(experiment.run(), 3))
    head = experiment.models["clustering_aae"].networks["encoder"].category
    with torch.no_grad():
        head.bias[2] = -50
    snapshot, test = experiment.snapshot(), experiment.dataset.test
    images, labels = experiment.dataset.to_unit(test.images), test.labels
    assert snapshot.figures("ae").class_error is None
    for name in names[1:]:
        shares = snapshot.models[name].class_shares(images)
        answers = shares.argmax(axis=1)
        if name == "clustering_aae":
            train = experiment.dataset.train
            members = (
                snapshot.models[name].class_shares(experiment.dataset.to_unit(train.images)).argmax(axis=1)
            )
            counts = [Counter(train.labels[members == cluster].tolist()) for cluster in range(7)]
            # A cluster of no image has no class.
            named = [max(kinds, key=lambda kind: (kinds[kind], -kind), default=-1) for kinds in counts]
            assert named[2] == -1
            answers = np.array(named)[answers]
        wrong = sum(int(answer != label) for answer, label in zip(answers, labels, strict=True))
        figures = snapshot.figures(name)
        assert figures.class_error == pytest.approx(wrong / len(labels))
        assert figures.clusters == (tuple(named) if name == "clustering_aae" else ())


def test_conditions_of_images_are_told_or_found(build) -> None:
    names = ("ae", "supervised_aae", "semi_supervised_aae", "reduction_aae", "clustering_aae")
    snapshot = build(models=names).snapshot()
    test = snapshot.dataset.test.first(50)
    images = snapshot.dataset.to_unit(test.images)
    given = {name: snapshot.models[name].condition_of(images, test.labels) for name in names}
    assert given["ae"] is None
    assert given["reduction_aae"] is None, "its decoder is told the code alone"
    np.testing.assert_array_equal(given["supervised_aae"], test.labels)
    for name in ("semi_supervised_aae", "clustering_aae"):
        shares = snapshot.models[name].class_shares(images)
        np.testing.assert_array_equal(given[name], [row.tolist().index(max(row)) for row in shares])


def test_a_model_without_an_encoder_has_no_figures(trained) -> None:
    figures = trained.snapshot().figures("gan")
    assert len(figures.measured) == 8
    assert set(figures.measured.values()) == {None}
    assert (figures.count, figures.total) == (0, 360)


def test_the_posterior_is_the_encoders(build, digits: Dataset) -> None:
    experiment = build(models=("ae", "vae", "gan", "aae"))
    images = digits.to_unit(digits.test.images[:9])
    frozen = experiment.snapshot().models
    assert [frozen[name].posterior(images) for name in ("ae", "gan", "aae")] == [None] * 3
    gaussian = build(models=("aae",), **{"aae.posterior": "gaussian"}).snapshot().models["aae"]
    for name, one, model in (
        ("vae", frozen["vae"], experiment.models["vae"]),
        ("aae", gaussian, gaussian.model),
    ):
        mean, log_variance = one.posterior(images)
        wanted = model.networks["encoder"].posterior(torch.from_numpy(images))
        assert mean.dtype == log_variance.dtype == np.float32, name
        np.testing.assert_array_equal(mean, wanted[0].detach().numpy())
        np.testing.assert_array_equal(log_variance, wanted[1].detach().numpy())
        np.testing.assert_array_equal(mean, one.encode(images))


@pytest.mark.parametrize("name", ["vae", "aae", "supervised_aae", "reduction_aae"])
def test_samples_of_the_aggregated_posterior_lie_as_the_posterior_says(make_model, name: str) -> None:
    model = make_model(name, **({} if name == "vae" else {"posterior": "gaussian"}))
    frozen = FrozenModel(name, model)
    image = np.random.default_rng(3).random((1, 1, 4, 4), np.float32)
    # More than are worked out at a time.
    many = np.repeat(image, 4000, axis=0)
    with torch.no_grad():
        _, log_variance = model.networks["encoder"].posterior(torch.from_numpy(image))
    center, deviation = frozen.encode(image)[0], (0.5 * log_variance).exp().numpy()[0]
    drawn = frozen.aggregated_posterior(many, frozen.encode(many))
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(axis=0), center, atol=0.08)
    np.testing.assert_allclose(drawn.std(axis=0), deviation, rtol=0.05)
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    np.testing.assert_array_equal(drawn, frozen.aggregated_posterior(many, frozen.encode(many)))


def test_samples_of_a_universal_posterior_are_the_encoders_under_noise(make_model) -> None:
    model = make_model("aae", posterior="universal")
    image = np.random.default_rng(3).random((1, 1, 4, 4), np.float32)
    many = np.repeat(image, 4000, axis=0)
    frozen = FrozenModel("aae", model)
    drawn = frozen.aggregated_posterior(many, frozen.encode(many))
    noise = torch.randn(4000, model.encoder.noise, generator=torch.Generator().manual_seed(8))
    with torch.no_grad():
        features = model.encoder.trunk(torch.from_numpy(many))
        wanted = model.encoder.code(features, noise).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), wanted.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(drawn.std(axis=0), wanted.std(axis=0), rtol=0.1)
    assert drawn.std(axis=0).min() > 0


@pytest.mark.parametrize("name", ["ae", "wae", "aae", "clustering_aae"])
def test_where_the_encoder_is_deterministic_its_codes_are_the_samples(make_model, name: str) -> None:
    frozen = FrozenModel(name, make_model(name))
    images = np.random.default_rng(3).random((5, 1, 4, 4), np.float32)
    codes = frozen.encode(images)
    assert frozen.aggregated_posterior(images, codes) is codes


def test_the_seed_is_that_of_the_noise(make_model) -> None:
    frozen = FrozenModel("vae", make_model("vae"))
    images = np.random.default_rng(3).random((5, 1, 4, 4), np.float32)
    first, same, other = (
        frozen.aggregated_posterior(images, frozen.encode(images), seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, same)
    assert not np.isclose(first, other).any()


def collapsed(build) -> Snapshot:
    """A VAE with q(z|x) = p(z) whatever the image: all means in one point."""
    experiment = build(models=("vae",))
    encoder = experiment.models["vae"].networks["encoder"]
    with torch.no_grad():
        for head in (encoder.mean, encoder.log_variance):
            head.weight.zero_()
            head.bias.zero_()
    return experiment.snapshot()


def test_a_posterior_that_is_the_prior_is_as_near_to_it_as_can_be(build) -> None:
    """Held against the prior by its means alone, it would be as far away as one point is."""
    snapshot = collapsed(build)
    live = snapshot.figures("vae").measured
    settled = evaluate(snapshot.models["vae"], snapshot.prior, snapshot.dataset, bounds=False)
    for figures in (live, settled):
        # All codes in one point would be at 0.6 and at 0.8 σ.
        assert abs(figures["mmd_to_prior"]) <= 0.01
        assert figures["sw1_to_prior"] <= 0.2
        assert 0.9 <= figures["code_std_least"] <= figures["code_std_greatest"] <= 1.1
    evidence = Evidence("vae", snapshot, ExperimentConfig(), 100, {})
    assert evidence.distance_to_prior <= 0.2
    assert 0.9 <= evidence.code_spread <= 1.1


def test_distances_are_in_units_of_the_priors_sigma(build) -> None:
    """Codes that follow a wide prior are as good as codes that follow a narrow one."""
    experiment = build(models=("ae",), **{"gaussian.sigma": 50.0})
    snapshot = experiment.snapshot()
    # Untrained codes lie near 0: a point, beside a prior of 50.
    figures = snapshot.figures("ae")
    assert figures.mmd_to_prior > 0.5
    # E|N(0, 1)|, in units of the prior's σ.
    assert figures.sw1_to_prior == pytest.approx(0.8, abs=0.1)
    assert figures.code_std_greatest < 0.1


def test_prior_samples(trained) -> None:
    snapshot = trained.snapshot()
    codes, conditions = snapshot.models["ae"].draw(500)
    assert codes.shape == (500, 2)
    assert codes.dtype == np.float32
    assert not conditions.any()
    np.testing.assert_array_equal(codes, trained.snapshot().models["ae"].draw(500)[0])
    assert not np.array_equal(codes, snapshot.models["ae"].draw(500, seed=1)[0])
    assert abs(codes.std() - 1) < 0.1


def test_probe_images(trained, digits: Dataset) -> None:
    snapshot = trained.snapshot()
    assert snapshot.probe_images.shape == (1797, 1, 8, 8)
    assert snapshot.probe_images.max() == 1
    assert snapshot.probe_images is snapshot.probe_images


def test_another_thread_may_use_a_snapshot_while_training_goes_on(trained) -> None:
    snapshot = trained.snapshot()
    wanted = snapshot.models["aae"].decode(CODES)
    decoded: list[np.ndarray] = []

    def drag() -> None:
        decoded.extend(snapshot.models["aae"].decode(CODES) for _ in range(100))

    thread = threading.Thread(target=drag)
    thread.start()
    list(islice(trained.run(), 10))
    thread.join()
    assert len(decoded) == 100
    for images in decoded:
        np.testing.assert_array_equal(images, decoded[0])
    # Another thread may add up in another order.
    np.testing.assert_allclose(decoded[0], wanted, atol=1e-6)


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_codes_to_be_drawn_are_those_of_encode_whatever_the_model(
    digits: Dataset, network: str, precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "choose_precision", lambda name, device: precision)
    with_encoder = 0
    for name in MODELS.names():
        snapshot = Experiment(
            ExperimentConfig(models=(name,), network=network, hidden=(24,), precision="float32"), digits
        ).snapshot()
        frozen = snapshot.models[name]
        if not frozen.has_encoder:
            continue
        with_encoder += 1
        before = {part: deepcopy(net.state_dict()) for part, net in frozen.model.networks.items()}
        parts = [part[name] for part in snapshot.encoded(digits.everything)]
        assert [len(part) for part in parts] == [1024, 773]
        exact = frozen.encode(digits.to_unit(digits.everything.images))
        rough = np.concatenate(parts)
        assert rough.dtype == np.float32
        tolerance = 1e-5 if precision == torch.float32 else 0.02
        np.testing.assert_allclose(rough, exact, atol=tolerance * np.abs(exact).max())
        for part, state in before.items():
            after = frozen.model.networks[part].state_dict()
            assert list(after) == list(state), part
            for key, weight in after.items():
                assert weight.dtype == state[key].dtype, key
                assert torch.equal(weight, state[key]), f"{part}: {key} is the snapshot's own"
    assert with_encoder > 5
