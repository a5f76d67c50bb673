"""Mode collapse: the generator makes a few kinds of image, and leaves the others out."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased, lowered_rate, restored, with_model
from aae_studio.core.evidence import Evidence

# Equal shares of 5 of 10 classes have 0.70. Healthy GANs on the digits have at least 0.77 from 200 steps on.
LIMIT = 0.7


class ModeCollapse(Diagnosis):
    """The classes of generated images are few (Metz et al., arXiv 1611.02163), by the word of the small
    classifier that is trained here on the same images."""

    title = "Mode collapse"
    summary = (
        "The generator makes a few kinds of image only: those fool the discriminator, and nothing asks it to "
        "make the others."
    )
    order = 60
    patience = 300
    overlays = ("lattice",)
    curves = ("generator",)

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if evidence.frozen.has_encoder or evidence.class_entropy is None:
            return ()
        return (
            Sign("evenness of the classes it makes", evidence.class_entropy, LIMIT, below=True, unit="%"),
        )

    def remedy(self, evidence: Evidence) -> Remedy | None:
        if changes := lowered_rate(evidence):
            return Remedy("Lower the rate", changes)
        changes = restored(evidence, r1="below", discriminator_steps="above")
        if changes := changes or eased(evidence, "r1", 3):
            return Remedy("Hold D back", changes)
        changes = with_model(evidence, "aae")
        return Remedy("Try the AAE", changes, restarts=True) if changes else None
