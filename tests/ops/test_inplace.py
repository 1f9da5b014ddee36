"""Writing into tensors: values, gradients, views, shared memory, and what is refused."""

import numpy as np
import pytest

import minitorch_cv as mt

from .op_table import check_op, table

X = np.random.default_rng(0).standard_normal((3, 4))
W = np.random.default_rng(1).standard_normal((3, 4))
POSITIVE = np.abs(X) + 0.5
OTHER = np.abs(W) + 0.6


def iadd(y, w):
    y += w


def isub(y, w):
    y -= w


def imul(y, w):
    y *= w


def idiv(y, w):
    y /= w


def ipow(y, w):
    y **= w


def imod(y, w):
    y %= w


TWO_OPERANDS = table(
    ("+=", iadd, lambda x, w: x + w),
    ("-=", isub, lambda x, w: x - w),
    ("*=", imul, lambda x, w: x * w),
    ("/=", idiv, lambda x, w: x / w),
    ("**=", ipow, lambda x, w: x**w),
    ("%=", imod, lambda x, w: x % w),
    ("add_", lambda y, w: y.add_(w, alpha=2), lambda x, w: x + 2 * w),
    ("sub_", lambda y, w: y.sub_(w), lambda x, w: x - w),
    ("copy_", lambda y, w: y.copy_(w), lambda x, w: np.broadcast_to(w, x.shape)),
    ("lerp_", lambda y, w: y.lerp_(w.expand(3, 4), 0.25), lambda x, w: x + 0.25 * (w - x)),
    ("setitem", lambda y, w: y.__setitem__(slice(None), w), lambda x, w: np.broadcast_to(w, x.shape)),
)
ONE_OPERAND = table(
    ("neg_", lambda y: y.neg_(), np.negative),
    ("abs_", lambda y: y.abs_(), np.abs),
    ("exp_", lambda y: y.exp_(), np.exp),
    ("log_", lambda y: y.log_(), np.log),
    ("sqrt_", lambda y: y.sqrt_(), np.sqrt),
    ("round_", lambda y: y.round_(), np.round),
    ("clamp_", lambda y: y.clamp_(0.7, 1.2), lambda x: np.clip(x, 0.7, 1.2)),
    ("relu_", lambda y: y.relu_(), lambda x: np.maximum(x, 0)),
    ("sigmoid_", lambda y: y.sigmoid_(), lambda x: 1 / (1 + np.exp(-x))),
    ("tanh_", lambda y: y.tanh_(), np.tanh),
    ("square", lambda y: y.pow_(2), np.square),
    ("number", lambda y: y.mul_(3).add_(1), lambda x: 3 * x + 1),
    ("zero_", lambda y: y.zero_(), np.zeros_like),
    ("fill_", lambda y: y.fill_(2), lambda x: np.full_like(x, 2)),
    ("masked_fill_", lambda y: y.masked_fill_(mt.tensor(X > 0), 5), lambda x: np.where(X > 0, 5, x)),
    ("floor_divide_", lambda y: y.floor_divide_(0.4), lambda x: x // 0.4),
)


def on_a_non_leaf(write):
    def op(x, *others):
        y = x * 1
        before = y.data_ptr()
        write(y, *others)
        assert y.data_ptr() == before
        return y

    return op


def through_a_view(write):
    """The same write into the first two columns, of which nothing but a view is at hand."""

    def op(x, *others):
        y = x * 1
        write(y.T[:2], *(other.T[:2] if other.ndim == 2 else other for other in others))
        return y

    return op


def in_two_columns(reference):
    def of_arrays(x, *others):
        y = x.copy()
        y.T[:2] = reference(x, *others).T[:2]
        return y

    return of_arrays


@pytest.mark.parametrize(("write", "reference"), TWO_OPERANDS)
def test_two_operands(write, reference):
    for other in (OTHER, OTHER[0], np.array(1.3)):
        check_op(on_a_non_leaf(write), reference, POSITIVE, other)


@pytest.mark.parametrize(("write", "reference"), ONE_OPERAND)
def test_one_operand(write, reference):
    check_op(on_a_non_leaf(write), reference, POSITIVE)


@pytest.mark.parametrize(("write", "reference"), [row for row in TWO_OPERANDS if row.id != "lerp_"])
def test_two_operands_through_a_view(write, reference):
    check_op(through_a_view(write), in_two_columns(reference), POSITIVE, OTHER)


@pytest.mark.parametrize(
    ("write", "reference"), [row for row in ONE_OPERAND if row.id not in ("masked_fill_", "zero_", "fill_")]
)
def test_one_operand_through_a_view(write, reference):
    check_op(through_a_view(write), in_two_columns(reference), POSITIVE)


def test_a_view_kept_after_the_write_has_its_gradient():
    def op(b, w):
        b = b * 1
        v = b[0]
        v *= w
        return v * 2 + b[1]

    check_op(op, lambda b, w: b[0] * w * 2 + b[1], X, W[0])


def test_augmented_assignment_to_an_item():
    def op(b, w):
        b = b * 1
        b[0] += w
        b[:, 1] *= b[:, 2].clone()  # without the copy, the write would change what its own gradient needs
        return b * b

    def reference(b, w):
        b = b.copy()
        b[0] += w
        b[:, 1] *= b[:, 2]
        return b * b

    check_op(op, reference, X, W[0])


def test_a_buffer_filled_piece_by_piece():
    """The tensor written into needs no gradient itself: it gets the history of what is written."""

    def op(x, w):
        out = mt.zeros(2, 4, dtype=mt.float64)
        out[0] = x[0] * w
        out[1] += w
        assert out.requires_grad
        return out.sum(1)

    check_op(op, lambda x, w: np.stack([x[0] * w, w]).sum(1), X, W[0])


def test_a_scalar_element_as_a_view():
    def op(x):
        x = x.flatten() * 1
        x[3].mul_(x[0].clone())
        return x

    def reference(x):
        x = x.flatten()
        x[3] *= x[0]
        return x

    check_op(op, reference, X)


def test_the_old_value_may_be_needed_by_the_write_itself():
    x, w = mt.full((2,), 3.0, requires_grad=True), mt.full((2,), 2.0, requires_grad=True)
    y = x * 1
    y *= w
    y.pow_(2)
    y.sum().backward()
    assert y.tolist() == [36, 36]
    assert w.grad.tolist() == [36, 36]
    assert x.grad.tolist() == [24, 24]


def test_retain_grad_follows_the_tensor_through_a_write():
    x = mt.ones(2, requires_grad=True)
    y = x * 1
    y.retain_grad()
    y *= 2
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3, 3]
    assert x.grad.tolist() == [6, 6]


