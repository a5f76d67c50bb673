"""The interface's words in the user's language. English is the source; a catalogue maps it to others."""

from __future__ import annotations

import json
from numbers import Integral

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from aae_studio import paths
from aae_studio.core.errors import StudioError

# At which no line breaks.
THIN_SPACE = "\u202f"
LANGUAGES = {"en": "English", "ko": "한국어"}

_catalogue: dict[str, str] = {}
_qt_words = QTranslator()


def use(language: str, application: QApplication) -> None:
    """Speak this language from now on, English if it is none of ours. Widgets that exist keep their words."""
    _catalogue.clear()
    application.removeTranslator(_qt_words)
    if language != "en" and language in LANGUAGES:
        file = paths.resource("translations", f"{language}.json")
        _catalogue.update(json.loads(file.read_text(encoding="utf-8")))
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if _qt_words.load(f"qtbase_{language}", folder):
            application.installTranslator(_qt_words)


def system_language() -> str:
    """The language of the desktop, if the Studio speaks it, else English."""
    code = QLocale.system().name()[:2]
    return code if code in LANGUAGES else "en"


def grouped(number: float, decimals: int = 0) -> str:
    """The number with so many decimal places and its thousands apart."""
    # Whole numbers can be greater than floating-point ones are exact.
    exact = isinstance(number, Integral) and not decimals
    return (f"{number:,d}" if exact else f"{number:,.{decimals}f}").replace(",", THIN_SPACE)


class _Whole(int):
    """A whole number that is grouped where a sentence shows it as it is, and not where it is quoted."""

    def __format__(self, form: str) -> str:
        return format(int(self), form) if form else grouped(int(self))


def tr(text: str, **values: object) -> str:
    """The text in the user's language, with `{name}` filled in from `values`; whole numbers are grouped."""
    words = _catalogue.get(text, text)
    if not values:
        return words
    return words.format(**{name: _shown(value) for name, value in values.items()})


def _shown(value: object) -> object:
    return _Whole(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def tr_error(fault: StudioError) -> str:
    """An error's sentence in the user's language."""
    return tr(fault.template, **{key: _spoken(value) for key, value in fault.values.items()})


def _spoken(value: object) -> object:
    """A value inside a sentence, translated where it is words of ours."""
    if isinstance(value, StudioError):
        return tr_error(value)
    return _catalogue.get(value, value) if isinstance(value, str) else value
