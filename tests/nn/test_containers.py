from collections import OrderedDict

import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def names(container):
    return [f"{name}:{type(module).__name__}" for name, module in container._modules.items()]


def test_sequential_runs_its_modules_in_order():
    class Add(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def forward(self, x):
            return x * 10 + self.value

    assert nn.Sequential(Add(1), Add(2))(torch.zeros(1)).item() == 12
    assert nn.Sequential()(3) == 3


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(conv=nn.ReLU(), act=nn.Tanh()))
    assert net.conv is net[0]
    assert net[-1] is net.act
    assert names(net[1:]) == ["act:Tanh"]
    assert isinstance(net[1:], nn.Sequential)
    net.append(nn.ELU())
    assert names(net) == ["conv:ReLU", "act:Tanh", "2:ELU"]


@pytest.mark.parametrize("container", [lambda *m: nn.Sequential(*m), lambda *m: nn.ModuleList(m)])
def test_positions(container):
    net = container(nn.ReLU(), nn.Tanh())
    assert net.append(nn.ELU()) is net
    net.insert(1, nn.Sigmoid())
    net.extend([nn.GELU()])
    assert names(net) == ["0:ReLU", "1:Sigmoid", "2:Tanh", "3:ELU", "4:GELU"]
    del net[0]
    net[-1] = nn.SiLU()
    assert isinstance(net.pop(1), nn.Tanh)
    assert names(net) == ["0:Sigmoid", "1:ELU", "2:SiLU"]
    del net[1:]
    assert [type(module) for module in net] == [nn.Sigmoid]
    assert len(net) == 1


def test_a_position_out_of_range_is_named():
    with pytest.raises(IndexError, match="index 2 is out of range: this Sequential has 1 modules"):
        nn.Sequential(nn.ReLU())[2]


def test_sequential_refuses_a_list():
    with pytest.raises(TypeError, match="'0': list is not a Module"):
        nn.Sequential([nn.ReLU()])


def test_module_list_registers_parameters_and_adds():
    modules = nn.ModuleList([nn.Linear(1, 1)])
    modules += [nn.ReLU()]
    both = modules + [nn.Tanh()]
    assert names(both) == ["0:Linear", "1:ReLU", "2:Tanh"]
    assert names(modules) == ["0:Linear", "1:ReLU"]
    assert isinstance(modules[:1], nn.ModuleList)
    assert list(modules.state_dict()) == ["0.weight", "0.bias"]
    with pytest.raises(NotImplementedError):
        modules(torch.ones(1))


def test_module_list_repr_joins_equal_neighbours():
    modules = nn.ModuleList([nn.Linear(1, 2), nn.Linear(1, 2), nn.Sequential(nn.ReLU())])
    assert repr(modules) == (
        "ModuleList(\n"
        "  (0-1): 2 x Linear(in_features=1, out_features=2, bias=True)\n"
        "  (2): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict():
    modules = nn.ModuleDict({"relu": nn.ReLU()})
    modules["tanh"] = nn.Tanh()
    modules.update([("elu", nn.ELU())])
    assert list(modules) == list(modules.keys()) == ["relu", "tanh", "elu"]
    assert "tanh" in modules
    assert len(modules) == 3
    assert [type(module) for module in modules.values()] == [nn.ReLU, nn.Tanh, nn.ELU]
    assert isinstance(modules.pop("tanh"), nn.Tanh)
    del modules["relu"]
    assert [name for name, _ in modules.items()] == ["elu"]
    modules.clear()
    assert len(modules) == 0
    assert repr(nn.ModuleDict({"a": nn.ReLU()})) == "ModuleDict(\n  (a): ReLU()\n)"


def test_parameter_list():
    values = nn.ParameterList([nn.Parameter(torch.ones(2)), torch.zeros(1)])
    values.append(torch.ones(3))
    values[1] = torch.ones(2, 2)
    assert [tuple(value.shape) for value in values] == [(2,), (2, 2), (3,)]
    assert all(isinstance(value, nn.Parameter) for value in values)
    assert [name for name, _ in values.named_parameters()] == ["0", "1", "2"]
    assert values[-1] is list(values)[2]
    assert len(values[:2]) == 2
    with pytest.raises(IndexError):
        values[3] = torch.ones(1)
    assert repr(values[:1]) == "ParameterList(\n  (0): Parameter containing: [float32 of size 2]\n)"
