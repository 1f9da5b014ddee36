"""Every operation on tensors against PyTorch: outputs and all gradients, float64 and float32."""

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import compare, torch

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:.*degrees of freedom")]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4, 5))
Y = RNG.standard_normal((4, 1))
INF = float("inf")

# Functions of the library t, of a (3, 4, 5) and of b (4, 1).
OPS = {
    "add": lambda t, a, b: a + b * 2,
    "add_alpha": lambda t, a, b: t.add(a, b, alpha=0.5),
    "sub_alpha": lambda t, a, b: t.sub(a, b, alpha=2),
    "radd": lambda t, a, b: 1.0 - a + 3 / b,
    "mul_div": lambda t, a, b: a * b / (a * a + 1),
    "pow": lambda t, a, b: (a * a + 1) ** b,
    "pow_int": lambda t, a, b: a**3,
    "pow_negative": lambda t, a, b: a**-2,
    "pow_zero": lambda t, a, b: a**0 + b,
    "pow_root": lambda t, a, b: (a * a + 0.1) ** 0.5,
    "rpow": lambda t, a, b: 2.0**a,
    "remainder": lambda t, a, b: a % b,
    "remainder_number": lambda t, a, b: t.remainder(a, -0.7),
    "maximum": lambda t, a, b: t.maximum(a, b),
    "maximum_ties": lambda t, a, b: t.maximum(a.round(), b.round()),
    "minimum": lambda t, a, b: t.minimum(a.round(), b.round()),
    "where": lambda t, a, b: t.where(a > b, a, b),
    "where_number": lambda t, a, b: t.where(a > 0, a, 0.0),
    "lerp": lambda t, a, b: t.lerp(a, a * 2, b),
    "lerp_number": lambda t, a, b: t.lerp(a, a * a, 0.3),
    "matmul": lambda t, a, b: a.transpose(1, 2) @ b,
    "matmul_vector": lambda t, a, b: a.transpose(1, 2) @ b[:, 0],
    "vector_matmul": lambda t, a, b: b[:, 0] @ a,
    "dot": lambda t, a, b: t.dot(b[:, 0], a[0, :, 1]),
    "mv": lambda t, a, b: t.mv(a[0].T, b[:, 0]),
    "mm": lambda t, a, b: t.mm(a[0].T, b),
    "bmm": lambda t, a, b: t.bmm(a, a.mT),
    "sum": lambda t, a, b: a.sum(1),
    "sum_keep": lambda t, a, b: a.sum((0, 2), keepdim=True),
    "sum_all": lambda t, a, b: a.sum(),
    "sum_axis": lambda t, a, b: a.sum(axis=1, keepdims=True),
    "mean": lambda t, a, b: a.mean(-1),
    "mean_list": lambda t, a, b: t.mean(a, [0, 1]),
    "var": lambda t, a, b: a.var(1),
    "var_all": lambda t, a, b: a.var(),
    "var_correction": lambda t, a, b: t.var(a, (0, 2), correction=2, keepdim=True),
    "var_one": lambda t, a, b: b.var(1),
    "std": lambda t, a, b: a.std((0, 1), unbiased=False),
    "std_all": lambda t, a, b: a.std(),
    "max_dim": lambda t, a, b: a.max(1),
    "min_dim": lambda t, a, b: a.min(2, keepdim=True),
    "max_all": lambda t, a, b: a.max(),
    "max_ties": lambda t, a, b: a.round().max(),
    "max_two": lambda t, a, b: t.max(a, b),
    "amax": lambda t, a, b: a.round().amax((0, 1)),
    "amin": lambda t, a, b: t.amin(a.round(), 2, keepdim=True),
    "amax_all": lambda t, a, b: a.amax(),
    "argmax": lambda t, a, b: (a.argmax(), a.argmax(1), t.argmin(a, -1, keepdim=True)),
    "prod": lambda t, a, b: a.prod(1),
    "prod_zero": lambda t, a, b: a.round().prod(1),
    "prod_all": lambda t, a, b: b.prod(),
    "norm": lambda t, a, b: a.norm(),
    "norm_1": lambda t, a, b: a.norm(1, 1),
    "norm_3": lambda t, a, b: a.norm(3, dim=1),
    "norm_half": lambda t, a, b: a.norm(0.5, dim=2, keepdim=True),
    "norm_inf": lambda t, a, b: a.norm(INF),
    "norm_minus_inf": lambda t, a, b: a.norm(-INF, 1),
    "norm_zero": lambda t, a, b: (a * 0).norm(3, 1) + (b * 0).norm(),
    "norm_count": lambda t, a, b: a.round().norm(0, 1) + b.sum(),
    "cumsum": lambda t, a, b: a.cumsum(1),
    "any_all": lambda t, a, b: ((a > 0).any(1), t.all(a > -1, dim=0), (a > 3).any()),
    "softmax": lambda t, a, b: a.softmax(1),
    "log_softmax": lambda t, a, b: t.log_softmax(a, -1),
    "logsumexp": lambda t, a, b: t.logsumexp(a, (0, 2)),
    "logsumexp_keep": lambda t, a, b: a.logsumexp(1, keepdim=True),
    "slices": lambda t, a, b: a[:, 1:3, ::2],
    "number": lambda t, a, b: a[-1],
    "pairs": lambda t, a, b: a[t.tensor([0, 2, 0]), t.tensor([1, 1, 1])],
    "mask": lambda t, a, b: a[a > 0],
    "row_mask": lambda t, a, b: a[t.tensor([True, False, True])],
    "new_axis": lambda t, a, b: a[..., None, -1],
    "list": lambda t, a, b: a[[0, 0, 1]],
    "index_apart": lambda t, a, b: a[t.tensor([0, 1]), :, t.tensor([4, 4])],
    "index_table": lambda t, a, b: a[:, t.tensor([[0, 1], [1, 0]])],
    "index_zero_d": lambda t, a, b: a[t.tensor(1)],
    "iterate": lambda t, a, b: list(a),
    "cat": lambda t, a, b: t.cat([a, a * 2, b.expand(3, 4, 1)], -1),
    "stack": lambda t, a, b: t.stack([a, a * 2], 1),
    "stack_last": lambda t, a, b: t.stack((b, b * b), -1),
    "chunk": lambda t, a, b: a.chunk(2, 2),
    "split": lambda t, a, b: a.split([1, 3], 1),
    "split_size": lambda t, a, b: t.split(a, 2, -1),
    "unbind": lambda t, a, b: a.unbind(1),
    "repeat": lambda t, a, b: a.repeat(2, 1, 1, 3),
    "expand": lambda t, a, b: b.expand(2, -1, 3),
    "broadcast_to": lambda t, a, b: t.broadcast_to(b, (2, 4, 3)),
    "flip": lambda t, a, b: a.flip([0, 2]),
    "flip_numbers": lambda t, a, b: a.flip(0, 1),
    "roll": lambda t, a, b: t.roll(a, (1, 2), (0, 1)),
    "roll_flat": lambda t, a, b: t.roll(a, -7),
    "permute": lambda t, a, b: a.permute(2, 0, 1).reshape(5, 12),
    "transpose": lambda t, a, b: t.transpose(a, 0, -1),
    "T": lambda t, a, b: b.T,
    "mT": lambda t, a, b: a.mT,
    "t": lambda t, a, b: t.t(b),
    "movedim": lambda t, a, b: t.movedim(a, 0, -1),
    "movedim_several": lambda t, a, b: a.movedim((0, 2), (1, 0)),
    "squeeze": lambda t, a, b: b.unsqueeze(0).squeeze(),
    "squeeze_dim": lambda t, a, b: b[None].squeeze(-1),
    "squeeze_dims": lambda t, a, b: b[None].squeeze((0, 1)),
    "flatten": lambda t, a, b: a.flatten(1),
    "unflatten": lambda t, a, b: a.flatten(1).unflatten(1, (2, -1)),
    "view": lambda t, a, b: a.view(12, -1),
    "contiguous": lambda t, a, b: a.transpose(0, 1).contiguous().view(-1),
    "gather": lambda t, a, b: t.gather(a, 1, t.tensor([[[0, 1, 0, 1, 1]], [[1, 2, 3, 3, 2]]])),
    "take": lambda t, a, b: t.take(a, t.tensor([[0, 5], [59, 5]])),
    "index_select": lambda t, a, b: t.index_select(a, 1, t.tensor([3, 0, 3])),
    "masked_fill": lambda t, a, b: a.masked_fill(a > 0, 3.0),
    "masked_select": lambda t, a, b: t.masked_select(a, b > 0),
    "nonzero": lambda t, a, b: t.nonzero(a > 0),
    "sort": lambda t, a, b: t.sort(a, 1, descending=True),
    "sort_last": lambda t, a, b: a.sort(),
    "argsort": lambda t, a, b: a.argsort(0),
    "topk": lambda t, a, b: a.topk(2, 1),
    "topk_smallest": lambda t, a, b: t.topk(a, 3, largest=False),
    "clamp": lambda t, a, b: a.clamp(-0.5, 0.5),
    "clamp_tensor": lambda t, a, b: t.clamp(a, min=b),
    "clamp_tensors": lambda t, a, b: a.clamp(b, b + 0.5),
    "clamp_crossed": lambda t, a, b: a.clamp(b, b - 0.5),
    "clamp_edge": lambda t, a, b: a.round().clamp(-1, 1),
    "triangles": lambda t, a, b: (t.tril(a), a.triu(1), t.tril(a, -1)),
    "compare": lambda t, a, b: (a > b, a == a, a <= 0, a != 1, t.isclose(a, a + 1e-9), ~(a > 0) | (b < 0)),
    "cast": lambda t, a, b: (a.float() * 2, a.long(), b.bool()),
    "clone": lambda t, a, b: a.clone() * b,
    "detach": lambda t, a, b: a * a.detach(),
    "sigmoid": lambda t, a, b: t.sigmoid(a),
    "leaf_twice": lambda t, a, b: a * a + a,
    "diamond": lambda t, a, b: (lambda c: c * c.sum() + c.exp() * b)(a * b),
}
ONE_OPERAND = [
    "exp", "expm1", "tanh", "sin", "cos", "tan", "abs", "square", "neg", "relu", "erf", "sign", "floor", "ceil",
    "round",
]  # fmt: skip
for _name in ONE_OPERAND:
    OPS[_name] = lambda t, a, b, name=_name: getattr(t, name)(a)
