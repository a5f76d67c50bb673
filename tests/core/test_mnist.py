"""MNIST: read, checked and fetched, with a small stand-in for the files and a server of our own."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from aae_studio.core import torchvision_shim
from aae_studio.core.datasets import mnist as mnist_module
from aae_studio.core.datasets.mnist import Mnist
from aae_studio.core.errors import DataMissing, StudioError

pytestmark = pytest.mark.skipif(Mnist.unavailable() is not None, reason=str(Mnist.unavailable()))

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
TRAIN, TEST = 30, 12
Use = Callable[[dict[str, bytes]], None]


def idx(array: np.ndarray) -> bytes:
    """LeCun's format: two zeros, 8 for bytes, the number of axes, the axes, the values."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def contents() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    # Noise does not compress: the images fill several blocks of a download.
    arrays = [
        rng.integers(0, 256, (TRAIN, 28, 28)),
        np.arange(TRAIN) % 10,
        rng.integers(0, 256, (TEST, 28, 28)),
        np.arange(TEST) % 10,
    ]
    packed = (gzip.compress(idx(array.astype(np.uint8)), mtime=0) for array in arrays)
    return dict(zip(NAMES, packed, strict=True))


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Small archives, whose checksums torchvision is told."""
    made = contents()
    torchvision = torchvision_shim.load("torchvision.datasets.mnist")
    sums = [(name, hashlib.md5(data).hexdigest()) for name, data in made.items()]
    monkeypatch.setattr(torchvision.MNIST, "resources", sums)
    plain = {
        name.removesuffix(".gz"): hashlib.md5(gzip.decompress(data)).hexdigest()
        for name, data in made.items()
    }
    monkeypatch.setattr(mnist_module, "UNPACKED_MD5", plain)
    monkeypatch.setattr(mnist_module, "CHUNK", 4096)
    return made


def write(data_dir: Path, files: dict[str, bytes], unpacked: bool = False) -> Path:
    raw = mnist_module.folder(data_dir)
    raw.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if unpacked:
            (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(data))
        else:
            (raw / name).write_bytes(data)
    return raw


def check(dataset: Mnist) -> None:
    assert dataset.image_shape == (1, 28, 28)
    assert (len(dataset.train), len(dataset.test)) == (TRAIN, TEST)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(dataset.train.images[:, 0], rng.integers(0, 256, (TRAIN, 28, 28)))
    np.testing.assert_array_equal(dataset.train.labels, np.arange(TRAIN) % 10)
    test = rng.integers(0, 256, (TEST, 28, 28))
    np.testing.assert_array_equal(np.sort(dataset.test.ids), np.arange(TRAIN, TRAIN + TEST))
    assert not np.array_equal(dataset.test.ids, np.sort(dataset.test.ids))
    np.testing.assert_array_equal(dataset.test.images[:, 0], test[dataset.test.ids - TRAIN])
    np.testing.assert_array_equal(dataset.test.labels, (dataset.test.ids - TRAIN) % 10)


# The real files


def test_the_real_mnist(shared_data: Path) -> None:
    dataset = Mnist(shared_data)
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)
    assert np.bincount(dataset.train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(dataset.test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert dataset.train.labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    # Known mean and deviation of the training pixels.
    counts = np.bincount(dataset.train.images.ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = np.average(values, weights=counts)
    assert mean == pytest.approx(0.1307, abs=1e-4)
    assert np.sqrt(np.average((values - mean) ** 2, weights=counts)) == pytest.approx(0.3081, abs=1e-4)


# Reading


def test_packed_files(tmp_path: Path, files: dict[str, bytes]) -> None:
    write(tmp_path, files)
    check(Mnist(tmp_path))


def test_unpacked_files(tmp_path: Path, files: dict[str, bytes]) -> None:
    write(tmp_path, files, unpacked=True)
    check(Mnist(tmp_path))


@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw"])
def test_the_folder_of_the_files_themselves_will_do(
    tmp_path: Path, files: dict[str, bytes], below: str
) -> None:
    raw = tmp_path / below
    raw.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (raw / name).write_bytes(data)
    for data_dir in (tmp_path, raw):
        assert mnist_module.is_there(data_dir)
        check(Mnist(data_dir))


def test_reading_leaves_the_folder_as_it_was(tmp_path: Path, files: dict[str, bytes]) -> None:
    raw = write(tmp_path, files)
    Mnist(tmp_path)
    assert {file.name for file in raw.iterdir()} == set(NAMES)


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_file(tmp_path: Path, files: dict[str, bytes], missing: str) -> None:
    raw = write(tmp_path, files)
    (raw / missing).unlink()
    with pytest.raises(DataMissing, match=r"MNIST is not in .*Download it, or set another") as fault:
        Mnist(tmp_path)
    assert fault.value.dataset == "mnist"
    assert f"({missing} is missing)" in str(fault.value)


def test_one_flipped_bit_in_an_unpacked_file(tmp_path: Path, files: dict[str, bytes]) -> None:
    file = write(tmp_path, files, unpacked=True) / NAMES[2].removesuffix(".gz")
    data = file.read_bytes()
    file.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    with pytest.raises(DataMissing, match="its checksum is wrong"):
        Mnist(tmp_path)


@pytest.mark.parametrize("unpacked", [False, True])
def test_is_there_only_when_all_files_are(tmp_path: Path, files: dict[str, bytes], unpacked: bool) -> None:
    mnist_module.folder(tmp_path).mkdir(parents=True)
    assert not mnist_module.is_there(tmp_path)
    raw = write(tmp_path, files, unpacked)
    assert mnist_module.is_there(tmp_path)
    next(raw.iterdir()).unlink()
    assert not mnist_module.is_there(tmp_path)


def test_an_empty_data_folder(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="MNIST is not in"):
        Mnist(tmp_path / "nothing" / "here")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "one flipped bit": lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:],
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "a web page": lambda data: b"<html>not found</html>",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", NAMES[:2])
def test_a_damaged_archive(tmp_path: Path, files: dict[str, bytes], name: str, damage) -> None:
    write(tmp_path, files | {name: damage(files[name])})
    with pytest.raises(DataMissing, match=r"is damaged \(.*\)\. Delete it and download it again") as fault:
        Mnist(tmp_path)
    assert name in str(fault.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"<html>not found</html>",
        idx(np.zeros((TRAIN, 28, 28), np.uint8))[:-500],
        idx(np.zeros(TRAIN * 28 * 28, np.uint8)),
        struct.pack(">HBB3I", 0, 13, 3, 2, 28, 28) + bytes(4 * 2 * 28 * 28),
    ],
    ids=["empty", "two bytes", "a web page", "cut", "one axis", "floating point"],
)
def test_a_damaged_unpacked_file(tmp_path: Path, files: dict[str, bytes], data: bytes) -> None:
    raw = write(tmp_path, files, unpacked=True)
    (raw / "train-images-idx3-ubyte").write_bytes(data)
    with pytest.raises(DataMissing, match=r"train-images-idx3-ubyte is damaged \(.+\)\. Delete it"):
        Mnist(tmp_path)


def test_a_broken_torchvision_is_told(tmp_path: Path, monkeypatch) -> None:
    def broken(module: str) -> None:
        raise ImportError("libcudart is missing")

    monkeypatch.setattr(torchvision_shim, "load", broken)
    with pytest.raises(StudioError, match="needs torchvision, which fails to load: libcudart is missing"):
        Mnist(tmp_path)
    with pytest.raises(StudioError, match="fails to load"):
        next(Mnist.download(tmp_path))


def test_of_torchvision_only_what_reads_mnist_is_loaded() -> None:
    code = (
        "import sys; from aae_studio.core import torchvision_shim as shim;"
        "name = 'torchvision.datasets.mnist'; module = shim.load(name);"
        "assert shim.load(name) is module and module.__name__ == name;"
        "assert callable(shim.load('torchvision.datasets.utils').check_md5);"
        "print([name for name in ('torchvision', 'torch._dynamo', 'sympy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_whoever_looks_for_torchvision_while_a_part_loads_finds_it(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(torchvision_shim, "_loaded", {})
    load, seen = importlib.import_module, []

    def looking(module: str):
        seen.append(importlib.util.find_spec("torchvision"))
        return load(module)

    monkeypatch.setattr(torchvision_shim.importlib, "import_module", looking)
    torchvision_shim.load("torchvision.datasets.mnist")
    assert seen
    assert None not in seen
    assert "torchvision" not in sys.modules


def test_a_part_that_torchvision_lacks_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        torchvision_shim.load("torchvision.datasets.no_such_part")
    assert "torchvision" not in sys.modules


# Downloading


class Mirror(ThreadingHTTPServer):
    """Serves `files` from this machine; remembers what was asked for."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self.asked: list[str] = []
        # Every answer ends this many bytes too early.
        self.missing_bytes = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mnist/"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        data = self.server.files.get(name)
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data[: len(data) - self.server.missing_bytes])
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    server = Mirror(dict(files))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    use_mirrors(monkeypatch, server.address)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def use_mirrors(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    torchvision = torchvision_shim.load("torchvision.datasets.mnist")
    monkeypatch.setattr(torchvision.MNIST, "mirrors", list(addresses))
    # Nothing leaves this machine, whatever its proxy settings are.
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def left_in(data_dir: Path) -> set[str]:
    return {file.name for file in mnist_module.folder(data_dir).iterdir()}


def nobodys_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def test_download(tmp_path: Path, files: dict[str, bytes], mirror: Mirror) -> None:
    progress = list(Mnist.download(tmp_path))
    assert left_in(tmp_path) == set(NAMES)
    check(Mnist(tmp_path))
    done, sizes = zip(*progress, strict=True)
    assert len(set(sizes)) == 1
    assert list(done) == sorted(done)
    assert done[-1] == sizes[0]
    assert len(progress) > 6
    # A second time there is nothing to do.
    assert list(Mnist.download(tmp_path)) == []
    assert mirror.asked == list(NAMES)


def test_download_fetches_what_is_missing_or_damaged(
    tmp_path: Path, files: dict[str, bytes], mirror: Mirror
) -> None:
    raw = write(tmp_path, files)
    (raw / NAMES[0]).unlink()
    (raw / NAMES[3]).write_bytes(b"damaged")
    list(Mnist.download(tmp_path))
    assert mirror.asked == [NAMES[0], NAMES[3]]
    check(Mnist(tmp_path))


def test_cancelling_leaves_no_partial_file(tmp_path: Path, mirror: Mirror) -> None:
    download = Mnist.download(tmp_path)
    done, size = next(download)
    assert 0 < done < size
    download.close()
    assert left_in(tmp_path) == set()
    # And the next attempt succeeds.
    list(Mnist.download(tmp_path))
    check(Mnist(tmp_path))


def test_cancelling_in_the_middle_keeps_whole_files(tmp_path: Path, mirror: Mirror) -> None:
    download = Mnist.download(tmp_path)
    for done, size in download:
        if done / size > 0.55:
            break
    download.close()
    assert left_in(tmp_path) == set(NAMES[:2])


def test_a_file_that_arrives_damaged_is_refused(
    tmp_path: Path, files: dict[str, bytes], mirror: Mirror
) -> None:
    mirror.files[NAMES[1]] = files[NAMES[1]][:-1] + b"x"
    with pytest.raises(StudioError, match=f"{NAMES[1]} arrived damaged"):
        list(Mnist.download(tmp_path))
    assert left_in(tmp_path) == {NAMES[0]}


def test_an_answer_that_ends_too_early_is_refused(tmp_path: Path, mirror: Mirror) -> None:
    mirror.missing_bytes = 100
    with pytest.raises(StudioError, match=f"{NAMES[0]} (arrived damaged|could not be downloaded)"):
        list(Mnist.download(tmp_path))
    assert left_in(tmp_path) == set()


def test_offline(tmp_path: Path, files: dict[str, bytes], monkeypatch) -> None:
    use_mirrors(monkeypatch, nobodys_address(), nobodys_address())
    with pytest.raises(StudioError, match="could not be downloaded") as fault:
        list(Mnist.download(tmp_path))
    sentence = str(fault.value)
    assert sentence.startswith(NAMES[0])
    assert "refused" in sentence
    assert "Is this machine online?" in sentence
    assert str(mnist_module.folder(tmp_path)) in sentence
    # The same reason from two mirrors is told once.
    assert sentence.count("refused") == 1
    assert left_in(tmp_path) == set()


def test_the_next_mirror_is_tried(
    tmp_path: Path, files: dict[str, bytes], mirror: Mirror, monkeypatch
) -> None:
    use_mirrors(monkeypatch, nobodys_address(), mirror.address + "elsewhere/", mirror.address)
    list(Mnist.download(tmp_path))
    check(Mnist(tmp_path))


def test_a_file_that_no_mirror_has(tmp_path: Path, mirror: Mirror) -> None:
    del mirror.files[NAMES[2]]
    with pytest.raises(StudioError, match=rf"{NAMES[2]} could not be downloaded \(.*Not Found"):
        list(Mnist.download(tmp_path))
    assert left_in(tmp_path) == set(NAMES[:2])


def test_a_folder_that_cannot_be_written(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "MNIST").write_text("a file where a folder should be")
    with pytest.raises(StudioError, match="cannot be written"):
        list(Mnist.download(tmp_path))


def test_without_torchvision_mnist_is_greyed_out(monkeypatch) -> None:
    monkeypatch.setattr(mnist_module.importlib.util, "find_spec", lambda name: None)
    assert Mnist.unavailable() == "torchvision is not installed"


def test_torchvision_is_read_while_another_thread_imports(monkeypatch) -> None:
    class Growing(str):
        """A module's name; when it is looked at, another module has been imported."""

        __slots__ = ()

        def partition(self, sep: str) -> tuple[str, str, str]:
            monkeypatch.setitem(sys.modules, "imported_meanwhile", ModuleType("imported_meanwhile"))
            return super().partition(sep)

    monkeypatch.setattr(torchvision_shim, "_loaded", {})
    monkeypatch.setitem(sys.modules, Growing("imported_before"), ModuleType("imported_before"))
    assert torchvision_shim.load("torchvision.datasets.mnist").MNIST is not None
    assert "imported_meanwhile" in sys.modules
