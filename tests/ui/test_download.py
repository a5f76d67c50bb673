"""Downloads: progress, success, failure, cancelling, and a network that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from aae_studio.core.datasets.base import Dataset
from aae_studio.core.errors import StudioError
from aae_studio.ui.download_dialog import BAR_STEPS, DownloadDialog
from aae_studio.ui.download_thread import DownloadThread

PATIENCE_S = 20


class Source:
    """A pretended network: the download goes on when the test says so."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.folder: Path | None = None
        self.closed = threading.Event()
        self.fault: Exception | None = None
        self.total = 4

    def steps(self, folder: Path) -> Iterator[tuple[int, int]]:
        self.folder = folder
        try:
            for done in range(1, self.total + 1):
                assert self.go.acquire(timeout=PATIENCE_S)
                if self.fault is not None:
                    raise self.fault
                yield done * 10**10, self.total * 10**10
        finally:
            self.closed.set()

    def release(self, steps: int) -> None:
        for _ in range(steps):
            self.go.release()


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    # What a test left hanging goes on, so that no thread outlives it.
    made.release(made.total)
    for thread in threading.enumerate():
        if thread.name == "fetching":
            thread.join(PATIENCE_S)


@pytest.fixture
def dataset(source: Source) -> type[Dataset]:
    class Pretended(Dataset):
        title, summary, attribution = "Pretended", "8×8 · 100", "Nobody, CC0"

        def __init__(self, data_dir: Path) -> None:
            raise NotImplementedError

        @classmethod
        def download(cls, data_dir: Path) -> Iterator[tuple[int, int]]:
            return source.steps(data_dir)

    return Pretended


@pytest.fixture
def dialog(qtbot: QtBot, dataset: type[Dataset], tmp_path: Path) -> Iterator[DownloadDialog]:
    made = DownloadDialog(dataset, tmp_path)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close()


def test_thread_tells_how_far_it_is(
    qtbot: QtBot, dataset: type[Dataset], source: Source, tmp_path: Path
) -> None:
    thread = DownloadThread(dataset, tmp_path)
    source.release(source.total)
    whole = 4 * 10**10

    def is_the_end(done: int, total: int) -> bool:
        return (done, total) == (whole, whole)

    # How often it speaks before depends on how busy the machine is.
    with (
        qtbot.waitSignals([thread.finished_ok, thread.finished]),
        qtbot.waitSignal(thread.progressed, check_params_cb=is_the_end) as heard,
    ):
        thread.start()
    assert heard.args == [whole, whole], "bytes outgrow 32 bits"
    assert thread.wait(1000)
    assert source.folder == tmp_path
    assert source.closed.is_set()


def test_cancelling_a_thread_closes_the_download(
    qtbot: QtBot, dataset: type[Dataset], source: Source, tmp_path: Path
) -> None:
    thread = DownloadThread(dataset, tmp_path)
    source.release(1)
    with qtbot.waitSignal(thread.progressed):
        thread.start()
    with qtbot.assertNotEmitted(thread.finished_ok), qtbot.assertNotEmitted(thread.failed):
        thread.cancel()
        source.release(1)
        assert thread.wait(2000)
    assert source.closed.wait(PATIENCE_S)


def test_a_download_from_start_to_end(qtbot: QtBot, dialog: DownloadDialog, source: Source) -> None:
    assert not dialog.running
    assert dialog.close_button.text() == "Close"
    dialog.start_button.click()
    assert dialog.running
    assert not dialog.start_button.isEnabled()
    assert dialog.close_button.text() == "Cancel"
    source.release(1)
    qtbot.waitUntil(lambda: dialog.bar.value() == BAR_STEPS // 4)
    with qtbot.waitSignal(dialog.completed):
        source.release(3)
    assert not dialog.isVisible()
    assert not dialog.running


def test_a_failure_is_said_and_can_be_tried_again(
    qtbot: QtBot, dialog: DownloadDialog, source: Source, tmp_path: Path
) -> None:
    source.fault = StudioError("{folder} cannot be reached.", folder=tmp_path)
    dialog.start()
    source.release(1)
    qtbot.waitUntil(dialog.sentence.isVisible)
    assert dialog.sentence.text() == f"{tmp_path} cannot be reached."
    assert dialog.isVisible()
    assert dialog.start_button.text() == "Try again"
    # The words have the room that they need.
    wanted = dialog.layout().totalHeightForWidth(dialog.width())
    assert dialog.height() >= wanted
    source.fault = None
    dialog.start_button.click()
    assert not dialog.sentence.isVisible()
    with qtbot.waitSignal(dialog.completed):
        source.release(source.total)


def test_a_defect_does_not_end_in_silence(qtbot: QtBot, dialog: DownloadDialog, source: Source) -> None:
    source.fault = RuntimeError("boom")
    dialog.start()
    source.release(1)
    qtbot.waitUntil(dialog.sentence.isVisible)
    assert "boom" in dialog.sentence.text()


def test_escape_cancels(qtbot: QtBot, dialog: DownloadDialog, source: Source) -> None:
    dialog.start()
    source.release(1)
    qtbot.waitUntil(lambda: dialog.bar.value() > 0)
    # The network answers once more: that is when the download notices.
    threading.Timer(0.05, source.release, [1]).start()
    with qtbot.assertNotEmitted(dialog.completed):
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert not dialog.running
    assert source.closed.is_set(), "closed before the dialog is gone"


def test_closing_while_the_network_hangs_takes_less_than_a_second(
    qtbot: QtBot, dialog: DownloadDialog, source: Source
) -> None:
    dialog.start()
    qtbot.waitUntil(lambda: source.folder is not None)
    start = time.perf_counter()
    dialog.close()
    assert time.perf_counter() - start < 1
    assert not source.closed.is_set(), "still hanging, and nobody waits for it"
    source.release(1)
    assert source.closed.wait(PATIENCE_S)


def test_the_next_download_waits_for_one_that_hangs(
    qtbot: QtBot, dialog: DownloadDialog, dataset: type[Dataset], source: Source, tmp_path: Path
) -> None:
    dialog.start()
    qtbot.waitUntil(lambda: source.folder is not None)
    dialog.close()
    source.folder = None
    again = DownloadDialog(dataset, tmp_path)
    qtbot.addWidget(again)
    again.show()
    again.start()
    with qtbot.waitSignal(again.completed):
        assert source.folder is None
        source.release(1 + source.total)


def test_news_that_arrives_after_cancelling_counts_no_more(
    qtbot: QtBot, dialog: DownloadDialog, source: Source
) -> None:
    dialog.start()
    source.release(source.total)
    # The thread ends while this thread is busy: its news waits to be delivered.
    assert dialog._thread.wait(PATIENCE_S * 1000)
    with qtbot.assertNotEmitted(dialog.completed, wait=50):
        dialog.reject()


def test_another_folder_instead(
    qtbot: QtBot, dialog: DownloadDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    dialog.folder_button.click()
    assert dialog.isVisible(), "the user changed their mind"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other))
    with qtbot.waitSignal(dialog.folder_chosen) as heard:
        dialog.folder_button.click()
    assert heard.args == [other]
    assert not dialog.isVisible()
