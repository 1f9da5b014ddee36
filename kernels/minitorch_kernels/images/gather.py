"""Batches cut out of a data set that lies in memory as bytes: gathered, resized, moved and normalised in one pass."""

from __future__ import annotations

import functools

import numpy as np

from ..arrays import Array, empty_like
from ..cuda.launch import THREADS, dense, launch, places
from ..cuda.layout import empty_channels_last, stored_channels_last
from ..jit import jit, prange
from ..kernel import Kernel
from ..memory import empty
from .kernel import ImageKernel, batch_last
from .resample import STEPS, triangle_weights

Pair = tuple[int, int]

TOP, LEFT, HEIGHT, WIDTH, ROW, ROW_STEP, COL, COL_STEP = range(8)  # what a view says


def gather_images_reference(
    images: np.ndarray,
    order: np.ndarray,
    position: np.ndarray,
    views: np.ndarray,
    down: np.ndarray,
    across: np.ndarray,
    tones: np.ndarray,
    N: int,
    size: Pair,
) -> np.ndarray:
    """y[n, c, i, j] = tones[c, b], b the byte that view n shows at (i, j) of its image; N images from a data set.

    images uint8 (M, C, H, W); order int64 (S,): their numbers, as an epoch has them; position int64 (1,): where in the
    order the batch begins; size (OH, OW); tones (C, 256): the number that a byte becomes -> y (N, C, OH, OW) of the
    dtype of tones.

    views int64 (S, 8), or (1, 8) for all alike. The box of `height` and `width` at (top, left) of the image is brought
    to the size (rows, cols) of the windows, as `resample` does it. The view shows at (i, j) the pixel
    (row + i row_step, col + j col_step) of that, and byte 0 beyond its edges: steps of -1 mirror it.

    down int32 (H, rows, 1 + K), across (W, cols, 1 + L): the `windows` of every height and width of a box.
    """
    samples = position[0] + np.arange(N)
    view = np.broadcast_to(views, (len(order), 8))[samples].T[..., None]  # (8, N, 1)
    row = view[ROW] + view[ROW_STEP] * np.arange(size[0])  # (N, OH)
    col = view[COL] + view[COL_STEP] * np.arange(size[1])  # (N, OW)
    chosen = images[order[samples]]
    thinner = mean_of_bytes(chosen, view[LEFT], chosen_windows(across, view[WIDTH], col))
    shown = mean_of_bytes(thinner.swapaxes(2, 3), view[TOP], chosen_windows(down, view[HEIGHT], row)).swapaxes(2, 3)
    visible = inside(row, down.shape[1])[:, :, None] & inside(col, across.shape[1])[:, None]  # (N, OH, OW)
    return tones[np.arange(images.shape[1])[:, None, None], np.where(visible[:, None], shown, 0)]


def inside(cells: np.ndarray, count: int) -> np.ndarray:
    """Which cells are among 0 to count - 1."""
    return (cells >= 0) & (cells < count)


