"""Gradient checks of operations that work element by element."""

from __future__ import annotations

import numpy as np

from ..ops import activation, arithmetic, inplace, pointwise
from ..tensor import Tensor
from .case import Case, beside, case, exactly, positive, spread

MASK = np.array([[True, False, True], [False, False, True]])


def binary() -> list[Case]:
    """Arithmetic of two operands, with every kind of broadcasting."""
    two_of = {
        "add": arithmetic.add,
        "sub": arithmetic.sub,
        "mul": arithmetic.mul,
        "maximum": arithmetic.maximum,
        "minimum": arithmetic.minimum,
    }
    cases = [
        case(name, label, op, left, right)
        for name, op in two_of.items()
        for label, left, right in (
            ("same shape", (2, 3), (2, 3)),
            ("row and column", (1, 3), (2, 1)),
            ("missing axes", (3,), (2, 4, 3)),
            ("scalar", (2, 3), ()),
        )
    ]
    return cases + [
        case("add", "alpha", lambda x, z: arithmetic.add(x, z, alpha=-2.5), (2, 3), (3,)),
        case("sub", "alpha", lambda x, z: arithmetic.sub(x, z, alpha=3), (3,), (2, 3)),
        case("add", "one tensor twice", lambda x: x + x, (2, 3)),
        case("sub", "number on the left", lambda x: 1.5 - x, (2, 3)),
        case("maximum", "ties", arithmetic.maximum, exactly([1, 2, 3]), exactly([1, 0, 3])),
        case("minimum", "ties", arithmetic.minimum, exactly([1, 2, 3]), exactly([1, 0, 3])),
        case("div", "broadcast", arithmetic.div, (2, 1, 3), (4, 1)),
        case("div", "number on the left", lambda x: 2 / x, (2, 3)),
        case("pow", "both", arithmetic.pow, positive((2, 3)), (3,)),
        case("pow", "square of either sign", lambda x: x**2, (2, 3)),
        case("pow", "cube at 0", lambda x: x**3, exactly([0, 1, -2])),
        case("pow", "power 0", lambda x: x**0, exactly([0, 1, -2])),
        case("pow", "root", lambda x: x**0.5, positive((2, 3))),
        case("pow", "number to a tensor", lambda x: 2**x, (2, 3)),
        case("remainder", "broadcast", arithmetic.remainder, exactly([[3.7], [-2.2]]), exactly([1.5, -0.8])),
        case("floor_divide", "broadcast", arithmetic.floor_divide, exactly([[3.7], [-2.2]]), exactly([1.5, -0.8])),
        case("lerp", "number", lambda x, end: arithmetic.lerp(x, end, 0.3), (2, 3), (2, 3)),
        case("lerp", "broadcast", arithmetic.lerp, (2, 1), (3,), (2, 3)),
        case("where", "broadcast", lambda x, z: arithmetic.where(beside(x, MASK), x, z), (3,), (2, 1)),
        case("where", "number", lambda x: arithmetic.where(beside(x, MASK), x, 0.5), (2, 3)),
    ]


def unary() -> list[Case]:
    """Functions of one operand."""
    anywhere = ["neg", "exp", "expm1", "square", "sin", "cos", "tan", "tanh", "erf", "sign", "floor", "ceil", "round"]
    positive_only = ["log", "log1p", "log2", "log10", "sqrt", "rsqrt"]
    return [
        *(case(name, "", getattr(pointwise, name), (2, 5)) for name in [*anywhere, "abs", "reciprocal"]),
        *(case(name, "", getattr(pointwise, name), positive((2, 5))) for name in positive_only),
        case("tanh", "large", pointwise.tanh, exactly([-30, -5, 5, 30])),
        case("erf", "wide", pointwise.erf, exactly(np.linspace(-6, 6, 25))),
        case("log1p", "near 0", pointwise.log1p, exactly([-0.5, -1e-3, 0, 1e-3])),
        case("round", "decimals", lambda x: pointwise.round(x, decimals=1), exactly([0.23, -1.58])),
        case("abs", "at 0", pointwise.abs, exactly([0, 1, -1])),
        case("sign", "at 0", pointwise.sign, exactly([0, 1, -1])),
        case("floor", "at whole numbers", pointwise.floor, exactly([0, 1, -1.5])),
        case("clamp", "numbers", lambda x: pointwise.clamp(x, -0.5, 0.6), (3, 4)),
        case("clamp", "one side", lambda x: pointwise.clamp(x, max=0.4), (3, 4)),
        case("clamp", "tensors", pointwise.clamp, spread((4, 3), 0.3, 2), exactly([-0.7, -0.5, 2.5]), exactly([[1.9]])),
        case("clamp", "at a limit", lambda x: pointwise.clamp(x, -1, 1), exactly([-1, 0, 1])),
    ]


