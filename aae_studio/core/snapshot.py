"""Snapshot: frozen, detached copies of an experiment's models on the CPU, for any thread to use."""

from __future__ import annotations

import copy
import dataclasses
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aae_studio.core import compute, metrics
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.models.base import Model, Networks
from aae_studio.core.networks import Encoder, ImageTrunk, seed_for
from aae_studio.core.priors.base import Prior

Array = npt.NDArray[np.float32]
# By model: networks of snapshots that nobody holds any more, for the next snapshot to be copied into.
Spares = defaultdict[str, list[Networks]]
CHUNK = 1024
# Codes and samples that a live figure is made from; more cost more than they tell.
FIGURE_SIZE = 1000
# Codes that are compared pairwise at most: memory grows with the square.
PAIRED_SIZE = 2000
# Labelled training images that name clusters.
NAMING_SIZE = 2000


def distances_to_prior(codes: Tensor, samples: Tensor, sigma: float, seed: int = 0) -> dict[str, float]:
    """MMD² and sliced Wasserstein-1 between codes (n, d) and samples of the prior (m, d), by figure."""
    return {
        "mmd_to_prior": metrics.mmd2(codes, samples, sigma),
        "sw1_to_prior": sliced_distance(codes, samples, sigma, seed),
    }


def sliced_distance(codes: Tensor, samples: Tensor, sigma: float, seed: int = 0) -> float:
    """The second of them alone, along directions that depend on the seed alone."""
    directions = torch.Generator().manual_seed(seed_for(seed, "directions"))
    return metrics.sliced_wasserstein1(codes, samples, sigma, generator=directions)


