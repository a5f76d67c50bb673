"""The overlays of fields and forces: what each looks at, to whom it applies, and what it draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QColor, QImage, QPainter

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.experiment import Experiment
from aae_studio.core.registry import MODELS
from aae_studio.core.snapshot import Snapshot
from aae_studio.ui import plugins, theme
from aae_studio.ui.canvas import marks, painting
from aae_studio.ui.canvas.contours import contours
from aae_studio.ui.canvas.overlays.arrows import LONGEST, USUAL, Pulls
from aae_studio.ui.canvas.overlays.density import Contrast
from aae_studio.ui.canvas.overlays.field import Field
from aae_studio.ui.canvas.overlays.holes import DRAWN, Seen
from aae_studio.ui.canvas.overlays.mistakes import RADIUS, Mistaken
from aae_studio.ui.canvas.overlays.posterior import Clouds
from aae_studio.ui.canvas.overlays.stretch import Ellipses
from aae_studio.ui.canvas.overlays.thumbnails import GAP, SIDE, Pictures
from aae_studio.ui.canvas.plane import View, axis_plane
from aae_studio.ui.canvas.scene import Scene, Stage
from aae_studio.ui.canvas.tints import diverging, finer, ramp, tint

OVERLAYS = plugins.overlays()
DARK, LIGHT = theme.load("dark"), theme.load("light")
SIZE = QSize(200, 120)
VIEW = View(0.0, 0.0, 3.0)
# Pixels per code unit.
SCALE = 20
NAMES = ("field", "arrows", "density", "holes", "stretch", "posterior", "thumbnails", "mistakes")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Digits(Path())


def scene(latent_size: int = 2, model: str = "ae", view: View = VIEW) -> Scene:
    return Scene.at(model, axis_plane(latent_size, 0, 1), view, np.zeros(latent_size, np.float32), 0, SIZE)


def stage(look: theme.Theme = DARK, view: View = VIEW) -> Stage:
    return Stage(view, SIZE, look, True, look.color("model"))


def painted(name: str, seen: Any, on: Stage | None = None) -> QImage:
    """What an overlay draws, on a clear ground."""
    image = QImage(SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    OVERLAYS[name].draw(painter, seen, on or stage())
    painter.end()
    return image


def noted(name: str, seen: Any) -> QImage:
    """The figures that an overlay writes, on a clear ground."""
    image = QImage(SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    OVERLAYS[name].annotate(painter, seen, stage())
    painter.end()
    return image


def at(image: QImage, x: float, y: float) -> QColor:
    """The colour at a place of the plane."""
    return image.pixelColor(round(SIZE.width() / 2 + SCALE * x), round(SIZE.height() / 2 - SCALE * y))


def near(color: QColor, wanted: QColor, most: int = 60) -> bool:
    """Whether a colour has the wanted hue, whatever its opacity."""
    return (
        color.alpha() > 30
        and max(abs(a - b) for a, b in zip(color.getRgb()[:3], wanted.getRgb()[:3], strict=True)) < most
    )


def inked(image: QImage) -> np.ndarray:
    """The opacity of each pixel, (height, width)."""
    alpha = image.convertToFormat(QImage.Format.Format_Alpha8)
    table = np.frombuffer(alpha.constBits(), np.uint8).reshape(alpha.height(), alpha.bytesPerLine())
    # The image, whose memory this is, goes.
    return table[:, : alpha.width()].copy()


# All of them


def snapshot_of(digits: Dataset, *models: str, **changes: Any) -> Snapshot:
    config = ExperimentConfig(models=models, hidden=(16,), batch_size=64, precision="float32", **changes)
    experiment = Experiment(config, digits)
    next(experiment.run())
    return experiment.snapshot()


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_its_signs_mean(name: str, look: theme.Theme) -> None:
    overlay = OVERLAYS[name]
    entries = overlay.legend(look)
    assert entries
    assert len({overlay.shortcut for overlay in OVERLAYS.values()}) == len(OVERLAYS)
    assert len(overlay.title) <= 11
    assert all(color.isValid() for entry in entries for color in entry.colors)


@pytest.mark.parametrize("latent_size", [1, 2, 128])
@pytest.mark.parametrize("model", MODELS.names())
def test_each_draws_every_model_it_applies_to(qapp, digits, model: str, latent_size: int) -> None:
    snapshot = snapshot_of(digits, model, latent_size=latent_size)
    frozen = snapshot.models[model]
    codes = frozen.encode(snapshot.probe_images) if frozen.has_encoder else None
    judges = model not in ("ae", "vae", "wae")
    encodes = model != "gan"
    applying = {
        "field": judges,
        "arrows": encodes,
        "density": encodes,
        "holes": True,
        "stretch": True,
        "posterior": model == "vae",
        "thumbnails": encodes,
        "mistakes": encodes,
    }
    for name, applies in applying.items():
        assert OVERLAYS[name].applies(frozen) == applies, name
        if applies:
            seen = OVERLAYS[name].look(scene(latent_size, model), snapshot, codes)
            assert inked(painted(name, seen)).any(), name


# Field


def halves(rows: int = 6) -> tuple[Any, np.ndarray]:
    """A grid, and a table that is -1 left of the middle and 1 right of it."""
    grid = scene().grid(rows)
    return grid, np.sign(grid.places[:, 0]).reshape(grid.rows, grid.columns).astype(np.float32)


def test_the_field_colours_real_and_fake_and_draws_where_it_cannot_tell(qapp) -> None:
    grid, side = halves()
    table = 0.5 + 0.5 * side
    image = painted("field", Field(grid, table, contours(table, 0.5, grid)))
    assert near(at(image, -3, 1), DARK.color("fake"))
    assert near(at(image, 3, 1), DARK.color("real"))
    assert near(at(image, 0, 1), DARK.color("half"))
    undecided = painted("field", Field(grid, np.full_like(table, 0.5), []))
    assert inked(undecided).max() <= 1


def test_the_field_is_the_discriminators(digits) -> None:
    snapshot = snapshot_of(digits, "aae")
    seen = OVERLAYS["field"].look(scene(model="aae"), snapshot, None)
    from aae_studio.core import fields

    for row, column in ((0, 0), (11, 30), (39, 5)):
        code = seen.grid.codes[row * seen.grid.columns + column][None]
        wanted = fields.verdicts(snapshot.models["aae"], code)[0]
        assert seen.verdicts[row, column] == pytest.approx(wanted, abs=1e-5)


# Density


def test_density_says_where_codes_are_too_many_and_too_few(qapp, digits) -> None:
    snapshot = snapshot_of(digits, "aae")
    codes = np.random.default_rng(0).standard_normal((1500, 2)).astype(np.float32)
    right = codes * 0.4 + np.array([2, 0], np.float32)
    seen = OVERLAYS["density"].look(scene(model="aae"), snapshot, right)
    image = painted("density", seen)
    assert near(at(image, 2, 0), DARK.color("too-many"))
    assert near(at(image, -0.5, 0), DARK.color("too-few"))
    # Codes that lie as the prior does differ from it by chance alone.
    alike = OVERLAYS["density"].look(scene(model="aae"), snapshot, codes)
    inner = np.hypot(*alike.grid.places.T).reshape(alike.values.shape) < 1.5
    assert np.abs(alike.values[inner]).max() < 0.25 < np.abs(seen.values[inner]).max()


def test_the_aggregated_posterior_is_as_wide_as_its_parts(digits, monkeypatch) -> None:
    """With all means in one place, q(z) is the one Gaussian that they share: here the prior."""
    from aae_studio.core.snapshot import FrozenModel

    snapshot = snapshot_of(digits, "vae")
    monkeypatch.setattr(
        FrozenModel, "posterior", lambda _, images: (np.zeros((len(images), 2), np.float32),) * 2
    )
    means = np.zeros((len(snapshot.probe_images), 2), np.float32)
    seen = OVERLAYS["density"].look(scene(model="vae"), snapshot, means)
    inner = np.hypot(*seen.grid.places.T).reshape(seen.values.shape) < 1.5
    assert np.abs(seen.values[inner]).max() < 0.25


def test_contrast_is_drawn_with_its_lines(qapp) -> None:
    grid, side = halves()
    image = painted("density", Contrast(grid, side, {0.4: contours(side, 0.4, grid)}))
    assert near(at(image, 3, 1), DARK.color("too-many"))
    assert near(at(image, -3, 1), DARK.color("too-few"))


# Holes


def test_holes_are_tinted_by_their_reason_and_counted(qapp) -> None:
    grid, side = halves()
    image = painted("holes", Seen(grid, -side, side, [], None))
    assert near(at(image, -3, 1), DARK.color("hole"))
    assert near(at(image, 3, 1), DARK.color("unlike"))
    sound = np.full_like(side, -0.3)
    assert not inked(painted("holes", Seen(grid, sound, sound, [], None))).any()
    assert inked(noted("holes", Seen(grid, sound, sound, [], 0.25)))[:25, 100:].any()


def test_there_are_no_holes_where_the_prior_asks_for_nothing(digits) -> None:
    wide = View(0.0, 0.0, 12.0)
    with_prior = snapshot_of(digits, "aae", "ae", prior="uniform")
    for name, asked in (("aae", True), ("ae", False)):
        codes = with_prior.models[name].encode(with_prior.probe_images)
        seen = OVERLAYS["holes"].look(scene(model=name, view=wide), with_prior, codes)
        outside = (np.abs(seen.grid.places) > np.sqrt(3)).any(axis=1).reshape(seen.displaced.shape)
        # Barely trained, next to everything comes back elsewhere.
        assert seen.displaced[~outside].max() > 0
        assert (seen.displaced[outside].max() < 0) == asked
        assert 0.5 < seen.share <= 1


def test_the_share_of_holes_is_the_figure_of_all_other_places(digits) -> None:
    """In σ of the prior, also for a model that knows nothing of it and whose codes lie far apart."""
    snapshot = snapshot_of(digits, "ae")
    frozen = snapshot.models["ae"]
    codes = 30 * frozen.encode(snapshot.probe_images)
    seen = OVERLAYS["holes"].look(scene(model="ae", view=View(0.0, 0.0, 12.0)), snapshot, codes)
    drawn, told = frozen.draw(DRAWN)
    back = frozen.encode(frozen.decode(drawn, told))
    away = np.linalg.norm(back.astype(np.float64) - drawn, axis=1)
    assert seen.share == pytest.approx((away > 0.5).mean(), abs=0.01)
    assert seen.share > 0


def test_a_model_that_gives_its_codes_back_has_no_displaced_places(digits, monkeypatch) -> None:
    from aae_studio.core.snapshot import FrozenModel

    snapshot = snapshot_of(digits, "aae")
    # An image that holds its code.
    monkeypatch.setattr(
        FrozenModel, "decode", lambda _, codes, *told: np.tile(codes, 32).reshape(-1, 1, 8, 8)
    )
    monkeypatch.setattr(FrozenModel, "encode", lambda _, images: images.reshape(len(images), -1)[:, :2])
    seen = OVERLAYS["holes"].look(scene(model="aae"), snapshot, np.zeros((5, 2), np.float32))
    assert seen.displaced.max() == -1
    assert seen.unlike.max() > 0


# Forces


def test_an_arrow_points_where_the_force_pulls(qapp) -> None:
    places = np.array([[-2, 0], [2, 0]], np.float32)
    forces = {
        "reconstruction": np.array([[3, 0], [0, 0]], np.float32),
        "kl": np.array([[0, 0], [0, 2]], np.float32),
    }
    image = painted("arrows", Pulls(places, forces, {"reconstruction": 3.0, "kl": 1.0}))
    # Usual force, usual length: to the right.
    assert near(at(image, -2 + 0.5 * USUAL / SCALE, 0), DARK.color("pull-reconstruction"))
    assert at(image, -2.5, 0).alpha() == 0
    assert at(image, -2 + (USUAL + 5) / SCALE, 0).alpha() == 0
    # Twice the usual force: twice as long, upwards, in the other colour.
    assert near(at(image, 2, 1.6 * USUAL / SCALE), DARK.color("pull-prior"))
    assert at(image, 2, -0.5).alpha() == 0


def test_no_arrow_is_longer_than_the_longest(qapp) -> None:
    far = Pulls(np.array([[-4, 1]], np.float32), {"kl": np.array([[100, 0]], np.float32)}, {"kl": 1.0})
    image = painted("arrows", far)
    assert at(image, -4 + (LONGEST - 2) / SCALE, 1).alpha() > 0
    assert at(image, -4 + (LONGEST + 4) / SCALE, 1).alpha() == 0


def test_forces_are_those_of_core_at_their_codes(digits) -> None:
    from aae_studio.core import fields

    snapshot = snapshot_of(digits, "aae")
    frozen = snapshot.models["aae"]
    codes = frozen.encode(snapshot.probe_images)
    spread = 20 * codes
    seen = OVERLAYS["arrows"].look(scene(model="aae"), snapshot, spread)
    assert len(seen.places) > 3
    found = fields.forces(frozen, snapshot.probe_images[:192], snapshot.dataset.probe.labels[:192])
    for place, force in zip(seen.places, seen.forces["adversarial"], strict=True):
        which = int(np.abs(spread[:192] - place).sum(axis=1).argmin())
        np.testing.assert_allclose(force, found["adversarial"][which], atol=1e-7)


def test_a_scale_is_as_long_as_its_number_says(qapp) -> None:
    none = np.zeros((0, 2), np.float32)
    lengths = []
    for unit in (0.5, 0.8):
        ink = noted("arrows", Pulls(none, {"kl": none}, {"kl": unit}))
        arrow = [
            x
            for x in range(SIZE.width())
            for y in range(SIZE.height())
            if near(ink.pixelColor(x, y), DARK.color("pull-prior"), 30)
        ]
        lengths.append(np.ptp(arrow))
    # Of 0.5 in both.
    assert lengths[0] == pytest.approx(USUAL, abs=2)
    assert lengths[1] == pytest.approx(USUAL * 0.5 / 0.8, abs=2)


# Stretch and posterior


def test_an_ellipse_is_long_in_its_direction(qapp) -> None:
    grid = scene().grid(1)
    count = len(grid.codes)
    turned = np.tile(np.array([[0, 1], [1, 0]], np.float32), (count, 1, 1))
    values = np.tile(np.array([[2.0, 0.5]], np.float32), (count, 1))
    ink = inked(painted("stretch", Ellipses(grid, values, turned, 2.0)))
    # The middle of the grid, and nothing but one ellipse around it.
    cell = (grid.right - grid.left) / grid.columns * SCALE
    middle = round(SIZE.width() / 2 + SCALE * float(grid.places[count // 2, 0]))
    column = np.flatnonzero(ink[:, middle])
    row = np.flatnonzero(ink[60, middle - 40 : middle + 41])
    assert np.ptp(column) == pytest.approx(2 * 0.4 * cell, abs=3)
    assert np.ptp(row) == pytest.approx(2 * 0.1 * cell, abs=3)


def test_a_posterior_is_drawn_at_one_and_two_sigma_in_its_classes_colour(qapp) -> None:
    clouds = Clouds(
        np.array([[0, 0]], np.float32),
        np.array([[1.5, 0.5]], np.float32),
        np.eye(2, dtype=np.float32)[None],
        np.array([3]),
    )
    image = painted("posterior", clouds)
    color = DARK.class_color(3)
    for x, y in ((1.5, 0), (3, 0), (0, 0.5), (0, 1)):
        assert near(at(image, x, y), color, 80)
    # Between both is the veil, outside nothing.
    assert not near(at(image, 2.2, 0), color, 80)
    assert at(image, 3.3, 0).alpha() == 0
    ink = inked(image)
    assert np.flatnonzero(ink[60]).min() == pytest.approx(100 - 60, abs=2)
    assert np.flatnonzero(ink[:, 100]).min() == pytest.approx(60 - 20, abs=2)


# Labelled images


@pytest.mark.parametrize("beside", [(), ("aae",)])
def test_each_lane_shows_what_its_own_model_is_told(digits, beside: tuple[str, ...]) -> None:
    models = ("ae", "supervised_aae", "semi_supervised_aae", "reduction_aae", *beside)
    options = {"semi_supervised_aae.labels": 50, "reduction_aae.labels": 30}
    if beside:
        options["aae.labels"] = 7
    snapshot = snapshot_of(digits, *models, options=options, prior="mixture")
    counts = {"supervised_aae": 1437, "semi_supervised_aae": 50, "reduction_aae": 30}
    counts |= {"aae": 7, "ae": 7} if beside else {"ae": 0}
    for name, count in counts.items():
        seen = OVERLAYS["labelled"].look(scene(2, name), snapshot, None)
        assert seen.known.sum() == count, name
        np.testing.assert_array_equal(seen.told[seen.known], seen.own[seen.known])


# The card of a point


@pytest.mark.parametrize("wide", [180, 400])
@given(st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_card_leaves_its_point_free(qapp, wide: int, across: float, down: float) -> None:
    size = QSize(wide, 240)
    spot = QPointF(across * size.width(), down * size.height())
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    ink = np.ones((1, 8, 8), np.float32)
    painting.draw_card(painter, spot, painting.Card.of(ink, ink, "4 · id 12345 · x → Dec(E(x))"), size, DARK)
    painter.end()
    x, y = round(spot.x()), round(spot.y())
    # Within the ring nothing is drawn.
    for right, below in ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3)):
        if image.rect().contains(x + right, y + below):
            assert image.pixelColor(x + right, y + below).alpha() == 0


# Mistakes


def test_a_ring_has_the_colour_of_the_class_that_an_image_is_taken_for(qapp) -> None:
    seen = Mistaken(np.array([[-2, 1], [3, -1]], np.float32), np.array([4, 6]))
    image = painted("mistakes", seen)
    for (x, y), place in zip(seen.places, seen.classes, strict=True):
        assert near(at(image, x + RADIUS / SCALE, y), DARK.class_color(int(place)))
        assert near(at(image, x, y - RADIUS / SCALE), DARK.class_color(int(place)))
        assert at(image, x, y).alpha() == 0, "the point itself stays as it is"
    assert OVERLAYS["mistakes"].covers
    assert not OVERLAYS["mistakes"].replaces_points


@pytest.mark.parametrize("model", ["ae", "semi_supervised_aae", "clustering_aae"])
def test_those_are_ringed_that_are_taken_for_another_class(digits, model: str) -> None:
    snapshot = snapshot_of(digits, model)
    frozen, probe = snapshot.models[model], snapshot.dataset.probe
    images = snapshot.probe_images
    codes = frozen.encode(images)
    seen = OVERLAYS["mistakes"].look(scene(2, model), snapshot, codes)
    shares, train = frozen.class_shares(images), snapshot.dataset.train
    expected = []
    if model == "clustering_aae":
        members = frozen.class_shares(snapshot.dataset.to_unit(train.images)).argmax(axis=1)
        named = [np.bincount(train.labels[members == cluster], minlength=10) for cluster in range(16)]
    for place, label in enumerate(probe.labels):
        if shares is None:
            apart = ((codes - codes[place]) ** 2).sum(axis=1)
            apart[place] = np.inf
            taken = int(np.bincount(probe.labels[np.argsort(apart, kind="stable")[:10]]).argmax())
        else:
            taken = int(shares[place].argmax())
            if model == "clustering_aae":
                # A cluster in which no image was seen takes its images for nothing.
                taken = int(named[taken].argmax()) if named[taken].any() else label
        if taken != label:
            expected.append((*codes[place].tolist(), taken))
    # A tie of distances may fall either way.
    found = {(*where, kind) for where, kind in zip(seen.places.tolist(), seen.classes.tolist(), strict=True)}
    assert len(found ^ set(expected)) <= 0.01 * len(probe)
    assert len(expected) > 0.1 * len(probe)


# Thumbnails


def test_a_thumbnail_is_the_image_at_its_code_framed_in_its_classes_colour(qapp) -> None:
    images = np.zeros((2, 3, 8, 8), np.float32)
    images[0, 1], images[1, 0] = 1, 1
    places = np.array([[-2, 1], [3, -1]], np.float32)
    image = painted("thumbnails", Pictures(images, places, np.array([1, 2])))
    assert at(image, -2, 1) == QColor(0, 255, 0)
    assert at(image, 3, -1) == QColor(255, 0, 0)
    assert near(at(image, -2, 1 + 0.5 * SIDE / SCALE), DARK.class_color(1))
    assert near(at(image, 3, -1 + 0.5 * SIDE / SCALE), DARK.class_color(2))
    assert OVERLAYS["thumbnails"].replaces_points


def test_thumbnails_are_the_probes_images_at_their_codes(digits) -> None:
    snapshot = snapshot_of(digits, "ae")
    codes = np.random.default_rng(0).standard_normal((len(snapshot.probe_images), 2)).astype(np.float32)
    seen = OVERLAYS["thumbnails"].look(scene(), snapshot, codes)
    for picture, place, label in zip(seen.images, seen.places, seen.classes, strict=True):
        which = int(np.abs(codes - place).sum(axis=1).argmin())
        np.testing.assert_array_equal(picture, snapshot.probe_images[which])
        assert label == snapshot.dataset.probe.labels[which]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.integers(0, 1000), st.floats(5, 60))
def test_what_is_spaced_does_not_overlap_and_leaves_no_room(count: int, seed: int, gap: float) -> None:
    places = np.random.default_rng(seed).uniform(-6, 6, (count, 2)).astype(np.float32)
    here = scene()
    chosen = here.spaced(places, gap)
    pixels = here.view.to_pixels(places, SIZE.width(), SIZE.height())
    inside = ((pixels >= gap / 2) & (pixels <= np.array([200, 120]) - gap / 2)).all(axis=1)
    apart = np.abs(pixels[:, None] - pixels[chosen]).max(axis=2)
    assert inside[chosen].all()
    own = apart[chosen]
    assert (own[~np.eye(len(chosen), dtype=bool)] >= gap).all()
    # Each one that is left out has no place, or one before it is too near.
    for place in set(np.flatnonzero(inside)) - set(chosen):
        assert (apart[place, chosen < place] < gap).any()
    assert GAP > SIDE


# What they are drawn with


@pytest.mark.parametrize("rows", [8, 30])
def test_a_contour_lies_where_the_value_is(rows: int) -> None:
    grid = scene().grid(rows)
    distance = np.hypot(*grid.places.T).reshape(grid.rows, grid.columns)
    (line,) = contours(distance, 2.0, grid)
    assert np.abs(np.hypot(*line.T) - 2).max() < 0.3 * 6 / rows
    # Closed, and once around.
    turns = np.unwrap(np.arctan2(line[:, 1], line[:, 0]))
    assert abs(turns[-1] - turns[0]) == pytest.approx(2 * np.pi, abs=0.2)
    # A slope has a straight line, right across.
    (slope,) = contours(grid.places[:, 0].reshape(distance.shape), 1.3, grid)
    np.testing.assert_allclose(slope[:, 0], 1.3, atol=1e-6)
    assert contours(distance, 99.0, grid) == []


def test_tints_are_clear_at_nothing_and_as_strong_as_they_are_told() -> None:
    values = np.array([[-1, -0.25, 0, 0.25, 1, 7]], np.float32)
    pixels = diverging(values, QColor("#ff0000"), QColor("#0000ff"), 0.5)
    alpha = pixels >> 24
    assert alpha.tolist()[0][2] == 0
    assert alpha[0, 0] == alpha[0, 4] == alpha[0, 5] == 128
    assert 0 < alpha[0, 1] == alpha[0, 3] < 128
    # Premultiplied red at the one end, blue at the other.
    assert pixels[0, 0] == 0x80800000
    assert pixels[0, 4] == 0x80000080
    np.testing.assert_array_equal(tint(np.array([[-1, 0]], np.float32), QColor("#123456"), 1.0), 0)
    ends = ramp(QColor("#ff0000"), QColor("#0000ff"), 0.5)
    assert ends[0].name() == "#ff0000"
    assert ends[-1].name() == "#0000ff"
    assert ends[len(ends) // 2].alpha() == 0
    assert ends[0].alphaF() == pytest.approx(0.5, abs=0.01)


def test_a_finer_table_has_straight_lines_between_its_values() -> None:
    table = np.array([[0, 4], [8, 12]], np.float32)
    found = finer(table)
    assert found.shape == (8, 8)
    # Values lie at the middles of their cells: half a cell at the edge stays as it is.
    np.testing.assert_allclose(found[0], [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4])
    np.testing.assert_allclose(found[:, 7], [4, 4, 5, 7, 9, 11, 12, 12])
    np.testing.assert_allclose(finer(np.full((1, 3), 7, np.float32)), 7)


@pytest.mark.parametrize(("value", "below"), [(1, 1), (4.9, 2), (5, 5), (0.0163, 0.01), (99, 50)])
def test_scales_are_round(value: float, below: float) -> None:
    assert marks.round_below(value) == pytest.approx(below)
