"""The simulated GPU: it computes what CUDA would, and stops where CUDA would read or wait for what is not there."""

from pathlib import Path

import numpy as np
import pytest

from minitorch_kernels.arrays import on_cpu, on_gpu
from minitorch_kernels.cuda import simulator
from minitorch_kernels.cuda.launch import launch

PROBE = Path(__file__).parent / "probe.cu"
BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def given(dtype, count):
    x = np.random.default_rng(0).standard_normal(count).astype(dtype)
    return x, on_gpu(x, "cuda-sim")


def empty(dtype, count):
    return on_gpu(np.full(count, np.nan if np.dtype(dtype).kind == "f" else -1, dtype), "cuda-sim")


@pytest.fixture(params=[0, 1, 2], ids=["in order", "shuffled", "shuffled otherwise"])
def order(request, monkeypatch):
    monkeypatch.setattr(simulator, "shuffle_seed", request.param)


@BOTH
@pytest.mark.parametrize("grid", [(1,), (3,), (2, 2)])
def test_each_thread_has_its_elements(dtype, grid, order):
    x, x_there = given(dtype, 100)
    y = empty(dtype, 100)
    launch(PROBE, "double_each", grid, (32,), x_there, y, 100)
    np.testing.assert_array_equal(on_cpu(y), 2 * x)


@BOTH
def test_a_block_meets_at_its_barrier(dtype, order):
    x, x_there = given(dtype, 192)
    y = empty(dtype, 3)
    launch(PROBE, "block_sums", (3,), (64,), x_there, y)
    np.testing.assert_allclose(on_cpu(y), x.reshape(3, 64).sum(1), rtol=1e-5)


@BOTH
def test_lanes_exchange_values(dtype, order):
    x, x_there = given(dtype, 128)
    sums, following, positive = empty(dtype, 128), empty(dtype, 128), empty(np.int32, 128)
    launch(PROBE, "lane_sums", (2,), (64,), x_there, sums)
    launch(PROBE, "lanes", (2,), (64,), x_there, following, positive)
    warps = x.reshape(4, 32)
    np.testing.assert_allclose(on_cpu(sums), np.repeat(warps.sum(1), 32), rtol=1e-4)
    np.testing.assert_array_equal(on_cpu(following), np.append(warps[:, 1:], warps[:, -1:], axis=1).ravel())
    np.testing.assert_array_equal(on_cpu(positive), np.repeat((warps > 0).sum(1), 32))


def test_a_vote_is_over_before_the_next_begins(order):
    agreed = empty(np.int32, 64)
    launch(PROBE, "two_votes", (1,), (64,), empty(np.float32, 1), agreed)
    np.testing.assert_array_equal(on_cpu(agreed), 2)  # the first vote fails, the second one holds


def test_a_race_shows_when_the_order_changes(monkeypatch):
    _, x = given(np.float32, 64)
    results = []
    for seed in (0, 1):
        monkeypatch.setattr(simulator, "shuffle_seed", seed)
        y = empty(np.float32, 64)
        launch(PROBE, "race", (1,), (64,), x, y)
        results.append(on_cpu(y))
    assert not np.array_equal(*results, equal_nan=True)
    assert np.isnan(results[0]).any()  # shared memory that nobody wrote yet


@BOTH
def test_copies_are_there_after_the_wait(dtype, order):
    x, x_there = given(dtype, 64)
    y, fours = empty(dtype, 64), empty(dtype, 64)
    launch(PROBE, "copied", (1,), (64,), x_there, y)
    np.testing.assert_array_equal(on_cpu(y), np.append(np.zeros(4), x[4:])[::-1])
    launch(PROBE, "copied_by_fours", (1,), (16,), x_there, fours, 0)
    np.testing.assert_array_equal(on_cpu(fours), x.reshape(16, 4)[::-1].ravel())


def test_a_wait_that_is_missing_shows_when_the_order_changes(monkeypatch):
    x, x_there = given(np.float32, 64)
    for seed, found in ((0, x[::-1]), (1, np.full(64, np.nan))):
        monkeypatch.setattr(simulator, "shuffle_seed", seed)
        y = empty(np.float32, 64)
        launch(PROBE, "copied_without_waiting", (1,), (64,), x_there, y)
        np.testing.assert_array_equal(on_cpu(y), found)


def test_four_numbers_are_copied_from_an_even_place():
    _, x = given(np.float32, 68)
    with pytest.raises(RuntimeError, match="four numbers are copied from 1 to 0, which are not both multiples of 4"):
        launch(PROBE, "copied_by_fours", (1,), (16,), x, empty(np.float32, 64), 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("read_behind", r"read_behind: index 8 of an array of 8 elements \(thread 7 0 0 of block 0 0 0\)"),
        ("read_before", r"read_before: index -1 of an array of 8 elements \(thread 0 0 0 of block 0 0 0\)"),
    ],
)
def test_an_access_outside_of_an_array_stops_the_launch(name, text):
    _, x = given(np.float32, 8)
    with pytest.raises(RuntimeError, match=text):
        launch(PROBE, name, (1,), (8,), x, empty(np.float32, 1))


def test_an_access_outside_of_shared_memory_stops_the_launch():
    with pytest.raises(RuntimeError, match="index 8 of a shared array of 8"):
        launch(PROBE, "share_too_far", (1,), (9,), empty(np.float32, 1))


@pytest.mark.parametrize("name", ["half_at_barrier", "half_a_warp_waits"])
def test_waiting_for_threads_that_never_come_is_an_error(name):
    with pytest.raises(RuntimeError, match=rf"{name}: some threads of block 0 0 0 wait for others"):
        launch(PROBE, name, (1,), (32,), empty(np.float32, 32))


def test_after_an_error_the_next_launch_works():
    test_waiting_for_threads_that_never_come_is_an_error("half_at_barrier")
    x, x_there = given(np.float32, 64)
    y = empty(np.float32, 1)
    launch(PROBE, "block_sums", (1,), (64,), x_there, y)
    np.testing.assert_allclose(on_cpu(y), x.sum(), rtol=1e-5)


def test_arrays_with_strides_are_refused():
    _, x = given(np.float32, 8)
    with pytest.raises(ValueError, match=r"double_each: an array of shape \(4,\) has strides \(8,\); copy it first"):
        launch(PROBE, "double_each", (1,), (4,), x[::2], empty(np.float32, 4), 4)


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    simulator.library.cache_clear()
    with pytest.raises(RuntimeError, match=r"there is no no-such-compiler; install g\+\+, or set CXX"):
        launch(PROBE, "half_at_barrier", (1,), (1,), empty(np.float32, 1))


def test_what_the_compiler_says_is_shown(tmp_path):
    (tmp_path / "broken.cu").write_text('#include "device.cuh"\nextern "C" __global__ void f(Global<REAL> y) { o; }\n')
    with pytest.raises(RuntimeError, match=r"broken\.cu:2"):
        launch(tmp_path / "broken.cu", "f", (1,), (1,), empty(np.float32, 1))
