"""GIF files: what was written is what is read, and faults say what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aae_studio.core.errors import StudioError
from aae_studio.core.gif import write_gif


def frames(count: int = 3) -> list[np.ndarray]:
    """Frames of one level of grey each."""
    return [np.full((8, 12, 3), 40 * place, np.uint8) for place in range(count)]


def test_a_gif_has_every_frame_for_its_time_without_end(tmp_path):
    file = tmp_path / "path.gif"
    write_gif(file, frames(), 80)
    with Image.open(file) as image:
        assert (image.format, image.n_frames, image.size) == ("GIF", 3, (12, 8))
        assert image.info["loop"] == 0
        for place in range(3):
            image.seek(place)
            assert image.info["duration"] == 80
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), frames()[place])
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StudioError, match="nowhere"):
        write_gif(tmp_path / "nowhere" / "path.gif", frames(), 80)


def test_a_fault_leaves_what_was_there(tmp_path):
    file = tmp_path / "path.gif"
    file.mkdir()
    with pytest.raises(StudioError, match=r"path\.gif"):
        write_gif(file, frames(), 80)
    assert list(tmp_path.iterdir()) == [file]
