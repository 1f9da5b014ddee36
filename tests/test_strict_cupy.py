"""The stand-in for CuPy takes what CuPy takes, and refuses what CuPy refuses: its sources and documentation say so."""

import inspect

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F
from minitorch_kernels.arrays import on_gpu

from .strict_cupy import devices, pools
from .strict_cupy.signatures import TABLE, signature

VALUES = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def cupy(strict_cupy):
    return strict_cupy


@pytest.fixture
def x(cupy):
    return cupy.array(VALUES)


@pytest.mark.parametrize(
    "call",
    [
        lambda cupy, x: x.max(initial=0),
        lambda cupy, x: cupy.max(x, initial=0),
        lambda cupy, x: x.sum(where=x > 0),
        lambda cupy, x: x.clip(0, 1, None, None),
        lambda cupy, x: cupy.exp(x, where=x > 0),
        lambda cupy, x: x.astype(np.float32, casting="same_kind"),
        lambda cupy, x: cupy.take(x, [0], mode="raise"),
        lambda cupy, x: x.sort(kind="heapsort", order="f"),
    ],
)
def test_arguments_that_numpy_takes_and_cupy_does_not(cupy, x, call):
    with pytest.raises(TypeError):
        call(cupy, x)


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.array,
        np.float32,
        lambda x: np.isnan([x[0, 0], x[0, 1]]),
        lambda x: x + VALUES,
        lambda x: VALUES * x,
        lambda x: np.add(x, x, out=np.empty((2, 3))),
        lambda x: np.concatenate([x, VALUES]),
        lambda x: x[0] @ VALUES[0],
    ],
)
def test_nothing_becomes_an_array_of_numpy_by_itself(x, convert):
    with pytest.raises(TypeError):
        convert(x[0, 0] if convert is np.float32 else x)


def test_arrays_of_numpy_are_no_values(cupy, x):
    for index in (..., slice(None), 0):
        with pytest.raises(ValueError, match="cannot be used for fill"):
            x[index] = VALUES[0]
    x[0] = np.float64(7)
    x[..., 1:] = 8
    np.testing.assert_array_equal(x.get(), [[7, 8, 8], [3, 8, 8]])


def test_indices_out_of_range_wrap(cupy, x):
    np.testing.assert_array_equal(x[cupy.array([1, 2, -3])].get(), VALUES[[1, 0, 1]])
    np.testing.assert_array_equal(x[:, cupy.array([4])].get(), VALUES[:, [1]])
    np.testing.assert_array_equal(cupy.take(x, cupy.array([7])).get(), [1])
    x[cupy.array([3])] = 0
    np.testing.assert_array_equal(x.get(), [[0, 1, 2], [0, 0, 0]])
    with pytest.raises(IndexError):
        x[5]


def test_results_of_ufuncs_are_contiguous(cupy, x):
    for result in (x.T * 2, cupy.exp(x.T), x.T + x.T, x.T > 1, x[:, ::-1] - 1):
        assert result.flags.c_contiguous
    assert x.T.copy(order="K").flags.f_contiguous
    assert x.T.astype(np.float32).flags.f_contiguous


def test_arrays_have_to_lie_on_the_current_gpu(cupy, x):
    with cupy.cuda.Device(1):
        for compute in (lambda: x + 1, lambda: x.sum(), lambda: x.fill(0), lambda: cupy.stack([x, x])):
            with pytest.raises(ValueError, match=r"resides \(0\) is different from the current device \(1\)"):
                compute()
        assert x.T[1:].device.id == 0  # a view takes no work
        assert x.copy().device.id == 1  # and a copy goes from GPU to GPU
        np.testing.assert_array_equal(x.get(), VALUES)
        stream = cupy.cuda.Stream()
    with pytest.raises(RuntimeError, match=r"created on \(1\) does not match with the current device \(0\)"), stream:
        pass
    with pytest.raises(devices.CUDARuntimeError, match="invalid device ordinal"), cupy.cuda.Device(2):
        pass


def test_kernels_read_no_other_gpu(cupy, x, monkeypatch, gpu):
    monkeypatch.setattr("minitorch_kernels.cuda.launch.on_gpu_of", lambda values: cupy.cuda.Device(0))
    monkeypatch.setattr("minitorch_kernels.kernel.on_gpu_of", lambda values: cupy.cuda.Device(0))
    with pytest.raises(
        devices.CUDARuntimeError, match="ILLEGAL_ADDRESS: rectify, launched on device 0, reads memory of"
    ):
        F.relu(mt.Tensor(on_gpu(VALUES, "cuda", 1)))


def test_captured_work_waits_for_the_launch(cupy, x):
    y = cupy.zeros(3)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        total = x.sum(axis=0)
        y += total
        x[0] = 1
        for transfer in (
            y.get,
            lambda: float(y[0]),
            lambda: cupy.array(VALUES),
            lambda: y.set(VALUES[0]),
            lambda: x[x > 1],
        ):
            with pytest.raises(RuntimeError, match="the current stream is capturing"):
                transfer()
        with pytest.raises(RuntimeError, match="calls of cuBLAS"):
            x @ x.T
        graph = stream.end_capture()
    np.testing.assert_array_equal(y.get(), [0, 0, 0])
    assert np.isnan(total.get()).all()  # memory that nobody wrote
    for expected in ([3, 5, 7], [7, 10, 13]):
        graph.launch()
        np.testing.assert_array_equal(y.get(), expected)


def test_memory_is_handed_out_again(cupy):
    pool = cupy.get_default_memory_pool()
    first = cupy.ones(10)
    address = first.data.ptr
    del first
    assert (pool.used_bytes(), pool.free_bytes()) == (0, 512)
    again = cupy.empty(10)
    assert again.data.ptr == address
    assert np.isnan(again.get()).all()
    del again
    pool.free_all_blocks()
    assert pool.total_bytes() == 0


def test_a_full_gpu(cupy, monkeypatch):
    monkeypatch.setattr(devices, "memory", 2048)
    held = cupy.zeros(128)
    del held
    private = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(private.malloc):
        with pytest.raises(pools.OutOfMemoryError, match="allocating 1,536 bytes"):
            cupy.empty(192)  # the other pool keeps what nobody uses
        cupy.get_default_memory_pool().free_all_blocks()
        assert cupy.empty(192).nbytes == 1536


def test_names_that_cupy_has_not(cupy):
    for name in ("float128", "ma", "longdouble", "load_from_nowhere"):
        with pytest.raises(AttributeError, match=name):
            getattr(cupy, name)


def test_every_recorded_signature_can_be_bound():
    for kind in ("functions", "methods"):
        for name in TABLE[kind]:
            assert isinstance(signature(kind, name), inspect.Signature)
    assert len(TABLE["functions"]) > 200
    assert str(signature("methods", "max")).count("=") == 3
