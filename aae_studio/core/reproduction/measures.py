"""How each bar is measured: one function a bar, from a laboratory to figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aae_studio.core import metrics
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Split
from aae_studio.core.experiment import Experiment
from aae_studio.core.reproduction.laboratory import HeldOut, Laboratory

Measure = Callable[[Laboratory], dict[str, float]]

# Protocol P: MNIST, 784-400-400-2 and its mirror, batch 128, 5 epochs, in float32 on every machine.
PROTOCOL = ExperimentConfig(dataset="mnist", hidden=(400, 400), batch_size=128, precision="float32")
EPOCHS = 5
# The prior's σ of the paper on MNIST.
SIGMA: dict[str, Any] = {"gaussian.sigma": 5.0}
# What bars that were chosen with it keep: the papers' activation, and images as they are.
FORMER: dict[str, Any] = {"activation": "relu", "inputs": "plain"}
# Chosen on held-out images, with ReLU and plain inputs: with a weaker adversary, 10 000 labels do not undo
# the parts that codes without labels have chosen among themselves.
INFORMED: dict[str, Any] = {"aae.adversarial_weight": 0.3, "aae.discriminator_hidden": (400, 400)}
# Chosen on held-out images: with R1 at 1 or D no faster than the generator, classes come and go for longer.
FORGER: dict[str, Any] = {"gan.r1": 10.0, "gan.discriminator_rate": 2.0, **FORMER}
# Eight axes need a stronger adversary than two: with the default one axis kept a fifth of its σ for an epoch.
# With batch normalisation, noise and a falling rate the likelihood of held-out images is 11 nats higher.
BROAD: dict[str, Any] = {
    "encoder_norm": "batch",
    "noise_strength": 0.3,
    "rate_decay": 0.2,
    "aae.adversarial_weight": 0.1,
    "aae.discriminator_rate": 1.0,
    "aae.discriminator_hidden": (400, 400),
    **FORMER,
}
# For the paper's categorical models (section 5): its two layers of 1000, ten axes of style, batches of 100.
# All else was chosen on held-out images: nats leave much for the category to tell, noise keeps the labelled
# images from being learnt by heart, a style held firmly to its prior cannot tell the class, and with batch
# normalisation classes and clusters are found in fewer epochs.
CATEGORICAL = PROTOCOL.with_(
    hidden=(1000, 1000),
    latent_size=10,
    batch_size=100,
    precision="auto",
    encoder_norm="batch",
    reconstruction="bernoulli",
    noise_strength=0.3,
    rate_decay=0.2,
    **FORMER,
)
STYLE_WEIGHT, CATEGORY_WEIGHT = 0.3, 0.3
# With labels, inputs that are moved in place of noisy ones, which the paper does not do: an image says which
# others are of its class, and the error falls in far fewer epochs. The falling rate lets it settle.
# Clusters are moved less: images say by themselves which others are of their kind.
MOVED: dict[str, Any] = {"noise": "affine", "noise_strength": 0.5, "rate_decay": 2.0}
GAN_EPOCHS, PARZEN_EPOCHS, SEMI_SUPERVISED_EPOCHS, REDUCTION_EPOCHS = 10, 100, 20, 20
# The error of 30 clusters on held-out images is lower after 30 epochs than after 15.
CLUSTERING_EPOCHS = {16: 15, 30: 30}
# Generated images of each class whose class is then asked of the classifier.
ASKED = 500
# Labelled training images that name the clusters.
NAMING_SIZE = 10_000
# Batches on which a trained discriminator is asked.
JUDGED = 50


def autoencoder(lab: Laboratory) -> dict[str, float]:
    """The AE under protocol P."""
    return lab.evaluate(lab.trained("ae", PROTOCOL.with_(models=("ae",)), EPOCHS), "ae")


def variational(lab: Laboratory) -> dict[str, float]:
    """The VAE with a Bernoulli decoder under protocol P."""
    config = PROTOCOL.with_(models=("vae",), reconstruction="bernoulli")
    figures = lab.evaluate(lab.trained("vae", config, EPOCHS), "vae")
    return figures | {"bce_plus_kl": -figures["elbo"]}


def adversarial(lab: Laboratory) -> dict[str, float]:
    """The AAE with the prior's σ at 5 beside the AE, on the same batches."""
    experiment = lab.trained("aae", PROTOCOL.with_(models=("ae", "aae"), **SIGMA), EPOCHS)
    plain = lab.evaluate(experiment, "ae")
    figures = lab.evaluate(experiment, "aae", generated=True)
    return figures | {
        "mse_over_ae": figures["recon_mse"] / plain["recon_mse"],
        # The unbiased estimate may be 0 or below: its noise floor stands in for it.
        "ae_mmd_over_aae": plain["mmd_to_prior"] / max(figures["mmd_to_prior"], 1e-4),
    }


