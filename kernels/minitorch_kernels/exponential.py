"""eˣ in float32 by arithmetic alone, for the inner loops of other kernels.

The library's exponential is a call for each number. Here no branch and no call stands in the way of the compiler: it
takes a vector of numbers at a time.
"""

from __future__ import annotations

import numpy as np

from .jit import jit

LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)  # ln 2 in two parts: n LN2_HIGH is exact
EXPONENT_OF_ONE = 127  # what stands in the exponent bits of 1
# The spacing of float32 is 1 there: adding it rounds to the nearest integer n, and leaves n + 127 in the lowest bits.
TO_INTEGER = np.float32((3 << 22) + EXPONENT_OF_ONE)
BITS_OF_ZERO = np.int32(0x4B400000 + EXPONENT_OF_ONE)  # the bits of TO_INTEGER; those of TO_INTEGER + n are n larger
# e^r = 1 + r + r² P(r) for |r| <= ln 2 / 2; P is the Chebyshev fit of degree 4 to (e^r - 1 - r) / r²
P = tuple(np.float32(c) for c in (0.5, 0.16666576, 0.041666467, 0.008363182, 0.0013933652))


@jit(fastmath={"contract"})
def split_exponential(x, lowest, highest):
    """e^r and the bits of TO_INTEGER + n, where n ln 2 + r = x, or the limit where x is beyond; e^r is NaN for NaN."""
    z = highest if x > highest else x
    z = lowest if z < lowest else z
    shifted = np.float32(z * LOG2_E + TO_INTEGER)
    n = shifted - TO_INTEGER
    r = (z - n * LN2_HIGH) - n * LN2_LOW
    p = P[0] + r * (P[1] + r * (P[2] + r * (P[3] + r * P[4])))
    return np.float32(1) + (r + r * r * p), shifted.view(np.int32)


@jit(fastmath={"contract"})
def exp_float32(x):
    """e^x within one unit in the last place; NaN stays NaN.

    x = n ln 2 + r and e^x = 2ⁿ e^r. A power of two is written straight into the exponent bits of a float; 2ⁿ may be too
    large or too small for one, so it is made of two halves.
    """
    e_r, bits = split_exponential(x, np.float32(-104), np.float32(89))  # beyond, e^x is 0 or Inf in float32
    exponent = np.int32(bits - BITS_OF_ZERO)
    half = exponent >> 1
    two_half = np.int32((half + EXPONENT_OF_ONE) << 23).view(np.float32)
    two_rest = np.int32((exponent - half + EXPONENT_OF_ONE) << 23).view(np.float32)
    return e_r * two_half * two_rest


@jit(fastmath={"contract"})
def exp_plus_one_float32(x):
    """e^x + 1, and Inf from x = 88.4 on: 2ⁿ in one piece, as what is too small for that makes no difference here."""
    e_r, bits = split_exponential(x, np.float32(-87), np.float32(89))
    two = np.int32(bits << 23).view(np.float32)  # leaves the n + 127 of the lowest bits
    return e_r * two + np.float32(1)


@jit(fastmath={"contract"})
def sigmoid_float32(x):
    """1 / (1 + e⁻ˣ) within 2.5 units in the last place; 0 below x = -88.4."""
    return np.float32(1) / exp_plus_one_float32(-x)


# tanh z = z + z³ T(z²) for |z| < 0.625, where 1 - 2 / (e^2z + 1) would cancel; T is a Chebyshev fit
T = tuple(np.float32(c) for c in (-0.333333284, 0.133327827, -0.0538524985, 0.0210036412, -0.006104948))
NEARLY_ONE = np.float32(10)  # beyond, tanh is 1 in float32


@jit(fastmath={"contract"})
def tanh_float32(x):
    """tanh x within 1.5 units in the last place."""
    z = NEARLY_ONE if abs(x) > NEARLY_ONE else abs(x)
    q = z * z
    near = z + z * q * (T[0] + q * (T[1] + q * (T[2] + q * (T[3] + q * T[4]))))
    far = np.float32(1) - np.float32(2) / exp_plus_one_float32(z + z)
    return np.copysign(near if z < np.float32(0.625) else far, x)
