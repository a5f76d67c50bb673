"""Sessions on real files: whole, replaced, damaged, foreign, and resumed to the last bit."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aae_studio.core import painted_density, session, session_folder, session_tensors
from aae_studio.core.config import ExperimentConfig
from aae_studio.core.errors import SessionError, StudioError
from aae_studio.core.experiment import Experiment, Report, load_dataset
from aae_studio.core.history import History
from aae_studio.core.registry import MODELS
from aae_studio.core.snapshot import FrozenModel

CONFIG = ExperimentConfig(
    models=("vae", "ae", "gan", "aae"),
    hidden=(8,),
    batch_size=64,
    precision="float32",
    options={"aae.discriminator_hidden": (8, 4), "vae.beta": 0.5},
)
FILES = (*(f"{name}.safetensors" for name in (*CONFIG.models, "training", "history")), "session.json")


def trained(config: ExperimentConfig, steps: int) -> tuple[Experiment, History]:
    experiment, history = Experiment(config, load_dataset(config, Path("nowhere"))), History()
    history.append(list(islice(experiment.run(), steps)))
    return experiment, history


def curves(reports: list[Report]) -> list[tuple[int, int, dict[str, dict[str, float]]]]:
    return [(report.step, report.epoch, report.losses) for report in reports]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "run"
    session.save(folder, *trained(CONFIG, 30))
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


@contextmanager
def nothing_changes(folder: Path) -> Iterator[None]:
    def content() -> dict[str, bytes | None]:
        return {str(path): path.read_bytes() if path.is_file() else None for path in folder.parent.rglob("*")}

    before = content()
    yield
    assert content() == before


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change session.json and give it a checksum that fits."""
    document = json.loads((folder / "session.json").read_text())
    change(document)
    document["sha256"] = session_folder.digest(document)
    (folder / "session.json").write_text(json.dumps(document))


def replace_file(folder: Path, name: str, data: bytes) -> None:
    """Change a file and note its size and checksum, as one would who means harm."""
    (folder / name).write_bytes(data)
    entry = {"size": len(data), "sha256": session_folder.hashlib.sha256(data).hexdigest()}
    rewrite(folder, lambda document: document["files"].update({name: entry}))


def refused(folder: Path, words: str = ".") -> str:
    """Check that the session is refused, and that nothing on disk changes; returns the sentence."""
    with nothing_changes(folder), pytest.raises(SessionError, match=words) as fault:
        session.restore(folder, Path("nowhere"))
    return str(fault.value)


