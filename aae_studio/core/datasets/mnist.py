"""MNIST (LeCun, Cortes, Burges), found, checked and fetched the way torchvision does."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import importlib.util
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aae_studio.core import sketch
from aae_studio.core.datasets.base import Dataset, Split
from aae_studio.core.errors import DataMissing, StudioError
from aae_studio.core.options import Value

CHUNK = 1 << 16
TIMEOUT_S = 15
# Of the files as torchvision leaves them, which it does not check itself.
UNPACKED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def _torchvision() -> tuple[Any, Any]:
    """torchvision's MNIST module and its download utilities. Raises StudioError."""
    # Imported here: where the files lie can be told without torch.
    from aae_studio.core import torchvision_shim

    try:
        return (
            torchvision_shim.load("torchvision.datasets.mnist"),
            torchvision_shim.load("torchvision.datasets.utils"),
        )
    except ImportError as fault:
        raise StudioError("MNIST needs torchvision, which fails to load: {fault}", fault=fault) from fault


def folder(data_dir: Path) -> Path:
    """Where MNIST's files lie: where torchvision keeps them below a data folder, or where somebody else left
    them, in the folder itself or its folder `raw`."""
    own = data_dir / "MNIST" / "raw"
    return next((raw for raw in (own, data_dir, data_dir / "raw") if _holds_all(raw)), own)


def is_there(data_dir: Path) -> bool:
    """Whether all four files are in the data folder, packed or not; they are not read."""
    return _holds_all(folder(data_dir))


def _holds_all(raw: Path) -> bool:
    return all((raw / name).exists() or (raw / f"{name}.gz").exists() for name in UNPACKED_MD5)


class Mnist(Dataset):
    """70 000 handwritten digits of 28×28 pixels. Test ids follow the training ids, from 60 000."""

    title = "MNIST"
    summary = "28×28 · 70 000"
    order = 30
    attribution = "Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0"

    def __init__(self, data_dir: Path, **option: Value) -> None:
        mnist, utils = _torchvision()
        arrays = []
        for name, md5 in mnist.MNIST.resources:
            reader = mnist.read_image_file if "images" in name else mnist.read_label_file
            arrays.append(_read(folder(data_dir), name, md5, reader, utils))
        train_images, train_labels, test_images, test_labels = arrays
        self.classes = tuple("0123456789")
        self.train = _split(train_images, train_labels, 0)
        # The first half of the test set was written by others than the second: shuffled, any
        # front part of it holds both.
        order = np.random.default_rng(0).permutation(len(test_images))
        test = _split(test_images, test_labels, len(train_images))
        self.test = Split(*(column[order] for column in vars(test).values()))

    def framed(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return sketch.centred_by_mass(picture)

    @classmethod
    def unavailable(cls) -> str | None:
        if importlib.util.find_spec("torchvision") is None:
            return "torchvision is not installed"
        return None

    @classmethod
    def download(cls, data_dir: Path) -> Iterator[tuple[int, int]]:
        """Fetch the missing files from torchvision's mirrors; yields (done, all), in thousandths of a file.

        Closing the iterator cancels and leaves no partial file. Raises StudioError when the folder cannot
        be written, no mirror answers, or a file arrives damaged.
        """
        mnist, utils = _torchvision()
        target = folder(data_dir)
        with _writing(target):
            target.mkdir(parents=True, exist_ok=True)
        missing = [
            (name, md5)
            for name, md5 in mnist.MNIST.resources
            if not (target / name).exists() or not utils.check_md5(target / name, md5)
        ]
        for place, (name, md5) in enumerate(missing):
            for done, size in _fetch(target / name, name, mnist.MNIST.mirrors):
                # The images are nearly all of it; each file counts as an equal share of the bar.
                yield int((place + done / max(size, 1)) * 1000), len(missing) * 1000
            if not utils.check_md5(target / name, md5):
                (target / name).unlink()
                raise StudioError("{name} arrived damaged. Download it again.", name=name)


def _fetch(file: Path, name: str, mirrors: list[str]) -> Iterator[tuple[int, int]]:
    """Download one file from the first mirror that answers."""
    reasons = []
    for mirror in mirrors:
        part = file.with_suffix(".part")
        try:
            with _writing(file.parent):
                out = part.open("wb")
            with out, urllib.request.urlopen(mirror + name, timeout=TIMEOUT_S) as answer:
                size, done = int(answer.headers.get("Content-Length") or 0), 0
                while block := answer.read(CHUNK):
                    with _writing(file.parent):
                        out.write(block)
                    done += len(block)
                    yield done, max(size, done)
            with _writing(file.parent):
                part.replace(file)
            return
        except (urllib.error.URLError, OSError, http.client.HTTPException) as fault:
            reasons.append(str(getattr(fault, "reason", fault)))
        finally:
            part.unlink(missing_ok=True)
    raise StudioError(
        "{name} could not be downloaded ({reason}). Is this machine online? You can also copy MNIST's "
        "four .gz files into {folder}.",
        name=name,
        reason="; ".join(dict.fromkeys(reasons)),
        folder=file.parent,
    )


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Tells a fault of this disk from one of the network. Raises StudioError."""
    try:
        yield
    except OSError as fault:
        raise StudioError(
            "The data folder {folder} cannot be written: {fault}",
            folder=target,
            fault=fault.strerror or fault,
        ) from fault


def _read(raw: Path, name: str, md5: str, reader: Any, utils: Any) -> Any:
    """One file as an array, from the archive if it is there, else from the file unpacked beside it."""
    packed, plain = raw / name, raw / name.removesuffix(".gz")
    if not packed.exists() and not plain.exists():
        raise DataMissing(
            "mnist",
            "MNIST is not in {folder} ({name} is missing). Download it, or set another data folder.",
            folder=raw,
            name=name,
        )
    try:
        there, wanted = (packed, md5) if packed.exists() else (plain, UNPACKED_MD5[plain.name])
        if not utils.check_md5(there, wanted):
            raise ValueError("its checksum is wrong")
        if there == plain:
            return reader(str(plain)).numpy()
        # torchvision reads unpacked files only, and the data folder may be read-only.
        with tempfile.TemporaryDirectory() as scratch:
            unpacked = Path(scratch) / plain.name
            with gzip.open(packed) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target)
            return reader(str(unpacked)).numpy()
    except (
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        AssertionError,
        RuntimeError,
    ) as fault:
        file = packed if packed.exists() else plain
        raise DataMissing(
            "mnist",
            "{file} is damaged ({fault}). Delete it and download it again.",
            file=file,
            fault=str(fault) or "it is in another format",
        ) from fault


def _split(images: Any, labels: Any, first_id: int) -> Split:
    ids = np.arange(first_id, first_id + len(images), dtype=np.int64)
    return Split(images[:, None], labels.astype(np.int64), ids)
