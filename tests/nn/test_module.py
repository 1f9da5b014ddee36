import copy
import pickle

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


class Net(nn.Module):
    """A small network with everything a module can hold."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 3)
        self.skip = None
        self.block = nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("cache", torch.zeros(1), persistent=False)
        self.scratch = torch.zeros(4)

    def forward(self, x):
        return self.block(self.fc1(x)) * self.scale


# -- registering and attributes ----------------------------------------------------------------------------------------


def test_assigned_parts_are_found_and_plain_tensors_are_not():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["fc1.weight", "fc1.bias", "block.1.weight"]
    assert [name for name, _ in net.named_buffers()] == ["scale", "cache"]
    assert [name for name, _ in net.named_modules()] == ["", "fc1", "block", "block.0", "block.1"]
    assert [name for name, _ in net.named_children()] == ["fc1", "block"]
    assert isinstance(net.scratch, torch.Tensor)


def test_none_can_replace_a_module_a_parameter_and_a_buffer():
    net = Net()
    net.block, net.fc1.bias, net.scale = None, None, None
    assert net.block is None
    assert net.fc1.bias is None
    assert net.scale is None
    assert list(net.state_dict()) == ["fc1.weight"]
    net.block = nn.ReLU()
    assert [name for name, _ in net.named_children()] == ["fc1", "block"]


def test_a_new_parameter_keeps_the_place_of_the_old():
    layer = nn.Linear(2, 3)
    layer.weight = nn.Parameter(torch.zeros(3, 2))
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_a_parameter_replaces_what_stood_under_its_name():
    net = Net()
    net.cache = nn.Parameter(torch.ones(1))
    net.scratch = nn.Parameter(torch.ones(1))
    assert {"cache", "scratch"} <= set(net.state_dict())
    assert "cache" not in dict(net.named_buffers())
    assert net.scratch is dict(net.named_parameters())["scratch"]


def test_a_module_replaces_what_stood_under_its_name():
    net = Net()
    net.cache, net.scratch = nn.ReLU(), nn.Tanh()
    assert [name for name, _ in net.named_children()] == ["fc1", "block", "cache", "scratch"]
    assert isinstance(net.scratch, nn.Tanh)
    assert "cache" not in dict(net.named_buffers())


def test_a_tensor_updates_a_buffer():
    net = Net()
    net.scale = torch.full((1,), 3.0)
    assert net.state_dict()["scale"].item() == 3


@pytest.mark.parametrize(
    ("assign", "message"),
    [
        (
            lambda net: setattr(net.fc1, "weight", torch.zeros(1)),
            "cannot assign 'Tensor' as parameter 'weight' (nn.Parameter or None expected)",
        ),
        (
            lambda net: setattr(net, "fc1", 3),
            "cannot assign 'int' as child module 'fc1' (nn.Module or None expected)",
        ),
        (lambda net: setattr(net, "scale", 3), "cannot assign 'int' as buffer 'scale' (Tensor or None expected)"),
        (
            lambda net: net.register_parameter("w", torch.zeros(1)),
            "cannot assign 'Tensor' object to parameter 'w' (nn.Parameter or None required)",
        ),
        (
            lambda net: net.register_buffer("b", 3),
            "cannot assign 'int' object to buffer 'b' (Tensor or None required)",
        ),
        (
            lambda net: net.add_module("m", 3),
            "'m': int is not a Module; children must be nn.Module objects or None",
        ),
        (lambda net: net.add_module(3, nn.ReLU()), "module name should be a string, got int"),
    ],
)
def test_what_does_not_belong_is_refused(assign, message):
    with pytest.raises(TypeError) as error:
        assign(Net())
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (lambda net: net.register_buffer("fc1", None), "attribute 'fc1' already exists"),
        (lambda net: net.register_parameter("forward", None), "attribute 'forward' already exists"),
        (lambda net: net.add_module("a.b", nn.ReLU()), "module name 'a.b' must not be empty or contain a dot"),
        (lambda net: net.register_parameter("", None), "parameter name '' must not be empty or contain a dot"),
    ],
)
def test_bad_names_are_refused(register, message):
    with pytest.raises(KeyError, match=message):
        register(Net())


def test_a_parameter_must_be_a_leaf():
    net = Net()
    made = nn.Parameter(torch.ones(1))
    made._node = (nn.Parameter(torch.ones(1)) * 2)._node
    with pytest.raises(ValueError, match="non-leaf tensor to parameter 'made': it was made by mul"):
        net.made = made


@pytest.mark.parametrize(
    ("kind", "value"), [("parameter", lambda: nn.Parameter(torch.ones(1))), ("module", lambda: nn.ReLU())]
)
def test_parts_before_init_are_refused(kind, value):
    class Early(nn.Module):
        def __init__(self):
            self.part = value()

    with pytest.raises(AttributeError, match=rf"cannot assign {kind} before Module.__init__\(\) call"):
        Early()


def test_a_module_without_init_says_so_when_it_is_called():
    class Forgetful(nn.Module):
        def __init__(self):
            self.size = 3

    with pytest.raises(AttributeError, match=r"Module.__init__\(\) was not called: begin with super\(\).__init__\(\)"):
        Forgetful()(1)


def test_a_missing_attribute_is_named():
    with pytest.raises(AttributeError) as error:
        nn.Linear(1, 2).wieght  # noqa: B018
    assert str(error.value) == "'Linear' object has no attribute 'wieght'"


def test_a_missing_forward_is_named():
    with pytest.raises(NotImplementedError, match=r"Module has no forward\(\)"):
        nn.Module()(1)


def test_parts_can_be_deleted():
    net = Net()
    del net.block, net.scale, net.fc1.bias, net.scratch
    assert list(net.state_dict()) == ["fc1.weight"]
    assert not hasattr(net, "scratch")
    with pytest.raises(AttributeError):
        del net.block


def test_dir_lists_the_parts_but_no_numbers():
    assert {"fc1", "block", "scale", "scratch", "forward"} <= set(dir(Net()))
    assert "0" not in dir(Net().block)


def test_a_module_is_true():
    assert Net()
    assert nn.Module()


# -- walking -----------------------------------------------------------------------------------------------------------


def test_shared_parts_come_once_unless_asked_for():
    net = nn.Module()
    net.a = nn.Linear(1, 1)
    net.b = net.a
    assert [name for name, _ in net.named_parameters()] == ["a.weight", "a.bias"]
    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "a.weight",
        "a.bias",
        "b.weight",
        "b.bias",
    ]
    assert [name for name, _ in net.named_modules()] == ["", "a"]
    assert [name for name, _ in net.named_modules(remove_duplicate=False)] == ["", "a", "b"]
    assert len(list(net.children())) == 1


def test_prefix_and_recurse():
    net = Net()
    assert [name for name, _ in net.named_parameters("net", recurse=False)] == []
    assert [name for name, _ in net.named_buffers("net", recurse=False)] == ["net.scale", "net.cache"]
    assert next(net.named_parameters("net"))[0] == "net.fc1.weight"


def test_parts_by_dotted_name():
    net = Net()
    assert net.get_submodule("block.1") is net.block[1]
    assert net.get_submodule("") is net
    assert net.get_parameter("block.1.weight") is net.block[1].weight
    assert net.get_buffer("scale") is net.scale


@pytest.mark.parametrize(
    ("find", "message"),
    [
        (lambda net: net.get_submodule("block.7"), "Sequential has no submodule '7' (looked for 'block.7')"),
        (lambda net: net.get_parameter("fc1.scale"), "Linear has no parameter 'scale' (looked for 'fc1.scale')"),
        (lambda net: net.get_buffer("fc1.weight"), "Linear has no buffer 'weight' (looked for 'fc1.weight')"),
    ],
)
def test_an_unknown_dotted_name_is_named(find, message):
    with pytest.raises(AttributeError) as error:
        find(Net())
    assert str(error.value) == message


# -- changing ----------------------------------------------------------------------------------------------------------


def test_apply_visits_children_first():
    visited = []
    net = Net()
    assert net.apply(lambda module: visited.append(type(module).__name__)) is net
    assert visited == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_train_and_eval_reach_every_module():
    net = Net()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net.train()
    assert all(module.training for module in net.modules())
    with pytest.raises(ValueError, match="mode must be True or False, got 1"):
        net.train(1)


def test_requires_grad_freezes_all_parameters():
    net = Net().requires_grad_(False)
    assert not any(parameter.requires_grad for parameter in net.parameters())
    assert not net(torch.ones(1, 2)).requires_grad


def test_zero_grad_sets_none_or_zero():
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    gradient = layer.weight.grad
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad is gradient
    assert gradient.tolist() == [[0, 0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_to_converts_in_place_with_gradients_but_not_integers():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = net[0].weight
    net(torch.randn(3, 2)).sum().backward()
    assert net.double() is net
    assert net[0].weight is weight
    assert weight.dtype == weight.grad.dtype == net[1].running_mean.dtype == torch.float64
    assert net[1].num_batches_tracked.dtype == torch.int64
    assert net(torch.randn(3, 2, dtype=torch.float64)).dtype == torch.float64
    assert net.to("cpu", torch.float32)[0].weight.dtype == torch.float32
    assert net.to(torch.ones(1, dtype=torch.float64))[0].weight.dtype == torch.float64


def test_to_refuses_integers_and_gpus():
    with pytest.raises(TypeError, match=r"Module.to\(int64\): parameters need a floating-point dtype"):
        Net().to(torch.int64)
    with pytest.raises(RuntimeError, match=r"device 'cuda': .*use device='cpu'"):
        Net().cuda()


def test_a_copy_shares_nothing_with_the_original_but_keeps_what_is_tied():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin[1].weight is twin[0].weight
        assert isinstance(twin[0].weight, nn.Parameter)
        assert not np.shares_memory(twin[0].weight.detach().numpy(), net[0].weight.detach().numpy())
        assert np.array_equal(twin[0].weight.detach().numpy(), net[0].weight.detach().numpy())


# -- text --------------------------------------------------------------------------------------------------------------


def test_repr_is_a_tree():
    class Shown(nn.Module):
        def extra_repr(self):
            return "first line\nsecond line"

    net = Net()
    net.shown = Shown()
    assert repr(net) == (
        "Net(\n"
        "  (fc1): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (block): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=3, out_features=1, bias=False)\n"
        "  )\n"
        "  (shown): Shown(\n"
        "    first line\n"
        "    second line\n"
        "  )\n"
        ")"
    )


def test_repr_shows_a_module_that_was_set_to_none():
    net = nn.Module()
    net.part = nn.ReLU()
    net.part = None
    assert repr(net) == "Module(\n  (part): None\n)"
