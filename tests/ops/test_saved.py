"""What a backward can reach is what the operation saves: written to before the backward, it raises."""

import functools
from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv.ops.differentiable import OPERATIONS, differentiable
from minitorch_cv.ops.saved import reachable_arrays


@dataclass
class Held:
    array: np.ndarray
    other: int = 0


class Slotted:
    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def times(self, dy):
        return dy * 2 * self.array


class Derived(Slotted):
    __slots__ = "more"


class Subclass(np.ndarray):
    pass


def inner_function(x):
    def slope():
        return 2 * x

    return lambda dy: dy * slope()


def three_deep(x):
    def first():
        def second():
            return lambda: 2 * x

        return second()

    return lambda dy: dy * first()()


def default_argument(x):
    return lambda dy, kept=x: dy * 2 * kept


def keyword_default(x):
    def backward(dy, *, kept=x):
        return dy * 2 * kept

    return backward


def in_a_cycle(x):
    ring = [x]
    ring.append(ring)
    return lambda dy: dy * 2 * ring[0]


WAYS = {
    "closure": lambda x: lambda dy: dy * 2 * x,
    "inner function": inner_function,
    "three functions deep": three_deep,
    "partial": lambda x: functools.partial(lambda kept, dy: dy * 2 * kept, x),
    "keyword of a partial": lambda x: functools.partial(lambda dy, kept: dy * 2 * kept, kept=x),
    "partial of a partial": lambda x: functools.partial(functools.partial(lambda a, b, dy: dy * (a + b), x), x),
    "default argument": default_argument,
    "keyword default": keyword_default,
    "tuple": lambda x: (lambda kept: lambda dy: dy * 2 * kept[0])((x, 1)),
    "list in a dictionary": lambda x: (lambda kept: lambda dy: dy * 2 * kept["a"][1])({"a": [1, x]}),
    "deque": lambda x: (lambda kept: lambda dy: dy * 2 * kept[0])(deque([x])),
    "dataclass": lambda x: (lambda kept: lambda dy: dy * 2 * kept.array)(Held(x)),
    "bound method, slots": lambda x: Slotted(x).times,
    "slots of a base class": lambda x: Derived(x).times,
    "array of objects": lambda x: (lambda kept: lambda dy: dy * 2 * kept[0])(np.array([x, None], dtype=object)),
    "view": lambda x: (lambda kept: lambda dy: dy * 2 * kept[::-1])(x[::-1]),
    "subclass of ndarray": lambda x: (lambda kept: lambda dy: dy * 2 * np.asarray(kept))(x.view(Subclass)),
    "tensor": lambda x: (lambda kept: lambda dy: dy * 2 * kept._array)(torch.from_numpy(x)),
    "cycle": in_a_cycle,
    "recursion": lambda x: _recursive(x),
}


def _recursive(x):
    def slope(n):
        return x if n == 0 else slope(n - 1) + x

    return lambda dy: dy * slope(1)


@pytest.fixture
def square(request):
    """y = x², whose backward holds x in one way or another."""
    way = WAYS[request.param]

    def square_of(x):
        return x * x, (way(x),)

    yield differentiable(square_of)
    del OPERATIONS["square_of"]


@pytest.mark.parametrize("square", WAYS, indirect=True)
def test_a_write_before_the_backward_raises(square):
    x = torch.tensor([3.0, 4.0], requires_grad=True)
    inside = x * 1
    y = square(inside)
    inside.mul_(10)
    with pytest.raises(RuntimeError, match=r"square_of: its input 'x' \(shape \(2,\)\) was changed in place"):
        y.sum().backward()


@pytest.mark.parametrize("square", WAYS, indirect=True)
def test_without_a_write_the_gradient_is_right(square):
    x = torch.tensor([3.0, 4.0], requires_grad=True)
    weights = torch.tensor([0.5, -2.0])
    (square(x * 1) * weights).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [3.0, -16.0])


def test_what_is_not_reached_may_be_written():
    scale = np.array([5.0, 6.0])

    def doubled(x):
        def backward(dy, unused=None):
            return dy * 2 * (scale / scale)

        return x * 2, (backward,)

    x = torch.tensor([3.0, 4.0], requires_grad=True)
    inside = x * 1
    y = differentiable(doubled)(inside)
    del OPERATIONS["doubled"]
    inside.mul_(10)
    (y * torch.tensor([1.0, 3.0])).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 6.0])


def test_a_name_that_was_never_assigned_is_no_array():
    def outer():
        def backward(dy):
            return never

        if False:
            never = 1
        return backward

    assert reachable_arrays([outer()]) == []


def test_globals_and_kernels_hold_nothing_of_the_operation():
    from minitorch_kernels import relu

    assert reachable_arrays([relu, np, 3, "text", torch.nn.Linear, len, None, slice(2)]) == []
