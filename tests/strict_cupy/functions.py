"""CuPy's functions: NumPy's of the same name, bound to CuPy's parameters, and those that differ from NumPy's."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import pools
from .arrays import arrays_in, change, compute, ndarray
from .signatures import TABLE, bound
from .streams import refuse_while_capturing, submit

WAITING = {"nonzero", "flatnonzero", "argwhere", "unique", "extract", "compress"}  # for a size that the GPU computes
CUBLAS = {"matmul", "dot", "vdot", "inner", "tensordot", "einsum"}  # which raise while capturing
WRITING = {"put_along_axis", "put", "place", "putmask", "copyto", "fill_diagonal"}  # into their first argument
ASKING = {"may_share_memory", "shares_memory", "result_type", "can_cast", "shape", "ndim", "size"}  # no work for a GPU


@functools.cache
def function(name: str) -> Callable[..., Any]:
    """CuPy's function of this name."""
    if name in OWN:
        call = OWN[name]
    else:
        call = like_numpy(name)

    @functools.wraps(call)
    def checked(*args: Any, **options: Any) -> Any:
        bound("functions", name, args, options)
        return call(*args, **options)

    checked.__name__ = name
    return checked


def like_numpy(name: str) -> Callable[..., Any]:
    """NumPy's function, as far as CuPy takes the arguments."""
    of_numpy = getattr(np, name)

    def call(*args: Any, out: Any = None, **options: Any) -> Any:
        if name in WAITING:
            refuse_while_capturing("D2H transfers")
        if name in CUBLAS:
            refuse_while_capturing("calls of cuBLAS")
        if name in ASKING:
            return of_numpy(*(value.held if isinstance(value, ndarray) else value for value in args), **options)
        if name in WRITING:
            return change(name, args[0], lambda held, *rest: of_numpy(held, *rest, **options), args[1:])
        made = compute(name, of_numpy, args, options)
        return made if out is None else written(out, made)

    return call


def written(out: ndarray, value: Any) -> ndarray:
    """`out`, with the value in it."""
    out[...] = value  # type: ignore[index]
    return out


def array_function(self: ndarray, asked: Any, types: Any, args: Any, options: Any) -> Any:
    """NumPy's functions, asked for an array of CuPy, are CuPy's."""
    if asked.__name__ not in TABLE["functions"] or asked.__module__ != "numpy":
        return NotImplemented
    return function(asked.__name__)(*args, **options)


ndarray.__array_function__ = array_function  # type: ignore[attr-defined]


# -- arrays from numbers, from the CPU, and from other libraries -------------------------------------------------------


def array(
    obj: Any,
    dtype: Any = None,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    *,
    blocking: bool = False,
) -> ndarray:
    if subok:
        raise NotImplementedError
    if hasattr(obj, "__cuda_array_interface__") and not isinstance(obj, ndarray):
        obj = lent(obj.__cuda_array_interface__, obj)
    if isinstance(obj, ndarray):
        return from_gpu(obj, dtype, copy, order or "K")
    if any(True for _ in arrays_in(obj if isinstance(obj, (list, tuple)) else ())):
        return compute("array", np.array, (obj, dtype), {})
    return upload(np.array(obj, dtype, copy=None, ndmin=ndmin), order)


def from_gpu(source: ndarray, dtype: Any, copy: Any, order: str) -> ndarray:
    """A copy on the current GPU, from any; the array itself where that is allowed, and it lies right."""
    with source.device:  # CuPy, too, copies between GPUs what is contiguous
        held = compute(
            "array", np.array, (source,), {"dtype": dtype, "order": order, "copy": True if copy else None}, "K"
        )
    here = pools.devices.get_device()
    if held.mem.device_id == here:
        return held
    target = ndarray(held.shape, held.dtype, strides=held.strides)
    submit(functools.partial(np.copyto, target.held, held.held))
    return target


def upload(host: np.ndarray, order: Any) -> ndarray:
    """A copy of an array of the CPU. A single number is an argument of a kernel, and may be captured."""
    keep = order in ("K", "A", None) and host.flags.fnc
    target = ndarray(host.shape, host.dtype, order="F" if keep or order == "F" else "C")
    if not host.ndim:
        value = host[()]
        submit(lambda: target.held.fill(value))
        return target
    pools.pinned_allocator(host.nbytes)
    refuse_while_capturing("H2D transfers")
    target.held[...] = host
    return target


