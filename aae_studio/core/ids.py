"""Sets of sample ids, as arrays and as short texts such as `3,17-20`. This file needs no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from aae_studio.core.errors import ConfigError
from aae_studio.core.options import Option

Ids = npt.NDArray[np.int64]
# More than anybody labels by hand, and few enough to be read at once.
MOST = 1_000_000
_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


def written_ids(ids: npt.ArrayLike) -> str:
    """Ids (n,), 0 or greater, as text: in order, each once, neighbours as a range."""
    rising = np.unique(np.asarray(ids, np.int64))
    parts = np.split(rising, np.flatnonzero(np.diff(rising) > 1) + 1)
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts if len(part))


@lru_cache(maxsize=8)
def read_ids(text: str, field: str = "ids") -> Ids:
    """The ids of a text, (n,), rising. Not to be written to. Raises ConfigError, which names `field`."""
    ranges, count = [], 0
    for word in filter(None, (word.strip() for word in text.split(","))):
        found = _RANGE.fullmatch(word)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last:
            raise ConfigError(field, "“{word}” is neither an id nor a range such as 17-20.", word=word[:40])
        count += last - first + 1
        if count > MOST:
            raise ConfigError(field, "these are more than {most} ids.", most=MOST)
        ranges.append(np.arange(first, last + 1))
    ids = np.unique(np.concatenate(ranges)) if ranges else np.empty(0, np.int64)
    ids.flags.writeable = False
    return ids


@dataclass(frozen=True)
class IdsOption(Option):
    """An option that holds a set of sample ids as text. Ids that the data do not have mean nothing."""

    def checked(self, value: Any, field: str | None = None) -> str:
        field = field or self.name
        if not isinstance(value, str):
            raise ConfigError(field, "{value!r} is not ids such as 3,17-20.", value=value)
        # Equal sets have equal texts.
        return written_ids(read_ids(value, field))

    def parsed(self, text: str, field: str | None = None) -> str:
        return self.checked(text, field)
