"""Evaluation: every figure of one trained model on its dataset's test split."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aae_studio.core import metrics
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.metrics import Classifier, Density
from aae_studio.core.networks import seed_for
from aae_studio.core.priors.base import Prior
from aae_studio.core.snapshot import Array, FrozenModel, distances_to_prior

# Codes and images that are compared with every other at most, and samples of the prior that are drawn.
PAIRED_SIZE = 5000
IMPORTANCE_SAMPLES = 50
# What the floors of figures in a lane were measured with.
LIVE_SIZE = 1000


@dataclass(frozen=True)
class Meaning:
    """What a figure is.

    `ideal` is its value where nothing is wrong. Even there, chance moves it: `floor` is what 95 of 100
    pairs of independent samples of one distribution keep to, 5 000 each as in an evaluation, and
    `live_floor` the same for 1 000 each, as in a lane (measured by `tests/benchmarks/noise_floors.py`: a
    Gaussian prior in two axes, ten equally likely classes, MNIST's images for precision, recall and
    coverage; 72 pairs of 5 000 and 360 of 1 000, so the last digit is not sure). With the 360 test images of
    the digits chance does more: SW1 to the prior then keeps to 0.10 in an evaluation and 0.11 in a lane,
    and is 0.07 and 0.08 in the median. None: the figure does not compare samples. `centre` is the value that
    the floors were measured around, where that is not 0. `higher`: more is better; None: neither is.
    """

    unit: str
    ideal: str
    source: str
    floor: float | None = None
    live_floor: float | None = None
    centre: float = 0.0
    higher: bool | None = False


FIGURES = {
    "recon_mse": Meaning(
        "squared pixel value, per pixel", "0", "Hinton and Salakhutdinov, Science 313, 2006"
    ),
    "recon_nats": Meaning(
        "nats per image",
        "the entropy of the grey levels: 45.5 on MNIST's test images, 13.7 on the digits'",
        "Kingma and Welling, arXiv 1312.6114, appendix C.1",
    ),
    "mmd_to_prior": Meaning("none", "0", "Gretton et al., JMLR 13, 2012, equation 3", 0.00015, 0.0007),
    "sw1_to_prior": Meaning("σ of the prior", "0", "Bonneel et al., JMIV 51, 2015", 0.036, 0.082),
    "code_mean": Meaning("σ of the prior", "0", "greatest |mean| of a code axis", 0.027, 0.072),
    "code_std_least": Meaning("σ of the prior", "1", "least deviation of a code axis", 0.978, 0.960, 1, None),
    "code_std_greatest": Meaning(
        "σ of the prior", "1", "greatest deviation of a code axis", 1.015, 1.043, 1, None
    ),
    "knn_accuracy": Meaning(
        "share of codes",
        "1; by chance the share of the largest class",
        "Cover and Hart, IEEE Transactions on Information Theory 13, 1967",
        0.108,
        0.120,
        0.1,
        True,
    ),
    "class_error": Meaning("share of images", "0", "Makhzani et al., arXiv 1511.05644, sections 5 to 7"),
    "hole_fraction": Meaning("share of prior samples", "0", "|E(Dec(z)) - z| > 0.5 σ"),
    "class_entropy": Meaning(
        "share of log K", "1", "Salimans et al., arXiv 1606.03498", 0.9993, 0.9964, 1, True
    ),
    "smallest_class": Meaning(
        "share of samples", "1/K", "Metz et al., arXiv 1611.02163", 0.090, 0.077, 0.1, True
    ),
    "precision": Meaning(
        "share of samples", "0.89", "Kynkäänniemi et al., arXiv 1904.06991", 0.878, 0.865, 0.89, True
    ),
    "recall": Meaning(
        "share of images", "0.89", "Kynkäänniemi et al., arXiv 1904.06991", 0.880, 0.866, 0.89, True
    ),
    "coverage": Meaning(
        "share of images", "0.969", "Naeem et al., arXiv 2002.09797", 0.964, 0.956, 0.969, True
    ),
    "kl": Meaning(
        "nats per image", "0 where codes tell nothing", "Kingma and Welling, arXiv 1312.6114", higher=None
    ),
    "active_units": Meaning("code axes", "all axes", "Burda et al., arXiv 1509.00519", higher=None),
    "elbo": Meaning(
        "nats per image", "log p(x)", "Kingma and Welling, arXiv 1312.6114, equation 2", higher=True
    ),
    "importance_weighted_bound": Meaning(
        "nats per image", "log p(x)", "Burda et al., arXiv 1509.00519, equation 8", higher=True
    ),
}


def evaluate(
    frozen: FrozenModel,
    prior: Prior,
    dataset: Dataset,
    classifier: Classifier | None = None,
    size: int | None = None,
    seed: int = 0,
    bounds: bool = True,
) -> dict[str, float]:
    """All figures of one model on the first `size` test images (None: all of them), by their names in
    `FIGURES`.

    A model has the figures that exist for it: without an encoder, none of codes; without a Gaussian
    posterior (and a prior whose density is positive everywhere), no bounds; without a classifier, none of
    generated images. Codes are held against the prior as samples of q(z|x), one an image; neighbours and
    holes are those of `encode`'s. `bounds`: the bounds too, which take longer than all else. Figures that
    compare codes or images pairwise take at most 5 000, shuffled, against as many samples of the prior.
    `seed` fixes all that is drawn. `size` ≥ 2.
    """
    split = dataset.test if size is None else dataset.test.first(size)
    images, labels = torch.from_numpy(dataset.to_unit(split.images)), torch.from_numpy(split.labels)
    draw = torch.Generator().manual_seed(seed_for(seed, "evaluation"))
    paired = torch.randperm(len(images), generator=draw)[:PAIRED_SIZE]
    samples, told = frozen.draw(min(PAIRED_SIZE, size or PAIRED_SIZE), seed)
    figures: dict[str, float] = {}
    if frozen.has_encoder:
        figures |= _of_codes(frozen, prior, images, labels, paired, samples, told, seed)
        clusters = frozen.cluster_classes(dataset)
        error = frozen.class_error(images.numpy(), labels.numpy(), clusters)
        figures |= {} if error is None else {"class_error": error}
    if classifier is not None:
        figures |= _of_generated(classifier, images[paired], torch.from_numpy(frozen.decode(samples, told)))
    return figures | (_of_posterior(frozen, prior, images, labels, draw) if bounds else {})


def chance(name: str, count: int) -> float | None:
    """How far chance moves the figure `name`, made from `count` images, where nothing is wrong: 95 of 100
    keep to it. None where `FIGURES` has no floor.

    Between and beyond the two sizes that were measured it follows the power law through them. With the 360
    codes of the digits that gives 0.14 σ for SW1 and 0.0019 for MMD²; against 1 000 samples 0.11 and 0.0017
    were measured, against 360 0.15 and 0.0026.
    """
    meaning = FIGURES[name]
    if meaning.floor is None or meaning.live_floor is None:
        return None
    far, near = abs(meaning.live_floor - meaning.centre), abs(meaning.floor - meaning.centre)
    power = math.log(far / near) / math.log(PAIRED_SIZE / LIVE_SIZE)
    return float(far * (LIVE_SIZE / count) ** power)


def classifier_for(dataset: Dataset, seed: int = 0) -> Classifier:
    """The classifier that judges generated images of this dataset; takes some seconds."""
    images = torch.from_numpy(dataset.to_unit(dataset.train.images))
    return metrics.train_classifier(
        images, torch.from_numpy(dataset.train.labels), len(dataset.classes), seed
    )


def _of_codes(
    frozen: FrozenModel,
    prior: Prior,
    images: Tensor,
    labels: Tensor,
    paired: Tensor,
    samples: Array,
    told: npt.NDArray[np.int64],
    seed: int,
) -> dict[str, float]:
    codes = frozen.encode(images.numpy())
    drawn = torch.from_numpy(frozen.aggregated_posterior(images.numpy(), codes, seed))
    decoded = torch.from_numpy(frozen.reconstruct(images.numpy(), labels.numpy()))
    wanted = torch.from_numpy(samples)
    mean, least, greatest = metrics.moments(drawn, prior.sigma)
    return {
        "recon_mse": metrics.mean_squared_error(decoded, images),
        "recon_nats": metrics.reconstruction_nats(metrics.logits_of(decoded), images),
        **distances_to_prior(drawn[paired], wanted, prior.sigma, seed),
        "code_mean": mean,
        "code_std_least": least,
        "code_std_greatest": greatest,
        "knn_accuracy": metrics.knn_accuracy(torch.from_numpy(codes)[paired], labels[paired]),
        "hole_fraction": metrics.hole_fraction(
            _in_tensors(frozen.encode),
            _in_tensors(lambda codes: frozen.decode(codes, told)),
            wanted,
            prior.sigma,
        ),
    }


def _of_generated(classifier: Classifier, images: Tensor, generated: Tensor) -> dict[str, float]:
    predicted = classifier.classify(generated)
    real = classifier.features(images)
    # As many as there are real ones: what these say depends on how many there are.
    features = classifier.features(generated[: len(images)])
    return {
        "class_entropy": metrics.class_entropy(predicted, classifier.classes),
        "smallest_class": metrics.smallest_share(predicted, classifier.classes),
        "precision": metrics.precision(real, features),
        "recall": metrics.recall(real, features),
        "coverage": metrics.coverage(real, features),
    }


def _of_posterior(
    frozen: FrozenModel, prior: Prior, images: Tensor, labels: Tensor, draw: torch.Generator
) -> dict[str, float]:
    posterior = frozen.posterior(images.numpy())
    # Where p(z) = 0 the KL divergence of a Gaussian is infinite.
    if posterior is None or not (prior.has_log_prob and prior.positive_everywhere):
        return {}
    mean, log_variance = (torch.from_numpy(part) for part in posterior)

    def weights(log_likelihood: Density) -> Tensor:
        return metrics.log_weights(
            mean, log_variance, log_likelihood, prior.log_prob, IMPORTANCE_SAMPLES, draw
        )

    divergence = prior.kl_from_gaussian(mean, log_variance)
    if divergence is None:
        divergence = -weights(lambda codes: codes.new_zeros(len(codes)))
    bounded = weights(_log_likelihood(frozen, images, labels))
    return {
        "kl": float(divergence.mean()),
        "active_units": float(metrics.active_units(mean, prior.sigma)),
        "elbo": metrics.evidence_lower_bound(bounded),
        "importance_weighted_bound": metrics.importance_weighted_bound(bounded),
    }


def _log_likelihood(frozen: FrozenModel, images: Tensor, labels: Tensor) -> Density:
    """log p(x|z) of the images: N(x; Dec(z), s²I) where squared errors were minimised with a pixel σ of s,
    else a Bernoulli per pixel, which a decoder's probabilities always are."""
    model = frozen.model
    with torch.inference_mode():
        told = model.condition_of(images, labels)
    # Where a decoder is told more than the code, what goes with each image.
    decode = _in_tensors(lambda codes: frozen.decode(codes, 0 if told is None else told.numpy()))
    if model.setting.reconstruction == "mse" and "pixel_sigma" in model.option:
        sigma = float(model.option["pixel_sigma"])
        return lambda codes: metrics.gaussian_log_likelihood(decode(codes), images, sigma)
    return lambda codes: metrics.bernoulli_log_likelihood(metrics.logits_of(decode(codes)), images)


def _in_tensors(function: Callable[[Array], Array]) -> Callable[[Tensor], Tensor]:
    """A function of arrays as one of tensors."""
    return lambda values: torch.from_numpy(function(values.numpy()))
