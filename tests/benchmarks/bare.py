"""A bare PyTorch loop for AE, VAE and AAE, as one would write it by hand: no framework, all in float32."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGES = 20_000
KL_WEIGHT = 1e-3


def bare(
    model: str, hidden: tuple[int, ...], batch: int, device: str, images: Tensor | None = None
) -> Callable[[], dict[str, Tensor]]:
    """What takes one step and gives its losses, data resident on the device: `images` (n, 784), else noise.

    The AAE has three Adam optimisers, an update each, and a discriminator with the same hidden layers.
    """
    if images is None:
        images = torch.rand(IMAGES, 784, device=device)
    count = len(images)

    def layers(*sizes: int) -> nn.Sequential:
        parts: list[nn.Module] = []
        for one, other in itertools.pairwise(sizes):
            parts += [nn.Linear(one, other), nn.ReLU()]
        return nn.Sequential(*parts[:-1]).to(device)

    def adam(*networks: nn.Module, beta1: float = 0.9) -> torch.optim.Optimizer:
        weights = [w for network in networks for w in network.parameters()]
        return torch.optim.Adam(weights, 1e-3, (beta1, 0.999), fused=True)

    encoder = layers(784, *hidden, 4 if model == "vae" else 2)
    decoder, judge = layers(2, *reversed(hidden), 784), layers(2, *hidden, 1)
    together, fooling, judging = adam(encoder, decoder), adam(encoder, beta1=0.5), adam(judge, beta1=0.5)

    def moved(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def ae(some: Tensor) -> dict[str, Tensor]:
        error = F.mse_loss(decoder(encoder(some)).sigmoid(), some)
        moved(together, error)
        return {"reconstruction": error}

    def vae(some: Tensor) -> dict[str, Tensor]:
        mean, log_variance = encoder(some).chunk(2, 1)
        codes = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
        error = F.mse_loss(decoder(codes).sigmoid(), some)
        moved(together, error + KL_WEIGHT * divergence)
        return {"reconstruction": error, "kl": divergence}

    def aae(some: Tensor) -> dict[str, Tensor]:
        losses = ae(some)
        codes, real = encoder(some), torch.randn(len(some), 2, device=device)
        says_real, says_fake = judge(torch.cat([real, codes.detach()])).split(len(some))
        moved(judging, 0.5 * (F.softplus(-says_real).mean() + F.softplus(says_fake).mean()))
        generator = F.softplus(-judge(codes)).mean()
        moved(fooling, generator)
        return losses | {"generator": generator}

    def batches() -> Iterator[Tensor]:
        while True:
            order = torch.randperm(count, device=device)
            for start in range(0, count - batch + 1, batch):
                yield images[order[start : start + batch]]

    step = {"ae": ae, "vae": vae, "aae": aae}[model]
    source = batches()
    return lambda: step(next(source))
