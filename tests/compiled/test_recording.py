"""What cannot be recorded raises, with the file and line of the user's code and what to do instead."""

import inspect

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.compiled import RecordingError

X = torch.ones(3)


def repeat(run, times, *args):
    for _ in range(times):
        run(*args)


def read_item(x):
    return x * x.sum().item()


def branch(x):
    return x * 2 if x.sum() > 0 else x


def to_numpy(x):
    return x * float(np.sum(x.numpy()))


def to_list(x):
    return x * len(x.tolist())


def membership(x):
    return x * (1 in x)


def compare_with_equal(x):
    return x * torch.equal(x, x)


def new_tensor(x):
    return x + torch.tensor([1.0, 2.0, 3.0])


def numpy_array_in_an_operation(x):
    return x + np.ones(3, np.float32)


def returned_number(x):
    return x.numel()


def returned_from_nowhere(x):
    return torch.tensor(1.0)


def two_results_with_gradients(x):
    w = x.detach().requires_grad_()
    return w * 2, w * 3


def same_tensor_twice(x, y=None):
    return x * 2


READERS = [read_item, branch, to_numpy, to_list, membership, compare_with_equal, numpy_array_in_an_operation]


@pytest.mark.parametrize("step", READERS)
def test_what_is_read_out_of_a_tensor_is_named_with_its_line(step):
    line = inspect.getsourcelines(step)[1] + 1
    with pytest.raises(RecordingError, match=rf"test_recording.py:{line}: .* cannot be recorded: "):
        torch.compile(step)(X)


def test_a_tensor_made_by_nothing_that_is_recorded():
    line = inspect.getsourcelines(new_tensor)[1] + 1
    run = torch.compile(new_tensor)
    with pytest.raises(RecordingError, match=rf"test_recording.py:{line}: add uses a tensor of shape \(3,\)"):
        repeat(run, 4, X)


def test_a_result_made_by_nothing_that_is_recorded():
    run = torch.compile(returned_from_nowhere)
    with pytest.raises(RecordingError, match=r"the step returned a tensor of shape \(\)"):
        repeat(run, 4, X)


@pytest.mark.parametrize(
    ("step", "args", "message"),
    [
        (returned_number, (X,), "the step returned a int"),
        (two_results_with_gradients, (X,), "the step returned 2 tensors that require gradients"),
        (same_tensor_twice, (X, X), "argument 1 is the same tensor"),
    ],
)
def test_what_no_replay_could_give(step, args, message):
    with pytest.raises(RecordingError, match=message):
        torch.compile(step)(*args)


def test_data_dependent_python_is_noticed():
    """Python that takes another way each time, without reading a tensor."""
    turns = iter([0, 1] * 10)
    run = torch.compile(lambda x: x.exp() if next(turns) else x.sin())
    with pytest.raises(RecordingError, match=r"sin was called where another run called exp|exp was called where"):
        repeat(run, 9, X)


def test_a_gradient_that_leaves_the_step():
    w = torch.ones(3, requires_grad=True)
    outside = w * 2

    def step(x):
        (x * outside).sum().backward()

    with pytest.raises(RecordingError, match="a tensor made by mul before the step"):
        torch.compile(step)(X)


def test_a_write_to_a_view_with_a_gradient():
    w = torch.ones(3, requires_grad=True)

    def step(x):
        y = w * x
        y[:2].mul_(2)
        y.sum().backward()

    with pytest.raises(RecordingError, match="or by a write to a view"):
        torch.compile(step)(X)


def test_hooks():
    net = nn.Linear(3, 2)
    net.register_forward_hook(lambda module, args, output: None)
    with pytest.raises(RecordingError, match="a Linear with hooks"):
        torch.compile(lambda x: net(x))(X)

    def step(x):
        y = x * w
        y.register_hook(lambda dy: dy * 2)
        y.sum().backward()

    w = torch.ones(3, requires_grad=True)
    with pytest.raises(RecordingError, match="a hook or retain_grad"):
        torch.compile(step)(X)


def test_hooks_that_come_later_are_noticed():
    net = nn.Linear(3, 2)
    run = torch.compile(lambda x: net(x))
    for _ in range(4):
        run(X)
    net.register_forward_hook(lambda module, args, output: None)
    with pytest.raises(RecordingError, match="a Linear with hooks"):
        run(X)


def test_parameters_that_share_memory():
    w = nn.Parameter(torch.ones(3))
    twin = nn.Parameter(w.detach())
    with pytest.raises(RecordingError, match="two parameters over the same memory"):
        torch.compile(lambda x: (x * w * twin).sum())(X)


def test_a_failed_recording_leaves_the_engine_as_it_was():
    with pytest.raises(RecordingError):
        torch.compile(read_item)(X)
    assert read_item(X).tolist() == [3, 3, 3]
    assert torch.compile(lambda x: x * 2)(X).tolist() == [2, 2, 2]
