"""Normalisation without a batch, and what is dropped in whole pieces, against PyTorch and torchvision."""

import inspect
from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import assert_same, compare, torch
from .vision import torchvision

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:dropout2d:UserWarning")]

RNG = np.random.default_rng(0)


def normal(*shape, dtype=np.float64):
    return RNG.standard_normal(shape).astype(dtype)


# -- each image by itself ----------------------------------------------------------------------------------------------

DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
AFFINE = pytest.mark.parametrize("affine", [0, 1, 2])  # nothing, a weight, a weight and a bias
GROUPS = [((3, 6, 2, 4), 2), ((3, 6, 2, 4), 6), ((70, 4, 3), 2), ((5, 6), 3), ((2, 4, 2, 2, 3), 1), ((0, 4, 2), 2)]


def parameters(affine, shape, dtype):
    return [normal(*shape, dtype=dtype) for _ in range(affine)]


@DTYPES
@AFFINE
@pytest.mark.parametrize(("shape", "groups"), GROUPS)
def test_group_norm(shape, groups, affine, dtype):
    x, rest = 2 + normal(*shape, dtype=dtype), parameters(affine, shape[1:2], dtype)
    compare(lambda t, x, *rest: t.nn.functional.group_norm(x, groups, *rest, eps=1e-3), x, *rest)


LAYERS = [((5, 4), (4,)), ((4, 3, 5), (3, 5)), ((2, 3, 4, 2), (2,)), ((2, 3, 4, 2), (3, 4, 2)), ((3, 4), (3, 4))]


@DTYPES
@AFFINE
@pytest.mark.parametrize(("shape", "last"), [*LAYERS, ((70, 3), (3,)), ((0, 3), (3,))])
def test_layer_norm(shape, last, affine, dtype):
    x, rest = 2 + normal(*shape, dtype=dtype), parameters(affine, last, dtype)
    compare(lambda t, x, *rest: t.nn.functional.layer_norm(x, last, *rest, eps=1e-3), x, *rest)


@DTYPES
@AFFINE
@pytest.mark.parametrize("shape", [(3, 4, 2, 3), (2, 3, 5), (70, 1, 2, 2)])
@pytest.mark.parametrize(("running", "own"), [(False, True), (True, True), (True, False)])
def test_instance_norm(shape, affine, running, own, dtype):
    x, rest = 2 + normal(*shape, dtype=dtype), parameters(affine, shape[1:2], dtype)
    statistics = {}

    def instance_norm(t, x, w=None, b=None):
        kind = {"dtype": getattr(t, np.dtype(dtype).name)}
        statistics[t] = [t.full((shape[1],), 0.3, **kind), t.full((shape[1],), 1.5, **kind)] if running else [None] * 2
        return t.nn.functional.instance_norm(x, *statistics[t], w, b, own, 0.3, 1e-3)

    compare(instance_norm, x, *rest)
    for ours, theirs in zip(statistics[mt], statistics[torch]):
        if running:
            assert_same(ours, theirs, "running statistics")


def test_norms_of_memory_in_other_orders():
    x = normal(4, 5, 6, 2)
    compare(lambda t, x: t.nn.functional.group_norm(x.permute(1, 2, 0, 3), 3), x)
    compare(lambda t, x: t.nn.functional.group_norm(x[::2, :4, ::3].transpose(0, 2), 2), x)
    compare(lambda t, x: t.nn.functional.group_norm(x.expand(3, 4, 5, 2), 2), normal(1, 4, 5, 1))
    w = normal(5)
    compare(lambda t, x, w: t.nn.functional.layer_norm(x.permute(3, 0, 2, 1), (5,), w), x, w)
    compare(lambda t, x, w: t.nn.functional.layer_norm(x.permute(3, 0, 2, 1)[::2, 1:], (5,), w), x, w)
    compare(lambda t, x: t.nn.functional.instance_norm(x.permute(1, 0, 3, 2)), x)


def test_the_layer_norm_of_convnext_on_channels_last():
    """Over the channels of convolution outputs, moved to the end and back."""
    x, k, w = normal(3, 4, 5, 5), normal(6, 4, 3, 3), normal(6)

    def norm(t, x, k, w):
        y = t.nn.functional.conv2d(x, k).permute(0, 2, 3, 1)
        return t.nn.functional.layer_norm(y, (6,), w).permute(0, 3, 1, 2)

    compare(norm, x, k, w)


