"""The painted prior: exact samples, the smoothed density, texts, pictures and strokes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from aae_studio.core import painted_density
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.contours import contours
from aae_studio.core.errors import ConfigError
from aae_studio.core.painted_density import CELL, HALF, LEVELS, SHAPES, SIDE
from aae_studio.core.priors.painted import BLURS, REST, Painted

Array = npt.NDArray[np.float64]
# What the docstring says of the starters: total variation and KL between painting and smoothed density.
MOVED = {"heart": (0.06, 0.06), "ring": (0.13, 0.14), "islands": (0.11, 0.12)}
OPTION = next(option for option in Painted.options if option.name == "picture")

paintings = arrays.arrays(np.uint8, (SIDE, SIDE), elements=st.integers(0, LEVELS), fill=st.just(0)).filter(
    lambda ink: ink.any()
)


def noise() -> painted_density.Ink:
    """A painting in which every cell differs from its neighbours."""
    return np.random.default_rng(0).integers(0, LEVELS + 1, (SIDE, SIDE)).astype(np.uint8)


def cells_of(codes: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Row from the top, column, and the place within the cell (0 to 1), of places in σ."""
    scaled = np.stack([(codes[:, 0] + HALF) / CELL, (HALF - codes[:, 1]) / CELL])
    whole = np.floor(scaled)
    return whole[::-1].astype(np.int64), scaled - whole


# Exact samples


@pytest.mark.parametrize("ink", [painted_density.starter("heart"), noise()], ids=["heart", "noise"])
def test_samples_are_drawn_from_what_is_painted(ink: painted_density.Ink) -> None:
    """Pearson's chi-squared over every cell with ink; nothing at all lies elsewhere."""
    prior, count = Painted(2, 2.5, picture=painted_density.written(ink)), 400_000
    codes = prior.sample(count, torch.Generator().manual_seed(1)).double().numpy() / 2.5
    (row, column), within = cells_of(codes)
    seen = np.zeros((SIDE, SIDE))
    np.add.at(seen, (row, column), 1)
    expected = count * (ink / ink.sum(dtype=np.float64))
    assert seen[ink == 0].sum() <= 2, "rounding at the edge of a cell"
    painted = expected > 0
    cells = int(painted.sum())
    statistic = float(((seen - expected)[painted] ** 2 / expected[painted]).sum())
    assert abs(statistic - cells) < 5 * math.sqrt(2 * cells)
    # Within a cell all places are equally likely: the largest gap between distribution functions.
    for places in within:
        gap = np.abs(np.sort(places) - (np.arange(count) + 0.5) / count).max()
        assert gap < 2 / math.sqrt(count)


def test_further_axes_are_gaussian_and_the_generator_decides() -> None:
    prior = Painted(5, 3.0, "islands")
    codes = prior.sample(50_000, torch.Generator().manual_seed(2))
    assert torch.equal(codes, prior.sample(50_000, torch.Generator().manual_seed(2)))
    rest = codes[:, 2:].double() / 3.0
    torch.testing.assert_close(rest.mean(dim=0), torch.zeros(3).double(), atol=0.02, rtol=0)
    torch.testing.assert_close((rest**4).mean(dim=0), 3 * torch.ones(3).double(), atol=0.2, rtol=0)
    some = codes[:500].double()
    wanted = -0.5 * (some[:, 2:] / 3.0).square() - math.log(3.0 * math.sqrt(2 * math.pi))
    plane = Painted(2, 3.0, "islands").log_prob(some[:, :2])
    torch.testing.assert_close(prior.log_prob(some), plane + wanted.sum(dim=1))


# The smoothed density


def density_by_loops(ink: painted_density.Ink, place: Array) -> float:
    """The mixture, Gaussian by Gaussian, at one place in σ."""
    total, mass = 0.0, ink / ink.sum(dtype=np.float64)
    mean, second = np.zeros(2), 0.0
    for row, column in np.argwhere(mass):
        middle = np.array([(column + 0.5) * CELL - HALF, HALF - (row + 0.5) * CELL])
        mean += mass[row, column] * middle
        second += mass[row, column] * (middle**2).sum()
        gap = ((place - middle) ** 2).sum()
        for share, width in BLURS:
            total += share * mass[row, column] * math.exp(-gap / (2 * width**2)) / (2 * math.pi * width**2)
    variance = (second - (mean**2).sum()) / 2 + CELL**2
    rest = math.exp(-((place - mean) ** 2).sum() / (2 * variance)) / (2 * math.pi * variance)
    return total + REST * rest


