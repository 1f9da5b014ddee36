"""What onnxruntime makes of exported networks, beside the engine's own output."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F
from minitorch_cv.onnx import export
from minitorch_cv.onnx.operators import OPERATORS

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(autouse=True)
def on_references():
    """The plain NumPy kernels, which are quick also where Numba does not compile."""
    torch.manual_seed(0)
    with torch.use("reference"):
        yield


class Wrapped(nn.Module):
    """A function as a network."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def outputs(path, *inputs):
    """What onnxruntime computes from these arrays."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip((i.name for i in session.get_inputs()), inputs)))


def compare(net, path, shape, rtol=1e-5):
    """Export with a batch of 2, run batches of 2 and of 3: the same numbers as ours."""
    net.eval()
    export(net, torch.randn(2, *shape), path)
    for batch in (2, 3):
        x = torch.randn(batch, *shape)
        (ours,) = (y.numpy() for y in [net(x).detach()])
        (theirs,) = outputs(path, x.numpy())
        assert theirs.dtype == ours.dtype
        assert theirs.shape == ours.shape
        np.testing.assert_allclose(theirs, ours, rtol=rtol, atol=1e-5 * np.abs(ours).max())


LAYERS = {
    "conv": nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2),
    "conv without bias": nn.Conv2d(4, 6, 3, bias=False),
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(4 * 8 * 8, 5)),
    "linear over the last of many axes": nn.Linear(8, 5),
    "linear over the last of many axes, no bias": nn.Linear(8, 5, bias=False),
    "batch norm": nn.BatchNorm2d(4),
    "batch norm without weights": nn.BatchNorm2d(4, affine=False),
    "max pool": nn.MaxPool2d(3, 2, padding=1),
    "max pool, ceiling": nn.MaxPool2d(3, 2, ceil_mode=True),
    "average pool": nn.AvgPool2d(3, 2, padding=1),
    "average pool without the padding": nn.AvgPool2d((3, 2), 2, padding=1, count_include_pad=False),
    "global average": nn.AdaptiveAvgPool2d(1),
    "windows that divide the map": nn.AdaptiveAvgPool2d((4, 2)),
    "adaptive max pool": nn.AdaptiveMaxPool2d((2, 4)),
    "relu": nn.ReLU(),
    "relu in place": nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 1)),
    "relu6": nn.ReLU6(),
    "leaky relu": nn.LeakyReLU(0.2),
    "elu": nn.ELU(1.5),
    "silu": nn.SiLU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softplus": nn.Softplus(),
    "softmax": nn.Softmax(dim=1),
    "log softmax": nn.LogSoftmax(dim=-1),
    "dropout does nothing": nn.Dropout(),
    "transposed conv": nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    "transposed conv without bias": nn.ConvTranspose2d(4, 3, (3, 2), stride=(1, 3), dilation=(2, 1), bias=False),
    "group norm": nn.GroupNorm(2, 4),
    "group norm without weights": nn.GroupNorm(2, 4, affine=False),
    "layer norm": nn.Sequential(nn.Flatten(), nn.LayerNorm(256)),
    "instance norm": nn.InstanceNorm2d(4, affine=True),
    "local response norm": nn.LocalResponseNorm(3, alpha=0.5, beta=0.6, k=1.5),
    "channel shuffle": nn.ChannelShuffle(2),
    "pixel shuffle": nn.PixelShuffle(2),
    "pixel unshuffle": nn.PixelUnshuffle(4),
    "upsample nearest": nn.Upsample(scale_factor=2),
    "upsample bilinear": nn.Upsample((11, 5), mode="bilinear"),
    "hardswish and hardsigmoid": nn.Sequential(nn.Hardswish(), nn.Hardsigmoid()),
    "mish": nn.Mish(),
    "log sigmoid": nn.LogSigmoid(),
    "prelu": nn.PReLU(4),
    "stochastic depth does nothing": nn.StochasticDepth(0.5, "row"),
    "pad by reflection": nn.ReflectionPad2d((1, 2, 0, 3)),
    "pad by replication": nn.ReplicationPad2d((1, 2, 0, 3)),
    "pad": nn.ConstantPad2d((1, 2, 0, 1), 0.5),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, tmp_path):
    compare(LAYERS[name], tmp_path / "net.onnx", (4, 8, 8))


FUNCTIONS = {
    "a number on either side": lambda x: 2 - x * 3 + 1 / (x * x + 1),
    "add with a factor": lambda x: torch.add(x, x, alpha=0.5) - torch.sub(x, x * x, alpha=2),
    "powers and roots": lambda x: (x * x + 1).sqrt() + x**2,
    "exp, log, erf, abs": lambda x: torch.log(torch.exp(-x) + 1) + torch.erf(x) + x.abs(),
    "squares and roots": lambda x: x.square().add(1).rsqrt() + x.square().add(1).reciprocal(),
    "sine and cosine": lambda x: x.sin() * x.cos(),
    "clamp": lambda x: x.clamp(-0.5, 0.25) + x.clamp(min=0.1) + x.clamp(max=0.2),
    "maximum and minimum": lambda x: torch.maximum(x, -x) + torch.minimum(x, x * x),
    "sums": lambda x: x.sum(dim=1, keepdim=True) + x.sum((2, 3), keepdim=True),
    "means": lambda x: x.mean((2, 3)),
    "extremes": lambda x: x.amax(1) - x.amin(1),
    "cat": lambda x: torch.cat([x, x * 2, x[:, :1]], 1),
    "slices": lambda x: x[:, 1:, ::2, -3:-1] + x[:, 0:1, 1::2, 2:4],
    "a number in an index": lambda x: x[:, 1] + x[:, -1],
    "chunks": lambda x: torch.cat(x.chunk(2, dim=1)[::-1], 1),
    "transpose and reshape": lambda x: x.reshape(len(x), 2, 2, 8, 8).transpose(1, 2).reshape(len(x), 4, 8, 8),
    "matrix product": lambda x: x @ x.transpose(2, 3),
    "expand": lambda x: x.mean((2, 3), keepdim=True).expand(len(x), 4, 8, 8) * x,
    "flatten": lambda x: x.flatten(1),
    "gelu's parts": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "cast": lambda x: x.double().float() * x.contiguous().clone(),
    "stays as it is": lambda x: F.dropout(x, training=False) + 0,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, tmp_path):
    compare(Wrapped(FUNCTIONS[name]), tmp_path / "net.onnx", (4, 8, 8))


def test_every_operator_is_reached(tmp_path):
    """Through the layers and functions above, each converter is called at least once."""
    reached = set()
    for name, convert in OPERATORS.items():
        OPERATORS[name] = lambda g, a, name=name, convert=convert: reached.add(name) or convert(g, a)
    networks = [*LAYERS.values(), *map(Wrapped, FUNCTIONS.values())]
    try:
        for net in networks:
            export(net, torch.randn(2, 4, 8, 8), tmp_path / "net.onnx")
    finally:
        for name in OPERATORS:
            OPERATORS[name] = OPERATORS[name].__defaults__[1]
    assert set(OPERATORS) - reached == set()


def test_float64_stays_float64(tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).double()
    x = torch.randn(2, 6, dtype=torch.float64)
    export(net, x, tmp_path / "net.onnx")
    (theirs,) = outputs(tmp_path / "net.onnx", x.numpy())
    assert theirs.dtype == np.float64
    np.testing.assert_allclose(theirs, net(x).detach().numpy(), rtol=1e-12)


def test_names_of_parameters_inputs_and_outputs(tmp_path):
    import onnx

    net = Wrapped(lambda x, y: (x + y, x - y))
    x = torch.randn(2, 3)
    export(net, (x, x), tmp_path / "net.onnx", input_names=["a", "b"], output_names=["sum", "difference"])
    total, difference = outputs(tmp_path / "net.onnx", x.numpy(), 2 * x.numpy())
    np.testing.assert_allclose(total, 3 * x.numpy(), rtol=1e-6)
    np.testing.assert_allclose(difference, -x.numpy(), rtol=1e-6)
    export(nn.Sequential(nn.Linear(3, 2)), x, tmp_path / "linear.onnx")
    assert {i.name for i in onnx.load(tmp_path / "linear.onnx").graph.initializer} == {"0.weight", "0.bias"}


def test_a_fixed_batch(tmp_path):
    export(nn.Linear(3, 2), torch.randn(2, 3), tmp_path / "net.onnx", dynamic_axes={})
    with pytest.raises(Exception, match=r"Got: 4 Expected: 2"):
        outputs(tmp_path / "net.onnx", np.zeros((4, 3), np.float32))


def test_the_network_is_left_as_it_was(tmp_path):
    net = nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU())
    net[2].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    export(net, torch.randn(2, 4, 8, 8), tmp_path / "net.onnx")
    assert [module.training for module in net.modules()] == [True, True, True, False]
    assert all(np.array_equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("net", "options", "message"),
    [
        (Wrapped(lambda x: x.cumsum(1)), {}, "the operation cumsum has no form in ONNX here; known are abs, "),
        (
            Wrapped(lambda x: x * (x > 0)),
            {},
            r"a tensor of shape \(2, 4, 8, 8\) was made inside",
        ),
        (Wrapped(lambda x: x * torch.zeros(1)), {}, r"a tensor of shape \(1,\) was made inside forward\(\)"),
        (nn.AdaptiveAvgPool2d(3), {}, r"adaptive pooling of a map of \(8, 8\) to \(3, 3\) has no form in ONNX"),
        (
            Wrapped(lambda x: F.embedding(x[0, 0, 0].long() * 0, torch.ones(3, 2))),
            {},
            "rows_of_table has no form in ONNX",
        ),
        (Wrapped(lambda x: x[:, [0, 2]]), {}, "has no form here; only numbers and slices have"),
        (nn.ReLU(), {"input_names": ["a", "b"]}, r"args has 1 tensors but input_names are \('a', 'b'\)"),
        (nn.ReLU(), {"output_names": ["a", "b"]}, "the model has 1 outputs but output_names are"),
        (nn.ReLU(), {"dynamic_axes": {"input": {2: "height"}}}, "only axis 0, the batch, can be open"),
        (nn.ReLU(), {"dynamic_axes": {"input": [0]}}, r"dynamic_axes of 'input' is \[0\]; only axis 0"),
        (nn.ReLU(), {"dynamic_axes": {"image": {0: "n"}}}, "dynamic_axes has 'image', which is none of the names"),
        (nn.ReLU(), {"input_names": ["x"], "output_names": ["x"]}, "the name 'x' is given twice"),
        (Wrapped(lambda x: {"y": x}), {}, "the model returned a dict; return a tensor, or a tuple or list of them"),
        (Wrapped(lambda x: len(x)), {}, "the model returned a int; return a tensor"),
    ],
)
def test_what_cannot_be_exported_says_so(net, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(net, torch.randn(2, 4, 8, 8), tmp_path / "net.onnx", **options)
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (np.ones((2, 3)), r"args\[0\] is a ndarray; give tensors, in a tuple"),
        ([torch.ones(2, 3)], r"args\[0\] is a list; give tensors, in a tuple"),
        (torch.ones(0, 3), "the axis 'batch' has 0 rows in 'input'"),
    ],
)
def test_inputs_that_are_none_are_refused(args, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(nn.ReLU(), args, tmp_path / "net.onnx")


def test_without_the_package(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match="needs the package onnx; install it with: pip install onnx"):
        export(nn.ReLU(), torch.ones(1), tmp_path / "net.onnx")
