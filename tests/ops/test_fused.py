"""Steps in one pass give what they give one by one: the same forward, gradients and running statistics."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F
from minitorch_cv.ops import fused

from .differences import batch_last, distinct, reversed_memory

ACTIVATIONS = {"relu": F.relu, "sigmoid": F.sigmoid, "tanh": F.tanh}
FORMS = [(True, True), (True, False), (False, True), (False, False)]  # with a residual, with a relu
MEMORY = [np.ascontiguousarray, batch_last, reversed_memory]
# shape, kernel, stride, padding
WINDOWS = [
    ((2, 3, 4, 6), (2, 2), (2, 2), (0, 0)),
    ((17, 1, 5, 4), (3, 3), (2, 2), (1, 1)),
    ((1, 2, 5, 7), (3, 2), (1, 3), (1, 0)),
    ((9, 2, 4, 6), (2, 3), (2, 3), (0, 0)),
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0)),
]


def gradients(operation, arrays):
    """y and the gradients of all arrays for a random dy."""
    tensors = [mt.Tensor(array.copy("K"), requires_grad=True) for array in arrays]
    y = operation(*tensors)
    y.backward(mt.Tensor(np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)))
    return [y.detach().numpy(), *(tensor.grad.numpy() for tensor in tensors)]


def assert_same(one_pass, steps, arrays, exact=True):
    for a, b in zip(gradients(one_pass, arrays), gradients(steps, arrays), strict=True):
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=0, atol=np.finfo(a.dtype).eps * 8 * np.abs(b).max(initial=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("residual", "relu"), FORMS)
def test_batch_norm_add_relu_is_its_three_steps(rng, residual, relu, training, memory, dtype):
    x, shortcut = (memory(a.astype(dtype)) for a in rng.normal(size=(2, 5, 3, 2, 4)))
    w, b, mean, var = (rng.uniform(0.5, 1.5, 3).astype(dtype) for _ in range(4))
    running = {"one pass": (mt.tensor(mean), mt.tensor(var)), "steps": (mt.tensor(mean), mt.tensor(var))}

    def one_pass(x, w, b, *residual):
        options = {"training": training, "momentum": 0.3, "eps": 1e-3, "relu": relu}
        return fused.batch_norm_add_relu(x, *running["one pass"], w, b, residual=(*residual, None)[0], **options)

    def steps(x, w, b, *residual):
        y = F.batch_norm(x, *running["steps"], w, b, training, 0.3, 1e-3)
        y = y + residual[0] if residual else y
        return F.relu(y) if relu else y

    assert_same(one_pass, steps, [x, w, b, shortcut] if residual else [x, w, b])
    for a, b in zip(running["one pass"], running["steps"]):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        assert np.array_equal(a.numpy(), mean) is False or not training


def test_batch_norm_add_relu_without_weights_and_on_rows(rng):
    x, residual = rng.normal(size=(2, 6, 3))
    assert_same(
        lambda x, r: fused.batch_norm_add_relu(x, None, None, training=True, residual=r),
        lambda x, r: F.relu(F.batch_norm(x, None, None, training=True) + r),
        [x, residual],
    )


def test_a_nan_in_the_sum_passes_the_relu_and_lets_its_gradient_through(rng):
    x, residual = rng.normal(size=(2, 4, 2, 3, 3))
    residual[1, 0, 1, 1] = np.nan
    y, dx, dresidual = gradients(
        lambda x, r: fused.batch_norm_add_relu(x, None, None, training=True, residual=r), [x, residual]
    )
    assert np.isnan(y[1, 0, 1, 1])
    assert np.isnan(y).sum() == 1
    assert dresidual[1, 0, 1, 1] != 0
    assert np.isfinite(dx).all()


def test_batch_norm_add_relu_names_itself_in_errors():
    with pytest.raises(ValueError, match="batch_norm_add_relu: training needs more than one value per channel"):
        fused.batch_norm_add_relu(mt.zeros(1, 3), None, None, training=True)
    with pytest.raises(RuntimeError, match="batch_norm_add_relu: training=False needs running_mean"):
        fused.batch_norm_add_relu(mt.zeros(2, 3), None, None)
    with pytest.raises(RuntimeError, match=r"batch_norm_add_relu: x has shape \(2, 3\) but residual \(2, 4\)"):
        fused.batch_norm_add_relu(mt.zeros(2, 3), None, None, training=True, residual=mt.zeros(2, 4))


@pytest.mark.parametrize("memory", MEMORY)
def test_add_relu_is_its_two_steps(rng, memory):
    x, z = (memory(a.astype(np.float32)) for a in rng.normal(size=(2, 3, 2, 4, 5)))
    x[0, 0, 0, 0] = np.nan
    assert_same(fused.add_relu, lambda x, z: F.relu(x + z), [x, z])
    with pytest.raises(RuntimeError, match=r"add_relu: x has shape \(2, 3\) but the other term \(3,\)"):
        fused.add_relu(mt.zeros(2, 3), mt.zeros(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), WINDOWS)
def test_activation_and_average_pooling(rng, shape, kernel, stride, padding, activation, memory, dtype):
    x = memory(rng.normal(size=shape).astype(dtype))
    for ceil_mode, count_include_pad, divisor in [(False, True, None), (True, False, None), (False, True, 3)]:
        options = (kernel, stride, padding, ceil_mode, count_include_pad, divisor)
        assert_same(
            lambda x, options=options: fused.activation_avg_pool(x, activation, *options),
            lambda x, options=options: F.avg_pool2d(ACTIVATIONS[activation](x), *options),
            [x],
            exact=False,
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), WINDOWS)
def test_activation_and_max_pooling(rng, shape, kernel, stride, padding, activation, memory, dtype):
    x = memory(distinct(rng, *shape).astype(dtype) / 4)
    for dilation, ceil_mode in [((1, 1), True), ((2, 1), False)]:
        if shape[2] < dilation[0] * (kernel[0] - 1) + 1:
            continue
        options = (kernel, stride, padding, dilation, ceil_mode)
        assert_same(
            lambda x, options=options: fused.activation_max_pool(x, activation, *options),
            lambda x, options=options: F.max_pool2d(ACTIVATIONS[activation](x), *options),
            [x],
            exact=False,
        )


def test_an_unknown_activation_is_named():
    with pytest.raises(
        RuntimeError, match="activation_avg_pool: activation='gelu'; choose one of 'relu', 'sigmoid', 'tanh'"
    ):
        fused.activation_avg_pool(mt.zeros(1, 1, 2, 2), "gelu", (2, 2), (2, 2), (0, 0), False, True, None)
