"""Layers against PyTorch's: the same state_dict, and with the same weights the same outputs and gradients."""

import inspect

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import assert_same, compare, torch, values

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")]

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((4, 6, 7, 8))
ROWS = RNG.standard_normal((5, 6))


def with_same_weights(build):
    """The module in both libraries, in float64; minitorch_cv's weights are random and PyTorch loads them."""
    ours, theirs = build(mt).double(), build(torch).double()
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    for (key, here), there in zip(state.items(), theirs.state_dict().values()):
        assert tuple(here.shape) == tuple(there.shape), key
        assert values(here).dtype == values(there).dtype, key
    theirs.load_state_dict({key: torch.from_numpy(values(tensor).copy()) for key, tensor in state.items()})
    return {mt: ours, torch: theirs}


def compare_modules(build, *arrays, steps=1):
    """Outputs, gradients of inputs and parameters, and what the state is afterwards."""
    modules = with_same_weights(build)
    inputs = {t: [t.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays] for t in modules}
    cotangent = None
    for _ in range(steps):
        outputs = {t: module(*inputs[t]) for t, module in modules.items()}
        assert_same(outputs[mt], outputs[torch], "output")
        cotangent = RNG.standard_normal(outputs[mt].shape)
        for t, y in outputs.items():
            if y.requires_grad:
                (y * t.tensor(cotangent)).sum().backward()
    for i, (ours, theirs) in enumerate(zip(inputs[mt], inputs[torch])):
        if theirs.grad is not None:
            assert_same(ours.grad, theirs.grad, f"gradient of input {i}")
    theirs = dict(modules[torch].named_parameters())
    for name, parameter in modules[mt].named_parameters():
        assert_same(parameter.grad, theirs[name].grad, f"gradient of {name}")
    for (name, here), there in zip(modules[mt].state_dict().items(), modules[torch].state_dict().values()):
        assert_same(here, there, f"state {name}")


ON_IMAGES = {
    "Conv2d": lambda t: t.nn.Conv2d(6, 4, 3, stride=2, padding=1),
    "Conv2d_groups": lambda t: t.nn.Conv2d(6, 9, (3, 2), padding=(1, 2), dilation=(1, 2), groups=3, bias=False),
    "Conv2d_same": lambda t: t.nn.Conv2d(6, 4, 4, padding="same"),
    "Conv2d_reflect": lambda t: t.nn.Conv2d(6, 4, 3, padding=(2, 1), padding_mode="reflect"),
    "Conv2d_circular": lambda t: t.nn.Conv2d(6, 4, 3, padding=1, padding_mode="circular"),
    "Conv2d_replicate": lambda t: t.nn.Conv2d(6, 4, 3, padding="same", padding_mode="replicate"),
    "MaxPool2d": lambda t: t.nn.MaxPool2d(3, 2, 1),
    "MaxPool2d_default": lambda t: t.nn.MaxPool2d(2),
    "AvgPool2d": lambda t: t.nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "AdaptiveAvgPool2d": lambda t: t.nn.AdaptiveAvgPool2d((3, 1)),
    "AdaptiveMaxPool2d": lambda t: t.nn.AdaptiveMaxPool2d(2),
    "BatchNorm2d": lambda t: t.nn.BatchNorm2d(6),
    "BatchNorm2d_momentum": lambda t: t.nn.BatchNorm2d(6, momentum=0.3, eps=1e-2),
    "BatchNorm2d_cumulative": lambda t: t.nn.BatchNorm2d(6, momentum=None),
    "BatchNorm2d_plain": lambda t: t.nn.BatchNorm2d(6, affine=False),
    "BatchNorm2d_untracked": lambda t: t.nn.BatchNorm2d(6, track_running_stats=False),
    "BatchNorm2d_eval": lambda t: t.nn.BatchNorm2d(6).eval(),
    "SyncBatchNorm_one_rank": lambda t: t.nn.SyncBatchNorm(6),
    "Dropout_eval": lambda t: t.nn.Dropout().eval(),
    "Flatten": lambda t: t.nn.Flatten(),
    "Flatten_dims": lambda t: t.nn.Flatten(1, 2),
    "Unflatten": lambda t: t.nn.Unflatten(1, (2, 3)),
    "Identity": lambda t: t.nn.Identity(),
    "ZeroPad2d": lambda t: t.nn.ZeroPad2d((1, 2, 0, 1)),
    "ConstantPad2d": lambda t: t.nn.ConstantPad2d(2, 1.5),
    "ReflectionPad2d": lambda t: t.nn.ReflectionPad2d(2),
    "ReplicationPad2d": lambda t: t.nn.ReplicationPad2d((1, 0, 2, 1)),
    "CircularPad2d": lambda t: t.nn.CircularPad2d(1),
    "Unfold": lambda t: t.nn.Unfold(3, padding=1, stride=2),
    "PReLU": lambda t: t.nn.PReLU(6),
    "Softmax": lambda t: t.nn.Softmax(1),
    "LogSoftmax": lambda t: t.nn.LogSoftmax(dim=1),
    "Softmax2d": lambda t: t.nn.Softmax2d(),
    "LayerNorm": lambda t: t.nn.LayerNorm((7, 8)),
    "LayerNorm_plain": lambda t: t.nn.LayerNorm(8, eps=1e-3, elementwise_affine=False),
    "LayerNorm_no_bias": lambda t: t.nn.LayerNorm([6, 7, 8], bias=False),
    "GroupNorm": lambda t: t.nn.GroupNorm(3, 6),
    "GroupNorm_plain": lambda t: t.nn.GroupNorm(2, 6, affine=False),
    "GroupNorm_no_bias": lambda t: t.nn.GroupNorm(1, 6, eps=1e-2, bias=False),
    "InstanceNorm2d": lambda t: t.nn.InstanceNorm2d(6),
    "InstanceNorm2d_affine": lambda t: t.nn.InstanceNorm2d(6, affine=True),
    "InstanceNorm2d_tracked": lambda t: t.nn.InstanceNorm2d(6, momentum=0.3, track_running_stats=True),
    "InstanceNorm2d_eval": lambda t: t.nn.InstanceNorm2d(6, affine=True, track_running_stats=True).eval(),
    "Dropout2d_eval": lambda t: t.nn.Dropout2d().eval(),
    "LocalResponseNorm": lambda t: t.nn.LocalResponseNorm(3, 0.5, 0.6, 2.0),
    "Sequential": lambda t: t.nn.Sequential(
        t.nn.Conv2d(6, 5, 3), t.nn.BatchNorm2d(5), t.nn.ReLU(), t.nn.MaxPool2d(2), t.nn.Flatten(), t.nn.Linear(30, 4)
    ),
}
for _name in [
    "ReLU",
    "LeakyReLU",
    "ELU",
    "GELU",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Hardtanh",
    "Hardswish",
    "Mish",
    "ReLU6",
    "LogSigmoid",
]:
    ON_IMAGES[_name] = lambda t, name=_name: getattr(t.nn, name)()
