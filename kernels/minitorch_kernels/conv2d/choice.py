"""Which algorithm computes a convolution: one rule, by shapes alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..im2col import Pair, output_size
from ..kernel import forced_algorithm

FEW_IMAGES = 16  # below, the images of one position do not fill a vector
FEW_FILTERS = 32  # filters of a group up to which laying windows out costs more than a product over them saves
PLANE_COPIES = 8  # to copy a number of an image into planes, or out of them, in multiply-adds
PLANE_CALL = 4_000_000  # and to have planes at all
FEW_CHANNELS = 8  # below, tiles of 1 x 4 gain less in LeNet's step than they take to compile before the first one
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
# in tiles of 1 x 4, where `direct` is the price of their own products
ROW_OUTPUT_PRICES = Prices(data=24, output=10, filter=20, direct=1.1)
ROW_WEIGHT_PRICES = Prices(data=24, output=24, filter=20, direct=1.1)


def choose(
    images: tuple[int, ...],
    filters: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    dtype: Any,
    result: str = "y",
) -> str:
    """'direct', 'planes', 'im2col', 'winograd 4x4', '2x2' or '1x4', for images (N, C, H, W) and these filters.

    The three passes of a layer ask the same question: dx is the convolution of dy with the filter turned round, and dw
    has as many products as y, at other prices. `result` says which it is, "y", "dx" or "dw". In this order:

    1. What `use` asks for, where it applies.
    2. Winograd where it applies (float32, 3x3 or 5x5, no stride, dilation or groups) and takes less time than direct:
       `winograd_cost` and `winograd_rows_cost` against the products of all taps; y and dx leave out those that fall on
       the padding. For dw it takes a larger gain where its sums, n² for each pair of channels, are large.
    3. Where images are few and there is a stride along the rows, so that no run of lanes would fill a vector, im2col
       for the dw of many filters, and planes for y and dx; these also without a stride, where `planes_pay`.
    4. Direct.
    """
    forced = forced_algorithm()
    (N, C, H, W), (O, _, r, KW) = images, filters
    if forced in ("im2col", "direct"):
        return forced
    plain = stride == dilation == (1, 1) and groups == 1 and r == KW and r in (3, 5) and np.dtype(dtype) == np.float32
    out = output_size((H, W), (r, KW), stride, padding, dilation)
    if min(N, C, O, *out) < 1:
        return "direct"
    direct = "direct"
    if N < FEW_IMAGES and result == "dw":
        direct = "im2col" if stride[1] > 1 and O // groups > FEW_FILTERS else "direct"
    elif N < FEW_IMAGES and (stride[1] > 1 or planes_pay(N, C, O // groups, out, (r, KW), padding[1], dilation[1])):
        direct = "planes"
    if not plain:
        return direct
    rows, columns = (out[i] * r if result == "dw" else taps_inside((H, W)[i], out[i], r, padding[i]) for i in (0, 1))
    prices, row_prices = (WEIGHT_PRICES, ROW_WEIGHT_PRICES) if result == "dw" else (OUTPUT_PRICES, ROW_OUTPUT_PRICES)
    costs = {f"winograd {m}x{m}": winograd_cost(N, C, O, out, m, r, prices) for m in ((4, 2) if r == 3 else (2,))}
    if r == 5 and padding[1] >= 0 and (C >= FEW_CHANNELS or forced):
        cut = W if result == "dx" else out[1]  # into tiles
        costs["winograd 1x4"] = winograd_rows_cost(N, C, O, (H, out[0]), rows, cut, row_prices)
    best = min(costs, key=lambda name: costs[name])
    plain_cost = prices.direct * N * C * O * rows * columns
    sums = 4 * C * O * (r + (3 if best == "winograd 4x4" else 1)) ** 2
    margin = LARGE_MARGIN if result == "dw" and sums > LARGE_SUMS else MARGIN
    return best if forced == "winograd" or costs[best] * margin < plain_cost else direct


def planes_pay(N: int, C: int, O: int, out: Pair, kernel: Pair, padding: int, dilation: int) -> bool:
    """Whether whole planes save more empty lanes than it costs to copy them, for few images and no stride.

    The direct convolution takes the positions of a row together that see the same columns of the filter: one run for
    each position at an edge and one for those in between. Planes have as many columns as the padded image.
    """
    products, edges = C * O * kernel[0] * kernel[1], 2 * min(max(padding, 0), out[1] // 2)
    direct = VECTOR * (edges * -(-N // VECTOR) + -(-(out[1] - edges) * N // VECTOR))
    planes = N * (out[1] + (kernel[1] - 1) * dilation)
    copied = 0 if kernel == (1, 1) else PLANE_COPIES * planes * out[0] * (C + O)
    return planes * out[0] * products + copied + PLANE_CALL < direct * out[0] * products


def winograd_cost(N: int, C: int, O: int, out: Pair, m: int, r: int, prices: Prices) -> float:
    """The time of Winograd's convolution in multiply-adds: its products, and the transforms before and after them."""
    points = (m + r - 1) ** 2
    lanes = -(-out[0] // m) * -(-out[1] // m) * -(-N // VECTOR) * VECTOR
    return points * (lanes * (C * O + prices.data * C + prices.output * O) + prices.filter * C * O)


def winograd_rows_cost(N: int, C: int, O: int, heights: Pair, taps: int, width: int, prices: Prices) -> float:
    """The same in tiles of 1 x 4, for images and outputs of these heights; the outputs of a column see so many taps."""
    lanes = -(-width // 4) * -(-N // VECTOR) * VECTOR
    H, OH = heights
    return 8 * (
        lanes * (prices.direct * taps * C * O + prices.data * C * H + prices.output * O * OH) + prices.filter * C * O
    )


def taps_inside(size: int, out: int, r: int, padding: int) -> int:
    """The taps that all positions of one axis see inside the image: tap t of position i is input i + t - padding."""
    return sum(max(0, min(out, size + padding - t) - max(0, padding - t)) for t in range(r))
