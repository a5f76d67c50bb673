"""How many images are points: chosen while it trains, said where it is not all, and the right ones."""

from __future__ import annotations

import numpy as np
import pytest

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets import base
from aae_studio.ui.screenshot import offscreen_studio


@pytest.fixture
def studio(qtbot, tmp_path, monkeypatch):
    """The digits with a probe subset of 400, so that there is more to draw."""
    monkeypatch.setattr(base, "PROBE_SIZE", 400)
    monkeypatch.setattr("aae_studio.ui.points_box.COUNTS", (1000,))
    config = ExperimentConfig(models=("ae", "vae", "aae"), seed=3, hidden=(32,))
    with offscreen_studio(config, tmp_path, (1300, 800), "dark", "en") as made:
        made.start()
        qtbot.waitUntil(lambda: len(made.workbench.findings.codes) == 3, timeout=20_000)
        yield made


def drawn(studio, count):
    bench = studio.workbench
    return all(len(bench.findings.codes.get(name, ())) == count for name in bench.models)


def test_all_images_are_drawn_while_training_goes_on(qtbot, studio):
    bench, box = studio.workbench, studio.window.show_panel.points.combo
    assert [box.itemText(row) for row in range(box.count())] == ["400", "1\u202f000", "all 1\u202f797"]
    assert drawn(studio, 400)
    bench.train()
    box.setCurrentIndex(2)
    box.activated.emit(2)
    qtbot.waitUntil(lambda: drawn(studio, 1797), timeout=20_000)
    step = bench.findings.step
    qtbot.waitUntil(lambda: bench.findings.step > step and drawn(studio, 1797), timeout=20_000)
    bench.pause()
    qtbot.waitUntil(lambda: not bench.training and bench.findings.step == bench.step, timeout=20_000)
    everything = bench.snapshot.dataset.everything
    assert np.array_equal(bench.probe.labels, everything.labels)
    for name, frozen in bench.models.items():
        exact = frozen.encode(bench.snapshot.dataset.to_unit(everything.images))
        scale = np.abs(exact).max()
        np.testing.assert_allclose(bench.findings.codes[name][:400], exact[:400], atol=1e-5)
        np.testing.assert_allclose(bench.findings.codes[name], exact, atol=0.02 * scale)
    # The last of them is a point like any other.
    bench.display.hover(1796)
    image, rebuilt = bench.reconstruction("vae", 1796)
    assert np.array_equal(image, bench.snapshot.dataset.to_unit(everything.images[1796]))
    assert rebuilt.shape == image.shape
    assert str(everything.ids[1796]) in bench.probe.caption(1796)
    bench.planes.pick(1796)
    assert np.array_equal(bench.planes.cursors["aae"], bench.findings.codes["aae"][1796])


def test_after_a_rewind_the_first_points_do_not_wait_for_all_others(qtbot, studio):
    bench = studio.workbench
    bench.train(3)
    # Else the steps that are left would be taken after the rewind.
    qtbot.waitUntil(lambda: bench.step == 3 and not bench.training, timeout=20_000)
    bench.draw_points(None)
    qtbot.waitUntil(lambda: drawn(studio, 1797), timeout=20_000)
    counts = []
    bench.surveyed.connect(lambda: counts.append(len(bench.findings.codes.get("aae", ()))))
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.rewind()
    qtbot.waitUntil(lambda: bench.findings.step == 0 and drawn(studio, 1797), timeout=20_000)
    assert 400 in counts
    assert counts.index(400) < len(counts) - 1


def test_lanes_say_how_many_of_how_many(qtbot, studio):
    lane = studio.window.lanes["aae"]
    qtbot.waitUntil(lambda: lane._points.text() == "400 of 1\u202f797 points")
    studio.workbench.draw_points(1000)
    qtbot.waitUntil(lambda: lane._points.text() == "1\u202f000 of 1\u202f797 points", timeout=10_000)
    studio.workbench.draw_points(None)
    qtbot.waitUntil(lambda: lane._points.text() == "", timeout=10_000)


def test_fewer_points_at_once_and_the_picked_one_is_let_go(qtbot, studio):
    bench = studio.workbench
    bench.draw_points(None)
    qtbot.waitUntil(lambda: drawn(studio, 1797), timeout=10_000)
    bench.planes.pick(1500)
    studio.window.lanes["ae"].canvas._hovered = 1500
    bench.draw_points(0)
    assert drawn(studio, 400)
    assert bench.planes.picked is None
    studio.window.lanes["ae"].canvas.redraw()
    assert studio.window.lanes["ae"].canvas.grab() is not None


def test_questions_get_the_probe_subset_alone(qtbot, studio):
    bench = studio.workbench
    bench.draw_points(None)
    bench.questions.ask("size", lambda snapshot, codes: {name: len(own) for name, own in codes.items()})
    qtbot.waitUntil(lambda: drawn(studio, 1797) and "size" in bench.questions.answers, timeout=10_000)
    assert set(bench.questions.answers["size"].values()) == {400}
    assert len(bench.findings.regions["aae"].codes) == 400