# Saving and resuming


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"precision": "bfloat16", "rate_decay": 50.0},
        {"network": "conv", "encoder_norm": "batch"},
        {"aae.updates": "two-phase", "aae.posterior": "gaussian", "prior": "mixture"},
        {"gan.discriminator_steps": 2, "latent_size": 5, "reconstruction": "bernoulli"},
    ],
)
def test_a_resumed_run_is_the_uninterrupted_run_to_the_last_bit(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    experiment, history = trained(CONFIG.with_(**change), 30)
    session.save(tmp_path / "run", experiment, history)
    again, curves_so_far = session.restore(tmp_path / "run", tmp_path)
    # More than an epoch further on.
    wanted, found = list(islice(experiment.run(), 30)), list(islice(again.run(), 30))
    assert curves(found) == curves(wanted)
    history.append(wanted)
    curves_so_far.append(found)
    for name, values in history.as_arrays().items():
        if name != "seconds":
            np.testing.assert_array_equal(curves_so_far.as_arrays()[name], values)
    for name, model in experiment.models.items():
        other = again.models[name]
        assert model.average is not None
        assert other.average is not None
        for mine, others in ((model.networks, other.networks), (model.shown, other.shown)):
            for role, network in mine.items():
                for key, weight in network.state_dict().items():
                    assert torch.equal(weight, others[role].state_dict()[key])


def decoded(run: Experiment | session.TrainedRun) -> np.ndarray:
    codes = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    return run.decode(codes, "aae") if isinstance(run, session.TrainedRun) else shown(run).decode(codes)


def shown(experiment: Experiment) -> FrozenModel:
    return experiment.snapshot().models["aae"]


def test_the_weights_that_other_programs_read_are_those_that_are_shown(saved: Path, tmp_path: Path) -> None:
    experiment, history = session.restore(saved, tmp_path)
    mean = decoded(experiment)
    np.testing.assert_array_equal(decoded(session.TrainedRun(saved)), mean)
    # Those that are trained are there for training alone.
    experiment.forget_averages()
    assert not np.array_equal(decoded(experiment), mean)
    session.save(tmp_path / "bare", experiment, history)
    np.testing.assert_array_equal(decoded(session.TrainedRun(tmp_path / "bare")), decoded(experiment))
    again, _ = session.restore(tmp_path / "bare", tmp_path)
    assert again.models["aae"].average is None
    trained, bare = (
        {key: tensor for key, tensor in file.items() if key.startswith("aae/") and key.count("/") == 1}
        for file in (
            safetensors.torch.load_file(run / "training.safetensors") for run in (saved, tmp_path / "bare")
        )
    )
    weights = safetensors.torch.load_file(tmp_path / "bare" / "aae.safetensors")
    assert trained.keys() == {f"aae/{key}" for key in weights}
    assert all(torch.equal(trained[f"aae/{key}"], weight) for key, weight in weights.items())
    assert not bare


def test_a_session_that_does_not_say_what_was_no_choice_then_goes_on_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = {"averaging": 0, "activation": "relu", "inputs": "plain"}
    plain, history = trained(CONFIG.with_(**then), 12)
    write = session.write

    def former(folder: Path, document: dict[str, Any], files: dict[str, bytes]) -> None:
        for name in then:
            del document["config"][name]
        write(folder, document, files)

    monkeypatch.setattr(session, "write", former)
    session.save(tmp_path / "run", plain, history)
    again, _ = session.restore(tmp_path / "run", tmp_path)
    assert again.config == plain.config == session.read_config(tmp_path / "run")
    assert curves(list(islice(again.run(), 9))) == curves(list(islice(plain.run(), 9)))
    np.testing.assert_array_equal(decoded(again), decoded(plain))


def test_trained_weights_may_be_below_a_name_of_their_own(saved: Path, copy: Path, tmp_path: Path) -> None:
    """As the first sessions with averaged weights have them."""
    tensors = safetensors.torch.load_file(copy / "training.safetensors")
    former = {
        key.replace("/", "/weights/") if key.count("/") == 1 else key: tensor
        for key, tensor in tensors.items()
    }
    assert former.keys() != tensors.keys()
    replace_file(copy, "training.safetensors", safetensors.torch.save(former))
    (mine, _), (others, _) = session.restore(saved, tmp_path), session.restore(copy, tmp_path)
    assert curves(list(islice(others.run(), 9))) == curves(list(islice(mine.run(), 9)))
    np.testing.assert_array_equal(decoded(others), decoded(mine))


def test_a_restored_experiment_is_what_was_saved(saved: Path, tmp_path: Path) -> None:
    experiment, history = session.restore(saved, tmp_path)
    assert experiment.config == CONFIG == session.read_config(saved)
    assert list(experiment.models) == list(CONFIG.models)
    assert experiment.step == len(history) == 30
    assert experiment.seconds == history.seconds[-1]
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)


def test_options_changed_while_training_hold_after_restoring(tmp_path: Path) -> None:
    experiment, history = trained(CONFIG, 5)
    experiment.change(
        CONFIG.with_(
            models=("aae", "vae"), prior="ring", learning_rate=3e-4, **{"aae.discriminator_rate": 2.0}
        )
    )
    history.append(list(islice(experiment.run(), 5)))
    session.save(tmp_path / "run", experiment, history)
    again, curves_so_far = session.restore(tmp_path / "run", tmp_path)
    assert curves(list(islice(again.run(), 5))) == curves(list(islice(experiment.run(), 5)))
    assert len(curves_so_far.values("gan", "generator")) == 5
    assert len(curves_so_far.values("vae", "kl")) == 10