@dataclass(frozen=True)
class FrozenModel:
    """One model of a snapshot: numpy arrays in and out.

    The weights of `model` are its own for as long as somebody holds this object.
    """

    name: str
    model: Model

    @property
    def has_encoder(self) -> bool:
        """Whether images have a place in this model's latent space."""
        return "encoder" in self.model.networks

    @property
    def has_discriminator(self) -> bool:
        """Whether something tells real from fake here: codes, or what they are decoded to."""
        return "discriminator" in self.model.networks

    @property
    def random_encoder(self) -> bool:
        """Whether there is an encoder, and one image has many codes by it."""
        encoder = self.model.networks.get("encoder")
        return isinstance(encoder, Encoder) and encoder.random

    @property
    def has_posterior(self) -> bool:
        """Whether q(z|x) is a Gaussian, and all that there is to the code."""
        encoder = self.model.networks.get("encoder")
        return isinstance(encoder, Encoder) and encoder.log_variance is not None and encoder.category is None

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the decoder is told beside the code, by name: classes or clusters; mostly nothing."""
        return self.model.conditions

    def decode(self, codes: npt.ArrayLike, condition: npt.ArrayLike = 0) -> Array:
        """Images in [0, 1], float32 (n, C, H, W), from codes (n, latent size).

        `condition`: a place in `conditions`, one for all codes or (n,), or shares of each, (n, conditions).
        It counts only where there are any.
        """
        parts = _parts(codes)
        told: Sequence[Tensor | None] = [None] * len(parts)
        if self.conditions:
            told = torch.split(self.told(condition, sum(len(part) for part in parts)), CHUNK)
        with torch.inference_mode():
            images = [self.model.decode(part, known) for part, known in zip(parts, told, strict=True)]
            return _joined(images)

    def told(self, condition: npt.ArrayLike, count: int) -> Tensor:
        """Conditions as the decoder takes them, (count, conditions), from what `decode` takes."""
        given = np.asarray(condition)
        if given.ndim == 2:
            return torch.from_numpy(given).float()
        shares = self.one_hot(torch.from_numpy(np.broadcast_to(given.astype(np.int64), count).copy()))
        assert shares is not None
        return shares

    def encode(self, images: npt.ArrayLike) -> Array:
        """Codes, float32 (n, latent size), of images (n, C, H, W) in [0, 1].

        A probabilistic encoder gives the mean of q(z|x). Only where `has_encoder`.
        """
        with torch.inference_mode():
            codes: list[Tensor] = []
            for part in _parts(images):
                code = self.model.encode(part)
                assert code is not None
                codes.append(code)
            return _joined(codes)

    def aggregated_posterior(self, images: npt.ArrayLike, codes: Array, seed: int = 0) -> Array:
        """Samples of q(z): one z ~ q(z|x) for each image, float32 (n, latent size).

        This, and not the means, is what a VAE's KL divergence and an AAE's discriminator hold to the prior
        (Makhzani et al., arXiv 1511.05644, section 2). `codes`: what `encode` gives for these images, which
        is all that there is where the encoder is deterministic. The noise depends on the seed alone.
        """
        if not self.random_encoder:
            return codes
        generator = torch.Generator().manual_seed(seed_for(seed, "posterior"))
        drawn: list[Tensor] = []
        with torch.inference_mode():
            for part in _parts(images):
                some = self.model.sampled_codes(
                    part, lambda like: torch.randn(like.shape, generator=generator)
                )
                assert some is not None
                drawn.append(some)
            return _joined(drawn)

    def reconstruct(self, images: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
        """What the model makes of images (n, C, H, W) in [0, 1]. Only where `has_encoder`.

        `labels`: (n,), for a model that is told the class; no other looks at them.
        """
        whole = torch.from_numpy(np.asarray(labels, np.int64))
        rebuilt: list[Tensor] = []
        with torch.inference_mode():
            for part, classes in zip(_parts(images), torch.split(whole, CHUNK), strict=True):
                codes = self.model.encode(part)
                assert codes is not None
                rebuilt.append(self.model.decode(codes, self.model.condition_of(part, classes)))
            return torch.cat(rebuilt).float().numpy()

    def condition_of(self, images: npt.ArrayLike, labels: npt.ArrayLike) -> npt.NDArray[np.int64] | None:
        """The places in `conditions` that go with images (n, C, H, W) in [0, 1], (n,); None without any.

        A model that is told the class has them from `labels`, (n,); one that finds it out has the likeliest.
        """
        if not self.conditions:
            return None
        whole = torch.from_numpy(np.asarray(labels, np.int64))
        places: list[Tensor] = []
        with torch.inference_mode():
            for part, classes in zip(_parts(images), torch.split(whole, CHUNK), strict=True):
                shares = self.model.condition_of(part, classes)
                assert shares is not None
                places.append(shares.argmax(dim=1))
        return torch.cat(places).numpy()

    def class_shares(self, images: npt.ArrayLike) -> Array | None:
        """q(y|x), float32 (n, classes or clusters), of images (n, C, H, W); None where it looks for none."""
        with torch.inference_mode():
            parts = [self.model.class_shares(part) for part in _parts(images)]
            found = [shares for shares in parts if shares is not None]
            return torch.cat(found).float().numpy() if found else None

    def cluster_classes(self, dataset: Dataset) -> tuple[int, ...]:
        """The class that each cluster is named after: that of most of the first `NAMING_SIZE` training images
        which are in it, -1 where there are none. Empty for a model that finds no clusters.

        Makhzani et al. (arXiv 1511.05644, section 6) name a cluster after the image that is surest to be in
        it, so that one odd image names all others.
        """
        if self.model.finds != "clusters":
            return ()
        known = dataset.train.first(NAMING_SIZE)
        shares = self.class_shares(dataset.to_unit(known.images))
        assert shares is not None
        members, labels = torch.from_numpy(shares).argmax(dim=1), torch.from_numpy(known.labels)
        return tuple(metrics.cluster_names(members, labels, count=shares.shape[1]).tolist())

    def classes_found(self, images: npt.ArrayLike, clusters: Sequence[int]) -> npt.NDArray[np.int64] | None:
        """The class that the model finds in each image (n, C, H, W) in [0, 1], (n,); None for a model that
        looks for none.

        `clusters`: the class of each, which a model that finds clusters answers with.
        """
        shares = self.class_shares(images)
        if shares is None:
            return None
        answers: npt.NDArray[np.int64] = shares.argmax(axis=1)
        return np.array(clusters)[answers] if self.model.finds == "clusters" else answers

    def class_error(
        self, images: npt.ArrayLike, labels: npt.ArrayLike, clusters: Sequence[int]
    ) -> float | None:
        """Share of images (n, C, H, W) in [0, 1] whose class, `labels` (n,), is not the one that
        `classes_found` gives; None for a model that finds none."""
        found = self.classes_found(images, clusters)
        return None if found is None else float(np.mean(found != np.asarray(labels)))

    def taken_for(
        self, images: npt.ArrayLike, codes: Array, labels: npt.ArrayLike, clusters: Sequence[int]
    ) -> npt.NDArray[np.int64]:
        """The class that each image (n, C, H, W) in [0, 1] is taken for, (n,).

        What `classes_found` gives; where the model looks for nothing, what the nearest of the other `codes`
        (n, latent size) vote for, given the classes of all, `labels` (n,).
        """
        found = self.classes_found(images, clusters)
        if found is not None:
            return found
        known = torch.from_numpy(np.asarray(labels, np.int64))
        return metrics.knn_votes(torch.from_numpy(codes), known).numpy()

    def draw(self, count: int, seed: int = 0) -> tuple[Array, npt.NDArray[np.int64]]:
        """Codes of the generative model, float32 (count, latent size), and their conditions, (count,).

        z ~ p(z), all conditions equally likely; the same at every call with a seed.
        """
        generator = torch.Generator().manual_seed(seed_for(seed, "prior samples"))
        with torch.inference_mode():
            codes, told = self.model.draw(count, generator)
        places = torch.zeros(count, dtype=torch.int64) if told is None else told.argmax(dim=1)
        return codes.numpy(), places.numpy()

    def one_hot(self, places: Tensor) -> Tensor | None:
        """Conditions as a decoder takes them, (n, conditions), from their places (n,); None without any."""
        return F.one_hot(places, len(self.conditions)).float() if self.conditions else None

    def posterior(self, images: npt.ArrayLike) -> tuple[Array, Array] | None:
        """Mean and log-variance of q(z|x), each float32 (n, latent size), of images (n, C, H, W) in [0, 1].

        None for a model without a Gaussian posterior, or with more in its code than that.
        """
        if not self.has_posterior:
            return None
        encoder = self.model.networks["encoder"]
        assert isinstance(encoder, Encoder)
        with torch.inference_mode():
            parts = [encoder.posterior(part) for part in _parts(images)]
            mean, log_variance = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
        return mean, log_variance


@dataclass(frozen=True)
class Figures:
    """A lane's live figures, or None where a model without encoder has none.

    `count` is the number of test samples that they were made from, of `total`. What each one is stands in
    `evaluation.FIGURES`. `clusters`: what `cluster_classes` gives.
    """

    count: int
    total: int
    recon_mse: float | None = None
    mmd_to_prior: float | None = None
    sw1_to_prior: float | None = None
    code_mean: float | None = None
    code_std_least: float | None = None
    code_std_greatest: float | None = None
    knn_accuracy: float | None = None
    class_error: float | None = None
    clusters: tuple[int, ...] = ()

    @property
    def measured(self) -> dict[str, float | None]:
        """The figures by name, without what they were made from, and without the classes of clusters."""
        values = dataclasses.asdict(self)
        return {key: value for key, value in values.items() if key not in ("count", "total", "clusters")}


@dataclass(frozen=True)
class Snapshot:
    """Models as they were after `step`. Nothing in it changes any more."""

    step: int
    models: Mapping[str, FrozenModel]
    prior: Prior
    dataset: Dataset

    @classmethod
    def of(
        cls, models: Mapping[str, Model], prior: Prior, dataset: Dataset, step: int, spares: Spares
    ) -> Snapshot:
        """Copy the weights that the models show; later training does not touch the copies."""
        frozen = {name: _frozen(name, model, spares[name]) for name, model in models.items()}
        return cls(step, frozen, prior, dataset)

    @cached_property
    def probe_images(self) -> Array:
        """The probe subset's images in [0, 1], float32 (n, C, H, W)."""
        return self.dataset.to_unit(self.dataset.probe.images)

    def encoded(self, split: Split) -> Iterator[dict[str, Array]]:
        """Codes of many images to be drawn, by model, (k, latent size) for a part of the split at a time.

        In bfloat16 where this processor is faster at it: its codes are within some hundredths of their size.
        Models without encoder are left out.
        """
        precision = compute.choose_precision("auto", torch.device("cpu"))
        lowered = {
            name: _lowered(frozen.model, precision)
            for name, frozen in self.models.items()
            if frozen.has_encoder
        }
        for start in range(0, len(split), CHUNK):
            found = {}
            # What a model computes in float32 between its networks fits them again.
            mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16)
            with torch.inference_mode(), mixed:
                levels = torch.from_numpy(split.images[start : start + CHUNK])
                images = levels.to(precision).mul_(1.0 / self.dataset.levels)
                for name, model in lowered.items():
                    codes = model.encode(images)
                    assert codes is not None
                    found[name] = codes.float().numpy()
            yield found

    def figures(self, name: str, size: int | None = FIGURE_SIZE) -> Figures:
        """Figures of one model on the first `size` test samples (None: all of them).

        Codes are held against the prior as samples of q(z|x), one an image; neighbours are those of
        `encode`'s. Distances to the prior and kNN accuracy use at most 2 000 codes, and as many samples of
        the prior, but never fewer than 1 000: of the first 1 000 images they say what `evaluate` says of as
        many with the seed 0.
        """
        frozen, test = self.models[name], self.dataset.test
        if not frozen.has_encoder:
            return Figures(0, len(test))
        part = test if size is None else test.first(size)
        images = self.dataset.to_unit(part.images)
        codes, rebuilt = frozen.encode(images), frozen.reconstruct(images, part.labels)
        clusters = frozen.cluster_classes(self.dataset)
        drawn, sigma = torch.from_numpy(frozen.aggregated_posterior(images, codes)), self.prior.sigma
        with torch.inference_mode():
            pairs = torch.from_numpy(codes[:PAIRED_SIZE])
            wanted = torch.from_numpy(frozen.draw(max(len(pairs), FIGURE_SIZE))[0])
            mean, least, greatest = metrics.moments(drawn, sigma)
            return Figures(
                len(part),
                len(test),
                recon_mse=metrics.mean_squared_error(torch.from_numpy(rebuilt), torch.from_numpy(images)),
                **distances_to_prior(drawn[:PAIRED_SIZE], wanted, sigma),
                code_mean=mean,
                code_std_least=least,
                code_std_greatest=greatest,
                knn_accuracy=metrics.knn_accuracy(pairs, torch.from_numpy(part.labels[:PAIRED_SIZE])),
                class_error=frozen.class_error(images, part.labels, clusters),
                clusters=clusters,
            )


