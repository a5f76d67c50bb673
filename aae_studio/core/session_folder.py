"""A session's folder on disk: written whole or not at all, and checked to the last bit when read.

`session.json` lists the other files with size and sha256 and holds a sha256 of itself. This file
needs no torch, so that a window can open before torch is there.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aae_studio import paths
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import SessionError, StudioError

FORMAT, VERSION = "aae-studio-session", 1
MANIFEST = "session.json"
ENDING = ".safetensors"
PRECISIONS = ("float32", "bfloat16")
# While a session is replaced, there is none for a moment; and who reads it then may have to begin again.
MOMENT_S, READINGS = 0.02, 20
T = TypeVar("T")

# What held before sessions wrote it: there was no mean of weights, and no choice of activation or inputs.
BEFORE = {"averaging": 0, "activation": "relu", "inputs": "plain"}
# What models had before sessions wrote all their options: no consistency, and an adversary half as firm.
BEFORE_OPTIONS = {"consistency_weight": 0.0, "adversarial_weight": 0.03}


def read_config(folder: Path) -> ExperimentConfig:
    """The configuration of the session in `folder`. Raises SessionError."""
    return config_of(folder, read_document(folder))


def config_of(folder: Path, document: Mapping[str, Any]) -> ExperimentConfig:
    """The configuration in a document that `read_document` gave. Raises SessionError."""
    try:
        return ExperimentConfig.from_json(json.dumps({**BEFORE, **document["config"]}))
    except (StudioError, TypeError) as fault:
        raise misfit(folder, fault) from fault


def misfit(folder: Path, fault: Exception) -> SessionError:
    """The error of a session that says what this Studio does not know."""
    return SessionError("The session {folder} does not fit this Studio: {fault}", folder=folder, fault=fault)


# Reading


def read_document(folder: Path) -> dict[str, Any]:
    """What `session.json` says, checked. Raises SessionError."""
    try:
        if not folder.is_dir():
            template = (
                "{folder} is a file; a session is a folder."
                if folder.exists()
                else "There is no folder {folder}."
            )
            raise SessionError(template, folder=folder)
        document = _recognised(folder)
    except OSError as fault:
        raise SessionError(
            "The session {folder} cannot be read: {fault}", folder=folder, fault=fault
        ) from fault
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise SessionError(
            "The session {folder} was written by a newer AAE Studio (format {version}; this one reads "
            "up to {known}). Update the Studio.",
            folder=folder,
            version=version,
            known=VERSION,
        )
    if document.get("sha256") != digest(document) or not _well_formed(document):
        raise SessionError(
            "The session {folder} is damaged: its session.json has changed since it was written.",
            folder=folder,
        )
    return document


def read_steadily(folder: Path, read: Callable[[dict[str, Any]], T]) -> T:
    """What `read` makes of the session's document, and of the files that it lists.

    Where another process replaces the session meanwhile, the new one is read instead. Raises SessionError
    for a session that is damaged and stays so, and what else `read` raises.
    """
    document = _awaited_document(folder)
    for _ in range(READINGS):
        try:
            return read(document)
        except SessionError:
            before, document = document, _awaited_document(folder)
            if document["sha256"] == before["sha256"]:
                raise
    return read(document)


def _awaited_document(folder: Path) -> dict[str, Any]:
    try:
        return read_document(folder)
    except SessionError:
        time.sleep(MOMENT_S)
        return read_document(folder)


def read_file(folder: Path, document: Mapping[str, Any], name: str) -> bytes:
    """The bytes of one of a session's files. Raises SessionError when they are not those written."""
    entry = document["files"].get(name)
    if entry is None or not (folder / name).is_file():
        raise SessionError("The session {folder} has lost its file {name}.", folder=folder, name=name)
    try:
        # The size first: a wrong file may be too large to read.
        whole = (folder / name).stat().st_size == entry.get("size")
        data = (folder / name).read_bytes() if whole else b""
    except OSError as fault:
        raise SessionError(
            "{name} in the session {folder} cannot be read: {fault}", folder=folder, name=name, fault=fault
        ) from fault
    if not whole or hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise SessionError(
            "The session {folder} is damaged: {name} has changed since it was written.",
            folder=folder,
            name=name,
        )
    return data


def _recognised(folder: Path) -> dict[str, Any]:
    """The document of a folder that a Studio wrote, whatever its version. Raises SessionError or OSError."""
    if not (folder / MANIFEST).is_file():
        raise SessionError("{folder} is not a session of AAE Studio: it has no session.json.", folder=folder)
    try:
        document = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SessionError(
            "{folder} is not a session of AAE Studio, or its session.json is damaged.", folder=folder
        )
    return document


