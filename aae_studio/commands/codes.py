"""`encode` and `decode`: the way in and out for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aae_studio import paths
from aae_studio.commands.parsing import Parser, add_data_dir, name_reader, path_reader
from aae_studio.core.errors import StudioError

if TYPE_CHECKING:
    from aae_studio.core.datasets.base import Dataset, Split

SPLITS = ("test", "train", "all")


def add_encode_flags(parser: Parser) -> None:
    """Flags of `encode`."""
    _add_run(parser)
    parser.add_argument(
        "--split",
        default="test",
        type=name_reader("split", SPLITS),
        metavar="NAME",
        help="test, train, or all: training samples, then test samples (default test)",
    )
    parser.add_argument("--out", required=True, type=path_reader, metavar="FILE", help="file to write (.npz)")
    add_data_dir(parser)


def encode(args: argparse.Namespace) -> int:
    """Write the codes of a split: an array (n, latent size) per model with an encoder, labels and ids.

    A model that finds classes or clusters has q(y|x) beside its codes, NAME.class_shares (n, classes), and
    one whose decoder is told a condition the place of each code's, NAME.condition (n,).
    """
    import numpy as np

    import aae_studio

    run = aae_studio.load(args.run, args.data_dir)
    if not run.encoders:
        raise StudioError("No model of {run} has an encoder.", run=args.run)
    with _written(args.out) as out:
        split = _split(run.dataset, args.split)
        images = (run.dataset.to_unit(split.images[at : at + 1024]) for at in range(0, len(split), 1024))
        ways = {name: partial(run.encode, model=name) for name in run.encoders}
        ways |= {f"{name}.class_shares": partial(run.class_shares, model=name) for name in run.finders}
        parts: dict[str, list[Any]] = {name: [] for name in ways}
        for part in images:
            for name, way in ways.items():
                parts[name].append(way(part))
        arrays: dict[str, Any] = {name: np.concatenate(found) for name, found in parts.items()}
        for name in filter(run.conditions, run.encoders):
            found = arrays.get(f"{name}.class_shares")
            arrays[f"{name}.condition"] = split.labels if found is None else found.argmax(axis=1)
        np.savez(out, **arrays, labels=split.labels, ids=split.ids)
    print(f"{args.out}: codes of {', '.join(run.encoders)}, {len(split)} × {run.config.latent_size}")
    beside = [name for name in arrays if "." in name]
    if beside:
        print(f"beside them {', '.join(beside)}")
    return 0


def add_decode_flags(parser: Parser) -> None:
    """Flags of `decode`."""
    _add_run(parser)
    parser.add_argument("--model", metavar="NAME", help="which model decodes, if there are several")
    parser.add_argument(
        "--condition",
        metavar="NAME",
        help="the class or cluster that a decoder is told beside all codes (default: what encode wrote for "
        "each, else the first)",
    )
    parser.add_argument(
        "--codes",
        required=True,
        type=path_reader,
        metavar="FILE",
        help=".npy file with an array (n, latent size), or what encode wrote",
    )
    parser.add_argument("--out", required=True, type=path_reader, metavar="FILE", help="file to write (.npy)")


def decode(args: argparse.Namespace) -> int:
    """Write the images of codes: float32 (n, C, H, W), values from 0 to 1."""
    import numpy as np

    import aae_studio

    run = aae_studio.load(args.run)
    codes, own = _read_codes(args.codes, args.model, run.models)
    told = own if args.condition is None else args.condition
    with _written(args.out) as out:
        images = run.decode(codes, args.model, told)
        np.save(out, images)
    words = f"{args.out}: images, {' × '.join(map(str, images.shape))}"
    if own is not None and args.condition is None:
        words += ", each with its own condition"
    elif every := args.condition or next(iter(run.conditions(args.model)), None):
        words += f", all as {every}"
    print(words)
    return 0


def _add_run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", type=path_reader, help="folder that train or the window saved")


def _split(dataset: Dataset, name: str) -> Split:
    if name == "all":
        return dataset.train.joined(dataset.test)
    return dataset.train if name == "train" else dataset.test


def _read_codes(file: Path, model: str | None, models: tuple[str, ...]) -> tuple[Any, Any]:
    """The array in a .npy file, or in a .npz file that of the model, or of the only one of these `models`,
    there with its conditions, which may be None. Raises StudioError."""
    import numpy as np

    try:
        # Without pickles: a file of codes must not be able to run anything.
        found = np.load(file, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            return found, None
        with found:
            there = [name for name in models if name in found]
            if model is None and len(there) == 1:
                model = there[0]
            if not there:
                raise StudioError(
                    "{file} holds codes of none of these models: {names}.", file=file, names=", ".join(models)
                )
            if model is not None and model not in there:
                raise StudioError(
                    "{file} holds no codes of “{model}”, but of: {names}.",
                    file=file,
                    model=model,
                    names=", ".join(there),
                )
            if model is None:
                raise StudioError(
                    "{file} holds codes of several models ({names}). Say with --model which to decode.",
                    file=file,
                    names=", ".join(there),
                )
            condition = f"{model}.condition"
            return found[model], found.get(condition)
    except OSError as fault:
        raise StudioError(
            "{file} cannot be read: {fault}", file=file, fault=fault.strerror or fault
        ) from fault
    except StudioError:
        raise
    except Exception as fault:
        # What numpy and its readers of archives, headers and compressed data raise is not told in advance.
        raise StudioError("{file} is not an array that numpy saved, or is damaged.", file=file) from fault


@contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place once it is whole. Raises StudioError when it cannot be written."""
    part = paths.sibling(file)
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with part.open("xb") as out:
            yield out
        part.replace(file)
    except OSError as fault:
        raise StudioError(
            "{file} cannot be written: {fault}", file=file, fault=fault.strerror or fault
        ) from fault
    finally:
        part.unlink(missing_ok=True)
