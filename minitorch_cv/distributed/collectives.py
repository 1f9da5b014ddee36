"""What all ranks do together. Every rank has to make the same calls in the same order, or they wait for ever.

Numbers on the CPU, or on `cuda-sim`, go through MPI, those on GPUs through NCCL. A sum has the same bits on every rank,
and in every run with so many ranks: MPI and NCCL add in an order that follows from the size of the array alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module, is_cupy, on_gpu_of
from minitorch_kernels.sim_arrays import plain

from ..graph import no_grad
from ..listening import told
from ..ops.inplace import overwrite_memory
from ..tensor import Tensor
from . import nccl
from .group import Group, current, load_mpi


class ReduceOp(Enum):
    """What becomes of the numbers that stand at one place on all ranks."""

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"


@told
@no_grad()
def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM) -> None:
    """tensor <- the sum (or what `op` says) of the tensors of all ranks, in place and outside of autograd.

    TypeError for types that are not added: bool, and float16 on the CPU.
    """
    if current.group is not None:
        total = reduced(tensor._array, ReduceOp.SUM if op is ReduceOp.AVG else op)
        overwrite_memory(tensor, ..., total / current.group.size if op is ReduceOp.AVG else total)


@told
@no_grad()
def broadcast(tensor: Tensor, src: int = 0) -> None:
    """tensor <- the tensor of rank `src`, in place."""
    if current.group is not None:
        overwrite_memory(tensor, ..., sent_by(tensor._array, src))


def barrier() -> None:
    """Wait until all ranks have come here."""
    if current.group is not None:
        current.group.comm.Barrier()


def reduced(array: Array, op: ReduceOp = ReduceOp.SUM) -> Array:
    """A new array: the sum (or what `op` says) of the arrays of all ranks."""
    group = current.group
    values = in_one_piece(array)
    if group is not None:
        reduce_in_place(group, values, op)
    return values


def reduce_in_place(group: Group, values: Array, op: ReduceOp) -> None:
    """values <- the sum of all ranks' values, which lie C-contiguous."""
    if values.dtype.kind not in "iuf" or (values.dtype == np.float16 and not is_cupy(values)):
        raise TypeError(f"all_reduce: the tensor is {values.dtype}; convert it first, for instance with .float()")
    if is_cupy(values):
        nccl.all_reduce(group, values, op.value)
    else:
        MPI = load_mpi()
        group.comm.Allreduce(MPI.IN_PLACE, plain(values), getattr(MPI, op.value))


def sent_by(array: Array, src: int = 0) -> Array:
    """A new array: that of rank `src`."""
    group = current.group
    values = in_one_piece(array)
    if is_cupy(values) and group is not None:
        nccl.broadcast(group, values, src)
    elif group is not None:
        group.comm.Bcast(plain(values), root=src)
    return values


def in_one_piece(array: Array) -> Array:
    """A C-contiguous copy."""
    with on_gpu_of((array,)):
        return array_module(array).array(array, order="C", copy=True)


def summed(*numbers: float) -> Sequence[float]:
    """Each of these Python numbers, summed over all ranks."""
    if current.group is None:
        return numbers
    return reduced(np.array(numbers, np.float64)).tolist()


def on_any_rank(answers: Sequence[bool]) -> list[bool]:
    """For each of these questions, whether the answer is yes on some rank."""
    if current.group is None:
        return [*answers]
    return [*map(bool, reduced(np.array(answers, np.int32), ReduceOp.MAX))]


def gathered(value: Any) -> list[Any]:
    """The value of each rank, in order; anything that can be pickled."""
    return [value] if current.group is None else current.group.comm.allgather(value)
