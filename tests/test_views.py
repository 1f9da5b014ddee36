"""Views written one through another: values and gradients are those of the same lines on NumPy's arrays."""

import gc
import weakref

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.compiled import RecordingError
from minitorch_cv.ops.differentiable import OPERATIONS, differentiable

from .ops.op_table import check_op, table

X = np.random.default_rng(0).standard_normal((2, 3, 4))
W = np.random.default_rng(1).standard_normal((2, 3, 4))


def chained(y, w):
    y[0][1] *= 5
    y[1][2][3] += w[0, 0, 0]
    y[0][1][:2] -= w[0, 1, 2:]
    return y


def a_row_kept(y, w):
    row = y[0]
    row[1] += 2
    row[0] *= w[0, 0]
    return y * row.sum()


def a_plane_of_a_canvas(y, w):
    canvas = y.reshape(1, 2, 3, 4)
    plane = canvas[0, 1]
    plane[1:3, 1:3] += w[0, :2, :2]
    plane[0] *= 2
    plane[1:3, 1:3] *= w[1, :2, :2]
    return canvas


def overlapping(y, w):
    row, column = y[0], y[:, 1]
    row *= 2
    column += w[:, 1]
    row *= w[0]
    return y * row.sum() + column.sum()


def the_same_part_twice(y, w):
    first, second = y[0], y[0]
    first += 1
    second *= w[0]
    first *= 2
    return first * second


def turned(y, w):
    turned = y.T
    part = turned[1]
    part *= w.T[1]
    turned += 1
    part -= w.T[0]
    return y * part.sum()


def a_new_axis(y, w):
    more = y[None]
    more[0, 1] *= 3
    y[1][..., None][:, 2] *= w[1, :, :1] * w[1, :, :1]
    return more * y.sum()


def flat(y, w):
    flat = y.reshape(-1)
    flat[3:7] *= w.reshape(-1)[:4]
    y[1] *= flat[0] * 1
    flat *= 2
    return y


def steps(y, w):
    stepped = y[:, ::2, 1::2]
    y *= w
    stepped *= 2
    y[::1, 1:] += 1
    return stepped * stepped


def two_halves(y, w):
    left, right = y[:, :1], y[:, 1:]
    left *= 2
    right *= w[:, 1:]
    left += right[:, :1] * 1
    return y * left.sum()


def a_view_of_what_was_written(y, w):
    row = y[0]
    row *= w[0]
    element = row[1]
    row += w[1]
    element *= 3
    return y * element.sum()


def read_again(y, w):
    row = y[0]
    before = row * 1
    y *= w
    return before * row


def overwritten(y, w):
    row = y[0]
    row[:] = 2
    y[1] = 0
    row[0] = w[0, 0]
    return y + row


def by_a_table(y, w):
    row = y[0]
    row[[0, 2]] *= w[0, :2]
    y[1] *= 2
    row[[True, False, True]] += 1
    return row * y[1]


PROGRAMS = (chained, a_row_kept, a_plane_of_a_canvas, overlapping, the_same_part_twice, turned, a_new_axis, flat, steps)
PROGRAMS += (two_halves, a_view_of_what_was_written, read_again, overwritten, by_a_table)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=["row-major", "turned in memory"])
def test_programs(program, order):
    """y is a tensor of no special layout, and one whose axes lie in another order, as convolutions return them."""
    inverse = np.argsort(order)

    def written(x, w):
        laid_out = (
            x.permute(*order).contiguous() if isinstance(x, mt.Tensor) else np.ascontiguousarray(x.transpose(order))
        )
        y = laid_out * 1
        return program(y.permute(*inverse) if isinstance(y, mt.Tensor) else y.transpose(inverse), w)

    check_op(written, written, X, W)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_programs_on_a_buffer_without_a_gradient(program):
    """Only w has one; what was zeros gets its history."""

    def written(w):
        y = mt.zeros(2, 3, 4, dtype=mt.float64) if isinstance(w, mt.Tensor) else np.zeros((2, 3, 4))
        y += 0.5
        return program(y, w) * w.sum()

    check_op(written, written, W)


def test_methods_through_views():
    def op(x, w):
        y = x * 1
        y[0].mul_(2)
        y.transpose(0, 1)[1].add_(w[:, 1])
        y.unsqueeze(-1)[1, 0].neg_()
        part, _ = y.split([1, 2], 1)
        part.mul_(w[:, :1])
        y.chunk(2)[1].add_(1)
        for row in y.unbind(0):
            row.mul_(3)
        return y

    def reference(x, w):
        y = x * 1
        y[0] *= 2
        y[:, 1] += w[:, 1]
        y[1, 0] *= -1
        y[:, :1] *= w[:, :1]
        y[1] += 1
        return y * 3

    check_op(op, reference, X, W)


