"""The figures that models are compared by, as a person reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aae_studio.ui.readout import shortened
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.repeats import Measure

MISSING = "–"


@dataclass(frozen=True)
class Figure:
    """One figure: its name in `core.repeats.COMPARED`, its title and what it is.

    `scale` is what its values are multiplied with to be shown, with so many `digits` after the point, in
    `unit`. `judged`: it needs the classifier.
    """

    name: str
    title: str
    meaning: str
    digits: int
    scale: float = 1.0
    unit: str = ""
    judged: bool = False

    def shown(self, value: float) -> str:
        """The value as it is shown."""
        text = shortened(self.scale * value, self.digits)
        # A rounded 0 has no sign.
        return text.removeprefix("-").strip() if not float(text) else text.replace("-", "−")

    def deviation(self, measure: Measure) -> str:
        """Its standard deviation over several runs as it is shown, or nothing."""
        return "" if measure.deviation is None else f"±{self.shown(measure.deviation)}"

    def full_title(self) -> str:
        """The title with its unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


def _share(name: str, title: str, meaning: str, judged: bool = False) -> Figure:
    return Figure(name, title, meaning, 1, 100, "%", judged)


def figures() -> tuple[Figure, ...]:
    """All figures, in the order of the rows."""
    return (
        Figure(
            "recon_mse",
            tr("Reconstruction"),
            tr("Squared error per pixel between test images and their reconstructions."),
            4,
        ),
        Figure(
            "mmd_to_prior",
            tr("MMD² to prior"),
            tr(
                "Distance between the codes, one z ~ q(z|x) of each image, and the prior (unbiased, five RBF "
                "kernels). 0: they match."
            ),
            4,
        ),
        Figure(
            "sw1_to_prior",
            tr("SW1 to prior"),
            tr(
                "How far codes z ~ q(z|x) lie from samples of the prior, on average over directions (sliced "
                "Wasserstein-1), in units of its σ."
            ),
            2,
            unit="σ",
        ),
        _share(
            "hole_fraction",
            tr("Holes"),
            tr(
                "Share of samples of the prior that decode to an image which the encoder puts more than ½ σ "
                "away: places that the decoder was never taught."
            ),
        ),
        _share(
            "precision",
            tr("Precision"),
            tr("Share of images decoded from the prior that look like real ones."),
            judged=True,
        ),
        _share(
            "recall",
            tr("Recall"),
            tr(
                "Share of real images that lie among those decoded from the prior. Two code axes give a "
                "thin sheet of images, so expect little."
            ),
            judged=True,
        ),
        _share(
            "coverage",
            tr("Coverage"),
            tr("Share of real images with one decoded from the prior close by."),
            judged=True,
        ),
        _share(
            "knn_accuracy",
            tr("kNN"),
            tr("Share of codes whose 10 nearest codes vote for their own class."),
        ),
    )


def tip(figure: Figure, count: int, accuracy: float | None = None) -> str:
    """What a figure is, which way is better, how far chance moves it with `count` images, and its source.

    `accuracy`: the share of images that the classifier names rightly.
    """
    from aae_studio.core.evaluation import FIGURES, chance

    meaning = FIGURES[figure.name]
    way = tr("Higher is better.") if meaning.higher else tr("Lower is better.")
    known = chance(figure.name, count)
    floor = (
        tr("Its noise is measured with the value.")
        if known is None
        else tr(
            "Chance alone moves it by up to {floor} with {count} images.",
            floor=f"{figure.shown(known)} {figure.unit}".strip(),
            count=count,
        )
    )
    lines = [figure.full_title(), figure.meaning, way, floor]
    if figure.judged:
        lines.append(judged_by(accuracy))
    return "\n".join([*lines, meaning.source])


def judged_by(accuracy: float | None) -> str:
    """Which feature space samples are judged in."""
    if accuracy is None:
        return tr(
            "Precision, recall and coverage are judged in the features of a small classifier, which is being "
            "trained here on the same images."
        )
    return tr(
        "Precision, recall and coverage are judged in the features of a small classifier trained here on the "
        "same images (right on {share} % of those it was not shown).",
        share=f"{100 * accuracy:.1f}",
    )
