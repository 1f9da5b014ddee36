"""Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A: the matrices of Winograd's convolution, and their products written out.

A correlation of a stretch of m + r - 1 inputs d with r weights g has m outputs, y_k = Σ_i g_i d_{k + i}. Direct takes
m r products, this takes n = m + r - 1. Why it works: its transpose is the product of two polynomials, of degrees m - 1
and r - 1. That has n coefficients, so its values at n points fix it, and at each point the value is *one* product.
A and G evaluate the two polynomials at the points, B goes back from values to coefficients (Lagrange interpolation);
read backwards this is y = Aᵀ [(G g) ∘ (Bᵀ d)]. Both directions of an image give the equation above, with n² products
for m² outputs: F(4x4, 3x3) 36 instead of 144, F(2x2, 5x5) 36 instead of 100, F(2x2, 3x3) 16 instead of 36. One
direction alone needs n products for m outputs: F(4, 5) 8 instead of 20.

The points decide how rounding errors grow. With n = 6 they are 0, ±√½, ±√2 and ∞ (only the highest coefficient),
which err half as much as the widely used 0, ±1, ±2, ∞. With n = 4 they are 0, ±1, ∞. B depends on the points alone, so
F(4, 3) and F(2, 5) share it. With n = 8 they are 0, ±½, ±1, ±2, ∞; errors of two directions would multiply, one alone
(`winograd_rows`) errs no more than squares with n = 6.

In the functions below a vector holds one place of many images. Two points ±α share their even and their odd part, so
each transform of six takes about a dozen additions, each with a multiplication by a constant at most.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308.
"""

from __future__ import annotations

import math

import numpy as np

from ..jit import jit

P = math.sqrt(0.5)  # the points ±P and ±Q; P² = 1/2, Q² = 2
Q = math.sqrt(2.0)

POINTS = {  # and ∞
    4: (0.0, 1.0, -1.0),
    6: (0.0, P, -P, Q, -Q),
    8: (0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0),
}


