"""Menus: the menu bar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from PySide6.QtCore import QSettings, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar

from aae_studio.ui.translation import LANGUAGES, tr

THEMES = {"system": "As the system", "dark": "Dark", "light": "Light"}


class Menus(QMenuBar):
    """Shows actions that others made. Emits `theme_chosen` and `language_chosen`."""

    theme_chosen = Signal(str)
    language_chosen = Signal(str)

    def __init__(self, actions: Mapping[str, QAction], settings: QSettings) -> None:
        super().__init__()
        self._actions, self._settings = actions, settings

    def add(self, title: str, parts: Iterable[str | QAction | QMenu]) -> None:
        """One more menu: actions, those of the window by name, further menus, and lines (an empty name)."""
        menu = self.addMenu(tr(title))
        menu.setObjectName(title)
        for part in parts:
            if isinstance(part, QMenu):
                menu.addMenu(part)
            elif part:
                menu.addAction(self._actions[part] if isinstance(part, str) else part)
            else:
                menu.addSeparator()

    def choices(self) -> tuple[QMenu, QMenu]:
        """The menus of themes and of languages."""
        themes = {key: tr(text) for key, text in THEMES.items()}
        dress = str(self._settings.value("theme", "system"))
        language = str(self._settings.value("language", "en"))
        return (
            self._choice(tr("Theme"), themes, dress, self.theme_chosen),
            self._choice("Language · 언어", LANGUAGES, language, self.language_chosen),
        )

    def _choice(self, title: str, texts: Mapping[str, str], current: str, chosen: Signal) -> QMenu:
        menu = QMenu(title, self)
        group = QActionGroup(menu)
        for key, text in texts.items():
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(key == current)
            action.triggered.connect(partial(self._choose, chosen, key))
            group.addAction(action)
        return menu

    def _choose(self, signal: Signal, key: str) -> None:
        signal.emit(key)  # type: ignore[attr-defined]
