"""Graphs: kernels on the simulated GPU, and what CuPy is asked for on a real one."""

import sys
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from minitorch_kernels import relu
from minitorch_kernels.arrays import on_cpu, on_gpu
from minitorch_kernels.cuda.graph import CudaGraph, lasting, new_graph, overwrite
from minitorch_kernels.sim_arrays import SimArray


def there(values):
    return on_gpu(np.array(values), "cuda-sim")


def test_a_launch_runs_the_kernels_again():
    x, numbers = there([-1.0, 2.0, -3.0]), []
    graph = new_graph(x)
    with graph.capturing():
        numbers.append(lasting(np.array([2.0]), x))
        y = relu(x * numbers[0]) + 1
    np.testing.assert_array_equal(on_cpu(y), [1, 5, 1])
    overwrite(numbers[0], np.array([3.0]))
    x[...] = there([4.0, -2.0, 5.0])
    graph.launch()
    np.testing.assert_array_equal(on_cpu(y), [13, 1, 16])
    assert isinstance(numbers[0], SimArray)


def test_an_error_ends_the_capture():
    x = there([1.0])
    with pytest.raises(RuntimeError, match="float"), new_graph(x).capturing():
        float(x[0])
    assert float(x[0]) == 1


def test_captures_cannot_be_nested():
    x = there([1.0])
    with new_graph(x).capturing(), pytest.raises(RuntimeError, match="capturing already"), new_graph(x).capturing():
        pass


class Invalid(RuntimeError):
    """CuPy's error for a capture that came to nothing."""


class FakeCupy:
    """As much of CuPy as a graph asks for; `asked` lists the calls."""

    def __init__(self):
        self.asked = []
        self.allocator = "default"
        self.staging = self.pinned = SimpleNamespace(malloc=lambda size: f"{size} bytes")
        self.cuda = SimpleNamespace(
            MemoryPool=lambda: SimpleNamespace(malloc="private"),
            Stream=self.Stream,
            runtime=SimpleNamespace(CUDARuntimeError=Invalid),
            get_allocator=lambda: self.allocator,
            using_allocator=self.using_allocator,
            get_current_stream=lambda: "current stream",
            set_pinned_memory_allocator=self.set_staging,
        )

    def Stream(self, non_blocking):
        assert non_blocking

        @contextmanager
        def used():
            yield stream

        graph = SimpleNamespace(launch=lambda: self.asked.append("launch"))
        stream = used()
        stream.begin_capture = lambda: self.asked.append("begin")
        stream.end_capture = lambda: (self.asked.append("end"), graph)[1]
        return stream

    @contextmanager
    def using_allocator(self, allocator):
        before, self.allocator = self.allocator, allocator
        yield
        self.allocator = before

    def set_staging(self, allocator):
        self.staging = SimpleNamespace(malloc=allocator)

    def get_default_pinned_memory_pool(self):
        return self.pinned

    def empty(self, shape, dtype):
        def write(values, stream):
            self.asked.append(f"write {values.tolist()} to {stream}")

        self.asked.append(f"{shape} of {dtype} from the {self.allocator} pool")
        return SimpleNamespace(set=write)


@pytest.fixture
def cupy(monkeypatch):
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr("minitorch_kernels.cuda.graph.is_cupy", lambda array: isinstance(array, SimpleNamespace))
    return fake


def test_numbers_are_written_between_the_capture_and_its_launch(cupy):
    graph = CudaGraph(nullcontext())
    with graph.capturing():
        assert cupy.allocator == "private"
        lasting(np.array([0.5]), None)
    graph.launch()
    assert cupy.asked == [
        "begin",
        "(1,) of float64 from the default pool",
        "end",
        "write [0.5] to current stream",
        "launch",
        "launch",
    ]
    assert cupy.allocator == "default"


def test_staging_memory_is_refused_while_capturing(cupy):
    graph = CudaGraph(nullcontext())
    with pytest.raises(RuntimeError, match="8 bytes from the CPU"), graph.capturing():
        cupy.staging.malloc(8)
    assert cupy.asked == ["begin", "end"]
    assert cupy.staging.malloc(8) == "8 bytes"
    assert graph.graph is None
