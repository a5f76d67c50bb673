"""Parts of torchvision without the rest of it.

`import torchvision` brings models, native operators and torch's compiler along: 130 MB and seconds, for files
that are read and fetched. Beside a torch that its native library does not fit, it fails altogether. A part is
therefore imported from bare packages, which hold nothing but the place where torchvision lies; once it
is loaded they are gone again, so that a later `import torchvision` finds nothing of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_loaded: dict[str, ModuleType] = {}
# The trainer and a download may both want MNIST, and what one puts away the other would be missing.
_loading = threading.RLock()


def load(module: str) -> ModuleType:
    """Import a part of torchvision, for instance `torchvision.datasets.mnist`. Raises ImportError."""
    with _loading:
        return _load(module)


def _load(module: str) -> ModuleType:
    if "torchvision" in sys.modules:
        return importlib.import_module(module)
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        raise ImportError("torchvision is not installed")
    if module not in _loaded:
        root = Path(found.submodule_search_locations[0])
        sys.modules |= _loaded
        try:
            for parent in _parents(module):
                if parent not in sys.modules:
                    bare = ModuleType(parent)
                    # Else who looks for torchvision in the meantime is told that there is something wrong.
                    bare.__spec__ = ModuleSpec(parent, None, is_package=True)
                    bare.__path__ = [str(root.joinpath(*parent.split(".")[1:]))]
                    sys.modules[parent] = bare
            importlib.import_module(module)
        except (RuntimeError, OSError) as fault:
            raise ImportError(str(fault)) from fault
        finally:
            # A copy, made in one go: other threads import meanwhile.
            parts = [name for name in list(sys.modules) if name.partition(".")[0] == "torchvision"]
            _loaded.update({name: sys.modules.pop(name) for name in parts})
    return _loaded[module]


def _parents(module: str) -> list[str]:
    """The packages that a module lies in, the outermost first."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