def long_run(epochs: int) -> Measure:
    """The AAE trained without end: the worst of every epoch from the second on."""

    def measure(lab: Laboratory) -> dict[str, float]:
        config = PROTOCOL.with_(models=("ae", "aae"), **SIGMA)
        name = f"aae-long-{epochs}"
        seen = lab.notes(name)
        for experiment in lab.epochs(name, config, epochs):
            if experiment.epoch >= 2 and all(row["epoch"] != experiment.epoch for row in seen):
                figures = lab.evaluate(experiment, "aae")
                row = {key: figures[key] for key in LONG_FIGURES}
                row["ae_mse"] = lab.evaluate(experiment, "ae")["recon_mse"]
                seen = lab.note(name, {"epoch": experiment.epoch, **row})
        last = max(seen, key=lambda row: row["epoch"])
        at_25 = [row["recon_mse"] for row in seen if row["epoch"] == 25]
        return {
            "worst_std_least": min(row["code_std_least"] for row in seen),
            "worst_std_greatest": max(row["code_std_greatest"] for row in seen),
            "worst_mean": max(row["code_mean"] for row in seen),
            "worst_mmd": max(row["mmd_to_prior"] for row in seen),
            "worst_sw1": max(row["sw1_to_prior"] for row in seen),
            "mse_over_ae": last["recon_mse"] / last["ae_mse"],
            **({"mse_at_25": at_25[0]} if at_25 else {}),
        }

    return measure


LONG_FIGURES = (
    "recon_mse",
    "mmd_to_prior",
    "sw1_to_prior",
    "code_mean",
    "code_std_least",
    "code_std_greatest",
)


def informed(prior: str, epochs: int) -> Measure:
    """The AAE with a prior of parts, told all labels and told 10 000 (section 2.3)."""

    def measure(lab: Laboratory) -> dict[str, float]:
        figures: dict[str, float] = {}
        for labels, ending in ((60_000, ""), (10_000, "_10k")):
            options = {"aae.labels": labels, f"{prior}.sigma": 5.0, **INFORMED}
            config = PROTOCOL.with_(models=("aae",), prior=prior, **options)
            experiment = lab.trained(f"aae-{prior}-{labels}", config, epochs)
            frozen, test = lab.frozen(experiment, "aae"), experiment.dataset.test
            codes = torch.from_numpy(frozen.encode(experiment.dataset.to_unit(test.images)))
            parts = experiment.prior.part_of(codes, 10)
            figures[f"own_component{ending}"] = float((parts == torch.from_numpy(test.labels)).float().mean())
            wanted = torch.arange(10).repeat(ASKED)
            draw = torch.Generator().manual_seed(lab.seed)
            images = frozen.decode(experiment.prior.sample_given(wanted, 10, draw).numpy())
            said = lab.classifier.classify(torch.from_numpy(images))
            figures[f"asked_class{ending}"] = float((said == wanted).float().mean())
        return figures

    return measure


def digits(lab: Laboratory) -> dict[str, float]:
    """The Studio's defaults on its own digits, 100 epochs: what a person sees in the first seconds."""
    experiment = lab.trained("digits", ExperimentConfig(models=("aae",)), 100)
    return lab.evaluate(experiment, "aae") | {"seconds": experiment.seconds}


def adversarial_network(lab: Laboratory) -> dict[str, float]:
    """The GAN with a latent space of two and of ten axes."""
    figures: dict[str, float] = {}
    for size in (2, 10):
        config = PROTOCOL.with_(models=("gan",), latent_size=size, precision="auto", **FORGER)
        experiment = lab.trained(f"gan-{size}", config, GAN_EPOCHS)
        found = lab.evaluate(experiment, "gan", generated=True)
        for key in ("class_entropy", "smallest_class", "precision", "recall", "coverage"):
            figures[f"{key}_{size}"] = found[key]
        figures |= _judgement(experiment, "gan", f"_{size}")
    return figures


def _judgement(experiment: Experiment, name: str, ending: str) -> dict[str, float]:
    """What D, as it is trained and not as it is shown, says on the next batches, without training on."""
    model = experiment.models[name]
    rows = []
    for step in range(experiment.step, experiment.step + JUDGED):
        model.reseed(step)
        rows.append(model.phases[0].loss(experiment.batches.of_step(step)).figures)
    return {
        f"{key}{ending}": float(np.mean([row[key].item() for row in rows])) for key in ("d_real", "d_fake")
    }


