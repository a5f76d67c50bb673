"""The panel “Inside one step”, in a real window: slow motion, one phase alone, and live figures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSettings, Qt
from PySide6.QtWidgets import QApplication

import aae_studio.core.models
from aae_studio.core import session
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import NonFinite
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.ui.app import Studio
from aae_studio.ui.inside import script, words
from aae_studio.ui.inside.script import Moment, Row, links

LOOP = """
from torch import nn
from aae_studio.core.models.base import Autoencoding, Curve, Losses, Phase
from aae_studio.core.networks import Decoder, Encoder


class LoopingAutoencoder(Autoencoding):
    title, short, summary, order = "Looping autoencoder", "LAE", "codes come back", 15
    curves = (Curve("reconstruction", "error", "reconstruction"), Curve("loop", "loop", "reconstruction"))

    def __init__(self, setting, **option):
        super().__init__(setting, **option)
        shape = setting.architecture
        self.networks = {
            "encoder": self.built("encoder", lambda: Encoder(shape)),
            "decoder": self.built("decoder", lambda: Decoder(shape)),
            "twister": self.built("twister", lambda: nn.Linear(shape.latent_size, shape.latent_size)),
        }
        self.phases = (
            Phase("rebuilding", ("encoder", "decoder"), self.rebuild, self.adam("encoder", "decoder")),
            Phase("looping", ("twister",), self.loop, self.adam("twister")),
        )

    def rebuild(self, batch):
        '''Rebuild the images.'''
        error = self.reconstruction_error(self.decoded_logits(self.encode(batch.images)), batch.images)
        return Losses(error, {"reconstruction": error})

    def loop(self, batch):
        '''Turn a code, and find it again.'''
        turned = self.networks["twister"](self.encode(batch.images).detach())
        loss = (self.encode(self.decode(turned)) - turned).square().mean()
        return Losses(loss, {"loop": loss})
"""


@pytest.fixture
def studio(open_studio) -> Studio:
    config = ExperimentConfig(models=("ae", "aae"), hidden=(16,), batch_size=64, precision="float32")
    return open_studio(config)


@pytest.fixture
def panel(qtbot, studio: Studio):
    """The open panel, showing the AAE before its first step."""
    panel = studio.window.panel_docks["step"].open()
    panel.models.setCurrentIndex(panel.models.findData("aae"))
    qtbot.waitUntil(lambda: list(panel.cards) == ["reconstruction", "discriminator", "generator"])
    return panel


def weights(studio: Studio, name: str) -> dict[str, np.ndarray]:
    networks = studio.workbench.models[name].model.networks
    return {
        part: np.concatenate([w.numpy().ravel() for w in network.parameters()])
        for part, network in networks.items()
    }


def test_before_the_first_step_it_shows_how_it_would_go(studio, panel):
    assert studio.workbench.step == 0
    assert panel.heading.text() == "Before step 1"
    assert panel.slow.moment is None
    view = panel.cards["reconstruction"].flow
    kinds = [(row.kind, row.place) for row in view.rows()]
    assert kinds == [("value", 0), ("call", 0), ("value", 1), ("call", 1), ("value", 2), ("loss", 0)]
    assert "encoder: ‖∇‖" in view.accessibleDescription()
    assert "forward only, no gradient" in panel.cards["discriminator"].flow.accessibleDescription()


def test_slow_motion_walks_through_a_real_step(qtbot, studio, panel):
    bench = studio.workbench
    before = weights(studio, "aae")
    qtbot.keyClick(studio.window, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    assert panel.slow.moment == Moment(0, "batch")
    qtbot.waitUntil(lambda: bench.step == 1)
    assert len(bench.history) == 1
    assert any((before[part] != after).any() for part, after in weights(studio, "aae").items())
    seen, captions = [], set()
    for _ in range(15):
        qtbot.keyClick(studio.window, Qt.Key.Key_Period)
        seen.append(panel.slow.moment)
        captions.add(panel.caption.text())
    assert bench.step == 1, "slow motion does not train on by itself"
    names = [panel.walk.phases[moment.phase].name for moment in seen]
    assert list(dict.fromkeys(names)) == ["reconstruction", "discriminator", "generator"]
    assert [moment.at for moment in seen[:5]] == ["forward", "forward", "loss", "backward", "wait"]
    assert [moment.at for moment in seen[-4:]] == ["forward", "loss", "backward", "update"]
    assert len(captions) == 15
    standardising = [text for text in captions if "the mean image" in text]
    assert [text.partition(" turns ")[0] for text in standardising] == ["Forward: the encoder"]
    assert "decoder" in panel.caption.text(), "its gradient had waited"
    qtbot.keyClick(studio.window, Qt.Key.Key_Comma)
    assert panel.slow.moment == seen[-2]
    for _ in range(2):
        qtbot.keyClick(studio.window, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: bench.step == 2 and panel.slow.moment == Moment(0, "batch"))


def flat(networks) -> np.ndarray:
    return np.concatenate(
        [w.detach().numpy().ravel() for network in networks.values() for w in network.parameters()]
    )


class Twin:
    """The window's experiment, taken the same way."""

    def __init__(self, studio: Studio) -> None:
        self.bench = studio.workbench
        config = self.bench.config
        self.experiment = Experiment(config, load_dataset(config, Path("nowhere")))

    def catch_up(self) -> None:
        for _ in islice(self.experiment.run(), self.bench.step - self.experiment.step):
            pass

    def shows(self) -> bool:
        """Whether the window shows what it should; a mean is another thing than the weights."""
        self.catch_up()
        model, found = self.experiment.models["aae"], flat(self.bench.models["aae"].model.networks)
        wanted = flat(model.shown)
        assert model.average is None or np.abs(wanted - flat(model.networks)).max() > 1e-3
        return bool(np.abs(found - wanted).max() < 1e-5)


