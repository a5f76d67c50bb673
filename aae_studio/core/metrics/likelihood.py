"""How well a model explains images: reconstruction, Parzen windows and bounds, all in nats per image.

Only figures of one likelihood compare. Pixels are grey levels: the Bernoulli "likelihood" of one is a
cross-entropy and never above 0, the Gaussian and Parzen ones are densities and may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from aae_studio.core.metrics.distances import distance_rows, each_row

ACTIVE_VARIANCE = 0.01
# Ten from 0.1 to 1, evenly in their logarithms: those that Goodfellow et al. (arXiv 1406.2661), with whose
# figures all later ones are compared, chose from.
PARZEN_SIGMAS = tuple(10 ** (step / 9 - 1) for step in range(10))

Density = Callable[[Tensor], Tensor]


# Reconstruction


def mean_squared_error(reconstructions: Tensor, images: Tensor) -> float:
    """Squared error per pixel, a mean over all; in [0, 1] for images in [0, 1]."""
    return float(F.mse_loss(reconstructions, images))


def reconstruction_nats(logits: Tensor, images: Tensor) -> float:
    """Cross-entropy of images (n, C, H, W) in [0, 1] in nats per image, a mean; at least 0.

    `logits` have the same shape; `logits_of` makes them from probabilities. Never below the images' own
    entropy, Σ H(x) over the pixels, which is 0 for black and white ones only.
    """
    return -float(bernoulli_log_likelihood(logits, images).mean())


def logits_of(probabilities: Tensor) -> Tensor:
    """Logits of probabilities in [0, 1]. What float32 rounded to 0 or 1 counts as the nearest number
    between: log p is then at least -87.3 and log(1 - p) at least -16.6."""
    limits = torch.finfo(probabilities.dtype)
    return probabilities.clamp(limits.tiny, 1 - limits.eps / 2).logit()


def bernoulli_log_likelihood(logits: Tensor, images: Tensor) -> Tensor:
    """log p(x|z) in nats, shape (n,), at most 0: a Bernoulli per pixel (Kingma and Welling, arXiv
    1312.6114, appendix C.1). `logits` and `images` have the shape (n, C, H, W)."""
    each = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return -each.flatten(1).sum(dim=1)


def gaussian_log_likelihood(means: Tensor, images: Tensor, sigma: float) -> Tensor:
    """log N(x; mean, σ²I) in nats, shape (n,): arXiv 1312.6114, appendix C.2, with one σ for all pixels.

    `means` and `images` have the shape (n, C, H, W) and `sigma` their unit.
    """
    squared = (means - images).flatten(1).square()
    return (-0.5 * squared / sigma**2 - math.log(sigma * math.sqrt(2 * math.pi))).sum(dim=1)


# Parzen windows


def parzen_log_densities(samples: Tensor, points: Tensor, sigma: float) -> Tensor:
    """log of the Parzen window density, log 1/m Σ_s N(x; s, σ²I), in nats at each point, shape (n,).

    `samples` (m, d or m, C, H, W) are made by the model, `points` (n, ...) are real; `sigma` is in units of
    a pixel's value.
    """
    samples, points = samples.flatten(1), points.flatten(1)
    scale = samples.shape[1] * math.log(sigma * math.sqrt(2 * math.pi)) + math.log(len(samples))
    exponents = each_row(
        points,
        distance_rows(points, samples),
        lambda rows: rows.square_().mul_(-0.5 / sigma**2).logsumexp(dim=1),
    )
    return exponents - scale


def parzen_log_likelihood(samples: Tensor, test: Tensor, sigma: float) -> float:
    """Mean log-likelihood of test images in nats under Parzen windows on a model's samples.

    Breuleux, Bengio and Vincent, Neural Computation 23, 2011; as in Goodfellow et al., arXiv 1406.2661,
    section 5, and Makhzani et al., arXiv 1511.05644, section 3, with 10 000 samples and σ from
    `parzen_sigma`. Known to the deviation of `parzen_log_densities` over √n. **Caveat** (Theis et al., arXiv
    1511.01844): in many axes the estimate is far from the model's likelihood even with millions
    of samples, ranks models in another order, and centroids of a k-means score above real images. It is here
    because papers report it.
    """
    return float(parzen_log_densities(samples, test, sigma).mean())


def parzen_sigma(samples: Tensor, validation: Tensor, sigmas: Iterable[float] = PARZEN_SIGMAS) -> float:
    """The σ of these that gives validation images, which are not the test ones, the highest likelihood."""
    return max(sigmas, key=lambda sigma: parzen_log_likelihood(samples, validation, sigma))


# Bounds for a model with q(z|x) = N(mean, exp(log_variance))


def kl_per_dimension(mean: Tensor, log_variance: Tensor, sigma: float = 1.0) -> Tensor:
    """KL(q(z_i|x) || N(0, σ²)) in nats of each axis i, a mean over images, shape (d,), at least 0.

    `mean` and `log_variance`: (n, d). Kingma and Welling, arXiv 1312.6114, appendix B, with σ; for a
    Gaussian prior the sum over the axes is the whole KL. 0 where an axis says nothing about the image.
    """
    ratio = (log_variance.exp() + mean.square()) / sigma**2
    return 0.5 * (ratio - 1 - log_variance + 2 * math.log(sigma)).mean(dim=0)


def active_units(mean: Tensor, sigma: float = 1.0, threshold: float = ACTIVE_VARIANCE) -> int:
    """Axes that an encoder uses: those with Var_x(E_q[z_i]) > `threshold` × σ², from 0 to d.

    `mean`: (n, d), of q(z|x). Burda et al., arXiv 1509.00519. The variance is unbiased.
    """
    return int(((mean / sigma).var(dim=0) > threshold).sum())


def log_weights(
    mean: Tensor,
    log_variance: Tensor,
    log_likelihood: Density,
    log_prior: Density,
    count: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) at `count` codes z ~ q(z|x) of each image, shape (count, n).

    `mean` and `log_variance`: (n, d). `log_likelihood` takes one code per image (n, d), in the images'
    order, and gives log p(x|z) in nats (n,); `log_prior` gives log p(z) (n,).
    """
    deviation = (0.5 * log_variance).exp()
    weights = []
    for _ in range(count):
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        codes = mean + deviation * noise
        log_q = -0.5 * (noise.square() + log_variance + math.log(2 * math.pi)).sum(dim=1)
        weights.append(log_likelihood(codes) + log_prior(codes) - log_q)
    return torch.stack(weights)


def evidence_lower_bound(weights: Tensor) -> float:
    """ELBO: the mean of `log_weights`, in nats per image, at most log p(x) in the mean over codes.

    Kingma and Welling, arXiv 1312.6114, equation 2. Known to the deviation of the images' means over √n.
    """
    return float(weights.mean())


def importance_weighted_bound(weights: Tensor) -> float:
    """log 1/k Σ w of `log_weights` (k, n), a mean over images, in nats per image.

    Burda et al., arXiv 1509.00519, equation 8. At most log p(x) in the mean over codes and at least the
    ELBO on the same weights; the larger k, the nearer to log p(x).
    """
    return float((weights.logsumexp(dim=0) - math.log(len(weights))).mean())
