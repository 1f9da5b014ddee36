"""One line checks an operation: its forward against NumPy, its gradients against central differences."""

import numpy as np
import pytest

import minitorch_cv as mt


def numeric_gradient(function, arrays, position, cotangent, step=1e-6):
    """d <function(*arrays), cotangent> / d arrays[position], every element by a central difference."""
    moved = [array.copy() for array in arrays]
    x = moved[position]
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + step
        above = np.sum(function(*moved) * cotangent)
        x[i] = value - step
        below = np.sum(function(*moved) * cotangent)
        x[i] = value
        gradient[i] = (above - below) / (2 * step)
    return gradient


def check_op(op, reference, *arrays, rtol=1e-6, atol=1e-8):
    """`op` on tensors gives what `reference` gives on arrays, and its gradients are those of `reference`.

    Only float64 arrays get a gradient. The cotangent is random: one of all ones would hide what cancels.
    """
    tensors = [mt.tensor(array, requires_grad=array.dtype == np.float64) for array in arrays]
    y = op(*tensors)
    expected = np.asarray(reference(*arrays))
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-12, atol=1e-14)
    cotangent = np.random.default_rng(1).standard_normal(expected.shape)
    y.backward(mt.tensor(cotangent))
    for position, (tensor, array) in enumerate(zip(tensors, arrays)):
        np.testing.assert_array_equal(tensor.detach().numpy(), array, err_msg=f"input {position} was written")
        if tensor.requires_grad:
            numeric = numeric_gradient(reference, arrays, position, cotangent)
            np.testing.assert_allclose(
                tensor.grad.numpy(), numeric, rtol, atol, err_msg=f"gradient of input {position}"
            )


def table(*rows):
    """Rows (name, ...) as parameters for pytest, named by their first column."""
    return [pytest.param(*row[1:], id=row[0]) for row in rows]