def step_to(qtbot, studio: Studio, step: int, act: Callable[[], None]) -> None:
    act()
    bench = studio.workbench
    qtbot.waitUntil(lambda: bench.snapshot.step == step and not bench.training, timeout=20_000)


def test_a_step_by_itself_shows_the_weights_and_training_their_mean(qtbot, studio, tmp_path):
    bench, twin = studio.workbench, Twin(studio)
    step_to(qtbot, studio, 20, lambda: bench.train(20))
    assert twin.shows()
    shown: list[int] = []
    bench.snapshot_changed.connect(lambda: shown.append(bench.snapshot.step))
    for step in (21, 22):
        step_to(qtbot, studio, step, lambda: qtbot.keyClick(studio.window, Qt.Key.Key_S))
        twin.catch_up()
        twin.experiment.forget_averages()
        assert twin.shows()
    # The weights as they were before the first step were shown, too.
    assert 20 in shown
    bench.save(tmp_path / "run")
    qtbot.waitUntil(lambda: (tmp_path / "run" / "session.json").is_file(), timeout=20_000)
    kept = session.TrainedRun(tmp_path / "run").decode([[0.5, -1.0]], "aae")
    np.testing.assert_allclose(kept, bench.models["aae"].decode(np.float32([[0.5, -1.0]])), atol=1e-5)
    step_to(qtbot, studio, 28, lambda: bench.train(6))
    assert twin.shows()


def test_while_a_step_is_looked_into_nothing_moves_but_what_it_moves(qtbot, studio, panel):
    bench, twin = studio.workbench, Twin(studio)
    step_to(qtbot, studio, 20, lambda: bench.train(20))
    twin.catch_up()
    twin.experiment.forget_averages()
    assert twin.shows(), "it rests, and the next step is written down"
    before = weights(studio, "aae")
    walks: list[object] = []
    bench.walked.connect(walks.append)
    panel.only("discriminator")
    qtbot.waitUntil(lambda: bool(walks) and bench.step == 20)
    qtbot.waitUntil(lambda: (weights(studio, "aae")["discriminator"] != before["discriminator"]).any())
    after = weights(studio, "aae")
    assert all(np.array_equal(before[part], after[part]) for part in ("encoder", "decoder"))
    # What a phase alone has done is not lost when training goes on.
    for _ in range(30):
        panel.only("reconstruction")
    qtbot.waitUntil(lambda: len(walks) >= 31, timeout=20_000)
    alone = flat(bench.models["aae"].model.networks)
    step_to(qtbot, studio, 22, lambda: bench.train(2))
    far = np.abs(flat(bench.models["aae"].model.networks) - alone).max()
    assert far < np.abs(alone - np.concatenate([*before.values()])).max() / 3


def test_at_rest_it_shows_how_the_next_step_would_go(qtbot, studio, panel):
    bench = studio.workbench
    bench.train()
    qtbot.waitUntil(lambda: bench.step > 5 and panel.heading.text().startswith("Step "), timeout=20_000)
    bench.pause()
    for steps in (0, 3, 1):
        bench.train(steps)
        qtbot.waitUntil(
            lambda: not bench.training and panel.heading.text() == f"Before step {bench.snapshot.step + 1}",
            timeout=20_000,
        )
        assert bench.snapshot.step == bench.step


def test_it_plays_by_itself_until_it_is_stopped(qtbot, studio, panel):
    panel.bar.pace.setValue(2)
    qtbot.keyClick(studio.window, Qt.Key.Key_Slash)
    assert panel.slow.playing
    qtbot.waitUntil(
        lambda: panel.slow.moment is not None and panel.slow.moment.at == "backward", timeout=10_000
    )
    assert panel.bar.play.text() == "Stand still"
    qtbot.keyClick(studio.window, Qt.Key.Key_Slash)
    assert not panel.slow.playing
    assert panel.slow.moment is not None