def test_a_painted_prior_and_labels_by_hand_come_back_and_go_on_to_the_last_bit(tmp_path: Path) -> None:
    ink = painted_density.stroked(painted_density.starter("ring"), (-1.0, 0.5), (1.0, 0.5), 0.3, 12, False)
    for changes in (
        {"prior": "painted", "painted.picture": painted_density.written(ink)},
        {"prior": "mixture", "aae.labelling": "hand", "aae.labelled": "5-60,200"},
    ):
        config = CONFIG.with_(models=("aae",), **changes)
        whole = curves(list(islice(trained(config, 0)[0].run(), 9)))
        session.save(tmp_path / "run", *trained(config, 4))
        experiment, _ = session.restore(tmp_path / "run", tmp_path)
        assert experiment.config == config
        assert curves(list(islice(experiment.run(), 5))) == whole[4:]


def test_an_optimiser_is_found_by_any_phase_that_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phase that came with a later Studio is now the first to use the encoder's optimiser."""
    config = CONFIG.with_(models=("clustering_aae",), **{"clustering_aae.updates": "two-phase"})
    experiment, history = trained(config, 4)
    state = session_tensors._training_state(experiment)
    former = {key.replace("/consistency/", "/generator/"): value for key, value in state.items()}
    assert former.keys() != state.keys()
    monkeypatch.setattr(session_tensors, "_training_state", lambda _: former)
    session.save(tmp_path / "run", experiment, history)
    again, _ = session.restore(tmp_path / "run", tmp_path)
    assert curves(list(islice(again.run(), 4))) == curves(list(islice(experiment.run(), 4)))


def test_another_default_changes_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, kind = CONFIG.with_(models=("aae",), options={}), MODELS.get("aae")
    session.save(tmp_path / "run", *trained(config, 2))
    others = {"adversarial_weight": 0.5, "discriminator_hidden": (7, 7)}
    options = tuple(replace(row, default=others.get(row.name, row.default)) for row in kind.options)
    monkeypatch.setattr(kind, "options", options)
    wanted = config.with_(**{"aae.adversarial_weight": 0.06, "aae.discriminator_hidden": (256, 256)})
    assert session.restore(tmp_path / "run", tmp_path)[0].config == wanted
    assert session.TrainedRun(tmp_path / "run").config == wanted


def test_a_session_of_before_options_were_written_has_those_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"clustering_aae.consistency_weight": 0.0, "clustering_aae.adversarial_weight": 0.03}
    config = CONFIG.with_(models=("ae", "clustering_aae"), **options)
    experiment, history = trained(config, 3)
    write = session.write

    def former(folder: Path, document: dict[str, Any], files: dict[str, bytes]) -> None:
        del document["options"]
        for key in options:
            del document["config"]["options"][key]
        write(folder, document, files)

    monkeypatch.setattr(session, "write", former)
    session.save(tmp_path / "run", experiment, history)
    again, _ = session.restore(tmp_path / "run", tmp_path)
    assert again.config == config
    assert curves(list(islice(again.run(), 3))) == curves(list(islice(experiment.run(), 3)))


def test_the_precision_that_auto_chose_is_kept(tmp_path: Path) -> None:
    experiment, history = trained(CONFIG.with_(precision="auto"), 2)
    for precision in (torch.float32, torch.bfloat16):
        experiment.precision = precision
        session.save(tmp_path / "run", experiment, history)
        assert session.restore(tmp_path / "run", tmp_path)[0].precision == precision