def chosen_windows(windows: np.ndarray, length: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The windows of these cells, those beyond the edges included: length (N, 1), cells (N, O) -> (N, O, 1 + K)."""
    return windows[length - 1, np.clip(cells, 0, windows.shape[1] - 1)]


def mean_of_bytes(x: np.ndarray, start: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Means along the last axis, rounded: x (N, C, A, B), start (N, 1), windows (N, O, 1 + K) -> (N, C, A, O)."""
    first, weights = start + windows[..., 0], windows[..., 1:]
    total = np.full((*x.shape[:3], windows.shape[1]), STEPS // 2, np.int64)
    for k in range(weights.shape[2]):
        cells = np.minimum(first + k, x.shape[3] - 1)[:, None, None]  # of weight 0 where it is beyond the edge
        total += weights[:, None, None, :, k].astype(np.int64) * np.take_along_axis(x, cells, axis=3)
    return total // STEPS


@functools.lru_cache(maxsize=64)
def windows(longest: int, count: int) -> np.ndarray:
    """How 1 to `longest` cells become `count`: int32 (longest, count, 1 + K).

    [length - 1, j] has the first cell that goes into output cell j, the weights of that and of the next ones, in parts
    of STEPS and none of them 0, and zeros up to the length of the longest window. The weights are those of `resample`.
    """
    lengths = np.arange(1, longest + 1)
    first, weights = triangle_weights(np.zeros(longest, np.int64), lengths, count, whole=True)
    parts = np.rint(weights * STEPS).astype(np.int32)  # (longest, count, K)
    skipped = (parts != 0).argmax(axis=2)
    kept = (parts != 0).sum(axis=2).max(initial=1)
    cells = np.minimum(skipped[..., None] + np.arange(kept), parts.shape[2] - 1)
    moved = np.take_along_axis(parts, cells, axis=2)
    moved[skipped[..., None] + np.arange(kept) >= parts.shape[2]] = 0
    return np.concatenate([(first + skipped)[..., None], moved], axis=2, dtype=np.int32)


def gather_images_cpu(
    images: np.ndarray,
    order: np.ndarray,
    position: np.ndarray,
    views: np.ndarray,
    down: np.ndarray,
    across: np.ndarray,
    tones: np.ndarray,
    N: int,
    size: Pair,
) -> np.ndarray:
    y = empty((N, images.shape[1], *size), tones.dtype)
    tables = (np.ascontiguousarray(a) for a in (order, position, views, down, across, tones))
    gather_each(np.ascontiguousarray(images.transpose(0, 2, 3, 1)), *tables, y)
    return batch_last(y)


@jit(parallel=True)
def gather_each(images, order, position, views, down, across, tones, y):
    N, C, OH, OW = y.shape
    rows, cols = down.shape[1], across.shape[1]
    for n in prange(N):
        sample = position[0] + n
        top, left, height, width, row, row_step, col, col_step = views[sample if len(views) > 1 else 0]
        image = images[order[sample]]
        for i in range(OH):
            r = row + i * row_step
            for j in range(OW):
                q = col + j * col_step
                if r < 0 or r >= rows or q < 0 or q >= cols:
                    for c in range(C):
                        y[n, c, i, j] = tones[c, 0]
                    continue
                window, beside = down[height - 1, r], across[width - 1, q]
                for c in range(C):
                    total = STEPS // 2
                    for k in range(len(window) - 1):
                        if window[1 + k] == 0:
                            break
                        mean = STEPS // 2
                        for m in range(len(beside) - 1):
                            if beside[1 + m] == 0:
                                break
                            mean += beside[1 + m] * np.int64(image[top + window[0] + k, left + beside[0] + m, c])
                        total += window[1 + k] * (mean // STEPS)
                    y[n, c, i, j] = tones[c, total // STEPS]


def gather_images_cuda(
    images: Array,
    order: Array,
    position: Array,
    views: Array,
    down: Array,
    across: Array,
    tones: Array,
    N: int,
    size: Pair,
) -> Array:
    (_, C, H, W), (OH, OW) = images.shape, size
    rows, cols, K, L = down.shape[1], across.shape[1], down.shape[2] - 1, across.shape[2] - 1
    y = empty_channels_last(tones, (N, C, OH, OW))
    tables = (dense(table) for table in (order, position, views, down, across, tones))
    arrays = stored_channels_last(images), *tables, stored_channels_last(y)
    numbers = len(views) == 1, N, H, W, C, OH, OW, rows, cols, K, L
    launch("images/gather.cu", "gather_images", *places(OH * OW * C, N), *arrays, *numbers)
    return y


def gather_labels_reference(
    labels: np.ndarray, order: np.ndarray, position: np.ndarray, N: int, end: int
) -> np.ndarray:
    """y[n] = labels[order[position[0] + n]], and then position[0] moves on by N, or back to 0 where that is `end`.

    labels int64 (M,), order int64 (S,), position int64 (1,), written to -> y int64 (N,). The place in the order is an
    array, so that on a GPU a recorded step finds the next batch by itself.
    """
    first = int(position[0])
    position[0] = first + N if first + N < end else 0
    return labels[order[first : first + N]]


def gather_labels_cuda(labels: Array, order: Array, position: Array, N: int, end: int) -> Array:
    y = empty_like(labels, (N,))
    launch("images/gather.cu", "gather_labels", (1,), (THREADS,), dense(labels), dense(order), position, y, N, end)
    return y


gather_images = ImageKernel("gather_images", gather_images_reference, gather_images_cpu, gather_images_cuda)
gather_labels = Kernel("gather_labels", gather_labels_reference, gather_labels_reference, gather_labels_cuda)