def test_repeated_elements_are_read_and_their_gradients_added_up():
    def op(x, w):
        y = x * 1
        wide = y[0, :, None].expand(3, 5, 4)
        y[0] *= w[0]
        return wide * wide.sum(1, keepdim=True)

    def reference(x, w):
        wide = np.broadcast_to((x[0] * w[0])[:, None], (3, 5, 4))
        return wide * wide.sum(1, keepdims=True)

    check_op(op, reference, X, W)
    y = mt.ones(2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match=r"mul_: the tensor of shape \(3, 2\) shows repeated or read-only memory"):
        y.expand(3, 2).mul_(2)


def test_views_of_memory_with_gaps_and_backwards():
    def op(w):
        y = mt.from_numpy(np.ones((4, 6))[::-2, 1::2])
        row, column = y[1], y[:, 2]
        row *= w[0, 0, :3]
        column += w[1, 0, :2]
        return y * row.sum()

    def reference(w):
        y = np.ones((2, 3))
        y[1] *= w[0, 0, :3]
        y[:, 2] += w[1, 0, :2]
        return y * y[1].sum()

    check_op(op, reference, W)


def test_empty_views_and_numbers():
    y = mt.ones(2, 3, requires_grad=True) * 1
    nothing, number = y[:, 3:], y.sum()
    whole = number.view(1)
    y[0:0] *= 2
    nothing *= 2
    number *= 3
    assert (whole * 2 + nothing.sum()).item() == 36
    (y.sum() + nothing.sum()).backward()
    assert mt.zeros(0, 3, requires_grad=True).mul(1)[:, 1].mul_(2).shape == (0,)


def test_a_view_of_a_buffer_tells_of_its_new_history():
    rows, w = mt.zeros(2, 2), mt.tensor([3.0, 4.0], requires_grad=True)
    first = rows[0]
    assert (first.requires_grad, first.is_leaf, first.grad_fn) == (False, True, None)
    rows[:] = w
    assert (first.requires_grad, first.is_leaf, repr(first.grad_fn)) == (True, False, "<view>")
    first.backward(mt.tensor([1.0, 10.0]))
    assert w.grad.tolist() == [1, 10]
    with pytest.raises(RuntimeError, match="numpy: this tensor requires grad"):
        first.numpy()


def test_retain_grad_goes_along():
    x = mt.ones(2, 2, requires_grad=True)
    y = x * 1
    row = y[0]
    row.retain_grad()
    y *= 2
    (row * 3).sum().backward()
    assert row.grad.tolist() == [3, 3]
    assert x.grad.tolist() == [[6, 6], [0, 0]]


# -- what a view has no part in ----------------------------------------------------------------------------------------


