"""Tensor: an array that remembers how it was made.

The methods for arithmetic, reductions, shapes and the rest are the functions of `minitorch_cv.ops`; `ops/methods.py`
attaches them. What stands here is what makes a tensor a tensor: its memory, its gradient, its place in the graph.
"""

from __future__ import annotations

import functools
import itertools
import math
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minitorch_kernels.arrays import Array, address_of, array_module, copied, is_cupy, is_on_gpu, on_cpu, on_gpu_of

from . import dtypes
from .device import device, device_of, lies_on, moved, usable
from .graph import Node, Storage, backpropagate, ends_with_callbacks, is_grad_enabled, no_grad
from .listening import refuse_recording, told
from .views import can_follow, follow, is_outdated

_hook_numbers = itertools.count()

READ_AFTERWARDS = "return the tensor and read it after the step"
CHOOSE_BY_WHERE = "choose with where(), or decide before the step"


class Tensor:
    """A multi-dimensional array with a gradient: `Tensor(array)` shares the array's memory and keeps its dtype.

    torch's `Tensor(data)` copies and converts to float32; here `tensor(data)` copies, and `Tensor` is the thin wrapper.
    """

    # NumPy leaves `array + tensor` to the tensor, whose __radd__ then records it.
    __array_priority__ = 1000

    def __init__(self, data: Any, requires_grad: bool = False):
        self._array: Array = data if isinstance(data, np.ndarray) or is_cupy(data) else array_from(data)
        self._grad: Tensor | None = None
        self._made_by: Node | None = None
        self._leaf_requires_grad = False
        self._leaf_hooks: dict[int, Callable[[Array], Array]] = {}
        self._storage = Storage()
        self._base: Tensor | None = None  # for a view: the tensor whose memory it shows
        self._follows = False  # for a view: whether its history is that of its part of the base
        self._writes = 0  # how often the base was written with a gradient; for a view, before its history was taken
        if requires_grad:
            self.requires_grad = True

    if TYPE_CHECKING:  # what ops/methods.py attaches

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __eq__(self, other: Any) -> Any: ...
        def __ne__(self, other: Any) -> Any: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...

    # -- what it holds -------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements."""
        return self._array.dtype

    @property
    def device(self) -> device:
        """Where the memory is."""
        return device_of(self._array)

    @property
    def is_cuda(self) -> bool:
        """True on a GPU."""
        return is_cupy(self._array)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """The distance between neighbours along each axis, in elements."""
        strides = tuple(step // self.dtype.itemsize for step in self._array.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> bool:
        """True where the elements lie in row-major order; convolution layers return batch-last memory instead."""
        return self._array.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """True for float16, float32 and float64."""
        return self.dtype.kind == "f"

    def data_ptr(self) -> int:
        """The address of the first element."""
        return address_of(self._array)

    # -- the gradient --------------------------------------------------------------------------------------------------

    @property
    def _node(self) -> Node | None:
        """What made the values that this tensor has now."""
        if is_outdated(self) and can_follow(self):
            follow(self)
        return self._made_by

    @_node.setter
    def _node(self, node: Node | None) -> None:
        self._made_by = node

    @property
    def is_leaf(self) -> bool:
        """True for a tensor that no recorded operation made."""
        return self._node is None

    @property
    def grad_fn(self) -> Node | None:
        """The recorded operation that made this tensor."""
        return self._node

    @property
    def requires_grad(self) -> bool:
        """True where a backward reaches this tensor."""
        return self._node is not None or self._leaf_requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._node is not None:
            if value:
                return
            raise RuntimeError(
                f"requires_grad = False: this tensor was made by {self._node.name}; use detach() instead"
            )
        if value and self.dtype.kind != "f":
            raise RuntimeError(
                f"only floating-point tensors can require gradients, got {self.dtype}; convert with .float()"
            )
        self._leaf_requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`, and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The sum of the gradients of all backward calls since it was last None; of the shape of the tensor."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        self._set_grad(value)

    @told
    def _set_grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad must be a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise RuntimeError(
                    f"grad of shape {value.shape} and {value.dtype} does not fit a tensor of shape {self.shape} "
                    f"and {self.dtype}"
                )
        self._grad = value

    @ends_with_callbacks
    @told
    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add d(self)/d(leaf) · gradient to the `grad` of every leaf that requires one.

        gradient: the cotangent, of self's shape; 1 where self has one element. retain_graph keeps what the operations
        saved, for another backward. Gradients are first-order only: create_graph raises.
        """
        if create_graph:
            raise RuntimeError("create_graph=True: minitorch_cv has first-order gradients only")
        if not self.requires_grad:
            raise RuntimeError(
                "backward: this tensor does not require grad and was made by no recorded operation; "
                "set requires_grad_() on what you want gradients of, before the forward pass"
            )
        if gradient is None:
            if self.numel() != 1:
                raise RuntimeError(
                    f"backward: a gradient must be given for a tensor of shape {self.shape}; only a one-element tensor "
                    "has an implied one (call .sum() or .mean() first, or pass gradient=)"
                )
            with on_gpu_of((self._array,)):
                dy = array_module(self._array).ones(self.shape, self.dtype)
        else:
            dy = gradient._array if isinstance(gradient, Tensor) else moved(array_from(gradient), self.device)
            if dy.shape != self.shape:
                raise RuntimeError(f"backward: gradient has shape {dy.shape} but the tensor has shape {self.shape}")
            with on_gpu_of((dy,)):
                dy = dy.astype(self.dtype, copy=False)
        if self._node is None:
            self._receive_grad(copied(dy))
        else:
            backpropagate(self._node, dy, bool(retain_graph))

    def _receive_grad(self, dx: Array) -> None:
        """The end of a backward at a leaf: `dx` is the leaf's to keep."""
        with on_gpu_of((dx,)):
            for hook in list(self._leaf_hooks.values()):
                dx = hook(dx)
            # A hook may keep what it was given, or return a tensor of its own.
            self._accumulate_grad(dx.copy() if self._leaf_hooks else dx)

    def _accumulate_grad(self, dx: Array) -> None:
        if self._grad is None:
            self._grad = Tensor(dx)
        else:
            self._grad._array[...] += dx
            self._grad._storage.version += 1

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in `grad` although it is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad: this tensor does not require grad")
        if self._node is not None:
            self._node.retained = weakref.ref(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when the gradient of this tensor is known; what it returns, if not None, replaces it."""
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require grad")

        def on_array(dy: Array) -> Array:
            with no_grad():
                changed = hook(Tensor(dy))
            if changed is None:
                return dy
            if changed.shape != dy.shape:
                raise RuntimeError(f"register_hook: the hook returned {changed.shape} for a gradient of {dy.shape}")
            return changed._array.astype(dy.dtype, copy=False)

        hooks = self._leaf_hooks if self._node is None else self._node.hooks
        return RemovableHandle(hooks, on_array)

    def detach(self) -> Tensor:
        """The same memory, cut from the graph: no gradient flows through the result."""
        result = Tensor(self._array)
        result._storage = self._storage
        return result

    def detach_(self) -> Tensor:
        """Cut this tensor itself from the graph that made it."""
        self._node = self._base = None
        self._leaf_requires_grad = False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without history; writes through it are not noticed by the graph."""
        return Tensor(self._array)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._array = value._array

    # -- values for Python and NumPy -----------------------------------------------------------------------------------

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        refuse_recording("item()", READ_AFTERWARDS, self)
        if self.numel() != 1:
            raise RuntimeError(
                f"item: a tensor of shape {self.shape} has {self.numel()} elements, not one; use tolist()"
            )
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists, or a number for a 0-d tensor."""
        refuse_recording("tolist()", READ_AFTERWARDS, self)
        return self._array.tolist()

    def numpy(self) -> np.ndarray:
        """The NumPy array itself, sharing memory.

        RuntimeError for a tensor that requires grad, TypeError for one on a GPU.
        """
        refuse_recording("numpy()", READ_AFTERWARDS, self)
        if self.device.type != "cpu":
            raise TypeError(f"numpy: this tensor is on {self.device}, where NumPy cannot read it; use .cpu().numpy()")
        if self.requires_grad:
            raise RuntimeError("numpy: this tensor requires grad, which NumPy would not follow; use .detach().numpy()")
        return self._array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"cannot view {array.dtype} as {np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        return (self.detach()._array if self.is_cuda else self.numpy()).__dlpack__(**options)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if not self.is_cuda:
            raise AttributeError(f"__cuda_array_interface__: this tensor is on {self.device}, not on a GPU")
        return self._array.__cuda_array_interface__

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __bool__(self) -> bool:
        refuse_recording("the truth of a tensor", CHOOSE_BY_WHERE, self)
        if self.numel() != 1:
            raise RuntimeError(
                f"the truth of a tensor of shape {self.shape} is ambiguous; use .any() or .all(), or compare with None"
            )
        return bool(self._array.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iub":
            raise TypeError(f"only integer tensors can be used as an index, got {self.dtype}; convert with .long()")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        refuse_recording("`in`", CHOOSE_BY_WHERE, self, value)
        with on_gpu_of((self._array,)):
            return bool((self._array == (value._array if isinstance(value, Tensor) else value)).any())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 else format(str(self), spec)

    def __repr__(self) -> str:
        return describe(self, "tensor(")

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise RuntimeError(
                f"deepcopy: only leaf tensors can be copied, this one was made by {self._node.name}; detach() it"
            )
        result = type(self).__new__(type(self))
        Tensor.__init__(result, copied(self._array))
        result._leaf_requires_grad = self._leaf_requires_grad
        memo[id(self)] = result
        if self._grad is not None:
            result._grad = Tensor(copied(self._grad._array))
        return result

    def __reduce__(self) -> Any:
        if self._node is not None:
            raise RuntimeError(
                f"pickle: only leaf tensors can be stored, this one was made by {self._node.name}; detach() it"
            )
        array = on_cpu(self._array) if self.is_cuda else self._array  # CuPy would take it to its current GPU
        return _rebuild, (type(self), array, self._leaf_requires_grad, str(self.device))

    # -- conversion ----------------------------------------------------------------------------------------------------

    def cpu(self) -> Tensor:
        """The tensor on the CPU: itself where it lies there."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Tensor:
        """The tensor on a GPU, by default the first. RuntimeError where there is none."""
        return self.to("cuda" if device is None else device)

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False) -> Tensor:
        """The tensor in another dtype, or on another device: `to("cuda")`, `to(float64)`, `to(other_tensor)`.

        RuntimeError for a device that is not there.
        """
        for arg in args:
            if isinstance(arg, Tensor):
                dtype, device = arg.dtype, arg.device
            elif is_dtype(arg):
                dtype = arg
            elif not isinstance(arg, bool):  # a bare bool is torch's non_blocking, which means nothing on a CPU
                device = arg
        result = self
        if device is not None and not lies_on(self._array, usable(device)):
            result = self.to_device(usable(device))
        if dtype is not None and np.dtype(dtype) != self.dtype:
            result = result.type(dtype)
        return self.clone() if copy and result is self else result


class RemovableHandle:
    """Takes a hook away again: `handle.remove()`, or at the end of `with handle:`."""

    def __init__(self, hooks: dict[int, Any], hook: Any):
        self.hooks = hooks
        self.number = next(_hook_numbers)
        hooks[self.number] = hook

    def remove(self) -> None:
        """Take the hook away; nothing happens where it is gone already."""
        self.hooks.pop(self.number, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def array_from(data: Any, dtype: Any = None) -> np.ndarray:
    """Numbers, nested lists (of tensors too) or array-likes as an array; Python floats in the default dtype."""
    if isinstance(data, Tensor):
        data = data._array
    if isinstance(data, (list, tuple)) and any(isinstance(item, Tensor) for item in data):
        parts = [array_from(item) for item in data]
        shared = functools.reduce(dtypes.wider, (part.dtype for part in parts))
        data = np.stack([part.astype(shared, copy=False) for part in parts])
    array = data if is_on_gpu(data) else np.asarray(data)
    if dtype is None and array.dtype.kind == "f" and not hasattr(data, "dtype"):
        dtype = np.result_type(*(float_types(data) or {dtypes.get_default_dtype()}))
    dtypes.category(array.dtype)
    return array if dtype is None else array.astype(dtype, copy=False)


def float_types(data: Any) -> set[Any]:
    """The floating-point types of nested lists: Python's numbers have the default one, NumPy's their own."""
    if isinstance(data, (list, tuple)):
        return set().union(*map(float_types, data))
    if not hasattr(data, "dtype"):
        return {dtypes.get_default_dtype()} if isinstance(data, float) else set()
    return {data.dtype} if data.dtype.kind == "f" else set()


def describe(tensor: Tensor, opening: str) -> str:
    """The text of a tensor: its values, then shape (where it has one), dtype (where not the usual), and origin."""
    array = tensor._array if tensor.device.type == "cpu" else on_cpu(tensor._array)
    values = np.array2string(
        array, separator=", ", precision=4, suppress_small=False, threshold=1000, edgeitems=3, prefix=opening
    )
    facts = [f"shape={tensor.shape}"] if tensor.ndim else []
    if tensor.device.type != "cpu":
        facts.append(f"device='{tensor.device}'")
    if tensor.dtype not in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool):
        facts.append(f"dtype={tensor.dtype}")
    if tensor._node is not None:
        facts.append(f"grad_fn={tensor._node!r}")
    elif tensor._leaf_requires_grad:
        facts.append("requires_grad=True")
    return f"{opening}{', '.join([values, *facts])})"


def is_dtype(value: Any) -> bool:
    """True for a number type: one of `minitorch_cv.float32`, ..., a NumPy dtype or scalar type, or float, int, bool."""
    return isinstance(value, np.dtype) or (isinstance(value, type) and value is not device)


def _rebuild(cls: type[Tensor], array: Array, requires_grad: bool, place: str = "cpu") -> Tensor:
    result = cls.__new__(cls)
    Tensor.__init__(result, array if place == "cpu" else moved(array, place), requires_grad)
    return result


def is_tensor(value: object) -> bool:
    """True for a Tensor."""
    return isinstance(value, Tensor)


__all__ = ["RemovableHandle", "Tensor", "is_grad_enabled", "is_tensor"]
