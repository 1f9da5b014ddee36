import numpy as np

from minitorch_cv import nn, optim
from minitorch_cv.nn import functional as F
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import freeze


def network():
    return nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.Linear(3, 2))


def state(model):
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def train_a_step(model):
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.1)
    model.train()
    x = Tensor(np.random.default_rng(0).normal(3, 2, (6, 2)).astype("f4"))
    F.cross_entropy(model(x), Tensor(np.array([0, 1] * 3))).backward()
    optimizer.step()


def test_a_frozen_part_does_not_change_and_the_rest_does():
    model = network()
    freeze(model[0])
    body, head = state(model[0]), state(model[1])
    train_a_step(model)
    assert state(model[0]) == body, "weights and running statistics"
    assert state(model[1]) != head
    assert model[1].training


def test_thawed_it_changes_again():
    model = network()
    thaw = freeze(model[0])
    train_a_step(model)
    thaw()
    assert model[0][1].training
    before = dict(model[0].state_dict())
    before = {name: tensor.numpy().copy() for name, tensor in before.items()}
    train_a_step(model)
    for name, tensor in model[0].state_dict().items():
        assert not np.array_equal(tensor.numpy(), before[name]), name


def test_thawing_leaves_what_was_frozen_before():
    model = network()
    model[0][0].weight.requires_grad_(False)
    freeze(model[0])()
    assert [p.requires_grad for p in model[0].parameters()] == [False, True, True, True]
