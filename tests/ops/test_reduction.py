"""Sums, means, extremes and norms: over all axes, one, several, kept or not; ties, empty and integer tensors."""

import numpy as np
import pytest

import minitorch_cv as mt

from .op_table import check_op, table

X = np.random.default_rng(0).standard_normal((3, 4, 2))
DIMS = [None, 0, -1, (0, 2), (1, -3)]

SEVERAL = table(
    ("sum", mt.sum, np.sum),
    ("mean", mt.mean, np.mean),
    ("var", mt.var, lambda x, axis, keepdims: np.var(x, axis, ddof=1, keepdims=keepdims)),
    ("std", mt.std, lambda x, axis, keepdims: np.std(x, axis, ddof=1, keepdims=keepdims)),
    ("amax", mt.amax, np.max),
    ("amin", mt.amin, np.min),
    (
        "norm",
        lambda x, dim, keepdim: mt.norm(x, 2, dim, keepdim),
        lambda x, axis, keepdims: p_norm(x, 2, axis, keepdims),
    ),
    (
        "norm1",
        lambda x, dim, keepdim: mt.norm(x, 1, dim, keepdim),
        lambda x, axis, keepdims: p_norm(x, 1, axis, keepdims),
    ),
    (
        "norm3",
        lambda x, dim, keepdim: mt.norm(x, 3, dim, keepdim),
        lambda x, axis, keepdims: p_norm(x, 3, axis, keepdims),
    ),
    (
        "logsumexp",
        lambda x, dim, keepdim: mt.logsumexp(x, dim, keepdim),
        lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis, keepdims=keepdims)),
    ),
)


def p_norm(x, p, axis, keepdims):
    return np.sum(np.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1 / p)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize(("op", "reference"), SEVERAL)
def test_over_axes(op, reference, dim, keepdim):
    check_op(lambda x: op(x, dim=dim, keepdim=keepdim), lambda x: reference(x, axis=dim, keepdims=keepdim), X)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_over_one_axis(dim, keepdim):
    check_op(lambda x: x.max(dim, keepdim)[0], lambda x: x.max(dim, keepdims=keepdim), X)
    check_op(lambda x: x.min(dim, keepdim).values, lambda x: x.min(dim, keepdims=keepdim), X)
    check_op(lambda x: x.prod(dim, keepdim), lambda x: x.prod(dim, keepdims=keepdim), X)
    check_op(lambda x: x.cumsum(dim), lambda x: x.cumsum(dim), X)
    for name in ("argmax", "argmin"):
        expected = getattr(np, name)(X, dim, keepdims=keepdim)
        np.testing.assert_array_equal(getattr(mt, name)(mt.tensor(X), dim, keepdim).numpy(), expected)
        np.testing.assert_array_equal(getattr(mt.tensor(X), name[3:])(dim, keepdim).indices.numpy(), expected)


def test_without_an_axis():
    check_op(lambda x: x.max(), np.max, X)
    check_op(lambda x: x.min(), np.min, X)
    check_op(lambda x: x.prod(), np.prod, X[0])
    assert mt.tensor(X).argmax().item() == X.argmax()
    assert mt.tensor(X).argmin(keepdim=True).tolist() == [[[int(X.argmin())]]]


def test_numpy_names_of_the_options():
    x = mt.tensor(X)
    assert x.sum(axis=1, keepdims=True).shape == (3, 1, 2)
    assert x.max(axis=0).indices.shape == (4, 2)
    assert x.mean(axis=(0, 1)).shape == (2,)
    assert mt.cat([x, x], axis=1).shape == (3, 8, 2)


def test_max_and_min_of_two_tensors_are_element_by_element():
    check_op(lambda a, b: mt.max(a, b), np.maximum, X[0], X[1])
    check_op(lambda a, b: mt.min(a, b), np.minimum, X[0], X[1])


def test_max_is_a_named_tuple():
    result = mt.tensor([[1.0, 3.0, 2.0]]).max(1)
    values, indices = result
    assert result.values is values
    assert result.indices is indices
    assert (values.tolist(), indices.tolist(), indices.dtype) == ([3], [1], mt.int64)


def test_ties_share_in_amax_but_max_takes_the_first():
    x = mt.tensor([[2.0, 1.0, 2.0]], requires_grad=True)
    x.amax(1).sum().backward()
    assert x.grad.tolist() == [[0.5, 0, 0.5]]
    x.grad = None
    x.max(1).values.sum().backward()
    assert x.grad.tolist() == [[1, 0, 0]]
    x.grad = None
    x.max().backward()
    assert x.grad.tolist() == [[0.5, 0, 0.5]]
    x.grad = None
    (-x).amin((0, 1)).backward()
    assert x.grad.tolist() == [[-0.5, 0, -0.5]]