# -- shared memory -----------------------------------------------------------------------------------------------------


def test_writes_show_in_all_that_share_the_memory():
    array = np.zeros(3, np.float32)
    b = mt.from_numpy(array)
    b[:] = mt.tensor([1.0, 2.0, 3.0])
    assert array.tolist() == [1, 2, 3]
    b.view(3, 1)[0] = 9
    assert array[0] == 9
    array += 1
    assert b.tolist() == [10, 3, 4]


def test_parameter_and_gradient_are_written_through():
    p = mt.ones(3, requires_grad=True)
    q = mt.ones(3, requires_grad=True)
    (p + q).sum().backward()
    before = p.data_ptr()
    p.data[:] -= 0.5
    p.data -= 0.25
    p.grad[:] *= 4
    assert p.tolist() == [0.25] * 3
    assert (p.data_ptr(), p.is_leaf, p.requires_grad) == (before, True, True)
    assert p.grad.tolist() == [4, 4, 4]
    assert q.grad.tolist() == [1, 1, 1], "gradients of two leaves are never the same memory"


def test_updates_under_no_grad_keep_a_leaf_a_leaf():
    p = mt.ones(2, requires_grad=True)
    (p * p).sum().backward()
    before = p.data_ptr()
    with mt.no_grad():
        p -= 0.5 * p.grad
        p.grad.zero_()
    assert p.tolist() == [0, 0]
    assert p.grad.tolist() == [0, 0]
    assert (p.is_leaf, p.requires_grad, p.data_ptr()) == (True, True, before)