def _well_formed(document: Mapping[str, Any]) -> bool:
    step, seconds, shape = document.get("step"), document.get("seconds"), document.get("image_shape")
    files, curves, ahead = document.get("files"), document.get("curves"), document.get("ahead", {})
    return (
        document.get("version") == VERSION
        and isinstance(document.get("config"), dict)
        and isinstance(document.get("options", {}), dict)
        and isinstance(step, int)
        and step >= 0
        and isinstance(seconds, float)
        and math.isfinite(seconds)
        and document.get("precision") in PRECISIONS
        and isinstance(shape, list)
        and len(shape) == 3
        and all(isinstance(length, int) and 0 < length <= 4096 for length in shape)
        and _are_names(document.get("classes", []))
        and _are_names(curves)
        and isinstance(ahead, dict)
        and all(isinstance(losses, dict) and _are_numbers(losses.values()) for losses in ahead.values())
        and isinstance(files, dict)
        and all(_is_ours(name) and isinstance(entry, dict) for name, entry in files.items())
    )


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _are_numbers(values: Iterable[object]) -> bool:
    return all(value is None or isinstance(value, float) for value in values)


def _is_ours(name: str) -> bool:
    """Whether a session's file can have this name; no path can."""
    return name == MANIFEST or (name.endswith(ENDING) and name.removesuffix(ENDING).isidentifier())


def digest(document: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


# Writing


def check_target(folder: Path) -> None:
    """Raise SessionError unless a session can be written to `folder`, which need not exist.

    A folder of something else is refused; one that holds a session will be replaced.
    """
    folder = _resolved(folder)
    try:
        _refuse_foreign(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        trial = paths.sibling(folder)
        trial.mkdir()
        trial.rmdir()
    except OSError as fault:
        raise _unwritable(folder, fault) from fault


def set_aside(folder: Path) -> Path | None:
    """Give a session that is in `folder` another name, so that a new one can take its place.

    Its new folder, or None where there was none. Raises SessionError.
    """
    folder = _resolved(folder)
    try:
        if not folder.is_dir() or not any(folder.iterdir()):
            return None
        number = next(n for n in itertools.count(1) if not folder.with_name(f"{folder.name}.{n}").exists())
        return folder.rename(folder.with_name(f"{folder.name}.{number}"))
    except OSError as fault:
        raise _unwritable(folder, fault) from fault


def write(folder: Path, document: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write a session; one that is there is replaced once the new one is complete.

    Files that others put into the folder stay. Raises SessionError and then leaves all as it was.
    """
    folder = _resolved(folder)
    new = paths.sibling(folder)
    listed = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    whole = {"format": FORMAT, "version": VERSION, **document, "files": listed}
    whole["sha256"] = digest(whole)
    text = json.dumps(whole, indent=2, allow_nan=False) + "\n"
    try:
        _refuse_foreign(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        new.mkdir()
        for name, data in {**files, MANIFEST: text.encode()}.items():
            _write_file(new / name, data)
        _put_in_place(new, folder)
    except OSError as fault:
        raise _unwritable(folder, fault) from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _unwritable(folder: Path, fault: OSError) -> SessionError:
    return SessionError(
        "A session cannot be written to {folder}: {fault}", folder=folder, fault=fault.strerror or fault
    )


def _resolved(folder: Path) -> Path:
    """The folder itself, not a link to it. Raises SessionError for a link that leads to itself."""
    try:
        return folder.resolve()
    except (OSError, RuntimeError) as fault:
        raise SessionError(
            "A session cannot be written to {folder}: {fault}", folder=folder, fault=fault
        ) from fault


def _refuse_foreign(folder: Path) -> None:
    """Raise SessionError for something at `folder` that is neither a session nor an empty folder.

    A mount point can be filled, but not be replaced by the new session in one piece.
    """
    if os.path.ismount(folder):
        raise SessionError(
            "{folder} is where a disk is mounted, which no session can replace. Choose a folder in it.",
            folder=folder,
        )
    if folder.is_dir():
        if any(folder.iterdir()):
            try:
                _recognised(folder)
            except SessionError as fault:
                raise SessionError("{fault} It is not overwritten.", fault=fault) from None
    elif folder.exists():
        raise SessionError("{folder} is a file. It is not overwritten.", folder=folder)


def _write_file(file: Path, data: bytes) -> None:
    with file.open("xb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _put_in_place(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    old = paths.sibling(folder)
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    for entry in old.iterdir():
        if not _is_ours(entry.name):
            entry.rename(folder / entry.name)
    shutil.rmtree(old)
