"""What models do at codes, against arithmetic of our own in float64 and torch's own Jacobian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from perceptrons import through
from samples import batch_of

from aae_studio.core import fields
from aae_studio.core.metrics import HOLE_REACH
from aae_studio.core.models.base import Model
from aae_studio.core.models.wae import imq_mmd2
from aae_studio.core.registry import MODELS
from aae_studio.core.snapshot import FrozenModel

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 1, 4, 4)).astype(np.float32)
LABELS = np.arange(6) % 3
STEP = 1e-6


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def softplus(values: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(values))


def downhill(loss: Callable[[np.ndarray], np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Minus the gradient of a loss (n,) of each code (n, d), by central differences."""
    codes = codes.astype(np.float64)
    slope = np.zeros_like(codes)
    for axis in range(codes.shape[1]):
        step = np.zeros(codes.shape[1])
        step[axis] = STEP
        slope[:, axis] = (loss(codes + step) - loss(codes - step)) / (2 * STEP)
    return -slope


def frozen(model: Model) -> FrozenModel:
    """The model as a snapshot holds it."""
    for network in model.networks.values():
        network.requires_grad_(False)
    return FrozenModel("it", model)


def squared_error(model: Model, told: np.ndarray | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Of the decoder's images, per pixel and image."""

    def loss(codes: np.ndarray) -> np.ndarray:
        inputs = codes if told is None else np.concatenate([codes, told], axis=1)
        images = sigmoid(through(model.networks["decoder"], inputs))
        return ((images - IMAGES.reshape(6, -1)) ** 2).mean(axis=1)

    return loss


# Verdicts


@pytest.mark.parametrize("latent_size", [1, 2, 128])
def test_the_verdict_is_what_the_discriminator_says_in_units_of_sigma(make_model, latent_size: int) -> None:
    model = make_model("aae", latent_size=latent_size, sigma=2.5)
    codes = RNG.standard_normal((9, latent_size)).astype(np.float32)
    wanted = sigmoid(through(model.networks["discriminator"], codes / 2.5))[:, 0]
    np.testing.assert_allclose(fields.verdicts(frozen(model), codes), wanted, atol=1e-6)


def test_a_discriminator_that_is_told_labels_is_told_of_none(make_model) -> None:
    model = make_model("aae", prior="mixture", labels=30)
    codes = RNG.standard_normal((9, 2)).astype(np.float32)
    told = np.tile([1.0, 0, 0, 0], (9, 1))
    wanted = sigmoid(through(model.networks["discriminator"], np.concatenate([codes, told], axis=1)))[:, 0]
    np.testing.assert_allclose(fields.verdicts(frozen(model), codes), wanted, atol=1e-6)


def test_a_gans_discriminator_sees_what_is_decoded(make_model) -> None:
    model = make_model("gan")
    codes = RNG.standard_normal((9, 2)).astype(np.float32)
    images = sigmoid(through(model.networks["generator"], codes))
    wanted = sigmoid(through(model.networks["discriminator"], images))[:, 0]
    np.testing.assert_allclose(fields.verdicts(frozen(model), codes), wanted, atol=1e-6)


def test_where_styles_are_judged_the_head_that_suits_a_code_best_counts(make_model) -> None:
    model = make_model("reduction_aae", sigma=2.0)
    codes = RNG.standard_normal((9, 2)).astype(np.float32)
    heads = model.networks["heads"].weight.detach().double().numpy().T
    each = [through(model.networks["discriminator"], (codes - head) / 2.0)[:, 0] for head in heads]
    np.testing.assert_allclose(
        fields.verdicts(frozen(model), codes), sigmoid(np.max(each, axis=0)), atol=1e-6
    )


@pytest.mark.parametrize("name", ["ae", "vae", "wae"])
def test_who_has_no_discriminator_gives_no_verdict(make_model, name: str) -> None:
    model = frozen(make_model(name))
    assert not model.has_discriminator
    assert fields.verdicts(model, np.zeros((3, 2))) is None


# Forces


@pytest.mark.parametrize("latent_size", [1, 2, 7])
def test_reconstruction_pulls_down_the_error_of_each_image(make_model, latent_size: int) -> None:
    model = make_model("ae", latent_size=latent_size)
    found = fields.forces(frozen(model), IMAGES, LABELS)
    assert list(found) == ["reconstruction"]
    codes = through(model.networks["encoder"], IMAGES.reshape(6, -1))
    np.testing.assert_allclose(codes, frozen(model).encode(IMAGES), atol=1e-5)
    wanted = downhill(squared_error(model), codes)
    np.testing.assert_allclose(found["reconstruction"], wanted, atol=1e-6)
    assert np.abs(wanted).max() > 1e-4


def test_cross_entropy_is_a_mean_over_pixels(make_model) -> None:
    model = make_model("ae", reconstruction="bernoulli")

    def loss(codes: np.ndarray) -> np.ndarray:
        logits, x = through(model.networks["decoder"], codes), IMAGES.reshape(6, -1)
        return (x * softplus(-logits) + (1 - x) * softplus(logits)).mean(axis=1)

    wanted = downhill(loss, frozen(model).encode(IMAGES))
    np.testing.assert_allclose(
        fields.forces(frozen(model), IMAGES, LABELS)["reconstruction"], wanted, atol=1e-6
    )


def test_the_adversary_pulls_where_its_discriminator_says_real(make_model) -> None:
    model = make_model("aae", sigma=2.0, adversarial_weight=0.7)
    found = fields.forces(frozen(model), IMAGES, LABELS)
    judge = model.networks["discriminator"]
    codes = frozen(model).encode(IMAGES)
    wanted = downhill(lambda z: 0.7 * softplus(-through(judge, z / 2.0)[:, 0]), codes)
    np.testing.assert_allclose(found["adversarial"], wanted, atol=1e-6)
    np.testing.assert_allclose(found["reconstruction"], downhill(squared_error(model), codes), atol=1e-6)


def test_a_decoder_that_is_told_the_class_is_told_it_here_too(make_model) -> None:
    model = make_model("supervised_aae")
    wanted = downhill(squared_error(model, np.eye(3)[LABELS]), frozen(model).encode(IMAGES))
    np.testing.assert_allclose(
        fields.forces(frozen(model), IMAGES, LABELS)["reconstruction"], wanted, atol=1e-6
    )


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_the_kl_divergence_pulls_the_mean_to_the_priors(make_model, sigma: float) -> None:
    model = make_model("vae", sigma=sigma, beta=2.0, latent_size=3)
    it = frozen(model)
    found = fields.forces(it, IMAGES, LABELS)
    # The derivative of the closed form, whatever the noise: Kingma and Welling, appendix B.
    np.testing.assert_allclose(found["kl"], -2.0 * it.encode(IMAGES) / sigma**2 / 16, atol=1e-6)


def test_a_posteriors_force_is_a_mean_over_its_codes(make_model) -> None:
    model = make_model("vae", pixel_sigma=0.5)
    it = frozen(model)
    mean, log_variance = it.posterior(IMAGES)
    noise = torch.randn((1, 6, 2), generator=torch.Generator().manual_seed(fields.seed_for(0, "posterior")))
    offset = np.exp(0.5 * log_variance) * noise[0].numpy()
    error = squared_error(model)
    wanted = downhill(lambda z: (error(z + offset) + error(z - offset)) / 2 / (2 * 0.5**2), mean)
    np.testing.assert_allclose(fields.forces(it, IMAGES, LABELS)["reconstruction"], wanted, atol=1e-5)


def test_mmd_pulls_as_much_as_it_changes_for_all_codes_together(make_model) -> None:
    model = make_model("wae", mmd_weight=0.3)
    it = frozen(model)
    codes = torch.from_numpy(it.encode(IMAGES)).double()
    wanted = model.prior.sample(6, torch.Generator().manual_seed(0)).double()
    found = fields.forces(it, IMAGES, LABELS)["mmd"]
    for sample, axis in ((0, 0), (3, 1), (5, 0)):
        moved = []
        for side in (-1, 1):
            there = codes.clone()
            there[sample, axis] += side * STEP
            moved.append(float(imq_mmd2(there, wanted)))
        slope = 6 * 0.3 * (moved[1] - moved[0]) / (2 * STEP)
        assert found[sample, axis] == pytest.approx(-slope, abs=1e-4)


@pytest.mark.parametrize("name", ["ae", "wae", "aae", "supervised_aae"])
@pytest.mark.parametrize("reconstruction", ["mse", "bernoulli"])
def test_the_terms_are_what_the_phases_minimise(make_model, name: str, reconstruction: str) -> None:
    model = make_model(name, reconstruction=reconstruction)
    frozen(model)
    batch = batch_of(torch.from_numpy(IMAGES))
    model.prior_codes = lambda count: model.prior.sample(count, torch.Generator().manual_seed(0))
    objectives = [phase.loss(batch).objective for phase in model.phases if "encoder" in phase.trains]
    # The plain autoencoder alone minimises its cross-entropy per image.
    pixels = 16 if name == "ae" and reconstruction == "bernoulli" else 1
    terms = model.losses_at(model.encode(batch.images), batch.images, batch.labels)
    total = sum(term.mean() for term in terms.values())
    assert float(total) * pixels == pytest.approx(float(sum(objectives)), rel=1e-5)


@pytest.mark.parametrize("prior", ["gaussian", "ring"])
@pytest.mark.parametrize("reconstruction", ["mse", "bernoulli"])
def test_the_vaes_terms_are_its_objective_without_its_entropy(make_model, prior, reconstruction) -> None:
    model = make_model("vae", prior=prior, reconstruction=reconstruction, beta=3.0)
    frozen(model)
    batch = batch_of(torch.from_numpy(IMAGES))
    mean, log_variance = model.encoder.posterior(batch.images)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(1))
    model.noise_like = lambda tensor: noise
    # With the sampled estimate, q's density at z is what is left over.
    model.prior.kl_from_gaussian = lambda *moments: None
    codes = mean + (0.5 * log_variance).exp() * noise
    log_q = torch.distributions.Normal(mean, (0.5 * log_variance).exp()).log_prob(codes).sum(dim=1)
    terms = model.losses_at(codes, batch.images, batch.labels)
    total = sum(term.mean() for term in terms.values()) + 3.0 * log_q.mean() / 16
    assert float(total) == pytest.approx(float(model.elbo(batch).objective), rel=1e-5)


