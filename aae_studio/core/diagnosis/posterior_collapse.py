"""Posterior collapse: q(z|x) is the prior whatever x is, and the decoder ignores the code."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased, restored
from aae_studio.core.evidence import Evidence

# An axis of fewer nats tells nothing worth decoding: 0.05 nats name one of 1.05 things.
NATS = 0.05
# One axis of two is as bad as it looks.
SHARE = 0.45
# Ten classes alone take 2.3 nats; healthy codes of the digits have more than this on two axes already.
WHOLE = 4.0


class PosteriorCollapse(Diagnosis):
    """Most axes of the code have q(z_i|x) = p(z_i) (Lucas et al., arXiv 1911.02469, definition 1, with
    0.05 nats).

    A VAE with more axes than it needs leaves some empty, which is as it should be while the others tell
    enough.
    """

    title = "Posterior collapse"
    summary = (
        "The KL divergence outweighs the reconstruction: along these axes codes no longer tell the images "
        "apart, and all decode to much the same."
    )
    order = 30
    patience = 300
    overlays = ("posterior", "lattice")
    curves = ("kl",)
    explains = frozenset({"holes"})

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        nats = evidence.nats_per_axis
        if nats is None:
            return ()
        empty = float((nats < NATS).mean())
        return (
            Sign("code axes that tell nothing of the image", empty, SHARE, unit="%"),
            Sign("nats that a whole code tells", float(nats.sum()), WHOLE, below=True),
        )

    def remedy(self, evidence: Evidence) -> Remedy | None:
        changes = (
            restored(evidence, beta="above")
            or restored(evidence, pixel_sigma="above")
            or eased(evidence, "beta", 0.1)
        )
        return Remedy("Weigh the KL less", changes) if changes else None
