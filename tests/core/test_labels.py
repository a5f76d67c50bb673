"""Which images have labels, which part of a prior belongs to a class, and what models make of both."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import batch_of
from torch.distributions import Normal

from aae_studio.core import metrics
from aae_studio.core.batches import giving_order
from aae_studio.core.corruption import Corruption
from aae_studio.core.errors import StudioError
from aae_studio.core.losses import mutual_information
from aae_studio.core.models.base import UNLABELLED, Batch
from aae_studio.core.priors import mixture
from aae_studio.core.registry import PRIORS

WITH_PARTS = ("mixture", "swiss_roll", "ring")


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Who has a label


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 6), min_size=1, max_size=200),
    seed=st.integers(0, 100),
    turns=st.integers(1, 5),
)
def test_labels_are_given_away_class_by_class(labels: list[int], seed: int, turns: int) -> None:
    array = np.array(labels, np.int64)
    ranks = giving_order(array, seed)
    assert sorted(ranks) == list(range(len(labels)))
    np.testing.assert_array_equal(ranks, giving_order(array, seed))
    classes, counts = np.unique(array, return_counts=True)
    whole = min(turns, int(counts.min()))
    chosen = array[ranks < whole * len(classes)]
    assert np.unique(chosen, return_counts=True)[1].tolist() == [whole] * len(classes)


def test_another_seed_labels_other_images() -> None:
    labels = np.arange(1000) % 10
    one, other = giving_order(labels, 0) < 100, giving_order(labels, 1) < 100
    assert one.sum() == other.sum() == 100
    assert (one & other).sum() < 40


def test_known_labels_are_those_of_the_first_ranks() -> None:
    ranks = torch.tensor([7, 2, 0, 5])
    batch = Batch(torch.zeros(4, 1, 2, 2), torch.tensor([3, 1, 2, 0]), ranks, torch.arange(4))
    assert batch.known_labels(3).tolist() == [UNLABELLED, 1, 2, UNLABELLED]
    assert batch.known_labels(0).tolist() == [UNLABELLED] * 4
    assert batch.known_labels(8).tolist() == [3, 1, 2, 0]


def test_a_labelled_batch_holds_the_same_few_images_every_time(build, digits) -> None:
    batches = build(batch_size=32).batches
    few = {int(rank) for step in range(30) for rank in batches.labelled(step, 50).ranks}
    assert few == set(range(50))
    for step in range(3):
        batch = batches.labelled(step, 50)
        assert len(batch) == 32
        assert len(set(batch.ranks.tolist())) == 32
        assert torch.equal(batch.images, build(batch_size=32).batches.labelled(step, 50).images)
    assert not torch.equal(batches.labelled(0, 50).ranks, batches.labelled(1, 50).ranks)
    assert sorted(batches.labelled(4, 20).ranks.tolist()) == list(range(20))
    # Image, label and rank belong together, there and in the ordinary batches.
    ranks = giving_order(digits.train.labels, 0)
    images = digits.to_unit(digits.train.images)
    for batch in (batches.labelled(0, 50), batches.of_step(3)):
        for image, label, rank in zip(batch.images, batch.labels, batch.ranks, strict=True):
            place = int(np.flatnonzero(ranks == int(rank))[0])
            assert label == digits.train.labels[place]
            np.testing.assert_array_equal(image.numpy(), images[place])


# The parts of a prior


@pytest.mark.parametrize("name", WITH_PARTS)
@pytest.mark.parametrize(("classes", "sigma", "size"), [(10, 1.0, 2), (7, 5.0, 4)])
def test_codes_of_a_label_lie_in_its_part(name: str, classes: int, sigma: float, size: int) -> None:
    prior = PRIORS.get(name)(size, sigma)
    labels = torch.arange(classes).repeat(400)
    codes = prior.sample_given(labels, classes, source())
    assert codes.shape == (len(labels), size)
    # Stretches of a figure touch, and its thickness carries some codes over.
    assert (prior.part_of(codes, classes) == labels).float().mean() > (0.98 if name == "mixture" else 0.85)


@pytest.mark.parametrize("name", WITH_PARTS)
def test_all_labels_together_and_no_label_are_the_whole_prior(name: str) -> None:
    prior = PRIORS.get(name)(3, 2.0)
    plain = prior.sample(2000, source(1))
    for labels in (torch.arange(10).repeat(200), torch.full((2000,), UNLABELLED)):
        assert abs(metrics.mmd2(prior.sample_given(labels, 10, source(2)), plain, 2.0)) < 0.003


def test_a_component_of_the_mixture_written_out() -> None:
    prior = PRIORS.get("mixture")(2, 3.0)
    for label in (0, 3, 9):
        angle = 2 * math.pi * label / 10
        out = np.array([math.cos(angle), math.sin(angle)])
        codes = prior.sample_given(torch.full((20_000,), label), 10, source()).numpy() / 3.0
        along, across = codes @ out, codes @ np.array([-out[1], out[0]])
        assert along.mean() == pytest.approx(mixture.RADIUS, abs=0.01)
        assert along.std() == pytest.approx(mixture.ALONG, rel=0.03)
        assert across.mean() == pytest.approx(0, abs=0.005)
        assert across.std() == pytest.approx(mixture.ACROSS, rel=0.03)


@pytest.mark.parametrize("name", ["gaussian", "uniform"])
def test_a_prior_without_parts_says_so(name: str, make_model) -> None:
    prior = PRIORS.get(name)(2)
    with pytest.raises(StudioError, match="no parts"):
        prior.sample_given(torch.zeros(3, dtype=torch.int64), 3, source())
    with pytest.raises(StudioError, match="no parts"):
        prior.part_of(torch.zeros(3, 2), 3)
    with pytest.raises(StudioError, match=f"“{prior.title}” has no parts"):
        make_model("aae", prior=name, labels=10)
    make_model("aae", prior=name)


# The AAE with labels (section 2.3)


def judged(network: torch.nn.Module, codes: torch.Tensor, told: list[int], kinds: int) -> torch.Tensor:
    """D's logits with the class written behind each code by hand."""
    rows = torch.zeros(len(codes), kinds)
    for row, place in enumerate(told):
        rows[row, place] = 1
    return network(torch.cat([codes, rows], dim=1))