def test_untrained_models_can_be_saved(tmp_path: Path) -> None:
    experiment, history = trained(CONFIG, 0)
    session.save(tmp_path / "run", experiment, history)
    again, curves_so_far = session.restore(tmp_path / "run", tmp_path)
    assert again.step == len(curves_so_far) == 0
    assert curves(list(islice(again.run(), 3))) == curves(list(islice(experiment.run(), 3)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_run_from_another_device_comes_back_on_the_cpu(tmp_path: Path) -> None:
    experiment, history = trained(CONFIG, 2)
    experiment.config = CONFIG.with_(device="cuda")
    session.save(tmp_path / "run", experiment, history)
    assert session.restore(tmp_path / "run", tmp_path)[0].config == CONFIG


def test_figures_and_what_was_trained_are_in_session_json(saved: Path) -> None:
    document = json.loads((saved / "session.json").read_text())
    assert document["format"] == "aae-studio-session"
    assert document["version"] == 1
    gan, aae = document["figures"]["gan"], document["figures"]["aae"]
    assert gan["recon_mse"] is gan["sw1_to_prior"] is gan["code_mean"] is None
    assert 0 < aae["recon_mse"] < 1
    assert aae["sw1_to_prior"] > 0
    assert aae["code_mean"] >= 0
    assert 0 < aae["code_std_least"] <= aae["code_std_greatest"]
    assert document["image_shape"] == [1, 8, 8]
    names = safetensors.torch.load_file(saved / "aae.safetensors").keys()
    assert {"encoder.trunk.1.weight", "decoder.0.bias", "discriminator.0.weight"} <= names
    state = safetensors.torch.load_file(saved / "training.safetensors").keys()
    # The two phases with one joint optimiser have one state.
    assert "aae/reconstruction/encoder.trunk.1.weight/exp_avg" in state
    assert not any(key.startswith("aae/generator/") for key in state)


# Replacing


def test_a_session_is_replaced_and_what_others_put_beside_it_stays(copy: Path) -> None:
    (copy / "notes.txt").write_text("mine")
    experiment, history = trained(CONFIG.with_(models=("ae",), seed=7), 3)
    session.save(copy, experiment, history)
    assert session.read_config(copy).seed == 7
    assert session.restore(copy, copy)[0].step == 3
    names = {"ae.safetensors", "training.safetensors", "history.safetensors", "session.json", "notes.txt"}
    assert {path.name for path in copy.iterdir()} == names
    assert [path.name for path in copy.parent.iterdir()] == ["run"]


def test_an_old_session_stays_until_the_new_one_is_complete(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, history = trained(CONFIG, 3)
    write, calls = session_folder._write_file, []

    def full(file: Path, data: bytes) -> None:
        calls.append(file)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(session_folder, "_write_file", full)
    with nothing_changes(copy), pytest.raises(SessionError, match="No space left"):
        session.save(copy, experiment, history)


def test_an_old_session_comes_back_when_the_new_one_cannot_take_its_place(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, history = trained(CONFIG, 3)
    rename, calls = Path.rename, []

    def second_fails(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with nothing_changes(copy), pytest.raises(SessionError, match="Permission denied"):
        session.save(copy, experiment, history)


def test_an_empty_folder_and_missing_parents_are_fine(tmp_path: Path) -> None:
    experiment, history = trained(CONFIG.with_(models=("ae",)), 1)
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b" / "run"):
        session.check_target(folder)
        session.save(folder, experiment, history)
        assert session.read_config(folder) == experiment.config


@pytest.mark.parametrize("text", ["", "{}", '{"format": "something else", "version": 1}', "[1, 2]"])
def test_a_foreign_folder_is_never_overwritten(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / ("session.json" if text else "chapter.tex")).write_text(text or "Chapter 1")
    experiment, history = trained(CONFIG.with_(models=("ae",)), 1)
    for act in (lambda: session.check_target(folder), lambda: session.save(folder, experiment, history)):
        with nothing_changes(folder), pytest.raises(SessionError, match="not overwritten"):
            act()


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    experiment, history = trained(CONFIG.with_(models=("ae",)), 1)
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        for act in (session.check_target, lambda folder: session.save(folder, experiment, history)):
            with nothing_changes(tmp_path / "x"), pytest.raises(SessionError, match=r"file|Not a directory"):
                act(folder)


def test_weights_that_are_not_finite_are_not_saved(copy: Path) -> None:
    experiment, history = trained(CONFIG, 1)
    with torch.no_grad():
        next(iter(experiment.models["vae"].networks["decoder"].parameters()))[0, 0] = torch.inf
    with nothing_changes(copy), pytest.raises(SessionError, match="no longer finite"):
        session.save(copy, experiment, history)


# Damage


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["first", "last", "truncated", "longer", "empty", "missing", "folder"])
def test_a_damaged_file_is_refused(copy: Path, name: str, damage: str) -> None:
    file = copy / name
    data = bytearray(file.read_bytes())
    if damage in ("first", "last"):
        # The last byte of session.json is an empty line, which says nothing.
        data[0 if damage == "first" else -3] ^= 1
        file.write_bytes(data)
    elif damage in ("missing", "folder"):
        file.unlink()
        if damage == "folder":
            file.mkdir()
    else:
        file.write_bytes({"truncated": data[:-5], "longer": data + b"}", "empty": b""}[damage])
    assert str(copy) in refused(copy)


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_noticed(saved: Path, name: str, place: float, bit: int) -> None:
    file = saved / name
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[int(place * len(flipped))] ^= 1 << bit
    try:
        file.write_bytes(flipped)
        session.restore(saved, saved)
    except SessionError:
        return
    finally:
        file.write_bytes(whole)
    # Only the case of the e in 1e-05 carries no meaning.
    assert name == "session.json"
    assert json.loads(flipped) == json.loads(whole)


# Harm


def test_a_pickle_is_not_read(copy: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return (Path.touch, (copy.parent / "harmed",))

    replace_file(copy, "ae.safetensors", pickle.dumps(Harm()))
    refused(copy, "does not fit")
    assert not (copy.parent / "harmed").exists()


@pytest.mark.parametrize("name", ["../out.safetensors", "/etc/passwd", "a\\b.safetensors", "..", "x.pt"])
def test_paths_in_file_names_are_refused(copy: Path, name: str) -> None:
    rewrite(copy, lambda document: document["files"].update({name: {"size": 1, "sha256": ""}}))
    refused(copy, "damaged")


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"step": "30"},
        {"seconds": float("inf")},
        {"image_shape": [1, 8]},
        {"image_shape": [1, 10**9, 8]},
        {"precision": "float16"},
        {"files": []},
        {"files": {"ae.safetensors": 3}},
        {"config": None},
        {"curves": [3]},
        {"version": 0},
        {"version": None},
        {"config": {"models": [{}]}},
        {"config": {"dataset": "mist"}},
        {"config": {"batch_size": "many"}},
        {"config": {"colour": 1}},
        {"options": []},
        {"options": {"aae.r1": "much"}},
        {"curves": []},
        {"step": 3},
        {"image_shape": [3, 8, 8]},
    ],
)
def test_a_document_that_makes_no_sense_is_refused(copy: Path, change: dict[str, Any]) -> None:
    rewrite(copy, lambda document: document.update(change))
    refused(copy)


def test_a_newer_session_says_to_update(copy: Path) -> None:
    rewrite(copy, lambda document: document.update(version=2))
    assert "Update the Studio" in refused(copy, "newer")


def test_an_unknown_model_is_named_with_its_neighbours(copy: Path) -> None:
    rewrite(copy, lambda document: document["config"].update(models=["aee"]))
    assert "Did you mean" in refused(copy, "aee")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("ae.safetensors", {"encoder.mean.bias": torch.zeros(3)}),
        ("ae.safetensors", {"encoder.mean.bias": torch.tensor([0.0, torch.nan])}),
        ("ae.safetensors", {"encoder.more": torch.zeros(2)}),
        ("ae.safetensors", {"encoder.mean.bias": None}),
        ("training.safetensors", {"ae/encoder.mean.bias": torch.zeros(3)}),
        ("training.safetensors", {"ae/encoder.mean.bias": torch.tensor([torch.inf, 0.0])}),
        ("training.safetensors", {"ae/encoder.mean.bias": None}),
        ("training.safetensors", {"ae/encoder.more": torch.zeros(2)}),
        ("training.safetensors", {"ae/reconstruction/encoder.mean.bias/exp_avg": torch.zeros(3)}),
        ("training.safetensors", {"ae/reconstruction/encoder.mean.bias/step": torch.tensor(torch.nan)}),
        ("training.safetensors", {"ae/sleep/encoder.mean.bias/exp_avg": torch.zeros(2)}),
        ("history.safetensors", {"ae/reconstruction": torch.full((30,), torch.nan, dtype=torch.float64)}),
        ("history.safetensors", {"ae/reconstruction": None}),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    copy: Path, file: str, change: dict[str, torch.Tensor | None]
) -> None:
    tensors: dict[str, Any] = {**safetensors.torch.load_file(copy / file), **change}
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    replace_file(copy, file, safetensors.torch.save(kept))
    refused(copy, "does not fit")


def test_what_is_no_session_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for name, words in (("file", "is a file"), ("empty", "no session.json"), ("nothing", "There is no")):
        with pytest.raises(SessionError, match=words):
            session.read_config(tmp_path / name)


def test_a_session_whose_data_are_missing_says_so(copy: Path) -> None:
    rewrite(copy, lambda document: document["config"].update(dataset="mnist"))
    with pytest.raises(StudioError, match="MNIST"):
        session.restore(copy, copy)
