"""Exploding codes: they lie far beyond where the prior, or anything, asks them to be."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased, with_model
from aae_studio.core.evidence import Evidence

# In units of the prior's σ. A plain autoencoder's codes are free; on the digits they spread to 3 to 5
# in 2 000 steps.
LIMIT = 3.0
FREE_LIMIT = 30.0


class ExplodingCodes(Diagnosis):
    """Codes whose spread has left the scale on which networks work well."""

    title = "Exploding codes"
    summary = "Nothing holds the codes together: they spread without end, and the prior's samples see none."
    order = 20
    patience = 300
    overlays = ("density",)
    explains = frozenset({"holes"})

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.frozen.has_encoder:
            return ()
        limit = LIMIT if evidence.frozen.model.uses_prior else FREE_LIMIT
        return (Sign("greatest deviation of a code axis", evidence.code_spread, limit, unit="σ"),)

    def remedy(self, evidence: Evidence) -> Remedy | None:
        if not evidence.frozen.model.uses_prior:
            changes = with_model(evidence, "aae")
            return Remedy("Try the AAE", changes, restarts=True) if changes else None
        changes = eased(evidence, "beta", 3) | eased(evidence, "adversarial_weight", 3)
        return Remedy("Pull to the prior", changes) if changes else None
