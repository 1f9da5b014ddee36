"""Which operations are carried out as one, and when they are left alone."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F

from .training import Residual, assert_trains_alike, batches, conv_net


def names(step, *args):
    """What a replay of the step carries out; its results are those of the eager step."""
    run = torch.compile(step)
    for _ in range(4):
        torch.manual_seed(0)
        result = run(*args)
    torch.manual_seed(0)
    expected = step(*args)
    for ours, theirs in zip(*(x if isinstance(x, tuple) else (x,) for x in (result, expected))):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
    return [row.name for row in run.plan.rows if "backward" not in row.name and "move_statistics" not in row.name]


IMAGES = torch.tensor(np.random.default_rng(0).standard_normal((3, 2, 6, 6)).astype(np.float32))
OTHER = torch.tensor(np.random.default_rng(1).standard_normal((3, 2, 6, 6)).astype(np.float32))


@pytest.mark.parametrize("activation", [torch.relu, torch.sigmoid, torch.tanh])
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_activation_and_pool(activation, kind):
    pool = {"avg": F.avg_pool2d, "max": F.max_pool2d}[kind]
    assert names(lambda x: pool(activation(x), 2), IMAGES) == [f"activation_{kind}_pool"]


def test_sum_and_relu():
    assert names(lambda x, z: F.relu(x + z), IMAGES, OTHER) == ["add_relu"]


@pytest.mark.parametrize("training", [True, False])
def test_norm_sum_and_relu(training):
    norm = nn.BatchNorm2d(2).train(training)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
    suffix = "training" if training else "inference"
    fused = f"batch_norm_{suffix}_add_relu"

    def carried_out(step, *args):
        return [name for name in names(step, *args) if name.startswith(("batch", "add_relu", "relu"))]

    assert carried_out(lambda x: F.relu(norm(x)), IMAGES) == [fused]
    assert carried_out(lambda x, z: F.relu(norm(x) + z), IMAGES, OTHER) == [fused]
    assert carried_out(lambda x, z: F.relu(z + norm(x)), IMAGES, OTHER) == [fused]


def test_what_is_needed_elsewhere_is_left_alone():
    def step(x):
        y = F.relu(x)
        return F.avg_pool2d(y, 2), y

    assert names(step, IMAGES) == ["relu", "avg_pool"]

    def positions(x):
        return F.max_pool2d(F.relu(x), 2, return_indices=True)

    assert names(positions, IMAGES)[:2] == ["relu", "max_pool"]


def test_a_sum_that_broadcasts_or_scales_is_left_alone():
    row = torch.ones(6)
    assert names(lambda x: F.relu(x + row), IMAGES) == ["add", "relu"]
    assert names(lambda x, z: F.relu(torch.add(x, z, alpha=2)), IMAGES, OTHER) == ["add", "relu"]


def test_a_gradient_that_is_cut_off_is_left_alone():
    w = torch.ones(3, 2, 6, 6, requires_grad=True)

    def step(x):
        y = F.relu((x * w).sigmoid().detach() + w * 2)
        return y.sum()

    assert "add_relu" in names(step, IMAGES)

    def cut(x):
        return F.relu((w + x).detach()).sum() + w.sum()

    assert "relu" in names(cut, IMAGES)


def test_a_write_in_between_is_left_alone():
    def step(x):
        z = x * 2
        y = x + z
        z.mul_(3)
        return F.relu(y), z

    assert "add_relu" not in names(step, IMAGES)


def test_whole_networks_use_them():
    plan = assert_trains_alike(Residual, batches(4)).plan
    carried_out = [row.name for row in plan.rows]
    assert carried_out.count("batch_norm_training_add_relu") == 2
    assert "relu" not in carried_out
    plan = assert_trains_alike(conv_net, batches(4)).plan
    carried_out = [row.name for row in plan.rows]
    assert {"activation_avg_pool", "activation_max_pool"} <= set(carried_out)
    assert "sigmoid" not in carried_out


def test_a_result_that_is_used_twice_is_left_alone():
    def step(x):
        y = F.relu(x)
        return F.avg_pool2d(y, 2).sum() + (y * y).sum()

    assert names(step, IMAGES)[:2] == ["relu", "avg_pool"]
