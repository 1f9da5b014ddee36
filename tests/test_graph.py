"""Backward through the graph: sums, orders, modes, hooks, what is kept and what is let go."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.ops import fused
from minitorch_cv.ops.differentiable import OPERATIONS, differentiable


@pytest.fixture(autouse=True)
def registered_operations():
    """Operations that a test makes up are gone after it."""
    before = set(OPERATIONS)
    yield
    for name in set(OPERATIONS) - before:
        del OPERATIONS[name]


@pytest.fixture
def x():
    return mt.tensor([1.0, 2.0, 3.0], requires_grad=True)


# -- the walk ----------------------------------------------------------------------------------------------------------


def test_a_diamond(x):
    a = x * 2
    (a * a + a).sum().backward()
    assert x.grad.tolist() == [10, 18, 26]


def test_a_non_leaf_used_again_later(x):
    a = x.exp()
    b = a * 3
    c = b + a
    (c * a).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 8 * np.exp(2 * x.detach().numpy()), rtol=1e-6)


def test_one_tensor_on_both_sides(x):
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]
    x.grad = None
    mt.stack([x, x, x]).sum().backward()
    assert x.grad.tolist() == [3, 3, 3]


def test_exponentially_many_paths_are_walked_once():
    x = mt.ones(1, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_ten_thousand_operations_deep():
    x = mt.ones(2, requires_grad=True)
    y = x
    for _ in range(10_000):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]
    del y


def test_a_deep_graph_is_dropped_without_a_backward():
    y = mt.ones(1, requires_grad=True)
    for _ in range(50_000):
        y = y * 1.0
    del y


def test_gradients_add_up_over_backward_calls(x):
    for _ in range(3):
        (x * 2).sum().backward()
    assert x.grad.tolist() == [6, 6, 6]


def test_only_what_requires_grad_gets_one(x):
    c = mt.ones(3)
    (x * c).sum().backward()
    assert c.grad is None
    assert not c.requires_grad


def test_the_gradient_argument(x):
    y = x * 2
    y.backward(mt.tensor([1.0, 0.0, 10.0]))
    assert x.grad.tolist() == [2, 0, 20]
    x.backward(mt.ones(3))
    assert x.grad.tolist() == [3, 1, 21], "a leaf takes its own gradient"
    (x * 1).backward(np.ones(3))
    assert x.grad.tolist() == [4, 2, 22]


def test_gradients_have_the_dtype_of_their_tensor():
    x = mt.ones(2, requires_grad=True)
    (x.double() * mt.ones(2, dtype=mt.float64)).sum().backward()
    assert x.grad.dtype == mt.float32
    h = mt.ones(2, dtype=mt.float64, requires_grad=True)
    (h.float() * x).sum().backward()
    assert h.grad.dtype == mt.float64


def test_the_second_output_of_an_operation_has_no_gradient(x):
    values, indices = x.max(0)
    assert values.requires_grad
    assert not indices.requires_grad


def test_the_same_bits_twice():
    x = mt.randn(5, 7, generator=mt.Generator().manual_seed(0), requires_grad=True)
    y = (x.T @ x).softmax(0).log().mean()
    y.backward(retain_graph=True)
    first = x.grad.clone()
    x.grad = None
    y.backward()
    assert mt.equal(x.grad, first)


# -- whose memory a gradient is ----------------------------------------------------------------------------------------


def test_gradients_do_not_alias_each_other():
    a, b, c = (mt.ones(3, requires_grad=True) for _ in range(3))
    (a + b - c).sum().backward()
    a.grad[:] *= 5
    b.grad += 1
    assert (a.grad.tolist(), b.grad.tolist(), c.grad.tolist()) == ([5] * 3, [2] * 3, [-1] * 3)


@pytest.mark.parametrize(
    "make",
    [lambda x: x + 0, lambda x: x.reshape(3), lambda x: x.clone(), lambda x: x],
    ids=["new", "view", "copy", "itself"],
)
def test_gradients_do_not_alias_the_cotangent(x, make):
    dy = mt.ones(3)
    make(x).backward(dy)
    x.grad *= 7
    assert dy.tolist() == [1, 1, 1]
    make(x).backward(dy)
    assert dy.tolist() == [1, 1, 1]


def test_the_gradient_of_a_sum_can_be_written(x):
    x.sum().backward()
    x.grad[0] = 5
    assert x.grad.tolist() == [5, 1, 1]


def test_the_parts_of_a_join_do_not_share_their_gradient():
    a, b = mt.ones(2, requires_grad=True), mt.ones(2, requires_grad=True)
    dy = mt.ones(4)
    mt.cat([a, b]).backward(dy)
    a.grad.fill_(9)
    assert b.grad.tolist() == [1, 1]
    assert dy.tolist() == [1] * 4


def test_an_operation_may_return_one_array_for_two_inputs():
    @differentiable
    def squared_sum(a, b):
        def backward(dy, needs):
            shared = 2 * dy * (a + b)
            return shared, shared

        return (a + b) ** 2, backward

    a, b = mt.ones(2, requires_grad=True), mt.ones(2, requires_grad=True)
    squared_sum(a, b).sum().backward()
    a.grad *= 100
    assert b.grad.tolist() == [4, 4]


def test_one_array_for_two_inputs_is_not_added_to():
    """The gradient of b waits while a's grows: they must not be one array."""
    p, q = (mt.ones(4, requires_grad=True) for _ in range(2))
    b = q * 1.0
    a = p * 1.0
    c = a * 5.0
    (fused.add_relu(a, b).sum() + c.sum()).backward()
    assert p.grad.tolist() == [6.0] * 4
    assert q.grad.tolist() == [1.0] * 4


