"""Rasterised points against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from aae_studio.ui.canvas.images import pixel_image
from aae_studio.ui.canvas.plane import View
from aae_studio.ui.canvas.raster import PART, SHAPES, coverage, marker_size, rasterise, topmost

PALETTE = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint32)


def channels(image):
    return [(image >> shift) & 255 for shift in (24, 16, 8, 0)]


def test_a_marker_is_centred_on_its_point_and_has_its_colour():
    image = rasterise(np.array([[20.5, 12.5]], np.float32), np.array([0]), PALETTE, 41, 25).pixels
    alpha, red, green, blue = channels(image)
    assert alpha[12, 20] == 255
    assert (green.max(), blue.max()) == (0, 0)
    assert (red == alpha).all()  # premultiplied
    rows, columns = np.nonzero(alpha)
    assert abs(rows.mean() - 12) < 0.6
    assert abs(columns.mean() - 20) < 0.6


@pytest.mark.parametrize("shape", SHAPES)
def test_every_class_shape_is_a_visible_different_mark(shape):
    mask = coverage(shape, 7.0)
    assert 10 < mask.sum() < 50
    others = [coverage(other, 7.0) for other in SHAPES if other != shape]
    assert min(np.abs(mask - other).sum() for other in others) > 3


def test_single_pixels_match_a_plain_loop():
    rng = np.random.default_rng(0)
    places = rng.uniform(-5, 70, size=(200_000, 2)).astype(np.float32)
    classes = rng.integers(0, 3, len(places))
    image = rasterise(places, classes, PALETTE, 64, 48).pixels
    expected = np.zeros((48, 64), np.uint32)
    colors = [0xFFFF0000, 0xFF00FF00, 0xFF0000FF]
    for (x, y), kind in zip(places, classes, strict=True):
        column, row = (
            int(np.rint(np.float32(x) - np.float32(0.5))),
            int(np.rint(np.float32(y) - np.float32(0.5))),
        )
        if 0 <= column < 64 and 0 <= row < 48:
            expected[row, column] = colors[kind]
    assert (image == expected).all()


def test_points_outside_leave_no_mark_at_the_edges():
    far = np.array([[-500, 10], [10, -500], [900, 10], [10, 900], [1e30, 5], [-1e30, 5]], np.float32)
    assert not rasterise(far, np.zeros(6, int), PALETTE, 64, 64).pixels.any()


def test_a_marker_at_the_edge_is_cut_not_moved():
    image = rasterise(np.array([[0.0, 32.0]], np.float32), np.array([1]), PALETTE, 64, 64).pixels
    _, columns = np.nonzero(image)
    assert columns.max() <= 4


def test_more_points_make_smaller_marks():
    sizes = [marker_size(count) for count in (100, 5_000, 20_000, 70_000, 1_000_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1.0


def test_no_points_no_paint():
    assert not rasterise(np.zeros((0, 2), np.float32), np.zeros(0, int), PALETTE, 8, 8).pixels.any()


@pytest.mark.parametrize("count", [60, 5_000, 100_000])
def test_memory_of_a_spent_raster_leaves_no_trace(count: int):
    rng = np.random.default_rng(count)
    classes = rng.integers(0, 10, count)
    spent = None
    for width, height in ((64, 48), (64, 48), (48, 64), (64, 48)):
        places = rng.uniform(-10, 74, (count, 2)).astype(np.float32)
        fresh = rasterise(places, classes, PALETTE, width, height)
        again = rasterise(places, classes, PALETTE, width, height, spent=spent)
        np.testing.assert_array_equal(again.pixels, fresh.pixels)
        spent = again


def test_markers_match_a_plain_loop_soft_edges_first():
    rng = np.random.default_rng(1)
    size, width, height = 7.0, 48, 40
    places = rng.uniform(-8, 56, size=(300, 2)).astype(np.float32)
    classes = rng.integers(0, 15, len(places))
    expected = np.zeros((height, width), np.uint32)
    for full in (False, True):
        for (x, y), kind in zip(places, classes, strict=True):
            column, row = (int(np.rint(np.float32(v) - np.float32(0.5))) for v in (x, y))
            alpha = np.rint(coverage(SHAPES[kind % len(SHAPES)], size) * 255).astype(int)
            middle = alpha.shape[0] // 2
            for (down, right), a in np.ndenumerate(alpha):
                at = row + down - middle, column + right - middle
                if a <= 24 or (a == 255) != full or not (0 <= at[0] < height and 0 <= at[1] < width):
                    continue
                red, green, blue = ((int(c) * a + 127) // 255 for c in PALETTE[kind % 3])
                expected[at] = a << 24 | red << 16 | green << 8 | blue
    assert (rasterise(places, classes, PALETTE, width, height).pixels == expected).all()
    assert (rasterise(places, classes, PALETTE, width, height - 7).pixels == expected[:-7]).all()


@pytest.mark.parametrize("count", [10_000, 40_000, PART + 1, 130_000])
@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_small_marks_seen_through_a_view_match_a_plain_loop(count, ratio):
    rng = np.random.default_rng(2)
    width, height, view = 60, 44, View(0.3, -0.2, 1.7)
    places = rng.normal(size=(count, 2)).astype(np.float32)
    places[::1000] = [[np.nan, 0.0], [np.inf, 1e38], [-1e38, 0.0]][count % 3]
    classes = rng.integers(0, 7, count)
    across, down = round(width * ratio), round(height * ratio)
    lens = view.lens(width, height, ratio)
    found = rasterise(places, classes, PALETTE, across, down, ratio, lens)
    side = max(1, round(marker_size(count) * ratio))
    before = (side - 1) // 2
    scale, (x, y) = np.float32(view.scale(width, height) * ratio), places.T
    there = np.abs(places).max(axis=1) < 100
    column = np.floor((x[there] - np.float32(view.x)) * scale + np.float32(width / 2 * ratio)).astype(int)
    row = np.floor((y[there] - np.float32(view.y)) * -scale + np.float32(height / 2 * ratio)).astype(int)
    middles = list(zip(np.flatnonzero(there).tolist(), row.tolist(), column.tolist(), strict=True))
    tops, pixels = np.zeros((down, across), int), np.zeros((down, across), np.uint32)
    colors = [0xFFFF0000, 0xFF00FF00, 0xFF0000FF]
    for number, down_to, right_to in middles:
        if 0 <= down_to < down and 0 <= right_to < across:
            tops[down_to, right_to] = number + 1
    # Of the points that are worked on at a time, the lower right corners lie above the others.
    for start in range(0, count, PART):
        some = [middle for middle in middles if start <= middle[0] < start + PART]
        for offset in np.ndindex(side, side):
            for number, down_to, right_to in some:
                at = down_to + offset[0] - before, right_to + offset[1] - before
                if 0 <= at[0] < down and 0 <= at[1] < across:
                    pixels[at] = colors[classes[number] % 3]
    assert (topmost(places, across, down, lens) == tops).all()
    assert (found.pixels == pixels).all()


@pytest.mark.parametrize(
    "inner", [(slice(0, 9), slice(0, 7)), (slice(2, 8), slice(3, 6)), (slice(8, 9), slice(6, 7))]
)
def test_a_part_of_wider_pixels_is_an_image_of_just_that_part(inner):
    pixels = (np.arange(63, dtype=np.uint32).reshape(9, 7) * 0x010203) | 0xFF000000
    part = pixels[inner]
    image = pixel_image(part, 1.0)
    assert (image.height(), image.width()) == part.shape
    seen = [[image.pixel(x, y) for x in range(image.width())] for y in range(image.height())]
    np.testing.assert_array_equal(np.array(seen, np.uint32), part)
