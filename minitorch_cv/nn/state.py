"""The state of a module as a dictionary: collecting it, and copying one back in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..tensor import Tensor, array_from
from .parameter import is_lazy

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What a load left out: keys of the module that the dictionary lacks, and keys that the module does not know."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def state_of(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every name and tensor of the state: parameters, buffers, then the children's, also those that come twice."""
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        if tensor is not None and name not in module._non_persistent:
            yield prefix + name, tensor
    for name, child in module._modules.items():
        if child is not None:
            yield from state_of(child, f"{prefix}{name}.")


def collect_state(module: Module, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
    """Write the state of `module` into `destination`, detached unless keep_vars."""
    for name, tensor in state_of(module, prefix):
        destination[name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()


def load_state(module: Module, values: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """Copy `values` into the tensors of `module` if all of them fit; else raise, and change nothing."""
    if not isinstance(values, Mapping):
        raise TypeError(f"load_state_dict: expected a dictionary of names and tensors, got {type(values).__name__}")
    own = dict(state_of(module))
    missing = [name for name in own if name not in values]
    unexpected = [name for name in values if name not in own]
    pairs = {name: (target, values[name]) for name, target in own.items() if name in values}
    misfits = [problem for name, pair in pairs.items() if (problem := misfit(name, *pair))]
    missing_text = f"Missing key(s) in state_dict: {first_of(quoted(missing), ', ')}" if strict and missing else ""
    unexpected_text = (
        f"Unexpected key(s) in state_dict: {first_of(quoted(unexpected), ', ')}" if strict and unexpected else ""
    )
    problems = [text for text in (missing_text, unexpected_text, first_of(misfits, "; ")) if text]
    if problems:
        advice = "build the model as it was when saved" + (
            "" if misfits else ", or pass strict=False to skip such keys"
        )
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(module).__name__}: {'; '.join(problems)}; {advice}"
        )
    arrays = [(target, array_from(value)) for target, value in pairs.values() if not is_lazy(value)]
    for target, array in arrays:
        if is_lazy(target):
            target.materialize(array.shape)
        target.copy_(Tensor(array))
    return IncompatibleKeys(missing, unexpected)


def misfit(name: str, target: Tensor, value: Any) -> str | None:
    """Why `value` cannot be copied into `target`; None where it can."""
    if is_lazy(value):
        return None if is_lazy(target) else f"{name} was saved before its lazy module had seen an input"
    if not hasattr(value, "shape"):
        return f"{name} should be a tensor or an array, got {type(value).__name__}"
    shape = tuple(value.shape)
    if is_lazy(target) or shape == target.shape:
        return None
    return f"size mismatch for {name}: shape {shape} in state_dict, {target.shape} in the model"


def quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def first_of(texts: Sequence[str], separator: str, shown: int = 3) -> str:
    """The first texts in one, with how many there are where not all are shown."""
    text = separator.join(texts[:shown])
    return text if len(texts) <= shown else f"{text} and {len(texts) - shown:,} more ({len(texts):,} in all)"
