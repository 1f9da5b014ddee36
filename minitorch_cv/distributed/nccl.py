"""NCCL, which carries numbers from GPU to GPU, as CuPy exposes it. Not yet run on a machine with several GPUs.

Everything is put on the current stream and nothing waits for it, so that a recorded step can hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minitorch_kernels.arrays import Array

if TYPE_CHECKING:
    from .group import Group

TYPES = {
    "int8": "INT8",
    "uint8": "UINT8",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FLOAT16",
    "float32": "FLOAT32",
    "float64": "FLOAT64",
}


def all_reduce(group: Group, values: Array, op: str) -> None:
    """values <- the sum ("SUM"; or "PROD", "MIN", "MAX") of the values of all ranks; C-contiguous."""
    nccl = load()
    address, count, kind, operation = values.data.ptr, values.size, type_of(nccl, values), getattr(nccl, f"NCCL_{op}")
    with values.device:
        communicator(group, values).allReduce(address, address, count, kind, operation, current_stream())


def broadcast(group: Group, values: Array, source: int) -> None:
    """values <- the values of rank `source`; C-contiguous."""
    address, count, kind = values.data.ptr, values.size, type_of(load(), values)
    with values.device:
        communicator(group, values).bcast(address, count, kind, source, current_stream())


def communicator(group: Group, values: Array) -> Any:
    """NCCL's own group of the ranks, made when they first meet with arrays on this GPU; MPI hands its name round."""
    number = values.device.id
    if number not in group.nccl:
        nccl = load()
        name = group.comm.bcast(nccl.get_unique_id() if group.rank == 0 else None)
        group.nccl[number] = nccl.NcclCommunicator(group.size, name, group.rank)
    return group.nccl[number]


def use_gpu(number: int) -> None:
    """Make this GPU the one on which this process computes."""
    import cupy

    cupy.cuda.Device(number).use()


def load() -> Any:
    """CuPy's module of NCCL; RuntimeError where its library is missing."""
    from cupy.cuda import nccl

    if not nccl.available:
        raise RuntimeError("ranks on GPUs need NCCL: pip install nvidia-nccl-cu12, or -cu13 where CuPy is for CUDA 13")
    return nccl


def current_stream() -> int:
    """The address of the stream on which CuPy works on this GPU."""
    import cupy

    return cupy.cuda.get_current_stream().ptr


def type_of(nccl: Any, values: Array) -> int:
    """NCCL's number for the type of an array; TypeError where it has none."""
    if values.dtype.name not in TYPES:
        raise TypeError(f"NCCL carries no {values.dtype}; convert the tensor first")
    return getattr(nccl, f"NCCL_{TYPES[values.dtype.name]}")
