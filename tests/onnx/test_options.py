"""Every operation that can be written, with every option of it, computed by onnx's own reference evaluator: the values,
shape and dtype of the network, for the batch it was exported with and for two others.
"""

import inspect
from collections import defaultdict

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F
from minitorch_cv.onnx import export, operators
from minitorch_cv.ops.differentiable import OPERATIONS
from minitorch_cv.tensor import Tensor

reference = pytest.importorskip("onnx.reference")

BATCHES = (3, 1, 4)  # the first is exported; 3 is also the number of channels, and 4 a side, to mislead a guess
IMAGES = (3, 4, 6)
rng = np.random.default_rng(0)


def constant(*shape):
    return torch.tensor(rng.standard_normal(shape).astype(np.float32))


SHIFT, PICTURE = constant(3, 1, 1), constant(3, 4, 6)
LOW, HIGH = torch.tensor(-0.2), torch.tensor(0.4)
CONV = (constant(6, 3, 3, 2), constant(6))
GROUPS = (constant(6, 1, 2, 2), constant(6))
UP = (constant(3, 2, 3, 2), constant(2))
UP_GROUPS = (constant(3, 2, 2, 2), constant(6))
MATRIX, BIAS = constant(5, 6), constant(5)
MEAN, VAR = constant(3), constant(3).abs() + 0.5
ONES, LINE = constant(3), constant(3)
SLOPES = constant(3).abs()

