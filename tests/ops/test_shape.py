"""Views, copies and joins: forward against NumPy, gradients, what shares memory, and refusals."""

import numpy as np
import pytest

import minitorch_cv as mt

from .op_table import check_op, table

X = np.random.default_rng(0).standard_normal((2, 3, 4))
B = np.random.default_rng(1).standard_normal((3, 1))

VIEWS = table(
    ("reshape", lambda x: x.reshape(4, -1), lambda x: x.reshape(4, -1)),
    ("reshape_tuple", lambda x: x.reshape((6, 4)), lambda x: x.reshape(6, 4)),
    ("view", lambda x: x.view(-1), lambda x: x.reshape(-1)),
    ("flatten", lambda x: x.flatten(1), lambda x: x.reshape(2, 12)),
    ("flatten_all", lambda x: x.flatten(), lambda x: x.reshape(24)),
    ("unflatten", lambda x: x.unflatten(-1, (2, 2)), lambda x: x.reshape(2, 3, 2, 2)),
    ("unsqueeze", lambda x: x.unsqueeze(-2), lambda x: x[:, :, None]),
    ("squeeze", lambda x: x[:1, :, :1].squeeze(), lambda x: x[0, :, 0]),
    ("squeeze_dim", lambda x: x[:1, :, :1].squeeze(0), lambda x: x[0, :, :1]),
    ("squeeze_longer", lambda x: x.squeeze(1), lambda x: x),
    ("permute", lambda x: x.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1)),
    ("permute_tuple", lambda x: x.permute((-1, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    ("transpose", lambda x: x.transpose(0, -1), lambda x: x.swapaxes(0, 2)),
    ("T", lambda x: x.T, lambda x: x.T),
    ("mT", lambda x: x.mT, lambda x: x.swapaxes(1, 2)),
    ("t", lambda x: x[0].t(), lambda x: x[0].T),
    ("movedim", lambda x: x.movedim(0, 1), lambda x: np.moveaxis(x, 0, 1)),
    ("movedim_several", lambda x: x.movedim((0, 1), (-1, 0)), lambda x: np.moveaxis(x, (0, 1), (-1, 0))),
    ("split", lambda x: x.split(2, -1)[1], lambda x: x[..., 2:]),
    ("split_sections", lambda x: x.split([1, 2], 1)[1], lambda x: x[:, 1:]),
    ("chunk", lambda x: x.chunk(2, 1)[1], lambda x: x[:, 2:]),
    ("unbind", lambda x: x.unbind(1)[2], lambda x: x[:, 2]),
    ("detour", lambda x: x.permute(1, 2, 0)[1:].transpose(0, 1), lambda x: x.transpose(1, 2, 0)[1:].swapaxes(0, 1)),
)
COPIES = table(
    ("expand", lambda x: x[:, :1].expand(2, 5, 4), lambda x: np.broadcast_to(x[:, :1], (2, 5, 4))),
    ("expand_lead", lambda x: x.expand(3, -1, -1, 4), lambda x: np.broadcast_to(x, (3, 2, 3, 4))),
    ("broadcast_to", lambda x: mt.broadcast_to(x, (2, 2, 3, 4)), lambda x: np.broadcast_to(x, (2, 2, 3, 4))),
    ("repeat", lambda x: x.repeat(2, 1, 3), lambda x: np.tile(x, (2, 1, 3))),
    ("repeat_lead", lambda x: x.repeat(2, 1, 1, 2), lambda x: np.tile(x, (2, 1, 1, 2))),
    ("flip", lambda x: x.flip([0, 2]), lambda x: x[::-1, :, ::-1]),
    ("roll", lambda x: x.roll(2, 1), lambda x: np.roll(x, 2, 1)),
    ("roll_flat", lambda x: mt.roll(x, 5), lambda x: np.roll(x, 5)),
    ("roll_several", lambda x: mt.roll(x, (1, -1), (0, 2)), lambda x: np.roll(x, (1, -1), (0, 2))),
    ("clone", lambda x: x.clone(), lambda x: x),
    ("contiguous", lambda x: x.transpose(0, 1).contiguous(), lambda x: x.swapaxes(0, 1)),
    ("triu", lambda x: x.triu(1), lambda x: np.triu(x, 1)),
    ("tril", lambda x: mt.tril(x), np.tril),
    ("stack", lambda x: mt.stack([x, 2 * x], 1), lambda x: np.stack([x, 2 * x], 1)),
    ("stack_last", lambda x: mt.stack((x, x * x), -1), lambda x: np.stack([x, x * x], -1)),
    ("hcat", lambda x: mt.cat([x, x[:, :1]], 1), lambda x: np.concatenate([x, x[:, :1]], 1)),
)


@pytest.mark.parametrize(("op", "reference"), VIEWS)
def test_views(op, reference):
    check_op(op, reference, X)
    x = mt.tensor(X)
    op(x).zero_()
    assert (x == 0).any(), "it is a view: a write shows in the original"


@pytest.mark.parametrize(("op", "reference"), COPIES)
def test_copies_and_expansions(op, reference):
    check_op(op, reference, X)


def test_copies_own_their_memory():
    x = mt.tensor(X)
    for y in (x.clone(), x.flip(0), x.repeat(1, 1, 1), x.roll(1), mt.cat([x]), x.tril(), x.T.contiguous()):
        y += 100
    assert mt.equal(x, mt.tensor(X))
    assert x.contiguous().data_ptr() == x.data_ptr()


def test_cat_of_different_tensors_gives_each_its_part():
    check_op(lambda a, b: mt.cat([a, b, a], 1), lambda a, b: np.concatenate([a, b, a], 1), X[0], B)
    with mt.no_grad():
        joined = mt.cat([mt.zeros(0), mt.ones(2, 2)])
    assert joined.shape == (2, 2), "an empty 1-d tensor joins anything, as in torch"
    assert mt.cat([mt.ones(1), mt.tensor([1, 2])]).dtype == mt.float32


def test_split_and_chunk_sizes():
    x = mt.arange(10)
    assert [len(part) for part in x.split(4)] == [4, 4, 2]
    assert [len(part) for part in x.chunk(3)] == [4, 4, 2]
    assert [len(part) for part in x.chunk(6)] == [2] * 5
    assert [len(part) for part in mt.zeros(0).split(3)] == [0]


def test_zero_dimensional_and_empty():
    x = mt.tensor(2.0)
    assert x.flatten().shape == (1,)
    assert x.squeeze().shape == ()
    assert x.T.shape == ()
    assert x.contiguous().shape == ()
    assert mt.zeros(0, 3).reshape(3, 0).shape == (3, 0)
    assert mt.zeros(2, 0).flatten(0).shape == (0,)


def test_view_reads_memory_as_another_type():
    x = mt.tensor([1.0])
    assert x.view(mt.int32).item() == 0x3F800000


REFUSALS = table(
    (
        "reshape",
        lambda x: x.reshape(5, 5),
        RuntimeError,
        r"reshape: 24 elements of shape \(2, 3, 4\) cannot .* \(5, 5\)",
    ),
    ("flatten", lambda x: x.flatten(2, 0), RuntimeError, "flatten: start_dim 2 comes after end_dim 0"),
    ("unsqueeze", lambda x: x.unsqueeze(4), IndexError, "unsqueeze: dim 4 is out of range"),
    ("permute", lambda x: x.permute(0, 1), RuntimeError, r"permute: dims \(0, 1\) must name each of the 3 axes once"),
    ("transpose", lambda x: x.transpose(0, 3), IndexError, "transpose: dim 3 is out of range"),
    ("t", lambda x: x.t(), RuntimeError, r"t: expects at most 2 axes, got shape \(2, 3, 4\)"),
    (
        "expand",
        lambda x: x.expand(2, 6, 4),
        RuntimeError,
        r"expand: shape \(2, 3, 4\) cannot be expanded to \(2, 6, 4\)",
    ),
    ("repeat", lambda x: x.repeat(2, 2), RuntimeError, "repeat: 2 repeats for a tensor of shape"),
    ("cat_empty", lambda x: mt.cat([]), RuntimeError, "cat: expected at least one tensor"),
    ("cat_shape", lambda x: mt.cat([x, x[:1]], 1), RuntimeError, r"cat: tensor 1 has shape \(1, 3, 4\) but tensor 0"),
    ("stack", lambda x: mt.stack([x, x[0]]), RuntimeError, r"stack: tensor 1 has shape \(3, 4\) but tensor 0"),
    (
        "split",
        lambda x: x.split([1, 1], 1),
        RuntimeError,
        r"split: sections \[1, 1\] add up to 2, not to the size 3 of dim 1",
    ),
    ("split_zero", lambda x: x.split(0), RuntimeError, "split: split_size must be positive, got 0"),
    ("chunk", lambda x: x.chunk(0), RuntimeError, "chunk: chunks must be positive, got 0"),
)


@pytest.mark.parametrize(("call", "error", "text"), REFUSALS)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call(mt.tensor(X))