for _name in ["log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"]:
    OPS[_name] = lambda t, a, b, name=_name: getattr(t, name)(a.abs() + 0.3)


@pytest.mark.parametrize("name", OPS)
def test_float64(name):
    compare(OPS[name], X, Y)


@pytest.mark.parametrize("name", OPS)
def test_float32(name):
    compare(OPS[name], X.astype(np.float32), Y.astype(np.float32))


EMPTY = [
    "add", "sum", "mean", "prod", "cumsum", "softmax", "log_softmax", "cat", "stack", "split", "repeat", "flip", "mask",
    "transpose", "masked_fill", "sort", "exp", "relu", "std", "matmul", "lerp_number", "triangles", "clamp", "var",
]  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_empty(name):
    compare(OPS[name], X[:, :, :0], Y)


@pytest.mark.parametrize(
    "function",
    [
        lambda t, a: a.sum(0) + a.mean() + a.amax(0) + a.prod() + a.norm(),
        lambda t, a: t.stack([a, a * 2]),
        lambda t, a: (a.reshape(1), a.unsqueeze(0), a.flatten(), a.squeeze(), a.T if t is mt else a.t()),
        lambda t, a: a.max(0),
        lambda t, a: (t.nn.functional.gelu(a), a.erf(), a.contiguous()),
        lambda t, a: a.expand(2, 3),
        lambda t, a: a[None] * a[...],
    ],
)
def test_zero_dimensional(function):
    compare(function, np.array(0.7))


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf])
SPECIALS = {
    **{name: OPS[name] for name in ONE_OPERAND if name not in ("sin", "cos", "tan", "neg", "ceil", "round")},
    "sigmoid": lambda t, a, b: t.sigmoid(a),
    "log": lambda t, a, b: t.log(a),
    "log1p": lambda t, a, b: t.log1p(a),
    "sqrt": lambda t, a, b: t.sqrt(a),
    "rsqrt": lambda t, a, b: t.rsqrt(a),
    "reciprocal": lambda t, a, b: t.reciprocal(a),
    "sum": lambda t, a, b: a.sum(),
    "max": lambda t, a, b: a.max(),
    "min_dim": lambda t, a, b: a.min(0),
    "softmax": lambda t, a, b: a.softmax(0),
    "logsumexp": lambda t, a, b: t.logsumexp(a, 0),
    "maximum": lambda t, a, b: t.maximum(a, a.flip([0])),
    "clamp": lambda t, a, b: a.clamp(-0.5, 2.0),
    "where": lambda t, a, b: t.where(a > 0, a, a * 2),
    "pow": lambda t, a, b: a**2 + a**0,
    "sort": lambda t, a, b: a.sort(),
    "division": lambda t, a, b: a / a,
    "kinds": lambda t, a, b: (a.isnan(), a.isinf(), a.isfinite(), a == a, a.bool()),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIALS)
