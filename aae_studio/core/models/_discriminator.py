"""Options of every discriminator, of images or of codes.

Goodfellow et al., arXiv 1406.2661; R1: Mescheder et al., arXiv 1801.04406.
"""

from __future__ import annotations

from aae_studio.core.options import Option


def discriminator_options(rate: float, r1: float) -> tuple[Option, ...]:
    """Steps, learning rate and penalty, these by default `rate` and `r1`."""
    return (
        Option(
            "discriminator_steps",
            "D steps",
            1,
            "Discriminator updates per training step.",
            minimum=1,
            maximum=10,
            live=True,
        ),
        Option(
            "discriminator_rate",
            "D rate",
            rate,
            "The discriminator's learning rate as a multiple of the experiment's.",
            minimum=0.01,
            maximum=10.0,
            live=True,
            logarithmic=True,
            rare=True,
        ),
        Option(
            "r1",
            "R1 penalty",
            r1,
            "Holds the discriminator's slope down at what is real (images, or samples of the prior), so that "
            "it cannot saturate.",
            minimum=0.0,
            maximum=100.0,
            live=True,
            logarithmic=True,
            rare=True,
        ),
    )
