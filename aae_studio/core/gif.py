"""Animations as GIF files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from aae_studio import paths
from aae_studio.core.errors import StudioError


def write_gif(file: Path, frames: Sequence[npt.NDArray[np.uint8]], milliseconds: int) -> None:
    """Write frames (H, W, 3), levels of red, green and blue, as an animation without end.

    Each frame stays for so many milliseconds, rounded to hundredths of a second as GIF has them. What was
    there before is replaced only by a whole file. Raises StudioError when it cannot be written.
    """
    images = [Image.fromarray(frame) for frame in frames]
    draft = paths.sibling(file)
    try:
        images[0].save(
            draft, "GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0, disposal=1
        )
        draft.replace(file)
    except OSError as fault:
        draft.unlink(missing_ok=True)
        raise StudioError(
            "The animation cannot be written to {file}: {reason}.", file=file, reason=fault.strerror or fault
        ) from fault