def test_zeros_and_infinities(name):
    compare(lambda t, a: SPECIALS[name](t, a, None), SPECIAL)


@pytest.mark.parametrize("name", [name for name in SPECIALS if name != "sign"])  # sign(NaN) is 0 in PyTorch, NaN here
def test_nan_forward(name):
    compare(lambda t, a: SPECIALS[name](t, a.detach(), None), np.append(SPECIAL, np.nan))


ACTIVATIONS = {
    "relu": {},
    "leaky_relu": {"negative_slope": 0.2},
    "elu": {"alpha": 0.7},
    "gelu": {},
    "silu": {},
    "softplus": {"beta": 2.0},
    "hardtanh": {"min_val": -0.5, "max_val": 2.0},
    "relu6": {},
    "hardswish": {},
    "mish": {},
    "logsigmoid": {},
    "sigmoid": {},
    "tanh": {},
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype):
    scaled = (X * 3).astype(dtype)
    compare(lambda t, a: getattr(t.nn.functional, name)(a, **ACTIVATIONS[name]), scaled)
    compare(lambda t, a: getattr(t.nn.functional, name)(a), scaled.transpose(2, 0, 1))
    compare(lambda t, a: getattr(t.nn.functional, name)(a.round()), scaled)


def test_more_activations():
    # PyTorch's slope is 1/6 in float32, also for float64
    compare(lambda t, a: t.nn.functional.hardsigmoid(a), X * 3, rtol=1e-7)
    compare(lambda t, a: t.nn.functional.hardsigmoid(a), (X * 3).astype(np.float32))
    compare(lambda t, a: t.nn.functional.gelu(a, approximate="tanh"), X)
    compare(lambda t, a: t.nn.functional.softplus(a * 30, threshold=5), X)
    compare(lambda t, a: t.nn.functional.softmax(a, dim=1), X)
    compare(lambda t, a: t.nn.functional.log_softmax(a, dim=0), X)
    compare(lambda t, a, w: t.nn.functional.prelu(a, w), X, np.array([0.2]))
    compare(lambda t, a, w: t.nn.functional.prelu(a, w), X, np.array([0.2, -0.1, 0.0, 1.5]))
    compare(lambda t, a: t.nn.functional.relu(a * 1, inplace=True), X)
    compare(lambda t, a: t.nn.functional.one_hot((a * 2).round().long().abs()), X)


