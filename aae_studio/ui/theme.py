"""Theme: named colours that feed the palette, the style sheet, pyqtgraph and our own painting."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from aae_studio import paths

NAMES = ("dark", "light")
# Latin first, then the Korean fonts of Linux, Windows and macOS.
FAMILIES = (
    "Inter",
    "Segoe UI",
    "SF Pro Text",
    "Noto Sans",
    "DejaVu Sans",
    "Noto Sans CJK KR",
    "NanumGothic",
    "Nanum Gothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
)


@dataclass(frozen=True)
class Theme:
    """One set of colours. `name` is `dark` or `light`."""

    name: str
    colors: dict[str, str]
    classes: tuple[str, ...]

    def color(self, name: str) -> QColor:
        """The colour with this name; a model without a colour of its own gets `model`."""
        return QColor(self.colors.get(name) or self.colors["model"])

    def class_color(self, place: int) -> QColor:
        """The colour of the class at this place."""
        return QColor(self.classes[place % len(self.classes)])

    def palette(self) -> QPalette:
        """For widgets that no style rule reaches. Set always: some platforms ignore colour schemes."""
        palette = QPalette()
        role = QPalette.ColorRole
        for roles, name in (
            ((role.Window,), "window"),
            ((role.Base, role.AlternateBase), "field"),
            ((role.Button, role.ToolTipBase), "card"),
            ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText), "text"),
            ((role.PlaceholderText,), "muted"),
            ((role.Highlight, role.Link), "accent"),
            ((role.HighlightedText,), "on-accent"),
            ((role.Mid, role.Dark, role.Shadow), "border"),
            ((role.Light, role.Midlight), "hover"),
        ):
            for each in roles:
                palette.setColor(each, self.color(name))
        for each in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, each, self.color("disabled"))
        return palette

    def style_sheet(self) -> str:
        """The application's style sheet with this theme's colours and its folder of icons."""
        template = paths.resource("themes", "studio.qss").read_text(encoding="utf-8")
        words = {**self.colors, "icons": paths.resource("icons", self.name).as_posix()}
        return re.sub(r"@([a-z-]+)@", lambda found: words[found[1]], template)


@cache
def load(name: str) -> Theme:
    """The theme called `dark` or `light`."""
    colors = json.loads(paths.resource("themes", f"{name}.json").read_text(encoding="utf-8"))
    return Theme(name, colors, tuple(colors.pop("classes")))


def resolve(choice: str) -> Theme:
    """The theme for a choice of `dark`, `light` or `system`."""
    if choice in NAMES:
        return load(choice)
    scheme = QGuiApplication.styleHints().colorScheme()
    return load("light" if scheme == Qt.ColorScheme.Light else "dark")


def apply(application: QApplication, theme: Theme) -> None:
    """Dress the application: Fusion style, our palette, style sheet and fonts."""
    application.setStyle(QStyleFactory.create("Fusion"))
    application.setPalette(theme.palette())
    application.setStyleSheet(theme.style_sheet())
    there = set(QFontDatabase.families())
    font = QFont()
    font.setFamilies([family for family in FAMILIES if family in there] or [font.family()])
    font.setPixelSize(12)
    application.setFont(font)


def fixed_font(pixels: int = 12) -> QFont:
    """The font for figures and shapes."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(pixels)
    return font