@pytest.mark.parametrize("name", MODELS.names())
def test_every_models_forces_are_finite_and_reconstruction_comes_first(make_model, name: str) -> None:
    found = fields.forces(frozen(make_model(name, latent_size=5)), IMAGES, LABELS)
    assert bool(found) == (name != "gan")
    assert list(found)[:1] == ["reconstruction"][: len(found)]
    for force in found.values():
        assert force.shape == (6, 5)
        assert force.dtype == np.float32
        assert np.isfinite(force).all()
        assert force.any()


# Posteriors


@pytest.mark.parametrize(
    ("name", "options", "has"),
    [
        ("ae", {}, False),
        ("gan", {}, False),
        ("vae", {}, True),
        ("aae", {}, False),
        ("aae", {"posterior": "gaussian"}, True),
        ("aae", {"posterior": "universal"}, False),
        ("clustering_aae", {"posterior": "gaussian"}, False),
    ],
)
def test_who_has_a_gaussian_posterior_and_nothing_else(make_model, name: str, options, has: bool) -> None:
    it = frozen(make_model(name, **options))
    assert it.has_posterior == has


@pytest.mark.parametrize("latent_size", [1, 2, 9])
def test_a_posteriors_ellipse_is_its_shadow_in_the_plane(latent_size: int) -> None:
    rng = np.random.default_rng(latent_size)
    basis = np.zeros((2, latent_size))
    basis[: min(2, latent_size)] = np.linalg.qr(rng.standard_normal((latent_size, latent_size)))[0][:2]
    log_variance = rng.standard_normal((4, latent_size)).astype(np.float32)
    lengths, directions = fields.posterior_axes(log_variance, basis)
    assert (lengths[:, 0] >= lengths[:, 1]).all()
    for row, size, axes in zip(log_variance.astype(np.float64), lengths, directions, strict=True):
        np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-6)
        # The variance in any direction of the plane, from the ellipse and from the code's own axes.
        for angle in np.linspace(0, np.pi, 7):
            direction = np.array([np.cos(angle), np.sin(angle)])
            ellipse = ((axes @ direction) ** 2 * size.astype(np.float64) ** 2).sum()
            across = direction @ basis
            assert ellipse == pytest.approx(float((across**2 * np.exp(row)).sum()), abs=1e-5)


