import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def doubling():
    """y = 2x, as a linear layer."""
    layer = nn.Linear(2, 2, bias=False)
    layer.load_state_dict({"weight": 2 * torch.eye(2)})
    return layer


class Both(nn.Module):
    def forward(self, a, b, power):
        return a * b, a**power


def numbers(gradients):
    return [None if gradient is None else gradient.tolist() for gradient in gradients]


def test_forward_hooks_see_and_replace():
    layer, seen = doubling(), []
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    layer.register_forward_pre_hook(lambda module, args: args[0] * 10)
    layer.register_forward_hook(lambda module, args, output: seen.append((module, args[0].tolist(), output.tolist())))
    layer.register_forward_hook(lambda module, args, output: output - 1)
    assert layer(torch.ones(1, 2)).tolist() == [[39, 39]]
    assert seen == [(layer, [[20, 20]], [[40, 40]])]


def test_hooks_with_keyword_arguments():
    module, seen = Both(), []

    def before(module, args, kwargs):
        return args, {**kwargs, "power": kwargs["power"] + 1}

    module.register_forward_pre_hook(before, with_kwargs=True)
    module.register_forward_hook(lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    assert module(torch.full((1,), 2.0), 1, power=2)[1].tolist() == [8]
    assert seen == [{"power": 3}]


def test_a_hook_can_go_first_and_go_away():
    layer, order = doubling(), []
    last = layer.register_forward_hook(lambda *_: order.append("last"))
    first = layer.register_forward_hook(lambda *_: order.append("first"), prepend=True)
    layer(torch.ones(1, 2))
    last.remove()
    layer(torch.ones(1, 2))
    first.remove()
    layer(torch.ones(1, 2))
    assert order == ["first", "last", "first"]


def test_backward_hook_sees_both_ends():
    layer, seen = doubling(), []
    layer.register_full_backward_hook(lambda module, *grads: seen.append((module, *map(numbers, grads))))
    x = torch.ones(1, 2, requires_grad=True)
    (layer(x) * 3).sum().backward()
    assert seen == [(layer, [[[6, 6]]], [[[3, 3]]])]
    assert layer.weight.grad.tolist() == [[3, 3], [3, 3]]


def test_backward_hook_without_a_gradient_for_the_input():
    layer, seen = doubling(), []
    layer.register_full_backward_hook(lambda module, *grads: seen.append([*map(numbers, grads)]))
    layer(torch.ones(1, 2)).sum().backward()
    assert seen == [[[None], [[[1, 1]]]]]


def test_backward_hook_replaces_the_gradient_of_the_input():
    layer = doubling()
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 10,))
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] + 1,))
    x = torch.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [[21, 21]]
    assert layer.weight.grad.tolist() == [[1, 1], [1, 1]]


def test_backward_hook_with_several_inputs_and_outputs():
    module, seen = Both(), []

    def hook(module, grad_input, grad_output):
        seen.append((numbers(grad_input), numbers(grad_output)))
        return grad_input[0] * 2, grad_input[1] * 3, None

    module.register_full_backward_hook(hook)
    a = torch.full((1,), 3.0, requires_grad=True)
    b = torch.full((1,), 5.0, requires_grad=True)
    product, square = module(a, b, 2)
    (product * 7 + square).sum().backward()
    assert seen == [([[7 * 5 + 2 * 3], [7 * 3], None], [[7], [1]])]
    assert a.grad.tolist() == [82]
    assert b.grad.tolist() == [63]


def test_an_output_that_nobody_used_has_gradient_zero():
    module, seen = Both(), []
    module.register_full_backward_hook(lambda module, *grads: seen.append([*map(numbers, grads)]))
    a = torch.full((1,), 3.0, requires_grad=True)
    module(a, 5, 2)[0].sum().backward()
    assert seen == [[[[5], None, None], [[1], [0]]]]


def test_nothing_is_recorded_without_gradients():
    layer = nn.Identity()
    layer.register_full_backward_hook(lambda *_: pytest.fail("called"))
    with torch.no_grad():
        assert layer(torch.ones(1, 2, requires_grad=True)).grad_fn is None


@pytest.mark.parametrize(
    ("requires_grad", "returned", "message"),
    [
        (False, (torch.ones(1, 2),), "none of the module's inputs requires grad; return None"),
        (True, (torch.ones(1, 2), None), "a backward hook of Linear returned 2 gradients for 1 inputs"),
        (True, (torch.ones(2, 2),), r"its backward returned shape \(2, 2\) for input 0 of shape \(1, 2\)"),
    ],
)
def test_a_hook_that_returns_what_does_not_fit_is_refused(requires_grad, returned, message):
    layer = doubling()
    layer.register_full_backward_hook(lambda *_: returned)
    with pytest.raises(RuntimeError, match=message):
        layer(torch.ones(1, 2, requires_grad=requires_grad)).sum().backward()


def test_backward_hooks_need_tensors_as_output():
    class Named(nn.Module):
        def forward(self, x):
            return {"y": x}

    module = Named()
    module.register_full_backward_hook(lambda *_: None)
    with pytest.raises(
        TypeError, match="Named returned a dict, but backward hooks need a tensor or a tuple of tensors"
    ):
        module(torch.ones(1, requires_grad=True))


def test_lists_of_outputs_stay_lists():
    class Pair(nn.Module):
        def forward(self, x):
            return [x * 2, "label"]

    module, seen = Pair(), []
    module.register_full_backward_hook(lambda module, *grads: seen.append([*map(numbers, grads)]))
    y, label = module(torch.ones(1, requires_grad=True))
    y.sum().backward()
    assert label == "label"
    assert seen == [[[[2]], [[1], None]]]
