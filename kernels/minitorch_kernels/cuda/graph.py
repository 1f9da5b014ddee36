"""Work on a GPU that is captured once and launched again as a whole: a CUDA graph, or the tape of the simulated GPU.

A launch repeats the same kernels at the same addresses and knows nothing of Python. So whatever is to differ from one
launch to the next has to lie in the GPU's memory, in arrays that are written in between (`lasting`, `overwrite`).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import numpy as np

from .. import tape
from ..arrays import Array, is_cupy, on_gpu
from ..sim_arrays import SimArray


class Graph(Protocol):
    """What was captured."""

    def capturing(self) -> Any:
        """What this thread does on the GPU inside the `with` block belongs to the graph, and is done once at its end.

        Nothing can be read to the CPU there, nor sent from it: RuntimeError.
        """

    def launch(self) -> None:
        """Do all of it once more."""

    def lasting(self, values: np.ndarray) -> Array:
        """`values` in memory that no captured work uses for something else; while capturing, from its end on."""

    def lent(self, array: Array) -> Array:
        """The same memory as an array that was made while capturing; it may outlive the graph."""


class _Current(threading.local):
    """The graph that this thread is capturing."""

    graph: Graph | None = None


current = _Current()


def new_graph(like: Array) -> Graph:
    """An empty graph for the device of an array."""
    return CudaGraph(like.device) if is_cupy(like) else SimulatedGraph()


def lasting(values: np.ndarray, like: Array) -> Array:
    """An array of these numbers on the device of `like`, whose memory holds them when a graph is launched, too."""
    if current.graph is not None:
        return current.graph.lasting(values)
    return on_gpu(values, "cuda", like.device.id) if is_cupy(like) else on_gpu(values, "cuda-sim")


def overwrite(array: Array, values: np.ndarray) -> None:
    """Write numbers from the CPU into an array, after all that its GPU was asked for before."""
    if is_cupy(array):
        with array.device:
            array.set(values)
    else:
        array.view(np.ndarray)[...] = values


@contextmanager
def made_current(graph: Graph) -> Iterator[None]:
    """Inside the `with` block this thread captures."""
    if current.graph is not None:
        raise RuntimeError("capture: this thread is capturing already")
    current.graph = graph
    try:
        yield
    finally:
        current.graph = None


class SimulatedGraph:
    """A tape. Its arrays stay alive with it, where a GPU uses memory again for what comes later."""

    def __init__(self) -> None:
        self.tape = tape.Tape()

    @contextmanager
    def capturing(self) -> Iterator[None]:
        with made_current(self):
            tape.current.tape = self.tape
            try:
                yield
            finally:
                tape.current.tape = None

    def launch(self) -> None:
        self.tape.play()

    def lasting(self, values: np.ndarray) -> Array:
        return values.copy().view(SimArray)

    def lent(self, array: Array) -> Array:
        return array


class CudaGraph:
    """A CUDA graph, captured from a stream of its own.

    Its arrays lie in a memory pool of its own. What is let go of while capturing is taken again for what comes later,
    in the order of the stream, which is that of each launch. Nobody else ever gets that memory: it is the static arena.
    """

    def __init__(self, device: Any):
        import cupy

        self.device = device
        self.pool = cupy.cuda.MemoryPool()
        self.outside = cupy.cuda.get_allocator()
        self.to_write: list[tuple[Array, np.ndarray]] = []
        self.kept: list[Array] = []  # what launches read and nobody else may hold: it would be somebody else's memory
        self.graph: Any = None
        graphs.add(self)

    @contextmanager
    def capturing(self) -> Iterator[None]:
        import cupy

        with (
            made_current(self),
            self.device,
            cupy.cuda.using_allocator(self.pool.malloc),
            no_uploads(),
            cupy.cuda.Stream(non_blocking=True) as stream,  # of this device: it is the current one by now
        ):
            give_back()  # a pool asks CUDA for memory that another pool has in store, and does not need, in vain
            stream.begin_capture()
            try:
                yield
            except BaseException:
                with suppress(cupy.cuda.runtime.CUDARuntimeError):  # what is captured is of no use, and may say so
                    stream.end_capture()
                raise
            self.graph = stream.end_capture()
        for array, values in self.to_write:
            overwrite(array, values)
            self.kept.append(array)
        self.to_write.clear()
        with self.device:
            give_back()  # what the step had in use before it was captured
        self.launch()

    def launch(self) -> None:
        with self.device:
            self.graph.launch()

    def lasting(self, values: np.ndarray) -> Array:
        import cupy

        with self.device, cupy.cuda.using_allocator(self.outside):
            array = cupy.empty(values.shape, values.dtype)
        self.to_write.append((array, values))
        return array

    def lent(self, array: Array) -> Array:
        import cupy

        owner = (array, self.pool)  # an array alone would not keep its pool, which gives the memory back when it goes
        memory = cupy.cuda.UnownedMemory(array.data.ptr, array.nbytes, owner, array.device.id)
        pointer = cupy.cuda.MemoryPointer(memory, 0)
        return cupy.ndarray(array.shape, array.dtype, pointer, array.strides)


graphs: weakref.WeakSet[CudaGraph] = weakref.WeakSet()


def memory_of_graphs() -> int:
    """The bytes of the current GPU that graphs hold, whether an array is there or a later launch writes there."""
    return sum(graph.pool.total_bytes() for graph in tuple(graphs))


def give_back() -> None:
    """Give memory of the current GPU that CuPy keeps in store, outside of graphs, back to CUDA."""
    import cupy

    cupy.get_default_memory_pool().free_all_blocks()


@contextmanager
def no_uploads() -> Iterator[None]:
    """RuntimeError where this thread sends an array to the GPU inside the `with` block.

    CuPy sends from staging memory that it gives back at once; a graph would read there, whatever it holds by then.
    """
    import cupy

    thread, pool = threading.get_ident(), cupy.get_default_pinned_memory_pool()

    def staging(size: int) -> Any:
        if threading.get_ident() == thread:
            raise RuntimeError(f"{size} bytes from the CPU: a captured step leaves the CPU out; send them before it")
        return pool.malloc(size)

    cupy.cuda.set_pinned_memory_allocator(staging)
    try:
        yield
    finally:
        cupy.cuda.set_pinned_memory_allocator(pool.malloc)