# Holes


@pytest.fixture(scope="module")
def snapshot(build):
    return build(models=("ae", "gan", "supervised_aae")).snapshot()


def test_a_place_is_a_hole_by_distances_that_a_loop_finds(snapshot) -> None:
    it = snapshot.models["supervised_aae"]
    codes = RNG.standard_normal((5, 2)).astype(np.float32)
    conditions = np.array([0, 3, 3, 9, 1])
    found = fields.holes(snapshot, "supervised_aae", codes, 1.5, conditions)
    real = snapshot.probe_images[: fields.COMPARED].reshape(-1, 64).astype(np.float64)
    gaps = [np.sort(np.linalg.norm(real - image, axis=1))[1] for image in real]
    usual = np.quantile(gaps, 0.9)
    for place, code in enumerate(codes):
        image = it.decode(code[None], conditions[place])
        away = np.linalg.norm(it.encode(image)[0].astype(np.float64) - code)
        assert found.displaced[place] == pytest.approx(away / (HOLE_REACH * 1.5), rel=1e-4)
        nearest = min(np.linalg.norm(other - image.reshape(-1)) for other in real)
        assert found.unlike[place] == pytest.approx(nearest / usual, rel=1e-4)


def test_the_limit_grows_as_distances_do_with_the_number_of_axes(build) -> None:
    wide = build(models=("ae",), latent_size=8).snapshot()
    codes = RNG.standard_normal((3, 8)).astype(np.float32)
    away = np.linalg.norm(wide.models["ae"].encode(wide.models["ae"].decode(codes)) - codes, axis=1)
    found = fields.holes(wide, "ae", codes, 3.0)
    np.testing.assert_allclose(found.displaced, away / (HOLE_REACH * 3.0 * 2), rtol=1e-4)


