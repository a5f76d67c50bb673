"""1 797 handwritten digits of 8×8 pixels, shipped with the Studio.

E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
1998, doi 10.24432/C50P49, CC BY 4.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from aae_studio import paths
from aae_studio.core import sketch
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.errors import StudioError
from aae_studio.core.options import Value

TEST_SIZE = 360


class Digits(Dataset):
    """Real handwritten digits, small enough to train in seconds. A sample's id is its row."""

    title = "Digits"
    summary = "8×8 · 1 797"
    order = 10
    attribution = "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998), CC BY 4.0"
    levels = 16

    def __init__(self, data_dir: Path, **option: Value) -> None:
        file = paths.resource("datasets", "digits.npz")
        try:
            with file.open("rb") as source, np.load(source, allow_pickle=False) as arrays:
                images, labels = arrays["images"], arrays["labels"]
        except Exception as fault:  # numpy and zipfile have a dozen kinds for a damaged file
            raise StudioError(
                "The Studio's own file {file} is missing or damaged ({fault}). Install the Studio again.",
                file=file,
                fault=fault,
            ) from fault
        self.classes = tuple("0123456789")
        # The rows come writer by writer: shuffled once, the test split holds every hand.
        order = np.random.default_rng(0).permutation(len(images))
        whole = Split(images[order, None], labels[order].astype(np.int64), order.astype(np.int64))
        self.test = whole.first(TEST_SIZE)
        self.train = Split(*(column[TEST_SIZE:] for column in vars(whole).values()))

    def framed(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return sketch.counted_in_blocks(picture)
