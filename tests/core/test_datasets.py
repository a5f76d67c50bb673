"""Digits as they are known, and shapes that show their factors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aae_studio import paths
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets import shapes as shapes_module
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.datasets.shapes import FACTORS, KINDS, Shapes, uniform_numbers
from aae_studio.core.errors import StudioError
from aae_studio.core.experiment import load_dataset
from aae_studio.core.registry import DATASETS

# UCI Optical Recognition of Handwritten Digits, test part: samples per class, 0 to 9.
DIGIT_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


# What every dataset has to be


def test_all_of_ours_are_what_they_should_be(tmp_path: Path) -> None:
    for name in ("digits", "shapes"):
        load_dataset(ExperimentConfig(dataset=name), tmp_path)


@pytest.mark.parametrize(
    ("part", "column", "sentence"),
    [
        ({"images": lambda images: images + 100}, "test", r"“Digits”: a pixel is 116, and white is 16"),
        ({"images": lambda images: images / 16}, "train", r"should be uint8 .* and some are float64"),
        ({"images": lambda images: images[:, 0]}, "train", r"of the shape \(1437, 8, 8\)"),
        ({"images": lambda images: images[:0]}, "test", r"of the shape \(0, 1, 8, 8\)"),
        ({"images": lambda images: images[..., :0]}, "test", r"of the shape \(360, 1, 8, 0\)"),
        ({"images": lambda images: images[..., 1:]}, "test", r"all of one size, .* \(360, 1, 8, 7\)"),
        ({"images": lambda images: images.tolist()}, "test", r"some are list of the shape \(360, 1, 8, 8\)"),
        ({"images": lambda images: images[1:]}, "test", r"359 images .* of the shape \(360,\)"),
        ({"ids": lambda ids: ids[:7]}, "train", r"1437 images .* int64 of the shape \(7,\)"),
        ({"ids": lambda ids: ids / 2}, "train", r"some are float64"),
        ({"labels": lambda labels: labels[:, None]}, "train", r"of the shape \(1437, 1\)"),
        ({"labels": lambda labels: labels * np.nan}, "train", r"some are float64"),
        ({"labels": lambda labels: labels + 1}, "test", r"there are 10, and go from 1 to 10"),
        ({"labels": lambda labels: labels - 1}, "train", r"there are 10, and go from -1 to 8"),
    ],
)
def test_a_dataset_that_is_not_what_it_should_be_is_told_so(
    tmp_path: Path, monkeypatch, part, column: str, sentence: str
) -> None:
    """Those who write one read a sentence, not what fails later for lack of it."""

    class Odd(Digits):
        def __init__(self, data_dir: Path, **option: object) -> None:
            super().__init__(data_dir, **option)
            columns = vars(getattr(self, column))
            ((name, change),) = part.items()
            setattr(self, column, Split(**columns | {name: change(columns[name])}))

    monkeypatch.setattr(type(DATASETS), "get", lambda *_: Odd)
    with pytest.raises(StudioError, match=sentence):
        load_dataset(ExperimentConfig(), tmp_path)


def test_a_dataset_that_fails_says_which_and_where(tmp_path: Path, monkeypatch) -> None:
    class Odd(Digits):
        def __init__(self, data_dir: Path, **option: object) -> None:
            raise KeyError("boom")

    monkeypatch.setattr(type(DATASETS), "get", lambda *_: Odd)
    with pytest.raises(
        StudioError, match=r"“Digits” cannot be made: KeyError\('boom'\) \(test_datasets.py, line \d+\)"
    ):
        load_dataset(ExperimentConfig(), tmp_path)


# Digits


def test_digits_are_the_known_ones(digits: Dataset) -> None:
    whole = digits.train.joined(digits.test)
    assert len(whole) == 1797
    assert digits.image_shape == (1, 8, 8)
    assert (whole.images.min(), whole.images.max(), digits.levels) == (0, 16, 16)
    assert np.bincount(whole.labels).tolist() == DIGIT_COUNTS
    np.testing.assert_array_equal(np.sort(whole.ids), np.arange(1797))
    # The first row of the file is a 0, and begins so.
    (place,) = np.flatnonzero(whole.ids == 0)
    assert whole.labels[place] == 0
    assert whole.images[place, 0, :2].tolist() == [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]]
    assert whole.images.astype(int).sum() == 561_718


def test_digits_split(digits: Dataset) -> None:
    assert (len(digits.train), len(digits.test), len(digits.probe)) == (1437, 360, 1797)
    assert digits.training_split(5) is digits.train
    # Every hand and every class is in the test split.
    assert (np.bincount(digits.test.labels, minlength=10) > 20).all()


def test_unit_values(digits: Dataset) -> None:
    levels = np.arange(17, dtype=np.uint8).reshape(1, 1, 1, 17)
    np.testing.assert_allclose(digits.to_unit(levels).ravel(), np.arange(17) / 16)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 damaged"])
def test_a_damaged_digits_file(tmp_path: Path, monkeypatch, content: bytes | None) -> None:
    file = tmp_path / "digits.npz"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(paths, "resource", lambda *parts: file)
    with pytest.raises(StudioError, match=r"digits\.npz is missing or damaged .*Install the Studio again"):
        Digits(tmp_path)


def test_a_cut_digits_file(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "digits.npz"
    whole = paths.resource("datasets", "digits.npz").read_bytes()
    for size in (len(whole) - 30, len(whole) // 2):
        file.write_bytes(whole[:size])
        monkeypatch.setattr(paths, "resource", lambda *parts: file)
        with pytest.raises(StudioError, match="missing or damaged"):
            Digits(tmp_path)


def test_flipped_bits_in_the_digits_file(tmp_path: Path, monkeypatch) -> None:
    """The archive's own checksums: no damage ends in another exception."""
    file = tmp_path / "digits.npz"
    whole = paths.resource("datasets", "digits.npz").read_bytes()
    monkeypatch.setattr(paths, "resource", lambda *parts: file)
    refused = 0
    for place in [*range(120), *range(len(whole) - 120, len(whole)), *range(0, len(whole), 977)]:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        try:
            Digits(tmp_path)
        except StudioError:
            refused += 1
    assert refused > 150


