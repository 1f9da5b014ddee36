"""What the optimizers' steps share: shapes are checked, averages keep their level, an update reaches its array."""

import numpy as np
import pytest

from minitorch_kernels import REGISTRY, use

from .cases_optimizers import CASES, IN_PLACE

pytestmark = pytest.mark.parametrize("implementation", ["reference", "cpu"])


@pytest.fixture(autouse=True)
def chosen(implementation):
    """Run the kernels of each test on one implementation."""
    with use(implementation):
        yield


@pytest.mark.parametrize("name", CASES)
def test_shapes_must_agree(name, rng):
    for position in (1, *IN_PLACE[name][1:]):
        args = list(CASES[name][-1](rng, np.float64))
        if args[position] is not None:
            args[position] = np.ones(7)
            with pytest.raises(ValueError, match=rf"{name}: \w+ has shape \(7,\) but the parameter"):
                REGISTRY[name](*args)


@pytest.mark.parametrize("name", CASES)
def test_a_parameter_of_no_axes_walks_as_one_of_one_element(name):
    for case in CASES[name]:
        if case.keywords.get("shape") is None:
            one, none = (list(case(np.random.default_rng(0), np.float64, shape=shape)) for shape in ((1,), ()))
            REGISTRY[name](*one)
            REGISTRY[name](*none)
            for i in IN_PLACE[name]:
                assert one[i] is none[i] is None or np.array_equal(one[i], none[i].reshape(1))


def test_the_average_of_a_constant_in_float32_is_that_constant():
    """beta and 1 - beta, rounded apart, would leave the average of squares 1.3e-5 too large."""
    param, grad, average, squares = np.zeros(1, "f"), np.full(1, 3, "f"), np.full(1, 3, "f"), np.full(1, 9, "f")
    for step in range(1, 1001):
        REGISTRY["adam_step"](param, grad, average, squares, None, 0.1, 0.9, 0.999, 1e-8, 0.0, False, False, step)
    np.testing.assert_allclose([average[0], squares[0]], [3, 9], rtol=1e-6)


def test_the_bias_correction_fits_the_average_in_float32():
    """With a gradient that never changes, each step of Adam has the length lr."""
    param, grad, average, squares = np.zeros(1, "f"), np.ones(1, "f"), np.zeros(1, "f"), np.zeros(1, "f")
    for step in range(1, 501):
        param[:] = 0
        REGISTRY["adam_step"](param, grad, average, squares, None, 1.0, 0.9, 0.999, 0.0, 0.0, False, False, step)
    np.testing.assert_allclose(param, -1, rtol=1e-6)


def test_an_update_reaches_an_array_with_gaps_and_nothing_between(rng):
    roomy = np.ones((4, 6))
    param, grad = roomy[:, ::2], rng.standard_normal((4, 3))
    squares = np.asfortranarray(np.zeros((4, 3)))
    REGISTRY["adagrad_step"](param, grad, squares, 0.5, 0.0, 0.0, False)
    np.testing.assert_allclose(param, 1 - 0.5 * np.sign(grad))
    np.testing.assert_allclose(squares, grad**2)
    assert (roomy[:, 1::2] == 1).all()
