"""Operations of two operands: broadcasting, numbers and arrays on either side, dtypes, slopes at special points."""

import numpy as np
import pytest

import minitorch_cv as mt

from .op_table import check_op, table

RNG = np.random.default_rng(0)
A = RNG.standard_normal((3, 4))
ROW = RNG.standard_normal(4)
COLUMN = RNG.standard_normal((2, 3, 1))
SCALAR = np.array(0.7)
POSITIVE = np.abs(A) + 0.3

OPS = table(
    ("add", lambda a, b: a + b, lambda a, b: a + b),
    ("add_alpha", lambda a, b: mt.add(a, b, alpha=2), lambda a, b: a + 2 * b),
    ("sub", lambda a, b: a - b, lambda a, b: a - b),
    ("sub_alpha", lambda a, b: mt.sub(a, b, alpha=-3), lambda a, b: a + 3 * b),
    ("mul", lambda a, b: a * b, lambda a, b: a * b),
    ("div", lambda a, b: a / (b + 4), lambda a, b: a / (b + 4)),
    ("pow", lambda a, b: (a * a + 1) ** b, lambda a, b: (a * a + 1) ** b),
    ("remainder", lambda a, b: a % (b + 4), lambda a, b: a % (b + 4)),
    ("maximum", mt.maximum, np.maximum),
    ("minimum", mt.minimum, np.minimum),
    ("where", lambda a, b: mt.where(a > b, a, 2 * b), lambda a, b: np.where(a > b, a, 2 * b)),
    ("lerp_number", lambda a, b: mt.lerp(a, b, 0.3), lambda a, b: a + 0.3 * (b - a)),
)


@pytest.mark.parametrize(
    "other", [RNG.standard_normal((3, 4)), ROW, COLUMN, SCALAR], ids=["same", "row", "column", "scalar"]
)
@pytest.mark.parametrize(("op", "reference"), OPS)
def test_two_operands(op, reference, other):
    check_op(op, reference, A, other)
    check_op(lambda b, a: op(a, b), lambda b, a: reference(a, b), A, other)


def test_lerp_has_a_gradient_for_the_weight():
    check_op(mt.lerp, lambda a, b, w: a + w * (b - a), A, ROW, COLUMN)


NUMBERS = table(
    ("radd", lambda x: 2 + x),
    ("rsub", lambda x: 1.0 - x),
    ("rmul", lambda x: 3 * x),
    ("rdiv", lambda x: 2.5 / x),
    ("rpow", lambda x: 2.0**x),
    ("rmod", lambda x: 7.0 % x),
    ("square", lambda x: x**2),
    ("cube", lambda x: x**3),
    ("root", lambda x: x**0.5),
    ("inverse", lambda x: x**-1),
    ("zeroth", lambda x: x**0),
    ("numpy_float", lambda x: np.float64(2) * x),
    ("numpy_right", lambda x: x - ROW),
    ("numpy_left", lambda x: ROW / x),
    ("numpy_0d", lambda x: x * np.array(2.0)),
)


@pytest.mark.parametrize("function", NUMBERS)
def test_numbers_and_arrays_on_either_side(function):
    check_op(function, function, POSITIVE)


def test_an_array_on_the_left_leaves_the_work_to_the_tensor():
    x = mt.ones(3, requires_grad=True)
    y = np.arange(3.0) * x
    assert isinstance(y, mt.Tensor)
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 2]


def test_sum_of_tensors_starts_at_zero():
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    total = sum([x, x * 2])
    total.sum().backward()
    assert total.tolist() == [3, 6]
    assert x.grad.tolist() == [3, 3]


def test_floor_divide_and_remainder_follow_python():
    x = mt.tensor([-7, 7, -8, 8])
    assert (x // 3).tolist() == [-3, 2, -3, 2]
    assert (x % 3).tolist() == [2, 1, 1, 2]
    assert (x % -3).tolist() == [-1, -2, -2, -1]
    assert (17 // mt.tensor([5])).tolist() == [3]


def test_pow_slopes_at_zero():
    x = mt.tensor([0.0, 0.0, 2.0], dtype=mt.float64, requires_grad=True)
    z = mt.tensor([0.0, 2.0, 0.0], dtype=mt.float64, requires_grad=True)
    (x**z).sum().backward()
    assert x.grad.tolist() == [0, 0, 0]
    np.testing.assert_allclose(z.grad.numpy(), [0, 0, np.log(2)])


def test_maximum_shares_ties_and_keeps_nan():
    a = mt.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = mt.tensor([1.0, 5.0, 0.0], requires_grad=True)
    mt.maximum(a, b).sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0.5, 0, 1], [0.5, 1, 0])
    assert mt.maximum(mt.tensor([np.nan]), mt.tensor([1.0])).isnan().all()
    assert mt.minimum(mt.tensor([1.0]), mt.tensor([np.nan])).isnan().all()


def test_division_by_zero_is_silent_also_backward():
    x = mt.tensor([1.0, 0.0, -1.0], requires_grad=True)
    y = x / mt.zeros(3)
    assert str(y.tolist()) == "[inf, nan, -inf]"
    y.sum().backward()
    assert x.grad.tolist() == [np.inf] * 3


def test_integers_divide_into_floating_point():
    y = mt.tensor([1, 2]) / 2
    assert y.dtype == mt.float32
    assert y.tolist() == [0.5, 1]


def test_where_takes_numbers():
    x = mt.tensor([1.0, -1.0], requires_grad=True)
    y = mt.where(x > 0, x, 0.0)
    y.sum().backward()
    assert y.dtype == mt.float32
    assert x.grad.tolist() == [1, 0]


def test_negative_power_of_integers_is_refused():
    with pytest.raises(RuntimeError, match=r"pow: integers to the negative power -1 .* \.float\(\)"):
        mt.tensor([2]) ** -1


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises((RuntimeError, ValueError), match=r"\(2,\).*\(3,\)"):
        mt.ones(2) + mt.ones(3)


def test_unknown_operands_raise_type_error():
    with pytest.raises(TypeError, match="unsupported operand"):
        mt.ones(2) + "text"
    with pytest.raises(TypeError, match="unsupported operand"):
        [1, 2] - mt.ones(2)


@pytest.mark.parametrize("operation", [mt.add, mt.sub, mt.mul, mt.div, mt.maximum, mt.pow])
def test_a_number_on_the_cpu_beside_a_tensor_on_a_gpu(operation, gpu):
    x = mt.tensor([1.0, 4.0])
    for number in (mt.tensor(2.0), mt.tensor(2.0, dtype=mt.float64), mt.tensor(2)):
        expected, result = operation(x, number), operation(x.to(gpu), number)
        assert (result.dtype, result.device) == (expected.dtype, x.to(gpu).device)
        np.testing.assert_array_equal(result.cpu().numpy(), expected.numpy())
    with pytest.raises(TypeError, match=r"shape \(1, 2\) lies on the CPU, another .*\(2,\) on a GPU; move one of them"):
        operation(x.to(gpu), x[None])