# Shapes


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return Shapes(Path(), size=40, color=False, data_seed=0)


def factor(shapes: Shapes, ids: np.ndarray, name: str) -> np.ndarray:
    return shapes.factors(ids)[:, FACTORS.index(name)]


def drawn_with(monkeypatch: pytest.MonkeyPatch, shapes: Shapes, **given_factors: object) -> np.ndarray:
    """Images of samples with given factors, the others fixed."""
    base = {"kind": 0, "size": 0.5, "angle": 0.0, "x": 0.0, "y": 0.0, "stroke": 0.8}
    base |= {"red": 1.0, "green": 1.0, "blue": 1.0} | given_factors
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(base[name], float)) for name in FACTORS))
    table = np.stack(columns, axis=1)
    monkeypatch.setattr(shapes, "factors", lambda ids: table[ids])
    return shapes.draw(np.arange(len(table))).images / 255.0


def test_a_samples_id_fixes_its_image(shapes: Shapes) -> None:
    split = shapes.train
    some = np.array([5, 4000, 77])
    again = shapes.draw(some)
    np.testing.assert_array_equal(again.images, split.images[some])
    np.testing.assert_array_equal(again.labels, split.labels[some])
    np.testing.assert_array_equal(shapes.draw(shapes.test.ids[:50]).images, shapes.test.images[:50])


def test_labels_are_kinds_in_equal_shares(shapes: Shapes) -> None:
    ids = shapes.train.ids
    np.testing.assert_array_equal(shapes.train.labels, factor(shapes, ids, "kind"))
    counts = np.bincount(shapes.train.labels, minlength=len(KINDS))
    expected = len(ids) / len(KINDS)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_factors_fill_their_ranges_and_do_not_depend_on_each_other(shapes: Shapes) -> None:
    values = shapes.factors(np.arange(20_000))
    low = np.array([0, 0.3, -0.6, -0.25, -0.25, 0.15, 0.3, 0.3, 0.3])
    high = np.array([6, 0.7, 0.6, 0.25, 0.25, 0.85, 1, 1, 1])
    assert (values >= low).all()
    assert (values <= high).all()
    np.testing.assert_allclose(values.min(axis=0), low, atol=0.01)
    np.testing.assert_allclose(values.max(axis=0), high, atol=0.01)
    correlations = np.corrcoef(values.T) - np.eye(len(FACTORS))
    assert np.abs(correlations).max() < 5 / np.sqrt(len(values))


