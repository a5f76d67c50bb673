"""`packaging/bootstrap.py` from a copy in a temporary folder, so that no test touches this checkout."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "packaging" / "bootstrap.py"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"


class FakeSubprocess:
    """Records what would have been started; `status` gives the exit status of a command."""

    DEVNULL, PIPE = -3, -1

    def __init__(self, status: Callable[[str], int] = lambda _: 0, stderr: str = "") -> None:
        self.commands: list[str] = []
        self.status = status
        self.stderr = stderr.encode()

    def call(self, command: Sequence[str], **_: object) -> int:
        self.commands.append(" ".join(command))
        return self.status(self.commands[-1])

    def run(self, command: Sequence[str], **options: object) -> SimpleNamespace:
        return SimpleNamespace(returncode=self.call(command, **options), stderr=self.stderr)


class FakeSys(SimpleNamespace):
    """The real `sys` but for the attributes given; patching the real one would mislead pytest too."""

    def __getattr__(self, name: str) -> object:
        return getattr(sys, name)


def load(root: Path) -> ModuleType:
    """The module from a copy under `root`, which it takes for the checkout."""
    (root / "packaging").mkdir()
    copy = root / "packaging" / "bootstrap.py"
    shutil.copy(SOURCE, copy)
    (root / "packaging" / "constraints.txt").write_text("torch==2.13.0\n")
    (root / "pyproject.toml").write_text("[project]\n")
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """On a Debian of its own where nothing is missing, nobody is root and no program can be started."""
    module = load(tmp_path)
    monkeypatch.setattr(module, "sys", FakeSys(platform="linux"))
    monkeypatch.setattr(module, "subprocess", FakeSubprocess(lambda _: pytest.fail("started a program")))
    monkeypatch.setattr(module.shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(module, "missing_libraries", lambda _: [])
    monkeypatch.setattr(module, "hand_over", lambda arguments: pytest.fail(f"started {arguments}"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")  # main() sets it too; this puts the old value back
    monkeypatch.chdir(tmp_path)
    return module


def environment_made(bootstrap: ModuleType, kind: str) -> None:
    bootstrap.PYTHON.parent.mkdir(parents=True)
    bootstrap.PYTHON.touch(0o755)
    bootstrap.STAMP.write_text(bootstrap.fingerprint(kind))


def only_tools(*tools: str) -> Callable[[str], str | None]:
    return lambda program: f"/usr/bin/{program}" if program in tools else None


# The version of Python


def test_the_file_parses_on_python_3_8_and_needs_only_the_standard_library() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported = {name.split(".")[0] for name in imported}
    assert imported <= sys.stdlib_module_names


def test_an_old_python_is_told_what_is_needed(bootstrap: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer, and .* is Python 3\.9\.2\."):
        bootstrap.check_python((3, 9, 2))


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 0), (4, 0, 0)])
def test_a_new_enough_python_passes(bootstrap: ModuleType, version: tuple[int, ...]) -> None:
    bootstrap.check_python(version)


# The stamp


def test_the_fingerprint_follows_everything_that_the_environment_is_made_from(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = [bootstrap.fingerprint("run"), bootstrap.fingerprint("dev")]
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    seen.append(bootstrap.fingerprint("run"))
    (tmp_path / "packaging" / "constraints.txt").write_text("torch==2.14.0\n")
    seen.append(bootstrap.fingerprint("run"))
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 99, 0))
    seen.append(bootstrap.fingerprint("run"))
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path / "packaging" / "..")
    seen.append(bootstrap.fingerprint("run"))
    assert len(set(seen)) == len(seen)
    assert bootstrap.fingerprint("run") == seen[-1]


@pytest.mark.parametrize(("made", "command"), [("run", "run"), ("dev", "run"), ("dev", "test")])
def test_nothing_is_installed_when_the_stamp_matches(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, made: str, command: str
) -> None:
    environment_made(bootstrap, made)
    monkeypatch.setattr(bootstrap, "hand_over", " ".join)
    module = "aae_studio" if command == "run" else "pytest"
    assert bootstrap.main([command, "--one", "two"]) == f"-m {module} --one two"


def test_the_whole_suite_runs_in_several_processes(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment_made(bootstrap, "dev")
    monkeypatch.setattr(bootstrap, "hand_over", " ".join)
    assert bootstrap.main(["test"]).startswith("-m pytest --numprocesses=logical ")
    programs = FakeSubprocess(lambda _: 0)
    monkeypatch.setattr(bootstrap, "subprocess", programs)
    assert bootstrap.main(["check"]) == 0
    assert "-m pytest --numprocesses=logical " in programs.commands[-1]


def test_the_environment_to_run_is_not_enough_to_test(bootstrap: ModuleType) -> None:
    environment_made(bootstrap, "run")
    assert bootstrap.up_to_date("run")
    assert not bootstrap.up_to_date("dev")


def test_a_stamp_without_its_python_counts_for_nothing(bootstrap: ModuleType) -> None:
    environment_made(bootstrap, "run")
    bootstrap.PYTHON.unlink()
    assert not bootstrap.up_to_date("run")


def test_set_up_makes_the_environment_once(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(command: str) -> int:
        if "-m venv" in command:
            bootstrap.PYTHON.parent.mkdir(parents=True)
            bootstrap.PYTHON.touch(0o755)
        return 0

    programs = FakeSubprocess(status)
    monkeypatch.setattr(bootstrap, "subprocess", programs)
    assert bootstrap.main(["setup"]) == 0
    venv, pip = programs.commands
    assert venv == f"{sys.executable} -m venv --clear {bootstrap.VENV}"
    assert pip.startswith(f"{bootstrap.PYTHON} -m pip --disable-pip-version-check install --quiet")
    assert pip.endswith(f"--constraint {bootstrap.CONSTRAINTS} --editable .")
    assert bootstrap.main(["setup"]) == 0
    assert len(programs.commands) == 2


def test_a_changed_pin_is_installed_into_the_environment_that_is_there(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment_made(bootstrap, "dev")
    (tmp_path / "packaging" / "constraints.txt").write_text("torch==2.14.0\n")
    programs = FakeSubprocess()
    monkeypatch.setattr(bootstrap, "subprocess", programs)
    bootstrap.see_to_environment("dev")
    assert not [command for command in programs.commands if "-m venv" in command]
    assert programs.commands[-1].endswith("--editable .[dev]")
    assert bootstrap.up_to_date("dev")


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        ("WARNING: Retrying (Retry(total=4 ...", "could not reach the package index. Check the network"),
        ("ERROR: No matching distribution found for torch==9", "could not install the packages"),
    ],
)
def test_a_failed_install_says_why_and_does_not_look_complete(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stderr: str,
    sentence: str,
) -> None:
    environment_made(bootstrap, "run")
    monkeypatch.setattr(bootstrap, "subprocess", FakeSubprocess(lambda line: int("-m pip" in line), stderr))
    with pytest.raises(SystemExit, match=sentence):
        bootstrap.see_to_environment("dev")
    assert stderr in capsys.readouterr().err
    assert not bootstrap.up_to_date("run")


# System packages


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("apt-get", "sudo apt-get install libgl1 libegl1 libxcb-cursor0"),
        ("dnf", "sudo dnf install libglvnd-glx libglvnd-egl xcb-util-cursor"),
        ("pacman", "sudo pacman -S libglvnd xcb-util-cursor"),
        ("none", "use the package tool of your system"),
    ],
)
def test_missing_libraries_are_named_with_the_command_that_installs_them(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tool: str, command: str
) -> None:
    absent = {"libGL.so.1", "libEGL.so.1", "libxcb-cursor.so.0"}
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda rows: [r for r in rows if r.soname in absent])
    monkeypatch.setattr(bootstrap.shutil, "which", only_tools(tool))
    with pytest.raises(SystemExit) as stopped:
        bootstrap.main(["run"])
    assert "libGL.so.1, libEGL.so.1, libxcb-cursor.so.0" in str(stopped.value)
    assert str(stopped.value).splitlines()[-1].strip() == command


def test_the_dynamic_linker_is_asked(tmp_path: Path) -> None:
    module = load(tmp_path)
    absent = module.Library("libno-such-thing.so.9", "a", "b", "c")
    assert module.missing_libraries([absent]) == [absent]


def test_root_on_debian_gets_them_installed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = FakeSubprocess()
    monkeypatch.setattr(bootstrap, "subprocess", programs)
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda rows: [] if programs.commands else [rows[0]])
    bootstrap.see_to_libraries(for_tests=False)
    assert programs.commands == [
        "apt-get -qq update",
        "apt-get -qq install -y --no-install-recommends libgl1",
    ]


def test_what_only_a_real_window_needs_does_not_stop_the_tests(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    window = bootstrap.WINDOW_LIBRARIES
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda rows: [r for r in rows if r in window])
    bootstrap.see_to_libraries(for_tests=True)
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(bootstrap.shutil, "which", only_tools("apt-get", "xauth"))
    monkeypatch.setattr(bootstrap, "subprocess", FakeSubprocess(lambda _: 100))
    bootstrap.see_to_libraries(for_tests=True)
    said = capsys.readouterr().out
    assert re.search(r"without libxcb-cursor0 .* xvfb xdotool .*real window.* are skipped", said)
    with pytest.raises(SystemExit, match=r"libxcb-cursor\.so\.0"):
        bootstrap.see_to_libraries(for_tests=False)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_macos_and_windows_need_no_system_libraries(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(bootstrap.sys, "platform", platform)
    monkeypatch.setattr(bootstrap, "missing_libraries", lambda _: pytest.fail("asked for libraries"))
    bootstrap.see_to_libraries(for_tests=False)


def test_a_python_without_venv_is_told_which_package_to_install(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "has_module", lambda name: name != "ensurepip")
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 12, 1))
    with pytest.raises(SystemExit, match=r"without ensurepip.*\n +sudo apt-get install python3\.12-venv$"):
        bootstrap.main(["run"])


def test_root_on_debian_gets_venv_installed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = FakeSubprocess()
    monkeypatch.setattr(bootstrap, "subprocess", programs)
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(bootstrap, "has_module", lambda _: bool(programs.commands))
    bootstrap.see_to_venv_module()
    assert re.fullmatch(r"apt-get -qq install .* python3\.\d+-venv", programs.commands[-1])


def test_a_module_of_the_standard_library_is_found(bootstrap: ModuleType) -> None:
    assert bootstrap.has_module("venv")
    assert not bootstrap.has_module("no_such_module")


# The commands


@pytest.mark.parametrize("arguments", [[], ["fly"], ["setup", "--fast"]])
def test_anything_else_shows_the_usage(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert bootstrap.main(arguments) == 2
    assert "bootstrap.py run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("failing", "status"), [("nothing", 0), ("mypy", 1), ("ruff check", 1), ("-m pytest", 1)]
)
def test_check_runs_everything_and_ends_with_pytest(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, failing: str, status: int
) -> None:
    environment_made(bootstrap, "dev")
    programs = FakeSubprocess(lambda command: int(failing in command))
    monkeypatch.setattr(bootstrap, "subprocess", programs)
    assert bootstrap.main(["check", "-q"]) == status
    words = ["ruff check .", "ruff format --check .", "-m mypy", "lint_imports_command()", "-m pytest -q"]
    assert len(programs.commands) == len(words)
    assert all(word in command for word, command in zip(words, programs.commands, strict=True))


# The files beside it


def pins() -> dict[str, str]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if not line.startswith("#")]
    assert all(found), "every line is one exact pin without a local version"
    return {pin[1].lower(): pin[2] for pin in found if pin}


def test_all_that_pyproject_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {re.split(r"[<>=!~\[; ]", line)[0].lower() for line in wanted} <= pins().keys()


def test_the_pins_keep_clear_of_the_versions_known_to_fail() -> None:
    pinned = pins()
    assert pinned["pyside6-essentials"] == pinned["shiboken6"] != "6.12.0"
    assert tuple(map(int, pinned["numpy"].split(".")[:2])) < (2, 5)
    assert not pinned.keys() & {"pip", "setuptools", "aae-studio"}


def test_the_desktop_entry_starts_a_program_that_gets_installed() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(ROOT / "packaging" / "aae-studio.desktop", encoding="utf-8")
    section = entry["Desktop Entry"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert section["Exec"] in project["gui-scripts"]
    assert section["Name[ko]"]
    assert section["Comment[ko]"]


def test_the_pyinstaller_spec_names_files_and_packages_that_exist() -> None:
    spec = (ROOT / "packaging" / "aae-studio.spec").read_text(encoding="utf-8")
    compile(spec, "aae-studio.spec", "exec")
    packages = re.findall(r'"(aae_studio\.[\w.]+)"', spec)
    assert len(packages) == 3
    assert all((ROOT.joinpath(*package.split(".")) / "__init__.py").exists() for package in packages)