@pytest.mark.parametrize("sigma", [1.0, 0.4])
def test_log_prob_is_the_mixture_written_out(sigma: float) -> None:
    prior, ink = Painted(2, sigma, "islands"), painted_density.starter("islands")
    places = np.random.default_rng(0).normal(0, 1.5, (12, 2))
    wanted = [math.log(density_by_loops(ink, place)) - 2 * math.log(sigma) for place in places]
    found = prior.log_prob(torch.from_numpy(sigma * places))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9)
    single = prior.log_prob(torch.from_numpy(sigma * places).float())
    np.testing.assert_allclose(single.numpy(), wanted, rtol=2e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_how_far_the_smoothed_density_is_from_the_painted_one(shape: str) -> None:
    prior, fine = Painted(2, 1.0, shape), 4 * SIDE
    reach, side = 2 * HALF, 2 * 2 * HALF / fine
    axis = (np.arange(fine) + 0.5) * side - reach
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    codes = torch.from_numpy(np.stack([x, y], axis=1))
    log_smooth = torch.cat([prior.log_prob(part) for part in codes.split(16384)]).numpy()
    (row, column), _ = cells_of(codes.numpy())
    inside = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
    exact = np.zeros(len(x))
    exact[inside] = prior.ink[row[inside], column[inside]] / (prior.ink.sum(dtype=np.float64) * CELL**2)
    assert exact.sum() * side**2 == pytest.approx(1, abs=1e-9)
    assert np.exp(log_smooth).sum() * side**2 == pytest.approx(1, abs=1e-4)
    moved, nats = MOVED[shape]
    assert 0.5 * np.abs(np.exp(log_smooth) - exact).sum() * side**2 == pytest.approx(moved, abs=0.006)
    there = exact > 0
    divergence = (exact[there] * (np.log(exact[there]) - log_smooth[there])).sum() * side**2
    assert divergence == pytest.approx(nats, abs=0.006)


def test_the_gradient_is_that_of_finite_differences_and_leads_back_from_far_away() -> None:
    prior = Painted(3, 0.8, "ring")
    codes = torch.cat([torch.zeros(1, 3), torch.randn(60, 3, generator=torch.Generator().manual_seed(0))])
    codes = codes.double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(prior.log_prob(codes).sum(), codes)
    nudge = 1e-6
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = nudge
        with torch.no_grad():
            slope = (prior.log_prob(codes + step) - prior.log_prob(codes - step)) / (2 * nudge)
        torch.testing.assert_close(gradient[:, axis], slope, rtol=1e-4, atol=1e-4)
    far = torch.tensor([[300.0, -500.0, 90.0], [12.0, 0.0, 0.0], [-4.0, 4.0, 0.0]], requires_grad=True)
    values = prior.log_prob(far)
    (gradient,) = torch.autograd.grad(values.sum(), far)
    assert torch.isfinite(values).all()
    assert torch.isfinite(gradient).all()
    assert ((gradient * far).sum(dim=1) < 0).all()


def test_what_only_looks_may_ask_first() -> None:
    """A thread that draws samples without gradients shares the prior with the one that trains."""
    prior = Painted(2)
    with torch.inference_mode():
        prior.sample(4, torch.Generator().manual_seed(0))
        prior.log_prob(torch.zeros(1, 2))
    codes = torch.zeros(3, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(prior.log_prob(codes).sum(), codes)
    assert torch.isfinite(slope).all()


def test_bfloat16_around_it_does_not_round_the_density() -> None:
    prior, codes = Painted(2), torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = prior.log_prob(codes)
    assert torch.equal(rounded, prior.log_prob(codes))


# Outlines


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.float64, (7, 9), elements=st.integers(0, 6).map(float)), st.integers(0, 5))
def test_contours_part_what_is_above_from_what_is_below(values: Array, whole: int) -> None:
    lines = contours(values, whole + 0.5)
    for line in lines:
        np.testing.assert_array_equal(line[0], line[-1])
    for row, column in np.ndindex(*values.shape):
        crossed = 0
        for line in lines:
            (x1, y1), (x2, y2) = line[:-1].T, line[1:].T
            # A ray that starts a little below the row, so that it meets no corner of a line.
            rising = (y1 > row + 1e-4) != (y2 > row + 1e-4)
            crossing = x1 + (row + 1e-4 - y1) * (x2 - x1) / np.where(y1 == y2, 1.0, y2 - y1)
            crossed += int((rising & (crossing > column)).sum())
        assert crossed % 2 == (values[row, column] > whole + 0.5)


