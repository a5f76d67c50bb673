"""Every sentence that the interface can show is in the catalogues, and nothing else is."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import aae_studio
from aae_studio import paths
from aae_studio.core import errors
from aae_studio.core.config import OPTIONS, ExperimentConfig
from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import StudioError
from aae_studio.core.experiment import Experiment, load_dataset
from aae_studio.core.options import resolved
from aae_studio.core.registry import DATASETS, DIAGNOSES, MODELS, PRIORS
from aae_studio.ui import plugins as plugins_of_the_window
from aae_studio.ui.actions import ROWS
from aae_studio.ui.menus import THEMES
from aae_studio.ui.translation import LANGUAGES

PACKAGE = Path(aae_studio.__file__).parent
CATALOGUES = [language for language in LANGUAGES if language != "en"]
# What `tr` may be given besides literals: data that is declared once and collected below.
DECLARED = {"title", "short", "summary", "attribution", "label", "help", "text", "tip", "template", "absent"}
TABLES = {
    ("legend_bar.py", "name"),  # of a dataset's class
    ("menus.py", "title"),  # of the menus
    ("menus.py", "text"),  # of THEMES
    ("option_editors.py", "word"),  # of an option's choices
    ("difference.py", "word"),  # of an option's choices
    ("options_form.py", "name"),  # of a dataset's class
    ("tool_bar.py", "words"),  # from `unavailable`
    ("words.py", "name"),  # of a network, a phase or a module
    ("probe.py", "name"),  # of a dataset's class
}


@cache
def trees(folder: str = "") -> dict[Path, ast.Module]:
    """The parsed files of the package, or of one of its folders."""
    files = sorted((PACKAGE / folder).rglob("*.py"))
    return {file: ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in files}


def strings(node: ast.AST) -> Iterator[str]:
    """All string literals within a node; neighbouring ones are joined, as Python does."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def words_of(node: ast.AST, tree: ast.Module) -> list[str] | None:
    """The literals that an expression can be: one, either of two, or those a name is given in this file."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=other):
            parts = [words_of(body, tree), words_of(other, tree)]
        case ast.Name(id=name):
            parts = [
                words_of(part.value, tree)
                for part in ast.walk(tree)
                if isinstance(part, ast.Assign) and name in map(ast.unparse, part.targets)
            ]
        case _:
            return None
    known = [part for part in parts if part is not None]
    return [text for part in known for text in part] if parts and len(known) == len(parts) else None


def calls(folder: str, *names: str) -> Iterator[tuple[Path, ast.Module, ast.Call]]:
    for file, tree in trees(folder).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names:
                yield file, tree, node


def place(file: Path, node: ast.Call) -> str:
    return f"{file.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}"


# What the interface can say


def interface_words() -> tuple[set[str], list[str]]:
    """Literals that `tr` is given, and the calls of which nobody can tell what they are given."""
    found, unclear = set(), []
    for file, tree, call in calls("ui", "LegendEntry"):
        # An entry of a legend says its text when it is drawn.
        what = call.args[1]
        literals = words_of(what, tree) if (file.name, ast.unparse(what)) not in TABLES else ()
        found |= set(literals or ())
        unclear += [] if literals is not None else [place(file, call)]
    for file, tree, call in calls("core/diagnosis", "Sign", "Remedy"):
        # So do a diagnosis's figures and what helps.
        literals = words_of(call.args[0], tree)
        found |= set(literals or ())
        unclear += [] if literals is not None else [place(file, call)]
    for file, tree, call in calls("ui", "tr"):
        what = call.args[0]
        literals = words_of(what, tree) if not isinstance(what, ast.Name) else None
        if literals is not None:
            found |= set(literals)
        elif isinstance(what, ast.Attribute) and what.attr in DECLARED:
            continue
        elif (file.name, ast.unparse(what)) not in TABLES:
            unclear.append(place(file, call))
    return found, unclear


def table_words() -> set[str]:
    """Menus, themes and actions."""
    literals = {text for tree in trees("ui").values() for text in strings(tree)}
    menus = {text for text in literals if re.fullmatch(r"\w*&\w+", text)}
    assert menus
    return menus | set(THEMES.values()) | {text for row in ROWS for text in (row.text, row.tip) if text}


def plugins() -> Iterator[Any]:
    for registry in (MODELS, PRIORS, DATASETS):
        for name in registry.names():
            yield registry.get(name)


def declared_words() -> set[str]:
    """What models, priors, datasets and the experiment say of themselves."""
    options = [*OPTIONS, *(option for plugin in plugins() for option in plugin.options)]
    found = {text for option in options for text in (option.label, option.help, *option.choices)}
    for plugin in plugins():
        found |= {getattr(plugin, name, "") for name in ("title", "short", "summary", "attribution")}
        found |= {curve.label for curve in getattr(plugin, "curves", ())}
    for tree in trees("core/datasets").values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == "unavailable":
                body = [part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value]
                found |= {text for part in body for text in words_of(part.value, tree) or ()}
    for kind in DIAGNOSES.all().values():
        found |= {kind.title, kind.summary}
    for kind in (*plugins_of_the_window.overlays().values(), *plugins_of_the_window.panels().values()):
        found |= {kind.title, kind.tip, getattr(kind, "absent", "")}
    return found - {""}


def phase_words() -> set[str]:
    """The names of networks and phases, and what phases say of themselves."""
    config = ExperimentConfig(models=MODELS.names(), hidden=(2,))
    experiment = Experiment(config, load_dataset(config, Path()))
    found: set[str] = set()
    for model in experiment.models.values():
        found |= {*model.networks, *(phase.name for phase in model.phases)}
        found |= {" ".join(str(phase.loss.__doc__).split()) for phase in model.phases}
    return found


def class_names(empty: Path) -> set[str]:
    """The names of classes; those of datasets that are not on this machine remain unknown."""
    found: set[str] = set()
    for name in DATASETS.names():
        plugin = DATASETS.get(name)
        try:
            dataset: Dataset = plugin(empty, **resolved(name, plugin.options, {}))
        except StudioError:
            continue
        found |= {text for text in dataset.classes if not text.isdigit()}
    return found


def kinds_of_errors() -> dict[str, type[StudioError]]:
    members = vars(errors).values()
    found = [kind for kind in members if inspect.isclass(kind) and issubclass(kind, StudioError)]
    return {kind.__name__: kind for kind in found}


def final_template(kind: type[StudioError], literal: str) -> tuple[int, str]:
    """Where an error takes its template, and the template that it keeps."""
    names = list(inspect.signature(kind).parameters)
    at = names.index("template")
    values = {name: 0 for _, name, _, _ in Formatter().parse(literal) if name}
    return at, kind(*[""] * at, literal, **values).template


def error_templates() -> tuple[set[str], list[str]]:
    """The templates of all errors of core and interface, and the calls of which nobody can tell."""
    found, unclear = set(), []
    kinds = kinds_of_errors()
    with_template = {name for name in kinds if "template" in inspect.signature(kinds[name]).parameters}
    for folder in ("core", "ui"):
        for file, tree, call in calls(folder, *with_template):
            kind = kinds[ast.unparse(call.func).split(".")[-1]]
            at, _ = final_template(kind, "")
            literals = words_of(call.args[at], tree) if len(call.args) > at else None
            if literals is None:
                unclear.append(place(file, call))
            found |= {final_template(kind, literal)[1] for literal in literals or ()}
    # Errors that make their sentence themselves.
    for file, tree, call in calls("core", "__init__"):
        if file.name == "errors.py":
            found |= set(words_of(call.args[0], tree) or ())
    return found, unclear


def placeholders(text: str) -> set[tuple[str, str, str | None]]:
    return {(name, spec or "", how) for _, name, spec, how in Formatter().parse(text) if name is not None}


# The tests


@pytest.fixture(scope="module", params=CATALOGUES)
def catalogue(request: pytest.FixtureRequest) -> dict[str, str]:
    def without_repetition(pairs: list[tuple[str, str]]) -> dict[str, str]:
        keys = [key for key, _ in pairs]
        assert len(set(keys)) == len(keys), {key for key in keys if keys.count(key) > 1}
        return dict(pairs)

    file = paths.resource("translations", f"{request.param}.json")
    words: dict[str, str] = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=without_repetition)
    return words


def missing(wanted: set[str], catalogue: dict[str, str]) -> list[str]:
    return sorted(text for text in wanted if not catalogue.get(text, "").strip())


def test_the_interface_is_translated(catalogue: dict[str, str]) -> None:
    assert missing(interface_words()[0] | table_words(), catalogue) == []


def test_what_plugins_declare_is_translated(catalogue: dict[str, str]) -> None:
    assert missing(declared_words(), catalogue) == []


def test_what_phases_say_is_translated(catalogue: dict[str, str]) -> None:
    words = phase_words()
    assert "Train G to make D say real." in words
    assert missing(words, catalogue) == []


def test_class_names_are_translated(catalogue: dict[str, str], tmp_path: Path) -> None:
    names = class_names(tmp_path)
    assert "circle" in names
    assert missing(names, catalogue) == []


def test_errors_are_translated(catalogue: dict[str, str]) -> None:
    templates, _ = error_templates()
    assert "{field}: choose at least one model." in templates
    assert "There is no {kind} called “{name}”. There are: {names}." in templates
    assert missing(templates, catalogue) == []


def test_words_can_be_found_in_the_source() -> None:
    """A word that is put together at run time cannot be looked up, or not be checked here."""
    assert interface_words()[1] == []
    assert error_templates()[1] == []


def test_no_entry_is_stale(catalogue: dict[str, str]) -> None:
    literals = {text for tree in trees().values() for text in strings(tree)}
    literals |= {f"{{field}}: {text}" for text in literals}
    assert sorted(set(catalogue) - literals) == []


def test_placeholders_are_those_of_the_source(catalogue: dict[str, str]) -> None:
    differing = {
        source: words for source, words in catalogue.items() if placeholders(words) != placeholders(source)
    }
    assert differing == {}