def test_the_discriminator_is_told_the_class_or_that_there_is_none(make_model, monkeypatch) -> None:
    model = make_model("aae", prior="mixture", sigma=2.0, labels=4, r1=0.0)
    batch = batch_of(torch.rand(6, 1, 4, 4, generator=source()))
    asked: list[torch.Tensor] = []
    codes = torch.randn(6, 2, generator=source())

    def given_codes(labels: torch.Tensor, classes: int, generator: torch.Generator) -> torch.Tensor:
        asked.append(labels)
        assert classes == 3
        return codes

    monkeypatch.setattr(model.prior, "sample_given", given_codes)
    losses = model.discriminator(batch)
    assert asked[0].tolist() == [0, 1, 2, 0, UNLABELLED, UNLABELLED]
    network, told = model.networks["discriminator"], [1, 2, 3, 1, 0, 0]
    real = torch.sigmoid(judged(network, codes / 2.0, told, 4))
    fake = torch.sigmoid(judged(network, model.encode(batch.images) / 2.0, told, 4))
    wanted = -0.5 * real.log().mean() - 0.5 * (1 - fake).log().mean()
    assert losses.objective.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert losses.figures["d_real"].item() == pytest.approx(real.mean().item(), rel=1e-5)
    fooled = model.generate(batch)
    assert fooled.figures["generator"].item() == pytest.approx(-fake.log().mean().item(), rel=1e-5)


# Supervised, semi-supervised, clustering, dimensionality reduction (sections 4 to 7)


def test_the_supervised_decoder_is_told_the_class(make_model) -> None:
    model = make_model("supervised_aae")
    assert model.conditions == ("a", "b", "c")
    batch = batch_of(torch.rand(6, 1, 4, 4, generator=source()))
    told = torch.eye(3)[batch.labels]
    pixels = torch.sigmoid(model.networks["decoder"](torch.cat([model.encode(batch.images), told], dim=1)))
    wanted = (pixels - batch.images).square().mean()
    assert model.reconstruction(batch).objective.item() == pytest.approx(wanted.item(), rel=1e-6)
    # D sees the style alone.
    assert model.networks["discriminator"][0].in_features == 2


