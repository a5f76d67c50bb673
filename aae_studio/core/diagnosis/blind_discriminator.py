"""D at chance while the codes are off the prior: it is blind, and nobody pulls."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased, restored
from aae_studio.core.evidence import Evidence

# Healthy AAEs on the digits have 0.02 and 0.20 at most from 600 steps on (20 seeds; the distance to as many
# samples of the prior as there are codes, which is some 0.03 greater than to the 1 000 of today).
GAP = 0.1
DISTANCE = 0.3


class BlindDiscriminator(Diagnosis):
    """D says ½ to codes that are not distributed as the prior, which a better D would tell apart."""

    title = "D at chance, codes off the prior"
    summary = (
        "The discriminator cannot tell codes from samples of the prior although they differ: it is too weak "
        "or too slow, so nothing moves the codes."
    )
    order = 50
    patience = 600
    overlays = ("field", "density")
    curves = ("d_real", "d_fake")
    explains = frozenset({"exploding_codes", "holes"})

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.frozen.has_encoder or not evidence.has("d_real", "d_fake"):
            return ()
        return (
            Sign("D(real) − D(fake)", evidence.discriminator_gap, GAP, below=True),
            Sign("codes' distance from the prior (SW1)", evidence.distance_to_prior, DISTANCE, unit="σ"),
        )

    def remedy(self, evidence: Evidence) -> Remedy | None:
        changes = restored(evidence, r1="above", discriminator_rate="below", adversarial_weight="below")
        changes = changes or eased(evidence, "discriminator_rate", 2)
        return Remedy("Strengthen D", changes) if changes else None