def lent(interface: dict[str, Any], owner: Any) -> ndarray:
    """The memory of another library."""
    shape, dtype, address = interface["shape"], np.dtype(interface["typestr"]), interface["data"][0]
    strides = interface.get("strides")
    reach = [size * step for size, step in zip(shape, strides)] if strides else [int(np.prod(shape)) * dtype.itemsize]
    number = getattr(getattr(owner, "device", None), "index", None) or 0
    memory = pools.UnownedMemory(address, max([*reach, dtype.itemsize]), owner, number)
    return ndarray(shape, dtype, pools.MemoryPointer(memory, 0), strides)


class Capsule:
    """What an object gave of itself by DLPack, as NumPy reads it."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __dlpack__(self, **_: Any) -> Any:
        return self.of.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def from_dlpack(x: Any, /, *, device: Any = None, copy: Any = None) -> ndarray:
    held, (_, number) = np.from_dlpack(Capsule(x)), x.__dlpack_device__()
    address = held.__array_interface__["data"][0]
    memory = pools.UnownedMemory(address, max(held.nbytes, 1), (held, x), number)
    return ndarray(held.shape, held.dtype, pools.MemoryPointer(memory, 0), held.strides)


def asarray(a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False) -> ndarray:
    return array(a, dtype, bool(copy), order)


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    if not isinstance(a, ndarray):
        return array(a, dtype, order="C")
    return compute("ascontiguousarray", np.ascontiguousarray, (a, dtype), {})


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a, order=order)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return ndarray(shape, dtype, order=order)


def filled(value: Any) -> Callable[..., ndarray]:
    def call(shape: Any, dtype: Any = None, order: str = "C") -> ndarray:
        return written(ndarray(shape, float if dtype is None else dtype, order=order), value)

    return call


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    dtype = (
        np.result_type(fill_value.held if isinstance(fill_value, ndarray) else fill_value) if dtype is None else dtype
    )
    return written(ndarray(shape, dtype, order=order), fill_value)


def empty_like(prototype: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    held = np.empty_like(prototype.held, dtype, order, True, shape)
    return ndarray(held.shape, held.dtype, strides=held.strides)


def filled_like(value: Any) -> Callable[..., ndarray]:
    def call(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
        return written(empty_like(a, dtype, order, subok, shape), value)

    return call


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    return written(empty_like(a, dtype, order, subok, shape), fill_value)


# -- what CuPy does otherwise ------------------------------------------------------------------------------------------


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return condition.nonzero()
    return compute("where", np.where, (condition.astype(bool, copy=False), x, y), {})


def ordered(name: str) -> Callable[..., ndarray]:
    """sort and argsort: always stable."""

    def call(a: ndarray, axis: Any = -1, kind: Any = None) -> ndarray:
        if kind not in (None, "stable"):
            raise ValueError("kind can only be None or 'stable'")
        return compute(name, getattr(np, name), (a,), {"axis": axis, "kind": "stable"})

    return call


def copy(a: ndarray, order: str = "K") -> ndarray:
    return a.copy(order)  # type: ignore[attr-defined]


def take(a: ndarray, indices: Any, axis: Any = None, out: Any = None) -> ndarray:
    """Indices out of range come in from the other end."""
    made = compute("take", np.take, (a, indices), {"axis": axis, "mode": "wrap"})
    return made if out is None else written(out, made)


def take_along_axis(a: ndarray, indices: ndarray, axis: Any) -> ndarray:
    def wrapped(held: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return np.take_along_axis(held, indices % max(1, held.shape[axis]), axis)

    return compute("take_along_axis", wrapped, (a, indices), {})


OWN: dict[str, Callable[..., Any]] = {
    "array": array,
    "asarray": asarray,
    "asanyarray": asarray,
    "ascontiguousarray": ascontiguousarray,
    "from_dlpack": from_dlpack,
    "empty": empty,
    "zeros": filled(0),
    "ones": filled(1),
    "full": full,
    "empty_like": empty_like,
    "zeros_like": filled_like(0),
    "ones_like": filled_like(1),
    "full_like": full_like,
    "where": where,
    "sort": ordered("sort"),
    "argsort": ordered("argsort"),
    "copy": copy,
    "take": take,
    "take_along_axis": take_along_axis,
}
