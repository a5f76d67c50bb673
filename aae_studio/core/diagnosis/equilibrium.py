"""The ½ equilibrium: D cannot tell, because there is nothing left to tell."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Sign
from aae_studio.core.evidence import Evidence

OFFSET = 0.05
DISTANCE = 0.2
EVENNESS = 0.85


class Equilibrium(Diagnosis):
    """D is ½ where real and fake have one distribution (Goodfellow et al., arXiv 1406.2661, theorem 1)."""

    title = "Equilibrium at ½"
    summary = (
        "The discriminator cannot tell real from fake, and there is little to tell: this is what adversarial "
        "training aims at."
    )
    severity = "good"
    order = 90
    patience = 600
    overlays = ("density", "field")
    curves = ("d_real", "d_fake")

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.has("d_real", "d_fake"):
            return ()
        chance = Sign("D's distance from ½", evidence.discriminator_offset, OFFSET, below=True)
        if evidence.frozen.has_encoder:
            distance = evidence.distance_to_prior
            return (
                chance,
                Sign("codes' distance from the prior (SW1)", distance, DISTANCE, below=True, unit="σ"),
            )
        if evidence.class_entropy is None:
            return ()
        return (chance, Sign("evenness of the classes it makes", evidence.class_entropy, EVENNESS, unit="%"))
