"""The processes that work together: how many there are, and which of them this one is.

`mpiexec -n 2 python train.py` starts the program twice. Each copy, a rank, has memory of its own; they meet only in
calls that all of them make, such as `all_reduce`. A program that never calls `init_process_group` is one rank of one.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn

LAUNCHERS = ("OMPI_COMM_WORLD", "PMI", "MV2_COMM_WORLD")  # of Open MPI, MPICH and MVAPICH: NAME_RANK, NAME_SIZE
TO_PASS_ON = 1.0  # seconds that mpiexec has to show what a rank said before it is killed with the others
INSTALL = "pip install 'minitorch-cv[mpi]'"


@dataclass
class Group:
    """All ranks: MPI's communicator, this process's number in it, and its number among those of this machine."""

    comm: Any
    rank: int
    size: int
    local_rank: int
    nccl: dict[int, Any] = field(default_factory=dict)  # a communicator for each GPU that this process uses


@dataclass
class _Current:
    group: Group | None = None


current = _Current()


def init_process_group(backend: str | None = None) -> None:
    """Join the ranks that mpiexec started; afterwards an uncaught exception in one of them ends them all.

    Where a tensor lies decides who carries its numbers, MPI or NCCL, so `backend` (None, "mpi" or "nccl") changes
    nothing. Unless NUMBA_NUM_THREADS is set, the ranks of a machine share its cores. RuntimeError where mpi4py is
    missing or belongs to another MPI than mpiexec, or where the group exists already.
    """
    if backend not in (None, "mpi", "nccl"):
        raise ValueError(f"init_process_group: backend={backend!r}; choose None, 'mpi' or 'nccl'")
    if current.group is not None:
        raise RuntimeError("init_process_group: the process group exists already; call destroy_process_group() first")
    MPI = load_mpi()
    comm = MPI.COMM_WORLD
    _, started = launched()
    if started > 1 and comm.size == 1:
        raise RuntimeError(
            f"init_process_group: mpiexec started {started} ranks but mpi4py finds one, as it uses another MPI "
            f"({MPI.get_vendor()[0]}); start the program with the mpiexec of that one"
        )
    neighbours = comm.Split_type(MPI.COMM_TYPE_SHARED)
    current.group = Group(comm, comm.rank, comm.size, neighbours.rank)
    share_cores(neighbours)
    sys.excepthook = end_all_ranks


def load_mpi() -> Any:
    """The module mpi4py.MPI, whose import starts MPI; RuntimeError where there is none."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # mpi4py is missing, or finds no MPI
        raise RuntimeError(f"ranks need mpi4py and an MPI ({error}): {INSTALL}") from error
    return MPI


def share_cores(neighbours: Any) -> None:
    """Give Numba as many threads as this machine has cores for each of its ranks."""
    if "numba" in sys.modules or not hasattr(os, "sched_getaffinity"):
        return
    cores = set().union(*neighbours.allgather(os.sched_getaffinity(0)))
    os.environ.setdefault("NUMBA_NUM_THREADS", str(max(1, len(cores) // neighbours.size)))


def destroy_process_group() -> None:
    """Leave the other ranks; this process is one rank of one again."""
    current.group = None
    sys.excepthook = sys.__excepthook__


def is_available() -> bool:
    """True where mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


def is_initialized() -> bool:
    """True between `init_process_group` and `destroy_process_group`."""
    return current.group is not None


def get_rank() -> int:
    """The number of this process, from 0; 0 without a process group, where torch raises."""
    return 0 if current.group is None else current.group.rank


def get_world_size() -> int:
    """How many ranks there are; 1 without a process group, where torch raises."""
    return 1 if current.group is None else current.group.size


def get_local_rank() -> int:
    """The number of this process among the ranks of its machine, which is the number of its GPU."""
    return 0 if current.group is None else current.group.local_rank


def launched(environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """The number of this process among those that mpiexec started, and how many they are, as it tells each of them.

    (0, 1) for a program started without mpiexec; known before, and without, a process group.
    """
    for name in LAUNCHERS:
        if f"{name}_SIZE" in environment:
            return int(environment.get(f"{name}_RANK", 0)), int(environment[f"{name}_SIZE"])
    return 0, 1


def abort(status: int) -> NoReturn:
    """End all ranks at once, with this exit status: none is left waiting for one that is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    if current.group is not None:
        time.sleep(TO_PASS_ON)
        current.group.comm.Abort(status)
    sys.exit(status)


def end_all_ranks(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an exception that nobody caught, as Python does, and end all ranks."""
    sys.__excepthook__(kind, error, trace)
    print(f"rank {get_rank()} of {get_world_size()} failed, so all end", file=sys.stderr)
    abort(1)
