"""Batches on their way to a GPU."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..device import device
from ..tensor import Tensor


def free_bytes(place: device) -> int | None:
    """How much memory a GPU has left; None where that is no question, as on the simulated one."""
    if place.type != "cuda":
        return None
    cupy = sys.modules["cupy"]
    with cupy.cuda.Device(place.index or 0) as gpu:  # a pool tells of the current one
        return gpu.mem_info[0] + cupy.get_default_memory_pool().free_bytes()


def on_every_tensor(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """A batch with `function` done to its tensors, in lists, tuples and dictionaries as well."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, dict):
        return {key: on_every_tensor(function, part) for key, part in batch.items()}
    if isinstance(batch, (list, tuple)):
        parts = [on_every_tensor(function, part) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def pinned(tensor: Tensor) -> Tensor:
    """A copy in memory that the operating system leaves where it is, which a GPU can read while Python goes on.

    CuPy keeps it until it is read.
    """
    import cupyx

    copy = cupyx.empty_pinned(tensor.shape, tensor.dtype)
    copy[...] = tensor.detach().numpy()
    return Tensor(copy)