# -- embedding ---------------------------------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("padding", [None, 0, 3, -2])
@pytest.mark.parametrize("shape", [(), (6,), (3, 4), (2, 1, 3), (0,)])
def test_embedding(shape, padding, dtype):
    numbers = RNG.integers(0, 5, shape)
    for integer in ("int64", "int32"):
        compare(
            lambda t, w, integer=integer: t.nn.functional.embedding(
                t.tensor(numbers, dtype=getattr(t, integer)), w, padding
            ),
            normal(5, 3, dtype=dtype),
        )
    compare(lambda t, w: t.nn.functional.embedding(t.tensor(numbers), w.T, padding), normal(3, 5, dtype=dtype))


def test_embedding_from_pretrained():
    def frozen(t, table):
        layer = t.nn.Embedding.from_pretrained(table.detach(), padding_idx=1)
        free = t.nn.Embedding.from_pretrained(table.detach(), freeze=False)
        assert [layer.weight.requires_grad, free.weight.requires_grad] == [False, True]
        return layer(t.tensor([0, 1, 3])), free(t.tensor([0, 1, 3]))

    compare(frozen, normal(4, 2))


# -- local response normalisation --------------------------------------------------------------------------------------

NEIGHBOURS = list(product([(2, 5, 3), (3, 4, 2, 3), (2, 3, 2, 2, 2)], (1, 2, 3, 5, 8), (0.75, 1.0, 0.4), (1.0, 2.0)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("shape", "size", "beta", "k"), NEIGHBOURS)
def test_local_response_norm(shape, size, beta, k, dtype):
    x = normal(*shape, dtype=dtype)
    compare(lambda t, x: t.nn.functional.local_response_norm(x, size, 0.9, beta, k), x)


def test_local_response_norm_of_memory_in_other_orders_and_of_nothing():
    compare(lambda t, x: t.nn.functional.local_response_norm(x.transpose(0, 2), 3, 0.9), normal(4, 5, 3, 2))
    compare(lambda t, x: t.nn.functional.local_response_norm(x[::2, ::2], 3, 0.9), normal(4, 9, 3, 2))
    compare(lambda t, x: t.nn.functional.local_response_norm(x, 3), normal(0, 9, 3, 2))
    compare(lambda t, x: t.nn.functional.local_response_norm(x, 5), normal(2, 9, 3, 2))


# -- dropping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 50, 3, 2), (40, 50, 4)])
def test_dropout2d(shape):
    x = normal(*shape)
    for options in ({"training": False}, {"p": 0.0}, {"p": 1.0}):
        compare(lambda t, x, options=options: t.nn.functional.dropout2d(x, **options), x)
    shares = {}
    for t in (mt, torch):
        t.manual_seed(0)
        y = t.nn.functional.dropout2d(t.ones(shape), 0.3).numpy().reshape(2000, -1)
        assert (y == y[:, :1]).all(), "a channel is dropped whole"
        assert set(np.unique(y).round(5).tolist()) == {0.0, np.float32(1 / 0.7).round(5).item()}
        shares[t] = (y == 0).mean()
    assert abs(shares[mt] - shares[torch]) < 0.05


def stochastic_depth(t):
    return t.nn.functional.stochastic_depth if t is mt else torchvision.ops.stochastic_depth


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_stochastic_depth(mode):
    x = normal(4, 2, 3)
    compare(lambda t, x: stochastic_depth(t)(x, 1.0, mode), x)
    compare(lambda t, x: stochastic_depth(t)(x, 0.0, mode), x)
    compare(lambda t, x: stochastic_depth(t)(x, 0.4, mode, training=False), x)
    shares = {}
    for t in (mt, torch):
        t.manual_seed(0)
        rows = [stochastic_depth(t)(t.ones(20, 3), 0.3, mode).numpy() for _ in range(200)]
        assert all((y == y[:, :1]).all() for y in rows), "a row is dropped whole"
        assert set(np.unique(rows).round(5).tolist()) == {0.0, np.float32(1 / 0.7).round(5).item()}
        shares[t] = np.mean([y == 0 for y in rows])
    assert abs(shares[mt] - shares[torch]) < (0.03 if mode == "row" else 0.12)


def test_stochastic_depth_has_torchvision_s_parameters():
    ours = list(inspect.signature(mt.nn.functional.stochastic_depth).parameters.values())
    theirs = list(inspect.signature(torchvision.ops.stochastic_depth).parameters.values())
    assert [(p.name, p.default) for p in ours if p.name != "generator"] == [(p.name, p.default) for p in theirs]
    layers = (mt.nn.StochasticDepth, torchvision.ops.StochasticDepth)
    assert len({tuple(inspect.signature(layer).parameters) for layer in layers}) == 1
    assert repr(mt.nn.StochasticDepth(0.2, "row")) == repr(torchvision.ops.StochasticDepth(0.2, "row"))
