"""Planes: which part of each model's latent space is on show, and where the cursors are in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from aae_studio.ui.canvas.plane import (
    Plane,
    View,
    axis_plane,
    fitting_view,
    placed,
    principal_plane,
    reach,
    settled,
    thinned,
)
from aae_studio.ui.state.conditions import Conditions, Told
from aae_studio.ui.state.findings import Findings

if TYPE_CHECKING:
    from aae_studio.core.snapshot import Snapshot

Array = npt.NDArray[np.float32]


class Cursors(NamedTuple):
    """Where the cursors are, and as what their codes are decoded, to go back there."""

    codes: Mapping[str, Array]
    told: Told
    picked: int | None
    active: str
    linked: bool


class Planes(QObject):
    """A plane, a view and a cursor for each model of the newest snapshot; `planes[name]` is the plane.

    Emits `cursor_moved` and `views_changed`.
    """

    cursor_moved = Signal()
    views_changed = Signal()

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self._findings = findings
        self._snapshot: Snapshot | None = None
        self._planes: dict[str, Plane] = {}
        # By model: codes, their plane, and their places in it.
        self._places: dict[str, tuple[Array, Plane, Array]] = {}
        self._zoomed: set[str] = set()
        self.views: dict[str, View] = {}
        self.cursors: dict[str, Array] = {}
        self.conditions = Conditions(findings)
        # Models whose first codes are still to come.
        self._awaited: set[str] = set()
        # The probe sample whose codes the cursors are on.
        self.picked: int | None = None
        self.linked = True
        self.active = ""
        # Two code axes, or None: the first two principal components.
        self.axes: tuple[int, int] | None = (0, 1)

    def __getitem__(self, name: str) -> Plane:
        return self._planes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._planes

    # The cursors

    def move_cursor(self, name: str, place: tuple[float, float]) -> None:
        """Move one lane's cursor to a place in its plane, and the others with it when they are linked.

        Lanes of equal scale get the same place, others the place that looks the same.
        """
        self.active, self.picked = name, None
        self._move(name, place)
        self.cursor_moved.emit()

    def _move(self, name: str, place: tuple[float, float]) -> None:
        for other in self.cursors if self.linked else (name,):
            there = place if other == name else self.views[name].carried(place, self.views[other])
            self.cursors[other] = self[other].moved(self.cursors[other], there)

    def pick(self, place: int, name: str | None = None) -> None:
        """Put each lane's cursor on its own code of this probe sample, and keep it there while they train.

        A decoder that is told a class or cluster is told the sample's. `name`: the lane where it was picked.
        """
        self.active = name or self.active
        self.picked = place
        self.conditions.pick(place)
        self._follow_picked()

    def _follow_picked(self) -> None:
        assert self.picked is not None
        for name, codes in self._findings.codes.items():
            # Of many points those of the probe subset come first.
            if self.picked < len(codes):
                self.cursors[name] = codes[self.picked]
        self.cursor_moved.emit()

    def let_go(self, count: int) -> None:
        """Follow the picked sample no longer if it is none of the first `count`."""
        if self.picked is not None and self.picked >= count:
            self.picked = None

    def place_cursors(self, codes: Mapping[str, Array]) -> None:
        """Put lanes' cursors on these codes (latent size,), by model, linked or not."""
        self.picked = None
        self.cursors |= {name: code for name, code in codes.items() if name in self.cursors}
        self.cursor_moved.emit()

    def kept(self) -> Cursors:
        """The cursors as they are now."""
        # A code may be a row of many, which are not to be kept for it.
        codes = {name: code.copy() for name, code in self.cursors.items()}
        return Cursors(codes, self.conditions.told, self.picked, self.active, self.linked)

    def put_back(self, before: Cursors) -> None:
        """Cursors as they were: on the codes that a sample has now, if they were on a sample."""
        self._restore(before)
        if self.picked is None:
            self.cursor_moved.emit()
        else:
            self.conditions.follow(self.picked)
            self._follow_picked()

    def _restore(self, before: Cursors) -> None:
        self.conditions.go_back(before.told)
        self.picked = before.picked
        self.cursors |= {name: code for name, code in before.codes.items() if name in self.cursors}
        if before.active in self.cursors:
            self.active = before.active

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
        x, y = self[name].project(self.cursors[name][None])[0]
        return float(x), float(y)

    def set_condition(self, name: str, place: int) -> None:
        """Decode a lane's codes as this one of its model's conditions; with linked cursors those of all lanes
        whose models have the same classes."""
        alike = self._told_alike(name) if self.linked else ()
        for other in {name, *alike}:
            self.conditions.choose(other, place)
        self.cursor_moved.emit()

    def _told_alike(self, name: str) -> list[str]:
        """The lanes whose decoders are told the same classes as this one's; none where it has none."""
        assert self._snapshot is not None
        models = self._snapshot.models
        mine = models[name].conditions
        # The numbers of two models' clusters mean nothing to one another.
        if not mine or models[name].model.finds == "clusters":
            return []
        return [
            other
            for other, frozen in models.items()
            if frozen.conditions == mine and frozen.model.finds != "clusters"
        ]

    def set_linked(self, linked: bool) -> None:
        """Move all cursors together, from now on and to where the active one is; or each for itself."""
        self.linked = linked
        # On a picked sample they are together, each on its own code.
        if linked and self._planes and self.picked is None:
            self._move(self.active, self.cursor_place(self.active))
            for name in self._told_alike(self.active):
                self.conditions.choose(name, self.conditions[self.active])
            self.cursor_moved.emit()

    # The planes and the views

    def places(self, name: str) -> Array:
        """Where the drawn images' codes are in a lane's plane, (n, 2): one array while they stay there."""
        assert self._snapshot is not None
        codes, plane, data = self._findings.codes[name], self[name], self._snapshot.dataset
        known = self._places.get(name)
        # A single axis has the height from the home view.
        if known is None or known[0] is not codes or known[1] is not plane or codes.shape[1] == 1:
            labels, count = data.drawn(len(codes)).labels[: len(codes)], len(data.classes)
            # To look for the home view takes as long as to draw some ten thousand points.
            home = self.home_view(name) if codes.shape[1] == 1 else self.views[name]
            known = codes, plane, placed(plane, home, codes, labels, count)
            self._places[name] = known
        return known[2]

    def set_axes(self, axes: tuple[int, int] | None) -> None:
        """Show the plane of two code axes, or None: of the first two principal components."""
        self.axes = axes
        self._refresh()
        self._go_home()
        self.views_changed.emit()
        # It may not have moved in its space; in the plane it has.
        self.cursor_moved.emit()

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
            self.views[other] = self.home_view(other)
        self.views_changed.emit()

    def home_view(self, name: str) -> View:
        """The view that shows a lane whole: the codes, and where a prior holds, its extent and all codes that
        are compared with it."""
        assert self._snapshot is not None
        codes = self._findings.codes
        if not self._shares_scale(name) and name in codes:
            return fitting_view(self[name].project(thinned(codes[name])))
        sharing = (other for other in self._sharing(name) if other in codes)
        reaches = (reach(self[other].project(thinned(codes[other]))) for other in sharing)
        return View(0.0, 0.0, max([self._snapshot.prior.extent, *reaches]))

    def _go_home(self) -> None:
        assert self._snapshot is not None
        self._zoomed.clear()
        self.views = {name: self.home_view(name) for name in self._snapshot.models}

    def _sharing(self, name: str) -> list[str]:
        """The lanes that share this lane's scale."""
        if not self._shares_scale(name):
            return [name]
        return [other for other in self._planes if self._shares_scale(other)]

    def _shares_scale(self, name: str) -> bool:
        assert self._snapshot is not None
        return self.axes is not None and self._snapshot.models[name].model.uses_prior

    def _refresh(self) -> None:
        assert self._snapshot is not None
        size, old = self._snapshot.prior.latent_size, self._planes
        self._planes = {}
        for name in self._snapshot.models:
            if self.axes is None and name in self._findings.codes and size > 1:
                before = old.get(name)
                follow = before if before is not None and before.labels[0] == "PC1" else None
                self._planes[name] = principal_plane(self._findings.codes[name], follow)
            else:
                x, y = self.axes or (0, 1)
                self._planes[name] = axis_plane(size, min(x, size - 1), min(y, size - 1))

    # News, which the workbench passes on

    def prepare(self, snapshot: Snapshot, before: Cursors | None = None) -> None:
        """Another experiment: a cursor stays where it can be seen, or goes to the code 0; linked ones move
        together. Of one that comes back, all are where they were `before`."""
        old, size, lead = self._snapshot, snapshot.prior.latent_size, self.active
        if old is None or old.prior.latent_size != size:
            self.cursors.clear()
            self.axes = (0, 1)
        self._snapshot, self.picked = snapshot, None
        self.conditions.prepare(snapshot)
        self._planes.clear()
        self._places.clear()
        zero = np.zeros(size, np.float32)
        shared = next(iter(self.cursors.values()), zero) if self.linked else zero
        self.cursors = {name: self.cursors.get(name, shared) for name in snapshot.models}
        self.active = next(iter(snapshot.models))
        self._refresh()
        self._go_home()
        seen = [name for name in self.views if self._shows_cursor(name)]
        for name in set(self.views) - set(seen):
            self.cursors[name] = zero
        if self.linked and seen:
            # Of a model without prior, whose codes are elsewhere now, the cursor's place says nothing.
            lead = max(seen, key=lambda name: (self._shares_scale(name), name == lead))
            self._move(lead, self.cursor_place(lead))
        self._awaited = set(snapshot.models)
        if before is not None:
            self._restore(before)
            if before.linked or not self.linked:
                # Where they are is not for first codes to decide.
                self._awaited -= before.codes.keys()

    def _bring_into_view(self, names: set[str]) -> None:
        """Where the codes of a model without prior are, and with them its view, is known from the first ones:
        its cursor goes with those that it is linked with, or into the middle if it is out of sight."""
        seen = list(filter(self._shows_cursor, self.views))
        lead = max(seen, key=lambda name: (self._shares_scale(name), name not in names), default=None)
        for name in names - {lead}:
            view = self.views[name]
            place = (view.x, view.y)
            if self.linked and lead is not None:
                place = self.views[lead].carried(self.cursor_place(lead), view)
            elif name in seen:
                continue
            self.cursors[name] = self[name].moved(self.cursors[name], place)
        self.cursor_moved.emit()

    def _shows_cursor(self, name: str) -> bool:
        """Whether a lane's cursor is within the square that its view is about."""
        (x, y), view = self.cursor_place(name), self.views[name]
        return max(abs(x - view.x), abs(y - view.y)) <= view.half

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """New weights, of another prior or of other models perhaps."""
        old, self._snapshot = self._snapshot, snapshot
        assert old is not None
        for name in set(self.cursors) - set(snapshot.models):
            del self.cursors[name], self._planes[name], self.views[name]
            self._places.pop(name, None)
            self._zoomed.discard(name)
            self._awaited.discard(name)
            self.picked = None
        if self.active not in snapshot.models:
            self.active = next(name for name in snapshot.models if name in self.cursors)
        self.conditions.take_snapshot(snapshot)
        self._take_in(set(snapshot.models) - set(self.cursors))
        if snapshot.prior is not old.prior:
            self._go_home()
            self.views_changed.emit()

    def _take_in(self, joining: set[str]) -> None:
        """Models that have joined: view and cursor are those of a lane with the same scale, where there is
        one."""
        there = [self.active, *(name for name in self.cursors if name != self.active)]
        if joining:
            self._refresh()
        self._awaited |= joining
        for name in joining:
            lead = next((other for other in there if other in self._sharing(name)), self.active)
            self.views[name] = self.views[lead] if lead in self._sharing(name) else self.home_view(name)
            if lead in self._sharing(name) and lead in self._zoomed:
                self._zoomed.add(name)
            place = self.views[lead].carried(self.cursor_place(lead), self.views[name])
            self.cursors[name] = self[name].moved(self.cursors[lead], place)

    def take_codes(self) -> None:
        """The codes are new: principal axes turn with them, and so do views that the user left alone."""
        if self.axes is None:
            self._refresh()
        moved = False
        for name in self._planes:
            if name not in self._zoomed:
                view = settled(self.views[name], self.home_view(name))
                moved |= view is not self.views[name]
                self.views[name] = view
        if moved:
            self.views_changed.emit()
        arrived = self._awaited & self._findings.codes.keys()
        self._awaited -= arrived
        if arrived and self.picked is None:
            self._bring_into_view(arrived)
        if self.picked is not None:
            self.conditions.follow(self.picked)
            self._follow_picked()
