"""The activations that a pooling can carry out on its way: ReLU, sigmoid and tanh, a row at a time."""

from __future__ import annotations

import numpy as np

from .exponential import sigmoid_float32, tanh_float32
from .jit import jit
from .relu import relu, relu_grad
from .sigmoid import sigmoid, sigmoid_grad
from .tanh import tanh, tanh_grad

ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}
SLOPES = {"relu": relu_grad, "sigmoid": sigmoid_grad, "tanh": tanh_grad}
NONE, RELU, SIGMOID, TANH = range(4)  # what compiled code calls them
CODES = {"relu": RELU, "sigmoid": SIGMOID, "tanh": TANH}


@jit(fastmath={"contract"})
def add_activated(x, code, a, total):
    """total += activation(x) for flat arrays; sigmoid and tanh, in float32, are written into `a` too."""
    zero = x.dtype.type(0)  # of x's type: a plain 0 would make float64 of it all
    if code == NONE:
        for i in range(len(x)):
            total[i] += x[i]
    elif code == RELU:
        for i in range(len(x)):
            total[i] += zero if x[i] <= zero else x[i]
    elif code == SIGMOID:
        for i in range(len(x)):
            a[i] = sigmoid_float32(np.float32(x[i]))
            total[i] += a[i]
    else:
        for i in range(len(x)):
            a[i] = tanh_float32(np.float32(x[i]))
            total[i] += a[i]


@jit(fastmath={"contract"})
def times_slope(dy, scale, code, a, dx):
    """dx = scale dy times the slope of the activation, flat arrays; `a` is its output, or the input of a ReLU."""
    zero, one = dx.dtype.type(0), dx.dtype.type(1)
    if code == NONE:
        for i in range(len(dx)):
            dx[i] = scale * dy[i]
    elif code == RELU:
        for i in range(len(dx)):
            dx[i] = zero if a[i] <= zero else scale * dy[i]
    elif code == SIGMOID:
        for i in range(len(dx)):
            dx[i] = scale * dy[i] * (a[i] * (one - a[i]))
    else:
        for i in range(len(dx)):
            dx[i] = scale * dy[i] * (one - a[i] * a[i])
