"""Normalisation without a batch, and what is dropped in whole pieces, against PyTorch and torchvision."""

import inspect
from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import compare, torch
from .vision import torchvision

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)


def normal(*shape, dtype=np.float64):
    return RNG.standard_normal(shape).astype(dtype)


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
