"""Lazy modules: the number of input channels is left out, and taken from the first input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..listening import told
from .module import Module
from .parameter import is_lazy

if TYPE_CHECKING:
    from ..tensor import Tensor


class LazyModule(Module):
    """A mixin that finishes a module at its first input, and then turns it into its ordinary class.

    `becomes` is that class; `complete(input)` gives the parameters and buffers their shapes. Where a state was loaded
    before, its shapes and values stay. Source: Dive into Deep Learning, section 6.4.
    """

    becomes: type[Module]

    def complete(self, input: Tensor) -> None:
        """Set the input sizes, and materialize what is lazy."""
        raise NotImplementedError

    def has_uninitialized_params(self) -> bool:
        """True until all parameters and buffers have a shape."""
        return any(is_lazy(tensor) for tensor in (*self._parameters.values(), *self._buffers.values()))

    @told
    def materialize(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Give what is lazy its shape, and set its first values."""
        if not self.has_uninitialized_params():
            return
        for name, shape in shapes.items():
            if is_lazy(getattr(self, name)):
                getattr(self, name).materialize(shape)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the first values, once there are shapes."""
        if not self.has_uninitialized_params():
            super().reset_parameters()  # type: ignore[misc]  # that of the ordinary class, which stands next to this one

    def forward(self, input: Tensor) -> Any:
        self.complete(input)
        self.__class__ = self.becomes  # type: ignore[assignment]
        return self.forward(input)
