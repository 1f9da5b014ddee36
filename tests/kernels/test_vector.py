"""The vector code against its specification, the plain Python functions of `vector`."""

import os

import numpy as np
import pytest

from minitorch_kernels.jit import jit
from minitorch_kernels.vector import HEIGHTS, TAPS, dot_tile, multiply_tile, tile_height, tile_lanes

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled_only = pytest.mark.skipif(not COMPILED, reason="needs compiled code to compare with (NUMBA_DISABLE_JIT)")

DTYPES = [np.float32, np.float64]
ULPS = 20  # sums of about twenty products, each rounded once or twice


@jit
def compiled_multiply_tile(
    a, a_start, b, b_start, offsets, first, length, step, count,
    start, start_at, out, out_start, out_row, height, rows, lanes, add,
):  # fmt: skip
    multiply_tile(
        a, a_start, b, b_start, offsets, first, length, step, count,
        start, start_at, out, out_start, out_row, height, rows, lanes, add,
    )  # fmt: skip


@jit
def compiled_dot_tile(
    a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap,
    first, last, lane, lanes, out, out_start, out_row, height, rows,
):  # fmt: skip
    dot_tile(
        a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap,
        first, last, lane, lanes, out, out_start, out_row, height, rows,
    )  # fmt: skip


def close(got, want, dtype):
    np.testing.assert_allclose(got, want, rtol=0, atol=ULPS * np.finfo(dtype).eps * np.abs(want).max())


@compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("add", [0, 1])
def test_multiply_tile(rng, dtype, height, add):
    full = tile_lanes(dtype)
    offsets = rng.integers(0, 50, 20) * 7
    a, start = rng.standard_normal(3 + 20 * height).astype(dtype), rng.standard_normal(9).astype(dtype)
    b = rng.standard_normal(400 + full).astype(dtype)
    for rows in range(1, height + 1):
        for lanes in {1, full // 4 - 1, full // 4, full // 4 + 1, full - 1, full}:
            for first, length, step, count in ((1, 4, 6, 3), (2, 7, 0, 1), (5, 0, 0, 1)):
                results = []
                for function in (compiled_multiply_tile, multiply_tile):
                    out = np.arange(2 + 6 * (full + 3)).astype(dtype)
                    function(
                        a, 3, b, 5, offsets, first, length, step, count,
                        start, 2, out, 2, full + 3, height, rows, lanes, add,
                    )  # fmt: skip
                    results.append(out)
                close(*results, dtype)
                untouched = np.ones((6, full + 3), bool)
                untouched[:rows, :lanes] = False
                np.testing.assert_array_equal(
                    results[0][2:].reshape(6, -1)[untouched], results[1][2:][untouched.ravel()]
                )


@compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("height", HEIGHTS)
def test_dot_tile(rng, dtype, height):
    full = tile_lanes(dtype)
    a, b = rng.standard_normal(5 * 300).astype(dtype), rng.standard_normal(600).astype(dtype)
    a_runs, b_runs, offsets = np.array([3, 90, 40]), np.array([0, 51, 120]), np.array([9, 0, 7, 30, 31, 2])
    a = np.append(a, np.zeros(300, dtype))
    for rows in range(1, height + 1):
        for lanes in {0, 1, full // 4 - 1, full // 4, full // 4 + 1, full + 5}:
            for first, last in ((0, 3), (1, 2), (1, 1)):
                results = []
                for function in (compiled_dot_tile, dot_tile):
                    out = np.arange(4.0 + 6 * (TAPS + 1)).astype(dtype)
                    function(
                        a, 1, 250, a_runs, b, 2, b_runs, offsets, 1,
                        first, last, 4, lanes, out, 4, TAPS + 1, height, rows,
                    )  # fmt: skip
                    results.append(out)
                close(*results, dtype)


@compiled_only
def test_mixed_dtypes_do_not_compile():
    numba_errors = pytest.importorskip("numba").core.errors
    one = np.ones(100, np.float32)
    with pytest.raises(numba_errors.TypingError, match="arrays of one dtype"):
        compiled_multiply_tile(
            one, 0, one.astype(np.float64), 0, np.arange(3), 0, 1, 0, 1, one, 0, one, 0, 10, 4, 1, 1, 0
        )  # fmt: skip


@pytest.mark.parametrize(("M", "height"), [(1, 4), (4, 4), (6, 6), (8, 4), (10, 6), (12, 6), (16, 4), (17, 6), (64, 4)])
def test_tile_height_wastes_the_fewest_rows(M, height):
    assert tile_height(M) == height