# What a row computes from images (N, 3, 4, 6). The name begins with that of the operation, as `operators` has it.
ROWS = {
    "abs": lambda x: x.abs(),
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool2d(x, 1),
    "adaptive_avg_pool windows": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "adaptive_max_pool": lambda x: F.adaptive_max_pool2d(x, 1),
    "adaptive_max_pool windows": lambda x: F.adaptive_max_pool2d(x, (4, 2)),
    "add": lambda x: x + SHIFT,
    "add a number": lambda x: 2 + x,
    "add alpha": lambda x: torch.add(x, SHIFT, alpha=-3),
    "add of two dtypes": lambda x: x + PICTURE.double(),
    "add a whole number": lambda x: x.double() + 1,
    "amax": lambda x: x.amax(),
    "amax dim": lambda x: x.amax(-1),
    "amax dims, kept": lambda x: x.amax((1, 3), keepdim=True),
    "amin": lambda x: x.amin(),
    "amin dim": lambda x: x.amin(1),
    "amin dims, kept": lambda x: x.amin((-1, 2), keepdim=True),
    "avg_pool": lambda x: F.avg_pool2d(x, 2),
    "avg_pool stride": lambda x: F.avg_pool2d(x, (3, 2), (1, 2)),
    "avg_pool padding": lambda x: F.avg_pool2d(x, 3, 1, padding=1),
    "avg_pool padding not counted": lambda x: F.avg_pool2d(x, 3, 1, (1, 0), count_include_pad=False),
    "avg_pool ceil_mode that changes nothing": lambda x: F.avg_pool2d(x, 2, ceil_mode=True),
    "avg_pool ceil_mode": lambda x: F.avg_pool2d(x, (3, 4), (2, 3), ceil_mode=True),
    "avg_pool ceil_mode, padding": lambda x: F.avg_pool2d(x, 3, 2, padding=1, ceil_mode=True),
    "avg_pool ceil_mode, padding not counted": lambda x: F.avg_pool2d(x, 2, 2, 1, True, count_include_pad=False),
    "avg_pool ceil_mode, a window behind the map": lambda x: F.avg_pool2d(x, 1, 4, ceil_mode=True),
    "avg_pool divisor": lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    "avg_pool divisor, all options": lambda x: F.avg_pool2d(x, (2, 3), (3, 2), 1, True, False, 7),
    "batch_norm_inference": lambda x: F.batch_norm(x, MEAN, VAR, ONES, LINE),
    "batch_norm_inference eps": lambda x: F.batch_norm(x, MEAN, VAR, eps=0.5),
    "batch_norm_inference weight": lambda x: F.batch_norm(x, MEAN, VAR, weight=ONES),
    "batch_norm_inference bias": lambda x: F.batch_norm(x, MEAN, VAR, bias=LINE),
    "cast": lambda x: x.double(),
    "cast to whole numbers": lambda x: (x * 3).long(),
    "cast to bool": lambda x: x.clamp(min=0).bool(),
    "channels_of_pixels": lambda x: F.pixel_unshuffle(x, 2),
    "channels_of_pixels one": lambda x: F.pixel_unshuffle(x, 1),
    "clamp": lambda x: x.clamp(-0.5, 0.25),
    "clamp min": lambda x: x.clamp(min=0.1),
    "clamp max": lambda x: x.clamp(max=0.2),
    "clamp crossed": lambda x: x.clamp(1, -1),
    "clone": lambda x: x.clone() * 1,
    "contiguous": lambda x: x.transpose(1, 2).contiguous() * 1,
    "convolution": lambda x: F.conv2d(x, *CONV),
    "convolution without bias": lambda x: F.conv2d(x, CONV[0]),
    "convolution all options": lambda x: F.conv2d(x, *GROUPS, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=3),
    "cos": lambda x: x.cos(),
    "div": lambda x: x / (SHIFT.abs() + 1),
    "div of a number": lambda x: 2 / (x.abs() + 1),
    "div of whole numbers": lambda x: (x * 4).long() / 3,
    "elu": lambda x: F.elu(x),
    "elu alpha": lambda x: F.elu(x, 0.3),
    "erf": lambda x: torch.erf(x),
    "exp": lambda x: x.exp(),
    "expanded": lambda x: x.mean((2, 3), keepdim=True).expand(-1, 3, 2, 5),
    "expanded to the batch": lambda x: x.mean(1, keepdim=True).expand(x.shape[0], 3, 4, 6),
    "hardsigmoid": lambda x: F.hardsigmoid(x * 4),
    "hardswish": lambda x: F.hardswish(x * 4),
    "hardtanh": lambda x: F.hardtanh(x),
    "hardtanh bounds": lambda x: F.hardtanh(x, -0.1, 0.7),
    "joined": lambda x: torch.cat([x, x * 2], 1),
    "joined dim": lambda x: torch.cat([x, x[:, :, :, :1]], -1),
    "joined dtypes": lambda x: torch.cat([x, x.double()], 2),
    "leaky_relu": lambda x: F.leaky_relu(x),
    "leaky_relu slope": lambda x: F.leaky_relu(x, 0.3),
    "linear": lambda x: F.linear(x, MATRIX, BIAS),
    "linear without bias": lambda x: F.linear(x, MATRIX),
    "linear rows": lambda x: F.linear(x[:, 0, 0], MATRIX, BIAS),
    "log": lambda x: (x.abs() + 1).log(),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "log_softmax dim": lambda x: F.log_softmax(x, -1),
    "logsigmoid": lambda x: F.logsigmoid(x),
    "max_pool": lambda x: F.max_pool2d(x, 2),
    "max_pool all options": lambda x: F.max_pool2d(x, (2, 3), (1, 2), padding=(0, 1), dilation=(2, 1)),
    "max_pool ceil_mode": lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True),
    "max_pool ceil_mode, padding": lambda x: F.max_pool2d(x, 3, 2, padding=1, ceil_mode=True),
    "max_pool ceil_mode, a window behind the map": lambda x: F.max_pool2d(x, 1, 4, ceil_mode=True),
    "max_pool ceil_mode, dilation": lambda x: F.max_pool2d(x[:, :, :3], (2, 3), 4, dilation=(1, 2), ceil_mode=True),
    "maximum": lambda x: torch.maximum(x, SHIFT),
    "mean": lambda x: x.mean(),
    "mean dim": lambda x: x.mean(1),
    "mean dims, kept": lambda x: x.mean((-2, -1), keepdim=True),
    "mean dtype": lambda x: x.mean(1, dtype=torch.float64),
    "minimum": lambda x: torch.minimum(x, SHIFT),
    "mish": lambda x: F.mish(x),
    "mul": lambda x: x * SHIFT,
    "mul of whole numbers": lambda x: (x * 4).long() * 0.5,
    "neg": lambda x: -x,
    "normalised_by_neighbours": lambda x: F.local_response_norm(x, 3),
    "normalised_by_neighbours options": lambda x: F.local_response_norm(x, 1, alpha=0.5, beta=0.6, k=1.5),
    "normalised_by_neighbours even": lambda x: F.local_response_norm(x, 2, alpha=0.5),
    "normalised_by_neighbours more than there are": lambda x: F.local_response_norm(x, 9, alpha=-0.5, beta=-1.5, k=2),
    "normalised_in_groups": lambda x: F.group_norm(x, 3, ONES, LINE),
    "normalised_in_groups eps": lambda x: F.group_norm(x, 1, eps=0.5),
    "normalised_in_groups layer norm": lambda x: F.layer_norm(x, (6,), MATRIX[0], MATRIX[1]),
    "normalised_in_groups layer norm of all": lambda x: F.layer_norm(x, (3, 4, 6)),
    "normalised_in_groups weight": lambda x: F.group_norm(x, 3, weight=ONES),
    "pad_axis reflect": lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"),
    "pad_axis reflect, cut": lambda x: F.pad(x, (-1, 2, 1, -1), mode="reflect"),
    "pad_axis replicate, cut": lambda x: F.pad(x, (-2, 2, 1, -1), mode="replicate"),
    "pad_axis circular": lambda x: F.pad(x, (2, 1, 0, 3), mode="circular"),
    "pad_axis circular, cut": lambda x: F.pad(x, (-1, 3, 2, -1), mode="circular"),
    "pad_axis replicate": lambda x: F.pad(x, (0, 3, 1, 0), mode="replicate"),
    "pad_constant": lambda x: F.pad(x, (1, 2, 0, 1)),
    "pad_constant value": lambda x: F.pad(x, (0, 1), value=-2.5),
    "pad_constant cut": lambda x: F.pad(x, (-1, 1)),
    "pad_constant cut, value": lambda x: F.pad(x, (-1, -2, 3, -1, 0, 1), value=0.5),
    "permuted": lambda x: x.permute(0, 2, 3, 1),
    "permuted transpose": lambda x: x.transpose(1, -1) * 1,
    "pixels_of_channels": lambda x: F.pixel_shuffle(torch.cat([x, x, x, x], 1), 2),
    "pixels_of_channels one": lambda x: F.pixel_shuffle(x, 1),
    "pow": lambda x: x**2,
    "pow tensor": lambda x: (x.abs() + 0.5) ** SHIFT,
    "pow of a number": lambda x: 2**x,
    "pow root": lambda x: x.abs() ** 0.5,
    "prelu": lambda x: F.prelu(x, SLOPES),
    "prelu one": lambda x: F.prelu(x, ONE_SLOPE),
    "product": lambda x: x @ MATRIX.T,
    "reciprocal": lambda x: (x.abs() + 1).reciprocal(),
    "relu": lambda x: F.relu(x),
    "resampled": lambda x: F.interpolate(x, scale_factor=2),
    "resampled bilinear": lambda x: F.interpolate(x, (7, 3), mode="bilinear"),
    "resampled corners": lambda x: F.interpolate(x, (7, 9), mode="bilinear", align_corners=True),
    "resampled exact": lambda x: F.interpolate(x, scale_factor=(1.5, 0.5), mode="nearest-exact"),
    "reshaped": lambda x: x.reshape(-1, 6),
    "reshaped flatten": lambda x: x.flatten(1),
    "reshaped all": lambda x: x.flatten(),
    "reshaped batch behind": lambda x: x.permute(1, 2, 3, 0).reshape(72, -1),
    "reshaped squeeze": lambda x: x[:, :1].squeeze(1).unsqueeze(-1),
    "reshaped view": lambda x: x.view(x.shape[0], 3, 24),
    "rsqrt": lambda x: (x.abs() + 1).rsqrt(),
    "select": lambda x: x[:, 1],
    "select from behind": lambda x: x[-1],
    "select batch": lambda x: x[1:],
    "select every second": lambda x: x[::2],
    "select the first two": lambda x: x[:2],
    "select parts": lambda x: x[:, -2:, 1:3, ::3],
    "select dots": lambda x: x[..., -1],
    "select new axis": lambda x: x[:, None, 0, ..., None],
    "shuffled_channels": lambda x: F.channel_shuffle(torch.cat([x, x * 2], 1), 2),
    "shuffled_channels three": lambda x: F.channel_shuffle(torch.cat([x, x * 2], 1), 3),
    "sigmoid": lambda x: torch.sigmoid(x),
    "silu": lambda x: F.silu(x),
    "sin": lambda x: x.sin(),
    "softmax": lambda x: F.softmax(x, 1),
    "softmax dim": lambda x: F.softmax(x, -2),
    "softplus": lambda x: F.softplus(x * 30),
    "softplus beta": lambda x: F.softplus(x, beta=2.5),
    "softplus threshold": lambda x: F.softplus(x, threshold=0.25),
    "softplus both": lambda x: F.softplus(x, 0.5, 0.2),
    "sqrt": lambda x: x.abs().sqrt(),
    "sqrt of whole numbers": lambda x: (x * 4).long().abs().sqrt(),
    "square": lambda x: x.square(),
    "sub": lambda x: x - SHIFT,
    "sub from a number": lambda x: 1 - x,
    "sub alpha": lambda x: torch.sub(x, SHIFT, alpha=2),
    "sum": lambda x: x.sum(),
    "sum dim": lambda x: x.sum(1),
    "sum dims, kept": lambda x: x.sum((0, -1), keepdim=True),
    "sum dtype": lambda x: x.sum(2, dtype=torch.float64),
    "sum of bools": lambda x: x.clamp(min=0).bool().sum(1),
    "sum of whole numbers": lambda x: (x * 4).int().sum(),
    "tanh": lambda x: x.tanh(),
    "transposed_convolution": lambda x: F.conv_transpose2d(x, *UP),
    "transposed_convolution without bias": lambda x: F.conv_transpose2d(x, UP[0]),
    "transposed_convolution options": lambda x: F.conv_transpose2d(
        x, *UP_GROUPS, stride=(2, 3), padding=(1, 0), output_padding=(0, 2), dilation=(2, 1), groups=3
    ),
    # what is no operation at all
    "the input": lambda x: x,
    "a sum of itself": lambda x: x + x,
}
ONE_SLOPE = constant(1)
# The reference evaluator of onnx 1.23 knows no transposed convolution in groups; ONNX Runtime computes it.
BY_RUNTIME = {"transposed_convolution options"}


