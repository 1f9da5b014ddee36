import copy

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim


def network():
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3), nn.LazyBatchNorm1d()
    )


def test_the_first_input_gives_the_sizes_and_the_ordinary_classes():
    net = network()
    assert repr(net[0]) == "LazyConv2d(0, 4, kernel_size=(3, 3), stride=(1, 1))"
    assert net(torch.randn(2, 3, 4, 4)).shape == (2, 3)
    assert [type(module) for module in net] == [nn.Conv2d, nn.BatchNorm2d, nn.Flatten, nn.Linear, nn.BatchNorm1d]
    assert repr(net[0]) == "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(net[3]) == "Linear(in_features=16, out_features=3, bias=True)"
    assert net[1].num_features == 4
    assert net(torch.randn(2, 3, 4, 4)).shape == (2, 3)


def test_the_first_values_are_those_of_the_ordinary_layers():
    lazy, ordinary = nn.LazyConv2d(4, 3, groups=2), None
    torch.manual_seed(1)
    lazy(torch.zeros(1, 6, 3, 3))
    torch.manual_seed(1)
    ordinary = nn.Conv2d(6, 4, 3, groups=2)
    assert lazy.weight.tolist() == ordinary.weight.tolist()
    assert lazy.bias.tolist() == ordinary.bias.tolist()
    norm = nn.LazyBatchNorm1d(momentum=1.0)
    norm.eval()(torch.ones(2, 3))
    assert norm.weight.tolist() == norm.running_var.tolist() == [1, 1, 1]
    assert norm.bias.tolist() == norm.running_mean.tolist() == [0, 0, 0]


def test_an_optimizer_made_before_the_first_input_trains_the_parameters():
    net = nn.LazyLinear(1)
    optimizer = optim.SGD(net.parameters(), lr=1.0)
    net(torch.ones(1, 2)).sum().backward()
    before = net.weight.detach().clone()
    optimizer.step()
    np.testing.assert_allclose((before - net.weight).detach().numpy(), [[1, 1]], rtol=1e-6)


def test_options_are_kept():
    conv = nn.LazyConv2d(4, 3, stride=2, padding="valid", bias=False, dtype=torch.float64)
    conv(torch.randn(1, 2, 5, 5, dtype=torch.float64))
    assert repr(conv) == "Conv2d(2, 4, kernel_size=(3, 3), stride=(2, 2), padding=valid, bias=False)"
    assert list(conv.state_dict()) == ["weight"]
    assert list(nn.LazyBatchNorm2d(affine=False).state_dict()) == ["running_mean", "running_var", "num_batches_tracked"]
    assert list(nn.LazyBatchNorm2d(track_running_stats=False, bias=False).state_dict()) == ["weight"]


def test_double_before_the_first_input():
    net = network().double()
    assert net(torch.randn(2, 3, 4, 4, dtype=torch.float64)).dtype == torch.float64


def test_a_loaded_state_gives_the_sizes_too():
    source = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d())
    net.load_state_dict(source.state_dict())
    x = torch.randn(2, 3, 4, 4)
    assert net(x).tolist() == source(x).tolist()
    assert repr(net) == repr(source)


def test_a_lazy_state():
    net = nn.LazyLinear(2)
    assert list(net.state_dict()) == ["weight", "bias"]
    copy.deepcopy(net).load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="weight was saved before its lazy module had seen an input"):
        nn.Linear(1, 2).load_state_dict(net.state_dict())


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (lambda: nn.LazyConv2d(4, 3, groups=2), (1, 3, 5, 5), "groups=2 must divide the 3 channels of x"),
        (lambda: nn.LazyConv2d(4, 3), (5, 5), r"x has shape \(5, 5\) but must be \(N, C, H, W\)"),
        (lambda: nn.LazyConv2d(3, 3, groups=2), None, "groups=2 must divide out_channels=3"),
        (lambda: nn.LazyBatchNorm2d(), (2, 3), "BatchNorm2d: expected 4D input"),
    ],
)
def test_an_input_that_cannot_be_is_refused(layer, shape, message):
    with pytest.raises((RuntimeError, ValueError), match=message):
        layer()(torch.ones(shape))
