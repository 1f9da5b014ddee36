"""Products and convolutions in large tiles, and sums in several parts, which small cases would not reach."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_kernels import REGISTRY
from minitorch_kernels.arrays import on_cpu, on_gpu
from minitorch_kernels.conv2d import cuda
from minitorch_kernels.cuda import precision
from minitorch_kernels.matmul import product_cuda

from ..test_implementations import compare

PAIRS = ((2, 1), (1, 2), (1, 1))  # stride, padding, dilation


@pytest.fixture(params=["highest", "high"])
def rounded(request, monkeypatch):
    """The function that says what a product reads of its float32 factors."""
    monkeypatch.setattr(precision, "float32_matmul", request.param)
    return to_tf32 if request.param == "high" else lambda x: x


def to_tf32(x):
    """10 of the 23 bits of the mantissa, the nearest, a tie away from zero."""
    if x.dtype != np.float32:
        return x
    mantissa, exponent = np.frexp(x.astype(np.float64))
    scaled = mantissa * 2**11
    return np.ldexp(np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) / 2**11, exponent).astype(np.float32)


@pytest.fixture(autouse=True)
def large_tiles_and_short_parts(monkeypatch):
    monkeypatch.setattr(product_cuda, "LARGE_TILES", 0)
    monkeypatch.setattr(cuda, "SHORTEST", 10)


def check(rounded, name, *args):
    """The kernel against its reference, which is given factors as `rounded` leaves them."""
    there = [on_gpu(a, "cuda-sim") if isinstance(a, np.ndarray) else a for a in args]
    known = [rounded(a) if isinstance(a, np.ndarray) and a.ndim > 1 else a for a in args]
    compare([on_cpu(REGISTRY[name](*there))], [REGISTRY[name].reference(*known)])


def draw(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(("M", "K", "N"), [(150, 40, 133), (3, 7, 200), (129, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matmul(M, K, N, dtype, rounded):
    check(rounded, "matmul", draw(M, K, dtype=dtype), draw(K, N, dtype=dtype))
    check(rounded, "matmul", draw(K, M, dtype=dtype).T, draw(N, K, dtype=dtype).T)


@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(groups, rounded):
    x, w, b = draw(2, 6, 15, 13), draw(20, 6 // groups, 3, 3), draw(20)
    check(rounded, "conv2d", x, w, b, *PAIRS, groups)
    y = REGISTRY["conv2d"].reference(x, w, b, *PAIRS, groups)
    check(rounded, "conv2d_input_grad", y, w, (15, 13), *PAIRS, groups)
    check(rounded, "conv2d_weight_grad", y, x, (3, 3), *PAIRS, groups)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision\('low'\): choose one of 'highest', 'high', 'medium'"):
        mt.set_float32_matmul_precision("low")
    assert mt.get_float32_matmul_precision() == "highest"
