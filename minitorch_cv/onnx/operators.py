"""How each operation of the engine is written in ONNX: a function of the graph and of the operation's arguments.

Source: the ONNX operator specification, opset 18.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import SimpleNamespace as Arguments
from typing import Any

import numpy as np

from ..ops.interpolate import weights_of
from ..ops.padding import SOURCES
from ..tensor import Tensor
from .graph import Graph

Converter = Callable[[Graph, Arguments], str]


def same_name(node: str) -> Converter:
    """One node on the first argument, in the dtype of the result."""
    return lambda g, a: g.add(node, g.cast(a.input, a.result.dtype))


def two_operands(node: str) -> Converter:
    """A broadcasting operation of two tensors or numbers, all in the dtype of the result."""

    def convert(g: Graph, a: Arguments) -> str:
        other = a.other if hasattr(a, "other") else a.exponent
        dtype = a.result.dtype
        operands: list[Any] = [
            g.cast(x, dtype) if isinstance(x, Tensor) else np.asarray(x, dtype) for x in (a.input, other)
        ]
        if getattr(a, "alpha", 1) != 1:
            operands[1] = g.add("Mul", operands[1], np.asarray(a.alpha, dtype))
        return g.add(node, *operands)

    return convert


def convolution(g: Graph, a: Arguments) -> str:
    return g.add("Conv", a.x, a.w, a.b, strides=a.stride, pads=a.padding * 2, dilations=a.dilation, group=a.groups)


def transposed_convolution(g: Graph, a: Arguments) -> str:
    least = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, s, p, d, k in zip(a.x.shape[2:], a.stride, a.padding, a.dilation, a.w.shape[2:])
    ]
    return g.add(
        "ConvTranspose",
        a.x,
        a.w,
        a.b,
        strides=a.stride,
        pads=a.padding * 2,
        dilations=a.dilation,
        group=a.groups,
        output_padding=[size - n for size, n in zip(a.size, least)],
    )


def linear(g: Graph, a: Arguments) -> str:
    if a.input.ndim == 2:
        return g.add("Gemm", a.input, a.weight, a.bias, transB=1)
    product = g.add("MatMul", a.input, g.add("Transpose", a.weight, perm=[1, 0]))
    return product if a.bias is None else g.add("Add", product, a.bias)


def product(g: Graph, a: Arguments) -> str:
    return g.add("MatMul", a.a, a.b)


def margins(a: Arguments) -> list[int]:
    """The padding before and behind each axis of a pool with which windows that all fit are as many as in the result.

    With ceil_mode the last window may end behind the padded map, and runtimes differ in how they read that.
    """
    dilation = getattr(a, "dilation", (1, 1))
    places = zip(a.x.shape[2:], a.result.shape[2:], a.kernel, a.stride, a.padding, dilation)
    behind = [max(p, (m - 1) * s + d * (k - 1) + 1 - n - p) for n, m, k, s, p, d in places]
    return [*a.padding, *behind]


def max_pool(g: Graph, a: Arguments) -> str:
    x, pads = a.x, margins(a)
    if any(pad >= size for pad, size in zip(pads, (*a.kernel, *a.kernel))):  # which ONNX Runtime does not take
        least = -np.inf if a.x.dtype.kind == "f" else np.iinfo(a.x.dtype).min
        x = g.add("Pad", x, [0, 0, *pads[:2], 0, 0, *pads[2:]], np.asarray(least, a.x.dtype))
        pads = [0] * 4
    return g.add("MaxPool", x, kernel_shape=a.kernel, strides=a.stride, pads=pads, dilations=a.dilation)


def avg_pool(g: Graph, a: Arguments) -> str:
    """Windows that end behind the padded map are averages of what is within it, so padding that counts is written out.

    With a divisor of its own all zeros may count: the mean of k² elements times k² / divisor.
    """
    x, pads, counted = a.x, margins(a), a.count_include_pad or a.divisor_override is not None
    if counted and a.divisor_override is None and tuple(pads[2:]) != tuple(a.padding):
        p, q = a.padding
        x = g.add("Pad", x, [0, 0, p, q, 0, 0, p, q])
        pads, counted = [0, 0, pads[2] - p, pads[3] - q], False
    y = g.add("AveragePool", x, kernel_shape=a.kernel, strides=a.stride, pads=pads, count_include_pad=int(counted))
    if a.divisor_override is None:
        return y
    return g.add("Mul", y, np.asarray(a.kernel[0] * a.kernel[1] / a.divisor_override, a.x.dtype))


def adaptive_pool(of_all: str, of_windows: str) -> Converter:
    """Windows of one size where they divide the map evenly; other sizes have no form in ONNX."""

    def convert(g: Graph, a: Arguments) -> str:
        size, target = a.x.shape[2:], tuple(a.output_size)
        if target == (1, 1):
            return g.add(of_all, a.x)
        if any(n % m for n, m in zip(size, target)):
            raise ValueError(
                f"onnx.export: adaptive pooling of a map of {size} to {target} has no form in ONNX, as the sizes do "
                "not divide; export with an input size for which they do"
            )
        kernel = [n // m for n, m in zip(size, target)]
        return g.add(of_windows, a.x, kernel_shape=kernel, strides=kernel)

    return convert


def is_exact(number: float, dtype: Any) -> bool:
    """True where an attribute of ONNX, which is a float32, is as good as a number of this dtype."""
    return dtype != np.float64 or float(np.float32(number)) == number


def batch_norm_inference(g: Graph, a: Arguments) -> str:
    C, dtype = len(a.mean), a.mean.dtype
    weight = np.ones(C, dtype) if a.weight is None else a.weight
    bias = np.zeros(C, dtype) if a.bias is None else a.bias
    var, eps = (a.var, a.eps) if is_exact(a.eps, dtype) else (g.add("Add", a.var, np.asarray(a.eps, dtype)), 0.0)
    return g.add("BatchNormalization", a.x, weight, bias, a.mean, var, epsilon=eps)


def normalised_in_groups(g: Graph, a: Arguments) -> str:
    """Normalise (N, g, L), then scale and shift each channel."""
    dtype, behind = a.x.dtype, [1] * (a.x.ndim - 2)
    grouped = g.add("Reshape", a.x, [0, a.groups, -1])
    if is_exact(a.eps, dtype):
        unit = [np.ones(a.groups, dtype), np.zeros(a.groups, dtype)]
        y = g.add("InstanceNormalization", grouped, *unit, epsilon=a.eps)
    else:
        y = g.add("Sub", grouped, g.add("ReduceMean", grouped, [2]))
        var = g.add("ReduceMean", g.add("Mul", y, y), [2])
        y = g.add("Div", y, g.add("Sqrt", g.add("Add", var, np.asarray(a.eps, dtype))))
    y = g.add("Reshape", y, [0, *a.x.shape[1:]])
    for node, vector in (("Mul", a.weight), ("Add", a.bias)):
        if vector is not None:
            y = g.add(node, y, g.add("Reshape", vector, [-1, *behind]))
    return y


def normalised_by_neighbours(g: Graph, a: Arguments) -> str:
    """x s^-β, with the mean square of a channel's neighbours in s as the average of windows over the channels.

    ONNX's own LRN knows no even sizes, and onnx's reference evaluator gets it wrong.
    """
    _, C, *places = a.x.shape
    alpha, beta, k = (np.asarray(number, a.x.dtype) for number in (a.alpha, a.beta, a.k))
    squares = g.add("Reshape", g.add("Mul", a.x, a.x), [0, 1, C, -1])
    padded = g.add("Pad", squares, [0, 0, a.size // 2, 0, 0, 0, (a.size - 1) // 2, 0])
    means = g.add("AveragePool", padded, kernel_shape=[a.size, 1], strides=[1, 1])
    s = g.add("Add", g.add("Mul", means, alpha), k)
    return g.add("Div", a.x, g.add("Reshape", g.add("Pow", s, beta), [0, C, *places]))


def resampled(g: Graph, a: Arguments) -> str:
    rows, columns = (weights_of(*axis, a.x.dtype) for axis in (a.down, a.across))
    return g.add("MatMul", g.add("MatMul", rows, a.x), np.ascontiguousarray(columns.T))


def shuffled_channels(g: Graph, a: Arguments) -> str:
    _, C, *places = a.x.shape
    y = g.add("Reshape", a.x, [0, a.groups, C // a.groups, *places])
    y = g.add("Transpose", y, perm=[0, 2, 1, *range(3, a.x.ndim + 1)])
    return g.add("Reshape", y, [0, C, *places])


def pixels_of_channels(g: Graph, a: Arguments) -> str:
    return g.add("DepthToSpace", a.x, blocksize=a.r, mode="CRD")


def channels_of_pixels(g: Graph, a: Arguments) -> str:
    _, C, H, W = a.x.shape
    y = g.add("Reshape", a.x, [0, C, H // a.r, a.r, W // a.r, a.r])
    y = g.add("Transpose", y, perm=[0, 1, 3, 5, 2, 4])  # (N, C, H, r, W, r) -> (N, C, r, r, H, W)
    return g.add("Reshape", y, [0, C * a.r**2, H // a.r, W // a.r])


def reshaped(g: Graph, a: Arguments) -> str:
    return g.reshape(a.input, a.result.shape)


def permuted(g: Graph, a: Arguments) -> str:
    return g.add("Transpose", a.input, perm=a.order)


def expanded(g: Graph, a: Arguments) -> str:
    # 1 keeps a size of the input, so that the batch stays open
    old = (1,) * (len(a.shape) - a.input.ndim) + a.input.shape
    return g.add("Expand", a.input, [1 if n == size else size for n, size in zip(old, a.shape)])


def joined(g: Graph, a: Arguments) -> str:
    return g.add("Concat", *(g.cast(tensor, a.result.dtype) for tensor in a.tensors), axis=a.dim)


# where a slice without an end ends, backwards and forwards
FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def select(g: Graph, a: Arguments) -> str:
    """Slices and whole numbers one after the other, then new axes. Negative places stay so, whatever the size."""
    index = a.index if isinstance(a.index, tuple) else (a.index,)
    if not all(part is None or part is ... or isinstance(part, (int, np.integer, slice)) for part in index) or any(
        isinstance(part, bool) for part in index
    ):
        raise ValueError(f"onnx.export: x[{a.index}] has no form here; only numbers and slices have, and None and ...")
    y, dropped, added = g.name_of(a.input), [], []
    axis = rank = 0  # of the input, and of the result
    for part in filled_up(index, a.input.ndim):
        if part is None:
            added.append(rank)
            rank += 1
            continue
        if isinstance(part, slice):
            step = 1 if part.step is None else operator.index(part.step)
            ends = (0, LAST) if step > 0 else (LAST, FIRST)
            start, stop = (end if at is None else operator.index(at) for at, end in zip((part.start, part.stop), ends))
            rank += 1
        else:
            start = operator.index(part)
            stop, step = (LAST if start == -1 else start + 1), 1
            dropped.append(axis)
        if (start, stop, step) != (0, LAST, 1):
            y = g.add("Slice", y, [start], [stop], [axis], [step])
        axis += 1
    y = g.add("Squeeze", y, dropped) if dropped else y
    return g.add("Unsqueeze", y, added) if added else g.add("Identity", y)


def filled_up(index: tuple[Any, ...], ndim: int) -> list[Any]:
    """The index with slices in place of `...`."""
    given = sum(part is not None and part is not ... for part in index)
    parts: list[Any] = []
    for part in index:
        parts += [slice(None)] * (ndim - given) if part is ... else [part]
    return parts


def reduction(node: str) -> Converter:
    """A sum, mean or extreme over some axes, or over all, reckoned in the dtype of the result."""

    def convert(g: Graph, a: Arguments) -> str:
        axes = None if a.dim is None else [a.dim] if isinstance(a.dim, int) else list(a.dim)
        return g.add(node, g.cast(a.input, a.result.dtype), axes or None, keepdims=int(a.keepdim))

    return convert


def softplus(g: Graph, a: Arguments) -> str:
    """log(1 + exp(β x)) / β, and x itself where β x is above the threshold."""
    dtype = a.result.dtype
    beta = np.asarray(a.beta, dtype)
    scaled = a.input if a.beta == 1 else g.add("Mul", a.input, beta)
    y = g.add("Softplus", scaled)
    y = y if a.beta == 1 else g.add("Div", y, beta)
    return g.add("Where", g.add("Greater", scaled, np.asarray(a.threshold, dtype)), a.input, y)


def leaky_relu(g: Graph, a: Arguments) -> str:
    if is_exact(a.negative_slope, a.result.dtype):
        return g.add("LeakyRelu", a.input, alpha=a.negative_slope)
    return g.add("PRelu", a.input, np.asarray(a.negative_slope, a.result.dtype))


def elu(g: Graph, a: Arguments) -> str:
    """Where alpha is no attribute that is exact: max(x, 0) + alpha (exp(min(x, 0)) - 1)."""
    dtype = a.result.dtype
    if is_exact(a.alpha, dtype):
        return g.add("Elu", g.cast(a.input, dtype), alpha=a.alpha)
    x = g.cast(a.input, dtype)
    bent = g.add("Elu", g.add("Min", x, np.zeros((), dtype)))
    return g.add("Add", g.add("Relu", x), g.add("Mul", bent, np.asarray(a.alpha, dtype)))


def hardsigmoid(g: Graph, a: Arguments) -> str:
    """min(max(x + 3, 0), 6) / 6"""
    dtype = a.result.dtype
    three, zero, six = (np.asarray(number, dtype) for number in (3, 0, 6))
    return g.add("Div", g.add("Clip", g.add("Add", g.cast(a.input, dtype), three), zero, six), six)


def silu(g: Graph, a: Arguments) -> str:
    return g.add("Mul", a.input, g.add("Sigmoid", a.input))


def limited(g: Graph, a: Arguments, low: Any, high: Any) -> str:
    """x between two bounds, each of which may be None, a number or a tensor."""
    y = g.cast(a.input, a.result.dtype)
    for node, bound in (("Max", low), ("Min", high)):
        if bound is not None:
            is_tensor = isinstance(bound, Tensor)
            y = g.add(node, y, g.cast(bound, a.result.dtype) if is_tensor else np.asarray(bound, a.result.dtype))
    return y if isinstance(y, str) else g.add("Identity", y)


def softmax(node: str) -> Converter:
    return lambda g, a: g.add(node, a.input, axis=a.dim)


def pad_constant(g: Graph, a: Arguments) -> str:
    """Negative widths cut off, which is a slice of its own: not every runtime takes them."""
    cut = np.minimum(a.widths, 0).T
    pads = np.maximum(a.widths, 0).T
    y: Any = a.input
    if np.any(cut):
        stops = [after or LAST for after in cut[1].tolist()]
        y = g.add("Slice", y, -cut[0], stops, list(range(a.input.ndim)))
    return g.add("Pad", y, pads.reshape(-1), np.full((), a.value).astype(a.input.dtype), mode="constant")


def pad_axis(g: Graph, a: Arguments) -> str:
    """ONNX's own padding, of opset 18, neither cuts off nor goes round; the elements are gathered there."""
    modes = {"reflect": "reflect", "replicate": "edge"}
    if a.mode not in modes or min(a.width) < 0:
        n, (before, after) = a.input.shape[a.axis], a.width
        places = SOURCES[a.mode](np.arange(-before, n + after), n, before, after)
        return g.add("Gather", a.input, places.astype(np.int64), axis=a.axis)
    pads = [0] * (2 * a.input.ndim)
    pads[a.axis], pads[a.input.ndim + a.axis] = a.width
    return g.add("Pad", a.input, pads, mode=modes[a.mode])


