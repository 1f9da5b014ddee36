"""Stands for cupy.cuda.nccl: MPI carries the numbers. A communicator serves the GPU on which it was made."""

import ctypes
from typing import Any

import numpy as np

from . import devices
from .streams import refuse_while_capturing

TYPES = {
    "INT8": (0, np.int8),
    "UINT8": (1, np.uint8),
    "INT32": (2, np.int32),
    "INT64": (4, np.int64),
    "FLOAT16": (6, np.float16),
    "FLOAT32": (7, np.float32),
    "FLOAT64": (8, np.float64),
}
OPERATIONS = {"SUM": 0, "PROD": 1, "MAX": 2, "MIN": 3}  # NCCL's numbers for them

available = True
globals().update({f"NCCL_{name}": number for name, (number, _) in TYPES.items()})
globals().update({f"NCCL_{name}": number for name, number in OPERATIONS.items()})


def get_unique_id() -> bytes:
    return b"strict"


class NcclCommunicator:
    def __init__(self, ndev: int, commId: Any, rank: int) -> None:
        from mpi4py import MPI

        if commId != get_unique_id():
            raise RuntimeError("NCCL_ERROR_INVALID_ARGUMENT: rank 0 has not sent its name for the communicator")
        self.MPI, self.number = MPI, devices.get_device()

    def allReduce(self, sendbuf: int, recvbuf: int, count: int, datatype: int, op: int, stream: int) -> None:
        name = next(name for name, number in OPERATIONS.items() if number == op)
        values = self.at(recvbuf, count, datatype)
        values[...] = self.at(sendbuf, count, datatype)
        self.MPI.COMM_WORLD.Allreduce(self.MPI.IN_PLACE, values, getattr(self.MPI, name))

    def bcast(self, buff: int, count: int, datatype: int, root: int, stream: int) -> None:
        self.MPI.COMM_WORLD.Bcast(self.at(buff, count, datatype), root=root)

    def at(self, address: int, count: int, datatype: int) -> np.ndarray:
        """The numbers at an address of this communicator's GPU, which has to be the current one."""
        devices.refuse_other_devices([self.number])
        refuse_while_capturing("what goes from rank to rank")
        dtype = np.dtype(next(dtype for number, dtype in TYPES.values() if number == datatype))
        memory = (ctypes.c_uint8 * (count * dtype.itemsize)).from_address(address)
        return np.frombuffer(memory, dtype)
