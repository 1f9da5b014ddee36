"""What follows from the number of images stands in the file as such, or the network is refused."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.onnx import export

from .files import Net, assert_agrees, images, run

pytest.importorskip("onnx")

SHAPE = (3, 4)
FOLLOW = {
    "a size in front": lambda x: x.reshape(len(x), 2, 6),
    "a size behind": lambda x: x.permute(1, 2, 0).reshape(12, len(x)),
    "a size in the middle": lambda x: x.permute(1, 0, 2).reshape(3, len(x), 2, 2),
    "a multiple of the size": lambda x: x.reshape(3 * len(x), 4),
    "the size twice": lambda x: (x[:, None] * x[None]).reshape(len(x), -1, len(x)),
    "the size as a fixed one of another axis": lambda x: x.reshape(3, -1),
    "a vector of all": lambda x: x.flatten(),
    "images and channels in one axis": lambda x: x.flatten(0, 1),
    "channels before images": lambda x: x.transpose(0, 1).flatten(1),
    "a mean by hand": lambda x: x.sum(0) / len(x),
    "a mean over everything by hand": lambda x: x.sum() / x.numel(),
    "a count less one": lambda x: x.sum(0) / (len(x) + 1),
    "a number alone": lambda x: x.sum() * len(x),
    "the last image by its number": lambda x: x[len(x) - 1],
    "all images by their number": lambda x: x[: len(x)] * 2,
    "the last images": lambda x: x[-2:],
    "more images than there are": lambda x: x[5:],
    "images in pairs with one": lambda x: x - x[:1],
    "expanded to the batch": lambda x: x[:1].expand(len(x), 3, 4) * 1,
    "a new axis of the batch": lambda x: x[None].expand(len(x), len(x), 3, 4) * 1,
    "joined with itself": lambda x: torch.cat([x, x]),
    "normalised over the batch": lambda x: (x - x.mean(0, keepdim=True)).softmax(0),
    "every image with every other": lambda x: x.flatten(1) @ x.flatten(1).T,
    "layer norm of a shape like the batch": nn.LayerNorm([3, 4]),
    "layer norm of the last axis": nn.LayerNorm(4),
}


@pytest.mark.parametrize("name", FOLLOW)
def test_a_number_that_follows_from_the_batch_stays_open(name, tmp_path):
    function = FOLLOW[name]
    net = function if isinstance(function, nn.Module) else Net(function)
    assert_agrees(net, tmp_path / "net.onnx", SHAPE, exported=(1, 2, 3, 5))


def test_a_row_of_the_network_is_put_before_every_image(tmp_path):
    """As a vision transformer does with its class token."""
    net = Net(lambda x, token: torch.cat([token.expand(len(x), -1, -1), x], 1), token=images(1, (1, 4)))
    assert_agrees(net, tmp_path / "net.onnx", SHAPE)


def two_of_three(x):
    a, b = x + 1, x * 2
    return a if len(x) > 2 else b


DECIDES = {
    "by one image": (lambda x: x * 2 if len(x) == 1 else x + 1, "computes something else"),
    "by odd numbers": (lambda x: x * 2 if len(x) % 2 else x + 1, "computes something else"),
    "which result to return": (two_of_three, "computes something else"),
    "what squeeze drops": (lambda x: x[:, :1].squeeze(), "Reshape got"),
    "what squeeze(0) drops": (lambda x: x.squeeze(0), "Reshape got"),
    "half of the images": (lambda x: x[: len(x) // 2], "Slice got|computes something else"),
    "at most two": (lambda x: x * min(len(x), 2), "Mul got"),
    "a square": (lambda x: x.sum(0) / len(x) ** 2, r"Div got .* in one run and .* in another"),
    "a fraction": (lambda x: x * (1 / len(x)), "Mul got"),
    "an array of the size": (lambda x: x + np.ones((len(x), 1, 1), np.float32), "Add got"),
    "chunks of the batch": (lambda x: x.chunk(2, 0)[0], "Slice got|computes something else"),
    "one image after the other": (lambda x: torch.stack([row * 2 for row in x]), "computes something else"),
    "random numbers": (lambda x: x * float(np.random.default_rng().random()), "Mul got"),
}


@pytest.mark.parametrize("batch", [2, 3, 4])
@pytest.mark.parametrize("name", DECIDES)
def test_what_python_decides_by_the_batch_is_refused(name, batch, tmp_path):
    function, message = DECIDES[name]
    with pytest.raises(ValueError, match=f"onnx.export: .*({message})"):
        export(Net(function), torch.tensor(images(batch, SHAPE)), tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(
    "function", [lambda x: x[2], lambda x: x.reshape(-1, 2, 3, 4), lambda x: x + np.ones((4, 3, 4), np.float32)]
)
def test_a_network_that_needs_its_number_of_images_says_how_to_fix_it(function, tmp_path):
    x, path = images(4, SHAPE), tmp_path / "net.onnx"
    with pytest.raises(ValueError, match=r"does not run on other images, of shape .*say so with dynamic_axes=\{\}"):
        export(Net(function), torch.tensor(x), path)
    export(Net(function), torch.tensor(x), path, dynamic_axes={})
    np.testing.assert_array_equal(run(path, input=x)[0], function(torch.tensor(x)).numpy())


def declared(path):
    """The shapes that a file says its inputs and outputs have."""
    import onnx

    graph = onnx.load(path).graph
    return {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: x * 2, ["batch", 3, 4]),
        (lambda x: x.mean(0), [3, 4]),
        (lambda x: x.permute(1, 2, 0) * 1, [3, 4, "batch"]),
        (lambda x: torch.cat([x, x]), ["output_0", 3, 4]),  # twice the batch is not the batch
        (lambda x: x.flatten(), ["output_0"]),
        (lambda x: x.reshape(3, -1, 4), [3, "batch", 4]),
    ],
)
def test_only_what_is_the_batch_is_called_so(function, shape, tmp_path):
    export(Net(function), torch.tensor(images(3, SHAPE)), tmp_path / "net.onnx")
    assert declared(tmp_path / "net.onnx") == {"input": ["batch", 3, 4], "output": shape}


def test_two_open_axes_of_their_own(tmp_path):
    """Both have 2 rows when exported; each number follows from the axis that it belongs to."""
    path = tmp_path / "net.onnx"
    net = Net(lambda x, y: (x @ y.T).reshape(len(x), len(y), 1).expand(len(x), len(y), 3).reshape(3 * len(x), -1))
    two = torch.tensor(images(2, (5,)))
    export(net, (two, two), path, input_names=["a", "b"], dynamic_axes={"a": {0: "n"}, "b": {0: "m"}})
    assert declared(path) == {"a": ["n", 5], "b": ["m", 5], "output": ["output_0", "m"]}
    for n, m in ((2, 2), (1, 4), (3, 1), (5, 2)):
        a, b = images(n, (5,)), images(m, (5,), seed=1)
        np.testing.assert_allclose(run(path, a=a, b=b)[0], net(*map(torch.tensor, (a, b))).numpy(), rtol=1e-5)


def test_one_open_axis_of_two_inputs(tmp_path):
    path, net = tmp_path / "net.onnx", Net(lambda x, y: x + y.sum(0) * len(x) + len(y))
    x, y = images(2, (5,)), images(2, (5,), seed=1)
    axes = {"a": {0: "batch"}}
    export(net, (torch.tensor(x), torch.tensor(y)), path, input_names=["a", "b"], dynamic_axes=axes)
    assert declared(path) == {"a": ["batch", 5], "b": [2, 5], "output": ["batch", 5]}
    for n in (1, 2, 4):
        a = images(n, (5,))
        np.testing.assert_allclose(run(path, a=a, b=y)[0], net(*map(torch.tensor, (a, y))).numpy(), rtol=1e-5)


def test_inputs_of_different_lengths_need_names_for_their_axes(tmp_path):
    arguments = torch.tensor(images(2, (5,))), torch.tensor(images(3, (5,)))
    with pytest.raises(ValueError, match=r"the axis 'batch' has 3 rows in 'b' and 2 in 'a'; .* dynamic_axes says"):
        export(Net(lambda x, y: x @ y.T), arguments, tmp_path / "net.onnx", input_names=["a", "b"])


def test_an_input_without_axes_has_no_batch(tmp_path):
    path = tmp_path / "net.onnx"
    export(Net(lambda x, y: x * y), (torch.ones(2, 3), torch.tensor(2.0)), path, input_names=["x", "factor"])
    (y,) = run(path, x=np.ones((4, 3), np.float32), factor=np.float32(3))
    np.testing.assert_array_equal(y, np.full((4, 3), 3, np.float32))


@pytest.mark.parametrize(
    "net", [nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))]
)
def test_a_hybridized_network_is_written_as_any_other(net, tmp_path):
    net.eval().hybridize()
    for _ in range(4):
        net(torch.tensor(images(2, SHAPE)))
    assert_agrees(net, tmp_path / "net.onnx", SHAPE)
