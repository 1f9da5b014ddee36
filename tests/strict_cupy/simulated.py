"""Arrays of `cuda-sim`, which are NumPy's, bound to what CuPy takes: for the tests that run without the stand-in."""

import functools
from collections.abc import Callable
from typing import Any

from minitorch_kernels.sim_arrays import SimArray, SimModule

from .signatures import TABLE, bound


def bind() -> None:
    """From now on methods and functions of arrays on `cuda-sim` are refused arguments that CuPy's do not have."""
    for name in TABLE["methods"]:
        if hasattr(SimArray, name) and name not in ("reshape", "view"):
            setattr(SimArray, name, checked("methods", name, getattr(SimArray, name)))
    of_numpy = SimModule.__getattr__

    def of_cupy(self: SimModule, name: str) -> Any:
        if name in TABLE["functions"]:
            return checked("functions", name, of_numpy(self, name))
        if name in TABLE["ufuncs"] or name in TABLE["others"] or name[0] == "_":
            return of_numpy(self, name)
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")

    SimModule.__getattr__ = of_cupy  # type: ignore[method-assign]


def checked(kind: str, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def with_cupys_arguments(*args: Any, **options: Any) -> Any:
        bound(kind, name, args, options)
        return call(*args, **options)

    return with_cupys_arguments
