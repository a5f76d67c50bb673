"""Speed: measured in the real window, told in plain words."""

from __future__ import annotations

from aae_studio.commands import doctor
from aae_studio.core.errors import StudioError
from aae_studio.ui import speed


def test_it_measures_drags_training_and_canvas(qapp, monkeypatch):
    monkeypatch.setattr(speed, "COUNTS", (1000, 50_000))
    monkeypatch.setattr(speed, "WARMING", 2)
    found = speed.measured(1.0)
    assert 3 <= len(found.drags) <= 1.0 / 2 / speed.PERIOD_S + 20
    assert min(found.drags) > 0
    assert found.steps_per_s > 0
    assert found.images_per_s == 128 * found.steps_per_s
    assert set(found.canvas) == {1000, 50_000}
    assert min(found.canvas.values()) > 0


def test_the_doctor_says_it_in_words_and_what_helps_where_a_drag_lags(monkeypatch):
    for late, helped in ((5.0, False), (50.0, True)):
        drags = (*([2.0] * 95), *([late] * 5))
        known = speed.Speed(drags, 100.0, 12_800.0, {1_000_000: 9.0})
        monkeypatch.setattr(speed, "measured", lambda seconds, known=known: known)
        drag, training, canvas = doctor.speed()
        assert f"within 2.0 ms; 99 of 100 times within {late:.1f} ms" in drag.text
        assert bool(drag.mend) == helped
        assert "100 steps/s, 12800 images/s" in training.text
        assert "1,000,000 points in 9.0 ms" in canvas.text
        assert not any(part.wrong for part in (drag, training, canvas))


def test_what_cannot_be_measured_is_said(monkeypatch):
    def broken(seconds):
        raise StudioError("no display")

    monkeypatch.setattr(speed, "measured", broken)
    (only,) = doctor.speed()
    assert only.wrong
    assert "no display" in only.text