ON_ROWS = {
    "Linear": lambda t: t.nn.Linear(6, 3),
    "Linear_no_bias": lambda t: t.nn.Linear(6, 3, bias=False),
    "BatchNorm1d": lambda t: t.nn.BatchNorm1d(6),
    "nested": lambda t: t.nn.Sequential(t.nn.Sequential(t.nn.Linear(6, 4), t.nn.Tanh()), t.nn.Linear(4, 2)),
}


@pytest.mark.parametrize("name", ON_IMAGES)
def test_layers_on_images(name):
    compare_modules(ON_IMAGES[name], IMAGES, steps=2)


@pytest.mark.parametrize("name", ON_ROWS)
def test_layers_on_rows(name):
    compare_modules(ON_ROWS[name], ROWS, steps=2)


def test_embedding():
    numbers = np.array([[2, 0, 1], [2, 2, 4]])
    compare_modules(lambda t: t.nn.Embedding(5, 3), numbers, steps=2)
    compare_modules(lambda t: t.nn.Embedding(5, 3, padding_idx=-3), numbers, steps=2)


def test_hardsigmoid():
    """PyTorch's slope is 1/6 in float32, also for float64."""
    compare(lambda t, x: t.nn.Hardsigmoid()(x), IMAGES * 3, rtol=1e-7)


