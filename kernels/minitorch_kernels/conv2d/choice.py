"""Which algorithm computes a convolution: one rule, by shapes alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..im2col import Pair, output_size
from ..kernel import forced_algorithm

SMALL_BATCH = 16
FEW_FILTERS = 32  # filters of a group up to which laying windows out costs more than a product over them saves
VECTOR = 16  # images that Winograd's convolution takes together, whether there are as many or not
DATA, OUTPUT, FILTER = 24, 12, 40  # multiply-adds that take as long as transforming one number
MARGIN = 1.1  # Winograd's convolution must be faster by so much: it rounds more


def choose(
    images: tuple[int, ...],
    filters: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    dtype: Any,
) -> str:
    """'direct', 'im2col', 'winograd 4x4' or 'winograd 2x2', for the convolution of images (N, C, H, W) with filters.

    The three passes of a layer ask the same question: dx is the convolution of dy with the filter turned round, and dw
    has as many products as y. In this order:

    1. What `use` asks for, where it applies.
    2. im2col for few images with a stride along the rows, where no run of lanes would fill a vector.
    3. Winograd where it applies (float32, 3x3 or 5x5, no stride, dilation or groups) and `cost` says that it wins.
    4. Direct.
    """
    forced = forced_algorithm()
    (N, C, H, W), (O, _, r, KW) = images, filters
    if forced == "im2col" or (forced is None and runs_would_be_short(N, stride, O // groups)):
        return "im2col"
    plain = stride == dilation == (1, 1) and groups == 1 and r == KW and r in (3, 5) and np.dtype(dtype) == np.float32
    out = output_size((H, W), (r, KW), stride, padding, dilation)
    if forced == "direct" or not plain or min(N, C, O, *out) < 1:
        return "direct"
    costs = {f"winograd {m}x{m}": cost(N, C, O, out, m, r) for m in ((4, 2) if r == 3 else (2,))}
    best = min(costs, key=lambda name: costs[name])
    direct = N * C * O * math.prod(out) * r * r
    return best if forced == "winograd" or costs[best] * MARGIN < direct else "direct"


def runs_would_be_short(N: int, stride: Pair, filters: int) -> bool:
    """Whether im2col and a product are faster, for so many filters in each group."""
    return stride[1] > 1 and N < SMALL_BATCH and filters > FEW_FILTERS


def cost(N: int, C: int, O: int, out: Pair, m: int, r: int) -> int:
    """The time of Winograd's convolution in multiply-adds: its products, and the transforms before and after them."""
    points = (m + r - 1) ** 2
    lanes = -(-out[0] // m) * -(-out[1] // m) * -(-N // VECTOR) * VECTOR
    return points * (lanes * (C * O + DATA * C + OUTPUT * O) + FILTER * C * O)
