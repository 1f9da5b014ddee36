"""Convolution against direct loops that share no code with im2col, and its gradients as adjoints."""

import itertools
import os

import numpy as np
import pytest

from minitorch_kernels.conv2d import conv2d, conv2d_input_grad, conv2d_weight_grad, positions, weight_grad
from minitorch_kernels.matmul import lane_sums, tiles, turned_sums
from minitorch_kernels.vector import tile_height, tile_lanes

from .cases_conv import SMALL, Conv

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled_only = pytest.mark.skipif(not COMPILED, reason="too long in pure Python (NUMBA_DISABLE_JIT)")

IMPLEMENTATIONS = ["reference", "cpu"]
FULL = tile_lanes(np.float64)


def whole(rng, shape):
    """Small whole numbers: every order of summation gives the same bits."""
    return rng.integers(-8, 9, shape).astype(float)


def direct_conv2d(x, w, b, stride, padding, dilation, groups):
    """The definition, entry by entry: y[n, o, oy, ox] = b[o] + Σ w[o, c, ky, kx] x[n, c, iy, ix]."""
    (N, _, H, W), (O, Cg, KH, KW) = x.shape, w.shape
    OH = (H + 2 * padding[0] - dilation[0] * (KH - 1) - 1) // stride[0] + 1
    OW = (W + 2 * padding[1] - dilation[1] * (KW - 1) - 1) // stride[1] + 1
    y = np.zeros((N, O, OH, OW))
    for n, o, oy, ox in np.ndindex(y.shape):
        total = 0.0 if b is None else b[o]
        for c, ky, kx in np.ndindex(Cg, KH, KW):
            iy = oy * stride[0] - padding[0] + ky * dilation[0]
            ix = ox * stride[1] - padding[1] + kx * dilation[1]
            if 0 <= iy < H and 0 <= ix < W:
                total += w[o, c, ky, kx] * x[n, o // (O // groups) * Cg + c, iy, ix]
        y[n, o, oy, ox] = total
    return y


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("conv", SMALL, ids=str)
def test_forward_equals_direct_loops(rng, implementation, conv):
    x, w = whole(rng, conv.x_shape), whole(rng, conv.w_shape)
    b = whole(rng, conv.O) if conv.bias else None
    y = getattr(conv2d, implementation)(x, w, b, *conv.window, conv.groups)
    np.testing.assert_array_equal(y, direct_conv2d(x, w, b, *conv.window, conv.groups))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("conv", SMALL, ids=str)
def test_gradients_are_adjoint_to_the_forward(rng, implementation, conv):
    """<conv2d(x, w), dy> = <x, dx> = <w, dw>, exactly."""
    x, w, dy = whole(rng, conv.x_shape), whole(rng, conv.w_shape), whole(rng, conv.y_shape)
    y = getattr(conv2d, implementation)(x, w, None, *conv.window, conv.groups)
    dx = getattr(conv2d_input_grad, implementation)(dy, w, conv.size, *conv.window, conv.groups)
    dw = getattr(conv2d_weight_grad, implementation)(dy, x, conv.kernel, *conv.window, conv.groups)
    assert np.sum(y * dy) == np.sum(x * dx) == np.sum(w * dw)


@compiled_only
@pytest.mark.parametrize("N", [1, 2, 15, 16, FULL - 1, FULL, FULL + 1, 2 * FULL + 3])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5)])
def test_gradients_of_every_batch_size(rng, N, stride, kernel):
    """The adjoint identity where runs end before, at and after a vector and a tile, with padding and dilation."""
    for (C, O, groups), padding, dilation in itertools.product(
        ((1, 6, 1), (3, 5, 1), (4, 6, 2)), ((0, 0), (2, 1)), ((1, 1), (2, 1))
    ):
        conv = Conv(N, C, O, (8, 9), kernel, stride, padding, dilation, groups)
        test_gradients_are_adjoint_to_the_forward(rng, "cpu", conv)


@compiled_only
@pytest.mark.parametrize("N", [1, 2, 15, 16, FULL + 1])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5)])
def test_weight_gradients_with_dy_turned(rng, monkeypatch, N, stride, kernel):
    """The same where rows of dy become columns, which small layers do not need."""
    monkeypatch.setattr(lane_sums, "lane_dots", turned_sums.turned_dots)
    test_gradients_of_every_batch_size(rng, N, stride, kernel)