def test_the_contour_of_a_cone_is_a_circle() -> None:
    y, x = np.mgrid[:41, :41]
    (line,) = contours(30.0 - np.hypot(x - 20, y - 20), 18.0)
    np.testing.assert_allclose(np.hypot(*(line - 20).T), 12, atol=0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_outline_holds_about_nine_tenths(shape: str) -> None:
    prior = Painted(2, 1.7, shape)
    codes = prior.sample(4000, torch.Generator().manual_seed(0)).double().numpy()
    crossed = np.zeros(len(codes), np.int64)
    for line in prior.outline():
        (x1, y1), (x2, y2) = line[:-1].T, line[1:].T
        rising = (y1 > codes[:, 1:]) != (y2 > codes[:, 1:])
        crossing = x1 + (codes[:, 1:] - y1) * (x2 - x1) / np.where(y1 == y2, 1.0, y2 - y1)
        crossed += (rising & (codes[:, :1] < crossing)).sum(axis=1)
    assert 0.85 < (crossed % 2).mean() < 1.0


# Texts


@settings(max_examples=40, deadline=None)
@given(paintings)
def test_a_painting_comes_back_from_its_text(ink: painted_density.Ink) -> None:
    text = painted_density.written(ink)
    np.testing.assert_array_equal(painted_density.read(text), ink)
    assert OPTION.checked(text) == text == OPTION.parsed(OPTION.shown(text))
    config = ExperimentConfig(prior="painted", options={"painted.picture": text})
    assert ExperimentConfig.from_json(config.to_json()) == config


@settings(deadline=None)
@given(st.text(".AXY$!05 ", max_size=12).map(lambda text: text + "!") | st.text(max_size=8))
def test_any_text_is_a_painting_or_refused_by_name(text: str) -> None:
    try:
        ink = painted_density.read(text, "painted.picture")
    except ConfigError as fault:
        named, sentence = fault.field, str(fault)
    else:
        assert ink.any()
        np.testing.assert_array_equal(painted_density.read(painted_density.written(ink)), ink)
        return
    assert named == "painted.picture"
    assert sentence.endswith(".")


def test_a_text_that_a_person_can_read() -> None:
    ink = np.zeros((SIDE, SIDE), np.uint8)
    ink[2, 3:6] = LEVELS
    ink[4, 0] = 1
    assert painted_density.written(ink) == "2$3.3X2$A!"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("!", "nothing is painted there"),
        ("5.$3.!", "nothing is painted there"),
        ("heart", "neither a picture nor a painting"),
        ("65X!", "64 rows of 64 cells"),
        ("64$X!", "64 rows of 64 cells"),
        ("0X!", "64 rows of 64 cells"),
        (7, "not a painting as text"),
        (None, "not a painting as text"),
    ],
)
def test_what_is_no_painting(value: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as fault:
        OPTION.checked(value, "painted.picture")
    assert fault.value.field == "painted.picture"


# Pictures


def saved(folder: Path, pixels: npt.NDArray[np.uint8], name: str = "picture.png") -> str:
    file = folder / name
    Image.fromarray(pixels).save(file)
    return str(file)


@pytest.mark.parametrize("paper", [0, 255])
def test_a_picture_file_is_ink_on_paper(tmp_path: Path, paper: int) -> None:
    pixels = np.full((32, 128), paper, np.uint8)
    pixels[8:24, 32:64] = 255 - paper
    ink = painted_density.read(OPTION.parsed(saved(tmp_path, pixels)))
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    # Twice as coarse, in the middle.
    wanted[28:36, 16:32] = LEVELS
    np.testing.assert_array_equal(ink, wanted)


def test_what_is_opaque_is_ink_and_half_is_half(tmp_path: Path) -> None:
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[10:20, 10:20] = (255, 255, 255, 254)
    pixels[40:50, 10:20] = (0, 0, 0, 127)
    ink = painted_density.from_picture(Path(saved(tmp_path, pixels)))
    assert set(np.unique(ink)) == {0, LEVELS // 2, LEVELS}
    assert (ink[10:20, 10:20] == LEVELS).all()
    assert (ink[40:50, 10:20] == LEVELS // 2).all()


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "missing", "folder", "huge"])
def test_a_file_that_is_no_painting_is_refused_in_a_sentence(tmp_path: Path, kind: str, monkeypatch) -> None:
    words = {"empty": "nothing is painted", "huge": "too large"}.get(kind, "cannot be read as a picture")
    word = saved(tmp_path, np.full((9, 9), 255 if kind == "empty" else 77, np.uint8))
    if kind == "text":
        Path(word).write_text("no picture")
    elif kind == "cut":
        whole = saved(tmp_path, noise())
        Path(word).write_bytes(Path(whole).read_bytes()[:900])
    elif kind == "missing":
        word += "s"
    elif kind == "folder":
        word = str(tmp_path)
    elif kind == "huge":
        monkeypatch.setattr(painted_density, "MOST_PIXELS", 80)
    with pytest.raises(ConfigError, match=words) as fault:
        OPTION.parsed(word, "painted.picture")
    assert fault.value.field == "painted.picture"


# Painting

places = st.tuples(st.floats(-3.5, 3.5), st.floats(-3.5, 3.5))


@settings(max_examples=20, deadline=None)
@given(places, places, st.floats(0.05, 1.5), st.integers(1, LEVELS), st.booleans())
def test_a_stroke_covers_what_lies_within_its_reach(start, end, radius, level, erase) -> None:
    before = noise()
    after = painted_density.stroked(before, start, end, radius, level, erase)
    on_the_way = np.array(start) + np.linspace(0, 1, 400)[:, None] * np.subtract(end, start)
    for row, column in np.random.default_rng(1).integers(0, SIDE, (80, 2)):
        here = np.array([(column + 0.5) * CELL - HALF, HALF - (row + 0.5) * CELL])
        gap = np.sqrt(((on_the_way - here) ** 2).sum(axis=1)).min()
        old, new = int(before[row, column]), int(after[row, column])
        if gap > radius + 0.5 * CELL + 0.02:
            assert new == old
        elif gap < radius - 0.5 * CELL - 0.02:
            assert new == (0 if erase else max(old, level))
        else:
            assert (new <= old) if erase else (old <= new <= max(old, level))


def test_which_places_lie_on_the_ink() -> None:
    ink = np.zeros((SIDE, SIDE), np.uint8)
    ink[0, -1] = 1
    corner = HALF - CELL / 2
    asked = [(corner, corner), (corner, -corner), (-corner, corner), (corner + CELL, corner), (99.0, 99.0)]
    assert painted_density.lies_on(ink, asked).tolist() == [True, False, False, False, False]


# In an experiment


def test_aae_and_vae_take_up_a_painting_while_they_train(build) -> None:
    islands = painted_density.written(painted_density.starter("islands"))
    quick = {"learning_rate": 3e-3, "aae.discriminator_hidden": (128, 128), "aae.adversarial_weight": 0.1}
    experiment = build(models=("vae", "aae"), batch_size=128, hidden=(128, 128), **quick)
    run = experiment.run()
    for _ in range(20):
        next(run)
    config = experiment.config.with_(prior="painted", **{"painted.picture": islands})
    assert experiment.accepts_live(config)
    experiment.change(config)
    for _ in range(300):
        next(run)
    assert experiment.step == 320
    snapshot = experiment.snapshot()
    shares = {
        name: float(painted_density.lies_on(snapshot.prior.ink, frozen.encode(snapshot.probe_images)).mean())
        for name, frozen in snapshot.models.items()
    }
    # Of a Gaussian's codes, fewer than half would lie there.
    gaussian = np.random.default_rng(0).standard_normal((20_000, 2))
    assert painted_density.lies_on(snapshot.prior.ink, gaussian).mean() < 0.45
    assert min(shares.values()) > 0.6, shares
