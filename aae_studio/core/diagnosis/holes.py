"""Holes: places where the prior has samples and the decoder was never taught what to make of them."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased, with_model
from aae_studio.core.evidence import Evidence

# From 800 to 2 200 steps on the digits the VAE has up to 0.08 and the AAE 0.03, small networks, which learn
# more slowly, 0.12; plain autoencoders have 0.01 to 0.3.
LIMIT = 0.2
FREE_LIMIT = 0.05
# In more axes a sample of the prior comes back within 0.5 σ from no decoder: its codes lie too thinly.
AXES = 3


class Holes(Diagnosis):
    """Prior samples whose image would be encoded elsewhere: the rule for a plain autoencoder."""

    title = "Holes"
    summary = (
        "Some samples of the prior decode to images that belong elsewhere: nothing taught the decoder what "
        "to make of places between and beyond the clouds."
    )
    severity = "hint"
    order = 80
    patience = 800
    overlays = ("holes", "lattice")

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.frozen.has_encoder or evidence.config.latent_size > AXES:
            return ()
        limit = LIMIT if evidence.frozen.model.uses_prior else FREE_LIMIT
        return (
            Sign("prior samples that come back over 0.5 σ away", evidence.hole_fraction, limit, unit="%"),
        )

    def remedy(self, evidence: Evidence) -> Remedy | None:
        if not evidence.frozen.model.uses_prior:
            changes = with_model(evidence, "aae")
            return Remedy("Try the AAE", changes, restarts=True) if changes else None
        changes = eased(evidence, "beta", 3) | eased(evidence, "adversarial_weight", 3)
        return Remedy("Pull to the prior", changes) if changes else None
