"""AAE Studio: train an AE, a VAE, a GAN and an AAE live, and drag a point through their latent spaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aae_studio.core.session import TrainedRun

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(run: str | Path, data_dir: str | Path | None = None) -> TrainedRun:
    """Open the trained models in a RUN folder. Raises StudioError when it is damaged or foreign.

    The result's `encode(images, model)` takes (n, C, H, W) in [0, 1] and gives (n, latent size);
    `decode(codes, model)` takes (n, latent size) and gives (n, C, H, W) in [0, 1]; float32 throughout.
    """
    # Imported here, because the command line must not wait for torch.
    from aae_studio.core.session import TrainedRun

    return TrainedRun(Path(run), data_dir)
