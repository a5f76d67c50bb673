"""Learning rate too high: the weights jumped somewhere from which they do not come back."""

from __future__ import annotations

from aae_studio.core.diagnosis.base import HIGH_RATE, Diagnosis, Remedy, Sign, lowered_rate, restored
from aae_studio.core.evidence import Evidence

LIMIT = 0.97
# A posterior that collapsed for another reason shows the mean image too, and nothing worse.
COLLAPSED_LIMIT = 1.05


class LearningRateTooHigh(Diagnosis):
    """With large steps, reconstructions are no better than the mean image, which a decoder learns first.

    The weights were thrown somewhere: units that are always off and pixels that are saturated have no
    gradient to come back by.
    """

    title = "Learning rate too high"
    summary = (
        "Reconstructions are no better than the mean image: steps too large threw the weights where no "
        "gradient is left. Lower the rate, then rewind."
    )
    order = 10
    patience = 150
    curves = ("reconstruction",)
    explains = frozenset(
        {
            "blind_discriminator",
            "exploding_codes",
            "holes",
            "overfitting",
            "posterior_collapse",
            "saturated_discriminator",
        }
    )

    def signs(self, evidence: Evidence) -> tuple[Sign, ...]:
        if not evidence.frozen.has_encoder:
            return ()
        ratio = evidence.test_error / evidence.mean_image_error
        weighed = restored(evidence, beta="above", pixel_sigma="above")
        return (
            # The one at step 0, also where it falls: weights that were thrown far do not come back.
            Sign("learning rate", evidence.config.learning_rate, HIGH_RATE),
            Sign("error over that of the mean image", ratio, COLLAPSED_LIMIT if weighed else LIMIT, unit="×"),
        )

    def remedy(self, evidence: Evidence) -> Remedy | None:
        # Rewinding begins with the rate of step 0, which is the sign.
        return Remedy("Lower the rate", lowered_rate(evidence, evidence.config.learning_rate))
