"""D saturated: it is always right, and its slope tells the generator nothing."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased, lowered_rate, restored
from aae_studio.core.evidence import Evidence

# Healthy GANs and AAEs on the digits have 0.15 at most from 200 steps on (20 seeds).
LIMIT = 0.8


class SaturatedDiscriminator(Diagnosis):
    """A perfect discriminator has no gradient to give (Arjovsky and Bottou, arXiv 1701.04862, section 2)."""

    title = "D saturated"
    summary = (
        "The discriminator is always right and sure of it. Where it is flat, its gradient no longer says "
        "which way to go."
    )
    order = 40
    overlays = ("field",)
    curves = ("d_real", "d_fake")
    explains = frozenset({"holes"})

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.has("d_real", "d_fake"):
            return ()
        return (Sign("D(real) − D(fake)", evidence.discriminator_gap, LIMIT),)

    def remedy(self, evidence: Evidence) -> Remedy | None:
        if changes := lowered_rate(evidence):
            return Remedy("Lower the rate", changes)
        changes = restored(
            evidence,
            r1="below",
            discriminator_steps="above",
            discriminator_rate="above",
            adversarial_weight="below",
        )
        changes = changes or eased(evidence, "r1", 10)
        return Remedy("Hold D back", changes) if changes else None
