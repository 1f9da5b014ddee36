"""Graphs: what is captured runs when it is launched, on memory of its own, with numbers that are written in between."""

import numpy as np
import pytest

from minitorch_kernels import relu
from minitorch_kernels.arrays import on_cpu, on_gpu, on_gpu_of
from minitorch_kernels.cuda.graph import CudaGraph, lasting, memory_of_graphs, new_graph, overwrite

from ...gpu import refusal, there
from ...strict_cupy import devices, pools


def test_a_launch_runs_the_kernels_again():
    x, numbers = there(np.array([-1.0, 2.0, -3.0])), []
    graph = new_graph(x)
    with graph.capturing():
        numbers.append(lasting(np.array([2.0]), x))
        y = relu(x * numbers[0]) + 1
    np.testing.assert_array_equal(on_cpu(y), [1, 5, 1])
    overwrite(numbers[0], np.array([3.0]))
    overwrite(x, np.array([4.0, -2.0, 5.0]))
    graph.launch()
    np.testing.assert_array_equal(on_cpu(y), [13, 1, 16])
    assert type(numbers[0]) is type(x)


@pytest.mark.parametrize("read", [float, bool, lambda x: x.item(), lambda x: x.get(), lambda x: x.tolist()])
def test_an_error_ends_the_capture(read):
    x = there(np.array([1.0]))
    with pytest.raises(RuntimeError, match=refusal), new_graph(x).capturing():
        read(x[0])
    assert float(x[0]) == 1


def test_arrays_of_the_cpu_are_refused_while_capturing(strict_cupy):
    x = on_gpu(np.ones(2), "cuda")
    graph = CudaGraph(x.device)
    with (
        pytest.raises(RuntimeError, match="16 bytes from the CPU: a captured step leaves the CPU out"),
        graph.capturing(),
    ):
        on_gpu(np.ones(2), "cuda")
    assert graph.graph is None
    np.testing.assert_array_equal(on_cpu(x + on_gpu(np.ones(2), "cuda")), [2, 2])


def test_captures_cannot_be_nested():
    x = there(np.array([1.0]))
    with new_graph(x).capturing(), pytest.raises(RuntimeError, match="capturing already"), new_graph(x).capturing():
        pass


# A CUDA graph, on the stand-in for CuPy.


def test_what_launches_read_is_kept_with_the_graph(strict_cupy):
    """Numbers that nobody else holds; what is made afterwards must not lie in their place."""
    x = on_gpu(np.zeros(3), "cuda")
    graph = new_graph(x)
    with graph.capturing():
        y = x + lasting(np.array([1.0, 2.0, 3.0]), x)
    others = [on_gpu(np.full(3, 7.0), "cuda") for _ in range(4)]
    graph.launch()
    np.testing.assert_array_equal(on_cpu(y), [1, 2, 3])
    np.testing.assert_array_equal(on_cpu(others[-1]), [7, 7, 7])


def test_what_is_lent_outlives_the_graph(strict_cupy):
    x = on_gpu(np.array([1.0, -2.0]), "cuda")
    graph = new_graph(x)
    with graph.capturing():
        y = graph.lent(relu(x))
    del graph
    others = [on_gpu(np.full(2, 7.0), "cuda") for _ in range(4)]
    np.testing.assert_array_equal(on_cpu(y), [1, 0])
    assert len(others) == 4


def test_nothing_is_done_before_the_first_launch(strict_cupy):
    x = on_gpu(np.array([1.0, 2.0]), "cuda")
    graph = CudaGraph(x.device)
    seen = []
    original, graph.launch = graph.launch, lambda: seen.append(on_cpu(x)) or original()
    with graph.capturing():
        x += 1
        overwritten = x * 2
    np.testing.assert_array_equal(seen, [[1, 2]])
    np.testing.assert_array_equal(on_cpu(overwritten), [4, 6])
    graph.launch()
    np.testing.assert_array_equal(on_cpu(overwritten), [6, 8])


def test_captured_arrays_come_from_a_pool_of_the_graph(strict_cupy):
    pool = strict_cupy.get_default_memory_pool()
    x = on_gpu(np.ones(1000), "cuda")
    before = pool.used_bytes()
    graph = CudaGraph(x.device)
    with graph.capturing():
        numbers = lasting(np.array([0.5]), x)
        y = x * numbers
    assert pool.used_bytes() == before + 512  # the numbers
    assert graph.pool.used_bytes() == 8192
    with on_gpu_of((y,)):
        z = y + 1
    assert pool.used_bytes() == before + 512 + 8192
    np.testing.assert_array_equal(on_cpu(z), np.full(1000, 1.5))


@pytest.mark.parametrize("number", [0, 1])
def test_a_graph_belongs_to_the_gpu_of_its_arrays(number, strict_cupy):
    """The stream, too: it is made where it is used, whichever GPU was current before."""
    x = on_gpu(np.array([-1.0, 3.0]), "cuda", number)
    graph = new_graph(x)
    with graph.capturing():
        y = relu(x) + lasting(np.array([10.0]), x)
    assert y.device.id == number
    assert strict_cupy.cuda.Device().id == 0
    overwrite(x, np.array([5.0, -1.0]))
    graph.launch()
    np.testing.assert_array_equal(on_cpu(y), [15, 10])


def test_what_was_in_store_makes_room_for_a_capture(strict_cupy, monkeypatch):
    """A pool asks for memory that another pool keeps: on a GPU with room for one and a half steps, that fails."""
    monkeypatch.setattr(devices, "memory", pools.reserved[0] + 60_000)
    x = on_gpu(np.ones(1250), "cuda")  # 10 kB
    with on_gpu_of((x,)):
        for _ in range(3):
            (x + 1) * (x + 2)
    assert strict_cupy.get_default_memory_pool().free_bytes() > 25_000
    graph = new_graph(x)
    with graph.capturing():
        y = (x + 1) * (x + 2)
    assert graph.pool.total_bytes() > 30_000
    np.testing.assert_array_equal(on_cpu(y), np.full(1250, 6))


def test_what_a_step_had_in_use_before_its_capture_is_given_back(strict_cupy):
    x = on_gpu(np.ones(1250), "cuda")
    with on_gpu_of((x,)):
        held = [x + 1]
    graph = new_graph(x)
    with graph.capturing():
        y = x * 2
        held.clear()
    assert strict_cupy.get_default_memory_pool().free_bytes() == 0
    assert memory_of_graphs() >= graph.pool.total_bytes() > 0
    np.testing.assert_array_equal(on_cpu(y), np.full(1250, 2))
