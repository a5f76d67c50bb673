"""Evidence: what is known about one model at one step, for the diagnoses to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aae_studio.core import metrics
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Split
from aae_studio.core.metrics import Classifier
from aae_studio.core.snapshot import FIGURE_SIZE, Array, FrozenModel, Snapshot, sliced_distance

# Images, and samples of the prior, that a quantity is measured on at most, but for the distance to the prior,
# which is the one that a lane shows. A share of 500 is known to 0.02.
SIZE = 500

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What is known about one model at one step. Each quantity is worked out when it is first asked for.

    `config` is what the experiment was asked to be. `age` counts the steps since step 0 or the last change
    of options. `curves` holds the values of the model's curves in the last of these steps, the newest
    last, shape (steps,). `classifier` names generated images; None until it is trained.
    """

    name: str
    snapshot: Snapshot
    config: ExperimentConfig
    age: int
    curves: Mapping[str, Floats]
    classifier: Classifier | None = None

    @property
    def frozen(self) -> FrozenModel:
        return self.snapshot.models[self.name]

    def has(self, *curves: str) -> bool:
        """Whether the model reports all these curves, and has done so since the last change."""
        return all(len(self.curves.get(curve, ())) for curve in curves)

    # What the user chose

    def option(self, name: str) -> Any:
        """The model's option, or None where it has no such option."""
        return self.frozen.model.option.get(name)

    def default(self, name: str) -> Any:
        """What this option of the model is unless somebody changes it."""
        return next(option.default for option in self.frozen.model.options if option.name == name)

    # Reconstruction

    @cached_property
    def test_error(self) -> float:
        """Squared error per pixel of reconstructed test images, at least 0."""
        return self._error(self.snapshot.dataset.test)

    @cached_property
    def train_error(self) -> float:
        """The same of images that the model is trained on."""
        return self._error(self.snapshot.dataset.train)

    @cached_property
    def mean_image_error(self) -> float:
        """The same where every test image is "reconstructed" as the mean of the training images."""
        data = self.snapshot.dataset
        mean = data.to_unit(data.train.first(SIZE).images).mean(axis=0)
        return float(np.square(self._test_images - mean).mean())

    # Codes

    @cached_property
    def code_spread(self) -> float:
        """Greatest standard deviation of a code axis over test images, in the prior's σ; of z ~ q(z|x)."""
        return metrics.moments(self._drawn, self.snapshot.prior.sigma).std_greatest

    @cached_property
    def distance_to_prior(self) -> float:
        """Sliced Wasserstein-1 distance of test images' z ~ q(z|x) to the prior, in its σ, at least 0: the
        figure that `Snapshot.figures` gives."""
        wanted = torch.from_numpy(self.frozen.draw(FIGURE_SIZE)[0])
        return sliced_distance(self._drawn, wanted, self.snapshot.prior.sigma)

    @cached_property
    def hole_fraction(self) -> float:
        """Share of prior samples that come back elsewhere, from 0 to 1: `metrics.hole_fraction`."""
        codes, told = self._samples
        return metrics.hole_fraction(
            lambda images: torch.from_numpy(self.frozen.encode(images.numpy())),
            lambda codes: torch.from_numpy(self.frozen.decode(codes.numpy(), told)),
            torch.from_numpy(codes),
            self.snapshot.prior.sigma,
        )

    @cached_property
    def nats_per_axis(self) -> Floats | None:
        """What each code axis can tell about the image, in nats, shape (latent size,); None without q(z|x).

        KL(q(z_i|x) || N(m, s²)), a mean over test images, with m and s those of z_i over all of them: an
        upper bound on the mutual information I(x; z_i) (Hoffman and Johnson, "ELBO surgery", 2016, with a
        Gaussian in the place of the aggregated posterior). 0 where q(z_i|x) is the same for every image,
        whatever the prior; where q's aggregate has the moments of a Gaussian prior it is the KL to it.
        """
        posterior = self.frozen.posterior(self._test_images)
        if posterior is None:
            return None
        mean, log_variance = (torch.from_numpy(part).double() for part in posterior)
        variance = mean.var(dim=0, unbiased=False) + log_variance.exp().mean(dim=0)
        standard = (mean - mean.mean(dim=0)) / variance.sqrt()
        return metrics.kl_per_dimension(standard, log_variance - variance.log()).numpy()

    # Generated images

    @cached_property
    def class_shares(self) -> Floats | None:
        """Shares of the classes among decoded prior samples by the classifier's word; None without it."""
        if self.classifier is None:
            return None
        predicted = self.classifier.classify(torch.from_numpy(self.frozen.decode(*self._samples)))
        counts = torch.bincount(predicted, minlength=self.classifier.classes)
        return counts.double().numpy() / len(predicted)

    @cached_property
    def class_entropy(self) -> float | None:
        """Entropy of `class_shares` over log K, from 0 (one class) to 1 (equal shares)."""
        shares = self.class_shares
        if shares is None:
            return None
        there = shares[shares > 0]
        return float(-(there * np.log(there)).sum() / np.log(len(shares)))

    # Discriminator

    @property
    def discriminator_gap(self) -> float:
        """Mean D(real) - D(fake) over the last steps: 1 where D is always right, 0 where it cannot tell."""
        return float(self.curves["d_real"].mean() - self.curves["d_fake"].mean())

    @property
    def discriminator_offset(self) -> float:
        """How far the means of D(real) and D(fake) lie from ½, the greater of the two, from 0 to ½."""
        return max(abs(float(self.curves[name].mean()) - 0.5) for name in ("d_real", "d_fake"))

    @cached_property
    def _test_images(self) -> Array:
        data = self.snapshot.dataset
        return data.to_unit(data.test.first(SIZE).images)

    @cached_property
    def _drawn(self) -> Tensor:
        data = self.snapshot.dataset
        images = data.to_unit(data.test.first(FIGURE_SIZE).images)
        return torch.from_numpy(self.frozen.aggregated_posterior(images, self.frozen.encode(images)))

    @cached_property
    def _samples(self) -> tuple[Array, npt.NDArray[np.int64]]:
        return self.frozen.draw(SIZE)

    def _error(self, split: Split) -> float:
        part = split.first(SIZE)
        images = self.snapshot.dataset.to_unit(part.images)
        return float(np.square(self.frozen.reconstruct(images, part.labels) - images).mean())
