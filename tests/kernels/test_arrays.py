"""Arrays of the simulated GPU behave as CuPy's do: results stay there, and arrays on the CPU are refused."""

import numpy as np
import pytest

from minitorch_kernels import relu_grad
from minitorch_kernels.arrays import array_module, empty_like, on_cpu, on_gpu
from minitorch_kernels.sim_arrays import SimArray

X = on_gpu(np.arange(6.0).reshape(2, 3), "cuda-sim")


@pytest.mark.parametrize(
    "result",
    [X + 1, -X, X[0], X[0, 0], X.T, X.sum(), X.sum(axis=0), X.mean(), X > 2, np.exp(X), np.where(X > 2, X, 0)]
    + [np.concatenate([X, X]), X.reshape(-1), X.astype(np.float32), X @ X.T, np.split(X, 2)[0], divmod(X, 2)[1]],
)
def test_results_stay_on_the_device(result):
    assert isinstance(result, SimArray)


def test_new_arrays_beside_one():
    xp = array_module(X)
    for made in (xp.zeros(3), xp.arange(4), xp.asarray([1, 2]), xp.ascontiguousarray(X.T), empty_like(X, (7,))):
        assert isinstance(made, SimArray)
    assert isinstance(xp.full((2, 3), X[0, 0], np.float32), SimArray)
    assert isinstance(xp.asarray(np.ones(2)), SimArray)
    with pytest.raises(TypeError, match="lies on the CPU"):
        xp.maximum(X, np.ones((2, 3)))
    assert xp.float32 is np.float32
    assert array_module(np.zeros(1)) is np


def test_numbers_mix_and_arrays_of_the_cpu_do_not():
    host = np.ones((2, 3))
    assert (X + np.float64(1))[0, 0] == 1
    for mix in (lambda: X + host, lambda: host * X, lambda: np.add(X, X, out=host), lambda: np.where(host > 0, X, X)):
        with pytest.raises(TypeError, match=r"shape \(2, 3\) lies on the CPU, another on cuda-sim"):
            mix()
    with pytest.raises(ValueError, match=r"relu_grad: some arrays are on the CPU and some on the GPU"):
        relu_grad(X, host)


def test_in_place():
    x = on_gpu(np.arange(3.0), "cuda-sim")
    alias = x
    x += 1
    assert alias is x
    np.testing.assert_array_equal(on_cpu(x), [1, 2, 3])


def test_copies_share_nothing():
    host = np.zeros(3)
    there = on_gpu(host, "cuda-sim")
    back = on_cpu(there)
    there += 1
    assert host.sum() == back.sum() == 0
    assert type(back) is np.ndarray
