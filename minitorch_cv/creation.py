"""New tensors: from data, constant, in steps, random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minitorch_kernels.arrays import copied, on_gpu_of, shared

from . import dtypes
from .device import moved
from .listening import told
from .random import Generator, numpy_generator
from .tensor import Tensor, array_from


def finish(array: np.ndarray, requires_grad: bool, device: Any) -> Tensor:
    """The array as a leaf tensor on `device`."""
    return Tensor(array if device is None else moved(array, device), requires_grad)


def shape_from(sizes: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """A shape given as numbers, as one tuple or list, or as `size=`."""
    if size is not None:
        sizes = (size,)
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    shape = tuple(int(n) for n in sizes)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"a shape cannot have negative sizes, got {shape}")
    return shape


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A copy of `data` (numbers, nested lists, an array, a tensor); Python floats become the default dtype."""
    return finish(copied(array_from(data, dtype)), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing memory where it is an array or tensor of that dtype already.

    An object with `__cuda_array_interface__`, as the arrays of Numba and PyTorch on a GPU have it, is one on that GPU.
    """
    if hasattr(data, "__cuda_array_interface__") and not isinstance(data, Tensor):
        data = Tensor(shared(data))
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    return finish(array_from(data, dtype), False, device)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array: a write to one shows in the other."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, got {type(ndarray).__name__}; use tensor(...)")
    dtypes.category(ndarray.dtype)
    return Tensor(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares memory with any object that speaks DLPack (NumPy, CuPy, PyTorch, JAX, ...), on its device.

    RuntimeError for an object on a GPU that cannot be used here.
    """
    return Tensor(shared(ext_tensor))


@told
def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All zeros, of the shape given as numbers or as one tuple."""
    return finish(np.zeros(shape_from(sizes, size), dtype or dtypes.get_default_dtype()), requires_grad, device)


@told
def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All ones, of the shape given as numbers or as one tuple."""
    return finish(np.ones(shape_from(sizes, size), dtype or dtypes.get_default_dtype()), requires_grad, device)


@told
def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory that is not set to anything."""
    return finish(np.empty(shape_from(sizes, size), dtype or dtypes.get_default_dtype()), requires_grad, device)


@told
def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All `fill_value`, whose type gives the dtype: 1 int64, 1.0 the default dtype, True bool."""
    chosen = dtype or dtypes.number_dtype(fill_value)
    return finish(np.full(shape_from((size,), None), fill_value, chosen), requires_grad, device)


@told
def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All zeros, in the shape, dtype and memory order of `input`."""
    return finish(np.zeros_like(input._array, dtype), requires_grad, device)


@told
def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All ones, in the shape, dtype and memory order of `input`."""
    return finish(np.ones_like(input._array, dtype), requires_grad, device)


@told
def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Unset memory in the shape, dtype and memory order of `input`."""
    return finish(np.empty_like(input._array, dtype), requires_grad, device)


@told
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """All `fill_value`, in the shape, dtype and memory order of `input`."""
    return finish(np.full_like(input._array, fill_value, dtype), requires_grad, device)


@told
def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below end; arange(end) starts at 0. int64 where all are whole numbers."""
    if end is None:
        start, end = 0, start
    start, end, step = (value.item() if isinstance(value, Tensor) else value for value in (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(
            f"arange: start {start}, end {end} and step {step} do not fit; step must lead from start to end"
        )
    whole = all(isinstance(value, (int, np.integer)) for value in (start, end, step))
    chosen = dtype or (dtypes.int64 if whole else dtypes.get_default_dtype())
    count = math.ceil((end - start) / step)
    return finish((start + step * np.arange(count)).astype(chosen), requires_grad, device)


@told
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` evenly spaced values from start to end, both included."""
    return finish(np.linspace(start, end, steps, dtype=dtype or dtypes.get_default_dtype()), requires_grad, device)


@told
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base to the power of `steps` evenly spaced exponents from start to end."""
    chosen = dtype or dtypes.get_default_dtype()
    return finish(np.logspace(start, end, steps, base=base, dtype=chosen), requires_grad, device)


@told
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix of n rows and m (or n) columns."""
    return finish(np.eye(n, m, dtype=dtype or dtypes.get_default_dtype()), requires_grad, device)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid spanned by 1-d tensors, rows first ("ij") or columns first ("xy")."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    arrays = [t._array for t in tensors]
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing={indexing!r}; choose 'ij' (rows first) or 'xy' (columns first)")
    with on_gpu_of(arrays):
        return tuple(Tensor(grid) for grid in np.meshgrid(*arrays, indexing="ij" if indexing == "ij" else "xy"))


@told
def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform random numbers in [0, 1)."""
    chosen = dtype or dtypes.get_default_dtype()
    return finish(numpy_generator(generator).random(shape_from(sizes, size), chosen), requires_grad, device)


@told
def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random numbers of the standard normal distribution."""
    chosen = dtype or dtypes.get_default_dtype()
    values = numpy_generator(generator).standard_normal(shape_from(sizes, size), chosen)
    return finish(np.asarray(values), requires_grad, device)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random numbers of the normal distribution with the given mean and standard deviation (numbers or tensors)."""
    given = [value for value in (mean, std) if isinstance(value, Tensor)]
    place = given[0].device if given else "cpu"
    if size is None:
        size = np.broadcast_shapes(*(value.shape for value in given))
    values = mean + std * randn(size, generator=generator, dtype=dtype, device=place)
    return finish(values._array, requires_grad, device)


@told
def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random whole numbers low <= n < high: `randint(high, size)` or `randint(low, high, size)`."""
    if size is None and isinstance(high, (tuple, list)):
        high, size = None, high
    if high is None:
        low, high = 0, low
    if size is None:
        raise TypeError(f"randint({low}, {high}): the size is missing, for instance randint({low}, {high}, (2, 3))")
    values = numpy_generator(generator).integers(low, high, shape_from((size,), None))
    return finish(np.asarray(values).astype(dtype or dtypes.int64), requires_grad, device)


@told
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The whole numbers 0..n-1 in random order."""
    return finish(numpy_generator(generator).permutation(n).astype(dtype or dtypes.int64), False, device)


def rand_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Uniform random numbers in the shape and dtype of `input`."""
    return rand(input.shape, dtype=dtype or input.dtype, device=input.device)


def randn_like(input: Tensor, *, dtype: Any = None) -> Tensor:
    """Standard normal random numbers in the shape and dtype of `input`."""
    return randn(input.shape, dtype=dtype or input.dtype, device=input.device)


@told
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element of `input` gives, else 0."""
    chances = input._array
    drawn = moved(np.asarray(numpy_generator(generator).random(chances.shape)), input.device)
    return Tensor((drawn < chances).astype(chances.dtype))
