"""Which algorithm computes a convolution: one rule, by shapes alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..im2col import Pair, output_size
from ..kernel import forced_algorithm

SMALL_BATCH = 16
FEW_FILTERS = 32  # filters of a group up to which laying windows out costs more than a product over them saves
VECTOR = 16  # images that Winograd's convolution takes together, whether there are as many or not
MARGIN = 1.05  # Winograd's convolution must be faster by so much: it rounds more
LARGE_SUMS = 16_000_000  # bytes of the sums of dw from which on Winograd's convolution
LARGE_MARGIN = 1.3  # must be faster by so much: they are memory that the direct one does not need


class Prices(NamedTuple):
    """Times in units of one multiply-add of Winograd's products, so that `benchmarks.convolutions` agrees."""

    data: float  # to transform a number of the image
    output: float  # of the output, or of its gradient
    filter: float  # of a filter, or of its gradient
    direct: float  # a multiply-add of the direct convolution


OUTPUT_PRICES = Prices(data=14, output=11, filter=12, direct=1.0)  # y and dx
WEIGHT_PRICES = Prices(data=20, output=12, filter=32, direct=0.86)  # dw


def choose(
    images: tuple[int, ...],
    filters: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    dtype: Any,
    weight_grad: bool = False,
) -> str:
    """'direct', 'im2col', 'winograd 4x4' or 'winograd 2x2', for the convolution of images (N, C, H, W) with filters.

    The three passes of a layer ask the same question: dx is the convolution of dy with the filter turned round, and dw
    (`weight_grad`) has as many products as y, at other prices. In this order:

    1. What `use` asks for, where it applies.
    2. im2col for few images with a stride along the rows, where no run of lanes would fill a vector.
    3. Winograd where it applies (float32, 3x3 or 5x5, no stride, dilation or groups) and takes less time than direct:
       `winograd_cost` against the products of all taps; y and dx leave out those that fall on the padding. For dw it
       takes a larger gain where its sums, n² for each pair of channels, are large.
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
    prices = WEIGHT_PRICES if weight_grad else OUTPUT_PRICES
    costs = {f"winograd {m}x{m}": winograd_cost(N, C, O, out, m, r, prices) for m in ((4, 2) if r == 3 else (2,))}
    best = min(costs, key=lambda name: costs[name])
    rows, columns = (out[i] * r if weight_grad else taps_inside((H, W)[i], out[i], r, padding[i]) for i in (0, 1))
    direct = prices.direct * N * C * O * rows * columns
    sums = 4 * C * O * (r + (3 if best == "winograd 4x4" else 1)) ** 2
    margin = LARGE_MARGIN if weight_grad and sums > LARGE_SUMS else MARGIN
    return best if forced == "winograd" or costs[best] * margin < direct else "direct"


def runs_would_be_short(N: int, stride: Pair, filters: int) -> bool:
    """Whether im2col and a product are faster, for so many filters in each group."""
    return stride[1] > 1 and N < SMALL_BATCH and filters > FEW_FILTERS


def winograd_cost(N: int, C: int, O: int, out: Pair, m: int, r: int, prices: Prices) -> float:
    """The time of Winograd's convolution in multiply-adds: its products, and the transforms before and after them."""
    points = (m + r - 1) ** 2
    lanes = -(-out[0] // m) * -(-out[1] // m) * -(-N // VECTOR) * VECTOR
    return points * (lanes * (C * O + prices.data * C + prices.output * O) + prices.filter * C * O)


def taps_inside(size: int, out: int, r: int, padding: int) -> int:
    """The taps that all positions of one axis see inside the image: tap t of position i is input i + t - padding."""
    return sum(max(0, min(out, size + padding - t) - max(0, padding - t)) for t in range(r))
