"""A bare PyTorch loop for AE, VAE and AAE, as one would write it by hand: no framework, all in float32."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGES = 20_000


def bare(model: str, hidden: tuple[int, ...], batch: int, device: str) -> Callable[[], Any]:
    """What takes one step, data resident on the device.

    The AAE has three Adam optimisers, an update each, and a discriminator with the same hidden layers.
    """
    images = torch.rand(IMAGES, 784, device=device)

    def layers(*sizes: int) -> nn.Sequential:
        parts: list[nn.Module] = []
        for one, other in itertools.pairwise(sizes):
            parts += [nn.Linear(one, other), nn.ReLU()]
        return nn.Sequential(*parts[:-1]).to(device)

    def adam(*networks: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam([w for network in networks for w in network.parameters()], 1e-3, fused=True)

    encoder = layers(784, *hidden, 4 if model == "vae" else 2)
    decoder, judge = layers(2, *reversed(hidden), 784), layers(2, *hidden, 1)
    together, fooling, judging = adam(encoder, decoder), adam(encoder), adam(judge)

    def moved(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def ae(some: Tensor) -> None:
        moved(together, F.mse_loss(decoder(encoder(some)).sigmoid(), some))

    def vae(some: Tensor) -> None:
        mean, log_variance = encoder(some).chunk(2, 1)
        codes = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
        moved(together, F.mse_loss(decoder(codes).sigmoid(), some) + 1e-3 * divergence)

    def aae(some: Tensor) -> None:
        ae(some)
        codes, real = encoder(some), torch.randn(len(some), 2, device=device)
        says_real, says_fake = judge(torch.cat([real, codes.detach()])).split(len(some))
        moved(judging, 0.5 * (F.softplus(-says_real).mean() + F.softplus(says_fake).mean()))
        moved(fooling, F.softplus(-judge(codes)).mean())

    def batches() -> Iterator[Tensor]:
        while True:
            order = torch.randperm(len(images), device=device)
            for start in range(0, len(images) - batch + 1, batch):
                yield images[order[start : start + batch]]

    step = {"ae": ae, "vae": vae, "aae": aae}[model]
    source = batches()
    return lambda: step(next(source))
