"""Autocast: what a product on the GPU reads of its factors, forward and backward, and where nothing changes."""

import numpy as np
import pytest

import minitorch_cv as mt
import minitorch_cv.nn.functional as F
from minitorch_cv.ops.differentiable import differentiable
from minitorch_kernels.cuda import precision

from .kernels.cuda.conftest import usable_gpu  # noqa: F401
from .kernels.cuda.test_tiles import to_bf16


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


OPERATIONS = {
    "matmul": (mt.matmul, draw(2, 5, 20), draw(20, 7)),
    "linear": (F.linear, draw(5, 20), draw(7, 20)),
    "conv2d": (lambda x, w: F.conv2d(x, w, padding=1, stride=2), draw(2, 3, 6, 5), draw(4, 3, 3, 3)),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w, stride=2), draw(2, 3, 4, 3), draw(3, 4, 3, 3)),
}
by_operation = pytest.mark.parametrize("name", OPERATIONS)


def gradients(name, device, round_by=lambda x: x, autocast=False):
    """Output and both gradients, the backward after the end of the block."""
    operation, x, w = OPERATIONS[name]
    x, w = (mt.tensor(round_by(a), device=device, requires_grad=True) for a in (x, w))
    with mt.autocast("cuda", enabled=autocast):
        y = operation(x, w)
    dy = np.ones(y.shape, np.float32) + draw(*y.shape)
    y.backward(mt.tensor(round_by(dy), device=device))
    assert y.dtype == x.grad.dtype == w.grad.dtype == mt.float32
    return [a.cpu().detach().numpy() for a in (y, x.grad, w.grad)]


@by_operation
def test_factors_are_rounded_forward_and_backward(name, gpu):
    for got, expected in zip(gradients(name, gpu, autocast=True), gradients(name, "cpu", to_bf16), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@by_operation
def test_outside_of_the_block_all_digits_count(name, gpu):
    for got, expected in zip(gradients(name, gpu), gradients(name, "cpu"), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@by_operation
def test_on_the_cpu_nothing_changes(name):
    for got, expected in zip(gradients(name, "cpu", autocast=True), gradients(name, "cpu"), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_blocks_nest_and_end_with_an_error():
    assert not mt.is_autocast_enabled()
    with mt.autocast():
        with mt.amp.autocast("cuda", dtype=mt.bfloat16, enabled=False):
            assert precision.rounding() is None
        assert precision.rounding() == "bf16"
        with pytest.raises(KeyError), mt.autocast():
            raise KeyError
        assert precision.rounding() == "bf16"
    assert precision.rounding() is None


def test_autocast_decorates_a_function():
    @mt.autocast("cuda")
    def inside():
        return mt.is_autocast_enabled(), mt.is_autocast_enabled("cpu")

    assert inside() == (True, False)
    assert not mt.is_autocast_enabled()


seen = []


@differentiable
def spy(x):
    seen.append(precision.rounding())
    return x + 1, (lambda dy: dy,)


def test_a_recorded_step_rounds_where_the_step_does():
    @mt.compile
    def step(x):
        with mt.autocast("cuda"):
            y = spy(x)
        return spy(y)

    for _ in range(4):
        seen.clear()
        step(mt.ones(3))
        assert seen == ["bf16", None]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("cpu",), "device_type='cpu' has no matrix instructions here; use 'cuda'"),
        (("cuda", mt.float16), "dtype=float16 is not supported; use minitorch_cv.bfloat16"),
    ],
)
def test_what_is_not_supported_is_an_error(arguments, text):
    with pytest.raises(RuntimeError, match=text):
        mt.autocast(*arguments)


def test_no_tensor_is_bfloat16():
    with pytest.raises(TypeError, match="no tensor can be bfloat16: it is what `autocast` rounds factors to"):
        mt.zeros(3, dtype=mt.bfloat16)
