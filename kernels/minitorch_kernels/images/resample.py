"""Part of each image at another size: weighted means under a triangle, with Pillow's numbers."""

from __future__ import annotations

import numpy as np

from ..arrays import Array, empty_like
from ..cuda.launch import dense, launch, places
from ..cuda.layout import empty_channels_last, stored_channels_last
from ..jit import jit, prange
from ..memory import empty
from .kernel import ImageKernel, batch_last

Pair = tuple[int, int]

STEPS = 1 << 22  # weights for bytes are whole multiples of 1 / STEPS, as in Pillow


def resample_reference(images: np.ndarray, boxes: np.ndarray, size: Pair) -> np.ndarray:
    """y[n] = the box of images[n] resized to `size`, bilinear with antialiasing, first along W, then along H.

    images (N, C, H, W), boxes int64 (N, 4): top, left, height, width of the part of each image, inside it; size
    (OH, OW) -> y (N, C, OH, OW).

    Output cell j looks at the place (j + 1/2) s of the box, s being how many input cells go into one output cell. The
    weight of an input cell falls linearly with its distance from there and is 0 from max(1, s) on: between two pixels
    where the image grows, a mean of all that one output cell covers where it shrinks. The weights sum to 1. For bytes
    they are rounded to 22 binary digits, and so are the values after each of the two passes to whole numbers: the
    same bytes as Image.crop(box).resize(size, BILINEAR) in Pillow. From Pillow 13 on, its pass along H comes first
    where the height shrinks much more than the width, which moves some bytes by 1.
    """
    whole = images.dtype == np.uint8
    top, left, height, width = boxes.T
    across = weighted_mean(images.astype(np.float64), *triangle_weights(left, width, size[1], whole), whole)
    down = weighted_mean(across.swapaxes(2, 3), *triangle_weights(top, height, size[0], whole), whole)
    return down.swapaxes(2, 3).astype(images.dtype)


def triangle_weights(start: np.ndarray, length: np.ndarray, count: int, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where the window of every output cell begins, int64 (N, count), and its weights, float64 (N, count, K).

    start, length (N,): the stretch of input cells that becomes `count` output cells. Cell first + k has weight k; the
    windows of a batch have one K, so that the shorter ones end in zeros.
    """
    scale = length[:, None] / count  # (N, 1)
    reach = np.maximum(scale, 1)
    center = (np.arange(count) + 0.5) * scale  # (N, count)
    first = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((center + reach + 0.5).astype(np.int64), length[:, None])
    cells = np.arange((last - first).max(initial=1)) + first[..., None]  # (N, count, K)
    distance = np.abs((cells - center[..., None] + 0.5) * (1 / reach[..., None]))
    weights = np.where(cells < last[..., None], np.maximum(1 - distance, 0), 0)
    weights /= np.add.accumulate(weights, axis=-1)[..., -1:]  # added one by one, as Pillow does, to the last bit
    if whole:
        weights = np.floor(weights * STEPS + 0.5) / STEPS
    return first + start[:, None], weights


def weighted_mean(x: np.ndarray, first: np.ndarray, weights: np.ndarray, whole: bool) -> np.ndarray:
    """y[n, c, i, j] = sum over k of weights[n, j, k] x[n, c, i, first[n, j] + k]; rounded half up if `whole`.

    Cells of weight 0 are not looked at, be they NaN.
    """
    y = np.zeros((*x.shape[:3], first.shape[1]))
    for k in range(weights.shape[2]):
        weight = weights[:, None, None, :, k]
        cells = np.minimum(first + k, x.shape[3] - 1)[:, None, None]
        y += weight * np.where(weight == 0, 0, np.take_along_axis(x, cells, axis=3))
    return np.floor(y + 0.5) if whole else y


def resample_cpu(images: np.ndarray, boxes: np.ndarray, size: Pair) -> np.ndarray:
    whole = images.dtype == np.uint8
    top, left, height, width = boxes.T
    y = empty((*images.shape[:2], *size), images.dtype)
    rows, cols = triangle_weights(top, height, size[0], whole), triangle_weights(left, width, size[1], whole)
    resample_each(np.ascontiguousarray(images), np.ascontiguousarray(boxes), *rows, *cols, whole, y)
    return batch_last(y)


@jit(parallel=True)
def resample_each(images, boxes, first_row, row_weights, first_col, col_weights, whole, y):
    """Sums of bytes are exact in float64: whole numbers of 30 binary digits over STEPS."""
    N, C, OH, OW = y.shape
    for n in prange(N):
        top, height = boxes[n, 0], boxes[n, 2]
        across = np.empty((height, OW))
        for c in range(C):
            for i in range(height):
                for j in range(OW):
                    total = 0.0
                    for k in range(col_weights.shape[2]):
                        weight = col_weights[n, j, k]
                        if weight != 0:
                            total += weight * images[n, c, top + i, first_col[n, j] + k]
                    across[i, j] = np.floor(total + 0.5) if whole else total
            for i in range(OH):
                total_row = np.zeros(OW)
                for k in range(row_weights.shape[2]):
                    weight = row_weights[n, i, k]
                    if weight != 0:
                        row = across[first_row[n, i] - top + k]
                        for j in range(OW):
                            total_row[j] += weight * row[j]
                for j in range(OW):
                    y[n, c, i, j] = np.floor(total_row[j] + 0.5) if whole else total_row[j]


def resample_cuda(images: Array, boxes: Array, size: Pair) -> Array:
    (N, C, H, W), (OH, OW) = images.shape, size
    kind = "bytes" if images.dtype == np.uint8 else "floats"
    between, y = empty_like(images, (N, H, OW, C), np.float64), empty_channels_last(images, (N, C, OH, OW))
    source, boxes = stored_channels_last(images), dense(boxes)
    across, down = places(H * OW * C, N), places(OH * OW * C, N)
    launch("images/resample.cu", f"across_{kind}", *across, source, boxes, between, N, H, W, OW, C)
    launch("images/resample.cu", f"down_{kind}", *down, between, boxes, stored_channels_last(y), N, H, OH, OW, C)
    return y


resample = ImageKernel("resample", resample_reference, resample_cpu, resample_cuda)
