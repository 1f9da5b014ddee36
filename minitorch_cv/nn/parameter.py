"""Parameter: a tensor that a module owns and an optimizer changes; and its stand-in before its shape is known."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from ..device import moved
from ..dtypes import get_default_dtype
from ..tensor import Tensor, array_from


class Parameter(Tensor):
    """A tensor that counts as a parameter of the module it is assigned to: `self.weight = Parameter(tensor)`.

    It shares the memory of `data`, is a leaf, and requires a gradient unless told otherwise.
    """

    def __init__(self, data: Any = None, requires_grad: bool = True):
        if isinstance(data, Tensor):
            super().__init__(data._array, requires_grad)
            self._storage = data._storage  # a write through either shows as a write to both
        else:
            super().__init__(array_from([] if data is None else data), requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


MISSING = ("_array", "_storage", "_leaf_hooks")  # what a tensor without memory has not got


class Uninitialized(Tensor):
    """What a parameter and a buffer without a shape have in common: they can only be given one."""

    becomes: type[Tensor] = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None):
        self.future_dtype = dtype
        self.future_device = device
        self._grad = self._base = self._node = None
        self._leaf_requires_grad = requires_grad

    def materialize(self, shape: tuple[int, ...]) -> None:
        """Turn into an ordinary parameter or buffer of this shape, in place; its values are not set to anything."""
        array = np.empty(shape, self.future_dtype or get_default_dtype())
        if self.future_device is not None:
            array = moved(array, self.future_device)
        self.__class__ = self.becomes  # type: ignore[assignment]  # whoever holds this object holds the real one now
        Tensor.__init__(self, array, self._leaf_requires_grad)

    def __getattr__(self, name: str) -> Any:
        if name in MISSING:
            raise RuntimeError(
                f"this {type(self).__name__} has no shape or values yet: its lazy module takes them from the first "
                "input; run one batch through the network first"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Uninitialized:
        memo[id(self)] = result = type(self)(self._leaf_requires_grad, self.future_device, self.future_dtype)
        return result

    def __reduce__(self) -> Any:
        return type(self), (self._leaf_requires_grad, self.future_device, self.future_dtype)


class UninitializedParameter(Uninitialized, Parameter):
    """A parameter of a lazy module before its first input: it has no shape and no values."""

    becomes = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None):
        super().__init__(requires_grad, device, dtype)


class UninitializedBuffer(Uninitialized):
    """A buffer of a lazy module before its first input: it has no shape and no values."""


def is_lazy(tensor: object) -> TypeGuard[Uninitialized]:
    """True for a parameter or buffer that has no shape yet."""
    return isinstance(tensor, Uninitialized)
