"""The modules of a package are the list of plug-ins: a new file is a new model, prior or dataset."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from typing import Any

from aae_studio.core.errors import StudioError, UnknownName


@dataclass(frozen=True)
class Registry:
    """Plug-ins of one kind. `names` looks at files only; `get` imports the one that is asked for.

    A plug-in is the class in `package/<name>.py` that derives from `base` of `package/base.py`.
    """

    kind: str
    package: str
    base: str

    def names(self) -> tuple[str, ...]:
        """File names without their ending, `base` and those with a leading underscore left out."""
        package = importlib.import_module(self.package)
        return tuple(
            sorted(
                module.name
                for module in pkgutil.iter_modules(package.__path__)
                if module.name != "base" and not module.name.startswith("_")
            )
        )

    def get(self, name: str) -> Any:
        """The plug-in's class.

        Raises UnknownName with the nearest names, or StudioError with the reason when its file cannot
        be imported.
        """
        if name not in self.names():
            raise UnknownName(self.kind, name, self.names())
        base = getattr(importlib.import_module(f"{self.package}.base"), self.base)
        try:
            module = importlib.import_module(f"{self.package}.{name}")
        except Exception as fault:
            raise StudioError(
                "The {kind} “{name}” cannot be loaded: {fault}",
                kind=self.kind,
                name=name,
                fault=fault,
            ) from fault
        for member in vars(module).values():
            if inspect.isclass(member) and issubclass(member, base) and member.__module__ == module.__name__:
                return member
        raise StudioError(
            "The file of the {kind} “{name}” holds no {base}.",
            kind=self.kind,
            name=name,
            base=self.base,
        )

    def all(self) -> dict[str, Any]:
        """Every plug-in by name, in teaching order; for one that cannot be loaded, the StudioError."""
        found: dict[str, Any] = {}
        for name in self.names():
            try:
                found[name] = self.get(name)
            except StudioError as fault:
                found[name] = fault
        return dict(sorted(found.items(), key=lambda item: (getattr(item[1], "order", 99), item[0])))


MODELS = Registry("model", "aae_studio.core.models", "Model")
PRIORS = Registry("prior", "aae_studio.core.priors", "Prior")
DATASETS = Registry("dataset", "aae_studio.core.datasets", "Dataset")
DIAGNOSES = Registry("diagnosis", "aae_studio.core.diagnosis", "Diagnosis")
