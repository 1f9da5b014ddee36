"""A kernel: one operation on arrays, written once to be read and again to be fast."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

import numpy as np

from .arrays import is_on_gpu, on_gpu_of
from .scoped import scoped

REGISTRY: dict[str, Kernel] = {}

IMPLEMENTATIONS = ("reference", "cpu", "cuda")

ALGORITHMS = ("direct", "im2col", "winograd")  # of the compiled convolutions

COMPILED_FOR = ({np.dtype(np.float32)}, {np.dtype(np.float64)})  # one float type at a time, in native byte order

_forced: ContextVar[str | None] = ContextVar("forced_implementation", default=None)
_algorithm: ContextVar[str | None] = ContextVar("forced_algorithm", default=None)


class Kernel:
    """One operation on arrays: `Kernel(name, reference, cpu, cuda)`.

    `reference` is plain NumPy: the specification, and what every other implementation is tested against.
    `cpu` is compiled by Numba, `cuda` launches CUDA C. The arrays among the arguments pick the implementation:
    NumPy arrays of float32 or of float64 run on `cpu`, arrays on a GPU (CuPy's, or the simulated one's) on `cuda`; any
    other dtype, a mixture of float types, and a first array that is not float run on `reference`.

    Raises ValueError where arrays lie on different devices; nothing is moved between devices silently.
    """

    def __init__(
        self,
        name: str,
        reference: Callable[..., Any],
        cpu: Callable[..., Any] | None = None,
        cuda: Callable[..., Any] | None = None,
    ):
        if not callable(reference):
            raise TypeError(f"Kernel {name!r} needs a reference implementation, got {reference!r}")
        if name in REGISTRY:
            raise ValueError(f"a kernel named {name!r} is registered already; choose another name")
        self.name = name
        self.reference = reference
        self.cpu = cpu
        self.cuda = cuda
        self.__doc__ = reference.__doc__
        REGISTRY[name] = self

    def __call__(self, *args: Any) -> Any:
        chosen = self.pick(args)
        if chosen is not self.cuda:
            return chosen(*args)
        with on_gpu_of(args):
            return chosen(*args)

    def pick(self, args: tuple[Any, ...]) -> Callable[..., Any]:
        """The implementation that runs for these arguments."""
        forced = _forced.get()
        if forced is not None:
            return getattr(self, forced) or self.reference
        on_gpu = [*map(is_on_gpu, args)]
        arrays = [arg for arg, there in zip(args, on_gpu) if isinstance(arg, np.ndarray) and not there]
        if any(on_gpu):
            if arrays:
                raise ValueError(
                    f"{self.name}: some arrays are on the CPU and some on the GPU; move them with .to(device)"
                )
            if self.cuda is None:
                raise ValueError(f"{self.name} has no CUDA implementation; move its arrays to the CPU")
            return self.cuda
        real = {array.dtype for array in arrays if array.dtype.kind in "fc"}
        compiled = real in COMPILED_FOR and arrays[0].dtype in real
        return self.cpu if self.cpu is not None and compiled else self.reference

    def __repr__(self) -> str:
        have = [name for name in IMPLEMENTATIONS if getattr(self, name) is not None]
        return f"Kernel({self.name!r}: {', '.join(have)})"


class use:
    """Run every kernel inside the `with` block on one implementation, for instance `with use("reference"):`.

    A kernel that lacks the implementation runs its reference. `use("im2col")`, `use("direct")` and `use("winograd")`
    leave the implementation alone and name the algorithm of the compiled convolutions; where Winograd's does not apply
    the direct one runs. It is also a decorator. Raises ValueError for an unknown name.
    """

    def __init__(self, implementation: str):
        if implementation not in (*IMPLEMENTATIONS, *ALGORITHMS):
            choices = ", ".join(map(repr, (*IMPLEMENTATIONS, *ALGORITHMS)))
            raise ValueError(f"use({implementation!r}): choose one of {choices}")
        self.implementation = implementation
        self.variable = _algorithm if implementation in ALGORITHMS else _forced
        self.tokens: list[Token[Any]] = []

    def __enter__(self) -> None:
        self.tokens.append(self.variable.set(self.implementation))

    def __exit__(self, *exc: object) -> None:
        self.variable.reset(self.tokens.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return scoped(function, lambda: use(self.implementation))


def forced_algorithm() -> str | None:
    """The algorithm of ALGORITHMS that `use` asks for here, or None."""
    return _algorithm.get()
