"""Gradient checks of operations that reduce, choose, rearrange or multiply whole axes."""

from __future__ import annotations

import numpy as np

from ..device import CPU, SIMULATED
from ..ops import indexing, reduction, shape, sorting
from ..ops.matmul import linear, matmul
from ..ops.moving import to_device
from ..tensor import Tensor
from .case import Case, beside, case, exactly, on_both_implementations

ROWS = Tensor(np.array([2, 0, 2]))
MASK = Tensor(np.array([[True, False, True], [False, False, True]]))
PLACES = Tensor(np.array([[0, 2, 2], [1, 0, 0]]))


def reductions() -> list[Case]:
    """Sums, products, extremes and norms, over all axes, one, several, kept or not."""
    reducers = {
        "sum": reduction.sum,
        "mean": reduction.mean,
        "var": reduction.var,
        "amax": reduction.amax,
        "amin": reduction.amin,
        "norm": lambda x, dim=None, keepdim=False: reduction.norm(x, 2, dim, keepdim),
    }
    ways = {
        "all": lambda op: op,
        "dim 1": lambda op: lambda x: op(x, 1),
        "two axes": lambda op: lambda x: op(x, (0, -1)),
        "two axes, keepdim": lambda op: lambda x: op(x, (-1, 0), keepdim=True),
    }
    return [
        *(case(name, label, way(op), (2, 3, 2)) for name, op in reducers.items() for label, way in ways.items()),
        case("var", "biased", lambda x: reduction.var(x, 0, unbiased=False), (4, 3)),
        case("var", "correction", lambda x: reduction.var(x, 0, correction=2), (4, 3)),
        case("std", "", lambda x: reduction.std(x, 1), (2, 4)),
        case("std", "of equals", lambda x: reduction.std(x, 1), exactly([[2, 2], [3, 4]])),
        case("amax", "ties", lambda x: reduction.amax(x, 1), exactly([[1, 3, 3], [2, 1, 0]])),
        case("amin", "ties", lambda x: reduction.amin(x, 1), exactly([[1, 1, 3], [2, 1, 0]])),
        case("norm", "at 0", lambda x: reduction.norm(x, 2, 1), exactly([[0, 0], [3, 4]])),
        case("norm", "1", lambda x: reduction.norm(x, 1, 1), (2, 3)),
        case("norm", "3", lambda x: reduction.norm(x, 3), (2, 3)),
        case("norm", "inf", lambda x: reduction.norm(x, float("inf"), 0), (2, 3)),
        case("prod", "all", reduction.prod, (2, 3)),
        case("prod", "dim", lambda x: reduction.prod(x, 1, keepdim=True), (2, 3, 2)),
        case("prod", "zeros", lambda x: reduction.prod(x, 1), exactly([[0, 2, 3], [0, 0, 3]])),
        case("cumsum", "", lambda x: reduction.cumsum(x, 1), (2, 3, 2)),
        case("max", "dim", lambda x: reduction.max(x, 1).values, (2, 3, 2)),
        case("min", "dim, keepdim", lambda x: reduction.min(x, -1, True).values, (2, 3)),
        case("max", "dim, ties", lambda x: reduction.max(x, 1).values, exactly([[1, 3, 3], [2, 1, 0]])),
        case("sort", "", lambda x: sorting.sort(x, 1, descending=True).values, (2, 4)),
        case("topk", "", lambda x: sorting.topk(x, 2, 0).values, (4, 2)),
    ]


def choices() -> list[Case]:
    """Indexing and gathering."""
    return [
        case("getitem", "number and slice", lambda x: x[1, ::2], (2, 5)),
        case("getitem", "None and ...", lambda x: x[None, ..., 1:], (2, 3)),
        case("getitem", "backwards", lambda x: x[:, [2, 1, 0]], (2, 3)),
        case("getitem", "a row twice", lambda x: x[beside(x, ROWS)], (3, 2)),
        case("getitem", "pairs", lambda x: x[[0, 1, 1], [2, 0, 0]], (2, 3)),
        case("getitem", "mask", lambda x: x[beside(x, MASK)], (2, 3)),
        case("index_select", "", lambda x: indexing.index_select(x, 1, beside(x, ROWS)), (2, 3)),
        case("take", "", lambda x: indexing.take(x, beside(x, ROWS)), (2, 3)),
        case("masked_select", "broadcast", lambda x: indexing.masked_select(x, beside(x, MASK)), (3,)),
        case("gather", "dim 1", lambda x: indexing.gather(x, 1, beside(x, PLACES)), (2, 3)),
        case("gather", "dim 0", lambda x: indexing.gather(x, 0, beside(x, PLACES)), (3, 3)),
        case("setitem", "mask", lambda x, z: indexing.setitem(x, beside(x, MASK)._array, z), (2, 3), (3,)),
        case("setitem", "row from a broadcast value", lambda x, z: indexing.setitem(x, 1, z), (2, 3), (1, 1)),
        case("masked_fill", "", lambda x: indexing.masked_fill(x, beside(x, MASK), 0.0), (2, 3)),
    ]


