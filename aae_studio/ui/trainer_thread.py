"""TrainerThread: drives `Experiment.run()` in the background, nothing else."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from PySide6.QtCore import Signal

from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import StudioError
from aae_studio.ui.closing_thread import ClosingThread
from aae_studio.ui.trainer_mail import Configure, Leave, Mail, Open, Save, Train, WalkPhase, WalkStep, Watch
from aae_studio.ui.watching import Watching
from aae_studio.ui.way_back import WayBack

if TYPE_CHECKING:
    from aae_studio.core.experiment import Experiment, Report
    from aae_studio.core.history import History
    from aae_studio.core.joining import CatchUp, Joining
    from aae_studio.core.snapshot import Snapshot
    from aae_studio.core.walk import Walk

# Reports and snapshots make the interface draw anew, which takes from training.
NEWS_INTERVAL_S = 0.15
# A snapshot waits until this many times its own cost has gone into training.
SNAPSHOT_PATIENCE = 80
NICE = 10


@dataclass(frozen=True)
class Prepared:
    """A new experiment at its first step: what the interface needs to show it.

    The thread goes on appending to `history`; everyone else only reads it. `folder`: the session that was
    opened, if one was. `number`: of the experiment, counted up; 0 for a run trained elsewhere. `kept`: the
    wishes that led to the experiment before, which one can go back to. `passing`: it is on its way to what
    was wished.
    """

    config: ExperimentConfig
    snapshot: Snapshot
    history: History
    precision: str
    steps_per_epoch: int
    seconds: float
    wish: int | None = None
    folder: Path | None = None
    number: int = 0
    kept: frozenset[int] = frozenset()
    passing: bool = False


def unexpected(fault: Exception) -> StudioError:
    """A defect of ours as an error that can be shown."""
    return StudioError("An unexpected fault: {fault}", fault=repr(fault))


class TrainerThread(ClosingThread):
    """Trains in the background.

    Its public methods are thread-safe: they put mail into a box that is emptied between two steps.
    Emits, in the order of what happened: `prepared` (Prepared), `changed` (the configuration that now
    holds, and the number of the wish that it is; None: it is on its way to one), `refused` (number of the
    wish, the configuration that stands, StudioError), `reported` (all reports since the last time),
    `snapshotted` (Snapshot), `trained` (whether training goes on), `saved` (folder, the experiment's number,
    its seconds of training), `walked` (Walk, of a
    step that was asked for or watched), `caught_up` (while the others wait for models that join: the step
    of each), `joined` (one has; the seconds of training, its own included), `unopened` (folder, StudioError)
    and `failed` (StudioError).
    """

    prepared = Signal(object)
    changed = Signal(object, object)
    refused = Signal(object, object, object)
    reported = Signal(object)
    snapshotted = Signal(object)
    trained = Signal(bool)
    saved = Signal(object, int, float)
    walked = Signal(object)
    caught_up = Signal(object)
    joined = Signal(float)
    failed = Signal(object)
    unopened = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("trainer")
        self._mailbox: queue.SimpleQueue[Mail | None] = queue.SimpleQueue()
        self._experiment: Experiment | None = None
        # A restart can be taken back.
        self._way_back = WayBack()
        self._steps: Iterator[Report] = iter(())
        # Steps still to be taken, and those that were asked for; None: without end.
        self._remaining: int | None = 0
        self._goal: int | None = 0
        # Whether it is looked at what one step does: to the weights themselves, and not to their mean.
        self._bare = False
        # Models that catch up, and the wish that they come from.
        self._joining: Joining | None = None
        self._wish: int | None = None
        # Whether they were paused, too.
        self._halted = False
        # Models that were taken away, as they were then, until there is another experiment. They hold their
        # memory: no more than if they had stayed.
        self._left: dict[str, CatchUp] = {}
        # Whether the others think that training goes on.
        self._told = False
        self._unsent: list[Report] = []
        self._sent_at = self._snapshot_due = 0.0
        self._watching = Watching()

    # From any thread

    def configure(
        self,
        config: ExperimentConfig,
        data_dir: Path,
        restart: bool = False,
        wish: int | None = None,
        back_to: int | None = None,
    ) -> None:
        """Go over to a configuration: live if the running experiment can, else from step 0.

        `wish`: the number that goes with what becomes of it. `back_to`: an earlier wish that led to it; where
        it led to the experiment on show, nothing starts again, and where it led to the one before, that comes
        back as far as it was trained, and stands still.
        """
        self._mailbox.put(Configure(config, data_dir, restart, wish, back_to))

    def open(self, folder: Path, data_dir: Path, wish: int | None = None) -> None:
        """Bring back the session in a folder. `wish`: the last one before, which from now on led here."""
        self._mailbox.put(Open(folder, data_dir, wish))

    def train(self, steps: int | None = None) -> None:
        """Train for so many steps; None: until `pause`."""
        self._mailbox.put(Train(steps))

    def pause(self) -> None:
        """Stop between two steps."""
        self._mailbox.put(Train(0))

    def save(self, folder: Path) -> None:
        """Write the session between two steps."""
        self._mailbox.put(Save(folder))

    def watch(self, model: str | None) -> None:
        """Write down a step of this model a few times a second, and at once how the next one would go."""
        self._mailbox.put(Watch(model))

    def walk_step(self, model: str) -> None:
        """Pause, take one step of all models and write this one's down."""
        self._mailbox.put(WalkStep(model))

    def walk_phase(self, model: str, phase: str) -> None:
        """Pause, and update one model by one of its phases alone."""
        self._mailbox.put(WalkPhase(model, phase))

    def leave_joining(self) -> None:
        """Wait no longer for models that join, nor let them."""
        self._mailbox.put(Leave())

    def wake(self) -> None:
        self._mailbox.put(None)

    # In the thread

    def run(self) -> None:
        while not self.isInterruptionRequested():
            try:
                for mail in self._mail(wait=not self._busy):
                    self._answer(mail)
                if self._joining is not None and not self._halted:
                    self._catch_up(self._joining)
                elif self._remaining != 0:
                    self._advance()
            except StudioError as fault:
                self._stop(fault)
            except Exception as fault:
                # A defect of ours must not end the thread in silence.
                self._stop(unexpected(fault))

    def _mail(self, wait: bool) -> Iterator[Mail]:
        """The mail that is there; with `wait`, at least one piece."""
        while True:
            try:
                mail = self._mailbox.get(block=wait)
            except queue.Empty:
                return
            if mail is None or self.isInterruptionRequested():
                return
            wait = False
            yield mail

    def _answer(self, mail: Mail) -> None:
        """Do what the mail asks. What cannot be done is said, and training goes on as it was."""
        try:
            self._take(mail)
        except StudioError as fault:
            self._decline(mail, fault)
        except Exception as fault:
            if not isinstance(mail, Configure | Open):
                raise
            self._decline(mail, unexpected(fault))

    def _decline(self, mail: Mail, fault: StudioError) -> None:
        match mail:
            case Configure(wish=wish):
                self._refuse(wish, fault)
            case Open(folder=folder):
                self.unopened.emit(folder, fault)
            case _:
                self.failed.emit(fault)

    def _refuse(self, wish: int | None, fault: StudioError) -> None:
        """Say that a wish cannot be, and what stands: who is joining goes on, from now on as this wish."""
        self._wish, standing = wish, self._joining or self._experiment
        # From here one goes on, and it is here that one comes back to.
        self._way_back.reach(wish)
        self.refused.emit(wish, None if standing is None else standing.config, fault)

    def _take(self, mail: Mail) -> None:
        match mail:
            case Train(steps=steps):
                self._train(steps)
            case Configure():
                self._configure(mail)
            case Leave():
                self._break_off()
            case Open(folder=folder, data_dir=data_dir, wish=wish):
                from aae_studio.core import session

                self._settle_in()
                experiment, history = session.restore(folder, data_dir)
                # Opening is no restart: it is asked about, and not taken back.
                self._experiment = self._way_back.former = None
                self._show_still(experiment, history, folder=folder)
                self._way_back.reach(wish)
            case Save(folder=folder):
                from aae_studio.core import session

                if self._experiment is not None:
                    self._send_reports()
                    session.save(folder, self._experiment, self._history)
                    self.saved.emit(folder, self._way_back.number, self._experiment.seconds)
            case Watch(model=model):
                self._watching.model = model
                self._rehearse()
            case WalkStep(model=model):
                if self._has(model):
                    self._pause()
                    self._lay_bare()
                    seen = self._walk(model)
                    self._send_reports()
                    self._send_snapshot()
                    self._tell_training(self._going)
                    self.walked.emit(seen)
            case WalkPhase(model=model, phase=phase):
                if self._has(model):
                    self._pause()
                    self._lay_bare()
                    assert self._experiment is not None
                    seen = self._watching.phase(self._experiment, model, phase)
                    self._send_snapshot()
                    self.walked.emit(seen)

    def _train(self, steps: int | None) -> None:
        going = self._remaining != 0
        # Who asks for a step while another is waiting wants two.
        waiting = (self._remaining or 0) if steps == self._goal == 1 else 0
        self._goal = steps if self._experiment is not None else 0
        self._remaining = None if self._goal is None else self._goal + waiting
        self._halted = steps == 0
        if steps == 1:
            self._lay_bare()
        elif steps != 0:
            self._bare = False
        if going and self._remaining == 0:
            self._send_reports()
            self._send_snapshot()
        if self._going != self._told:
            self._tell_training(self._going)
        if going:
            self._rehearse()

    def _tell_training(self, going: bool) -> None:
        self._told = going
        self.trained.emit(going)

    @property
    def _busy(self) -> bool:
        """Whether there is something to do without further mail."""
        return self._remaining != 0 or (self._joining is not None and not self._halted)

    @property
    def _going(self) -> bool:
        """Whether there will be for a while: one step is over at once."""
        return self._busy and (self._joining is not None or self._goal != 1)

    def _pause(self) -> None:
        if self._remaining != 0:
            self._train(0)

    def _configure(self, mail: Configure) -> None:
        # Imported here: importing torch takes a second, and the window must not wait for it.
        from aae_studio.core.experiment import Experiment, load_dataset
        from aae_studio.core.history import History

        self._settle_in()
        led = self._way_back.led_to(mail.back_to)
        if self._go_back(led, mail):
            return
        old, config = self._experiment, mail.config
        here = led == self._way_back.number or not mail.restart
        if old is not None and here and self._change(old, config, mail.wish):
            self._way_back.reach(mail.wish)
            return
        same_data = old is not None and old.shares_data(config)
        dataset = old.dataset if old is not None and same_data else load_dataset(config, mail.data_dir)
        self._adopt(Experiment(config, dataset), History(), wish=mail.wish)
        self._way_back.reach(mail.wish)
        if self._remaining:
            # Training goes on, and as far as it was to go.
            self._remaining = self._goal
        if self._going != self._told:
            # Who was catching up is there now.
            self._tell_training(self._going)

    def _go_back(self, number: int | None, mail: Configure) -> bool:
        """Bring the former experiment back, if it has this number and can have the configuration; False, and
        nothing done, if not."""
        former, config = self._way_back.former, mail.config
        if former is None or former.number != number:
            return False
        there = tuple(name for name in config.models if name in former.experiment.models)
        if not there or not former.experiment.accepts_live(config.with_(models=there)):
            return False
        # Models that were joining when it ended join again.
        passing = former.experiment.config != config
        self._way_back.former = None
        self._show_still(
            former.experiment, former.history, wish=mail.wish, number=former.number, passing=passing
        )
        self._left = former.left
        if passing:
            self._change(former.experiment, config, mail.wish)
        self._way_back.reach(mail.wish)
        return True

    def _show_still(self, experiment: Experiment, history: History, **told: Any) -> None:
        """Adopt an experiment that has been trained before, without training it on."""
        self._remaining = 0
        self._adopt(experiment, history, **told)
        self._tell_training(False)

    def _change(self, old: Experiment, config: ExperimentConfig, wish: int | None) -> bool:
        """Go over to a configuration at once, but for models that have to catch up first; False, and nothing
        done, if the experiment has to begin anew. Raises StudioError, and changes nothing."""
        from aae_studio.core.joining import Joining

        there = tuple(name for name in config.models if name in old.models)
        before = self._joining or Joining(old, old.config, left=self._left)
        if not there:
            if before.goes_on(config):
                # All would begin anew, and what they have learnt would be gone.
                raise StudioError(
                    "A model that is as far as the others must stay until these have caught up."
                )
            return False
        staying = config.with_(models=there)
        if not old.accepts_live(staying):
            return False
        joining = before.adapted(config)
        joining.part()
        old.change(staying)
        joining.begin()
        self._wish, self._left = wish, joining.left
        # Who was paused stays so; who is new is what was just asked for.
        self._halted &= joining.steps.keys() <= before.steps.keys()
        self._send_reports()
        self._wait_for(joining, staying)
        return True

    def _wait_for(self, joining: Joining, held: ExperimentConfig) -> None:
        """Say what holds while these models join, or that it is all that was asked for."""
        self._joining = joining if joining.steps else None
        self.changed.emit(held, self._wish if self._joining is None else None)
        # A snapshot carries the prior, and the set of models, that now hold.
        self._send_snapshot()
        if self._going != self._told:
            self._tell_training(self._going)

    def _catch_up(self, joining: Joining) -> None:
        """One step of a model that joins, or its joining. A fault ends the joining alone."""
        experiment, name = self._experiment, joining.arrived
        assert experiment is not None
        try:
            if name is None:
                joining.take_step()
            else:
                joining.admit(name, self._history)
        except Exception as fault:
            self._break_off()
            known = fault if isinstance(fault, StudioError) else unexpected(fault)
            self._refuse(self._wish, StudioError("What joins cannot catch up: {fault}", fault=known))
            self._tell_training(self._going)
            return
        if name is not None:
            self.joined.emit(experiment.seconds)
            self._wait_for(joining, experiment.config)
        elif time.perf_counter() - self._sent_at >= NEWS_INTERVAL_S:
            self._sent_at = time.perf_counter()
            self.caught_up.emit(joining.steps)

    def _break_off(self) -> None:
        """Wait no longer for models that join. They keep what they have learnt, for another time."""
        if self._joining is not None and self._experiment is not None:
            self._left = self._joining.adapted(self._experiment.config).left
        self._joining = None

    def _settle_in(self) -> None:
        """Give this thread its priority and torch its number of threads, before any arithmetic."""
        from aae_studio.core import compute

        compute.lower_priority(NICE)
        compute.use_threads(compute.training_threads())

    def _adopt(
        self,
        experiment: Experiment,
        history: History,
        wish: int | None = None,
        folder: Path | None = None,
        number: int | None = None,
        passing: bool = False,
    ) -> None:
        self._send_reports()
        if self._experiment is not None and self._way_back.is_worth(self._experiment):
            self._break_off()
            self._way_back.keep(self._experiment, self._history, self._left)
        self._way_back.go_on(number)
        self._joining, self._left = None, {}
        self._experiment, self._history = experiment, history
        self._steps = experiment.run()
        self._snapshot_due, self._bare = 0.0, False
        self.prepared.emit(
            Prepared(
                experiment.config,
                experiment.snapshot(),
                history,
                str(experiment.precision).removeprefix("torch."),
                experiment.steps_per_epoch,
                experiment.seconds,
                wish,
                folder,
                self._way_back.number,
                self._way_back.wishes,
                passing,
            )
        )

    def _advance(self) -> None:
        """One step, and news of it when it is time."""
        watched = self._watching.model
        if self._has(watched) and self._watching.is_due():
            self.walked.emit(self._walk(watched))
        else:
            self._watching.let_pass()
            self._unsent.append(next(self._steps))
        if self._remaining is not None:
            self._remaining -= 1
        now = time.perf_counter()
        if self._remaining == 0:
            self._send_reports()
            self._send_snapshot()
            self._tell_training(False)
            self._rehearse()
        elif now - self._sent_at >= NEWS_INTERVAL_S:
            self._sent_at = now
            self._send_reports()
            if now >= self._snapshot_due:
                self._send_snapshot()

    # Steps that are written down

    def _has(self, model: str | None) -> TypeGuard[str]:
        return self._experiment is not None and model in self._experiment.models

    def _walk(self, model: str) -> Walk:
        assert self._experiment is not None
        report, seen = self._watching.step(self._experiment, model)
        self._unsent.append(report)
        return seen

    def _rehearse(self) -> None:
        """While training stands still: how the watched model's next step would go."""
        if self._remaining == 0 and self._has(self._watching.model):
            assert self._experiment is not None
            self._lay_bare()
            self.walked.emit(self._watching.rehearsal(self._experiment, self._watching.model))

    # News

    def _send_reports(self) -> None:
        if self._unsent:
            self._history.append(self._unsent)
            self.reported.emit(self._unsent)
            self._unsent = []

    def _lay_bare(self) -> None:
        """Show the weights themselves until training goes on: before a step, so that what is seen to move is
        what the step moves, and after it."""
        if not self._bare:
            self._bare = True
            self._send_reports()
            self._send_snapshot()

    def _send_snapshot(self) -> None:
        if self._experiment is None:
            return
        # At rest, what is watched is how the next step would go.
        self._bare |= self._remaining == 0 and self._has(self._watching.model)
        if self._bare:
            self._experiment.forget_averages()
        # Not by the clock on the wall: on a busy machine that would punish the picture for waiting.
        start = time.thread_time()
        snapshot = self._experiment.snapshot()
        cost = time.thread_time() - start
        self._snapshot_due = time.perf_counter() + SNAPSHOT_PATIENCE * cost
        self.snapshotted.emit(snapshot)

    def _stop(self, fault: StudioError) -> None:
        """Pause and say why. The failing model stays as it was before the step."""
        self._remaining = 0
        self._break_off()
        self._send_reports()
        if self._experiment is not None:
            # A generator that raised is spent; the experiment goes on from its last good step.
            self._steps = self._experiment.run()
        self._tell_training(False)
        self.failed.emit(fault)
