"""Workbench: the one mutable state of the user interface."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import DataMissing, StudioError
from aae_studio.ui.decodings import Decodings, Place
from aae_studio.ui.follow_thread import FollowThread
from aae_studio.ui.repeats import Repeats
from aae_studio.ui.state.changes import Changes, Stand
from aae_studio.ui.state.display import Display
from aae_studio.ui.state.findings import Findings
from aae_studio.ui.state.planes import Cursors, Planes
from aae_studio.ui.state.probe import Probe
from aae_studio.ui.state.questions import Questions
from aae_studio.ui.survey_thread import Request, Survey, SurveyThread
from aae_studio.ui.trainer_thread import Prepared, TrainerThread
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.experiment import Report
    from aae_studio.core.history import History
    from aae_studio.core.snapshot import FrozenModel, Snapshot
    from aae_studio.core.walk import Walk

Array = npt.NDArray[np.float32]
RATE_WINDOW_S = 1.0


class Saved(NamedTuple):
    """Where an experiment is saved, and how many of its seconds of training are."""

    folder: Path | None
    seconds: float


class Workbench(QObject):
    """Holds what the window shows. Widgets read it, call its methods and listen to its signals.

    It consists of `planes` (views and cursors), `display` (what the canvases show), `findings` (codes and
    figures), `decodings` (images at the cursors), `questions` (what panels and overlays want to know),
    `changes` (configurations to go back to) and `repeats` (what panels have trained beside it).

    Emits `configured` (another configuration holds), `prepared` (another experiment is there, at its first
    step), `progressed` (more steps), `snapshot_changed` (new weights), `surveyed` (new codes, figures or
    answers), `training_changed` (bool), `following_changed` (bool), `walked` (Walk: a step that was written
    down), `caught_up` (models that join are farther than before), `failed` (StudioError) and `saved`
    (folder).

    `prepared` also tells of other models in the same experiment. With it all questions and answers are gone:
    who still wants to know asks again.
    """

    configured = Signal()
    prepared = Signal()
    progressed = Signal()
    snapshot_changed = Signal()
    surveyed = Signal()
    training_changed = Signal(bool)
    following_changed = Signal(bool)
    walked = Signal(object)
    caught_up = Signal()
    failed = Signal(object)
    saved = Signal(object)

    def __init__(
        self,
        config: ExperimentConfig,
        data_dir: Path,
        trainer: TrainerThread,
        survey: SurveyThread,
        follower: FollowThread,
    ) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.changes, self.display, self.repeats = Changes(config), Display(), Repeats()
        self.decodings = Decodings()
        self.training = False
        # The folder of the run that is shown while it is trained elsewhere.
        self.following: Path | None = None
        # Paths of all runs that were followed here: who trains them goes on saving them there.
        self._elsewhere: set[str] = set()
        # The folder that the trainer was asked to open last: it may turn out not to hold a session.
        self._opening: Path | None = None
        self.snapshot: Snapshot | None = None
        # Whether the last one that was asked for could not be.
        self._refused = False
        self.history: History | None = None
        self.precision = ""
        self.step = self.epoch = self.steps_per_epoch = 0
        self.seconds = self.steps_per_second = 0.0
        self.findings = Findings()
        self.planes = Planes(self.findings)
        self.questions = Questions(partial(self._look, urgent=True))
        self.losses: dict[str, dict[str, float]] = {}
        # Of the experiment on show; and by these numbers.
        self._number = 0
        self._saved: dict[int, Saved] = {0: Saved(None, 0.0)}
        # By the number of an experiment of the trainer's, which may come back: where its cursors were.
        self._cursors: dict[int, Cursors] = {}
        # By name: the step of models that are catching up with the others.
        self.joining: dict[str, int] = {}
        # Of the experiment: models may leave it, and others join.
        self.generation = 0
        self._request: ExperimentConfig | Path = config
        self._failed_request: ExperimentConfig | Path | None = None
        self._rate_mark = (0, 0.0)
        self._trainer, self._survey, self._follower = trainer, survey, follower
        self._listen()

    def _listen(self) -> None:
        trainer, survey = self._trainer, self._survey
        for thread in (trainer, self._follower):
            thread.prepared.connect(self._on_prepared)
            thread.reported.connect(self._on_reported)
            thread.snapshotted.connect(self._on_snapshotted)
            thread.failed.connect(self._on_failed)
        trainer.changed.connect(self._on_changed)
        trainer.refused.connect(self._on_refused)
        trainer.unopened.connect(self._on_unopened)
        trainer.joined.connect(self._on_joined)
        trainer.trained.connect(self._on_trained)
        trainer.saved.connect(self._on_saved)
        trainer.walked.connect(self._on_walked)
        trainer.caught_up.connect(self._on_caught_up)
        survey.surveyed.connect(self._on_surveyed)
        for looking in (survey, self.decodings):
            looking.failed.connect(self._on_survey_failed)

    # Training

    def begin(self, run: Path | None = None, train: bool = False, follow: bool = False) -> None:
        """Bring up the first experiment, or the session in `run`, or follow it."""
        if run is None:
            self._trainer.configure(self.config, self.data_dir, wish=self.changes.wish)
        elif follow:
            self.follow(run)
        else:
            self.open(run)
        if train:
            self.train()

    def train(self, steps: int | None = None) -> None:
        """Train for so many steps, or until `pause`."""
        assert self.following is None, "what is trained elsewhere cannot be trained here"
        self._trainer.train(steps)

    def pause(self) -> None:
        """Stop training between two steps."""
        self._trainer.pause()

    def toggle_training(self) -> None:
        """Train if it stands still, else pause."""
        if self.training:
            self.pause()
        else:
            self.train()

    def watch(self, model: str | None) -> None:
        """Have steps of this model written down, a few a second, and say so by `walked`; None: no longer."""
        self._trainer.watch(model)

    def walk_step(self, model: str) -> None:
        """Pause, and take one step that is written down for this model."""
        assert self.following is None, "what is trained elsewhere cannot be trained here"
        self._trainer.walk_step(model)

    def walk_phase(self, model: str, phase: str) -> None:
        """Pause, and update one model by one of its phases alone."""
        assert self.following is None, "what is trained elsewhere cannot be trained here"
        self._trainer.walk_phase(model, phase)

    def rewind(self) -> None:
        """Back to step 0 with the same seed: the same weights and batches again."""
        self.configure(restart=True)

    def new_seed(self) -> None:
        """Back to step 0 with the next seed: other weights and batches."""
        self.configure(seed=(self.asked.seed + 1) % 2**31)

    def configure(self, restart: bool = False, **changes: object) -> None:
        """Change options of the experiment; live where possible, else from step 0, or with `restart` always.

        Raises StudioError, and changes nothing, for a value that cannot be.
        """
        config = self.asked.with_(**changes)
        if config != self.asked or restart:
            self.changes.remember(restart)
            self._ask(config, restart)

    def refine(self, **changes: object) -> None:
        """Like `configure`, but as a part of the change before: one `undo` takes both back."""
        config = self.asked.with_(**changes)
        if config != self.asked:
            self.changes.extend()
            self._ask(config)

    def try_configure(self, restart: bool = False, **changes: object) -> None:
        """Like `configure`, but an impossible value is shown as an error."""
        try:
            self.configure(restart, **changes)
        except StudioError as fault:
            self.configured.emit()
            self.failed.emit(fault)

    def undo(self) -> None:
        """Take the last change back: of options, or a restart, which brings back what had been trained."""
        self._go_to(self.changes.undone())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._go_to(self.changes.redone())

    def _go_to(self, stand: Stand | None) -> None:
        if stand is not None:
            self._ask(stand.config, stand.restart, back_to=stand.wish)

    def set_data_dir(self, folder: Path) -> None:
        """Look for downloaded datasets in another folder; what failed for lack of them is tried again."""
        self.data_dir = folder
        self.retry()

    def retry(self) -> None:
        """Ask again for what failed because its data were missing, if anything did."""
        request, self._failed_request = self._failed_request, None
        if isinstance(request, Path) and request != self.following:
            self.open(request)
        elif self.following is not None:
            self.follow(self.following)
        elif isinstance(request, ExperimentConfig):
            if request != self.asked:
                self.changes.remember()
            self._ask(request)

    def open(self, folder: Path) -> None:
        """Bring back the session in a folder; until it is there, all stays as it is."""
        self._opening, self._refused = folder, False
        self._trainer.open(folder, self.data_dir, self.changes.wish)

    def follow(self, folder: Path) -> None:
        """Show the run in a folder, which another process trains, whenever it has been saved again.

        Until `stop_following`, nothing here can be trained or changed.
        """
        self._request, self._opening, self._refused = folder, None, False
        self.changes.forget()
        self._trainer.pause()
        self._trainer.leave_joining()
        self.joining = {}
        self.changes.hold(self.config)
        self.configured.emit()
        self._on_trained(False)
        self._follow(folder)
        self._follower.follow(folder, self.data_dir)

    def stop_following(self) -> None:
        """Go on here, as with any saved session, from where the run that was followed is now."""
        if self.following is not None:
            self.open(self.following)

    def _follow(self, folder: Path | None) -> None:
        if folder is None:
            self._follower.stop()
        if folder is not None:
            self._elsewhere.add(_path(folder))
        if folder != self.following:
            self.following = folder
            self.following_changed.emit(folder is not None)

    def save(self, folder: Path) -> None:
        """Write the session into a folder."""
        self._trainer.save(folder)

    @property
    def why_empty(self) -> str:
        """What to say where there is no experiment as yet: whether one is on its way."""
        return tr("nothing loaded") if self._refused else tr("loading…")

    @property
    def folder(self) -> Path | None:
        """Where this experiment was opened or saved last."""
        return self._saved[self._number].folder

    @property
    def unsaved_seconds(self) -> float:
        """How long was trained here since it was saved, opened or begun; 0 for a run trained elsewhere."""
        return 0.0 if self.following is not None else self.seconds - self._saved[self._number].seconds

    def _home(self, folder: Path | None) -> Path | None:
        """Where an experiment is saved again that comes from this folder."""
        if self.following is None and folder is not None and _path(folder) in self._elsewhere:
            # What is made here of a run that is trained elsewhere has no folder yet.
            return None
        return self.following or folder

    def _ask(self, config: ExperimentConfig, restart: bool = False, back_to: int | None = None) -> None:
        assert self.following is None, "what is trained elsewhere cannot be changed here"
        self._request, self._refused = config, False
        wish = self.changes.ask(config)
        self.configured.emit()
        self._trainer.configure(config, self.data_dir, restart, wish, back_to)

    @property
    def config(self) -> ExperimentConfig:
        """The configuration that holds."""
        return self.changes.held

    @property
    def asked(self) -> ExperimentConfig:
        """The configuration that the user asked for; `config` follows when the trainer has it."""
        return self.changes.asked

    def _look(self, thorough: bool = False, urgent: bool = False) -> None:
        """Have the newest snapshot surveyed."""
        if self.snapshot is not None:
            questions = dict(self.questions)
            points = self.display.points
            self._survey.look(Request(self.generation, self.snapshot, questions, thorough, urgent, points))

    # What is there, and what the models make of it

    @property
    def models(self) -> Mapping[str, FrozenModel]:
        """The models of the newest snapshot."""
        return {} if self.snapshot is None else self.snapshot.models

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the dataset's classes; none as long as there is no dataset."""
        return () if self.snapshot is None else self.snapshot.dataset.classes

    @property
    def probe(self) -> Probe:
        """The images that are points in the planes: the probe subset, and more where more are asked for."""
        assert self.snapshot is not None
        return Probe(self.snapshot.dataset, self.display.points)

    def draw_points(self, count: int | None) -> None:
        """Draw so many of the dataset's images as points, at least the probe subset; None: all."""
        self.display.points = count
        if self.snapshot is not None:
            self.findings.cut(len(self.probe))
            self.planes.let_go(len(self.probe))
            self.display.let_go(len(self.probe))
            self._look(urgent=True)
        self.display.changed.emit()

    def at_cursor(self, name: str) -> Place:
        """The place under a lane's cursor, in the newest snapshot."""
        planes = self.planes
        return Place(self.models[name], planes.cursors[name], planes.conditions[name])

    def reconstruction(self, name: str, place: int) -> tuple[Array, Array]:
        """One probe image and what a model makes of it, each (C, H, W) in [0, 1]."""
        image, label = self.probe.image(place), self.probe.labels[place]
        return image, self.models[name].reconstruct(image[None], label[None])[0]

    def found(self, name: str, place: int) -> tuple[str, float] | None:
        """The class or cluster that a model finds in one probe image, and its q(y|x); None if it looks for
        none."""
        shares = self.models[name].class_shares(self.probe.image(place)[None])
        if shares is None:
            return None
        best = int(shares[0].argmax())
        clusters = self.models[name].model.finds == "clusters"
        word = self._cluster_name(name, best) if clusters else self.probe.classes[best]
        return word, float(shares[0, best])

    def _cluster_name(self, name: str, place: int) -> str:
        """A cluster in words, with the class that it is named after, once a trained model has figures."""
        figures, classes = self.findings.figures.get(name), self.probe.classes
        kind = -1 if figures is None else figures.clusters[place]
        # What an untrained model finds are no classes, and one class says nothing.
        if kind < 0 or self.findings.figures_step == 0 or len(classes) < 2:
            return tr("cluster {number}", number=place + 1)
        return tr("cluster {number} ≈ {name}", number=place + 1, name=classes[kind])

    def condition_names(self, name: str) -> tuple[str, ...]:
        """What a model's decoder can be told, in words: classes or clusters; mostly nothing."""
        frozen = self.models[name]
        if frozen.model.finds == "clusters":
            return tuple(self._cluster_name(name, place) for place in range(len(frozen.conditions)))
        return self.probe.classes if frozen.conditions == self.classes else frozen.conditions

    # News from the threads

    def _forget_answers(self) -> None:
        """They were about models that are gone."""
        self.questions.clear()
        self.display.clear()

    def _is_stale(self) -> bool:
        """Whether news come from the thread whose experiment is no longer shown."""
        silent = self._follower if self.following is None else self._trainer
        return self.sender() is silent

    def _on_prepared(self, news: Prepared) -> None:
        if news.folder is not None and news.folder == self._opening:
            self._opening = None
            self._follow(None)
        if self._is_stale():
            return
        if news.folder is not None:
            # What was changed before says nothing about this folder's experiment.
            self.changes.forget()
        self.generation += 1
        self.joining = {}
        if news.passing:
            self.changes.approach(news.config)
        else:
            self.changes.hold(news.config, news.wish)
            self.changes.keep(news.wish, news.kept)
        if self._number:
            self._cursors[self._number] = self.planes.kept()
        self._number = news.number
        if news.number == 0 or news.number not in self._saved:
            self._saved[news.number] = Saved(self._home(news.folder), news.seconds)
        self.snapshot, self.history = news.snapshot, news.history
        self.precision, self.steps_per_epoch = news.precision, news.steps_per_epoch
        self.step, self.seconds, self.steps_per_second = news.snapshot.step, news.seconds, 0.0
        self.epoch = self.step // self.steps_per_epoch
        self._rate_mark = (self.step, self._clock())
        self._recall_losses()
        self.findings.clear()
        self.decodings.forget()
        self._forget_answers()
        self.planes.prepare(news.snapshot, self._cursors.get(news.number))
        self.planes.let_go(len(self.probe))
        self._look(thorough=True)
        self.configured.emit()
        self.prepared.emit()

    def _recall_losses(self) -> None:
        """The last step's, as the history has them: of an opened session, and of models that joined."""
        assert self.history is not None
        found = {name: self.history.last(name) for name in self.models}
        self.losses = {name: losses for name, losses in found.items() if losses}

    def _on_changed(self, config: ExperimentConfig, wish: int | None) -> None:
        if self._is_stale():
            return
        if wish is None:
            self.changes.approach(config)
        else:
            self.changes.hold(config, wish)
            if not isinstance(self._failed_request, Path):
                self._failed_request = None
        # Who has been taken back is not waited for.
        self.joining = {name: step for name, step in self.joining.items() if name in self.asked.models}
        self.configured.emit()

    def _on_caught_up(self, steps: dict[str, int]) -> None:
        if self._is_stale():
            return
        # Who has been taken back meanwhile is not waited for.
        self.joining = {name: step for name, step in steps.items() if name in self.asked.models}
        self.steps_per_second = 0.0
        self.caught_up.emit()

    def _on_joined(self, seconds: float) -> None:
        if not self._is_stale():
            self.seconds = seconds
            self._rate_mark = (self.step, self._clock())

    def _on_saved(self, folder: Path, number: int, seconds: float) -> None:
        for other, saved in self._saved.items():
            if saved.folder is not None and _path(saved.folder) == _path(folder):
                # It has been written over.
                self._saved[other] = Saved(None, 0.0)
        self._saved[number] = Saved(folder, seconds)
        self.saved.emit(folder)

    def _on_reported(self, reports: list[Report]) -> None:
        if self._is_stale():
            return
        last = reports[-1]
        self.step, self.epoch, self.seconds = last.step, last.epoch, last.seconds
        self.losses = last.losses
        step, seconds = self._rate_mark
        now = self._clock()
        if now - seconds >= RATE_WINDOW_S:
            self.steps_per_second = (self.step - step) / (now - seconds)
            self._rate_mark = (self.step, now)
        self.progressed.emit()

    def _clock(self) -> float:
        """Seconds by the clock on the wall: what a person waits for, the price of looking included. Of a run
        that is trained elsewhere, those that it was trained: news of it comes when it is saved."""
        return self.seconds if self.following is not None else time.perf_counter()

    def _on_snapshotted(self, snapshot: Snapshot) -> None:
        if self._is_stale():
            return
        prior_changed = self.snapshot is not None and snapshot.prior is not self.snapshot.prior
        lanes_changed = self.snapshot is not None and list(snapshot.models) != list(self.models)
        self.snapshot = snapshot
        self.findings.keep(snapshot.models)
        waiting = set(self.asked.models) - set(snapshot.models)
        self.joining = {name: step for name, step in self.joining.items() if name in waiting}
        self.planes.take_snapshot(snapshot)
        if lanes_changed:
            self._recall_losses()
            self._forget_answers()
            self.prepared.emit()
        # Figures of another prior say nothing about this one.
        self._look(thorough=prior_changed or not self.training)
        self.snapshot_changed.emit()

    def _on_trained(self, going: bool) -> None:
        if self._is_stale():
            return
        self.training = going
        self._rate_mark = (self.step, self._clock())
        if not going:
            self._look(thorough=True)
        self.training_changed.emit(going)

    def _on_walked(self, walk: Walk) -> None:
        if not self._is_stale() and walk.model in self.models:
            self.walked.emit(walk)

    def _on_refused(self, wish: int | None, standing: ExperimentConfig | None, fault: StudioError) -> None:
        """What was asked for cannot be. `retry` asks again."""
        if self._is_stale():
            return
        if wish is not None:
            self.changes.fail(wish, standing or self.config)
        self.joining = {name: step for name, step in self.joining.items() if name in self.asked.models}
        self.configured.emit()
        self._on_failed(fault)

    def _on_failed(self, fault: StudioError) -> None:
        if self._is_stale():
            return
        if isinstance(fault, DataMissing):
            self._failed_request = self._request
        self._refused = True
        self.failed.emit(fault)

    def _on_unopened(self, folder: Path, fault: StudioError) -> None:
        """A session cannot be opened: what is on show stays, also where that is followed."""
        if folder == self._opening:
            self._opening = None
        if isinstance(fault, DataMissing):
            self._failed_request = folder
        self._refused = True
        self.failed.emit(fault)

    def _on_survey_failed(self, fault: str) -> None:
        self.failed.emit(StudioError("The newest weights could not be looked at: {fault}", fault=fault))

    def _on_surveyed(self, survey: Survey) -> None:
        if survey.generation != self.generation:
            return
        self.findings.take(survey, self.models)
        self.findings.cut(len(self.probe))
        self.questions.take(survey)
        self.planes.take_codes()
        self.surveyed.emit()


def _path(folder: Path) -> str:
    """One spelling of a folder, without a look at the disk: it may be on a mount that does not answer."""
    return os.path.normpath(Path.cwd() / folder)