def test_writes_that_are_not_recorded_change_no_history():
    x, w = mt.ones(2, 2, requires_grad=True), mt.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    row = y[0]
    with mt.no_grad():
        row.mul_(3)
    y.data[1] = 5
    y.detach()[0].add_(1)
    row *= w
    assert y.tolist() == [[8, 12], [5, 5]]
    (y * mt.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad.tolist() == [[2, 6], [3, 4]]
    assert w.grad.tolist() == [4, 8]


def test_a_detached_tensor_and_its_views_have_a_history_of_their_own():
    x, w = mt.ones(2, 2, requires_grad=True), mt.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    cut = y.detach()
    row = cut[0]
    cut[:] = w
    (row * 5).sum().backward()
    assert w.grad.tolist() == [5, 5]
    assert x.grad is None
    (y * 2).sum().backward()
    assert x.grad.tolist() == [[2, 2], [2, 2]], "y's values changed without its knowing, as in torch"


def test_a_view_that_is_cut_off_stays_so():
    y = mt.ones(2, 2, requires_grad=True) * 1
    row = y[0].detach_()
    y *= 2
    assert (row.tolist(), (row * 2).requires_grad) == ([2, 2], False)


def test_a_base_that_is_cut_off_takes_nothing_from_its_views():
    x = mt.ones(2, 2, requires_grad=True)
    y = x * 1
    row = y[0]
    y.detach_()
    row.sum().backward()
    assert x.grad.tolist() == [[1, 1], [0, 0]]


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.fixture
def turned_round():
    """An operation that returns its input's memory, with a gradient of its own: dx = -dy."""

    @differentiable
    def turned_round(input):
        return input, (lambda dy: -dy,)

    yield turned_round
    del OPERATIONS["turned_round"]


def without_history(y):
    with mt.no_grad():
        return y[0]


READINGS = table(
    ("read", lambda view: view * 2),
    ("viewed", lambda view: view[0]),
    ("written", lambda view: view.mul_(2)),
    ("an item written", lambda view: view.__setitem__(0, 5)),
)


@pytest.mark.parametrize("read", READINGS)
def test_views_with_no_history_or_their_own_are_not_used_after_a_write(turned_round, read):
    for take in (without_history, turned_round, lambda y: turned_round(y)[1]):
        y = mt.ones(2, 3, requires_grad=True) * 1
        view = take(y)
        y *= 2
        with pytest.raises(
            RuntimeError, match=r"is a view of a tensor that was changed in place, .* take the view again"
        ):
            read(view)
        with mt.no_grad():
            assert set(view.flatten().tolist()) == {2}, "the memory is right; only the gradient would not be"


def test_a_write_with_a_gradient_through_a_view_without_history():
    y, w = mt.ones(2, 3, requires_grad=True) * 1, mt.ones(3, requires_grad=True)
    view = without_history(y)
    for write in (lambda: view.mul_(w), lambda: view.copy_(w), lambda: view.__setitem__(slice(None), w)):
        with pytest.raises(RuntimeError, match=r"_|setitem: the tensor of shape \(3,\) is a view .* under no_grad"):
            write()
    assert y.tolist() == [[1, 1, 1]] * 2, "nothing was written"


def test_an_operation_with_its_own_gradient_may_be_written_at_once(turned_round):
    x, w = mt.ones(2, requires_grad=True), mt.tensor([3.0, 4.0], requires_grad=True)
    y = x * 5
    turned = turned_round(y)
    turned *= w
    (y * mt.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [-15, -40]
    assert w.grad.tolist() == [5, 10]


@pytest.mark.parametrize("view", [lambda x: x[0], lambda x: x[0][1:], lambda x: x.T[1], lambda x: x.unsqueeze(0)])
def test_views_of_a_leaf_that_requires_grad(view):
    x = mt.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="in-place write on a view of a leaf that requires grad"):
        view(x).mul_(2)
    with mt.no_grad():
        view(x).mul_(2)
    assert x.sum().item() > 6


def test_what_was_saved_before_a_write_through_a_chain_says_so():
    y = mt.ones(2, 3, requires_grad=True) * 1
    z = y[1] * y[1]
    y[1][0] *= 5
    with pytest.raises(RuntimeError, match=r"mul: its input 'input'.*changed in place"):
        z.sum().backward()


# -- memory, and steps that are recorded -------------------------------------------------------------------------------


def test_no_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        y = mt.ones(2, 3, requires_grad=True) * 1
        row = y[0]
        row[1] *= 2
        y *= 3
        loss = (row * y).sum()
        dead = [weakref.ref(t) for t in (y, row, y.grad_fn, row.grad_fn)]
        del y, row
        loss.backward()
        del loss
        assert [ref() for ref in dead] == [None] * 4
    finally:
        gc.enable()


def test_chains_on_a_gpu(gpu):
    for program in (chained, overlapping, turned):
        x, w = (mt.tensor(array, device=gpu).requires_grad_() for array in (X, W))
        there = program(x * 1, w)
        dy = np.random.default_rng(2).standard_normal(there.shape)
        there.backward(mt.tensor(dy, device=gpu))
        beside = [mt.tensor(array, requires_grad=True) for array in (X, W)]
        program(beside[0] * 1, beside[1]).backward(mt.tensor(dy))
        for on_gpu, on_cpu in zip((x, w), beside):
            np.testing.assert_allclose(on_gpu.grad.cpu().numpy(), on_cpu.grad.numpy(), rtol=1e-12)


class Chain(mt.nn.Module):
    """Writes through views of views."""

    def __init__(self):
        super().__init__()
        self.weight = mt.nn.Parameter(mt.tensor([2.0, 3.0]))

    def forward(self, x):
        y = x * 1
        row = y[0]
        row *= self.weight
        y[1][0] += self.weight[1]
        return y * row.sum()


def test_a_recording_refuses_what_it_cannot_repeat():
    net, x = Chain(), mt.full((2, 2), 2.0, requires_grad=True)
    net.hybridize()
    with pytest.raises(RecordingError, match="by a write to a view"):
        net(x)