def test_a_write_through_detach_is_noticed():
    x = mt.ones(2, requires_grad=True)
    y = x * 1
    z = y * y
    y.detach().zero_()
    with pytest.raises(RuntimeError, match=r"mul: its input 'input'.*changed in place"):
        z.sum().backward()


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_leaf_that_requires_grad_is_not_written():
    x = mt.ones(2, requires_grad=True)
    text = r"in-place write on a leaf that requires grad \(shape \(2,\)\); wrap it in `with no_grad\(\):`"
    with pytest.raises(RuntimeError, match=f"add_: {text}"):
        x += 1
    with pytest.raises(RuntimeError, match="setitem: in-place write on a leaf"):
        x[0] = 1
    with pytest.raises(RuntimeError, match=r"zero_|copy_"):
        x.zero_()
    with pytest.raises(RuntimeError, match="mul_: in-place write on a view of a leaf that requires grad"):
        x[:1].mul_(2)
    assert x.tolist() == [1, 1]


SAVED = table(
    ("input", lambda x, w: x * w, "x", r"mul: its input 'input' \(shape \(3,\)\) was changed in place"),
    ("other", lambda x, w: w * x, "x", r"mul: its input 'other' \(shape \(3,\)\) was changed in place"),
    ("output", lambda x, w: x.exp(), "y", r"exp: its output \(shape \(3,\)\) was changed in place .* \(written 1 time"),
    ("power", lambda x, w: x**2, "x", "pow: its input 'input'"),
    ("through_a_view", lambda x, w: x * w, "x[:1]", "mul: its input 'input'"),
    ("of_a_view", lambda x, w: x[1:] * w[1:], "x", "mul: its input 'input'"),
    ("matmul", lambda x, w: x.reshape(1, 3) @ w.reshape(3, 1), "x", "product: its input 'a'"),
    ("mask", lambda x, w: mt.where(w.detach() > 0, x, w), None, None),
)


@pytest.mark.parametrize(("op", "written", "text"), SAVED)
def test_a_saved_tensor_that_changed_raises(op, written, text):
    x = mt.tensor([1.0, 2.0, 3.0], requires_grad=True) * 1
    w = mt.tensor([1.0, -2.0, 3.0], requires_grad=True)
    y = op(x, w)
    if written is None:
        return y.sum().backward()
    target = {"x": x, "y": y, "x[:1]": x[:1]}[written]
    out = y * 1 if written == "y" else y
    target += 1
    with pytest.raises(RuntimeError, match=text):
        out.sum().backward()


def test_a_tensor_that_nobody_needs_may_change():
    x = mt.ones(3, requires_grad=True) * 1
    x.retain_grad()
    y = x + 1
    z = y.relu()
    y += 1
    with mt.no_grad():
        x += 1
    z.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_only_the_wanted_gradient_keeps_its_operand():
    x, c = mt.ones(3, requires_grad=True) * 1, mt.ones(3)
    y = x * c
    x += 1  # dx needs c only
    y.sum().backward()
    y = x * c
    c += 1
    with pytest.raises(RuntimeError, match="mul: its input 'other'"):
        y.sum().backward()


def test_views_of_a_detached_tensor_are_never_stale():
    b = mt.ones(3, requires_grad=True) * 1
    part = b.detach()[1:]
    b += 1
    assert (part * 2).tolist() == [4, 4]


def test_repeated_or_read_only_memory_is_not_written():
    with pytest.raises(RuntimeError, match=r"add_: the tensor of shape \(3, 2\) shows repeated or read-only memory"):
        mt.ones(2).expand(3, 2).add_(1)
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.raises(RuntimeError, match=r"copy_: .* read-only memory"):
        mt.from_numpy(array).zero_()


def test_the_result_must_fit():
    with pytest.raises(RuntimeError, match=r"add_: the result has shape \(2, 3\), .* fit in place into \(3,\)"):
        mt.ones(3).add_(mt.ones(2, 3))
    with pytest.raises(RuntimeError, match=r"div_: the result is float32 and cannot be written into a tensor of int64"):
        mt.ones(3, dtype=mt.int64).div_(2)
    x = mt.ones(2, dtype=mt.float32)
    x += mt.ones(2, dtype=mt.float64)
    assert x.dtype == mt.float32


def test_random_fills():
    mt.manual_seed(0)
    x = mt.empty(1000)
    assert 0.45 < x.uniform_().mean().item() < 0.55
    assert 2 <= x.uniform_(2, 3).min().item() <= x.max().item() < 3
    assert abs(x.normal_(1, 2).std().item() - 2) < 0.2
    assert set(x.bernoulli_(0.3).tolist()) == {0, 1}
    first = mt.empty(5).normal_(generator=mt.Generator().manual_seed(3))
    assert mt.equal(first, mt.empty(5).normal_(generator=mt.Generator().manual_seed(3)))
