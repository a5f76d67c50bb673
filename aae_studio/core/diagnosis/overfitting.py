"""Over-fitting: images that the model was trained on come back far better than others."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import Diagnosis, Remedy, Sign, eased
from aae_studio.core.evidence import Evidence

# The digits' default AE reaches 1.5 after 2 000 to 3 000 steps (180 to 270 epochs); there
# its test error stands still.
LIMIT = 2.0


class Overfitting(Diagnosis):
    """The model knows its training images by heart."""

    title = "Over-fitting"
    summary = (
        "Training images come back far better than test images: the networks learn these images by heart, "
        "not what images have in common."
    )
    severity = "hint"
    order = 70
    patience = 300
    curves = ("reconstruction",)

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.frozen.has_encoder:
            return ()
        ratio = evidence.test_error / max(evidence.train_error, 1e-12)
        return (Sign("test error over training error", ratio, LIMIT, unit="×"),)

    def remedy(self, evidence: Evidence) -> Remedy | None:
        if changes := eased(evidence, "beta", 3):
            return Remedy("Weigh the KL more", changes)
        widths = tuple(max(1, width // 2) for width in evidence.config.hidden)
        return Remedy("Smaller networks", {"hidden": widths}, restarts=True)