def activations() -> list[Case]:
    """Activation functions, and the softmax family."""
    plain = {
        "relu": activation.relu,
        "leaky_relu": activation.leaky_relu,
        "elu": activation.elu,
        "sigmoid": activation.sigmoid,
        "logsigmoid": activation.logsigmoid,
        "silu": activation.silu,
        "softplus": activation.softplus,
        "hardtanh": activation.hardtanh,
        "mish": activation.mish,
    }
    softmaxes = {
        "softmax": activation.softmax,
        "log_softmax": activation.log_softmax,
        "logsumexp": activation.logsumexp,
    }
    return [
        *(case(name, "", op, spread((3, 4), 0.1, 2.5)) for name, op in plain.items()),
        *(
            case(name, f"dim {dim}", lambda x, op=op, dim=dim: op(x, dim), (2, 3, 2))
            for name, op in softmaxes.items()
            for dim in (0, 1, -1)
        ),
        *(
            case(name, "large", lambda x, op=op: op(x, 1), exactly([[700, 701, 699], [-900, -901, 0]]))
            for name, op in softmaxes.items()
        ),
        *(case(name, "at 0", op, exactly([0, 1, -1])) for name, op in plain.items()),
        case("relu", "zeros of both signs", activation.relu, exactly([0.0, -0.0, 1e-9, -1e-9])),
        case("leaky_relu", "slope", lambda x: activation.leaky_relu(x, 0.3), (3, 4)),
        case("elu", "alpha", lambda x: activation.elu(x, 1.7), (3, 4)),
        case("sigmoid", "large", activation.sigmoid, exactly([-800, -20, 20, 800])),
        case("hardsigmoid", "", activation.hardsigmoid, exactly([-4, -2.9, -0.5, 0, 1.2, 2.9, 3.1])),
        case("hardsigmoid", "at the corners", activation.hardsigmoid, exactly([-3, 0, 3])),
        case("hardswish", "", activation.hardswish, exactly([-4, -2.9, -0.5, 0, 1.2, 2.9, 3.1])),
        case("hardswish", "at the corners", activation.hardswish, exactly([-3, 0, 3])),
        case("softplus", "beta and threshold", lambda x: activation.softplus(x, 3.0, 2.0), (3, 4)),
        case("relu6", "", activation.relu6, exactly([-1, 0.5, 5.9, 6.1])),
        case("prelu", "one slope", activation.prelu, (2, 3, 2), (1,)),
        case("prelu", "per channel", activation.prelu, (2, 3, 2), (3,)),
        case("prelu", "one axis", activation.prelu, (4,), (1,)),
        case("gelu", "", activation.gelu, (3, 4)),
        case("gelu", "tanh", lambda x: activation.gelu(x, "tanh"), (3, 4)),
        case("logsumexp", "two axes", lambda x: activation.logsumexp(x, (0, 2)), (2, 3, 2)),
        case("logsumexp", "keepdim", lambda x: activation.logsumexp(x, 1, keepdim=True), (2, 3, 2)),
    ]


def in_place() -> list[Case]:
    """Writing into tensors that have a history, whole and in part."""

    def copied_into_row(x: Tensor, z: Tensor) -> Tensor:
        y = x * 2
        y[1].copy_(z)
        return y * y

    def scaled_column(x: Tensor) -> Tensor:
        y = x * 2
        y[:, 1] *= 3
        return y * y

    def assigned(x: Tensor, z: Tensor) -> Tensor:
        y = x * 2
        y[0, 1:] = z
        return y * y

    return [
        case("copy_", "a row through a view", copied_into_row, (2, 3), (3,)),
        case("copy_", "broadcast", lambda x, z: inplace.copy_(x.clone(), z), (2, 3), (2, 1)),
        case("mul_", "on a view", scaled_column, (2, 3)),
        case("setitem", "slice, broadcast", assigned, (2, 3), (1,)),
        case("add_", "", lambda x, z: inplace.add_(x.clone(), z), (2, 3), (3,)),
        case("relu_", "", lambda x: activation.relu_(x * 2), (2, 3)),
        case("masked_fill_", "", lambda x: inplace.masked_fill_(x.clone(), beside(x, MASK), 2.0), (2, 3)),
    ]


CASES = [*binary(), *unary(), *activations(), *in_place()]
