"""Gradients of operations against central differences, and other helpers of the tests of operations."""

import numpy as np

import minitorch_cv as mt

STEP = 1e-5


def assert_gradients(operation, *arrays):
    """backward of `operation(*tensors)` agrees with differences in every element of every float64 array."""
    tensors = [mt.tensor(array, requires_grad=True) for array in arrays]
    y = operation(*tensors)
    dy = np.random.default_rng(1).normal(size=y.shape)
    y.backward(mt.tensor(dy))
    with mt.no_grad():
        for tensor in tensors:
            numeric = np.empty(tensor.shape)
            for index in np.ndindex(tensor.shape):
                numeric[index] = slope(lambda: (operation(*tensors).numpy() * dy).sum(), tensor, index)
            np.testing.assert_allclose(tensor.grad.numpy(), numeric, rtol=1e-6, atol=1e-8)


def slope(loss, tensor, index):
    """(loss(x + h) - loss(x - h)) / 2h for one element x of the tensor."""
    x = tensor.detach().numpy()
    before = x[index]
    x[index] = before + STEP
    above = loss()
    x[index] = before - STEP
    below = loss()
    x[index] = before
    return (above - below) / (2 * STEP)


def distinct(rng, *shape):
    """Values in random order that lie at least 0.1 apart: no ties, and no maximum that a difference could move."""
    return (rng.permutation(int(np.prod(shape))).reshape(shape) - 3) * 0.1


def batch_last(array):
    """The same values, the first axis contiguous in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 0, -1)), -1, 0)


def reversed_memory(array):
    """The same values in memory with negative strides."""
    return array[..., ::-1].copy()[..., ::-1]