def test_an_operation_with_a_gradient_of_the_wrong_shape_is_caught():
    @differentiable
    def broken(a):
        return a * 2, (lambda dy: dy.sum(),)

    with pytest.raises(RuntimeError, match=r"broken: its backward returned shape \(\) for input 0 of shape \(3,\)"):
        broken(mt.ones(3, requires_grad=True)).sum().backward()


def test_a_gradient_kept_elsewhere_is_not_added_to(x):
    y = x * 1
    y.retain_grad()
    (y * 1 + y * 2).sum().backward()
    kept = y.grad
    (x * 5).sum().backward()
    assert kept.tolist() == [3, 3, 3]


# -- a graph is walked once --------------------------------------------------------------------------------------------


def test_a_second_backward_is_refused(x):
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"sum: backward through a graph that was freed .* retain_graph=True"):
        y.backward()


def test_a_shared_part_that_was_freed_is_refused(x):
    a = x * x
    a.sum().backward()
    with pytest.raises(RuntimeError, match="mul: backward through a graph that was freed"):
        (a * 2).sum().backward()


def test_retain_graph(x):
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8, 12]


def test_backward_refusals(x):
    with pytest.raises(RuntimeError, match=r"backward: a gradient must be given for a tensor of shape \(3,\)"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"backward: gradient has shape \(2,\) but the tensor has shape \(3,\)"):
        (x * 2).backward(mt.ones(2))
    with pytest.raises(RuntimeError, match=r"backward: this tensor does not require grad .* requires_grad_\(\)"):
        mt.ones(1).backward()
    with pytest.raises(RuntimeError, match="create_graph=True: minitorch_cv has first-order gradients only"):
        x.sum().backward(create_graph=True)


# -- modes -------------------------------------------------------------------------------------------------------------


def test_no_grad_and_enable_grad_as_blocks(x):
    with mt.no_grad():
        assert not mt.is_grad_enabled()
        assert not (x * 2).requires_grad
        with mt.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_modes_as_decorators(x):
    @mt.no_grad()
    def off():
        return (x * 2).requires_grad

    @mt.no_grad
    def off_without_brackets(value):
        return (x * value).requires_grad

    @mt.enable_grad()
    def on():
        return (x * 2).requires_grad

    assert (off(), off_without_brackets(2), on()) == (False, False, True)
    with mt.no_grad():
        assert on()
    assert off.__name__ == "off"