def test_one_image_without_a_batch():
    for name in ("Conv2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "Unfold", "InstanceNorm2d_affine"):
        compare_modules(ON_IMAGES[name], IMAGES[0])
    compare_modules(lambda t: t.nn.BatchNorm1d(6), RNG.standard_normal((3, 6, 4)))
    compare_modules(lambda t: t.nn.Fold((4, 4), 2, stride=2), RNG.standard_normal((2, 12, 4)))


LOSSES = {
    "CrossEntropyLoss": lambda t, x, y: t.nn.CrossEntropyLoss(label_smoothing=0.1)(x, t.tensor([0, 1, 2, 5, 3])),
    "NLLLoss": lambda t, x, y: t.nn.NLLLoss()(x, t.tensor([0, 1, 2, 5, 3])),
    "MSELoss": lambda t, x, y: t.nn.MSELoss()(x, y),
    "L1Loss": lambda t, x, y: t.nn.L1Loss(reduction="sum")(x, y),
    "SmoothL1Loss": lambda t, x, y: t.nn.SmoothL1Loss(beta=0.5)(x, y),
    "HuberLoss": lambda t, x, y: t.nn.HuberLoss(delta=0.5)(x, y),
    "BCELoss": lambda t, x, y: t.nn.BCELoss()(x.sigmoid(), y.sigmoid()),
    "BCEWithLogitsLoss": lambda t, x, y: t.nn.BCEWithLogitsLoss(reduction="none")(x, y.sigmoid()),
    "KLDivLoss": lambda t, x, y: t.nn.KLDivLoss(reduction="batchmean")(x, y.softmax(1)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    compare(lambda t, x, y: LOSSES[name](t, x, y), ROWS, ROWS[::-1] * 0.7)


def test_containers_and_nested_modules_have_the_same_state():
    def build(t):
        class Block(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = t.nn.Parameter(t.ones(2))
                self.parts = t.nn.ModuleList([t.nn.Linear(6, 2), t.nn.BatchNorm1d(2)])
                self.named = t.nn.ModuleDict({"b": t.nn.Linear(2, 2), "a": t.nn.PReLU()})
                self.register_buffer("offset", t.zeros(2))
                self.register_buffer("scratch", t.zeros(2), persistent=False)
                self.unused = None

            def forward(self, x):
                for part in self.parts:
                    x = part(x)
                return self.named["a"](self.named["b"](x)) * self.scale + self.offset + self.scratch

        return t.nn.Sequential(Block(), t.nn.Linear(2, 3))

    compare_modules(build, ROWS, steps=2)
    ours, theirs = build(mt), build(torch)
    for names in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [name for name, _ in getattr(ours, names)()] == [name for name, _ in getattr(theirs, names)()], names


def test_every_layer_is_compared():
    from . import test_norm_layers, test_spatial_layers

    here = inspect.getmodule(test_every_layer_is_compared)
    text = "".join(inspect.getsource(module) for module in (here, test_norm_layers, test_spatial_layers))
    lazy = {"LazyConv2d", "LazyLinear", "LazyBatchNorm1d", "LazyBatchNorm2d"}
    parts = {"UninitializedBuffer", "UninitializedParameter", "ParameterList"}
    names = [name for name in dir(mt.nn) if isinstance(getattr(mt.nn, name), type) and hasattr(torch.nn, name)]
    assert [name for name in names if name not in text and name not in lazy | parts] == []


def test_lazy_layers_have_the_same_state_once_they_know_their_sizes():
    def build(t):
        net = t.nn.Sequential(
            t.nn.LazyConv2d(4, 3), t.nn.LazyBatchNorm2d(), t.nn.Flatten(), t.nn.LazyLinear(3), t.nn.LazyBatchNorm1d()
        )
        net(t.zeros(2, 3, 5, 5))
        return net

    compare_modules(build, RNG.standard_normal((4, 3, 5, 5)))


# -- first values ------------------------------------------------------------------------------------------------------

INITS = {
    "uniform_": (-1.0, 2.0),
    "normal_": (0.5, 2.0),
    "constant_": (3.0,),
    "ones_": (),
    "zeros_": (),
    "xavier_uniform_": (1.5,),
    "xavier_normal_": (),
    "kaiming_uniform_": (0.2,),
    "kaiming_normal_": (0.0, "fan_out", "relu"),
}


@pytest.mark.parametrize("name", INITS)
def test_init_draws_from_the_same_distribution(name):
    """Mean, spread and range over 24,000 values agree within a few standard errors."""
    shape = (40, 24, 5, 5)
    mt.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (values(getattr(t.nn.init, name)(t.empty(shape), *INITS[name])) for t in (mt, torch))
    ours, theirs = ours.astype(float), theirs.astype(float)
    spread = float(theirs.std())
    assert abs(ours.mean() - theirs.mean()) <= 0.03 * spread
    assert abs(ours.std() - spread) <= 0.02 * spread
    if "normal" not in name:
        assert ours.min() == pytest.approx(theirs.min(), abs=0.001 * spread + 1e-12)
        assert ours.max() == pytest.approx(theirs.max(), abs=0.001 * spread + 1e-12)


LAYERS = [
    ("Conv2d", (12, 40, 5), {"groups": 2}),
    ("Linear", (300, 60), {}),
    ("BatchNorm2d", (30,), {}),
    ("PReLU", (), {}),
    ("GroupNorm", (3, 6), {}),
    ("Embedding", (200, 100), {}),
]


@pytest.mark.parametrize(("name", "args", "options"), LAYERS, ids=[name for name, *_ in LAYERS])
def test_layers_start_from_the_same_distribution(name, args, options):
    mt.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (getattr(t.nn, name)(*args, **options).state_dict() for t in (mt, torch))
    for key in theirs:
        here, there = values(ours[key]).astype(float), values(theirs[key]).astype(float)
        reach = 0.15 * float(abs(there).max())
        assert here.min() == pytest.approx(there.min(), abs=reach), key
        assert here.max() == pytest.approx(there.max(), abs=reach), key
        assert here.std() == pytest.approx(there.std(), rel=0.25), key


def test_gains():
    for name in ("linear", "sigmoid", "tanh", "relu", "conv2d"):
        assert mt.nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    ours, theirs = (t.nn.init.calculate_gain("leaky_relu", 0.3) for t in (mt, torch))
    assert ours == pytest.approx(theirs)
