"""What optimizers share: parameters in groups, each group with options of its own, and a state for each parameter."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

from minitorch_kernels.arrays import is_on_gpu, on_gpu_of

from ..graph import enable_grad
from ..listening import told, when_captured
from ..tensor import Tensor, array_from
from .state import taken_over

Group = dict[str, Any]
Params = Iterable[Tensor] | Iterable[Group]
Update = TypeVar("Update", bound=Callable[..., Any])


def by_numbers(*, counted: bool) -> Callable[[Update], Update]:
    """Mark an `update_all` or `update` whose launches on a GPU differ from step to step in their numbers alone.

    That is so where each goes through `run_steps_cuda`, and it is what a captured step (`compiled/capturing.py`) needs.
    counted: the numbers, or the state, change with each step; else with the options only.
    """

    def mark(update: Update) -> Update:
        update.counted = counted  # type: ignore[attr-defined]
        return update

    return mark


class Optimizer:
    """Parameters in groups, their options and their state.

    params: tensors, or dictionaries {"params": tensors, "lr": ...} whose options override `defaults`. A change of
    `param_groups[0]["lr"]` takes effect at the next step; `state[parameter]` is what a step remembers.
    """

    def __init__(self, params: Params, defaults: Group):
        name = type(self).__name__
        if isinstance(params, (Tensor, Mapping)):
            raise TypeError(
                f"{name}: params should be an iterable of tensors or dictionaries, got {type(params).__name__}"
            )
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError(
                f"{name}: got an empty parameter list; were the layers assigned as attributes of the module?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own; what is left out is taken from the defaults.

        TypeError for what is no tensor, ValueError for a tensor that is no leaf, comes twice, or for bad options.
        """
        name = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f'{name}: a parameter group must be a dictionary with "params", got {param_group!r}')
        params = param_group["params"]
        if isinstance(params, (set, frozenset)):
            raise TypeError(f"{name}: parameters must come in an order, but a set has none; use a list")
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(param) for group in self.param_groups for param in group["params"]}
        for position, param in enumerate(params):
            if not isinstance(param, Tensor):
                hint = "; pass parameters(), not named_parameters()" if isinstance(param, tuple) else ""
                raise TypeError(f"{name}: only tensors can be optimized, got {type(param).__name__}{hint}")
            if param.grad_fn is not None:
                raise ValueError(
                    f"{name}: cannot optimize a non-leaf tensor: parameter {position} was made by "
                    f"{param.grad_fn.name}; call detach().requires_grad_() on it, or pass what it was made from"
                )
            if id(param) in known:
                raise ValueError(f"{name}: parameter {position} is in the optimizer already; give each parameter once")
            known.add(id(param))
        group = {**self.defaults, **param_group, "params": params}
        self.check_options(group)
        self.param_groups.append(group)

    def check_options(self, group: Group) -> None:
        """ValueError for options that make no sense."""

    @told
    @when_captured("gradients")
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero in place."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none or param.grad is None:
                    param.grad = None
                else:
                    param.grad.zero_()

    @told
    @when_captured("refreshed")
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by one step; `closure`, if given, computes the loss and its gradients first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for params in by_device([param for param in group["params"] if param.grad is not None]):
                with on_gpu_of((params[0]._array,)):
                    self.update_all(params, group)
                for param in params:
                    param._storage.version += 1  # a graph that saved the old values must not be used any more
        return loss

    def update_all(self, params: list[Tensor], group: Group) -> None:
        """Change these parameters of a group, all of which have a gradient."""
        for param in params:
            self.update(param, group)

    def update(self, param: Tensor, group: Group) -> None:
        """Change one parameter, in its memory; every optimizer writes this, or `update_all`."""
        raise NotImplementedError

    def counted(self) -> bool | None:
        """What `by_numbers` says of this optimizer's updates; None where it says nothing."""
        kind = type(self)
        return getattr(kind.update if kind.update_all is Optimizer.update_all else kind.update_all, "counted", None)

    def refresh(self) -> None:
        """Count a step and compute its numbers, where a captured step launches it: see `refreshed` in the kernels."""
        for group in self.param_groups:
            for params in by_device([param for param in group["params"] if param.grad is not None]):
                self.update_all(params, group)

    def options(self) -> list[tuple[Any, ...]]:
        """The options of each group, without their names."""
        return [tuple(value for key, value in group.items() if key != "params") for group in self.param_groups]

    def structure(self) -> list[Any]:
        """What the launches of a step depend on besides numbers: its arrays, and which of its options are not zero."""
        found: list[Any] = [bool(value) for options in self.options() for value in options]
        for param in self._all_params():
            found += (param, param._array)
            found += [value._array for value in self.state.get(param, {}).values() if isinstance(value, Tensor)]
        return found

    def state_dict(self) -> dict[str, Any]:
        """{"state": {0: {...}}, "param_groups": [{..., "params": [0, 1]}]}: parameters stand as their positions.

        The tensors of the state are those of the optimizer, not copies.
        """
        positions = {id(param): i for i, param in enumerate(self._all_params())}
        return {
            "state": {positions[id(param)]: state for param, state in self.state.items()},
            "param_groups": [
                {**without_params(group), "params": [positions[id(param)] for param in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the options and a copy of the state that `state_dict` of such an optimizer gave.

        ValueError, and nothing changed, where groups or shapes do not fit.
        """
        name = type(self).__name__
        groups = state_dict["param_groups"]
        ours, theirs = ([len(group["params"]) for group in side] for side in (self.param_groups, groups))
        if ours != theirs:
            raise ValueError(
                f"{name}: state_dict has groups of {theirs} parameters but the optimizer has groups of {ours}"
            )
        positions = chain.from_iterable(group["params"] for group in groups)
        param_at = dict(zip(positions, self._all_params()))
        state = {
            param_at[i]: {key: fitting(name, i, key, value, param_at[i]) for key, value in entries.items()}
            for i, entries in state_dict["state"].items()
        }
        for group, saved in zip(self.param_groups, groups):
            group.update(copy.deepcopy(without_params(saved)))
        self.state.clear()
        self.state.update(state)

    def _all_params(self) -> Iterator[Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {value}" for key, value in sorted(without_params(group).items())]
        return "\n".join([f"{type(self).__name__} (", *lines, ")"])


def by_device(params: list[Tensor]) -> list[list[Tensor]]:
    """The parameters in lists of those that lie on one device, which is all of them where nothing uses a GPU."""
    if not params or not any(is_on_gpu(param._array) for param in params):
        return [params] if params else []
    places: dict[str, list[Tensor]] = {}
    for param in params:
        places.setdefault(str(param.device), []).append(param)
    return list(places.values())


def without_params(group: Mapping[str, Any]) -> Group:
    """The options of a group."""
    return {key: value for key, value in group.items() if key != "params"}


def fitting(name: str, position: int, key: str, value: Any, param: Tensor) -> Any:
    """A copy of one entry of the state; tensors and arrays of several elements must have the parameter's shape.

    They go to the parameter's device; a count, which has no axes, stays on the CPU.
    """
    if not hasattr(value, "shape"):
        return copy.deepcopy(value)
    array = value._array if isinstance(value, Tensor) else array_from(value)
    if array.ndim and array.shape != param.shape:
        raise ValueError(f"{name}: {key!r} of parameter {position} has shape {array.shape} but it has {param.shape}")
    return taken_over(array, param)
