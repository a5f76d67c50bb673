"""`encode` and `decode`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from console import SMALL, Studio

import aae_studio
from aae_studio.core.errors import StudioError


def test_codes_go_out_and_come_back_as_images(studio: Studio, run: Path, tmp_path: Path) -> None:
    loaded = aae_studio.load(run)
    for split, count in (("test", 360), ("train", 1437), ("all", 1797)):
        out, _ = studio("encode", run, "--split", split, "--out", tmp_path / "codes")
        assert out == f"{tmp_path / 'codes'}: codes of ae, aae, {count} × 3\n"
        with np.load(tmp_path / "codes") as arrays:
            found = dict(arrays)
        assert set(found) == {"ae", "aae", "labels", "ids"}
        assert found["ae"].shape == (count, 3)
        assert found["labels"].shape == found["ids"].shape == (count,)
    test, unit = loaded.dataset.test, loaded.dataset.to_unit
    np.testing.assert_array_equal(found["ids"][-360:], test.ids)
    np.testing.assert_array_equal(found["labels"][-360:], test.labels)
    np.testing.assert_array_equal(found["aae"][-360:], loaded.encode(unit(test.images), "aae"))
    np.save(tmp_path / "z.npy", found["aae"])
    words = ("--model", "aae", "--codes", tmp_path / "z.npy", "--out", tmp_path / "images.npy")
    out, _ = studio("decode", run, *words)
    assert out == f"{tmp_path / 'images.npy'}: images, 1797 × 1 × 8 × 8\n"
    images = np.load(tmp_path / "images.npy")
    assert (images.shape, images.dtype) == ((1797, 1, 8, 8), np.float32)
    np.testing.assert_array_equal(images, loaded.decode(found["aae"], "aae"))
    (tmp_path / "codes").rename(tmp_path / "codes.npz")
    studio(
        "decode", run, "--model", "aae", "--codes", tmp_path / "codes.npz", "--out", tmp_path / "again.npy"
    )
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), images)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "again.npy",
        "codes.npz",
        "images.npy",
        "z.npy",
    ]


def test_decode_says_which_class_it_decodes_as(studio: Studio, tmp_path: Path) -> None:
    run, codes, images = tmp_path / "run", tmp_path / "z.npy", tmp_path / "x.npy"
    studio("train", "--steps", 2, "--models", "supervised_aae", *SMALL, "--out", run)
    np.save(codes, np.zeros((2, 2)))
    words = ("decode", run, "--codes", codes, "--out", images)
    assert studio(*words)[0] == f"{images}: images, 2 × 1 × 8 × 8, all as 0\n"
    zeros = np.load(images)
    assert studio(*words, "--condition", 7)[0].endswith(", all as 7\n")
    studio("train", "--steps", 2, "--models", "ae", *SMALL, "--out", tmp_path / "plain")
    words = ("decode", tmp_path / "plain", "--codes", codes, "--out", images, "--condition", 7)
    assert "is told nothing beside the code" in studio.fault(*words)
    assert not np.array_equal(np.load(images), zeros)


def test_codes_that_cannot_be_decoded(studio: Studio, run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros((4, 2)))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "other.npz", a=np.zeros((4, 3)))
    np.savez(tmp_path / "others.npz", gan=np.zeros((4, 3)), aae=np.zeros((4, 3)))
    (tmp_path / "text.npy").write_text("0 0 0")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "flat.npy").read_bytes()[:-8])
    for name, sentence in (
        ("flat.npy", "(4, 2); expected (n, 3)"),
        ("object.npy", "not an array that numpy saved"),
        ("other.npz", "codes of none of these models: ae, gan, aae"),
        ("others.npz", "holds no codes of “ae”, but of: gan, aae"),
        ("text.npy", "not an array that numpy saved"),
        ("cut.npy", "damaged"),
        ("nothing.npy", "cannot be read: No such file"),
    ):
        words = ("decode", run, "--model", "ae", "--codes", tmp_path / name, "--out", tmp_path / "out.npy")
        assert sentence in studio.fault(*words)
    np.save(tmp_path / "z.npy", np.zeros((1, 3)))
    words = ("decode", run, "--codes", tmp_path / "z.npy", "--out")
    assert "ae, gan, aae" in studio.fault(*words, tmp_path / "out.npy")
    assert "cannot be written" in studio.fault(*words, tmp_path / "no" / "out.npy", "--model", "ae")
    assert "it is a folder" in studio.fault(*words, tmp_path, "--model", "ae")
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize(("name", "count"), [("semi_supervised_aae", 10), ("clustering_aae", 16)])
def test_what_a_model_finds_goes_out_beside_its_codes(
    studio: Studio, tmp_path: Path, name: str, count: int
) -> None:
    run, file = tmp_path / "run", tmp_path / "codes.npz"
    studio("train", "--models", f"ae,{name}", "--hidden", "16", "--steps", "3", "--quiet", "--out", run)
    out, _ = studio("encode", run, "--out", file)
    assert f"beside them {name}.class_shares" in out
    loaded = aae_studio.load(run)
    with np.load(file) as arrays:
        shares, labels = arrays[f"{name}.class_shares"], arrays["labels"]
        assert "ae.class_shares" not in arrays
    assert (shares.shape, shares.dtype) == ((360, count), np.float32)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    images = loaded.dataset.to_unit(loaded.dataset.test.images)
    np.testing.assert_array_equal(shares, loaded.class_shares(images))
    if name == "semi_supervised_aae":
        frozen = loaded._frozen[name]
        assert (shares.argmax(axis=1) != labels).mean() == pytest.approx(
            frozen.class_error(images, labels, ())
        )
    with pytest.raises(StudioError, match="find classes"):
        loaded.class_shares(images, "ae")
    # What goes out comes back as what it was.
    out, _ = studio("decode", run, "--model", name, "--codes", file, "--out", tmp_path / "x.npy")
    assert out.endswith("each with its own condition\n")
    with np.load(file) as arrays:
        codes, told = arrays[name], arrays[f"{name}.condition"]
    np.testing.assert_array_equal(told, shares.argmax(axis=1))
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), loaded._frozen[name].decode(codes, told))
    for wrong in (told[:-1], told + count):
        with pytest.raises(StudioError, match="a place among"):
            loaded.decode(codes, name, wrong)


def test_a_run_without_encoder_cannot_encode(studio: Studio, tmp_path: Path) -> None:
    studio("train", "--models", "gan", "--steps", 1, "--out", tmp_path / "run", *SMALL)
    words = ("encode", tmp_path / "run", "--out", tmp_path / "codes.npz")
    assert "has an encoder" in studio.fault(*words)


@pytest.mark.parametrize("damage", ["compressed", "header"])
def test_damaged_codes_get_a_sentence(studio: Studio, run: Path, tmp_path: Path, damage: str) -> None:
    file = tmp_path / ("codes.npz" if damage == "compressed" else "codes.npy")
    if damage == "compressed":
        np.savez_compressed(file, ae=np.random.default_rng(0).normal(size=(500, 3)))
        data = bytearray(file.read_bytes())
        data[200:400] = bytes(200)
    else:
        np.save(file, np.zeros((1, 3), np.float32))
        data = bytearray(file.read_bytes().replace(b"(1, 3)", b"(9999999999999, 3)"))
    file.write_bytes(bytes(data))
    studio.fault("decode", run, "--model", "ae", "--codes", file, "--out", tmp_path / "images.npy")