def test_categorical_losses_written_out(make_model, monkeypatch) -> None:
    model = make_model("semi_supervised_aae", r1=0.0, adversarial_weight=0.3, category_weight=0.7)
    batch = batch_of(torch.rand(6, 1, 4, 4, generator=source()))
    drawn = torch.randn(6, 2, generator=source())
    monkeypatch.setattr(model, "prior_codes", lambda count: drawn)
    encoder, decoder = model.networks["encoder"], model.networks["decoder"]
    features = encoder.trunk(batch.images)
    logits, style = encoder.category(features), encoder.mean(features)
    shares = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    assert torch.allclose(model.class_shares(batch.images), shares, atol=1e-6)
    pixels = torch.sigmoid(decoder(torch.cat([style, shares], dim=1)))
    wanted = (pixels - batch.images).square().mean().item()
    assert model.reconstruction(batch).objective.item() == pytest.approx(wanted, rel=1e-5)
    style_judge, category_judge = model.networks["discriminator"], model.networks["category_discriminator"]
    real, fake = torch.sigmoid(style_judge(drawn)), torch.sigmoid(style_judge(style))
    wanted = (-0.5 * real.log().mean() - 0.5 * (1 - fake).log().mean()).item()
    assert model.discriminator(batch).objective.item() == pytest.approx(wanted, rel=1e-5)
    said = torch.sigmoid(category_judge(shares))
    figures = model.category_discriminator(batch).figures
    assert figures["category_d_fake"].item() == pytest.approx(said.mean().item(), rel=1e-5)
    fooled = model.generate(batch)
    wanted = (-0.3 * fake.log().mean() - 0.7 * said.log().mean()).item()
    assert fooled.objective.item() == pytest.approx(wanted, rel=1e-5)
    entropy = -shares[torch.arange(6), batch.labels].log().mean()
    classified = model.classification(batch)
    assert classified.figures["cross_entropy"].item() == pytest.approx(entropy.item(), rel=1e-5)
    assert classified.objective.item() == pytest.approx(0.1 * entropy.item(), rel=1e-5)


@pytest.mark.parametrize("clusters", [2, 5])
def test_mutual_information_of_categories(clusters: int) -> None:
    """Against the definition, pair by pair; and where it is known."""
    alike = torch.randn(40, clusters, generator=source())
    first, second = (3 * alike + torch.randn(2, 40, clusters, generator=source(1))).softmax(dim=2)
    joint = np.zeros((clusters, clusters))
    for a, b in zip(first.double().numpy(), second.double().numpy(), strict=True):
        joint += (np.outer(a, b) + np.outer(b, a)) / 80
    marginal = joint.sum(axis=0)
    wanted = sum(
        joint[i, j] * math.log(joint[i, j] / (marginal[i] * marginal[j])) for i, j in np.ndindex(joint.shape)
    )
    assert mutual_information(first, second).item() == pytest.approx(wanted, rel=1e-4)
    each = torch.eye(clusters).repeat(8, 1)
    assert mutual_information(each, each).item() == pytest.approx(math.log(clusters), rel=1e-4)
    assert mutual_information(each, each.roll(1, dims=1)).item() > 0
    # All in one, or nothing known of any.
    for nothing in (torch.eye(clusters)[:1].repeat(8, 1), torch.full((8, clusters), 1 / clusters)):
        shares = nothing.clone().requires_grad_()
        information = mutual_information(shares, nothing)
        assert information.item() == pytest.approx(0, abs=1e-6)
        (gradient,) = torch.autograd.grad(information, shares)
        assert gradient.isfinite().all()


def test_mutual_information_of_many_clusters_and_of_pairs_that_never_come() -> None:
    each = torch.eye(128)
    assert mutual_information(each, each).item() == pytest.approx(math.log(128), rel=1e-5)
    # Of two clusters, and of 6 of 128 in turn, no image is in both at once.
    for clusters in (2, 128):
        shares = torch.eye(clusters)[torch.arange(12) % min(clusters, 6)].requires_grad_()
        information = mutual_information(shares, shares.detach())
        assert information.item() == pytest.approx(math.log(min(clusters, 6)), rel=1e-5)
        (gradient,) = torch.autograd.grad(information, shares)
        assert gradient.isfinite().all()


def test_bfloat16_leaves_consistency_alone(make_model) -> None:
    """Its products would lose small shares, and moved images their places."""
    alike = torch.randn(40, 9, generator=source())
    first, second = (4 * alike + torch.randn(2, 40, 9, generator=source(1))).softmax(dim=2)
    model = make_model("clustering_aae", image_shape=(1, 28, 28))
    images = torch.rand(5, 1, 28, 28, generator=source())

    def found() -> tuple[float, torch.Tensor]:
        model.reseed(0)
        return mutual_information(first, second).item(), model.moved(images)

    wanted, moved = found()
    with torch.autocast("cpu", torch.bfloat16):
        information, again = found()
    assert information == wanted
    assert torch.equal(again, moved)


