"""How each operation of the engine is written in ONNX: a function of the graph and of the operation's arguments.

Source: the ONNX operator specification, opset 18.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace as Arguments
from typing import Any

import numpy as np

from ..tensor import Tensor
from .graph import Graph

Converter = Callable[[Graph, Arguments], str]


def same_name(operator: str, *attributes: str) -> Converter:
    """One node on the first argument; `attributes` are options that both sides call the same."""

    def convert(g: Graph, a: Arguments) -> str:
        return g.add(operator, a.input, **{name: getattr(a, name) for name in attributes})

    return convert


def two_operands(operator: str) -> Converter:
    """A broadcasting operation of two tensors or numbers; a number takes the dtype of the tensor beside it."""

    def convert(g: Graph, a: Arguments) -> str:
        other = a.other if hasattr(a, "other") else a.exponent
        dtype = next(x.dtype for x in (a.input, other) if isinstance(x, Tensor))
        operands: list[Any] = [x if isinstance(x, Tensor) else np.asarray(x, dtype) for x in (a.input, other)]
        if getattr(a, "alpha", 1) != 1:
            operands[1] = g.add("Mul", operands[1], np.asarray(a.alpha, dtype))
        return g.add(operator, *operands)

    return convert


def convolution(g: Graph, a: Arguments) -> str:
    return g.add("Conv", a.x, a.w, a.b, strides=a.stride, pads=a.padding * 2, dilations=a.dilation, group=a.groups)


def linear(g: Graph, a: Arguments) -> str:
    if a.input.ndim == 2:
        return g.add("Gemm", a.input, a.weight, a.bias, transB=1)
    product = g.add("MatMul", a.input, g.add("Transpose", a.weight, perm=[1, 0]))
    return product if a.bias is None else g.add("Add", product, a.bias)


def product(g: Graph, a: Arguments) -> str:
    return g.add("MatMul", a.a, a.b)


def max_pool(g: Graph, a: Arguments) -> str:
    return g.add(
        "MaxPool",
        a.x,
        kernel_shape=a.kernel,
        strides=a.stride,
        pads=a.padding * 2,
        dilations=a.dilation,
        ceil_mode=int(a.ceil_mode),
    )


def avg_pool(g: Graph, a: Arguments) -> str:
    if a.divisor_override is not None:
        raise ValueError("onnx.export: avg_pool2d with divisor_override has no form in ONNX; scale the result instead")
    return g.add(
        "AveragePool",
        a.x,
        kernel_shape=a.kernel,
        strides=a.stride,
        pads=a.padding * 2,
        ceil_mode=int(a.ceil_mode),
        count_include_pad=int(a.count_include_pad),
    )


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


def batch_norm_inference(g: Graph, a: Arguments) -> str:
    C, dtype = len(a.mean), a.mean.dtype
    weight = np.ones(C, dtype) if a.weight is None else a.weight
    bias = np.zeros(C, dtype) if a.bias is None else a.bias
    return g.add("BatchNormalization", a.x, weight, bias, a.mean, a.var, epsilon=a.eps)


def reshaped(g: Graph, a: Arguments) -> str:
    # 0 copies a size from the input: the batch, which the graph leaves open
    keeps_batch = bool(a.shape) and bool(a.input.shape) and a.shape[0] in (-1, g.batch) and a.input.shape[0] == g.batch
    shape = [0, *a.shape[1:]] if keeps_batch else list(a.shape)
    return g.add("Reshape", a.input, shape)


def permuted(g: Graph, a: Arguments) -> str:
    return g.add("Transpose", a.input, perm=a.order)


def expanded(g: Graph, a: Arguments) -> str:
    # 1 keeps a size of the input, so that the batch stays open
    old = (1,) * (len(a.shape) - a.input.ndim) + a.input.shape
    return g.add("Expand", a.input, [1 if n == size else size for n, size in zip(old, a.shape)])


def joined(g: Graph, a: Arguments) -> str:
    return g.add("Concat", *a.tensors, axis=a.dim)


def select(g: Graph, a: Arguments) -> str:
    """Slices and whole numbers, one after the other."""
    index = a.index if isinstance(a.index, tuple) else (a.index,)
    if not all(isinstance(part, (int, slice)) for part in index):
        raise ValueError(f"onnx.export: x[{a.index}] has no form here; only numbers and slices have")
    y, dropped = g.name_of(a.input), []
    for axis, part in enumerate(index):
        if isinstance(part, int):
            position = part % a.input.shape[axis]
            part = slice(position, position + 1)
            dropped.append(axis)
        start, stop, step = part.indices(a.input.shape[axis])
        if (start, stop, step) != (0, a.input.shape[axis], 1):
            y = g.add("Slice", y, [start], [stop], [axis], [step])
    return g.add("Squeeze", y, dropped) if dropped else g.add("Identity", y)


def reduction(operator: str) -> Converter:
    """A sum, mean or extreme over some axes, or over all."""

    def convert(g: Graph, a: Arguments) -> str:
        axes = None if a.dim is None else [a.dim] if isinstance(a.dim, int) else list(a.dim)
        return g.add(operator, a.input, axes, keepdims=int(a.keepdim))

    return convert


def silu(g: Graph, a: Arguments) -> str:
    return g.add("Mul", a.input, g.add("Sigmoid", a.input))


def limited(g: Graph, x: Tensor, low: Any, high: Any) -> str:
    """x between two bounds, each of which may be None."""
    bounds = [None if bound is None else np.asarray(bound, x.dtype) for bound in (low, high)]
    return g.add("Clip", x, *bounds)


def softmax(operator: str) -> Converter:
    return lambda g, a: g.add(operator, a.input, axis=a.dim)


def pad_constant(g: Graph, a: Arguments) -> str:
    widths = [tuple(width) for width in a.widths]
    pads = [before for before, _ in widths] + [after for _, after in widths]
    return g.add("Pad", a.input, pads, np.asarray(a.value, a.input.dtype), mode="constant")


def cast(g: Graph, a: Arguments) -> str:
    import onnx

    return g.add("Cast", a.input, to=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(a.dtype)))


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
    "clamp": lambda g, a: limited(g, a.input, a.min, a.max),
    "clone": same_name("Identity"),
    "contiguous": same_name("Identity"),
    "convolution": convolution,
    "div": two_operands("Div"),
    "elu": same_name("Elu", "alpha"),
    "erf": same_name("Erf"),
    "exp": same_name("Exp"),
    "expanded": expanded,
    "hardtanh": lambda g, a: limited(g, a.input, a.min_val, a.max_val),
    "joined": joined,
    "leaky_relu": lambda g, a: g.add("LeakyRelu", a.input, alpha=a.negative_slope),
    "linear": linear,
    "log": same_name("Log"),
    "log_softmax": softmax("LogSoftmax"),
    "max_pool": max_pool,
    "maximum": two_operands("Max"),
    "mean": reduction("ReduceMean"),
    "minimum": two_operands("Min"),
    "mul": two_operands("Mul"),
    "neg": same_name("Neg"),
    "pad_constant": pad_constant,
    "permuted": permuted,
    "pow": two_operands("Pow"),
    "product": product,
    "relu": same_name("Relu"),
    "reshaped": reshaped,
    "select": select,
    "sigmoid": same_name("Sigmoid"),
    "silu": silu,
    "softmax": softmax("Softmax"),
    "softplus": same_name("Softplus"),
    "sqrt": same_name("Sqrt"),
    "sub": two_operands("Sub"),
    "sum": reduction("ReduceSum"),
    "tanh": same_name("Tanh"),
}
