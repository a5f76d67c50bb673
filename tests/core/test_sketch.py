"""Pictures from outside, normalised as the data are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aae_studio.core import sketch
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.datasets.mnist import Mnist
from aae_studio.core.errors import StudioError
from aae_studio.core.sketch import Box

Array = npt.NDArray[np.float32]


def enlarged(image: Array, factor: int) -> Array:
    return np.kron(image, np.ones((1, factor, factor), np.float32))


def blot(height: int, width: int, seed: int = 0) -> Array:
    """Ink of no particular form, with a margin."""
    picture = np.zeros((1, height, width), np.float32)
    inner = np.random.default_rng(seed).random((height - 20, width - 30), np.float32)
    picture[0, 8:-12, 13:-17] = inner
    return picture


# Resampling


@given(st.tuples(*[st.floats(-5, 12)] * 2, *[st.floats(0.5, 30)] * 2), st.integers(1, 6), st.integers(1, 6))
def test_a_resampled_pixel_is_the_mean_over_its_area(box, rows, columns):
    left, top, width, height = box
    picture = np.random.default_rng(3).random((2, 9, 11)).astype(np.float32)
    found = sketch.resampled(picture, Box(left, top, left + width, top + height), rows, columns)
    assert found.shape == (2, rows, columns)

    def overlap(first: float, last: float, pixel: int) -> float:
        return max(0.0, min(last, pixel + 1) - max(first, pixel))

    for row in range(rows):
        for column in range(columns):
            y0, x0 = top + height * row / rows, left + width * column / columns
            y1, x1 = y0 + height / rows, x0 + width / columns
            down = np.array([overlap(y0, y1, y) for y in range(9)])
            across = np.array([overlap(x0, x1, x) for x in range(11)])
            wanted = down @ picture.astype(np.float64) @ across / ((y1 - y0) * (x1 - x0))
            np.testing.assert_allclose(found[:, row, column], wanted, atol=2e-5)


def test_fitting_keeps_proportions_and_the_middle():
    wide = np.ones((1, 10, 40), np.float32)
    found = sketch.fitted(wide, 28, 28)
    np.testing.assert_allclose(found[0].sum(), 28 * 7, rtol=1e-5)
    np.testing.assert_allclose(found, found[:, ::-1], atol=1e-5)
    assert found[0, 14].min() == pytest.approx(1)


def test_the_box_and_the_centre_of_mass():
    picture = np.zeros((1, 20, 30), np.float32)
    picture[0, 4:6, 10:20] = 1
    picture[0, 12, 10] = 0.5
    assert sketch.bounding_box(picture) == (10, 4, 20, 13)
    places = [(y + 0.5, x + 0.5, picture[0, y, x]) for y in range(20) for x in range(30)]
    mass = sum(ink for _, _, ink in places)
    wanted = [sum(place[axis] * place[2] for place in places) / mass for axis in (1, 0)]
    np.testing.assert_allclose(sketch.centre_of_mass(picture), wanted, rtol=1e-6)
    assert sketch.bounding_box(np.zeros((1, 5, 5), np.float32)) is None


# MNIST


@given(st.integers(30, 120), st.integers(40, 120), st.integers(0, 20))
def test_mnist_has_a_box_of_20_and_its_centre_of_mass_in_the_middle(height, width, seed):
    found = sketch.centred_by_mass(blot(height, width, seed))
    assert found.shape == (1, 28, 28)
    inked = np.argwhere(found[0] > 0.01)
    extent = inked.max(axis=0) - inked.min(axis=0) + 1
    assert extent.max() in (20, 21)
    for middle in sketch.centre_of_mass(found):
        assert 13.95 <= middle < 15.05


def test_a_training_image_of_mnist_drawn_large_comes_back(shared_data):
    data = Mnist(shared_data)
    images = data.to_unit(data.train.images[:300])
    found = np.stack([data.normalised(enlarged(image, 10)) for image in images])
    errors = np.abs(found - images).mean(axis=(1, 2, 3))
    assert (errors < 0.5 / 255).mean() > 0.99
    assert errors.max() < 0.03


def test_a_drawing_elsewhere_and_of_another_size_gives_the_same_image(shared_data):
    data = Mnist(shared_data)
    for image in data.to_unit(data.train.images[:20]):
        moved = np.zeros((1, 500, 600), np.float32)
        moved[:, 150:374, 330:554] = enlarged(image, 8)
        np.testing.assert_allclose(data.normalised(moved), image, atol=1.5 / 255)


# The 8×8 digits


def bitmap_of(image: Array) -> Array:
    """A bitmap (1, 32, 32) that has these counts: in each block, the pixels nearest to the ink around it."""
    counts = np.rint(image[0] * 16).astype(int)
    padded = np.pad(image[0], 1)
    place = (np.arange(32) + 0.5) / 4 + 0.5
    whole = place.astype(int)
    part = place - whole
    rows = (1 - part)[:, None] * padded[whole] + part[:, None] * padded[whole + 1]
    smooth = (1 - part) * rows[:, whole] + part * rows[:, whole + 1]
    bitmap = np.zeros((1, 32, 32), np.float32)
    for row in range(8):
        for column in range(8):
            block = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
            order = np.argsort(-smooth[block].ravel(), kind="stable")
            cells = np.zeros(16, np.float32)
            cells[order[: counts[row, column]]] = 1
            bitmap[0][block] = cells.reshape(4, 4)
    return bitmap


def test_a_training_image_of_the_digits_drawn_large_nearly_comes_back():
    """Not to the last level: where in its block a digit ends is lost in the data."""
    data = Digits(Path())
    images = data.to_unit(data.train.images[:150])
    found = np.stack([data.normalised(enlarged(bitmap_of(image), 9)) for image in images])
    errors = np.abs(found - images).mean(axis=(1, 2, 3))
    others = np.abs(images[1:] - images[:-1]).mean(axis=(1, 2, 3))
    assert errors.mean() < 0.08 < 0.3 * others.mean() + 0.01
    pairs = zip(found, images, strict=True)
    assert np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]) > 0.9
    # Whatever the drawing, its values are counts.
    np.testing.assert_allclose(found * 16, np.rint(found * 16), atol=1e-5)


def test_digits_fill_the_height_and_twenty_columns():
    picture = np.zeros((1, 300, 300), np.float32)
    picture[0, 50:170, 100:190] = 1
    found = sketch.counted_in_blocks(picture)
    # 20 of 32 columns in the middle are columns 6 to 26: 1.5 to 6.5 in blocks.
    np.testing.assert_allclose(found[0], np.tile([0, 0.5, 1, 1, 1, 1, 0.5, 0], (8, 1)), atol=1e-5)


def test_an_upright_line_stays_thin():
    picture = np.zeros((1, 300, 300), np.float32)
    picture[0, 20:280, 140:155] = 1
    found = sketch.counted_in_blocks(picture)
    # 15 of 260 pixels, widened twice: 3.7 of 32 columns.
    np.testing.assert_allclose(found[0].sum(axis=1), 2 * 15 / 260 * 8, rtol=1e-4)


@given(st.floats(-0.9, 0.9), st.sampled_from([1, 3]))
def test_slant_is_taken_away_as_far_as_the_data_do_not_slant(slope, channels):
    rows, columns = np.mgrid[0:120, 0:200]
    line = np.abs(columns - 100 - slope * (rows - 60)) < 6
    picture = np.repeat(line[None].astype(np.float32), channels, axis=0)
    found = sketch.upright(picture)
    ink = found[0].astype(np.float64)
    y, x = (np.arange(size) + 0.5 for size in ink.shape)
    middles = ink @ x / ink.sum(axis=1)
    low, high = sketch.UPRIGHT
    assert np.polyfit(y, middles, 1)[0] == pytest.approx(np.clip(slope, low, high), abs=0.03)
    np.testing.assert_allclose(ink.sum(), picture[0].sum(), rtol=1e-3)


# Any data


@pytest.mark.parametrize("color", [False, True])
def test_other_data_are_fitted_where_they_were_drawn(draw_shapes, color):
    data = draw_shapes(size=28, color=color)
    for image in data.to_unit(data.train.images[:10]):
        np.testing.assert_allclose(data.normalised(enlarged(image, 10)), image, atol=1e-6)


def test_nothing_drawn_is_a_black_image(draw_shapes):
    black = np.zeros((1, 100, 80), np.float32)
    for data in (Digits(Path()), draw_shapes()):
        found = data.normalised(black)
        assert found.shape == data.image_shape
        assert not found.any()
    assert not sketch.centred_by_mass(black).any()


# Files


def saved(folder: Path, pixels: object, mode: str | None = None, name: str = "picture.png") -> Path:
    file = folder / name
    Image.fromarray(np.asarray(pixels, np.uint8), mode).save(file)
    return file


def test_light_ink_stays_and_dark_ink_on_paper_is_inverted(tmp_path):
    ink = np.zeros((40, 50))
    ink[10:30, 20:25] = 1
    for pixels in (255 * ink, 230 - 200 * ink):
        np.testing.assert_allclose(sketch.read_picture(saved(tmp_path, pixels), 1)[0], ink, atol=1e-6)


def test_the_grain_of_paper_is_no_ink(tmp_path):
    grain = np.random.default_rng(0).normal(0, 4, (80, 80))
    pixels = 200 + grain
    pixels[30:50, 35:45] = 40
    found = sketch.read_picture(saved(tmp_path, pixels), 1)
    assert found[0, 30:50, 35:45].min() > 0.95
    found[0, 30:50, 35:45] = 0
    assert found.mean() < 0.01


@pytest.mark.parametrize("ink", [0, 255])
def test_what_is_transparent_is_ground(tmp_path, ink):
    pixels = np.zeros((30, 30, 4))
    pixels[10:20, 12:15] = (ink, ink, ink, 255)
    found = sketch.read_picture(saved(tmp_path, pixels), 1)
    assert found[0, 12, 13] == 1
    assert found.sum() == 30


def test_colours_stay_where_the_data_have_colours(tmp_path):
    pixels = np.zeros((20, 30, 3))
    pixels[5:10, 5:10] = (255, 51, 0)
    found = sketch.read_picture(saved(tmp_path, pixels), 3)
    np.testing.assert_allclose(found, pixels.transpose(2, 0, 1) / 255, atol=1e-6)
    assert sketch.read_picture(saved(tmp_path, pixels), 1).shape == (1, 20, 30)


def test_large_pictures_are_read_small(tmp_path):
    found = sketch.read_picture(saved(tmp_path, np.eye(3000) * 255), 1)
    assert max(found.shape) == sketch.READ_SIDE


def picture_bytes() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "folder", "missing"])
def test_a_bad_file_is_refused_in_a_sentence(tmp_path, damage):
    file = tmp_path / "bad.png"
    whole = picture_bytes()
    match damage:
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("no picture at all")
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "flipped":
            file.write_bytes(whole[:30] + bytes(byte ^ 255 for byte in whole[30:60]) + whole[60:])
        case "folder":
            file.mkdir()
    with pytest.raises(StudioError, match=r"bad\.png"):
        sketch.read_picture(file, 1)


def test_a_picture_beyond_reason_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(StudioError, match="too many pixels"):
        sketch.read_picture(saved(tmp_path, np.zeros((30, 30))), 1)
    with pytest.raises(StudioError, match="too many pixels"):
        sketch.read_picture(saved(tmp_path, np.zeros((60, 60))), 1)