@compiled_only
def test_weight_gradient_of_many_positions(rng, monkeypatch):
    """Runs that are cut into pieces, and runs that are taken several at a time, in one part and in several."""
    long = Conv(90, 3, 7, (6, 30), (3, 3), padding=(1, 1))
    short = Conv(20, 3, 7, (30, 30), (3, 3), padding=(1, 1))
    assert long.N * long.out[1] > lane_sums.SEGMENT > 3 * short.N * short.out[1]
    for conv in (long, short):
        for chunks in (1, 4):
            monkeypatch.setattr(lane_sums, "CHUNKS", chunks)
            test_gradients_are_adjoint_to_the_forward(rng, "cpu", conv)


@pytest.mark.parametrize("kernel", [conv2d, conv2d_input_grad])
def test_results_are_stored_batch_last(rng, kernel):
    x, w = whole(rng, (3, 2, 4, 4)), whole(rng, (2, 2, 3, 3))
    for implementation in IMPLEMENTATIONS:
        third = None if kernel is conv2d else (4, 4)
        y = getattr(kernel, implementation)(x, w, third, (1, 1), (1, 1), (1, 1), 1)
        assert np.moveaxis(y, 0, -1).flags.c_contiguous


@pytest.mark.parametrize(
    ("size", "out", "stride", "together"),
    [
        ((4, 6), (4, 6), (1, 1), 24),  # 1x1: all positions
        ((7, 6), (4, 6), (1, 1), 24),  # 4x1
        ((4, 6), (2, 6), (2, 1), 6),
        ((4, 6), (4, 4), (1, 1), 4),
        ((4, 6), (4, 3), (1, 2), 1),
        ((4, 0), (4, 0), (1, 1), 1),
    ],
)
def test_positions_that_are_neighbours_in_x_are_one_run(size, out, stride, together):
    assert weight_grad.joined(size, out, stride) == together


def places(classes, size):
    """`stretches` as lists."""
    return [column.tolist() for column in positions.stretches(classes, size, join=True)]


def test_a_row_without_padding_is_one_run():
    row = positions.Class(range(3), range(5), range(-1, 4), (0, 1, 2))
    out, base, first, count, length = places([row], 5)
    assert out == [0, 1, 4]
    assert base == [0, 1, 4]
    assert first == [1, 0, 0]
    assert count == [2, 3, 2]
    assert length == [1, 3, 1]


def test_positions_of_all_classes_are_visited_in_order():
    """stride 2, a kernel of 3: even positions see its middle, odd ones its ends, which come first among the taps."""
    classes = positions.residue_classes(5, 3, 2, 1, 1)
    assert [tap for group in classes for tap in group.kernel] == [2, 0, 1]
    out, base, first, count, length = places(classes, 3)
    assert out == [0, 1, 2, 3, 4]
    assert base == [0, 0, 1, 1, 2]
    assert first == [2, 0, 2, 0, 2]
    assert count == [1, 2, 1, 2, 1]
    assert length == [1] * 5


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_rows_that_many_panels_share_are_copied_first(rng, monkeypatch, stride):
    """y and dx, the rows of several taps at once, and of few steps each; there are so many runs that no task is cut."""
    assert -(-64 // tile_height(64)) >= tiles.MANY_PANELS
    for C, O in ((2, 64), (64, 2)):
        conv = Conv(17, C, O, (7, 9), (3, 3), stride, padding=(1, 1))
        for depth in (tiles.DEPTH, 7) if not COMPILED else (tiles.DEPTH,):
            monkeypatch.setattr(tiles, "DEPTH", depth)
            test_forward_equals_direct_loops(rng, "cpu", conv)
            test_gradients_are_adjoint_to_the_forward(rng, "cpu", conv)


def test_each_input_position_is_in_one_class():
    for size, k, s, p, d in itertools.product((1, 5, 8), (1, 2, 3), (1, 2, 3), (0, 1, 4), (1, 2)):
        classes = positions.residue_classes(size, k, s, p, d)
        assert sorted(i for group in classes for i in group.out) == list(range(size))
        assert sorted(tap for group in classes for tap in group.kernel) == list(range(k))
        for group in classes:
            for i, base in zip(group.out, group.base, strict=True):
                for tap, where in zip(group.kernel, group.taps, strict=True):
                    assert (base + where) * s - p + tap * d == i
