"""What each model makes of the place under its cursor, by the newest snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aae_studio.core.region import EDGE, Trust
from aae_studio.ui.decodings import Decoded, decoded_at
from aae_studio.ui.workbench import Workbench

Array = npt.NDArray[np.float32]
NEIGHBOURS = 5


def trust_in(bench: Workbench, name: str, decoded: Decoded) -> tuple[Trust, Array] | None:
    """How far to trust what a lane's model made of a code, and the code that this image is encoded to.

    None for a model without encoder, and as long as no codes are known.
    """
    region = bench.findings.regions.get(name)
    if region is None:
        return None
    code, back = decoded.code, decoded.back
    if back is None:
        back = bench.models[name].encode(decoded.image[None])[0]
    away = float(np.linalg.norm(back - code)) / unit(bench, name)
    strange = region.strangeness(code)
    if bench.planes.picked is not None:
        # However far out: an image of the data is not far from them.
        strange = min(strange, EDGE)
    return Trust(strange, away, len(code)), back


def unit(bench: Workbench, name: str) -> float:
    """What distances between a lane's codes are told in: the prior's σ, or its codes' without prior."""
    assert bench.snapshot is not None
    held = bench.models[name].model.uses_prior
    return bench.snapshot.prior.sigma if held else max(bench.findings.regions[name].deviation, 1e-12)


@dataclass(frozen=True, eq=False)
class Sight:
    """What is known at one lane's cursor.

    `image`: Dec(z). `says`: D(z), None without discriminator. `log_prior` in nats, None where the prior has
    no density or does not hold here. The rest is None or empty without encoder: `back` = E(Dec(z)), `again` =
    Dec(E(Dec(z))), `trust`, `nearest` (places in the probe subset, nearest code first). With a picked data
    point `rebuilt` is its reconstruction.
    """

    image: Array
    says: float | None
    log_prior: float | None
    trust: Trust | None = None
    back: Array | None = None
    again: Array | None = None
    nearest: tuple[int, ...] = ()
    rebuilt: Array | None = None


def sight(bench: Workbench, name: str) -> Sight:
    """Look at a lane's cursor."""
    from aae_studio.core import fields

    assert bench.snapshot is not None
    place = bench.at_cursor(name)
    frozen, code, condition = place.frozen, place.code, place.condition
    decoded = decoded_at(place)
    image = decoded.image
    verdict = fields.verdicts(frozen, code[None], condition)
    density = fields.log_prior(bench.snapshot, code[None]) if frozen.model.uses_prior else None
    says = None if verdict is None else float(verdict[0])
    log_prior = None if density is None else float(density[0])
    found = trust_in(bench, name, decoded)
    if found is None:
        return Sight(image, says, log_prior)
    trust, back = found
    again = frozen.decode(back[None], condition)[0]
    picked = bench.planes.picked
    if picked is not None and bench.planes.conditions.of(name, picked) not in (None, condition):
        # As another class it is not that image any more.
        picked = None
    near = [
        int(place) for place in bench.findings.regions[name].nearest(code, NEIGHBOURS + 1) if place != picked
    ]
    rebuilt = None if picked is None else bench.reconstruction(name, picked)[1]
    return Sight(image, says, log_prior, trust, back, again, tuple(near[:NEIGHBOURS]), rebuilt)
