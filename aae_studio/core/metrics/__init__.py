"""Figures that tell AE, VAE, GAN and AAE apart: functions of float32 tensors on one device.

`distances` between codes and the prior, `neighbours` of codes and features, `holes` in a latent space,
`likelihood` of images, `classes` of generated images and clusters, and the `classifier` that names them.
What each gives where nothing is wrong stands in `core.evaluation.FIGURES`.
"""

from aae_studio.core.metrics.classes import (
    class_entropy,
    cluster_names,
    error_rate,
    smallest_share,
)
from aae_studio.core.metrics.classifier import Classifier, classifier_training, train_classifier
from aae_studio.core.metrics.distances import BANDWIDTHS, Moments, mmd2, moments, sliced_wasserstein1
from aae_studio.core.metrics.holes import (
    HOLE_REACH,
    displacement,
    hole_fraction,
    unlikeness,
    usual_unlikeness,
)
from aae_studio.core.metrics.likelihood import (
    Density,
    active_units,
    bernoulli_log_likelihood,
    evidence_lower_bound,
    gaussian_log_likelihood,
    importance_weighted_bound,
    kl_per_dimension,
    log_weights,
    logits_of,
    mean_squared_error,
    parzen_log_densities,
    parzen_log_likelihood,
    parzen_sigma,
    reconstruction_nats,
)
from aae_studio.core.metrics.neighbours import (
    NEIGHBOURS,
    coverage,
    knn_accuracy,
    knn_votes,
    precision,
    recall,
)

__all__ = [
    "BANDWIDTHS",
    "HOLE_REACH",
    "NEIGHBOURS",
    "Classifier",
    "Density",
    "Moments",
    "active_units",
    "bernoulli_log_likelihood",
    "class_entropy",
    "classifier_training",
    "cluster_names",
    "coverage",
    "displacement",
    "error_rate",
    "evidence_lower_bound",
    "gaussian_log_likelihood",
    "hole_fraction",
    "importance_weighted_bound",
    "kl_per_dimension",
    "knn_accuracy",
    "knn_votes",
    "log_weights",
    "logits_of",
    "mean_squared_error",
    "mmd2",
    "moments",
    "parzen_log_densities",
    "parzen_log_likelihood",
    "parzen_sigma",
    "precision",
    "recall",
    "reconstruction_nats",
    "sliced_wasserstein1",
    "smallest_share",
    "train_classifier",
    "unlikeness",
    "usual_unlikeness",
]