def test_no_grad_ends_with_an_exception():
    with pytest.raises(ZeroDivisionError), mt.no_grad():
        1 / 0  # noqa: B018 - only the error matters
    assert mt.is_grad_enabled()


def test_one_no_grad_can_be_nested_and_used_again():
    mode = mt.no_grad()
    with mode, mode:
        pass
    assert mt.is_grad_enabled()
    with mode:
        assert not mt.is_grad_enabled()
    assert mt.is_grad_enabled()


def test_set_grad_enabled(x):
    with mt.set_grad_enabled(False):
        assert not mt.is_grad_enabled()
        with mt.set_grad_enabled(True):
            assert mt.is_grad_enabled()
    assert mt.is_grad_enabled()
    try:
        mt.set_grad_enabled(False)
        assert not (x * 2).requires_grad
    finally:
        mt.set_grad_enabled(True)

    @mt.set_grad_enabled(False)
    def off():
        return mt.is_grad_enabled()

    assert mt.is_grad_enabled(), "a decorator changes the mode in calls only"
    assert not off()
    assert mt.is_grad_enabled()


def test_the_mode_belongs_to_its_thread():
    seen = []
    with mt.no_grad():
        thread = threading.Thread(target=lambda: seen.append(mt.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


# -- leaves ------------------------------------------------------------------------------------------------------------


def test_requires_grad_of_leaves_and_results(x):
    assert (x.is_leaf, x.requires_grad, x.grad_fn) == (True, True, None)
    y = x * 2
    assert (y.is_leaf, y.requires_grad, repr(y.grad_fn)) == (False, True, "<mul>")
    assert y.grad_fn.next_functions[0][0] is x
    x.requires_grad_(False)
    assert not (x * 2).requires_grad
    with pytest.raises(RuntimeError, match=r"requires_grad = False: this tensor was made by mul; use detach\(\)"):
        y.requires_grad = False


@pytest.mark.parametrize("dtype", [mt.int64, mt.uint8, mt.bool])
def test_only_floating_point_tensors_require_grad(dtype):
    with pytest.raises(RuntimeError, match=f"only floating-point tensors can require gradients, got {dtype}"):
        mt.ones(2, dtype=dtype).requires_grad_()
    with pytest.raises(RuntimeError, match="only floating-point"):
        mt.ones(2, dtype=dtype, requires_grad=True)


def test_detach_and_clone(x):
    assert not x.detach().requires_grad
    assert x.detach().data_ptr() == x.data_ptr()
    y = x.clone()
    assert y.data_ptr() != x.data_ptr()
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]
    z = x * 2
    z.detach_()
    assert (z.is_leaf, z.requires_grad) == (True, False)


def test_grad_can_be_set_and_is_checked(x):
    x.grad = mt.ones(3)
    x.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match=r"grad of shape \(2,\) and float32 does not fit a tensor of shape \(3,\)"):
        x.grad = mt.ones(2)
    with pytest.raises(TypeError, match="grad must be a Tensor or None, got list"):
        x.grad = [1.0]


def test_retain_grad(x):
    y = x * 2
    y.retain_grad()
    z = y * 3
    z.sum().backward()
    assert y.grad.tolist() == [3, 3, 3]
    assert z.grad is None
    x.retain_grad()  # a leaf keeps its gradient anyway
    with pytest.raises(RuntimeError, match="retain_grad: this tensor does not require grad"):
        mt.ones(1).retain_grad()


# -- hooks -------------------------------------------------------------------------------------------------------------


def test_a_hook_sees_the_whole_gradient_once(x):
    seen = []
    y = x * 2
    y.register_hook(lambda grad: seen.append(grad.tolist()))
    x.register_hook(lambda grad: seen.append(grad.tolist()))
    (y + y * y).sum().backward()
    assert seen == [[5, 9, 13], [10, 18, 26]]


