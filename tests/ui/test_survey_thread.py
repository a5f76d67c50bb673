"""The thread that looks at snapshots: what comes first, and how long it rests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.datasets.digits import Digits
from aae_studio.core.experiment import Experiment
from aae_studio.ui import survey_thread
from aae_studio.ui.survey_thread import Request, Survey, SurveyThread


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(ExperimentConfig(models=("ae", "vae"), hidden=(16,)), Digits(Path()))


@pytest.fixture
def thread() -> Iterator[SurveyThread]:
    thread = SurveyThread()
    thread.start()
    yield thread
    assert thread.close()


@pytest.fixture
def seen(thread: SurveyThread) -> list[Survey]:
    found: list[Survey] = []
    thread.surveyed.connect(found.append)
    return found


def test_figures_come_after_the_codes_which_do_not_wait_for_them(qtbot, experiment, thread, seen):
    thread.look(Request(0, experiment.snapshot(), {"how many": lambda snapshot, codes: len(codes["ae"])}))
    qtbot.waitUntil(lambda: len(seen) == 2, timeout=20_000)
    first, second = seen
    assert set(first.codes) == set(second.codes) == {"ae", "vae"}
    assert (first.figures, set(second.figures)) == ({}, {"ae", "vae"})
    # A question is answered once.
    assert (first.answers, second.answers) == ({"how many": len(experiment.dataset.probe)}, {})
    np.testing.assert_array_equal(first.codes["vae"], second.codes["vae"])


def test_who_asks_for_all_waits_for_no_rest(qtbot, experiment, thread, seen, monkeypatch):
    monkeypatch.setattr(survey_thread, "FIGURES_REST", 1e9)
    monkeypatch.setattr(survey_thread, "SETTLING_S", 1e-9)
    for thorough in (False, True):
        count = len(seen)
        thread.look(Request(0, experiment.snapshot(), {}, thorough=thorough))
        qtbot.waitUntil(lambda count=count: len(seen) == count + 2, timeout=20_000)
        assert set(seen[-1].figures) == {"ae", "vae"}


@pytest.mark.parametrize("settling", [1e9, 1e-9])
def test_it_rests_little_in_the_first_seconds_of_a_training(
    qtbot, experiment, thread, seen, monkeypatch, settling: float
):
    monkeypatch.setattr(survey_thread, "REST", 1e4)
    monkeypatch.setattr(survey_thread, "FIGURES_REST", 1e4)
    monkeypatch.setattr(survey_thread, "SETTLING_S", settling)
    snapshots = [experiment.snapshot()]
    for _ in range(2):
        next(experiment.run())
        snapshots.append(experiment.snapshot())
    # The first training that it knows begins at step 0, whenever that is.
    thread.look(Request(0, snapshots[0], {}))
    qtbot.waitUntil(lambda: len(seen) == 2, timeout=20_000)
    if settling > 1:
        for number, snapshot in enumerate(snapshots[1:], start=2):
            thread.look(Request(0, snapshot, {}))
            qtbot.waitUntil(lambda number=number: len(seen) == 2 * number, timeout=20_000)
        assert [survey.step for survey in seen[::2]] == [snapshot.step for snapshot in snapshots]
        assert all(survey.figures for survey in seen[1::2])
    else:
        thread.look(Request(0, snapshots[1], {}))
        qtbot.wait(400)
        assert len(seen) == 2


def test_another_experiment_has_its_figures_at_once(qtbot, experiment, thread, seen, monkeypatch):
    monkeypatch.setattr(survey_thread, "FIGURES_REST", 1e9)
    monkeypatch.setattr(survey_thread, "SETTLING_S", 1e-9)
    for generation, surveys in ((0, 2), (0, 1), (1, 2)):
        goal = len(seen) + surveys
        thread.look(Request(generation, experiment.snapshot(), {}, urgent=True))
        qtbot.waitUntil(lambda goal=goal: len(seen) >= goal, timeout=20_000)
        qtbot.wait(300)
    assert [(survey.generation, bool(survey.figures)) for survey in seen] == [
        (0, False),
        (0, True),
        (0, False),
        (1, False),
        (1, True),
    ]
