"""`doctor`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from console import Studio, process

import aae_studio


def test_doctor_finds_nothing_wrong_offscreen(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("AAE_STUDIO_SETTINGS", str(tmp_path / "settings.ini"))
    out, _ = studio("doctor", "--data-dir", tmp_path)
    for words in ("PySide6-Essentials", "torchvision", "pyqtgraph", "platform offscreen", "auto picks"):
        assert words in out
    assert f"{tmp_path} (MNIST is not in it)" in out
    assert "Korean font" in out
    assert out.endswith("All is well.\n")


def test_doctor_speaks_json(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aae_studio.commands import doctor

    measured = doctor.Finding("Drag", "the image follows", "close programs", figures={"p99_ms": 17.5})
    monkeypatch.setattr(doctor, "speed", lambda: iter([measured]))
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "a-package-that-is-not-there"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    out, _ = studio("doctor", "--json", "--bench", "--data-dir", tmp_path, code=1)
    found = json.loads(out)
    by_name = {finding["name"]: finding for finding in found["findings"]}
    assert found["wrong"] == 1
    assert by_name["a-package-that-is-not-there"]["wrong"]
    assert "pip install" in by_name["a-package-that-is-not-there"]["mend"]
    assert by_name["Drag"]["figures"] == {"p99_ms": 17.5}
    assert not by_name["Drag"]["wrong"]


def test_doctor_survives_a_qt_and_a_torch_that_do_not_load(tmp_path: Path) -> None:
    for name, reason in (("PySide6", "libEGL.so.1: cannot open"), ("torch", "libtorch_cpu.so: cannot open")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('{reason} shared object file')")
    above = str(Path(aae_studio.__file__).parent.parent)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), above]), "QT_QPA_PLATFORM": "offscreen"}
    out = process("-m", "aae_studio", "doctor", env=env, code=1).stdout
    assert "WRONG  Qt             fails to load: libEGL.so.1" in out
    assert "WRONG  torch          fails to load: libtorch_cpu.so" in out
    assert "2 wrong." in out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_doctor_says_that_there_is_no_display(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    out, _ = studio("doctor", code=1)
    assert "WRONG  Display" in out
    assert "xvfb-run" in out


def test_doctor_says_what_cannot_be_written(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("AAE_STUDIO_SETTINGS", str(tmp_path / "file" / "settings.ini"))
    out, _ = studio("doctor", "--data-dir", tmp_path / "file" / "data", code=1)
    assert "--data-dir or $AAE_STUDIO_DATA" in out
    assert "$AAE_STUDIO_SETTINGS" in out
    assert "2 wrong." in out


def test_doctor_names_the_packages_of_missing_libraries(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aae_studio.commands import doctor

    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(doctor, "QT_LIBRARIES", {"libnot-there.so.9": "libnot-there9"})
    monkeypatch.setattr(doctor, "_probe", lambda _: (None, "it ended with code -6"))
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "a-package-that-is-not-there"))
    out, _ = studio("doctor", code=1)
    assert "Qt needs libnot-there.so.9" in out
    assert "apt install libnot-there9" in out
    assert "-m pip install a-package-that-is-not-there" in out