def prelu(g: Graph, a: Arguments) -> str:
    return g.add("PRelu", a.input, g.add("Reshape", a.weight, [-1, *[1] * (a.input.ndim - 2)]))


def cast(g: Graph, a: Arguments) -> str:
    y = g.cast(a.input, a.result.dtype)
    return y if isinstance(y, str) else g.add("Identity", y)


OPERATORS: dict[str, Converter] = {
    "abs": same_name("Abs"),
    "adaptive_avg_pool": adaptive_pool("GlobalAveragePool", "AveragePool"),
    "adaptive_max_pool": adaptive_pool("GlobalMaxPool", "MaxPool"),
    "add": two_operands("Add"),
    "amax": reduction("ReduceMax"),
    "amin": reduction("ReduceMin"),
    "avg_pool": avg_pool,
    "batch_norm_inference": batch_norm_inference,
    "cast": cast,
    "channels_of_pixels": channels_of_pixels,
    "clamp": lambda g, a: limited(g, a, a.min, a.max),
    "clone": same_name("Identity"),
    "contiguous": same_name("Identity"),
    "convolution": convolution,
    "cos": same_name("Cos"),
    "div": two_operands("Div"),
    "elu": elu,
    "erf": same_name("Erf"),
    "exp": same_name("Exp"),
    "expanded": expanded,
    "hardsigmoid": hardsigmoid,
    "hardswish": lambda g, a: g.add("Mul", g.cast(a.input, a.result.dtype), hardsigmoid(g, a)),
    "hardtanh": lambda g, a: limited(g, a, a.min_val, a.max_val),
    "joined": joined,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "log": same_name("Log"),
    "log_softmax": softmax("LogSoftmax"),
    "logsigmoid": lambda g, a: g.add("Neg", g.add("Softplus", g.add("Neg", a.input))),
    "max_pool": max_pool,
    "maximum": two_operands("Max"),
    "mean": reduction("ReduceMean"),
    "minimum": two_operands("Min"),
    "mish": same_name("Mish"),
    "mul": two_operands("Mul"),
    "neg": same_name("Neg"),
    "normalised_by_neighbours": normalised_by_neighbours,
    "normalised_in_groups": normalised_in_groups,
    "pad_axis": pad_axis,
    "pad_constant": pad_constant,
    "permuted": permuted,
    "pixels_of_channels": pixels_of_channels,
    "pow": two_operands("Pow"),
    "prelu": prelu,
    "product": product,
    "reciprocal": same_name("Reciprocal"),
    "relu": same_name("Relu"),
    "resampled": resampled,
    "reshaped": reshaped,
    "rsqrt": lambda g, a: g.add("Reciprocal", g.add("Sqrt", a.input)),
    "select": select,
    "shuffled_channels": shuffled_channels,
    "sigmoid": same_name("Sigmoid"),
    "silu": silu,
    "sin": same_name("Sin"),
    "softmax": softmax("Softmax"),
    "softplus": softplus,
    "sqrt": same_name("Sqrt"),
    "square": lambda g, a: g.add("Mul", a.input, a.input),
    "sub": two_operands("Sub"),
    "sum": reduction("ReduceSum"),
    "tanh": same_name("Tanh"),
    "transposed_convolution": transposed_convolution,
}