def rearrangements() -> list[Case]:
    """The same elements elsewhere, repeated or joined."""
    return [
        case("reshape", "", lambda x: shape.reshape(x, 3, -1), (2, 3, 2)),
        case("reshape", "of a permutation", lambda x: shape.reshape(shape.permute(x, 2, 0, 1), 4, 3), (2, 3, 2)),
        case("flatten", "", lambda x: shape.flatten(x, 1), (2, 3, 2)),
        case("squeeze", "and unsqueeze", lambda x: shape.unsqueeze(shape.squeeze(x, 1), 0), (2, 1, 3)),
        case("permute", "", lambda x: shape.permute(x, 2, 0, 1), (2, 3, 4)),
        case("transpose", "", lambda x: shape.transpose(x, 0, -1), (2, 3, 4)),
        case("movedim", "", lambda x: shape.movedim(x, (0, 1), (2, 0)), (2, 3, 4)),
        case("expand", "", lambda x: shape.expand(x, 4, -1, 3), (2, 1)),
        case("repeat", "", lambda x: shape.repeat(x, 2, 1, 3), (2, 3)),
        case("to_device", "there and back", lambda x: to_device(to_device(x, SIMULATED), CPU), (2, 3)),
        case("flip", "", lambda x: shape.flip(x, (0, 2)), (2, 3, 2)),
        case("roll", "one axis", lambda x: shape.roll(x, 2, 1), (2, 3)),
        case("roll", "two axes", lambda x: shape.roll(x, (1, -1), (0, 1)), (2, 3)),
        case("roll", "flat", lambda x: shape.roll(x, 1), (2, 3)),
        case("cat", "", lambda *xs: shape.cat(xs, 1), (2, 1, 2), (2, 3, 2)),
        case("stack", "", lambda *xs: shape.stack(xs, -1), (2, 3), (2, 3), (2, 3)),
        case("cat", "one tensor twice", lambda x: shape.cat([x, x]), (2, 3)),
        case("split", "", lambda x: shape.split(x, [1, 3], 1), (2, 4)),
        case("chunk", "", lambda x: shape.chunk(x, 2, 0), (3, 2)),
        case("unbind", "", lambda x: shape.unbind(x, 1), (3, 2)),
        case("cast", "", lambda x: shape.cast(x, np.dtype(np.float64)), (2, 3)),
        case("clone", "", shape.clone, (2, 3)),
        case("contiguous", "of a transpose", lambda x: shape.contiguous(x.T), (2, 3)),
        case("triu", "", lambda x: shape.triu(x, 1), (2, 3, 4)),
        case("tril", "", lambda x: shape.tril(x, -1), (3, 4)),
    ]


def products() -> list[Case]:
    """Matrix products, whose kernel is checked in both implementations."""
    return [
        case("matmul", "matrices", matmul, (3, 4), (4, 2)),
        case("matmul", "vectors", matmul, (4,), (4,)),
        case("matmul", "matrix and vector", matmul, (3, 4), (4,)),
        case("matmul", "vector and matrix", matmul, (4,), (4, 3)),
        case("matmul", "batches", matmul, (2, 3, 4), (2, 4, 2)),
        case("matmul", "broadcast batches", matmul, (2, 1, 2, 3), (3, 3, 2)),
        case("matmul", "one matrix for a batch", matmul, (2, 3, 4), (4, 2)),
        case("matmul", "transposed", lambda x, z: matmul(x.T, z.T), (4, 3), (2, 4)),
        case("matmul", "one tensor twice", lambda x: matmul(x, x), (3, 3)),
        case("matmul", "long sums", matmul, (1, 70), (70, 1)),
        case("linear", "", linear, (3, 4), (2, 4), (2,)),
        case("linear", "no bias", linear, (3, 4), (2, 4)),
        case("linear", "one sample", linear, (4,), (2, 4), (2,)),
        case("linear", "extra axes", linear, (2, 3, 4), (2, 4), (2,)),
    ]


CASES = [*reductions(), *choices(), *rearrangements(), *on_both_implementations(products())]