def parzen(lab: Laboratory) -> dict[str, float]:
    """Parzen-window log-likelihood of the AAE (section 3): 10 000 samples, σ chosen on held-out images."""
    config = PROTOCOL.with_(
        models=("aae",),
        hidden=(1000, 1000),
        latent_size=8,
        batch_size=100,
        precision="auto",
        **SIGMA,
        **BROAD,
    )
    dataset = lab.dataset(config)
    held_out = HeldOut(dataset)
    frozen = lab.frozen(lab.trained("parzen", config, PARZEN_EPOCHS, held_out), "aae")
    samples = torch.from_numpy(frozen.decode(*frozen.draw(10_000, lab.seed)))
    known, test = (
        torch.from_numpy(dataset.to_unit(split.images)) for split in (held_out.test.first(1000), dataset.test)
    )
    sigma = metrics.parzen_sigma(samples, known)
    return {"parzen": metrics.parzen_log_likelihood(samples, test, sigma), "parzen_sigma": sigma}


def semi_supervised(labels: int) -> Measure:
    """Classification error with few labels (section 5)."""

    def measure(lab: Laboratory) -> dict[str, float]:
        name = "semi_supervised_aae"
        # The discriminator of categories must see how far 0.95 is from 1.
        options = {"labels": labels, "r1": 0.01, "updates": "two-phase", "consistency_weight": 1.0}
        config = _categorical(name, **options).with_(**MOVED)
        experiment = lab.trained(f"semi-supervised-{labels}", config, SEMI_SUPERVISED_EPOCHS)
        return _judged(lab, experiment, name)

    return measure


def clustering(clusters: int) -> Measure:
    """Clustering error without any label (section 6): a cluster is named by its most certain image."""

    def measure(lab: Laboratory) -> dict[str, float]:
        name = "clustering_aae"
        # With smoother discriminators and a light hand clusters are better: images change theirs for longer.
        options = {"category_weight": 0.1, "r1": 1.0, "updates": "two-phase", "consistency_weight": 3.0}
        config = _categorical(name, clusters=clusters, **options).with_(noise="affine")
        experiment = lab.trained(f"clustering-{clusters}", config, CLUSTERING_EPOCHS[clusters])
        dataset = experiment.dataset
        # Named by labelled training images, judged by test images.
        shares, known = _found(lab, experiment, name, dataset.train.first(NAMING_SIZE))
        certain = metrics.cluster_names(shares.argmax(dim=1), known, confidence=shares)
        majority = metrics.cluster_names(shares.argmax(dim=1), known, count=clusters)
        shares, labels = _found(lab, experiment, name, dataset.test)
        members = shares.argmax(dim=1)
        return _judged(lab, experiment, name) | {
            "error": metrics.error_rate(certain[members], labels),
            "error_by_majority": metrics.error_rate(majority[members], labels),
        }

    return measure


def reduction(lab: Laboratory) -> dict[str, float]:
    """Classification error of two-dimensional codes with 100 labels (section 7)."""
    name = "reduction_aae"
    config = _categorical(name, labels=100, r1=0.01, updates="two-phase").with_(latent_size=2, **MOVED)
    experiment = lab.trained("dimensionality-reduction", config, REDUCTION_EPOCHS)
    return _judged(lab, experiment, name)


def _categorical(name: str, **options: Any) -> ExperimentConfig:
    weights = {
        "adversarial_weight": STYLE_WEIGHT,
        "category_weight": CATEGORY_WEIGHT,
        # The reduction was measured without.
        "consistency_weight": 0.0,
    }
    chosen = {f"{name}.{key}": value for key, value in (weights | options).items()}
    return CATEGORICAL.with_(models=(name,), **chosen)


def _found(lab: Laboratory, experiment: Experiment, name: str, split: Split) -> tuple[Tensor, Tensor]:
    """q(y|x) of a split's images, (n, categories), and their labels, (n,)."""
    shares = lab.frozen(experiment, name).class_shares(experiment.dataset.to_unit(split.images))
    return torch.from_numpy(shares), torch.from_numpy(split.labels)


def _judged(lab: Laboratory, experiment: Experiment, name: str) -> dict[str, float]:
    figures = lab.evaluate(experiment, name)
    plain = {key: figures[key] for key in ("recon_mse", "mmd_to_prior", "sw1_to_prior")}
    return {"error": figures["class_error"]} | plain
