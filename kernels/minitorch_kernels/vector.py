"""The inner loops that every product and convolution spends its time in.

    multiply_tile   out[r, lane] = Σ_k a[k, r] · b[offsets[k] + lane]       lanes are outputs: products, convolutions
    dot_tile        out[r, t] += Σ_lane a[r, lane] · b[offsets[t] + lane]   lanes are summed: gradients of weights
    outer_tile      out[r, lane] += Σ_k a[offsets[r] + k] · b[k, lane]      the same with b turned by `turn_rows`

`offsets` says where in `b` step k finds its row. For a matrix that is k · stride; for a convolution it is where tap
(ky, kx, c) lies relative to the output position, so no window is ever copied.

The functions here are the specification, and they run where Numba's compiler is switched off. Compiled callers get the
vector code of `vector_code` instead.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .jit import load_numba, when_numba_loads

HEIGHTS = (6, 4, 1)  # rows of a tile: 6 rows x 4 vectors of sums fill 24 of 32 registers, 6 x 2 fill 12 of 16
TAPS = 4  # columns of a dot_tile: 6 x 4 sums in 24 registers
ROWS_AHEAD = 8  # that an outer_tile prefetches: one at each step, so that each comes at least once in a cache line


@functools.cache
def vector_bytes() -> int:
    """The width of the vector registers that Numba compiles for: this machine's, or those of NUMBA_CPU_FEATURES."""
    features = load_numba().config.CPU_FEATURES
    if features is None:
        from llvmlite import binding

        present = {name for name, has in binding.get_host_cpu_features().items() if has}
    else:
        present = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
    if "avx512f" in present:
        return 64
    return 32 if "avx2" in present else 16


def vectors_per_tile() -> int:
    """How many vectors side by side make a tile: 2 with the 16 registers of AVX2, else 4 (AVX-512 and Arm have 32)."""
    return 2 if vector_bytes() == 32 else 4


def tile_lanes(dtype: Any) -> int:
    """Lanes of a full tile of `multiply_tile`."""
    return vectors_per_tile() * vector_bytes() // np.dtype(dtype).itemsize


def tile_height(M: int) -> int:
    """The height that cuts M rows into panels with the fewest rows to spare; 1 is for single rows alone."""
    return 1 if M == 1 else min((6, 4), key=lambda height: -(-M // height) * height)


def multiply_tile(
    a, a_start, b, b_start, offsets, first, length, step, count,
    start, start_at, out, out_start, out_row, height, rows, lanes, add,
):  # fmt: skip
    """out[r, lane] = start[r] + Σ_k a[k, r] · b[offsets[k] + lane], or out += Σ_k where `add` is not 0.

    r < rows <= height, one of HEIGHTS; lane < lanes <= tile_lanes; k runs over `count` stretches of `length`, which
    begin at first, first + step, ... All arrays are one-dimensional: a[k, r] lies at a_start + k height + r, start[r]
    at start_at + r and out[r, lane] at out_start + r out_row + lane. What is in `out` is added last: parts of a long
    sum that are summed up on their own round less.
    """
    for r in range(rows):
        result = out[out_start + r * out_row : out_start + r * out_row + lanes]
        total = np.full(lanes, 0 if add else start[start_at + r], out.dtype)
        for stretch in range(count):
            for k in range(first + stretch * step, first + stretch * step + length):
                at = b_start + offsets[k]
                total += a[a_start + k * height + r] * b[at : at + lanes]
        result[:] = result + total if add else total


def dot_tile(
    a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap,
    first, last, lane, lanes, out, out_start, out_row, height, rows,
):  # fmt: skip
    """out[r, t] += Σ_run Σ_lane a[r, run, lane] · b[run, offsets[tap + t] + lane] for r < rows <= height, t < TAPS.

    The sum runs over first <= run < last and over `lanes` lanes from `lane` on. a[r, run, 0] lies at
    a_start + a_runs[run] + r a_row, b[run, 0] at b_start + b_runs[run] and out[r, t] at out_start + r out_row + t.
    """
    for r in range(rows):
        for t in range(TAPS):
            for run in range(first, last):
                a_at = a_start + a_runs[run] + r * a_row + lane
                b_at = b_start + b_runs[run] + offsets[tap + t] + lane
                out[out_start + r * out_row + t] += a[a_at : a_at + lanes] @ b[b_at : b_at + lanes]


def copy_rows(b, b_start, offsets, first, rows, lanes, out, out_start, out_row):
    """out[k, lane] = b[offsets[first + k] + lane] for k < rows and lane < lanes.

    Row k of b begins at b_start + offsets[first + k], row k of out at out_start + k out_row.
    """
    for k in range(rows):
        at, to = b_start + offsets[first + k], out_start + k * out_row
        out[to : to + lanes] = b[at : at + lanes]


def copy_panel(x, start, stride, step, length, rows, panel, panel_start, height):
    """panel[k, r] = x[r, k] for r < rows <= height, one of HEIGHTS, and k < length; anything for the other rows.

    x[r, k] lies at start + r stride + k step, panel[k, r] at panel_start + k height + r.
    """
    for r in range(rows):
        for k in range(length):
            panel[panel_start + k * height + r] = x[start + r * stride + k * step]


def turn_rows(x, start, stride, rows, length, out, out_start, width):
    """out[k, r] = x[r, k] for r < rows <= width and k < length: rows of x become columns.

    x[r, k] lies at start + r stride + k, out[k, r] at out_start + k width + r. width is a multiple of the lanes of a
    vector; out[k, r] for the other r < width may receive anything.
    """
    for r in range(rows):
        for k in range(length):
            out[out_start + k * width + r] = x[start + r * stride + k]


def outer_tile(
    a, a_start, a_runs, offsets, row, first, last, length, b, b_start, out, out_start, out_row, height, rows, lanes, add
):  # fmt: skip
    """out[r, lane] = Σ_run Σ_k a[run, offsets[row + r] + k] · b[run, k, lane], or out += the sum where `add` is not 0.

    r < rows <= height, one of HEIGHTS; lane < lanes <= tile_lanes; first <= run < last, k < length. a[run, 0] lies at
    a_start + a_runs[run], out[r, lane] at out_start + r out_row + lane, and b, from run `first` on, in one piece from
    b_start on, in rows of tile_lanes. ROWS_AHEAD offsets follow the tile's own, of rows that are prefetched.
    """
    width = tile_lanes(b.dtype)
    for r in range(rows):
        result = out[out_start + r * out_row : out_start + r * out_row + lanes]
        total, b_at = np.zeros(lanes, out.dtype), b_start
        for run in range(first, last):
            for k in range(length):
                total += a[a_start + a_runs[run] + offsets[row + r] + k] * b[b_at : b_at + lanes]
                b_at += width
        result[:] = result + total if add else total


@when_numba_loads
def use_vector_code() -> None:
    from . import vector_code

    vector_code.compile_to(copy_rows, vector_code.copy_rows)
    vector_code.compile_to(copy_panel, vector_code.copy_panel)
    vector_code.compile_to(multiply_tile, vector_code.multiply_tile)
    vector_code.compile_to(dot_tile, vector_code.dot_tile)
    vector_code.compile_to(turn_rows, vector_code.turn_rows)
    vector_code.compile_to(outer_tile, vector_code.outer_tile)
