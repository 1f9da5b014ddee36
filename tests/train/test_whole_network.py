"""LeNet trained for a few steps: on the references, on the fast kernels, with one thread and with two."""

import os

import numpy as np
import pytest

import minitorch_cv
from minitorch_cv import models, optim
from minitorch_cv.nn import functional
from minitorch_cv.tensor import Tensor

COMPILED = not os.environ.get("NUMBA_DISABLE_JIT", "0").strip("0")
pytestmark = pytest.mark.skipif(not COMPILED, reason="a training step takes minutes in plain Python")


@pytest.fixture
def images():
    """48 random pictures with labels, in batches of 20, 20 and 8."""
    rng = np.random.default_rng(0)
    return [(Tensor(rng.random((n, 1, 28, 28))), Tensor(rng.integers(0, 10, n))) for n in (20, 20, 8)]


def trained(images, activation, dtype):
    """All weights of LeNet, in one row, after a step on each batch."""
    minitorch_cv.manual_seed(0)
    net = models.lenet(activation=activation).to(np.dtype(dtype))
    optimizer = optim.SGD(net.parameters(), lr=0.5, momentum=0.9, weight_decay=1e-3)
    for x, y in images:
        optimizer.zero_grad()
        functional.cross_entropy(net(x.to(np.dtype(dtype))), y).backward()
        optimizer.step()
    return np.concatenate([p.detach().numpy().reshape(-1) for p in net.parameters()])


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_references_and_fast_kernels_learn_the_same(images, activation, dtype, tolerance):
    fast = trained(images, activation, dtype)
    with minitorch_cv.use("reference"):
        reference = trained(images, activation, dtype)
    np.testing.assert_allclose(fast, reference, rtol=0, atol=tolerance * np.abs(reference).max())


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_one_thread_and_two_give_the_same_bits(images, activation):
    import numba

    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this process has one thread only")
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        try:
            results.append(trained(images, activation, "float32").tobytes())
        finally:
            numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert results[0] == results[1]