def session_of(path, name):
    """What runs the file."""
    if name in BY_RUNTIME:
        return pytest.importorskip("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    return reference.ReferenceEvaluator(str(path))


class Net(nn.Module):
    """A function with its constants as buffers, so that they have names."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        for number, value in enumerate(CONSTANTS):
            self.register_buffer(f"constant{number}", value)

    def forward(self, *inputs):
        return self.function(*inputs)


CONSTANTS = [SHIFT, PICTURE, *CONV, *GROUPS, *UP, *UP_GROUPS, MATRIX, BIAS, MEAN, VAR, ONES, LINE, SLOPES, ONE_SLOPE]


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def images(batch):
    return torch.tensor(np.random.default_rng(batch).standard_normal((batch, *IMAGES)).astype(np.float32))


@pytest.mark.parametrize("name", ROWS)
def test_the_file_computes_what_the_network_does(name, tmp_path):
    net, path = Net(ROWS[name]), tmp_path / "net.onnx"
    export(net, images(BATCHES[0]), path)
    session = session_of(path, name)
    for batch in BATCHES:
        x = images(batch)
        ours = net(x.clone()).detach().numpy()
        (theirs,) = session.run(None, {"input": x.numpy()})
        assert (np.shape(theirs), np.result_type(theirs)) == (ours.shape, ours.dtype)
        np.testing.assert_allclose(theirs, ours, rtol=2e-5, atol=2e-5)


def test_every_operation_has_rows_with_every_option(tmp_path, monkeypatch):
    """Each option takes at least two values in the rows of its operation; what an operation always gets is none."""
    seen = defaultdict(lambda: defaultdict(set))
    for name, convert in operators.OPERATORS.items():

        def noted(g, a, name=name, convert=convert):
            for option, value in vars(a).items():
                if option != "result":
                    seen[name][option].add("a tensor" if isinstance(value, Tensor) else repr(value))
            return convert(g, a)

        monkeypatch.setitem(operators.OPERATORS, name, noted)
    for function in ROWS.values():
        export(Net(function), images(2), tmp_path / "net.onnx")
    assert set(seen) == set(operators.OPERATORS)
    for name, options in seen.items():
        for option, values in options.items():
            assert values <= {"a tensor"} or len(values) > 1, f"{name}: {option} is {values} in all rows"
        wanted = inspect.signature(inspect.unwrap(OPERATIONS[name])).parameters
        assert set(options) == set(wanted), name


REFUSED = {
    "uneven windows": (lambda x: F.adaptive_avg_pool2d(x, 5), r"adaptive pooling of a map of \(4, 6\) to \(5, 5\)"),
    "uneven windows of maxima": (lambda x: F.adaptive_max_pool2d(x, (4, 4)), "adaptive pooling"),
    "a bool as an index": (lambda x: x[True], r"x\[.*True.*\] has no form"),
    "a list as an index": (lambda x: x[:, [0, 2]], r"x\[.*\[0, 2\].*\] has no form"),
    "a tensor as an index": (lambda x: x[x[:, 0, 0, 0].long() * 0], "has no form"),
    "a mask as an index": (lambda x: x[x > 0], "has no form"),
    "a comparison": (lambda x: x * (x > 0), "made inside forward"),
    "a choice": (lambda x: torch.where(x > 0, x, x * 2), "the operation where has no form in ONNX here; known are abs"),
    "a mask written": (lambda x: (x * 1).masked_fill_(x > 0, 0), "the operation where has no form"),
    "a new tensor": (lambda x: x + torch.zeros_like(x), "made inside forward"),
    "random numbers": (lambda x: x + torch.rand(1), "made inside forward"),
    "dropout in training": (lambda x: F.dropout(x, training=True), "the operation masked_and_scaled has no form"),
    "statistics of the batch": (
        lambda x: F.batch_norm(x, None, None, training=True),
        "batch_norm_training has no form",
    ),
    "no elements": (lambda x: x[:, :0].reshape(len(x), 0), "without elements"),
    "a dtype without the operation": (lambda x: x.bool().abs(), r"no form in ONNX for what it gets.*Abs.*bool"),
    "roots of whole numbers": (lambda x: F.silu(x.long()), r"no form in ONNX for what it gets.*Sigmoid.*int64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused(name, tmp_path):
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"onnx.export: (.|\n)*{message}"):
        export(Net(function), images(3), tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


WITH_ATTRIBUTES = {
    "batch norm": nn.BatchNorm2d(3, eps=1e-3),
    "group norm": nn.GroupNorm(3, 3, eps=1e-3),
    "layer norm": nn.LayerNorm(6, eps=1e-3),
    "leaky relu": nn.LeakyReLU(0.1),
    "elu": nn.ELU(0.3),
    "hardsigmoid": nn.Hardsigmoid(),
    "hardswish": nn.Hardswish(),
    "local response norm": nn.LocalResponseNorm(3, alpha=0.1, beta=0.7, k=1.1),
    "softplus": nn.Softplus(0.3, 0.7),
    "hardtanh": nn.Hardtanh(-0.1, 0.3),
}


@pytest.mark.parametrize("name", WITH_ATTRIBUTES)
def test_numbers_of_a_float64_network_are_not_rounded_to_float32(name, tmp_path):
    """Attributes of ONNX are float32; x is small, so that eps counts."""
    net, x = WITH_ATTRIBUTES[name].double().eval(), images(3).double() * 0.1
    export(net, x, tmp_path / "net.onnx")
    (theirs,) = reference.ReferenceEvaluator(str(tmp_path / "net.onnx")).run(None, {"input": x.numpy()})
    assert theirs.dtype == np.float64
    np.testing.assert_allclose(theirs, net(x).detach().numpy(), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_a_fixed_batch_may_follow_from_nothing_else(tmp_path, batch):
    net = Net(lambda x: x.sum(0) / len(x) ** 2)
    export(net, images(batch), tmp_path / "net.onnx", dynamic_axes={})
    (theirs,) = reference.ReferenceEvaluator(str(tmp_path / "net.onnx")).run(None, {"input": images(batch).numpy()})
    np.testing.assert_allclose(theirs, net(images(batch)).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "name",
    ["input", "output", "input_", "Mul_0", "Add_1", "constant_0", "Identity_1", "batch", "ünï", "a b", "a/b:0", "Mul"],
)
def test_a_parameter_may_have_any_name(tmp_path, name):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_parameter(name, nn.Parameter(torch.tensor([2.0, 3.0])))

        def forward(self, x):
            return x * self._parameters[name] * 5.0 + 1.0

    export(Named(), torch.ones(3, 2), tmp_path / "net.onnx")
    (y,) = reference.ReferenceEvaluator(str(tmp_path / "net.onnx")).run(None, {"input": np.ones((2, 2), np.float32)})
    np.testing.assert_array_equal(y, [[11, 16], [11, 16]])


def test_the_network_and_its_images_are_left_as_they_were(tmp_path):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x):
            self.calls += 1
            return x.mul_(2) + self.calls

    net, x = Counting(), torch.ones(2, 3)
    export(net, x, tmp_path / "net.onnx")
    np.testing.assert_array_equal(x.numpy(), 1)
    assert (net.calls.item(), net.training) == (0, True)
    (y,) = reference.ReferenceEvaluator(str(tmp_path / "net.onnx")).run(None, {"input": x.numpy()})
    np.testing.assert_array_equal(y, 3)


def test_several_inputs_and_outputs(tmp_path):
    net = Net(lambda x, y: (x + y, x, y * 2, y * 2))
    names = {"input_names": ["a", "b"], "output_names": ["p", "q", "r", "s"]}
    export(net, (images(2), images(2)), tmp_path / "net.onnx", **names)
    session = reference.ReferenceEvaluator(str(tmp_path / "net.onnx"))
    x, y = images(4), images(4) * 3
    results = session.run(None, {"a": x.numpy(), "b": y.numpy()})
    for theirs, ours in zip(results, net(x, y), strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), rtol=1e-6)
