"""Many tensors as one message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module, on_gpu_of

from ..tensor import Tensor


def bucket_for(tensors: Sequence[Tensor], dtype: Any, further: int = 0) -> Array:
    """A vector with room for all elements of the tensors, and for some numbers more behind them, on their device."""
    size = sum(tensor.numel() for tensor in tensors) + further
    first = tensors[0]._array
    with on_gpu_of((first,)):
        return array_module(first).zeros(size, dtype)


def parts_of(bucket: Array, tensors: Sequence[Tensor]) -> list[Array]:
    """The part of the bucket for each tensor, in its shape: views."""
    ends = np.cumsum([tensor.numel() for tensor in tensors]).tolist()
    return [bucket[end - tensor.numel() : end].reshape(tensor.shape) for end, tensor in zip(ends, tensors)]


def by_type(tensors: Iterable[Any]) -> list[list[Any]]:
    """The tensors in groups of one device and one type, in the order of their first members."""
    groups: dict[Any, list[Any]] = {}
    for tensor in tensors:
        groups.setdefault((tensor.device, tensor.dtype), []).append(tensor)
    return list(groups.values())
