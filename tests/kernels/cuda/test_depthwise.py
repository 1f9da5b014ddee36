"""Depthwise convolutions: which they are, more channels than a warp has lanes, several filters for each channel."""

import numpy as np
import pytest

from minitorch_kernels import REGISTRY
from minitorch_kernels.arrays import on_cpu
from minitorch_kernels.conv2d import depthwise_cuda
from minitorch_kernels.cuda import parts, simulator

from ...gpu import there
from ..cases_conv import Conv, forward_case, input_grad_case, weight_grad_case
from ..test_implementations import arguments, compare, run

LAYERS = [
    Conv(2, 35, 35, (6, 5), (3, 3), padding=(1, 1), groups=35),
    Conv(3, 4, 12, (5, 7), (3, 2), stride=(2, 3), padding=(2, 1), dilation=(1, 2), groups=4, bias=False),
    Conv(2, 2, 80, (4, 4), (1, 3), groups=2),
    Conv(0, 3, 3, (4, 4), (3, 3), groups=3),
]
KERNELS = {
    "conv2d": (forward_case, "forward"),
    "conv2d_input_grad": (input_grad_case, "input_grad"),
    "conv2d_weight_grad": (weight_grad_case, "weight_grad"),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", KERNELS)
def test_matches_reference(name, layer, dtype, monkeypatch):
    monkeypatch.setattr(parts, "SHORTEST", 7)
    case, function = KERNELS[name]
    called = []
    plain = getattr(depthwise_cuda, function)
    monkeypatch.setattr(depthwise_cuda, function, lambda *args: called.append(function) or plain(*args))
    outputs = []
    for seed in (0, 1):
        monkeypatch.setattr(simulator, "shuffle_seed", seed)
        args = arguments(case(layer), dtype)
        given = [*map(there, args)]
        outputs.append([on_cpu(REGISTRY[name](*given))])
    assert called == [function] * 2
    compare(outputs[0], run(name, "reference", arguments(case(layer), dtype)))
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(("C", "groups", "expected"), [(3, 3, True), (4, 2, False), (1, 1, False)])
def test_one_channel_for_each_group(C, groups, expected):
    assert depthwise_cuda.is_depthwise(C, groups) is expected