def test_consistency_compares_an_image_with_itself_moved(make_model, monkeypatch) -> None:
    model = make_model("clustering_aae", image_shape=(1, 8, 8), clusters=4, consistency_weight=0.3)
    clean, noisy = torch.rand(2, 6, 1, 8, 8, generator=source())
    batch = replace(batch_of(clean), corrupted=noisy)
    numbers, drawn = torch.randn(6, 6, generator=source(1)), []
    monkeypatch.setattr(model, "noise_like", lambda tensor: (drawn.append(tensor.shape), numbers)[1])
    # What the encoder is given, corruption and all, and the clean image moved.
    there = model.class_shares(Corruption("affine", 0.3).of(clean, numbers))
    wanted = math.log(4) - mutual_information(model.class_shares(noisy), there)
    losses = model.consistency(batch)
    assert drawn == [(6, 6)]
    assert losses.figures["consistency"].item() == pytest.approx(wanted.item(), rel=1e-5)
    assert losses.objective.item() == pytest.approx(0.3 * wanted.item(), rel=1e-5)


@pytest.mark.parametrize("updates", ["joint", "two-phase"])
def test_without_weight_the_step_is_the_papers(build, updates: str) -> None:
    """Consistency is a figure then, and moves nothing; with weight, it goes with the discriminators."""
    name = "clustering_aae"

    def trained(weight: float, *without: str) -> list[torch.Tensor]:
        options = {"updates": updates, "consistency_weight": weight}
        experiment = build(models=(name,), **{f"{name}.{key}": value for key, value in options.items()})
        model = experiment.models[name]
        optimizers = {phase.name: phase.optimizer for phase in model.phases}
        assert optimizers["consistency"] is optimizers["generator"]
        model.phases = tuple(phase for phase in model.phases if phase.name not in without)
        losses = [experiment.train_step(name, experiment.batches.of_step(step)) for step in range(3)]
        assert all(0 < row.get("consistency", 1) < math.log(16) for row in losses)
        return model.parameters(model.networks)

    paper, figure, other = trained(0.0, "consistency"), trained(0.0), trained(0.5)
    assert all(map(torch.equal, paper, figure))
    assert not all(map(torch.equal, paper, other))


@pytest.mark.parametrize("name", ["semi_supervised_aae", "clustering_aae", "reduction_aae", "supervised_aae"])
def test_no_gradient_of_a_discriminator_reaches_another_network(make_model, name: str) -> None:
    model = make_model(name)
    batch = batch_of(torch.rand(6, 1, 4, 4, generator=source()))
    for phase in model.phases:
        if "discriminator" in phase.name:
            others = model.parameters(set(model.networks) - set(phase.trains))
            gradients = torch.autograd.grad(phase.loss(batch).objective, others, allow_unused=True)
            assert gradients == (None,) * len(others)


def test_real_categories_are_one_hot_and_equally_likely(make_model) -> None:
    model = make_model("clustering_aae", clusters=5)
    assert model.conditions == ("1", "2", "3", "4", "5")
    _, told = model.draw(5000, source())
    assert set(told.unique().tolist()) == {0.0, 1.0}
    assert (told.sum(dim=1) == 1).all()
    assert told.mean(dim=0).numpy() == pytest.approx(np.full(5, 0.2), abs=0.02)


@pytest.mark.parametrize("seed", [0, 1])
def test_clusters_are_soon_found(build, seed: int) -> None:
    """Half of all digits had the wrong cluster here, as long as one cluster could take all at the start."""
    experiment = build(models=("clustering_aae",), hidden=(256, 256), batch_size=128, seed=seed)
    for _ in islice(experiment.run(), 300):
        pass
    snapshot, data = experiment.snapshot(), experiment.dataset
    assert snapshot.figures("clustering_aae").class_error < 0.32
    # Shares that become softer again lose what was found.
    images = data.to_unit(data.test.images)
    shares = snapshot.models["clustering_aae"].class_shares(images)
    assert shares.max(axis=1).mean() > 0.84
    # Of images that are moved 0.6 have the cluster that they had, if nothing makes categories consistent.
    numbers = torch.randn(len(images), 6, generator=source())
    moved = Corruption("affine", 0.3).of(torch.from_numpy(images), numbers).numpy()
    again = snapshot.models["clustering_aae"].class_shares(moved).argmax(axis=1)
    assert (again == shares.argmax(axis=1)).mean() > 0.8


def test_few_labels_teach_all(build, digits) -> None:
    """With 100 labels of 1 437 the classes of unseen digits are found far above chance."""
    experiment = build(models=("semi_supervised_aae",), hidden=(128,), batch_size=128)
    run = experiment.run()
    for _ in range(300):
        report = next(run)
    assert report.losses["semi_supervised_aae"]["cross_entropy"] < 0.1
    frozen = experiment.snapshot().models["semi_supervised_aae"]
    found = frozen.class_shares(digits.to_unit(digits.test.images)).argmax(axis=1)
    assert (found == digits.test.labels).mean() > 0.8


