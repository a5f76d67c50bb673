"""Curves: exact values, means over windows, and the way to disk and back."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aae_studio.core.errors import StudioError
from aae_studio.core.experiment import Report
from aae_studio.core.history import Column, History


def reports(first: int, last: int, models: tuple[str, ...] = ("ae", "gan")) -> list[Report]:
    return [
        Report(step, 0, step * 0.5, {m: {"loss": np.sin(step) + len(m), "d": float(step)} for m in models})
        for step in range(first, last)
    ]


def filled(values: list[float]) -> History:
    history = History()
    history.append([Report(row + 1, 0, float(row), {"m": {"c": v}}) for row, v in enumerate(values)])
    return history


def test_keeps_every_value_in_whatever_portions_they_come() -> None:
    history, start = History(), 1
    history.append([])
    for size in (1, 2, 300, 1, 1000):
        history.append(reports(start, start + size))
        start += size
    assert len(history) == start - 1
    assert history.curves == (("ae", "loss"), ("ae", "d"), ("gan", "loss"), ("gan", "d"))
    np.testing.assert_array_equal(history.steps, np.arange(1, start))
    np.testing.assert_array_equal(history.seconds, np.arange(1, start) * 0.5)
    np.testing.assert_array_equal(history.values("ae", "loss"), [np.sin(s) + 2 for s in range(1, start)])


def test_with_enough_points_and_no_smoothing_values_are_exact() -> None:
    history = filled([1e20, 0.1, 0.2, 1e-9])
    rows, values = history.window("m", "c", 0, 4, 4)
    np.testing.assert_array_equal(rows, [0, 1, 2, 3])
    np.testing.assert_array_equal(values, [1e20, 0.1, 0.2, 1e-9])


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=400),
    first=st.integers(-5, 400),
    length=st.integers(0, 500),
    points=st.integers(2, 60),
    smoothing=st.integers(1, 50),
)
def test_window_against_plain_means(
    values: list[float], first: int, length: int, points: int, smoothing: int
) -> None:
    history = filled(values)
    last = first + length
    rows, shown = history.window("m", "c", first, last, points, smoothing)
    inside = range(max(first, 0), min(last, len(values)))
    if not len(inside):
        assert len(rows) == len(shown) == 0
        return
    assert 1 <= len(rows) <= points
    assert rows[0] >= inside[0]
    assert rows[-1] == inside[-1]
    assert (np.diff(rows) > 0).all()
    bin_width = max(int(np.diff(rows)[0]) if len(rows) > 2 else 1, 1)
    for row, value in zip(rows, shown, strict=True):
        if len(inside) <= points or len(rows) > 2:
            width = max(smoothing, bin_width)
            assert value == pytest.approx(np.mean(values[max(row + 1 - width, 0) : row + 1]), abs=1e-8)


def test_points_stay_where_they_are_while_the_curve_grows() -> None:
    history = filled([float(v) for v in range(1000)])
    before, _ = history.window("m", "c", 0, 1000, 200)
    history.append([Report(1001, 0, 0.0, {"m": {"c": 5.0}})])
    after, _ = history.window("m", "c", 0, 1001, 200)
    assert set(before[:-1]) <= set(after)


def test_a_window_costs_its_points_not_the_length() -> None:
    history = filled([0.0])
    history._columns["m/c"].extend(np.ones(5_000_000))

    def cost(last: int) -> float:
        times = []
        for _ in range(20):
            start = time.perf_counter()
            history.window("m", "c", 0, last, 500, 100)
            times.append(time.perf_counter() - start)
        return min(times)

    assert cost(5_000_000) < 20 * cost(500)


def test_a_model_that_leaves_keeps_its_curve() -> None:
    history = History()
    history.append(reports(1, 11))
    history.append(reports(11, 21, models=("ae",)))
    assert len(history.values("gan", "d")) == 10
    assert history.window("gan", "d", 0, 20, 100)[0][-1] == 9
    assert history.window("ae", "d", 0, 20, 100)[0][-1] == 19
    again = History.from_arrays(history.as_arrays())
    again.append(reports(21, 22, models=("ae",)))
    assert len(again.values("gan", "d")) == 10
    assert len(again.values("ae", "d")) == 21


def test_arrays_bring_the_same_history_back() -> None:
    history = History()
    history.append(reports(1, 700))
    again = History.from_arrays(history.as_arrays())
    assert again.curves == history.curves
    for (_, left), (_, right) in zip(again.as_arrays().items(), history.as_arrays().items(), strict=True):
        np.testing.assert_array_equal(left, right)
    for found, wanted in zip(
        again.window("ae", "loss", 3, 650, 50, 7), history.window("ae", "loss", 3, 650, 50, 7), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ae/d": np.array([1.0, np.nan, 2.0])}, "finite"),
        ({"ae/d": np.zeros((3, 1))}, "row"),
        ({"ae/d": np.zeros(3, np.float32)}, "row"),
        ({"ae/d": np.zeros(4)}, "longer"),
        ({"seconds": np.zeros(2)}, "longer"),
        ({"steps": np.array([1.0, 3.0, 2.0])}, "order"),
    ],
)
def test_arrays_that_are_no_history_are_refused(change: dict[str, np.ndarray], words: str) -> None:
    good = {"steps": np.array([1.0, 2.0, 3.0]), "seconds": np.zeros(3), "ae/d": np.zeros(3)}
    History.from_arrays(good)
    with pytest.raises(StudioError, match=words):
        History.from_arrays({**good, **change})


def test_means_are_those_of_a_plain_loop_at_every_length_and_growth() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=700)
    column = Column(values[:1])
    for end in (1, 15, 16, 17, 31, 33, 255, 257, 700):
        column.extend(values[column.count : end])
        rows = np.arange(end)
        for width in (2, 15, 16, 17, 64, 1000):
            expected = [values[max(0, row + 1 - width) : row + 1].mean() for row in rows]
            np.testing.assert_allclose(column.means(rows, width), expected, atol=1e-12)


def test_a_step_takes_the_memory_of_its_values_and_little_more() -> None:
    column = Column(np.zeros(100_000))
    assert column._values.nbytes + column._sums.nbytes < 1.1 * 8 * 100_000


def test_a_curve_that_a_model_did_not_have_before_it_left_stays_out() -> None:
    """As of one that comes back with another option, or in a later Studio."""
    kept, apart = History(), History()
    kept.append(
        [Report(1, 0, 0.1, {"ae": {"x": 1.0}, "gan": {"x": 2.0}}), Report(2, 0, 0.2, {"ae": {"x": 3.0}})]
    )
    apart.append([Report(2, 0, 0.1, {"gan": {"x": 4.0, "y": 5.0}})])
    kept.join(apart)
    assert kept.curves == (("ae", "x"), ("gan", "x"))
    assert kept.values("gan", "x").tolist() == [2.0, 4.0]
    kept.append([Report(3, 0, 0.3, {"ae": {"x": 6.0}, "gan": {"x": 7.0, "y": 8.0}})])
    assert kept.values("gan", "x").tolist() == [2.0, 4.0, 7.0]
    assert kept.last("gan") == {"x": 7.0}
