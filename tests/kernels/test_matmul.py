"""What is special to the matrix product; the comparison with the reference is in test_implementations."""

import os

import numpy as np
import pytest

from minitorch_kernels.matmul import matmul, memory_of, pack, run_of_memory
from minitorch_kernels.matmul.product import FEW, LONG
from minitorch_kernels.matmul.tiles import DEPTH
from minitorch_kernels.vector import tile_lanes

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
WIDTH = tile_lanes(np.float64)


def exact(rng, shape):
    """Small whole numbers: every order of summation gives the same bits."""
    return rng.integers(-8, 9, shape).astype(np.float64)


@pytest.mark.skipif(not COMPILED, reason="too long in pure Python (NUMBA_DISABLE_JIT)")
@pytest.mark.parametrize("M", [1, 5, FEW - 1, FEW, FEW + 1, 2 * FEW + 3])
@pytest.mark.parametrize("K", [1, DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 1])
@pytest.mark.parametrize("N", [1, WIDTH - 1, WIDTH, WIDTH + 1, 3 * WIDTH + 1])
def test_on_both_sides_of_every_block_boundary(rng, M, K, N):
    a, b = exact(rng, (M, K)), exact(rng, (K, N))
    np.testing.assert_array_equal(matmul(a, b), a @ b)


@pytest.mark.skipif(not COMPILED, reason="too long in pure Python (NUMBA_DISABLE_JIT)")
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("M", [3, FEW, 4 * FEW + 1])
@pytest.mark.parametrize("K", [LONG - 1, LONG, 3 * DEPTH + 1])
@pytest.mark.parametrize("N", [2, FEW, FEW + 3])
def test_every_way_to_multiply(rng, transpose_a, transpose_b, M, K, N):
    """Factors in and across the order of memory, with few and many rows and columns, and batches of them."""
    a = exact(rng, (2, K, M)).swapaxes(1, 2) if transpose_a else exact(rng, (2, M, K))
    b = exact(rng, (2, N, K)).swapaxes(1, 2) if transpose_b else exact(rng, (2, K, N))
    np.testing.assert_array_equal(matmul(a, b), a @ b)
    np.testing.assert_array_equal(matmul(a[1], b[1]), a[1] @ b[1])


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_transposed_factors(rng, transpose_a, transpose_b):
    a = exact(rng, (4, 6)).T if transpose_a else exact(rng, (6, 4))
    b = exact(rng, (5, 4)).T if transpose_b else exact(rng, (4, 5))
    np.testing.assert_array_equal(
        matmul(a, b), [[sum(x * y for x, y in zip(row, column)) for column in b.T] for row in a]
    )


def test_broadcast_and_read_only_factors(rng):
    a, b = np.broadcast_to(exact(rng, (1, 4)), (3, 4)), np.broadcast_to(exact(rng, ()), (4, 2))
    np.testing.assert_array_equal(matmul(a, b), a @ b)


def test_dtypes_are_promoted(rng):
    a, b = exact(rng, (2, 3)).astype(np.float32), exact(rng, (3, 2))
    assert matmul(a, b).dtype == np.float64
    np.testing.assert_array_equal(matmul(a, b), a @ b)


def test_result_is_c_contiguous(rng):
    y = matmul(exact(rng, (3, 2)).T, exact(rng, (2, 4, 3)).swapaxes(1, 2)[:, :3])
    assert y.flags.c_contiguous


def test_mismatched_factors_are_refused():
    with pytest.raises(ValueError, match=r"matmul: a \(2, 3\) has 3 columns but b \(4, 5\) has 4 rows"):
        matmul(np.ones((2, 3)), np.ones((4, 5)))


def test_pack_lays_panels_out_by_k(rng):
    x = exact(rng, (2, 5, 3))
    panels = pack(x, 4)
    assert panels.shape == (2, 2, 3, 4)
    np.testing.assert_array_equal(panels[:, 0], x[:, :4].swapaxes(1, 2))
    np.testing.assert_array_equal(panels[:, 1, :, 0], x[:, 4])


@pytest.mark.parametrize("height", [4, 6, WIDTH])
def test_pack_joins_taps(rng, height):
    """Weights (G, L, KH, KW, C) seen through strides, some taps left out and turned round."""
    w = exact(rng, (2, 5, 20, 3, 2)).transpose(0, 1, 3, 4, 2)[:, :, ::-2, ::-1]
    panels = pack(w, height)
    rows = w.reshape(2, 5, 2 * 2 * 20)
    for g, row, k in np.ndindex(rows.shape):
        assert panels[g, row // height, k, row % height] == rows[g, row, k]


def test_pack_takes_taps_in_any_order(rng):
    w = exact(rng, (1, 4, 2, 3, 5))
    panels = pack(w, 4, np.array([4, 0, 5, 1, 3, 2]))
    np.testing.assert_array_equal(panels[0, 0, :10], np.concatenate([w[0, :, 1, 1], w[0, :, 0, 0]], axis=1).T)
    np.testing.assert_array_equal(panels[0, 0, 25:], w[0, :, 0, 2].T)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x.T,
        lambda x: x[::-1, ::2],
        lambda x: x[::2, ::-1],
        lambda x: np.broadcast_to(x[1], (3, 6)),
        lambda x: x[:0],
    ],
)
def test_memory_of_finds_every_element(view):
    x = view(np.arange(24.0).reshape(4, 6))
    flat, first, strides = memory_of(x)
    assert flat.flags.writeable
    for index in np.ndindex(x.shape):
        assert flat[first + np.dot(index, strides)] == x[index]


def test_run_of_memory_copies_only_what_it_must():
    x = np.arange(6.0).reshape(2, 3)
    assert run_of_memory(x).base is x.base
    x.flags.writeable = False
    assert run_of_memory(x).flags.writeable