def test_the_centroid_is_at_x_and_y(shapes: Shapes) -> None:
    # The half-disc's own centroid is not at its centre.
    chosen = np.flatnonzero(shapes.train.labels[:3000] != KINDS.index("half-disc"))
    images = shapes.train.images[chosen, 0].astype(float)
    axis = (np.arange(40) + 0.5) / 20 - 1
    mass = images.sum(axis=(1, 2))
    x = (images.sum(axis=1) * axis).sum(axis=1) / mass
    y = -(images.sum(axis=2) * axis).sum(axis=1) / mass
    # Within half a pixel.
    np.testing.assert_allclose(x, factor(shapes, chosen, "x"), atol=0.025)
    np.testing.assert_allclose(y, factor(shapes, chosen, "y"), atol=0.025)


def test_nothing_is_cut_off_at_the_border(shapes: Shapes) -> None:
    images = shapes.train.images[:, 0]
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    assert (border.max(axis=1) > 0).mean() < 0.01
    assert (images.max(axis=(1, 2)) > 100).all()


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_area_grows_with_the_square_of_size(shapes: Shapes, monkeypatch, kind: int) -> None:
    sizes = np.linspace(0.3, 0.7, 9)
    areas = drawn_with(monkeypatch, shapes, kind=kind, size=sizes).sum(axis=(1, 2, 3))
    assert (np.diff(areas) > 0).all()
    np.testing.assert_allclose(areas / areas[0], (sizes / sizes[0]) ** 2, rtol=0.05)


def test_areas_are_those_of_the_figures(shapes: Shapes, monkeypatch) -> None:
    """In units of the size: a circle of radius 0.9, a square of side 1.5, polygons with corners at 1."""
    half_disc = np.pi / 2 + 0.1 * np.sqrt(1 - 0.01) + np.arcsin(0.1)
    wanted = {
        "circle": np.pi * 0.81,
        "square": 2.25,
        "triangle": 1.5 * np.sin(2 * np.pi / 3),
        "pentagon": 2.5 * np.sin(2 * np.pi / 5),
        "star": 5 * 0.45 * np.sin(np.pi / 5),
        "cross": 2 * 1.9 * 0.64 - 0.64**2,
        "half-disc": half_disc,
    }
    images = drawn_with(monkeypatch, shapes, kind=np.arange(len(KINDS)), size=0.7)
    areas = images.sum(axis=(1, 2, 3)) / (20 * 0.7) ** 2
    for kind, area in zip(KINDS, areas, strict=True):
        assert area == pytest.approx(wanted[kind], rel=0.03), kind


@pytest.mark.parametrize("kind", [place for place, name in enumerate(KINDS) if name != "circle"])
def test_angle_turns_the_picture(shapes: Shapes, monkeypatch, kind: int) -> None:
    """A positive angle turns anticlockwise: a turned picture is what a rotation of the first one gives."""
    level, turned = drawn_with(monkeypatch, shapes, kind=kind, size=0.7, angle=[0.0, 0.5])[:, 0]
    axis = (np.arange(40) + 0.5) / 20 - 1
    x, y = np.meshgrid(axis, -axis)
    cos, sin = np.cos(0.5), np.sin(0.5)
    back_x, back_y = x * cos + y * sin, y * cos - x * sin
    columns = np.clip(np.floor((back_x + 1) * 20).astype(int), 0, 39)
    rows = np.clip(np.floor((1 - back_y) * 20).astype(int), 0, 39)
    rotated = level[rows, columns]
    assert np.abs(turned - rotated).mean() < 0.03
    assert np.abs(turned - level).mean() > 1.5 * np.abs(turned - rotated).mean()


