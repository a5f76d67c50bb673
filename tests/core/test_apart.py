"""Apart: items and faults of another process, and that it ends."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import psutil
import pytest

from aae_studio.core import apart
from aae_studio.core.apart import Apart, Passing
from aae_studio.core.errors import (
    ConfigError,
    DataMissing,
    NonFinite,
    SessionError,
    StudioError,
    UnknownName,
)


class Tick(Passing):
    def __init__(self, number: int) -> None:
        self.number = number


def endless() -> Iterator[object]:
    yield os.getpid()
    while True:
        yield Tick(0)


def dying(name: str) -> Iterator[str]:
    yield name
    os._exit(3)


def failing(count: int) -> Iterator[object]:
    for number in range(count):
        yield Tick(number)
    yield "item"
    raise NonFinite("aae", "generator", 7, "a loss")


def served(function, *arguments) -> list[object]:
    """What the other process sends, without one."""
    inbox, outbox = Pipe(duplex=False)
    work = pickle.dumps((0, function, arguments))
    # In a thread of its own, whose priority it lowers.
    thread = threading.Thread(target=apart._serve, args=(outbox, work))
    thread.start()
    items = []
    while not items or not (items[-1] is None or isinstance(items[-1], StudioError)):
        assert inbox.poll(10)
        items.append(pickle.loads(inbox.recv_bytes()))
    thread.join()
    return items


def received(there: Apart, limit: float = 60.0) -> Iterator[object]:
    end = time.monotonic() + limit
    while not there.ended and time.monotonic() < end:
        item = there.next(0.1)
        if item is not None:
            yield item


def test_news_are_thinned_items_and_faults_are_not() -> None:
    *ticks, item, fault = served(failing, 20_000)
    assert 1 <= len(ticks) < 2_000
    assert [tick.number for tick in ticks] == sorted(tick.number for tick in ticks)
    assert item == "item"
    assert isinstance(fault, NonFinite)
    assert (fault.model, fault.phase, fault.step) == ("aae", "generator", 7)
    assert str(fault) == str(NonFinite("aae", "generator", 7, "a loss"))


@pytest.mark.parametrize(
    "fault",
    [
        StudioError("{what} is {{gone}}", what="it"),
        ConfigError("seed", "{value} is below {bound:g}.", value=-1, bound=0),
        UnknownName("model", "vaee", ["vae", "ae"]),
        DataMissing("mnist", "MNIST is not in {folder}.", folder=Path("x")),
        NonFinite("ae", "reconstruction", 3, "a gradient"),
        SessionError("{fault}", fault=ConfigError("a", "b")),
    ],
)
def test_errors_travel_whole(fault: StudioError) -> None:
    there = pickle.loads(pickle.dumps(fault))
    assert type(there) is type(fault)
    assert str(there) == str(fault)
    assert there.template == fault.template
    assert {key: str(value) for key, value in vars(there).items()} == {
        key: str(value) for key, value in vars(fault).items()
    } or isinstance(fault, SessionError)


def test_leaving_kills_the_process_at_whatever_step_it_is(monkeypatch) -> None:
    monkeypatch.setattr(apart, "NICE", 0)
    with Apart(endless) as there:
        process = next(received(there))
        assert isinstance(process, int)
        assert process != os.getpid()
        assert psutil.pid_exists(process)
        start = time.monotonic()
    assert time.monotonic() - start < 1.0
    assert not psutil.pid_exists(process)


def test_a_lost_process_is_told(monkeypatch) -> None:
    monkeypatch.setattr(apart, "NICE", 0)
    with Apart(dying, "first") as there:
        items = received(there)
        assert next(items) == "first"
        with pytest.raises(StudioError, match="ended unexpectedly"):
            next(items)
