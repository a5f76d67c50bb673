"""SlowMotion: where one stands in a walk, and the controls that move it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from aae_studio.ui.code_panel import Slider
from aae_studio.ui.icons import icon
from aae_studio.ui.inside.script import Moment, moments
from aae_studio.ui.theme import Theme
from aae_studio.ui.translation import tr

if TYPE_CHECKING:
    from aae_studio.core.walk import Walk

# The slider's range and first place: tenths of a second for each sub-step.
PACES, PACE = (2, 50), 15
PLAY_KEY = "/"


class SlowMotion(QObject):
    """A walk, and a place in it; None: not in slow motion.

    Emits `moved` (the place, or whether it goes on by itself, is another) and `step_wanted` (there is
    nothing more to show: `begin` with another walk).
    """

    moved = Signal()
    step_wanted = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.walk: Walk | None = None
        self.moments: list[Moment] = []
        self.place: int | None = None
        self.waiting = False
        self._clock = QTimer(self)
        self._clock.setInterval(PACE * 100)
        self._clock.timeout.connect(self.go_on)

    @property
    def playing(self) -> bool:
        """Whether it goes on by itself."""
        return self._clock.isActive()

    @property
    def moment(self) -> Moment | None:
        """The sub-step on show."""
        return None if self.place is None else self.moments[self.place]

    def set_pace(self, milliseconds: int) -> None:
        """Stay so long at each sub-step."""
        self._clock.setInterval(milliseconds)

    def toggle(self) -> None:
        """Go on by itself, or stand still."""
        if self.playing:
            self.stand_still()
            return
        self._clock.start()
        if self.place is None:
            self._want_step()
        self.moved.emit()

    def stand_still(self) -> None:
        """Go on only when asked to."""
        self._clock.stop()
        self.moved.emit()

    def go_on(self) -> None:
        """The next sub-step; behind the last one, another training step."""
        if self.waiting:
            return
        if self.place is None or self.place + 1 >= len(self.moments):
            self._want_step()
        else:
            self.place += 1
            self.moved.emit()

    def go_back(self) -> None:
        """The sub-step before."""
        if self.place:
            self.place -= 1
            self.moved.emit()

    def begin(self, walk: Walk, at: str = "batch") -> None:
        """Show a walk from its first sub-step, or from the last one of a kind."""
        self.waiting = False
        self.walk, self.moments = walk, moments(walk)
        places = [place for place, moment in enumerate(self.moments) if moment.at == at]
        self.place = 0 if at == "batch" else places[-1]
        self.moved.emit()

    def leave(self) -> None:
        """End slow motion."""
        self._clock.stop()
        self.place, self.waiting = None, False
        self.moved.emit()

    def _want_step(self) -> None:
        self.waiting = True
        self.step_wanted.emit()


class SlowMotionBar(QWidget):
    """Buttons and keys that play, stop and step, and the pace. Emits nothing."""

    def __init__(self, slow: SlowMotion, theme: Theme) -> None:
        super().__init__()
        self._slow, self._theme = slow, theme
        self.play = self._button("", tr("Slow motion"), PLAY_KEY, slow.toggle)
        self.play.setObjectName("train")
        self.play.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.back = self._button("‹", tr("Sub-step before"), ",", slow.go_back)
        self.forward = self._button("›", tr("Next sub-step"), ".", slow.go_on)
        for button in (self.back, self.forward):
            button.setFixedWidth(30)
        self.pace = Slider(Qt.Orientation.Horizontal)
        self.pace.setRange(*PACES)
        self.pace.setValue(PACE)
        self.pace.setMinimumWidth(44)
        self.pace.setAccessibleName(tr("Pace"))
        self.pace.setToolTip(tr("Seconds that slow motion stays at each sub-step."))
        self.pace.valueChanged.connect(self._set_pace)
        self._seconds = QLabel()
        self._seconds.setProperty("muted", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        for widget in (self.play, self.back, self.forward):
            row.addWidget(widget)
        row.addWidget(self.pace, 1)
        row.addWidget(self._seconds)
        slow.moved.connect(self.show_state)
        self._set_pace(PACE)
        self.show_state()

    def show_state(self) -> None:
        """Let the first button say what it will do."""
        playing = self._slow.playing
        color, disabled = self._theme.color("on-accent"), self._theme.color("disabled")
        self.play.setIcon(icon("pause" if playing else "train", color, disabled))
        words = tr("Stand still") if playing else tr("Slow motion")
        self.play.setText(words)
        self.play.setAccessibleName(words)
        self.play.setToolTip(f"{words} ({PLAY_KEY})")
        self.back.setEnabled(bool(self._slow.place))

    def _set_pace(self, tenths: int) -> None:
        self._slow.set_pace(tenths * 100)
        self._seconds.setText(tr("{seconds} s", seconds=f"{tenths / 10:.1f}"))

    def _button(self, text: str, name: str, key: str, slot: Callable[[], None]) -> QToolButton:
        """A button with a key of its own, which works wherever the focus is while the bar can be seen."""
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({key})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(slot)
        QShortcut(QKeySequence(key), self, slot)
        return button
