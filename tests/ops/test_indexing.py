"""Reading and writing by index: basic, integer arrays, masks; gather and its relatives; one-hot."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.ops.indexing import one_hot

from .op_table import check_op, table

X = np.random.default_rng(0).standard_normal((3, 4, 5))
ROWS, COLUMNS = np.array([0, 2, 0]), np.array([1, 1, 3])
MASK = X > 0

INDICES = table(
    ("number", 1),
    ("negative", -1),
    ("slice", slice(1, 3)),
    ("steps", (slice(None), slice(1, None, 2), slice(None, None, 2))),
    ("new_axis", (None, 1, ..., None)),
    ("ellipsis", (..., 2)),
    ("all_numbers", (0, 1, 2)),
    ("numpy_number", np.int64(2)),
    ("rows", ROWS),
    ("negative_rows", np.array([-1, 0, -1])),
    ("list", [0, 0, 1]),
    ("pairs", (ROWS, COLUMNS)),
    ("pairs_apart", (ROWS, slice(None), COLUMNS)),
    ("rows_and_slice", (slice(0, 2), ROWS)),
    ("table", np.array([[0, 1], [1, 2]])),
    ("mask", MASK),
    ("row_mask", MASK[:, 0, 0]),
    ("mask_and_slice", (slice(None), MASK[0, :, 0])),
    ("empty", np.array([], dtype=np.int64)),
)


def with_tensors(index):
    """The same index with tensors instead of arrays."""
    if isinstance(index, tuple):
        return tuple(with_tensors(part) for part in index)
    return mt.tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("index", INDICES)
def test_getitem(index):
    check_op(lambda x: x[with_tensors(index)], lambda x: x[index], X)
    check_op(lambda x: x[index], lambda x: x[index], X)


def written(x, index, value):
    y = x.copy()
    y[index] = value
    return y


def write(x, index, value):
    y = x * 1
    y[index] = value
    return y


# Where an element is written twice, which value stays is not defined: all positions here are different.
WRITES = table(
    ("number", 1),
    ("slice", slice(1, 3)),
    ("steps", (slice(None), slice(1, None, 2), slice(None, None, 2))),
    ("new_axis", (None, 1, ..., None)),
    ("all_numbers", (0, 1, 2)),
    ("everything", ...),
    ("rows", np.array([2, -3])),
    ("list", [2, 0]),
    ("pairs", (np.array([0, 2, 0]), np.array([1, 1, 3]))),
    ("pairs_apart", (np.array([0, 2, 0]), slice(None), np.array([1, 1, 3]))),
    ("mask", MASK),
    ("row_mask", MASK[:, 0, 0]),
    ("nothing", np.array([], dtype=np.int64)),
)


@pytest.mark.parametrize("index", WRITES)
def test_setitem_with_a_gradient_for_both(index):
    value = np.random.default_rng(1).standard_normal(X[index].shape)
    check_op(lambda x, v: write(x, with_tensors(index), v), lambda x, v: written(x, index, v), X, value)
    check_op(lambda x, v: write(x, index, v), lambda x, v: written(x, index, v), X, np.array(0.5))
    check_op(lambda x: write(x, index, 2.0), lambda x: written(x, index, 2.0), X)


def test_setitem_broadcasts_the_value():
    check_op(lambda x, v: write(x, slice(1, 3), v), lambda x, v: written(x, slice(1, 3), v), X, X[0, :, :1])
    check_op(lambda x, v: write(x, 0, v), lambda x, v: written(x, 0, v), X, X[:1, :1])


def test_a_number_index_gives_a_view_and_an_array_a_copy():
    x = mt.zeros(3)
    x[1].fill_(5)
    x[mt.tensor(2)].fill_(7)
    x[mt.tensor([0])].fill_(9)
    assert x.tolist() == [0, 5, 7]
    for element in x:
        element += 1
    assert x.tolist() == [1, 6, 8]


def test_index_tensors_may_change_after_they_were_used():
    x = mt.tensor([1.0, 2.0, 3.0], requires_grad=True)
    index, mask = mt.tensor([0, 1]), mt.tensor([True, False, False])
    y = x[index].sum() + x[mask].sum() + x.take(index).sum() + x.index_select(0, index).sum()
    index += 1
    mask.fill_(False)
    y.backward()
    assert x.grad.tolist() == [4, 3, 0]


def test_uint8_and_int32_tensors_index_as_numbers_do():
    x = mt.tensor([10.0, 20.0, 30.0])
    assert x[mt.tensor([2, 0], dtype=mt.int32)].tolist() == [30, 10]
    assert [1, 2, 3][mt.tensor(1)] == 2


def test_gather_take_index_select():
    index = np.array([[[0, 1, 0, 1, 1]], [[1, 2, 3, 3, 2]]])
    check_op(lambda x: mt.gather(x, 1, mt.tensor(index)), lambda x: np.take_along_axis(x[:2], index, 1), X)
    check_op(lambda x: x.gather(-1, mt.tensor(index)), lambda x: np.take_along_axis(x[:2, :1], index, 2), X)
    check_op(lambda x: x.take(mt.tensor([[0, 7], [59, 7]])), lambda x: x.take([[0, 7], [59, 7]]), X)
    check_op(lambda x: mt.index_select(x, -2, mt.tensor([3, 0, 3])), lambda x: x[:, [3, 0, 3]], X)


def test_masks():
    check_op(lambda x: x.masked_fill(mt.tensor(MASK), 3.0), lambda x: np.where(MASK, 3.0, x), X)
    check_op(lambda x: x.masked_fill(mt.tensor(MASK[0]), -1), lambda x: np.where(MASK[0], -1, x), X)
    check_op(lambda x: x.masked_select(mt.tensor(MASK)), lambda x: x[MASK], X)
    check_op(lambda x: mt.masked_select(x, mt.tensor(MASK[0])), lambda x: x[np.broadcast_to(MASK[0], x.shape)], X)
    np.testing.assert_array_equal(mt.nonzero(mt.tensor(MASK)).numpy(), np.argwhere(MASK))


def test_one_hot():
    assert one_hot(mt.tensor([1, 0])).tolist() == [[0, 1], [1, 0]]
    assert one_hot(mt.tensor([[2]]), 4).tolist() == [[[0, 0, 1, 0]]]
    assert one_hot(mt.tensor([0])).dtype == mt.int64


REFUSALS = table(
    (
        "float_index",
        lambda x: x[mt.tensor([0.0])],
        IndexError,
        r"indices must be integer or bool, got float32; .* \.long",
    ),
    (
        "gather_axes",
        lambda x: x.gather(0, mt.tensor([0])),
        RuntimeError,
        r"gather: input of shape .* need as many axes",
    ),
    (
        "gather_range",
        lambda x: x.gather(0, mt.full((1, 1, 1), 3)),
        IndexError,
        "gather: index values 3..3 are out of range for size 3",
    ),
    ("one_hot_float", lambda x: one_hot(x), RuntimeError, "one_hot: labels must be integers, got float64"),
    ("one_hot_range", lambda x: one_hot(mt.tensor([5]), 3), RuntimeError, "one_hot: labels 5..5 do not fit 3 classes"),
    ("out_of_range", lambda x: x[3], IndexError, "index 3 is out of bounds"),
    ("mask_shape", lambda x: x[mt.tensor([True, False])], IndexError, "boolean index did not match"),
)


@pytest.mark.parametrize(("call", "error", "text"), REFUSALS)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call(mt.tensor(X))


def test_indices_on_the_cpu_for_a_tensor_on_a_gpu(gpu):
    x = mt.arange(12.0).reshape(3, 4)
    there = x.to(gpu)
    for index in ([2, 0], mt.tensor([2, 0, 2]), np.array([1, 1]), (slice(None), [3, 1]), x > 5, (mt.tensor(1), ...)):
        assert there[index].cpu().equal(x[index])
        written, expected = there.clone(), x.clone()
        written[index] = -1
        expected[index] = -1
        assert written.cpu().equal(expected)
    there[1] = [1.0, 2.0, 3.0, 4.0]
    there[2] = np.zeros(4, np.float32)
    assert there[1:].tolist() == [[1, 2, 3, 4], [0, 0, 0, 0]]
    assert mt.nonzero(there > 2).tolist() == [[0, 3], [1, 2], [1, 3]]


def test_a_view_of_a_tensor_on_a_gpu_is_written(gpu):
    for place in ("cpu", gpu):
        x = mt.ones(3, 4, device=place, requires_grad=True)
        y = x * 1
        y.T[1:, ::2].mul_(5)
        y.sum().backward()
        assert x.grad.tolist() == [[1, 5, 5, 5], [1, 1, 1, 1], [1, 5, 5, 5]]
