"""Flow: which tensors a model sends through which of its networks, and where each of them came from.

Nothing is known here about any model: calls of networks are seen by forward hooks on their modules, what
happens to a tensor between two networks by a `TorchFunctionMode`, and what is drawn at random by the methods
of `Model` that draw. Watching changes no number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from aae_studio.core.models.base import Batch, Model

# The methods by which models draw random numbers, and what they draw.
DRAWS = {
    "noise_like": "noise",
    "moved": "moved",
    "prior_codes": "prior",
    "prior_codes_given": "prior",
    "one_hot_draws": "categories",
}
# Functions of torch whose outcome is new noise, for a model that does not use those methods.
RANDOM = frozenset(("randn", "rand", "randint", "randperm", "normal", "bernoulli", "randn_like", "rand_like"))


@dataclass(eq=False)
class Value:
    """A tensor on its way: what came from outside, or what a `call` of a network put out.

    `name` says what came from outside, or which of the network's modules with weights was the last.
    """

    tensor: Tensor
    name: str = ""
    call: Call | None = None
    # Used up within the call itself, as a hidden layer is.
    inner: bool = False


@dataclass(eq=False)
class Call:
    """One run of a network. `entered`: the tensors that came in, each with the values it was made from.

    `layers`: shapes, without the batch, of what each module with weights of its own put out.
    """

    network: str
    entered: list[tuple[Tensor, tuple[Value, ...]]] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    layers: list[tuple[int, ...]] = field(default_factory=list)
    last: str = ""

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values that the call was made from, in the order of their coming."""
        return tuple(dict.fromkeys(value for _, values in self.entered for value in values))

    @property
    def outputs(self) -> tuple[Value, ...]:
        """What left the network."""
        return tuple(value for value in self.values if not value.inner)


class Flow(TorchFunctionMode):
    """A context that sees what a model's networks are given; `calls` are in their order.

    It holds all tensors that it has seen, so it is for one step. It belongs to the thread that trains: no
    other may call the model's networks meanwhile.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._model = model
        # By identity, which is a tensor's own for as long as somebody holds it.
        self._origins: dict[int, tuple[Value, ...]] = {}
        self._held: list[Tensor] = []
        self._batches: list[Batch] = []
        self._looking = False
        self._open: dict[str, tuple[Call, int]] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> Flow:
        for name, network in self._model.networks.items():
            for path, module in network.named_modules():
                self._hooks += [
                    module.register_forward_pre_hook(self._entering(name, network), with_kwargs=True),
                    module.register_forward_hook(self._leaving(name, path), with_kwargs=True),
                ]
        for method, what in DRAWS.items():
            setattr(self._model, method, self._marking(getattr(self._model, method), what))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *fault: Any) -> None:
        super().__exit__(*fault)  # type: ignore[no-untyped-call]
        for method in DRAWS:
            delattr(self._model, method)
        for hook in self._hooks:
            hook.remove()

    def take(self, batch: Batch) -> None:
        """A batch comes in, and is followed until `rest`; the one that all phases share comes in once."""
        self._looking = True
        if not any(batch is other for other in self._batches):
            self._batches.append(batch)
            given = (
                (batch.images, "images"),
                (batch.corrupted, "corrupted"),
                (batch.labels, "labels"),
                (batch.ranks, "labels"),
            )
            for tensor, name in given:
                if tensor is not None:
                    self._mark(tensor, (Value(tensor, name),))

    def rest(self) -> None:
        """What comes now, until the next batch, is of no interest: gradients and updates."""
        self._looking = False

    def origin(self, *things: Any) -> tuple[Value, ...]:
        """The values that tensors, or collections of them, were made from, in order."""
        found = (value for tensor in _tensors(things) for value in self._origins.get(id(tensor), ()))
        return tuple(dict.fromkeys(found))

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self._looking:
            return result
        name = getattr(func, "__name__", "")
        if name in RANDOM:
            self._mark_drawn(result, "noise")
        elif not name.startswith("new_") and not name.endswith("_like"):
            origin = self.origin(args, kwargs or {})
            if origin:
                for tensor in _tensors(result):
                    self._mark(tensor, origin)
        return result

    def _mark(self, tensor: Tensor, origin: tuple[Value, ...]) -> None:
        self._held.append(tensor)
        self._origins[id(tensor)] = origin

    def _mark_drawn(self, result: Any, name: str) -> None:
        for tensor in _tensors(result):
            self._mark(tensor, (Value(tensor, name),))

    def _marking(self, draw: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
        def drawn(*args: Any) -> Tensor:
            result = draw(*args)
            self._mark_drawn(result, name)
            return result

        return drawn

    # Hooks. A network may be called whole, or module by module, as an encoder with several heads is: modules
    # that go on from what the network has made belong to the same call.

    def _entering(self, name: str, network: nn.Module) -> Callable[..., None]:
        def enter(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
            origin = self.origin(args, kwargs)
            call, depth = self._open.get(name, (None, 0))
            if call is None or not depth:
                own = [value.call for value in origin if value.call and value.call.network == name]
                call = own[-1] if own and module is not network else Call(name)
                if call not in self.calls:
                    self.calls.append(call)
            self._open[name] = (call, depth + 1)
            self._let_in(call, _tensors((args, kwargs)), whole=not depth)

        return enter

    def _let_in(self, call: Call, tensors: Iterable[Tensor], whole: bool) -> None:
        """`whole`: from outside of the network's modules."""
        known = set(call.inputs)
        for tensor in tensors:
            origin = self.origin(tensor)
            for value in origin:
                value.inner |= value.call is call
            foreign = tuple(value for value in origin if value.call is not call and value not in known)
            if foreign or (whole and not origin):
                call.entered.append((tensor, foreign))

    def _leaving(self, name: str, path: str) -> Callable[..., None]:
        def leave(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
            call, depth = self._open[name]
            self._open[name] = (call, depth - 1)
            weighted = next(module.parameters(recurse=False), None) is not None
            if weighted:
                call.last = path.split(".")[-1]
            for tensor in _tensors(output):
                for value in self.origin(tensor):
                    value.inner |= value.call is call
                value = Value(tensor, call.last, call)
                call.values.append(value)
                self._mark(tensor, (value,))
                if weighted:
                    call.layers.append(tuple(tensor.shape[1:]))

        return leave


def _tensors(things: Any) -> Iterator[Tensor]:
    """All tensors within arguments or results."""
    if isinstance(things, Tensor):
        yield things
    elif isinstance(things, dict):
        yield from _tensors(list(things.values()))
    elif isinstance(things, tuple | list):
        for thing in things:
            yield from _tensors(thing)
