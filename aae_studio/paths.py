"""The only file that knows where things lie on disk."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from aae_studio.core.errors import StudioError

APP = "aae-studio"
DATA_VARIABLE = "AAE_STUDIO_DATA"
SETTINGS_VARIABLE = "AAE_STUDIO_SETTINGS"


def resource(*parts: str) -> Path:
    """A file that comes with the Studio: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "resources"
    base = inside if inside.is_dir() else Path(__file__).parent.parent / "resources"
    return base.joinpath(*parts)


def data_dir(chosen: str | Path | None = None) -> Path:
    """The folder of downloaded datasets: the one chosen, else `AAE_STUDIO_DATA`, else the one that was
    remembered, else the Studio's own."""
    folder = chosen or os.environ.get(DATA_VARIABLE) or _remembered_data_dir()
    return home_expanded(folder) if folder else Path(platformdirs.user_data_dir(APP)) / "data"


def remember_data_dir(folder: Path) -> None:
    """Have the window and all commands look for datasets there from now on. Raises OSError."""
    file = _data_dir_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    # A name may be bytes that are no text. What was remembered before stays until this is whole.
    part = file.with_suffix(".part")
    part.write_bytes(os.fsencode(folder.absolute()))
    part.replace(file)


def _remembered_data_dir() -> str:
    try:
        return os.fsdecode(_data_dir_file().read_bytes())
    except (OSError, UnicodeDecodeError):
        return ""


def _data_dir_file() -> Path:
    # Not among the window's settings: commands that read it do not load Qt.
    return settings_file().with_name("data-folder.txt")


def sibling(path: Path) -> Path:
    """A new name beside the path, on the same disk: what is written there can take its place whole."""
    # Not by `secrets`, whose import the window would wait for.
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}")


def home_expanded(path: str | Path) -> Path:
    """The path with ~ as the home folder. Raises StudioError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as fault:
        raise StudioError("{path}: there is no such user.", path=path) from fault


def sessions_dir() -> Path:
    """Where the window offers to save sessions."""
    return Path(platformdirs.user_documents_dir()) / "AAE Studio"


def settings_file() -> Path:
    """The window's settings: `AAE_STUDIO_SETTINGS`, else the user's configuration folder."""
    chosen = os.environ.get(SETTINGS_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir(APP)) / "settings.ini"
