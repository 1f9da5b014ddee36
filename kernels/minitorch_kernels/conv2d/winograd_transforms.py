"""Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A: the matrices of Winograd's convolution, and their products written out.

A correlation of a stretch of m + r - 1 inputs d with r weights g has m outputs, y_k = Σ_i g_i d_{k + i}. Direct takes
m r products, this takes n = m + r - 1. Why it works: its transpose is the product of two polynomials, of degrees m - 1
and r - 1. That has n coefficients, so its values at n points fix it, and at each point the value is *one* product.
A and G evaluate the two polynomials at the points, B goes back from values to coefficients (Lagrange interpolation);
read backwards this is y = Aᵀ [(G g) ∘ (Bᵀ d)]. Both directions of an image give the equation above, with n² products
for m² outputs: F(4x4, 3x3) 36 instead of 144, F(2x2, 5x5) 36 instead of 100, F(2x2, 3x3) 16 instead of 36.

The points decide how rounding errors grow. With n = 6 they are 0, ±√½, ±√2 and ∞ (only the highest coefficient),
which err half as much as the widely used 0, ±1, ±2, ∞. With n = 4 they are 0, ±1, ∞. B depends on the points alone, so
F(4, 3) and F(2, 5) share it.

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

POINTS = {4: (0.0, 1.0, -1.0), 6: (0.0, P, -P, Q, -Q)}  # and ∞


def matrices(m: int, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Aᵀ (m, n), G (n, r) and Bᵀ (n, n) of F(m, r) in float64, for n = m + r - 1 of 4 or 6."""
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


def on_both_axes(matrix: np.ndarray) -> np.ndarray:
    """The float32 matrix that takes all entries of a square g, row by row, to those of matrix · g · matrixᵀ."""
    return np.kron(matrix, matrix).astype(np.float32)


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
def four_outputs(v):
    """Aᵀ v: four outputs from six values."""
    sum_p, difference_p = v[1] + v[2], P * (v[1] - v[2])
    sum_q, difference_q = v[3] + v[4], Q * (v[3] - v[4])
    return (
        v[0] + sum_p + sum_q, difference_p + difference_q, 0.5 * sum_p + 2.0 * sum_q,
        0.5 * difference_p + 2.0 * difference_q + v[5],
    )  # fmt: skip


@jit
def two_outputs(v):
    """Aᵀ v: two outputs from six values."""
    return v[0] + (v[1] + v[2]) + (v[3] + v[4]), P * (v[1] - v[2]) + Q * (v[3] - v[4]) + v[5]


@jit
def two_outputs_of_four(v):
    """Aᵀ v: two outputs from four values."""
    return v[0] + v[1] + v[2], v[1] - v[2] + v[3]


@jit
def values_of_four(y):
    """A y: the values at six points of the polynomial with four coefficients y."""
    even_p, odd_p = y[0] + 0.5 * y[2], P * (y[1] + 0.5 * y[3])
    even_q, odd_q = y[0] + 2.0 * y[2], Q * (y[1] + 2.0 * y[3])
    return y[0], even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, y[3]


@jit
def values_of_two(y):
    """A y: the values at six points of the polynomial with two coefficients y."""
    odd_p, odd_q = P * y[1], Q * y[1]
    return y[0], y[0] + odd_p, y[0] - odd_p, y[0] + odd_q, y[0] - odd_q, y[1]


@jit
def four_values_of_two(y):
    """A y: the values at four points of the polynomial with two coefficients y."""
    return y[0], y[0] + y[1], y[0] - y[1], y[1]
