"""The slope of a function along one element, by differences; whether it has one at all.

With y(t) the outputs after the element was moved by t, each output has a slope to the right and one to the left,

    right(h) = (y(h) - y(0)) / h        left(h) = (y(0) - y(-h)) / h        central(h) = (right + left) / 2

Where y is smooth, with y' its slope at 0, a step and its half tell what the step itself costs:

    central(h) = y' + h²/6 y''' + ...                 so (4 central(h/2) - central(h)) / 3 is y' up to h⁴
    bend(h) = right(h) - left(h) = h y'' + ...        so bend(h) - 2 bend(h/2) is 0 up to h³

A corner at distance r h from the element, where the slope jumps by J, moves bend(h) - 2 bend(h/2) by J (3r - 1) and
central(h) - central(h/2) by J r/2 (for larger r than 1/2 by J (1 - r) and half of that). The two never vanish together,
so whichever is larger tells a corner. Only values of the function enter: no gradient can make a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MACHINE_EPSILON = float(np.finfo(np.float64).eps)
ROUNDING = 16  # errors of the last place that a value of the function may carry
SURE_LOOKS = 3  # at steps of 1, 1/8 and 1/64: a corner beside the element is left behind
MOST_LOOKS = 6  # nearer still while that helps, as it does where a smooth function bends sharply


@dataclass(frozen=True)
class Slope:
    """The slope of Σ cotangent · outputs: `numeric`, or anything in low..high where `kink`.

    rounding bounds what rounding in the outputs may do to the numeric slope; corner is the largest sign of a corner.
    """

    numeric: float
    low: float
    high: float
    rounding: float
    corner: float
    kink: bool

    def distance(self, analytic: float) -> float:
        """How far a gradient is from the slope, or at a kink from the slopes on the two sides; NaN if either is NaN."""
        if not self.kink:
            return abs(analytic - self.numeric)
        return float(np.maximum(np.maximum(self.low - analytic, analytic - self.high), 0))


def slope_along(
    outputs_at: Callable[[float], np.ndarray],
    value: float,
    cotangent: np.ndarray,
    eps: float,
    atol: float,
    rtol: float,
) -> Slope:
    """The slope at `value` of Σ cotangent · outputs_at(value).

    The step is eps max(1, |value|), as a power of two so that value ± step is exact. What looks like a corner is looked
    at again from nearer: a bend in a smooth function then vanishes, a corner stays.
    """
    step = 2.0 ** round(math.log2(eps * max(1.0, abs(value))))
    centre = outputs_at(value)
    slope = measured(outputs_at, value, centre, cotangent, step, atol, rtol)
    for look in range(1, MOST_LOOKS):
        if not slope.kink:
            break
        nearer = measured(outputs_at, value, centre, cotangent, step / 8**look, atol, rtol)
        if look >= SURE_LOOKS - 1 and not nearer.corner < slope.corner / 4:
            break
        slope = nearer
    return slope


def measured(
    outputs_at: Callable[[float], np.ndarray],
    value: float,
    centre: np.ndarray,
    cotangent: np.ndarray,
    step: float,
    atol: float,
    rtol: float,
) -> Slope:
    """The slope as seen with `step` and its half; each output is judged by itself, as corners can cancel in the sum."""
    half = step / 2
    with np.errstate(all="ignore"):
        offsets = (-step, -half, half, step)
        around = [outputs_at(value + t) for t in offsets]
        slopes = np.stack([(y - centre) / t for y, t in zip(around, offsets)])
        far_left, near_left, near_right, far_right = slopes
        far, near = (far_left + far_right) / 2, (near_left + near_right) / 2
        numeric = near + (near - far) / 3
        drift = np.abs(near - far)
        bent = np.abs((far_right - far_left) - 2 * (near_right - near_left))

        moved = (slopes != 0).any(axis=0)  # an output that does not depend on the element rounds to itself
        rounding = np.where(moved, ROUNDING * MACHINE_EPSILON / step * np.abs([centre, *around]).max(axis=0), 0)
        steepest = np.abs(slopes).max(initial=0)
        sign = np.maximum(drift, bent)
        corner = ~(sign <= (atol + rtol * steepest) / 2 + rounding)
        # A jump, or corners on both sides, still move the slopes; twice the drift is where they may be at step 0.
        low = np.where(corner, slopes.min(axis=0) - 2 * drift, numeric)
        high = np.where(corner, slopes.max(axis=0) + 2 * drift, numeric)
        ends = np.stack([cotangent * low, cotangent * high])
        return Slope(
            numeric=float(cotangent @ numeric),
            low=float(ends.min(axis=0).sum()),
            high=float(ends.max(axis=0).sum()),
            rounding=float(np.abs(cotangent) @ rounding),
            corner=float(sign.max(initial=0)),
            kink=bool(corner.any()),
        )