def test_training_ends_slow_motion_and_slow_motion_pauses_training(qtbot, studio, panel):
    bench = studio.workbench
    bench.train()
    qtbot.waitUntil(lambda: bench.training and bench.step > 2)
    qtbot.mouseClick(panel.bar.forward, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    assert not bench.training
    bench.train()
    qtbot.waitUntil(lambda: bench.training)
    assert panel.slow.moment is None
    step = bench.step
    qtbot.waitUntil(lambda: panel.walk.step > step + 2, timeout=10_000)
    assert panel.heading.text().startswith("Step ")
    bench.pause()
    qtbot.waitUntil(lambda: not bench.training)


def test_the_phase_in_progress_stays_in_sight(qtbot, studio, panel):
    studio.window.resize(1280, 720)
    panel.demonstrate()
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    card, view = panel.cards["generator"], panel._area.viewport()

    def in_sight() -> bool:
        bottom = card.mapTo(view, card.rect().bottomLeft()).y()
        return card.height() > 200 and 0 < bottom <= view.height()

    qtbot.waitUntil(in_sight)


def test_a_step_that_fails_ends_slow_motion(qtbot, studio, panel):
    bench = studio.workbench
    panel.slow.waiting = True
    bench.failed.emit(NonFinite("aae", "reconstruction", 1, "a loss"))
    assert panel.settled
    panel.slow.go_on()
    qtbot.waitUntil(lambda: panel.slow.moment is not None)


def test_a_hidden_panel_watches_nothing(qtbot, studio, panel):
    bench = studio.workbench
    walks: list[object] = []
    bench.walked.connect(walks.append)
    panel.slow.toggle()
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    studio.window.panel_docks["step"].hide()
    assert not panel.slow.playing
    bench.train(1)
    step = bench.step
    qtbot.waitUntil(lambda: bench.step == step + 1)
    walks.clear()
    bench.train(40)
    qtbot.waitUntil(lambda: bench.step == step + 41, timeout=20_000)
    assert walks == []


@pytest.mark.parametrize("phase", ["discriminator", "generator", "reconstruction"])
def test_one_phase_alone(qtbot, studio, panel, phase):
    """Exactly the networks that it trains are changed, and no step is counted."""
    bench = studio.workbench
    before, other = weights(studio, "aae"), weights(studio, "ae")
    panel.cards[phase].alone.click()
    qtbot.waitUntil(lambda: panel.heading.text().startswith("Only "), timeout=10_000)
    after = weights(studio, "aae")
    moved = {part for part in before if (before[part] != after[part]).any()}
    trained = {
        "discriminator": {"discriminator"},
        "generator": {"encoder"},
        "reconstruction": {"encoder", "decoder"},
    }
    assert moved == trained[phase]
    assert all((weights(studio, "ae")[part] == other[part]).all() for part in other)
    assert bench.step == 0
    assert len(bench.history) == 0
    assert all(name in panel.caption.text() for name in moved)


def test_cards_unfold_and_explain_themselves(qtbot, studio, panel):
    card = panel.cards["generator"]
    folded = card.flow.height()
    qtbot.mouseClick(card.title, Qt.MouseButton.LeftButton)
    assert card.flow.height() > folded
    assert not card.summary.isHidden()
    heights = 0.0
    tips = []
    for row, space in zip(card.flow.rows(), card.flow._spaces(), strict=True):
        tips.append(card.flow.explanation(QPointF(space.center())))
        assert space.top() >= heights
        heights = space.bottom()
        assert (row.kind == "call") == ("‖∇‖" in tips[-1])
    assert "passes the gradient on" in tips[3]
    assert "A gradient of length" in tips[2]
    picture = card.flow.grab().toImage()
    panel.slow.go_on()
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    assert panel.cards["generator"].flow.grab().toImage() != picture


def test_another_experiment_and_another_model(qtbot, studio, panel):
    bench = studio.workbench
    panel.slow.go_on()
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    with qtbot.waitSignal(bench.prepared, timeout=10_000):
        bench.configure(models=("gan", "aae"), hidden=(8,))
    qtbot.waitUntil(lambda: bool(panel.cards))
    assert (panel.model, panel.slow.moment) == ("aae", None)
    panel.models.setCurrentIndex(panel.models.findData("gan"))
    qtbot.waitUntil(lambda: list(panel.cards) == ["discriminator", "generator"])
    bench.configure(**{"gan.discriminator_steps": 2})
    panel.slow.go_on()
    qtbot.waitUntil(lambda: panel.slow.moment is not None)
    assert panel.cards["discriminator"].title.text().endswith("(1 of 2)")


def test_a_followed_run_cannot_be_walked(qtbot, studio, panel, tmp_path):
    bench = studio.workbench
    with qtbot.waitSignal(bench.saved, timeout=10_000):
        bench.save(tmp_path / "run")
    bench.follow(tmp_path / "run")
    qtbot.waitUntil(lambda: not panel.bar.play.isEnabled())
    assert panel.cards == {}
    assert "trained elsewhere" in panel.caption.text()
    qtbot.keyClick(studio.window, Qt.Key.Key_Period)
    assert panel.slow.moment is None
    assert not panel.slow.waiting
    bench.stop_following()
    qtbot.waitUntil(lambda: bool(panel.cards), timeout=10_000)
    assert panel.bar.play.isEnabled()


def test_the_one_file_test(qtbot, qapp, tmp_path, monkeypatch):
    """A model that nobody has heard of has its picture, its slow motion and its phases alone."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "loop.py").write_text(LOOP)
    monkeypatch.setattr(aae_studio.core.models, "__path__", [*aae_studio.core.models.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "aae_studio.core.models.loop", raising=False)
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    studio = Studio(qapp, ExperimentConfig(models=("loop",), hidden=(8,)), tmp_path, settings)
    studio.window.show()
    with qtbot.waitSignal(studio.workbench.prepared, timeout=30_000):
        studio.start()
    try:
        studio.window.demonstrate(["step", "layers"])
        step = studio.window.panel_docks["step"]
        step.raise_()
        panel = step.panel
        qtbot.waitUntil(lambda: panel.slow.moment is not None, timeout=10_000)
        assert list(panel.cards) == ["rebuilding", "looping"]
        phase = panel.walk.phases[1]
        assert words.route(phase) == "images x → encoder → twister → decoder → encoder"
        assert panel.slow.moment.at == "backward"
        assert panel.caption.text() == (
            "Backward: from the loss, gradients flow back to: twister. "
            "They pass through, and do not change: encoder, decoder."
        )
        panel.only("looping")
        qtbot.waitUntil(lambda: "twister" in panel.caption.text() and panel.slow.moment is None)
        studio.window.grab()
    finally:
        assert studio.window.close()
        studio.window.deleteLater()
        sys.modules.pop("aae_studio.core.models.loop", None)


# The script


def test_rows_fill_one_after_the_other(studio, panel):
    walk = panel.walk
    for place, phase in enumerate(walk.phases):
        order = script.rows(phase)
        assert len(set(order)) == len(order)
        assert order[-1] == Row("loss")
        known: set[Row] = set()
        for moment in script.moments(walk):
            if moment.phase == place:
                reached = script.reached(phase, moment)
                assert known <= reached
                assert script.lit(phase, moment) <= set(order)
                known = reached
        assert known == set(order)


def test_arrows_go_down_and_none_lies_on_another(studio, panel):
    for phase in panel.walk.phases:
        order = script.rows(phase)
        arrows = links(phase, order)
        assert all(arrow.source < arrow.target for arrow in arrows)
        inputs = sum(len(call.inputs) + len(call.outputs) for call in phase.calls)
        assert len(arrows) == inputs + len(phase.loss_inputs)
        spans: dict[int, set[tuple[int, int]]] = {}
        for arrow in arrows:
            spans.setdefault(arrow.lane, set()).add((arrow.source, arrow.target))
        for lane in spans.values():
            for first in lane:
                for second in lane:
                    apart = first[1] <= second[0] or second[1] <= first[0]
                    joined = first[0] == second[0] or first[1] == second[1]
                    assert apart or joined


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.41234, "0.412"),
        (-3.14159, "−3.14"),
        (12345.0, "1.2e+04"),
        (0.00012, "1.2e−4"),
        (None, "–"),
    ],
)
def test_figures(number, text):
    assert words.figure(number) == text


def test_a_long_name_makes_the_panel_no_wider(qtbot, open_studio) -> None:
    """The category discriminator's name pushed buttons and figures out of the dock."""
    config = ExperimentConfig(models=("clustering_aae",), hidden=(16,), batch_size=64, precision="float32")
    studio = open_studio(config)
    studio.window.resize(1280, 800)
    panel = studio.window.panel_docks["step"].open()
    qtbot.waitUntil(lambda: len(panel.cards) == 5)
    width, headings = panel.width(), []
    for _ in range(40):
        qtbot.mouseClick(panel.bar.forward, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: panel.slow.moment is not None)
        QApplication.processEvents()
        headings.append(panel.heading.text())
        assert panel.minimumSizeHint().width() <= panel.width() == width
        assert panel.heading.fontMetrics().horizontalAdvance(headings[-1]) <= panel.heading.width()
    assert any(heading.startswith("Step 1 · Generator · ") for heading in headings)
    assert any(heading.startswith("Category discriminator · ") for heading in headings)
