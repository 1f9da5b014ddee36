"""Writes in place are seen by all later readers, or refused; what Python reads out of a tensor is no constant."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F
from minitorch_cv.onnx import export

from .files import Net, assert_agrees, images, run

pytest.importorskip("onnx")


def changed(write, then=lambda y, x: y + x):
    """A network that writes to a tensor of its own, then reads it."""

    def function(x, *buffers):
        y = x * 3 - 1
        write(y, x, *buffers)
        return then(y, x)

    return function


def items(index, value):
    """y[index] = value, a function of x."""
    return lambda y, x: y.__setitem__(index, value(x))


def new_data(y, x):
    y.data = x * 5


SEEN = {
    "multiplied": changed(lambda y, x: y.mul_(2)),
    "two after each other": changed(lambda y, x: y.add_(x).div_(4)),
    "by itself": changed(lambda y, x: y.mul_(y)),
    "zeroed": changed(lambda y, x: y.zero_()),
    "filled": changed(lambda y, x: y.fill_(2.5)),
    "copied": changed(lambda y, x: y.copy_(x)),
    "copied from float64": changed(lambda y, x: y.copy_(x.double())),
    "copied from whole numbers": changed(lambda y, x: y.copy_((x * 9).long())),
    "copied from one row": changed(lambda y, x: y.copy_(x.mean(0))),
    "all items": changed(items(slice(None), lambda x: x * 7)),
    "all items by dots": changed(items(..., lambda x: 4.0)),
    "all items of all axes": changed(items((slice(None), ..., slice(None)), lambda x: x[:, :1])),
    "clamped": changed(lambda y, x: y.clamp_(-1, 0.5)),
    "relu": changed(lambda y, x: F.relu(y, inplace=True)),
    "other functions": changed(lambda y, x: F.leaky_relu(F.hardtanh(F.elu(y, 0.7, True), -0.6, 2, True), 0.3, True)),
    "read before and after": lambda x: (lambda y: (y + 1) * y.neg_())(x * 2),
    "under two names": lambda x: (lambda y, z: (y.mul_(2), z + y)[1])(*[x * 3] * 2),
    "without history": changed(lambda y, x: y.detach().mul_(2)),
    "the data": changed(lambda y, x: y.data.zero_()),
    "other data": changed(new_data),
    "the input": lambda x: x.mul_(2) + 1,
    "the input, returned": lambda x: x.add_(1),
    "a tensor made here": lambda x: torch.empty(len(x), 4).fill_(2.0) + x[:, 0],
    "a copy into a tensor made here": lambda x: torch.zeros(len(x), 3, 4).copy_(x) * 2,
    "a view that is read itself": lambda x: (x * 2).flatten(1).mul_(3) + 1,
}


@pytest.mark.parametrize("name", SEEN)
def test_a_write_to_the_whole_is_seen(name, tmp_path):
    assert_agrees(Net(SEEN[name]), tmp_path / "net.onnx")


def relu_of_a_view(y, x):
    F.relu(y.view(len(x), -1), inplace=True)


def read_through_a_view(x):
    y = x * 1
    first = y[:, :2]
    y.add_(5)
    return first


REFUSED = {
    "a channel": changed(items((slice(None), 0), lambda x: 7.0)),
    "some channels": changed(items((slice(None), slice(1, 3)), lambda x: x[:, 1:3])),
    "an image": changed(items(0, lambda x: 0.0)),
    "a view": changed(lambda y, x: y[:, :2].mul_(3)),
    "a transposed view of all": changed(lambda y, x: y.transpose(1, 2).mul_(2)),
    "a flat view of all": changed(relu_of_a_view),
    "a view taken earlier": read_through_a_view,
    "a part of the data": changed(lambda y, x: y.data[:, 0].zero_()),
    "a part that keeps its values": changed(lambda y, x: y[:, 0].clamp_(max=1e6)),
    "random numbers": changed(lambda y, x: y.uniform_()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_write_to_a_part_is_refused(name, tmp_path):
    with pytest.raises(
        ValueError, match=r"onnx.export: a tensor of shape .* was written to in place, in a part of it or"
    ):
        export(Net(REFUSED[name]), torch.tensor(images(3)), tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_a_part_that_nobody_reads_again_is_no_matter(tmp_path):
    def function(x):
        y = x * 2
        z = y + 1
        y[:, 0] = 0.0
        return z

    assert_agrees(Net(function), tmp_path / "net.onnx")


def test_writes_to_buffers(tmp_path):
    """The whole of one is computed with; a part of one, from the images, would be a constant of these images."""
    path, x = tmp_path / "net.onnx", torch.tensor(images(2))
    net = Net(lambda x, b: x + b.add_(1), buffer=np.zeros(1, np.float32))
    export(net, x, path)
    assert net.buffer.item() == 0
    np.testing.assert_allclose(run(path, input=x.numpy())[0], x.numpy() + 1)

    def part(x, b):
        b[0] = x.mean()
        return x * b

    with pytest.raises(ValueError, match=r"a tensor of shape \(4,\) was written to in place"):
        export(Net(part, buffer=np.ones(4, np.float32)), x, path)


def test_a_parameter_that_forward_changes_is_refused(tmp_path):
    net = nn.Linear(4, 4)
    net.register_forward_pre_hook(lambda module, args: module.weight.mul_(0.5))
    with pytest.raises(ValueError, match=r"forward\(\) changes the parameter weight, which is a constant in a file"):
        export(net, torch.tensor(images(2)), tmp_path / "net.onnx")


HUGE = 1e6
READ = {
    "item": lambda x: x / x.abs().max().item(),
    "float": lambda x: x * float(x.sum()),
    "int as an index": lambda x: x[:, int(x[0, :, 0].argmax())],
    "tolist": lambda x: x * x.tolist()[0][0][0],
    "numpy": lambda x: x * torch.tensor(np.sin(x.numpy())),
    "numpy of the data": lambda x: x * float(x.data.numpy().mean()),
    "an array": lambda x: x * float(np.asarray(x.detach()).mean()),
    "the bits": lambda x: x * int(x.flatten().view(torch.int32).numpy()[0]),
    "text": lambda x: x * float(f"{x.sum():.2f}"),
    "a branch that both runs take": lambda x: x * 2 if x.sum() < HUGE else x + 1,
    "a comparison of all": lambda x: x * 2 if (x < HUGE).all() else x + 1,
    "a check": lambda x: x * 2 if not torch.isnan(x).any() else x + 1,
    "in": lambda x: x * 2 if HUGE in x else x + 1,
    "equal": lambda x: x * 2 if torch.equal(x, x + 1) else x + 1,
    "how many are not zero": lambda x: x * len((x > 0).nonzero()),
    "a label": lambda x: x * int(F.one_hot(x[:, 0, 0].long().abs(), 128).numpy()[0, 0]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("name", READ)
def test_what_python_reads_of_the_images_is_refused(name, zeros, dtype, tmp_path):
    """Zeros, whole numbers and branches that no run would take differently are no way around."""
    x = images(3, dtype=dtype)
    with pytest.raises(ValueError, match=r"onnx.export: .* reads a tensor of shape .* that follows from the inputs"):
        export(Net(lambda x: READ[name](x.float())), torch.tensor(x * dtype(not zeros)), tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_what_python_reads_of_constants_is_a_constant(tmp_path):
    net = Net(lambda x, b: x * b.item() + float(torch.tensor(3.0)) - float(b.numpy()), buffer=np.float32(2))
    assert_agrees(net, tmp_path / "net.onnx")
