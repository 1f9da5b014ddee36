"""Products and convolutions in large tiles, and sums in several parts, which small cases would not reach."""

import numpy as np
import pytest

from minitorch_kernels import REGISTRY
from minitorch_kernels.arrays import on_cpu, on_gpu
from minitorch_kernels.conv2d import cuda
from minitorch_kernels.matmul import product_cuda

from ..test_implementations import compare

PAIRS = ((2, 1), (1, 2), (1, 1))  # stride, padding, dilation


@pytest.fixture(autouse=True)
def large_tiles_and_short_parts(monkeypatch):
    monkeypatch.setattr(product_cuda, "LARGE_TILES", 0)
    monkeypatch.setattr(cuda, "SHORTEST", 10)


def check(name, *args):
    there = [on_gpu(a, "cuda-sim") if isinstance(a, np.ndarray) else a for a in args]
    compare([on_cpu(REGISTRY[name](*there))], [REGISTRY[name].reference(*args)])


def draw(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(("M", "K", "N"), [(150, 40, 133), (3, 7, 200), (129, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matmul(M, K, N, dtype):
    check("matmul", draw(M, K, dtype=dtype), draw(K, N, dtype=dtype))
    check("matmul", draw(K, M, dtype=dtype).T, draw(N, K, dtype=dtype).T)


@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(groups):
    x, w, b = draw(2, 6, 15, 13), draw(20, 6 // groups, 3, 3), draw(20)
    check("conv2d", x, w, b, *PAIRS, groups)
    y = REGISTRY["conv2d"].reference(x, w, b, *PAIRS, groups)
    check("conv2d_input_grad", y, w, (15, 13), *PAIRS, groups)
    check("conv2d_weight_grad", y, x, (3, 3), *PAIRS, groups)
