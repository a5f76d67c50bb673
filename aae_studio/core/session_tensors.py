"""What a session's safetensors files hold: weights, optimiser states and curves, checked when read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor
from torch.optim import Optimizer

from aae_studio.core import averaging
from aae_studio.core.errors import SessionError, StudioError
from aae_studio.core.experiment import Experiment
from aae_studio.core.history import History
from aae_studio.core.models.base import Model, Networks
from aae_studio.core.session_folder import ENDING, read_file

TRAINING, HISTORY = "training" + ENDING, "history" + ENDING
Document = Mapping[str, Any]


def packed(experiment: Experiment, history: History) -> dict[str, bytes]:
    """The contents of all files by name. Raises SessionError for numbers that are not finite."""
    files = {}
    for name, model in experiment.models.items():
        weights = _weights(model.shown)
        for key, weight in (*weights.items(), *_weights(model.networks).items()):
            if not torch.isfinite(weight).all():
                raise SessionError(
                    "The weights {key} of {model} are no longer finite, so they are not saved.",
                    key=key,
                    model=name,
                )
        files[name + ENDING] = _packed(weights)
    files[TRAINING] = _packed(_training_state(experiment))
    files[HISTORY] = safetensors.numpy.save(history.as_arrays())
    return files


def _weights(networks: Networks) -> dict[str, Tensor]:
    """All weights by name, for instance `encoder.trunk.1.weight`."""
    return {
        f"{network}.{name}": weight
        for network, module in networks.items()
        for name, weight in module.state_dict().items()
    }


def _optimizers(model: Model) -> Iterator[tuple[list[str], Optimizer, list[str]]]:
    """Each optimiser once, with the phases that use it and the names of its weights."""
    names = {
        id(weight): f"{network}.{name}"
        for network, module in model.networks.items()
        for name, weight in module.named_parameters()
    }
    for optimizer in {id(phase.optimizer): phase.optimizer for phase in model.phases}.values():
        users = [phase.name for phase in model.phases if phase.optimizer is optimizer]
        weights = [w for group in optimizer.param_groups for w in group["params"]]
        yield users, optimizer, [names[id(weight)] for weight in weights]


def _training_state(experiment: Experiment) -> dict[str, Tensor]:
    """Optimiser states by name, for instance `ae/reconstruction/encoder.mean.bias/exp_avg`, and where the
    weights that are shown are averaged ones, those that are trained: `ae/encoder.mean.bias`."""
    state: dict[str, Tensor] = {}
    for model, plugin in experiment.models.items():
        if plugin.average is not None:
            state |= {f"{model}/{key}": weight for key, weight in _weights(plugin.networks).items()}
        for users, optimizer, names in _optimizers(plugin):
            for place, entries in optimizer.state_dict()["state"].items():
                for entry, value in entries.items():
                    if value is not None:
                        state[f"{model}/{users[0]}/{names[place]}/{entry}"] = torch.as_tensor(value)
    return state


def _packed(tensors: Mapping[str, Tensor]) -> bytes:
    # Copies, because safetensors refuses tensors that share their memory.
    copies = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
    return safetensors.torch.save(copies)


# Reading


def _unpacked(folder: Path, document: Document, name: str, load: Callable[[bytes], Any]) -> Any:
    data = read_file(folder, document, name)
    try:
        return load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as fault:
        raise _unfit(folder, name, fault) from fault


def _unfit(folder: Path, name: str, fault: object) -> SessionError:
    return SessionError(
        "{name} in the session {folder} does not fit its session.json: {fault}",
        folder=folder,
        name=name,
        fault=fault,
    )


def read_weights(folder: Path, document: Document, experiment: Experiment) -> None:
    """Give the models the weights that were shown: all of them, or, raising SessionError, none."""
    found = {}
    for name, model in experiment.models.items():
        file = name + ENDING
        found[name] = _unpacked(folder, document, file, safetensors.torch.load)
        _check_weights(folder, file, found[name], model)
    for name, model in experiment.models.items():
        _load(model, found[name])


def _check_weights(folder: Path, file: str, found: Mapping[str, Tensor], model: Model) -> None:
    """Raises SessionError where a file's are not the model's weights by name, finite and of their shapes."""
    wanted = _weights(model.networks)
    for key in sorted(found.keys() ^ wanted.keys()):
        raise _unfit(folder, file, f"{key} is {'missing' if key in wanted else 'not expected'}.")
    for key, weight in wanted.items():
        _check_shape(folder, file, key, found[key], [weight.shape])
        if not torch.isfinite(found[key]).all():
            raise _unfit(folder, file, f"{key} is not finite everywhere.")


def _load(model: Model, weights: Mapping[str, Tensor]) -> None:
    for network, module in model.networks.items():
        module.load_state_dict({key: weights[f"{network}.{key}"] for key in module.state_dict()})


def read_training_state(folder: Path, document: Document, experiment: Experiment) -> None:
    """Give the models, after `read_weights`, the weights that are trained, where others were shown, and the
    optimisers their states. Raises SessionError."""
    found = _unpacked(folder, document, TRAINING, safetensors.torch.load)
    for model, plugin in experiment.models.items():
        # An optimiser's number has its phase's name before the weight's, and its own behind it; in some
        # sessions `weights` is before the name of a trained weight.
        themselves = [key for key in found if key.startswith(f"{model}/") and key.count("/") < 3]
        if themselves:
            trained = {key.rpartition("/")[2]: found.pop(key) for key in themselves}
            _check_weights(folder, TRAINING, trained, plugin)
            averaging.begin(plugin)
            _load(plugin, trained)
        for users, optimizer, names in _optimizers(plugin):
            weights = [w for group in optimizer.param_groups for w in group["params"]]
            state: dict[int, dict[str, Tensor]] = {}
            for place, (name, weight) in enumerate(zip(names, weights, strict=True)):
                # It may have been called after a phase that was the first then.
                prefixes = tuple(f"{model}/{phase}/{name}/" for phase in users)
                for key in [key for key in found if key.startswith(prefixes)]:
                    tensor = found.pop(key)
                    _check_shape(folder, TRAINING, key, tensor, [weight.shape, torch.Size()])
                    # Infinity can be there: a squared gradient overflows before the weights do.
                    if tensor.isnan().any():
                        raise _unfit(folder, TRAINING, f"{key} holds undefined numbers.")
                    state.setdefault(place, {})[key.rpartition("/")[2]] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
    if found:
        raise _unfit(folder, TRAINING, f"no optimiser has a place for {min(found)}.")


def _check_shape(folder: Path, file: str, name: str, tensor: Tensor, shapes: list[torch.Size]) -> None:
    if tensor.shape not in shapes:
        shape, expected = tuple(tensor.shape), tuple(shapes[0])
        raise _unfit(folder, file, f"{name} has the shape {shape}, expected {expected}.")


def read_history(folder: Path, document: Document) -> History:
    """The curves. Raises SessionError."""
    found = _unpacked(folder, document, HISTORY, safetensors.numpy.load)
    names = document["curves"]
    if sorted(names) != sorted(found):
        raise _unfit(folder, HISTORY, "the names of its curves differ.")
    try:
        history = History.from_arrays({name: found[name] for name in names})
    except StudioError as fault:
        raise _unfit(folder, HISTORY, fault) from fault
    if len(history) and history.steps[-1] > document["step"]:
        raise _unfit(folder, HISTORY, "its curves go on after the last step.")
    return history