def test_real_images_are_not_unlike_real_images(snapshot, monkeypatch) -> None:
    real = snapshot.probe_images[:40]
    monkeypatch.setattr(FrozenModel, "decode", lambda *_: real)
    found = fields.holes(snapshot, "gan", np.zeros((40, 2)), 1.0)
    assert found.displaced is None
    np.testing.assert_allclose(found.unlike, 0, atol=5e-3)


# Stretch


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ae", {"latent_size": 1}),
        ("vae", {"latent_size": 2}),
        ("gan", {"latent_size": 2, "image_shape": (3, 8, 8), "network": "conv"}),
        ("aae", {"latent_size": 128}),
        ("clustering_aae", {"latent_size": 3}),
        ("supervised_aae", {"latent_size": 2, "image_shape": (3, 6, 6)}),
    ],
)
def test_stretch_is_the_jacobians_singular_values_in_the_plane(make_model, name: str, changes) -> None:
    model = make_model(name, **changes)
    it, size = frozen(model), changes["latent_size"]
    rng = np.random.default_rng(1)
    basis = np.zeros((2, size), np.float32)
    basis[: min(2, size)] = np.linalg.qr(rng.standard_normal((size, size)))[0][:2]
    codes = rng.standard_normal((4, size)).astype(np.float32)
    condition = 1 if it.conditions else 0
    lengths, directions = fields.stretch(it, codes, basis, condition)
    told = it.one_hot(torch.tensor([condition]))
    for code, found, axes in zip(codes, lengths, directions, strict=True):
        whole = torch.autograd.functional.jacobian(
            lambda z: model.decode(z[None], told).flatten(), torch.from_numpy(code)
        )
        across = whole.double().numpy() @ basis.T.astype(np.float64)
        np.testing.assert_allclose(found, np.linalg.svd(across, compute_uv=False), atol=1e-5)
        # Along its own direction the image moves as fast as the singular value says.
        for speed, axis in zip(found, axes, strict=True):
            assert np.linalg.norm(across @ axis) == pytest.approx(speed, abs=1e-5)


def test_log_prior_is_the_priors_own(snapshot) -> None:
    codes = RNG.standard_normal((5, 2)).astype(np.float32)
    normal = torch.distributions.Normal(0.0, 1.0)
    wanted = normal.log_prob(torch.from_numpy(codes)).sum(dim=1)
    np.testing.assert_allclose(fields.log_prior(snapshot, codes), wanted, rtol=1e-5)
