"""Arrays of the simulated GPUs, and how anything is computed with them.

An array is no np.ndarray, and none is made of it without a word: `get()` is the way to the CPU. Beneath lies an array
of NumPy over the memory of a pool, and NumPy computes what is no kernel.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import devices, pools
from .streams import get_current_stream, refuse_while_capturing, submit

NUMBERS = (bool, int, float, complex, np.generic)


class Flags:
    """How an array lies in memory: what CuPy knows of NumPy's flags."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata
        self.forc, self.fnc = flags.forc, flags.fnc

    def __getitem__(self, name: str) -> bool:
        return getattr(self, name.lower())


class ndarray:
    """Stands for cupy.ndarray: `held` is NumPy's array over the memory `mem`."""

    __slots__ = ("__weakref__", "base", "held", "mem")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C"):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        dtype = np.dtype(dtype)
        if dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {dtype}")
        if memptr is None:
            memptr = pools.alloc(math.prod(shape) * dtype.itemsize)
        self.mem, self.base = memptr.mem, None
        self.held = np.ndarray(shape, dtype, self.mem.buffer, memptr.ptr - self.mem.ptr, strides, order)

    @classmethod
    def over(cls, held: np.ndarray, base: "ndarray") -> "ndarray":
        """A view: what `held` shows of the memory of another array."""
        array = cls.__new__(cls)
        array.held, array.mem, array.base = held, base.mem, base if base.base is None else base.base
        return array

    shape = property(lambda self: self.held.shape)
    strides = property(lambda self: self.held.strides)
    dtype = property(lambda self: self.held.dtype)
    ndim = property(lambda self: self.held.ndim)
    size = property(lambda self: self.held.size)
    nbytes = property(lambda self: self.held.nbytes)
    itemsize = property(lambda self: self.held.itemsize)
    flags = property(lambda self: Flags(self.held.flags))
    device = property(lambda self: self.mem.device)
    T = property(lambda self: ndarray.over(self.held.T, self))
    mT = property(lambda self: ndarray.over(self.held.mT, self))

    @property
    def data(self) -> pools.MemoryPointer:
        return pools.MemoryPointer(self.mem, address_of(self.held) - self.mem.ptr)

    # -- what another library is told ----------------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array "
            "explicitly."
        )

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "strides": None if self.held.flags.c_contiguous else self.strides,
            "data": (self.data.ptr, False),
            "version": 3,
            "stream": 1,
        }

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Any:
        return self.held.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.mem.device_id

    # -- to the CPU and from it ----------------------------------------------------------------------------------------

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        refuse_while_capturing("D2H transfers")
        host = np.copy(self.held, order=order)
        if out is None:
            return host
        out[...] = host
        return out

    def set(self, arr: Any, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if self.dtype != arr.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if self.shape != arr.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not self.held.flags.forc:
            raise RuntimeError("Cannot set to non-contiguous array")
        refuse_while_capturing("H2D transfers")
        self.held[...] = arr

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __complex__(self) -> complex:
        return complex(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get(), spec)

    # -- the rest ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))  # type: ignore[index]

    def __copy__(self) -> Any:
        return self.copy()  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: Any) -> Any:
        with self.device:
            return self.copy()  # type: ignore[attr-defined]


def address_of(held: np.ndarray) -> int:
    return held.__array_interface__["data"][0]


def arrays_in(values: Any) -> Iterator[ndarray]:
    """The arrays in nested tuples and lists."""
    for value in values:
        if isinstance(value, ndarray):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from arrays_in(value)


def plain(name: str, value: Any) -> Any:
    """What NumPy computes with in the place of an argument; TypeError for an array of NumPy's own."""
    if isinstance(value, ndarray):
        return value.held
    if isinstance(value, np.ndarray):
        raise TypeError(f"cupy's {name}: Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)([plain(name, part) for part in value])
    return value


def compute(name: str, function: Callable[..., Any], args: Any, options: Any, order: str = "C") -> Any:
    """function(*args, **options), which NumPy computes, as new arrays on the current GPU, or as views of the arguments.

    What makes new ones takes none of another GPU. They lie in C order, as CuPy's do, and with order="K" as NumPy's
    result does. While a stream captures NumPy is asked as well, with whatever numbers there are, but only for the
    shapes and types of what it gives.
    """
    given = [*arrays_in(args), *arrays_in(options.values())]
    args, options = plain(name, tuple(args)), {key: plain(name, value) for key, value in options.items()}

    @np.errstate(all="ignore")
    def computed() -> Any:
        return function(*args, **options)

    held, fresh = [array.held for array in given], []
    made = computed()
    result = placed(made, given, fresh, order)
    if fresh and get_current_stream().captured is None:
        fill(fresh, held, made)
    elif fresh:
        submit(lambda: fill(fresh, held, computed()))
    return result


def placed(made: Any, given: list[ndarray], fresh: list[np.ndarray], order: str) -> Any:
    """For each array that NumPy gave one on the GPU: a view of one that was given, or a new one, noted in `fresh`."""
    if isinstance(made, (tuple, list)):
        parts = [placed(part, given, fresh, order) for part in made]
        return parts if isinstance(made, list) else tuple(parts)
    if not isinstance(made, (np.ndarray, np.generic)):
        return made
    made = np.asarray(made)
    for array in given:
        if made is array.held:
            return array
        if shows(made, array.held):
            return ndarray.over(made, array)
    devices.refuse_other_devices(array.mem.device_id for array in given)
    array = ndarray(made.shape, made.dtype, strides=made.strides if order == "K" else None)
    fresh.append(array.held)
    return array


def shows(made: np.ndarray, held: np.ndarray) -> bool:
    """Whether what NumPy gave is an argument of the function, or a view of one."""
    return made is held or (made.base is not None and made.base is held.base)


def fill(fresh: list[np.ndarray], held: list[np.ndarray], made: Any) -> None:
    """Write what was made into the new arrays that are to hold it; views of `held` hold it already."""
    values = (value for value in flat(made) if not any(shows(value, array) for array in held))
    for target, value in zip(fresh, values, strict=True):
        target[...] = value


def flat(made: Any) -> Iterator[np.ndarray]:
    """The arrays that a function of NumPy gave."""
    for part in made if isinstance(made, (tuple, list)) else (made,):
        if isinstance(part, (tuple, list)):
            yield from flat(part)
        elif isinstance(part, (np.ndarray, np.generic)):
            yield np.asarray(part)


def change(name: str, target: ndarray, function: Callable[..., Any], args: Any) -> None:
    """function(target, *args), which NumPy computes, where it writes into its first argument."""
    devices.refuse_other_devices(array.mem.device_id for array in (target, *arrays_in(args)))
    held = target.held
    args = plain(name, tuple(args))

    @np.errstate(all="ignore")
    def write() -> None:
        function(held, *args)

    submit(write)
