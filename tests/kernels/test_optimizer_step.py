"""What the optimizers' steps share: shapes are checked, averages keep their level, an update reaches its array."""

import numpy as np
import pytest

from minitorch_kernels import REGISTRY, use
from minitorch_kernels.adadelta import adadelta_steps
from minitorch_kernels.adagrad import adagrad_steps
from minitorch_kernels.adam import adam_steps
from minitorch_kernels.optimizer_step import TASK, addresses_of_all
from minitorch_kernels.rmsprop import rmsprop_steps
from minitorch_kernels.sgd import sgd_steps

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


SHAPES = [(), (3,), (2, 3, 2, 2), (0,), (TASK + 5,)]
OPTIONS = {
    "sgd": [(0.1, 0.0, 0.0, False, 0.0, False), (0.1, 0.9, 0.0, True, 0.01, True), (0.1, 0.9, 0.5, False, 0.0, False)],
    "adam": [(0.1, 0.9, 0.99, 1e-8, 0.01, True, True), (0.1, 0.9, 0.99, 1e-8, 0.01, False, False)],
}


def arrays_of(rng, buffers, order="C"):
    return [[np.asarray(rng.uniform(0.1, 1, shape), np.float32, order) for _ in range(2 + buffers)] for shape in SHAPES]


def copies(params):
    return [[None if array is None else array.copy("K") for array in arrays] for arrays in params]


@pytest.mark.parametrize("options", OPTIONS["sgd"])
def test_sgd_on_all_parameters_at_once_has_the_bits_of_one_by_one(rng, options):
    params = arrays_of(rng, 1)
    momentum = options[1] != 0
    params = params if momentum else [[p, g, None] for p, g, _ in params]
    first = [k % 2 == 0 for k in range(len(params))]
    one_by_one = copies(params)
    for arrays, new in zip(one_by_one, first):
        REGISTRY["sgd_step"](*arrays, *options, new)
    sgd_steps(*map(list, zip(*params)), *options, first)
    assert_same_bits(params, one_by_one)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("options", OPTIONS["adam"])
def test_adam_on_all_parameters_at_once_has_the_bits_of_one_by_one(rng, options, amsgrad):
    params = arrays_of(rng, 3)
    params = params if amsgrad else [[*arrays[:4], None] for arrays in params]
    steps = [1 + k for k in range(len(params))]
    one_by_one = copies(params)
    for arrays, step in zip(one_by_one, steps):
        REGISTRY["adam_step"](*arrays, *options, step)
    adam_steps(*map(list, zip(*params)), *options, steps)
    assert_same_bits(params, one_by_one)


@pytest.mark.parametrize("used", [(True, True), (True, False), (False, True), (False, False)])
def test_rmsprop_on_all_parameters_at_once_has_the_bits_of_one_by_one(rng, used):
    """used: the momentum buffer and the average of the gradients."""
    params = [
        [*arrays[:3], *(array if wanted else None for array, wanted in zip(arrays[3:], used))]
        for arrays in arrays_of(rng, 3)
    ]
    for arrays in params:  # the variance is not negative
        arrays[2][...] += 10
    check_all("rmsprop_step", rmsprop_steps, params, (0.1, 0.9, 1e-3, 0.2, 0.8, True))


def test_adadelta_on_all_parameters_at_once_has_the_bits_of_one_by_one(rng):
    check_all("adadelta_step", adadelta_steps, arrays_of(rng, 2), (0.7, 0.9, 1e-3, 0.2, True))


def check_all(name, steps, params, options):
    one_by_one = copies(params)
    for arrays in one_by_one:
        REGISTRY[name](*arrays, *options)
    steps(*map(list, zip(*params)), *options)
    assert_same_bits(params, one_by_one)


def test_adagrad_on_all_parameters_at_once_has_the_bits_of_one_by_one(rng):
    params, options = arrays_of(rng, 1), (1e-3, 0.2, True)
    lrs = [0.1 / (1 + k) for k in range(len(params))]
    one_by_one = copies(params)
    for arrays, lr in zip(one_by_one, lrs):
        REGISTRY["adagrad_step"](*arrays, lr, *options)
    adagrad_steps(*map(list, zip(*params)), lrs, *options)
    assert_same_bits(params, one_by_one)


def test_a_gradient_in_another_order_of_memory_does_not_part_them(rng, monkeypatch):
    params, alone = arrays_of(rng, 1), []
    params[2][1] = np.asfortranarray(params[2][1])
    one_by_one = copies(params)
    check_sgd(params)
    monkeypatch.setattr(REGISTRY["sgd_step"], "cpu", lambda *args: alone.append(args))
    sgd_steps(*map(list, zip(*one_by_one)), 0.1, 0.9, 0.0, False, 0.0, False, [False] * len(params))
    assert not alone


def test_a_parameter_in_another_order_of_memory_goes_by_itself(rng, implementation):
    params = arrays_of(rng, 1)
    together = addresses_of_all(REGISTRY["sgd_step"], params)
    assert (together is not None) == (implementation == "cpu")
    params[2][0] = np.asfortranarray(params[2][0])
    assert addresses_of_all(REGISTRY["sgd_step"], params) is None
    check_sgd(params)


def check_sgd(params):
    """All at once has the bits of one by one, with momentum."""
    one_by_one = copies(params)
    for arrays in one_by_one:
        REGISTRY["sgd_step"](*arrays, 0.1, 0.9, 0.0, False, 0.0, False, False)
    sgd_steps(*map(list, zip(*params)), 0.1, 0.9, 0.0, False, 0.0, False, [False] * len(params))
    assert_same_bits(params, one_by_one)


def assert_same_bits(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a, b, strict=True):
            assert x is y is None or x.tobytes() == y.tobytes()