def _parts(values: npt.ArrayLike) -> tuple[Tensor, ...]:
    """The rows as float32 tensors of at most `CHUNK` rows, so that memory stays small."""
    rows = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    # What a drag decodes is one row: every call counts there.
    return (rows,) if len(rows) <= CHUNK else torch.split(rows, CHUNK)


def _joined(parts: list[Tensor]) -> Array:
    whole = parts[0] if len(parts) == 1 else torch.cat(parts)
    joined: Array = whole.float().numpy()
    return joined


def _frozen(name: str, model: Model, spares: list[Networks]) -> FrozenModel:
    """A copy that only decodes and encodes: networks on the CPU, without optimisers or phases."""
    try:
        networks = spares.pop()
    except IndexError:
        networks = {part: _detached(network) for part, network in model.shown.items()}
    else:
        with torch.no_grad():
            torch._foreach_copy_(_weights(networks), _weights(model.shown))
    twin = _twin(model, networks)
    twin.phases, twin.average = (), None
    frozen = FrozenModel(name, twin)
    # Fresh memory costs many times what copying into used memory does.
    weakref.finalize(frozen, spares.append, networks).atexit = False
    return frozen


def _lowered(model: Model, precision: torch.dtype) -> Model:
    """The model with networks of its own in another precision, which standardise by their weights."""
    networks = {part: copy.deepcopy(network) for part, network in model.networks.items()}
    for network in networks.values():
        for part in network.modules():
            if isinstance(part, ImageTrunk):
                part.absorb_scale()
        network.to(precision)
    return _twin(model, networks)


def _twin(model: Model, networks: Networks) -> Model:
    """The same model with these networks."""
    twin = copy.copy(model)
    twin.networks = networks
    # Of the networks before.
    vars(twin).pop("norms", None)
    return twin


def _weights(networks: Networks) -> list[Tensor]:
    return [weight for network in networks.values() for weight in (*network.parameters(), *network.buffers())]


def _detached(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).to("cpu").requires_grad_(False).eval()
