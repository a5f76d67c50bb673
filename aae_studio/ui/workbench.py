"""Workbench: the one mutable state of the user interface."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import DataMissing, StudioError
from aae_studio.ui.canvas.mark import Mark
from aae_studio.ui.canvas.plane import (
    Plane,
    View,
    axis_plane,
    fitting_view,
    placed,
    principal_plane,
    settled,
)
from aae_studio.ui.follow_thread import FollowThread
from aae_studio.ui.repeats import Repeats
from aae_studio.ui.survey_thread import Question, Request, Survey, SurveyThread
from aae_studio.ui.trainer_thread import Prepared, TrainerThread
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.experiment import Report
    from aae_studio.core.history import History
    from aae_studio.core.region import Region
    from aae_studio.core.snapshot import Figures, FrozenModel, Snapshot
    from aae_studio.core.walk import Walk
    from aae_studio.ui.canvas.tool import Tool
    from aae_studio.ui.canvas.trace import Trace

Array = npt.NDArray[np.float32]
UNDO_DEPTH = 100
RATE_WINDOW_S = 1.0


class Workbench(QObject):
    """Holds what the window shows. Widgets read it, call its methods and listen to its signals.

    Emits `configured` (another configuration holds), `prepared` (another experiment is there, at its first
    step), `progressed` (more steps), `snapshot_changed` (new weights), `surveyed` (new codes or figures),
    `cursor_moved`, `views_changed`, `training_changed` (bool), `display_changed` (crisp pixels, what the
    canvas shows), `marked` (marks in the planes), `traced` (what panels draw over the planes),
    `tool_changed`, `following_changed` (bool), `walked` (Walk: a step that was written down), `hovered` (the
    probe sample under the mouse, or None), `failed` (StudioError) and `saved` (folder).

    `answers` holds what the questions of `ask` came to, by key. With `prepared` all questions and answers
    are gone: who still wants to know asks again.
    """

    configured = Signal()
    prepared = Signal()
    progressed = Signal()
    snapshot_changed = Signal()
    surveyed = Signal()
    cursor_moved = Signal()
    views_changed = Signal()
    training_changed = Signal(bool)
    display_changed = Signal()
    marked = Signal()
    traced = Signal()
    tool_changed = Signal()
    following_changed = Signal(bool)
    walked = Signal(object)
    hovered = Signal(object)
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
        self.config, self.data_dir = config, data_dir
        # What panels have trained beside it.
        self.repeats = Repeats()
        self.training = False
        # Where this experiment was opened or saved last.
        self.folder: Path | None = None
        # The folder of the run that is shown while it is trained elsewhere.
        self.following: Path | None = None
        self.snapshot: Snapshot | None = None
        self.history: History | None = None
        self.precision = ""
        self.step = self.epoch = self.steps_per_epoch = 0
        self.surveyed_step = -1
        self.seconds = self.steps_per_second = 0.0
        self.codes: dict[str, Array] = {}
        self.regions: dict[str, Region] = {}
        self.samples: dict[str, Array] = {}
        self.questions: dict[Hashable, Question] = {}
        self.answers: dict[Hashable, Any] = {}
        # What was asked, or asked in other words, since the last answers.
        self.unanswered: set[Hashable] = set()
        self.figures: dict[str, Figures] = {}
        self.losses: dict[str, dict[str, float]] = {}
        self.crisp = self.show_codes = self.show_prior = True
        self.overlays: frozenset[str] = frozenset()
        self.marks: dict[str, Mark] = {}
        self.traces: dict[str, Mapping[str, Trace]] = {}
        # The probe sample whose codes the cursors are on, and whether a drag takes hold of samples.
        self.picked: int | None = None
        self.drags_data = False
        # What the mouse does in the planes, where it does not move the cursor.
        self.tool: Tool | None = None
        self.cursors: dict[str, Array] = {}
        self.conditions: dict[str, int] = {}
        self.planes: dict[str, Plane] = {}
        self.views: dict[str, View] = {}
        self.linked = True
        self.active = ""
        # The probe sample under the mouse, in whichever lane.
        self.hovered_sample: int | None = None
        self.axes: tuple[int, int] | None = (0, 1)
        self._places: dict[str, tuple[Array, Plane, Array]] = {}
        self._zoomed: set[str] = set()
        self._generation = 0
        self._undo: list[ExperimentConfig] = []
        self._redo: list[ExperimentConfig] = []
        self._asked = config
        self._request: ExperimentConfig | Path = config
        self._failed_request: ExperimentConfig | Path | None = None
        self._pending = 0
        self._rate_mark = (0, 0.0)
        self._trainer, self._survey, self._follower = trainer, survey, follower
        for thread in (trainer, follower):
            thread.prepared.connect(self._on_prepared)
            thread.reported.connect(self._on_reported)
            thread.snapshotted.connect(self._on_snapshotted)
            thread.failed.connect(self._on_failed)
        trainer.changed.connect(self._on_changed)
        trainer.trained.connect(self._on_trained)
        trainer.saved.connect(self._on_saved)
        trainer.walked.connect(self._on_walked)
        survey.surveyed.connect(self._on_surveyed)
        survey.failed.connect(self._on_survey_failed)

    # Training

    def begin(self, run: Path | None = None, train: bool = False, follow: bool = False) -> None:
        """Bring up the first experiment, or the session in `run`, or follow it."""
        if run is None:
            self._trainer.configure(self.config, self.data_dir)
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
        self._ask(self._asked, restart=True)

    def new_seed(self) -> None:
        """Back to step 0 with the next seed: other weights and batches."""
        self.configure(seed=(self._asked.seed + 1) % 2**31)

    def configure(self, **changes: object) -> None:
        """Change options of the experiment; live where possible, else from step 0.

        Raises StudioError, and changes nothing, for a value that cannot be.
        """
        config = self._asked.with_(**changes)
        if config != self._asked:
            self._undo = [*self._undo[-UNDO_DEPTH:], self._asked]
            self._redo.clear()
            self._ask(config)

    def refine(self, **changes: object) -> None:
        """Like `configure`, but as a part of the change before: one `undo` takes both back."""
        config = self._asked.with_(**changes)
        if config != self._asked:
            self._redo.clear()
            self._ask(config)

    def try_configure(self, **changes: object) -> None:
        """Like `configure`, but an impossible value is shown as an error."""
        try:
            self.configure(**changes)
        except StudioError as fault:
            self.configured.emit()
            self.failed.emit(fault)

    def undo(self) -> None:
        """Take the last change of options back."""
        if self._undo:
            self._redo.append(self._asked)
            self._ask(self._undo.pop())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._redo:
            self._undo.append(self._asked)
            self._ask(self._redo.pop())

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    def undoes_only(self, *names: str) -> bool:
        """Whether `undo` would change these fields and options alone (`prior`, `painted.picture`)."""
        if not self._undo:
            return False
        before, after = vars(self._undo[-1]), vars(self._asked)
        fields = {name for name in after if name != "options" and before[name] != after[name]}
        old, new = before["options"], after["options"]
        options = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        return fields | options <= set(names)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def set_data_dir(self, folder: Path) -> None:
        """Look for downloaded datasets in another folder; what failed for lack of them is tried again."""
        self.data_dir = folder
        self.retry()

    def retry(self) -> None:
        """Ask again for what failed because its data were missing, if anything did."""
        request, self._failed_request = self._failed_request, None
        if self.following is not None:
            self.follow(self.following)
        elif isinstance(request, Path):
            self.open(request)
        elif request is not None:
            self._ask(request)

    def open(self, folder: Path) -> None:
        """Bring back the session in a folder."""
        self._forget_changes(folder)
        self._follow(None)
        self._trainer.open(folder, self.data_dir)

    def follow(self, folder: Path) -> None:
        """Show the run in a folder, which another process trains, whenever it has been saved again.

        Until `stop_following`, nothing here can be trained or changed.
        """
        self._forget_changes(folder)
        self._trainer.pause()
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
        if folder != self.following:
            self.following = folder
            self.following_changed.emit(folder is not None)

    def _forget_changes(self, folder: Path) -> None:
        """What was changed before says nothing about this folder's experiment."""
        self._request = folder
        self._undo.clear()
        self._redo.clear()

    def save(self, folder: Path) -> None:
        """Write the session into a folder."""
        self._trainer.save(folder)

    def _ask(self, config: ExperimentConfig, restart: bool = False) -> None:
        assert self.following is None, "what is trained elsewhere cannot be changed here"
        self._asked = self._request = config
        self._pending += 1
        self.configured.emit()
        self._trainer.configure(config, self.data_dir, restart)

    @property
    def asked(self) -> ExperimentConfig:
        """The configuration that the user asked for; `config` follows when the trainer has it."""
        return self._asked

    # The cursor, the planes and the views

    @property
    def models(self) -> Mapping[str, FrozenModel]:
        """The models of the newest snapshot."""
        return {} if self.snapshot is None else self.snapshot.models

    def move_cursor(self, name: str, place: tuple[float, float]) -> None:
        """Move one lane's cursor to a place in its plane, and the others with it when they are linked.

        Lanes of equal scale get the same place, others the place that looks the same.
        """
        self.active, self.picked = name, None
        for other in self.cursors if self.linked else (name,):
            there = place if other == name else self.views[name].carried(place, self.views[other])
            self.cursors[other] = self.planes[other].moved(self.cursors[other], there)
        self.cursor_moved.emit()

    def pick(self, place: int) -> None:
        """Put each lane's cursor on its own code of this probe sample, and keep it there while they train."""
        self.picked = place
        self._follow_picked()

    def _follow_picked(self) -> None:
        assert self.picked is not None
        for name, codes in self.codes.items():
            self.cursors[name] = codes[self.picked]
        self.cursor_moved.emit()

    def place_cursors(self, codes: Mapping[str, Array]) -> None:
        """Put lanes' cursors on these codes (latent size,), by model, linked or not."""
        self.picked = None
        self.cursors |= {name: code for name, code in codes.items() if name in self.cursors}
        self.cursor_moved.emit()

    def set_code_axis(self, axis: int, value: float) -> None:
        """Set one number of the cursor's code, in all lanes when they are linked."""
        self.picked = None
        for name in self.cursors if self.linked else (self.active,):
            code = self.cursors[name].copy()
            code[axis] = value
            self.cursors[name] = code
        self.cursor_moved.emit()

    def reset_code(self) -> None:
        """Put the cursor on the code 0, in all lanes when they are linked."""
        self.picked = None
        for name in self.cursors if self.linked else (self.active,):
            self.cursors[name] = np.zeros_like(self.cursors[name])
        self.cursor_moved.emit()

    def cursor_place(self, name: str) -> tuple[float, float]:
        """Where a lane's cursor is in its plane."""
        x, y = self.planes[name].project(self.cursors[name][None])[0]
        return float(x), float(y)

    def decoded(self, name: str) -> Array:
        """The image at a lane's cursor, (C, H, W) in [0, 1], by the newest snapshot."""
        return self.models[name].decode(self.cursors[name][None], self.conditions.get(name, 0))[0]

    def decoded_as_each(self, name: str) -> Array:
        """The code at a lane's cursor, decoded as each of the model's conditions, (n, C, H, W) in [0, 1]."""
        count = len(self.models[name].conditions)
        return self.models[name].decode(np.repeat(self.cursors[name][None], count, axis=0), np.arange(count))

    def set_condition(self, name: str, place: int) -> None:
        """Decode a lane's codes as this one of its model's conditions."""
        self.conditions[name] = place
        self.cursor_moved.emit()

    def places(self, name: str) -> Array:
        """Where the probe subset's codes are in a lane's plane, (n, 2): one array while they stay there."""
        codes, plane = self.codes[name], self.planes[name]
        known = self._places.get(name)
        # A single axis has the height from the home view.
        if known is None or known[0] is not codes or known[1] is not plane or codes.shape[1] == 1:
            labels, count = self.probe_labels[: len(codes)], len(self.probe_classes)
            known = codes, plane, placed(plane, self._home(name), codes, labels, count)
            self._places[name] = known
        return known[2]

    @property
    def probe_labels(self) -> npt.NDArray[np.int64]:
        """The probe subset's classes, (n,), as places in `probe_classes`."""
        assert self.snapshot is not None
        return self.snapshot.dataset.probe.labels

    @property
    def probe_classes(self) -> tuple[str, ...]:
        """The names of the dataset's classes."""
        return () if self.snapshot is None else self.snapshot.dataset.classes

    def class_name(self, place: int) -> str:
        """The name of a class, in the interface's language."""
        name = self.probe_classes[place]
        return tr(name)

    def probe_caption(self, place: int) -> str:
        """The class and the id of one probe sample."""
        assert self.snapshot is not None
        name = self.probe_classes[int(self.probe_labels[place])]
        return tr("{name} · id {id} · x → x̂", name=tr(name), id=int(self.snapshot.dataset.probe.ids[place]))

    def reconstruction(self, name: str, place: int) -> tuple[Array, Array]:
        """One probe image and what a model makes of it, each (C, H, W) in [0, 1]."""
        assert self.snapshot is not None
        image, label = self.snapshot.probe_images[place], self.probe_labels[place]
        return image, self.models[name].reconstruct(image[None], label[None])[0]

    def hover(self, place: int | None) -> None:
        """The mouse is over this probe sample's point, or over none."""
        self.hovered_sample = place
        self.hovered.emit(place)

    def set_display(self, **shown: bool) -> None:
        """Set `crisp`, `show_codes`, `show_prior` or `drags_data`."""
        for key, value in shown.items():
            setattr(self, key, value)
        self.display_changed.emit()

    def show_overlay(self, name: str, shown: bool) -> None:
        """Draw an overlay over every latent plane, or draw it no longer."""
        self.overlays = self.overlays | {name} if shown else self.overlays - {name}
        self.display_changed.emit()

    def trace(self, key: str, traces: Mapping[str, Trace]) -> None:
        """Draw these over the models' planes in place of what was drawn by this key."""
        if traces or self.traces.get(key):
            self.traces[key] = traces
            self.traced.emit()

    def take_up(self, tool: Tool | None) -> None:
        """Use a tool in the planes; None: let the mouse move the cursor again."""
        if tool is not self.tool:
            self.tool = tool
            self.tool_changed.emit()

    def ask(self, key: Hashable, question: Question, soon: bool = True) -> None:
        """Have a question answered for the newest snapshot, and for each later one until `drop`.

        It is called in the survey thread; what it gives is in `answers` when `surveyed` is emitted.
        Without `soon` it waits for the next snapshot.
        """
        self.questions[key] = question
        self.unanswered.add(key)
        if soon:
            self._look(urgent=True)

    def drop(self, key: Hashable) -> None:
        """Ask this no longer, and forget the answer."""
        self.questions.pop(key, None)
        self.answers.pop(key, None)
        self.unanswered.discard(key)

    def set_mark(self, key: str, mark: Mark | None) -> None:
        """Show a mark in every plane in place of the one with the same key; None: no longer."""
        if mark is not None:
            self.marks[key] = mark
        elif self.marks.pop(key, None) is None:
            return
        self.marked.emit()

    def home_view(self, name: str) -> View:
        """The view that shows a lane whole."""
        return self._home(name)

    def _look(self, thorough: bool = False, urgent: bool = False) -> None:
        """Have the newest snapshot surveyed."""
        if self.snapshot is not None:
            questions = dict(self.questions)
            self._survey.look(Request(self._generation, self.snapshot, questions, thorough, urgent))

    def set_linked(self, linked: bool) -> None:
        """Move all cursors together, or each for itself."""
        self.linked = linked

    def set_axes(self, axes: tuple[int, int] | None) -> None:
        """Show the plane of two code axes, or None: of the first two principal components."""
        self.axes = axes
        self._zoomed.clear()
        self._refresh_planes()
        for name in self.models:
            self.views[name] = self._home(name)
        self.views_changed.emit()
        self.surveyed.emit()

    def set_view(self, name: str, view: View) -> None:
        """Show another part of a lane's plane. Lanes that share a prior keep one scale."""
        for other in self._sharing(name):
            self.views[other] = view
            self._zoomed.add(other)
        self.views_changed.emit()

    def fit_view(self, name: str) -> None:
        """Show the whole lane again."""
        for other in self._sharing(name):
            self._zoomed.discard(other)
            self.views[other] = self._home(other)
        self.views_changed.emit()

    def _sharing(self, name: str) -> list[str]:
        """The lanes that share this lane's scale."""
        if not self._shares_scale(name):
            return [name]
        return [other for other in self.models if self._shares_scale(other)]

    def _shares_scale(self, name: str) -> bool:
        return self.axes is not None and self.models[name].model.uses_prior

    def _home(self, name: str) -> View:
        """The view that shows a lane whole: the prior's extent, or the codes where no prior holds."""
        assert self.snapshot is not None
        if not self._shares_scale(name) and name in self.codes:
            return fitting_view(self.planes[name].project(self.codes[name]))
        return View(0.0, 0.0, self.snapshot.prior.extent)

    def _refresh_planes(self) -> None:
        size = self.config.latent_size
        for name in self.models:
            if self.axes is None and name in self.codes and size > 1:
                old = self.planes.get(name)
                follow = old if old is not None and old.labels[0] == "PC1" else None
                self.planes[name] = principal_plane(self.codes[name], follow)
            else:
                x, y = self.axes or (0, 1)
                self.planes[name] = axis_plane(size, min(x, size - 1), min(y, size - 1))

    # News from the threads

    def _forget_questions(self) -> None:
        """The answers were about models that are gone."""
        self.questions.clear()
        self.answers.clear()
        self.unanswered.clear()
        self.marks.clear()
        self.traces.clear()
        self.picked = None

    def _is_stale(self) -> bool:
        """Whether news come from the thread whose experiment is no longer shown."""
        silent = self._follower if self.following is None else self._trainer
        return self.sender() is silent

    def _hold(self, config: ExperimentConfig) -> None:
        """The trainer went over to this configuration, which the newest question may have overtaken."""
        self.config = config
        self._pending = max(0, self._pending - 1)
        if not self._pending:
            self._asked = config

    def _on_prepared(self, news: Prepared) -> None:
        if self._is_stale():
            return
        same_lanes = self.snapshot is not None and news.config.latent_size == self.config.latent_size
        self._generation += 1
        self.folder = self._request if isinstance(self._request, Path) else None
        self._hold(news.config)
        self.snapshot, self.history = news.snapshot, news.history
        self.precision, self.steps_per_epoch = news.precision, news.steps_per_epoch
        self.step, self.seconds, self.steps_per_second = news.snapshot.step, news.seconds, 0.0
        self.epoch = self.step // self.steps_per_epoch
        self._rate_mark = (self.step, time.perf_counter())
        self.losses, self.surveyed_step = {}, -1
        for table in (self.codes, self.regions, self.samples, self.figures, self.views, self.planes):
            table.clear()
        self._forget_questions()
        if not same_lanes:
            self.cursors.clear()
            self.axes = (0, 1)
        self._zoomed.clear()
        self.conditions.clear()
        self._place_cursors()
        self._look(thorough=True)
        self.configured.emit()
        self.prepared.emit()

    def _place_cursors(self) -> None:
        """A cursor for each lane, within its view: where it was, where the others are, or on the code 0."""
        zero = np.zeros(self.config.latent_size, np.float32)
        shared = next(iter(self.cursors.values()), zero) if self.linked else zero
        self.cursors = {name: self.cursors.get(name, shared) for name in self.models}
        self.active = next(iter(self.models))
        self._refresh_planes()
        self.views = {name: self._home(name) for name in self.models}
        for name, view in self.views.items():
            x, y = self.cursor_place(name)
            if max(abs(x - view.x), abs(y - view.y)) > view.half:
                self.cursors[name] = zero

    def _on_changed(self, config: ExperimentConfig) -> None:
        if self._is_stale():
            return
        self._hold(config)
        self._failed_request = None
        self.configured.emit()

    def _on_saved(self, folder: Path) -> None:
        self.folder = folder
        self.saved.emit(folder)

    def _on_reported(self, reports: list[Report]) -> None:
        if self._is_stale():
            return
        last = reports[-1]
        self.step, self.epoch, self.seconds = last.step, last.epoch, last.seconds
        self.losses = last.losses
        # By the clock on the wall: what a person waits for, the price of looking included.
        step, seconds = self._rate_mark
        now = time.perf_counter()
        if now - seconds >= RATE_WINDOW_S:
            self.steps_per_second = (self.step - step) / (now - seconds)
            self._rate_mark = (self.step, now)
        self.progressed.emit()

    def _on_snapshotted(self, snapshot: Snapshot) -> None:
        if self._is_stale():
            return
        prior_changed = self.snapshot is not None and snapshot.prior is not self.snapshot.prior
        lanes_changed = self.snapshot is not None and list(snapshot.models) != list(self.models)
        self.snapshot = snapshot
        for name in set(self.cursors) - set(snapshot.models):
            for table in (self.codes, self.regions, self.samples, self.figures, self.cursors):
                table.pop(name, None)
        if self.active not in snapshot.models:
            self.active = next(iter(snapshot.models))
        if prior_changed:
            self._zoomed.clear()
            self.views = {name: self._home(name) for name in self.models}
            self.views_changed.emit()
        if lanes_changed:
            self._forget_questions()
            self.prepared.emit()
        # Figures of another prior say nothing about this one.
        self._look(thorough=prior_changed or not self.training)
        self.snapshot_changed.emit()

    def _on_trained(self, going: bool) -> None:
        if self._is_stale():
            return
        self.training = going
        self._rate_mark = (self.step, time.perf_counter())
        if not going:
            self._look(thorough=True)
        self.training_changed.emit(going)

    def _on_walked(self, walk: Walk) -> None:
        if not self._is_stale() and walk.model in self.models:
            self.walked.emit(walk)

    def _on_failed(self, fault: StudioError) -> None:
        if self._is_stale():
            return
        # What was asked for does not hold; what holds stays. `retry` asks again.
        if isinstance(fault, DataMissing):
            self._failed_request = self._request
        if self._pending and self._undo and self._undo[-1] == self.config:
            self._undo.pop()
        self._asked, self._pending = self.config, 0
        self.configured.emit()
        self.failed.emit(fault)

    def _on_survey_failed(self, fault: str) -> None:
        self.failed.emit(StudioError("The newest weights could not be looked at: {fault}", fault=fault))

    def _on_surveyed(self, survey: Survey) -> None:
        if survey.generation != self._generation:
            return
        self.surveyed_step = survey.step
        self.codes.update({name: codes for name, codes in survey.codes.items() if name in self.models})
        self.regions.update({name: kept for name, kept in survey.regions.items() if name in self.models})
        self.samples.update(survey.samples)
        self.figures.update(survey.figures)
        self.answers.update({key: answer for key, answer in survey.answers.items() if key in self.questions})
        answered = {key for key in survey.answers if self.questions.get(key) is survey.questions[key]}
        self.unanswered -= answered
        if self.axes is None:
            self._refresh_planes()
        moved = False
        for name in self.models:
            if name not in self._zoomed:
                view = settled(self.views[name], self._home(name))
                moved |= view is not self.views[name]
                self.views[name] = view
        if moved:
            self.views_changed.emit()
        if self.picked is not None:
            self._follow_picked()
        self.surveyed.emit()
