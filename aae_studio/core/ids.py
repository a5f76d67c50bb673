"""Sets of sample ids, as arrays and as short texts such as `3,17-20`, with a class where one is given:
`3,17-20=7`. This file needs no torch."""

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
# In place of a class: the one that the dataset says.
OWN = -1
_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?(?:=(\d{1,4}))?")


def written_ids(ids: npt.ArrayLike) -> str:
    """Ids (n,), 0 or greater, as text: in order, each once, neighbours as a range."""
    return written_labels(ids, np.full(np.shape(ids), OWN))


def written_labels(ids: npt.ArrayLike, classes: npt.ArrayLike) -> str:
    """Ids (n,) with the classes (n,) that they are given, places in the dataset's or `OWN`, as text.

    An id that is there twice has the class that it was given last.
    """
    rising, given = _last_of_each(np.asarray(ids, np.int64), np.asarray(classes, np.int64))
    cuts = np.flatnonzero((np.diff(rising) > 1) | (np.diff(given) != 0)) + 1
    words = []
    for part, kind in zip(np.split(rising, cuts), np.split(given, cuts), strict=True):
        if len(part):
            word = f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}"
            words.append(word if kind[0] == OWN else f"{word}={kind[0]}")
    return ",".join(words)


def read_ids(text: str, field: str = "ids") -> Ids:
    """The ids of a text, (n,), rising. Not to be written to. Raises ConfigError, which names `field`."""
    return read_labels(text, field)[0]


@lru_cache(maxsize=8)
def read_labels(text: str, field: str = "ids") -> tuple[Ids, Ids]:
    """The ids of a text, (n,), rising, and the classes that they are given, (n,), `OWN` where none is.

    Not to be written to. Raises ConfigError, which names `field`.
    """
    ranges, kinds, count = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for word in filter(None, (word.strip() for word in text.split(","))):
        found = _RANGE.fullmatch(word)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last:
            raise ConfigError(field, "“{word}” is neither an id nor a range such as 17-20.", word=word[:40])
        count += last - first + 1
        if count > MOST:
            raise ConfigError(field, "these are more than {most} ids.", most=MOST)
        ranges.append(np.arange(first, last + 1))
        kinds.append(np.full(last - first + 1, OWN if found is None or found[3] is None else int(found[3])))
    ids, classes = _last_of_each(np.concatenate(ranges), np.concatenate(kinds))
    ids.flags.writeable = classes.flags.writeable = False
    return ids, classes


def told(own: Ids, ids: Ids, given: tuple[Ids, Ids], classes: int) -> Ids:
    """Which classes (n,) samples with these classes of their `own` (n,) and `ids` (n,) are given; -1: none.

    `given`: as `read_labels` has it. A class that is none of the dataset's `classes` means nothing.
    """
    known, kinds = given
    if not len(known):
        return np.full(len(ids), -1)
    place = np.searchsorted(known, ids).clip(max=len(known) - 1)
    label = np.where(kinds[place] == OWN, own, kinds[place])
    return np.where((known[place] == ids) & (label < classes), label, -1)


def _last_of_each(ids: Ids, classes: Ids) -> tuple[Ids, Ids]:
    """Rising ids, each once, with the class that it has the last time."""
    rising, places = np.unique(ids[::-1], return_index=True)
    return rising, classes[::-1][places]


@dataclass(frozen=True)
class IdsOption(Option):
    """An option that holds a set of sample ids as text, with classes where they are given any.

    Ids and classes that the data do not have mean nothing.
    """

    def checked(self, value: Any, field: str | None = None) -> str:
        field = field or self.name
        if not isinstance(value, str):
            raise ConfigError(field, "{value!r} is not ids such as 3,17-20.", value=value)
        # Equal sets have equal texts.
        return written_labels(*read_labels(value, field))

    def parsed(self, text: str, field: str | None = None) -> str:
        return self.checked(text, field)
