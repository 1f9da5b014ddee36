import inspect
import re

import numpy as np
import pytest

import minitorch_cv
from minitorch_cv import models, nn, optim
from minitorch_cv.nn import functional as F
from minitorch_cv.random import manual_seed
from minitorch_cv.tensor import Tensor
from minitorch_cv.train.finetuning import count_outputs, find_head, freeze_body, head_and_body, replace_head

OLD, NEW = 7, 3
# Deeper, wider or older sisters of networks that are tested, and those whose linear layers are the largest: they would
# only take longer to build.
SISTERS = re.compile(r"101|152|161|169|201|x[12]_[05]|resnet34|50_2|vgg1[369]|_paper|zfnet|torchvision.(vgg|alexnet)")
TESTED = [name for name in models.MODELS if not SISTERS.search(name)]


def build(name, num_classes):
    """The network of this name, where it can be said in small, with random weights of seed 1."""
    known = inspect.signature(models.find(name)).parameters
    small = {"num_classes": num_classes, "ratio": 16, "image_size": 67 if "alexnet" in name else 32}
    manual_seed(1)
    return models.build(name, {key: value for key, value in small.items() if key in known})


def arrays(model):
    """All weights by name."""
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def network():
    manual_seed(1)
    return nn.Sequential(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)), nn.ReLU(), nn.Linear(5, 4))


@pytest.mark.parametrize("name", TESTED)
def test_every_network_gets_a_new_head_and_keeps_the_rest(name):
    model = build(name, OLD)
    before = {key: (id(parameter), parameter.shape) for key, parameter in model.named_parameters()}
    head_name, head = find_head(model)
    assert count_outputs(head) == OLD
    new = replace_head(model, NEW)
    assert find_head(model) == (head_name, new)
    assert count_outputs(new) == NEW
    assert new.weight.shape == (NEW, *head.weight.shape[1:])
    after = {key: (id(parameter), parameter.shape) for key, parameter in model.named_parameters()}
    own = {f"{head_name}.weight", f"{head_name}.bias"}
    assert {key: after[key] for key in after if key not in own} == {
        key: before[key] for key in before if key not in own
    }
    assert own <= after.keys() == before.keys()


@pytest.mark.parametrize(("name", "size"), [("lenet", 28), ("nin", 67), ("squeezenet", 17), ("mlp", 28)])
def test_the_network_gives_scores_of_the_new_classes(name, size):
    manual_seed(1)
    model = models.build(name, {"num_classes": OLD})
    replace_head(model, NEW)
    model.eval()
    with minitorch_cv.use("reference"):
        assert model(Tensor(np.ones((2, 1, size, size), "f4"))).shape == (2, NEW)


def test_new_weights_are_xavier_uniform():
    manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(300, 2))
    bound = (6 / (300 + 100)) ** 0.5
    weight = replace_head(model, 100).weight.detach().numpy()
    assert 0.99 * bound < np.abs(weight).max() <= bound
    assert weight.var() == pytest.approx(bound**2 / 3, rel=0.03)


def test_options_of_a_convolution_are_kept():
    old = nn.Conv2d(4, 6, (3, 1), stride=2, padding=1, dilation=2, bias=False, padding_mode="reflect").double()
    model = nn.Sequential(old)
    new = replace_head(model, 2)
    assert repr(new) == repr(old).replace("(4, 6", "(4, 2")
    assert new.bias is None
    assert new.weight.dtype == old.weight.dtype


def test_rows_of_classes_that_stay():
    model = network()
    old = find_head(model)[1]
    weight, bias = old.weight.detach().numpy().copy(), old.bias.detach().numpy().copy()
    new = replace_head(model, 3, keep_rows={0: 3, 2: 1})
    np.testing.assert_array_equal(new.weight.detach().numpy()[[0, 2]], weight[[3, 1]])
    np.testing.assert_array_equal(new.bias.detach().numpy()[[0, 2]], bias[[3, 1]])
    assert not (new.weight.detach().numpy()[1] == weight).any()
    x = Tensor(np.ones((2, 5), "f4"))
    np.testing.assert_allclose(new(x).detach().numpy()[:, [0, 2]], old(x).detach().numpy()[:, [3, 1]], rtol=1e-6)
    assert new.weight.requires_grad
    assert new.weight.grad_fn is None


def test_rows_of_a_convolution():
    model = nn.Sequential(nn.Conv2d(2, 4, 3))
    weight = model[0].weight.detach().numpy().copy()
    new = replace_head(model, 2, keep_rows={1: 2})
    np.testing.assert_array_equal(new.weight.detach().numpy()[1], weight[2])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({3: 0}, "keep_rows has 3: 0, but the new head has the classes 0 to 2"),
        ({0: 4}, "keep_rows has 0: 4, but the old head has the classes 0 to 3"),
        ({0: -1}, "keep_rows has 0: -1, but the old head has the classes 0 to 3"),
    ],
)
def test_rows_that_are_not_there(rows, message):
    model = network()
    before = find_head(model)[1]
    with pytest.raises(ValueError, match=re.escape(message)):
        replace_head(model, 3, rows)
    assert find_head(model)[1] is before


def test_what_has_no_head():
    with pytest.raises(ValueError, match="Sequential: has no linear layer or convolution"):
        find_head(nn.Sequential(nn.ReLU()))
    with pytest.raises(ValueError, match="num_classes=0; choose 1 or more"):
        replace_head(network(), 0)
    with pytest.raises(ValueError, match="the model is itself one layer; put it into a Sequential"):
        replace_head(nn.Linear(2, 2), 3)


def test_the_head_learns_ten_times_as_fast():
    model = network()
    head, body = head_and_body(model, lr=0.01)
    assert (head["lr"], body["lr"]) == (pytest.approx(0.1), 0.01)
    assert [id(p) for p in head["params"]] == [id(p) for p in model[2].parameters()]
    assert [id(p) for p in body["params"]] == [id(p) for p in model[0].parameters()]
    assert [group["lr"] for group in head_and_body(model, 0.01, head_factor=4)] == [0.04, 0.01]


def test_one_step_moves_both_by_their_own_rates():
    model = network()
    before = {name: parameter.detach().numpy().copy() for name, parameter in model.named_parameters()}
    optimizer = optim.SGD(head_and_body(model, lr=0.01), lr=0.01)
    x = Tensor(np.random.default_rng(0).normal(size=(6, 4)).astype("f4"))
    F.cross_entropy(model(x), Tensor(np.arange(6) % 4)).backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        lr = 0.1 if name.startswith("2.") else 0.01
        expected = before[name] - lr * parameter.grad.numpy()
        np.testing.assert_allclose(parameter.detach().numpy(), expected, rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_frozen_body_does_not_change_and_has_no_group():
    model = network()
    thaw = freeze_body(model)
    groups = head_and_body(model, lr=0.01)
    assert [group["lr"] for group in groups] == [pytest.approx(0.1)]
    before = {name: array.copy() for name, array in arrays(model).items()}
    optimizer = optim.SGD(groups, lr=0.01, weight_decay=0.1)
    model.train()
    x = Tensor(np.random.default_rng(0).normal(3, 2, size=(6, 4)).astype("f4"))
    F.cross_entropy(model(x), Tensor(np.arange(6) % 4)).backward()
    optimizer.step()
    changed = {name for name, array in arrays(model).items() if not np.array_equal(array, before[name])}
    assert changed == {"2.weight", "2.bias"}, "running statistics stay too"
    thaw()
    assert len(head_and_body(model, lr=0.01)) == 2