def test_writing_into_the_indices_does_not_spoil_the_gradient():
    x = mt.tensor([[1.0, 3.0]], requires_grad=True)
    values, indices = x.max(1)
    indices.zero_()
    values.sum().backward()
    assert x.grad.tolist() == [[0, 1]]


def test_nan_is_the_largest_and_the_smallest():
    x = mt.tensor([1.0, np.nan, 3.0])
    assert x.max().isnan()
    assert x.min().isnan()
    assert x.amax(0).isnan()
    assert x.max(0).indices.item() == 1
    assert x.argmin().item() == 1


def test_var_options():
    check_op(lambda x: x.var(1, unbiased=False), lambda x: x.var(1), X)
    check_op(lambda x: x.var(1, correction=2), lambda x: x.var(1, ddof=2), X)
    check_op(lambda x: x.std(unbiased=False), lambda x: x.std(), X)
    check_op(lambda x: x.std((0, 1), correction=0, keepdim=True), lambda x: x.std((0, 1), keepdims=True), X)


def test_variance_of_one_element_is_nan_forward_and_backward():
    x = mt.ones(1, requires_grad=True)
    y = x.var()
    y.backward()
    assert y.isnan()
    assert x.grad.isnan().all()


def test_prod_gradient_where_elements_are_zero():
    check_op(lambda x: x.prod(), np.prod, np.array([2.0, 0.0, 3.0]))
    check_op(lambda x: x.prod(0), lambda x: x.prod(0), np.array([[2.0, 0.0], [0.0, 5.0], [1.5, 0.0]]))


def test_norms_that_are_no_power():
    check_op(lambda x: x.norm(float("inf")), lambda x: np.abs(x).max(), X)
    check_op(lambda x: x.norm(float("-inf"), dim=1), lambda x: np.abs(x).min(1), X)
    check_op(lambda x: x.norm("fro"), lambda x: np.sqrt(np.sum(x * x)), X)
    assert mt.tensor([0.0, 2.0, -1.0]).norm(0).item() == 2


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
def test_the_slope_of_a_norm_at_zero_is_zero(p):
    x = mt.zeros(3, requires_grad=True)
    x.norm(p).backward()
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [mt.bool, mt.uint8, mt.int8, mt.int32, mt.int64])
def test_integers_add_up_in_int64(dtype):
    x = mt.ones(300, dtype=dtype)
    assert (x.sum().dtype, x.sum().item()) == (mt.int64, 300)
    assert (x.prod().dtype, x.cumsum(0).dtype) == (mt.int64, mt.int64)
    assert x.cumsum(0)[-1].item() == 300


def test_dtype_option_and_integer_mean():
    assert mt.ones(2, 2).sum(dtype=mt.float64).dtype == mt.float64
    assert mt.tensor([1, 2]).mean(dtype=mt.float32).item() == 1.5
    with pytest.raises(RuntimeError, match=r"mean: the input is int64; convert with \.float\(\)"):
        mt.tensor([1, 2]).mean()


def test_any_and_all():
    x = mt.tensor([[0.0, 1.0], [2.0, 3.0]])
    assert (x.any().item(), x.all().item()) == (True, False)
    assert x.all(1).tolist() == [False, True]
    assert x.any(dim=0, keepdim=True).tolist() == [[True, True]]
    assert mt.zeros(0).all().item() is True


def test_empty_tensors():
    x = mt.zeros(0, 3, requires_grad=True)
    y = x.sum(0)
    y.sum().backward()
    assert y.tolist() == [0, 0, 0]
    assert x.grad.shape == (0, 3)
    assert x.sum().item() == 0
    assert x.prod().item() == 1
    with pytest.raises(RuntimeError, match=r"amax: nothing to choose from in a tensor of shape \(0, 3\)"):
        x.max()
    with pytest.raises(RuntimeError, match=r"argmax: nothing to choose from"):
        x.argmax(0)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "amax", "max", "argmin", "norm", "cumsum", "any"])
def test_an_axis_that_is_not_there(name):
    x = mt.ones(2, 3)
    with pytest.raises(IndexError, match=rf"{name}: dim 2 is out of range for a tensor of shape \(2, 3\)"):
        getattr(x, name)(dim=2)


def test_zero_dimensional_tensors():
    x = mt.tensor(3.0, dtype=mt.float64, requires_grad=True)
    for reduced in (x.sum(), x.sum(0), x.mean(-1), x.amax(0), x.max(0).values, x.prod()):
        assert reduced.item() == 3
        assert reduced.shape == ()
