"""Planes and views: the arithmetic between codes and pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFontMetricsF, QImage, QPainter

from aae_studio.ui.canvas import painting
from aae_studio.ui.canvas.painting import nearest, tick_step
from aae_studio.ui.canvas.plane import View, axis_plane, fitting_view, principal_plane, settled
from aae_studio.ui.theme import load

finite = st.floats(-50, 50)
sizes = st.integers(40, 2000)


@given(finite, finite, st.floats(0.01, 100), st.floats(0, 1), st.floats(0, 1), sizes, sizes)
def test_a_pixel_goes_to_its_place_and_back(x, y, half, u, v, width, height):
    view = View(x, y, half)
    px, py = u * width, v * height
    place = view.to_plane(px, py, width, height)
    back = view.to_pixels(np.array([place], np.float64), width, height)[0]
    assert back == pytest.approx([px, py], abs=0.05)


def test_up_in_the_plane_is_up_on_the_screen():
    low, high = View(0, 0, 1).to_pixels(np.array([[0, -1], [0, 1]], np.float32), 100, 100)
    assert high[1] < low[1]


@given(finite, finite, st.floats(0.1, 10), st.floats(0.2, 5), finite, finite)
def test_zooming_keeps_the_place_under_the_mouse(x, y, half, factor, px, py):
    view = View(x, y, half)
    place = np.array([[px, py]])
    before = view.to_pixels(place, 300, 200)
    after = view.zoomed(factor, px, py).to_pixels(place, 300, 200)
    scale = abs(view.scale(300, 200)) * 200
    assert after == pytest.approx(before, rel=1e-3, abs=1e-2 + scale * 1e-4)


def test_a_carried_place_looks_the_same_in_the_other_view():
    here, there = View(1, 2, 3), View(-5, 0, 12)
    place = here.carried((2.5, 0.5), there)
    pixel = here.to_pixels(np.array([[2.5, 0.5]]), 400, 300)
    assert there.to_pixels(np.array([place]), 400, 300) == pytest.approx(pixel, abs=1e-3)


@given(st.integers(2, 40), st.data())
def test_moving_in_an_axis_plane_changes_two_numbers_only(size, data):
    x = data.draw(st.integers(0, size - 1))
    y = data.draw(st.integers(0, size - 1).filter(lambda other: other != x))
    code = np.random.default_rng(0).normal(size=size).astype(np.float32)
    moved = axis_plane(size, x, y).moved(code, (0.25, -1.5))
    expected = code.copy()
    expected[x], expected[y] = 0.25, -1.5
    assert moved == pytest.approx(expected, abs=1e-5)


def test_principal_plane_matches_a_singular_value_decomposition():
    rng = np.random.default_rng(1)
    codes = (rng.normal(size=(500, 6)) * [5, 1, 3, 0.5, 0.2, 0.1] + 2).astype(np.float32)
    plane = principal_plane(codes)
    centred = codes - codes.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    overlap = np.abs(plane.basis @ directions[:2].T)
    assert overlap == pytest.approx(np.eye(2), abs=1e-2)
    places = plane.project(codes)
    assert places.mean(axis=0) == pytest.approx([0, 0], abs=1e-3)
    assert plane.basis @ plane.basis.T == pytest.approx(np.eye(2), abs=1e-5)


def test_principal_directions_do_not_flip_from_one_survey_to_the_next():
    rng = np.random.default_rng(2)
    codes = (rng.normal(size=(300, 4)) * [3, 2, 1, 1]).astype(np.float32)
    first = principal_plane(codes)
    for _ in range(20):
        codes = codes + rng.normal(size=codes.shape).astype(np.float32) * 0.01
        following = principal_plane(codes, first)
        assert np.all(np.sum(following.basis * first.basis, axis=1) > 0.9)


def test_moving_in_a_principal_plane_keeps_what_lies_across():
    rng = np.random.default_rng(3)
    plane = principal_plane(rng.normal(size=(100, 5)).astype(np.float32))
    code = rng.normal(size=5).astype(np.float32)
    moved = plane.moved(code, (1.0, -2.0))
    assert plane.project(moved[None])[0] == pytest.approx([1, -2], abs=1e-4)
    across = np.eye(5) - plane.basis.T @ plane.basis
    assert across @ moved == pytest.approx(across @ code, abs=1e-4)


def test_one_axis_has_a_plane_too():
    plane = axis_plane(1, 0, 0)
    assert plane.project(np.array([[2.0], [3.0]], np.float32)).tolist() == [[2, 0], [3, 0]]
    assert plane.moved(np.array([1.0], np.float32), (4.0, 9.0)).tolist() == [4]


def test_fitting_view_holds_nearly_all_places():
    places = np.random.default_rng(0).normal([10, -4], [1, 6], size=(5000, 2)).astype(np.float32)
    view = fitting_view(places)
    inside = (np.abs(places - [view.x, view.y]) <= view.half).all(axis=1)
    assert inside.mean() > 0.97


def test_views_settle_instead_of_jittering():
    view = View(0, 0, 1)
    assert settled(view, View(0.05, 0, 1.05)) is view
    assert settled(view, View(0, 0, 2)).half == 2
    assert settled(view, View(0.5, 0, 1)).x == 0.5


@given(st.floats(1e-3, 1e4))
def test_grid_lines_are_round_and_few(half):
    step = tick_step(half)
    assert 2.3 <= 2 * half / step <= 6.01
    mantissa = step / 10 ** np.floor(np.log10(step) + 1e-9)
    assert min(abs(mantissa - m) for m in (1, 2, 5, 10)) < 1e-6


def test_nearest_finds_the_point_under_the_mouse_and_only_within_reach():
    places = np.array([[10, 10], [50, 50]], np.float32)
    assert nearest(places, QPointF(12, 9), 9) == 0
    assert nearest(places, QPointF(30, 30), 9) is None
    assert nearest(np.zeros((0, 2), np.float32), QPointF(0, 0), 9) is None


@pytest.mark.parametrize("half", [0.8, 3.0, 2.4e4, 1.45e11, 1.7e11])
@pytest.mark.parametrize("side", [190, 600])
def test_numbers_along_the_lower_edge_stand_apart_and_inside(qapp, monkeypatch, half, side):
    drawn: list[tuple[float, float, str]] = []
    monkeypatch.setattr(
        painting, "_draw_label", lambda painter, x, baseline, text, theme: drawn.append((x, baseline, text))
    )
    image = QImage(side, side, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painting.draw_numbers(painter, View(half / 7, 0.0, half), image.size(), ("z1", "z2"), load("dark"))
    metrics = QFontMetricsF(painter.font())
    painter.end()
    edge = 0.0
    along = [(x, text) for x, baseline, text in drawn if baseline == side - 4 and text != "z1"]
    assert along
    for x, text in along:
        assert x >= edge
        edge = x + metrics.horizontalAdvance(text)
    assert edge <= side