def test_the_reduced_code_is_head_plus_style(make_model) -> None:
    model = make_model("reduction_aae", sigma=2.0, head_distance=4.0)
    images = torch.rand(6, 1, 4, 4, generator=source())
    encoder, heads = model.networks["encoder"], model.networks["heads"].weight
    features = encoder.trunk(images)
    shares, style = encoder.category(features).softmax(dim=1), encoder.mean(features)
    wanted = torch.stack(
        [sum(shares[i, k] * heads[:, k] for k in range(3)) + style[i] for i in range(len(images))]
    )
    codes = model.encode(images)
    torch.testing.assert_close(codes, wanted)
    pixels = torch.sigmoid(model.networks["decoder"](codes))
    error = (pixels - images).square().mean().item()
    gaps = [math.dist(heads[:, i].tolist(), heads[:, j].tolist()) / 2.0 for i, j in ((0, 1), (0, 2), (1, 2))]
    crowding = sum(max(0.0, 4.0 - gap) for gap in gaps) / 3
    losses = model.reconstruction(batch_of(images))
    assert losses.objective.item() == pytest.approx(error + crowding, rel=1e-5)
    assert losses.figures["reconstruction"].item() == pytest.approx(error, rel=1e-5)
    # Codes of the generative model lie around the heads.
    drawn, nothing = model.draw(30_000, source())
    assert nothing is None
    assert drawn.mean(dim=0).detach().numpy() == pytest.approx(heads.mean(dim=1).detach().numpy(), abs=0.05)


# Other posteriors and penalties


def test_the_universal_posterior_is_noise_put_through_the_encoder(make_model) -> None:
    model = make_model("aae", posterior="universal")
    images = torch.rand(4, 1, 4, 4, generator=source())
    assert torch.equal(model.encode(images), model.encode(images))
    features = model.encoder.trunk(images)
    one, other = (model.encoder.sampled(features, model.noise_like) for _ in range(2))
    assert not torch.allclose(one, other)
    noise = torch.zeros(4, model.encoder.noise)
    torch.testing.assert_close(model.encoder.code(features, noise), model.encode(images))


def test_imq_mmd_is_the_double_sum() -> None:
    from aae_studio.core.models.wae import SCALES, imq_mmd2

    codes, wanted = torch.randn(9, 3, generator=source()) + 0.4, torch.randn(9, 3, generator=source(1))

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        gap = sum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True))
        return sum(2 * 3 * s / (2 * 3 * s + gap) for s in SCALES)

    total = 0.0
    for i in range(9):
        for j in range(9):
            if i != j:
                total += (kernel(codes[i], codes[j]) + kernel(wanted[i], wanted[j])) / 72
            total -= 2 * kernel(codes[i], wanted[j]) / 81
    assert imq_mmd2(codes, wanted).item() == pytest.approx(total, rel=1e-4)
    # Where two codes are the same, too, there is a slope.
    codes[1] = codes[0]
    codes.requires_grad_(True)
    (slope,) = torch.autograd.grad(imq_mmd2(codes, wanted), codes)
    assert torch.isfinite(slope).all()
    step = torch.zeros_like(codes)
    step[0, 0] = 1e-2
    with torch.no_grad():
        difference = (imq_mmd2(codes + step, wanted) - imq_mmd2(codes - step, wanted)) / 2e-2
    assert slope[0, 0].item() == pytest.approx(difference.item(), abs=2e-3)


def test_beta_rises_in_a_straight_line(make_model) -> None:
    images = torch.rand(6, 1, 4, 4, generator=source())
    model = make_model("vae", beta=2.0, annealing_steps=10)
    for step, wanted in ((0, 0.0), (1, 0.2), (5, 1.0), (10, 2.0), (99, 2.0)):
        model.reseed(step)
        losses = model.elbo(batch_of(images))
        # The reconstruction's share of the objective, then β · KL over the pixels.
        nats = losses.figures["reconstruction"] / (2 * 0.25**2)
        mean, log_variance = model.encoder.posterior(images)
        kl = torch.distributions.kl_divergence(
            Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros(6, 2), torch.ones(6, 2))
        ).sum(dim=1)
        objective = nats + wanted * kl.mean() / 16
        assert losses.objective.item() == pytest.approx(objective.item(), rel=1e-5)
