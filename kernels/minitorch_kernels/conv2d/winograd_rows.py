"""y, dx and dw of 5x5 filters by Winograd's convolution along the rows alone, which pays from a few channels on.

Four neighbouring outputs of a row are a tile, F(4, 5), with 8 products for each row of a filter instead of 20:

    V[p, c, i, t] = Σ_j Bᵀ[p, j] x[c, i, 4 t + j - padding]          D[p, o, i, t] = Σ_k A[p, k] dy[o, i, 4 t + k]
    y[o, i, 4 t + k] = b[o] + Σ_p Aᵀ[k, p] Σ_{ky, c} U[p, o, ky, c] V[p, c, i + ky - padding, t]          U = w Gᵀ
    dx[c, i, 4 t + j - padding] = Σ_p B[j, p] Σ_{ky, o} U[p, o, ky, c] D[p, o, i + padding - ky, t], summed over t
    dw[o, c, ky, kx] = Σ_p G[p, kx] Σ_{i, t} D[p, o, i, t] V[p, c, i + ky - padding, t]

Square tiles (`winograd`) save a little more, but their transforms weigh the more, the fewer channels there are. Here
even the transforms are products, with the matrices of `winograd_transforms`, by the same loops as all products.

Rounding, on normal data, as the largest error in units of the largest result: up to 4e-6 with a few dozen channels. A
NaN or Inf in the image reaches at least the results that it reaches by the definition, and others of the same tile and
image; Inf may arrive as NaN. Filters have to be finite: rows of theirs on the padding are left out.
"""

from __future__ import annotations

import functools

import numpy as np

from ..im2col import Pair
from ..jit import jit, prange
from ..layout import as_batch_first, stored_batch_last
from ..matmul import dots, multiply, pack, product, run_of_memory
from ..memory import empty
from ..vector import multiply_tile, tile_height, tile_lanes
from .winograd_transforms import matrices

TILE = 4  # outputs of a tile
PANELS = 4  # panels of channels whose products are transformed before the next ones are computed
GAP = 16  # numbers between two rows or planes; distances that are powers of two would share few places in the caches