BY_OPERATOR = {"eq", "lt", "le", "gt", "div", "mul"}  # compared as a == b, a < b, ..., not by name


def test_every_public_operation_is_compared():
    """An operation added to `ops` is missing here until somebody compares it."""
    import inspect

    text = inspect.getsource(inspect.getmodule(test_every_public_operation_is_compared))
    elsewhere = {"differentiable", "unbroadcast", "OPERATIONS", "relu_", "allclose", "equal", "linear"}
    names = [name for name in mt.ops.__all__ if name not in elsewhere and hasattr(torch, name)]
    missing = [name for name in names if name not in text and name not in BY_OPERATOR]
    assert missing == []


def test_integer_operations():
    numbers = np.array([[-7, 7, 3], [0, 2, -5]])

    def function(t, a):
        b = t.tensor([3, -2, 4])
        return (
            a + b, a - b, a * b, a / b, a // b, a % b, a // 3, a % -3, a**2, 2**a.abs(), -a, a.abs(),
            a.sum(0), a.prod(), a.cumsum(1), a.max(1), a.min(), a.argmax(), a.sort(1), t.maximum(a, b),
            t.where(a > 0, a, b), a.clamp(-1, 2), t.sign(a), a.exp(), a.sqrt(), a & b, a | 1, a ^ b, ~a,
            t.logical_and(a, b), t.logical_xor(a, b > 0),
            t.logical_or(a, b), t.logical_not(a), t.ne(a, b), t.ge(a, 2), a.float().mean(), t.floor_divide(a, 2),
        )  # fmt: skip

    def flat(t, a):
        return [x for y in function(t, a) for x in (y if isinstance(y, tuple) else [y])]

    compare(flat, numbers)
    compare(flat, numbers.astype(np.int32))