def matrices(m: int, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Aᵀ (m, n), G (n, r) and Bᵀ (n, n) of F(m, r) in float64, for n = m + r - 1 in POINTS."""
    finite = POINTS[m + r - 1]
    A, G, Bt = [], [], []
    for point in finite:
        others = [other for other in finite if other != point]
        A.append([point**k for k in range(m)])
        G.append([point**k / math.prod(point - other for other in others) for k in range(r)])
        Bt.append([*np.poly(others)[::-1], 0.0])  # Π (t - other): 0 at all points but one
    A.append([0.0] * (m - 1) + [1.0])
    G.append([0.0] * (r - 1) + [1.0])
    Bt.append(list(np.poly(finite)[::-1]))
    return np.array(A).T, np.array(G), np.array(Bt)


TWO_THIRDS = 2.0 / 3.0  # -1 / Π (P - other points)
SIXTH = 1.0 / 6.0  # 1 / Π (Q - other points)


@jit
def data6(d):
    """Bᵀ d at six points."""
    even_p, odd_p = d[4] - 2.0 * d[2], P * (d[3] - 2.0 * d[1])
    even_q, odd_q = d[4] - 0.5 * d[2], Q * (d[3] - 0.5 * d[1])
    return (
        d[0] - 2.5 * d[2] + d[4], even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q,
        d[1] - 2.5 * d[3] + d[5],
    )  # fmt: skip


@jit
def data4(d):
    """Bᵀ d at four points."""
    return d[2] - d[0], d[2] + d[1], d[2] - d[1], d[3] - d[1]


@jit
def outputs4(v):
    """Aᵀ v: four outputs from six values."""
    sum_p, difference_p = v[1] + v[2], P * (v[1] - v[2])
    sum_q, difference_q = v[3] + v[4], Q * (v[3] - v[4])
    return (
        v[0] + sum_p + sum_q, difference_p + difference_q, 0.5 * sum_p + 2.0 * sum_q,
        0.5 * difference_p + 2.0 * difference_q + v[5],
    )  # fmt: skip


@jit
def outputs2(v):
    """Aᵀ v: two outputs from six values."""
    return v[0] + (v[1] + v[2]) + (v[3] + v[4]), P * (v[1] - v[2]) + Q * (v[3] - v[4]) + v[5]


@jit
def outputs2_of_4(v):
    """Aᵀ v: two outputs from four values."""
    return v[0] + v[1] + v[2], v[1] - v[2] + v[3]


@jit
def spread4(y):
    """A y: four gradients of outputs at six points."""
    even_p, odd_p = y[0] + 0.5 * y[2], P * (y[1] + 0.5 * y[3])
    even_q, odd_q = y[0] + 2.0 * y[2], Q * (y[1] + 2.0 * y[3])
    return y[0], even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, y[3]


@jit
def spread2(y):
    """A y: two gradients of outputs at six points."""
    odd_p, odd_q = P * y[1], Q * y[1]
    return y[0], y[0] + odd_p, y[0] - odd_p, y[0] + odd_q, y[0] - odd_q, y[1]


@jit
def spread2_to_4(y):
    """A y: two gradients of outputs at four points."""
    return y[0], y[0] + y[1], y[0] - y[1], y[1]


@jit
def filter3(g):
    """G g: three weights at six points."""
    even_p, odd_p = g[0] + 0.5 * g[2], P * g[1]
    even_q, odd_q = g[0] + 2.0 * g[2], Q * g[1]
    return (
        g[0], TWO_THIRDS * (-1.0 * even_p - odd_p), TWO_THIRDS * (odd_p - even_p), SIXTH * (even_q + odd_q),
        SIXTH * (even_q - odd_q), g[2],
    )  # fmt: skip


@jit
def filter5(g):
    """G g: five weights at six points."""
    even_p, odd_p = g[0] + 0.5 * g[2] + 0.25 * g[4], P * (g[1] + 0.5 * g[3])
    even_q, odd_q = g[0] + 2.0 * g[2] + 4.0 * g[4], Q * (g[1] + 2.0 * g[3])
    return (
        g[0], TWO_THIRDS * (-1.0 * even_p - odd_p), TWO_THIRDS * (odd_p - even_p), SIXTH * (even_q + odd_q),
        SIXTH * (even_q - odd_q), g[4],
    )  # fmt: skip


@jit
def filter3_at_4(g):
    """G g: three weights at four points."""
    even, odd = 0.5 * (g[0] + g[2]), 0.5 * g[1]
    return -1.0 * g[0], even + odd, even - odd, g[2]


@jit
def weights3(s):
    """Gᵀ s: the gradients of three weights from sums at six points."""
    sum_p, difference_p = TWO_THIRDS * (s[1] + s[2]), TWO_THIRDS * (s[1] - s[2])
    sum_q, difference_q = SIXTH * (s[3] + s[4]), SIXTH * (s[3] - s[4])
    return s[0] + (sum_q - sum_p), Q * difference_q - P * difference_p, 2.0 * sum_q - 0.5 * sum_p + s[5]


@jit
def weights5(s):
    """Gᵀ s: the gradients of five weights from sums at six points."""
    sum_p, difference_p = TWO_THIRDS * (s[1] + s[2]), P * (TWO_THIRDS * (s[1] - s[2]))
    sum_q, difference_q = SIXTH * (s[3] + s[4]), Q * (SIXTH * (s[3] - s[4]))
    return (
        s[0] + (sum_q - sum_p), difference_q - difference_p, 2.0 * sum_q - 0.5 * sum_p,
        2.0 * difference_q - 0.5 * difference_p, 4.0 * sum_q - 0.25 * sum_p + s[5],
    )  # fmt: skip


@jit
def weights3_of_4(s):
    """Gᵀ s: the gradients of three weights from sums at four points."""
    half = 0.5 * (s[1] + s[2])
    return half - s[0], 0.5 * (s[1] - s[2]), half + s[3]