def test_kinds_stand_upright(shapes: Shapes, monkeypatch) -> None:
    """Mirror images of themselves, and the pointed ones narrow at the top."""
    images = drawn_with(monkeypatch, shapes, kind=np.arange(len(KINDS)), size=0.7)[:, 0]
    np.testing.assert_allclose(images, images[:, :, ::-1], atol=0.02)
    rows = images.sum(axis=2)
    for name in ("triangle", "pentagon", "star"):
        shown = np.flatnonzero(rows[KINDS.index(name)] > 0.5)
        assert rows[KINDS.index(name)][shown[1]] < rows[KINDS.index(name)][shown[len(shown) // 2 + 3]]


def test_stroke_leaves_the_middle_empty(shapes: Shapes, monkeypatch) -> None:
    thin, thick, full = drawn_with(monkeypatch, shapes, kind=1, size=0.7, stroke=[0.2, 0.45, 0.6])[:, 0]
    assert thin[20, 20] == thick[20, 20] == 0
    assert full[20, 20] == 1
    assert 0.3 * full.sum() < thin.sum() < thick.sum() < full.sum()
    # Outlines agree: the stroke lies within the figure.
    assert (thin <= full + 1e-9).all()


def test_edges_are_smooth(shapes: Shapes, monkeypatch) -> None:
    """A shift by a tenth of a pixel changes the picture by a tenth of its edge."""
    images = drawn_with(monkeypatch, shapes, kind=0, size=0.6, x=np.array([0.013, 0.018]), y=0.007)
    change = np.abs(images[1] - images[0])
    assert 0 < change.max() < 0.2
    assert len(np.unique(images[0])) > 10


def test_colors_are_the_factors() -> None:
    shapes = Shapes(Path(), size=16, color=True, data_seed=0)
    ids = np.arange(300)
    images = shapes.train.images[ids]
    assert images.shape == (300, 3, 16, 16)
    tints = shapes.factors(ids)[:, 6:9]
    gray = Shapes(Path(), size=16, color=False, data_seed=0).train.images[ids]
    wanted = np.rint(gray.astype(float) * tints[:, :, None, None])
    np.testing.assert_array_equal(images, wanted)


def test_epochs_never_repeat(draw_shapes) -> None:
    shapes = draw_shapes()
    splits = [shapes.training_split(epoch) for epoch in range(3)]
    assert splits[0] is shapes.train
    ids = np.concatenate([split.ids for split in splits])
    assert len(np.unique(ids)) == 3 * 192
    pictures = [{image.tobytes() for image in split.images} for split in splits]
    assert not pictures[0] & pictures[1]
    assert not pictures[1] & pictures[2]
    np.testing.assert_array_equal(shapes.training_split(2).images, splits[2].images)


def test_another_data_seed_draws_other_shapes(draw_shapes) -> None:
    first, other = draw_shapes(data_seed=0), draw_shapes(data_seed=1)
    for part in ("train", "test"):
        left = {image.tobytes() for image in getattr(first, part).images}
        assert not left & {image.tobytes() for image in getattr(other, part).images}
    far = draw_shapes(data_seed=2**20)
    assert not {image.tobytes() for image in far.train.images} & left


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**60), min_size=1, max_size=20, unique=True), st.integers(1, 12))
def test_numbers_depend_on_id_and_column_alone(ids: list[int], columns: int) -> None:
    array = np.array(ids, dtype=np.int64)
    numbers = uniform_numbers(array, columns)
    assert numbers.shape == (len(ids), columns)
    assert (numbers >= 0).all()
    assert (numbers < 1).all()
    for place in range(len(ids)):
        np.testing.assert_array_equal(uniform_numbers(array[place : place + 1], columns)[0], numbers[place])
    assert len(np.unique(numbers)) == numbers.size


def test_numbers_are_splitmix64() -> None:
    """The first outputs of the published generator, started at 0."""
    known = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    numbers = uniform_numbers(np.array([0]), 4)[0]
    assert numbers.tolist() == [(value >> 11) / 2**53 for value in known]


def test_test_ids_lie_beyond_any_training() -> None:
    steps_of_a_year = 365 * 24 * 3600 * 1000
    assert steps_of_a_year * 2 < shapes_module.TEST_START
    assert shapes_module.TEST_START + shapes_module.TEST_SIZE < 1 << 42