def test_a_hook_can_replace_the_gradient(x):
    y = x * 2
    y.register_hook(lambda grad: grad * 10)
    x.register_hook(lambda grad: grad + 1)
    y.retain_grad()
    y.sum().backward()
    assert y.grad.tolist() == [10, 10, 10]
    assert x.grad.tolist() == [21, 21, 21]


def test_hooks_run_in_order_until_they_are_removed(x):
    first = x.register_hook(lambda grad: grad * 2)
    x.register_hook(lambda grad: grad + 1)
    x.sum().backward()
    assert x.grad.tolist() == [3, 3, 3]
    first.remove()
    first.remove()
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    with x.register_hook(lambda grad: grad * 0):
        pass
    x.sum().backward()
    assert x.grad.tolist() == [4, 4, 4]


def test_what_a_hook_returns_or_keeps_stays_its_own(x):
    kept, replacement = [], mt.full((3,), 7.0)
    x.register_hook(kept.append)
    x.register_hook(lambda grad: replacement)
    for _ in range(2):
        x.sum().backward()
    assert x.grad.tolist() == [14, 14, 14]
    assert replacement.tolist() == [7, 7, 7]
    assert [grad.tolist() for grad in kept] == [[1, 1, 1]] * 2


def test_hook_refusals(x):
    with pytest.raises(RuntimeError, match="register_hook: this tensor does not require grad"):
        mt.ones(1).register_hook(print)
    x.register_hook(lambda grad: mt.ones(2))
    with pytest.raises(RuntimeError, match=r"register_hook: the hook returned \(2,\) for a gradient of \(3,\)"):
        x.sum().backward()


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


RECORDED = {
    "exp": lambda x: x.exp(),
    "matmul": lambda x: x @ x,
    "softmax": lambda x: x.softmax(0),
    "index": lambda x: x[[0, 0]],
    "max": lambda x: x.max(0)[0],
    "cat": lambda x: mt.cat([x, x]),
    "var": lambda x: x.var(),
    "gelu": lambda x: mt.gelu(x),
}


@pytest.mark.parametrize("name", RECORDED)
def test_no_reference_cycles(x, without_gc, name):
    middle = RECORDED[name](x * 2)
    tensor, node = weakref.ref(middle), weakref.ref(middle.grad_fn)
    loss = middle.sum()
    del middle
    assert tensor() is None, "the graph holds arrays, not the tensors it made"
    assert node() is not None
    del loss
    assert node() is None


def test_no_reference_cycle_after_an_in_place_write(x, without_gc):
    base = x * 2
    view = base[:2]
    view *= 3
    base += 1
    nodes = [weakref.ref(t.grad_fn) for t in (base, view)]
    base.sum().backward()
    del base, view
    assert [node() for node in nodes] == [None, None]


def test_no_reference_cycle_with_hooks_and_retained_gradients(x, without_gc):
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda grad: grad * 2)
    y.sum().backward()
    dead = weakref.ref(y)
    del y
    assert dead() is None


def test_backward_lets_go_of_what_was_saved(x, without_gc):
    big = mt.ones(3) * 2
    array = weakref.ref(big._array)
    y = (x * big).sum()
    del big
    assert array() is not None
    y.backward()
    assert array() is None


def test_nothing_is_saved_under_no_grad(x, without_gc):
    big = mt.ones(3) * 2
    array = weakref.ref(big._array)
    with mt.no_grad():
        y = (x * big).sum()
    del big
    assert array() is None
    assert y.grad_fn is None


def test_an_operand_that_no_gradient_needs_is_not_kept(x, without_gc):
    middle = x * 1
    array = weakref.ref(middle._array)
    y = (middle + 1).relu() * mt.ones(3)
    del middle
    assert array() is None
    assert y.requires_grad
