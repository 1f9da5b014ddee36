"""Stands for cupy.cuda."""

from types import SimpleNamespace

from . import devices, nccl, pools
from .devices import Device
from .pools import (
    MemoryHook,
    MemoryPointer,
    MemoryPool,
    UnownedMemory,
    get_allocator,
    set_pinned_memory_allocator,
    using_allocator,
)
from .streams import Graph, Stream, get_current_stream, refuse_while_capturing

__all__ = [
    "Device",
    "Graph",
    "MemoryHook",
    "MemoryPointer",
    "MemoryPool",
    "Stream",
    "UnownedMemory",
    "get_allocator",
    "get_current_stream",
    "memory",
    "nccl",
    "runtime",
    "set_pinned_memory_allocator",
    "using_allocator",
]

driver, built = 13000, 13000  # the CUDA versions of the driver, and that CuPy was built for


def synchronize() -> None:
    refuse_while_capturing("synchronous API calls")


runtime = SimpleNamespace(
    CUDARuntimeError=devices.CUDARuntimeError,
    getDeviceCount=devices.get_device_count,
    getDevice=devices.get_device,
    setDevice=devices.set_device,
    deviceSynchronize=lambda: synchronize(),
    getDeviceProperties=lambda number: {"name": b"GPU %d" % number, "totalGlobalMem": devices.memory},
    driverGetVersion=lambda: driver,
    runtimeGetVersion=lambda: built,
    memGetInfo=lambda: Device().mem_info,
)
memory = SimpleNamespace(OutOfMemoryError=pools.OutOfMemoryError, alloc=pools.alloc)