def conv2d_winograd_rows(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, padding: Pair) -> np.ndarray:
    """The convolution of x (N, C, H, W) with w (O, C, r, r) and stride 1, in tiles of 1 x 4 outputs; float32."""
    (N, _, H, W), (O, _, r, _), (At, G, Bt) = x.shape, w.shape, matrices32()
    OH, OW = H + 2 * padding[0] - r + 1, W + 2 * padding[1] - r + 1
    y = empty((O, OH, OW, N), x.dtype)
    V = transformed(stored_batch_last(x), Bt, padding[1], -(-OW // TILE), (0, 0))
    U = at_points(w, G).transpose(0, 1, 3, 2)  # (n, O, C, r) -> (n, O, r, C)
    add_tiles(V, U, np.zeros(O, x.dtype) if b is None else b, At, y, padding[0], 0)
    return as_batch_first(y)


def conv2d_input_grad_winograd_rows(dy: np.ndarray, w: np.ndarray, size: Pair, padding: Pair) -> np.ndarray:
    """dx (N, C, H, W) with (H, W) = size, for dy (N, O, OH, OW) and w (O, C, r, r); padding < r."""
    (N, _, _, OW), (_, C, r, _), (At, G, Bt) = dy.shape, w.shape, matrices32()
    dx = empty((C, *size, N), dy.dtype)
    D = transformed(stored_batch_last(dy), At.T, 0, -(-OW // TILE), (0, 0))
    U = at_points(w, G).transpose(0, 2, 3, 1)[:, :, ::-1]  # (n, O, C, r) -> (n, C, r, O), from the last row on
    add_tiles(D, U, np.zeros(C, dy.dtype), Bt.T, dx, r - 1 - padding[0], padding[1])
    return as_batch_first(dx)


def conv2d_weight_grad_winograd_rows(dy: np.ndarray, x: np.ndarray, kernel: Pair, padding: Pair) -> np.ndarray:
    """dw (O, C, r, r) of a convolution with stride 1, for dy (N, O, OH, OW) and x (N, C, H, W); float32."""
    (N, O, OH, OW), (_, C, H, _), r, (At, G, Bt) = dy.shape, x.shape, kernel[0], matrices32()
    tiles = -(-OW // TILE)
    D = transformed(stored_batch_last(dy), At.T, 0, tiles, (0, 0))
    V = transformed(stored_batch_last(x), Bt, padding[1], tiles, (padding[0], OH + r - 1 - H - padding[0]))
    row = tiles * N + GAP
    rows = np.arange(OH) * row
    taps = np.add.outer(np.arange(C) * (OH + r - 1), np.arange(r)).reshape(-1) * row
    S = dots(D.reshape(len(D), -1), OH * row, rows, V.reshape(len(V), -1), rows, taps, O, tiles * N)
    dw = product(G.T[None], S.reshape(1, len(G), -1))[0]
    return np.ascontiguousarray(dw.T).reshape(O, C, r, r)  # (kx, O C ky) -> (O, C, ky, kx)


@functools.cache
def matrices32() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Aᵀ (4, 8), G (8, 5) and Bᵀ (8, 8) in float32."""
    At, G, Bt = (matrix.astype(np.float32) for matrix in matrices(TILE, 5))
    return At, G, Bt


def at_points(w: np.ndarray, G: np.ndarray) -> np.ndarray:
    """U[p, o, c, ky] = Σ_kx G[p, kx] w[o, c, ky, kx]."""
    O, C, r, _ = w.shape
    return product(G[None], w.reshape(1, -1, r).swapaxes(1, 2))[0].reshape(-1, O, C, r)


def transformed(x: np.ndarray, X: np.ndarray, padding: int, tiles: int, around: Pair) -> np.ndarray:
    """V[p, c, i, t] = Σ_j X[p, j] x[c, i, 4 t + j - padding], for x (C, H, W, N); outside of x there are zeros.

    -> (n, C, H, row), each row (t, N) and GAP unset numbers, with as many rows of zeros above and below as `around`
    says. A negative number of them leaves rows out.
    """
    (C, H, W, N), (n, k) = x.shape, X.shape
    above, below = around
    V = empty((n, C, above + H + below, tiles * N + GAP), x.dtype)
    V[:, :, : max(above, 0)] = 0
    V[:, :, above + H :] = 0
    height, width = tile_height(n), tile_lanes(x.dtype)
    runs = runs_of_tiles((C, H, W, N), k, padding, tiles, around)
    multiply(
        pack(X[None], height).reshape(-1), np.zeros(n, x.dtype), run_of_memory(x), 0, width, np.arange(k) * N,
        V.reshape(-1), 0, V[0].size, runs, 1, n, k, height, width,
    )  # fmt: skip
    return V


@functools.lru_cache(maxsize=256)
def runs_of_tiles(shape: tuple[int, ...], k: int, padding: int, tiles: int, around: Pair) -> np.ndarray:
    """The tiles of all rows as runs of `multiply`, each summing over those of its k inputs that lie in the image."""
    (C, H, W, N), (above, below) = shape, around
    c, i, t = np.ogrid[:C, max(0, -above) : H + min(0, below), :tiles]
    left = t * TILE - padding
    first = np.clip(-left, 0, k)
    length = np.maximum(np.minimum(W - left, k) - first, 0)
    begin = ((c * H + i) * W + left) * N
    to = (c * (above + H + below) + above + i) * (tiles * N + GAP) + t * N
    columns = np.broadcast_arrays(begin, to, N, first, length, 0, 1)
    return np.stack([column.reshape(-1) for column in columns], axis=1)


def add_tiles(
    V: np.ndarray, U: np.ndarray, start: np.ndarray, X: np.ndarray, y: np.ndarray, above: int, left: int
) -> None:
    """y[o, i, 4 t + k - left] = start[o] + Σ_p X[k, p] Σ_{ky, c} U[p, o, ky, c] V[p, c, i + ky - above, t], over all t.

    V (n, C, H, row) as `transformed` gives it, U (n, O, r, C), y (O, OH, OW, N). X (4, n), or (8, n) for tiles that
    share four columns with the next.
    """
    (n, C, H, row), (_, O, r, _) = V.shape, U.shape
    height, width, tiles = tile_height(O), tile_lanes(y.dtype), (row - GAP) // max(1, y.shape[3])
    shared = len(X) - TILE
    offsets = np.add.outer(np.arange(r), np.arange(C) * H).reshape(-1) * row
    plane = PANELS * height * tiles * width + GAP
    add_rows(
        V.reshape(-1), C, H, row, pack(U, height).reshape(-1), r, offsets,
        np.repeat(start, TILE), pack(X[None, left:shared], TILE).reshape(-1), pack(X[None], TILE).reshape(-1), shared,
        y.reshape(-1), *y.shape, above, left, tiles, n, height, width, PANELS, TILE,
        np.zeros(max(height, TILE), y.dtype), np.arange(n) * plane, plane,
    )  # fmt: skip


@jit(parallel=True)
def add_rows(
    V, C, H, row, U, r, offsets, start, X_first, X, shared, y, O, OH, OW, N, above, left, tiles, n, height, width,
    panels, columns, zeros, points, plane,
):  # fmt: skip
    """`add_tiles`: a task is one row of y of as many images as a tile has lanes, a few panels of filters at a time."""
    parts, P = (N + width - 1) // width, (O + height - 1) // height
    for item in prange(OH * parts):
        i, lane = item // parts, item % parts * width
        lanes = min(width, N - lane)
        top, bottom = max(0, above - i), max(0, min(r, H + above - i))
        M = np.empty(n * plane, V.dtype)
        for begin in range(0, P, panels):
            for p in range(n):
                for t in range(tiles):
                    at = p * C * H * row + (i - above) * row + t * N + lane
                    for panel in range(begin, min(P, begin + panels)):
                        multiply_tile(
                            U, (p * P + panel) * r * C * height, V, at, offsets, top * C, max(0, bottom - top) * C,
                            0, 1, zeros, 0, M, p * plane + ((panel - begin) * height * tiles + t) * width,
                            tiles * width, height, min(height, O - panel * height), lanes, 0,
                        )  # fmt: skip
            for o in range(begin * height, min(O, (begin + panels) * height)):
                for t in range(tiles):
                    at, column = ((o - begin * height) * tiles + t) * width, t * columns - left
                    to = ((o * OH + i) * OW + column) * N + lane
                    if t == 0 and shared > left:  # nothing was there before
                        multiply_tile(
                            X_first, 0, M, at, points, 0, n, 0, 1, zeros, 0,
                            y, to + left * N, N, columns, min(shared - left, OW), lanes, 0,
                        )  # fmt: skip
                    elif t > 0 and shared > 0:
                        multiply_tile(
                            X, 0, M, at, points, 0, n, 0, 1, zeros, 0,
                            y, to, N, columns, min(shared, OW - column), lanes, 1,
                        )  # fmt: skip
                    multiply_tile(
                        X, shared * n, M, at, points, 0, n, 0, 1, start, o * columns,
                        y, to + shared * N, N, columns, min(columns, OW - column - shared), lanes, 0,
                    )  # fmt: skip
