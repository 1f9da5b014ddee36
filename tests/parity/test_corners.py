"""Where functions have no slope, or nothing counts: the same values and gradients as in PyTorch.

Where they differ, on purpose: NaN stays NaN in the gradients of abs, sign, elu, hardswish and l1_loss; a product with
Inf among its factors still has the product of the others for its slope, and so have norms of negative order; a sum of
squares that PyTorch rounds away from 0 for equal values is 0 here; binary_cross_entropy's slope along the target is
that of the bounded logarithms; ±0 and -Inf to the power ±1/2 are IEEE's, not those of the square root; an
infinite target of binary_cross_entropy_with_logits gives NaN; amax of NaN has a gradient at the NaN alone.
"""

from itertools import product

import numpy as np
import pytest

from .compare import compare

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:.*degrees of freedom"),
    pytest.mark.filterwarnings("ignore:reduction:UserWarning"),
]

INF, NAN = float("inf"), float("nan")
POINTS = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 6, 20, -20, 100, -100, 800, -800, 1e-320, INF, -INF])
FUNCTIONS = (
    "exp", "expm1", "abs", "square", "sign", "relu", "erf", "floor", "log", "log1p", "log2", "log10", "sqrt", "rsqrt",
    "reciprocal", "sigmoid", "tanh",
)  # fmt: skip
ACTIVATIONS = (
    "leaky_relu", "elu", "gelu", "silu", "softplus", "hardtanh", "relu6", "hardswish", "mish", "logsigmoid",
)  # fmt: skip
ELEMENTWISE = {
    **{name: lambda t, x, name=name: getattr(t, name)(x) for name in FUNCTIONS},
    **{name: lambda t, x, name=name: getattr(t.nn.functional, name)(x) for name in ACTIVATIONS},
    "elu, negative": lambda t, x: t.nn.functional.elu(x, -0.5),
    "softplus, options": lambda t, x: t.nn.functional.softplus(x, 2.0, 10.0),
    "prelu": lambda t, x: t.nn.functional.prelu(x, t.tensor([0.3], dtype=x.dtype)),
    **{f"x ** {p!r}": lambda t, x, p=p: x**p for p in (0, 1, 2, 3, -1, -2, 0.0, 1.0, 2.0, 1.5)},
    **{f"{b!r} ** x": lambda t, x, b=b: b**x for b in (0.0, 1.0, 2.0, -1.0)},
    **{f"clamp{ends}": lambda t, x, ends=ends: x.clamp(*ends) for ends in ((-1, 1), (0, None), (None, 0), (1, -1))},
    "1 / x": lambda t, x: 1 / x,
    "x / 0": lambda t, x: x / 0,
    "x % 2": lambda t, x: x % 2,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name, dtype):
    finite = name == "gelu"  # at -Inf, PyTorch's is NaN or 0 as the number of elements is
    compare(ELEMENTWISE[name], POINTS[: -2 if finite else None].astype(dtype))


@pytest.mark.parametrize("name", ["hardtanh", "relu6", "relu", "leaky_relu"])
def test_nan_lets_its_gradient_through(name):
    compare(lambda t, x: getattr(t.nn.functional, name)(x), np.array([NAN, 1.0]))


PAIRS = np.array(list(product([0.0, -0.0, 1, -1, 2, 0.5, INF, -INF, NAN], repeat=2))).T
TWO = {
    "x ** y": lambda t, x, y: x**y,
    "x % y": lambda t, x, y: x % y,
    "x / y": lambda t, x, y: x / y,
    "maximum": lambda t, x, y: t.maximum(x, y),
    "minimum": lambda t, x, y: t.minimum(x, y),
    "where": lambda t, x, y: t.where(x > y, x, y),
    "clamp, min": lambda t, x, y: x.clamp(min=y),
    "clamp, max": lambda t, x, y: x.clamp(max=y),
    "clamp": lambda t, x, y: x.clamp(y, y * 0 + 1),
    "mse_loss": lambda t, x, y: t.nn.functional.mse_loss(x, y, reduction="none"),
    "huber_loss": lambda t, x, y: t.nn.functional.huber_loss(x, y, "none", 0.5),
    "smooth_l1_loss": lambda t, x, y: t.nn.functional.smooth_l1_loss(x, y, reduction="none", beta=0.5),
}


@pytest.mark.parametrize("name", TWO)
def test_two_operands(name):
    compare(TWO[name], *PAIRS)


MATRICES = {
    "equal": np.full((2, 3), 3.0),
    "zeros": np.zeros((2, 3)),
    "one row of zeros": np.array([[0.0, -0.0, 0], [1, -5, 2]]),
    "one row of equals": np.array([[0.1, 0.1, 0.1], [1, 5, 2]]),
    "zeros among others": np.array([[0.0, 0, 3], [1, 0, 2]]),
    "ties": np.array([[2.0, 2, 1], [1, 1, 1]]),
    "tiny": np.full((2, 3), 1e-200),
    "tiny, float32": np.full((2, 3), 1e-30, np.float32),
    "a row of -inf": np.array([[-INF, -INF, -INF], [1, 2, 3]]),
    "one -inf": np.array([[1.0, -INF, 2], [1, 2, 3]]),
    "column": np.array([[1.0], [2]]),
    "one": np.array([[5.0]]),
    "none": np.zeros((0, 3)),
    "no columns": np.zeros((2, 0)),
}
INFINITE = ("a row of -inf", "one -inf")
EMPTY = ("none", "no columns")


def along(t, f):
    """f over all, over each axis and over both, kept or not."""
    return [f(), *(f(dim, keepdim=keep) for dim, keep in product((0, 1, (0, 1)), (False, True)))]


REDUCTIONS = {
    "std": (lambda t, x: along(t, lambda dim=(0, 1), keepdim=False: x.std(dim, keepdim=keepdim)), ()),
    "std of rows": (lambda t, x: [x.std(1), x.std(-1, unbiased=False), x.std(1, correction=0)], ()),
    "var": (lambda t, x: along(t, lambda dim=(0, 1), keepdim=False: x.var(dim, keepdim=keepdim)), ()),
    **{
        f"norm {p}": (lambda t, x, p=p: along(t, lambda dim=(0, 1), keepdim=False: x.norm(p, dim, keepdim)), ())
        for p in (1, 2, 3, 0.5, "fro")
    },
    "largest": (lambda t, x: [x.norm(INF), x.norm(-INF, 0), x.norm(INF, 1)], EMPTY),
    "extremes": (lambda t, x: [x.amax(), x.amin(0), x.amax((0, 1), keepdim=True), x.max(1)[0], x.min(0)[0]], EMPTY),
    "prod": (lambda t, x: [x.prod(), x.prod(0), x.prod(1, keepdim=True)], INFINITE),
    "softmax": (lambda t, x: [x.softmax(0), x.softmax(1)], ()),
    "log_softmax": (lambda t, x: [x.log_softmax(0), x.log_softmax(1)], ()),
    "logsumexp": (lambda t, x: [x.logsumexp(0), x.logsumexp(1), x.logsumexp((0, 1), keepdim=True)], ()),
    "normalize": (lambda t, x: [t.nn.functional.normalize(x, p, dim) for p in (1.0, 2.0, 3.0) for dim in (0, 1)], ()),
    "cosine_similarity": (lambda t, x: t.nn.functional.cosine_similarity(x, x * 0 + 1, 1), ()),
    "pairwise_distance": (lambda t, x: t.nn.functional.pairwise_distance(x, x * 0 + 3, eps=0.0), INFINITE),
    "distance to itself": (lambda t, x: [t.nn.functional.pairwise_distance(x, x, p) for p in (1.0, 2.0)], INFINITE),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("matrix", MATRICES)
def test_reductions(name, matrix):
    function, elsewhere = REDUCTIONS[name]
    if matrix not in elsewhere:
        compare(lambda t, x: function(t, x), MATRICES[matrix])


# -- losses ------------------------------------------------------------------------------------------------------------

LABELS = ([-100, -100], [-100, 1], [0, 2])
WEIGHTS = (None, [1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 2), (3,)], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_labels_that_do_not_count(name, reduction, shape):
    x = np.random.default_rng(0).standard_normal(shape)
    for labels, weight, ignored in product(LABELS, WEIGHTS, (-100, 0, 2)):
        marked = np.where(np.equal(labels, -100), ignored, labels)
        of_shape = {1: marked[0], 2: marked, 3: np.stack([marked, marked], 1)}[len(shape)]

        def loss(t, x, labels=of_shape, weight=weight, ignored=ignored):
            weight = None if weight is None else t.tensor(weight, dtype=x.dtype)
            labels = t.tensor(np.array(labels))
            return getattr(t.nn.functional, name)(x, labels, weight, ignore_index=ignored, reduction=reduction)

        compare(loss, x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "binary_cross_entropy",
     "binary_cross_entropy_with_logits"],
)  # fmt: skip
def test_losses_of_nothing_and_of_equals(name, reduction):
    for x in (np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((2, 2)), np.ones((2, 2))):
        compare(lambda t, x: getattr(t.nn.functional, name)(x, x.detach(), reduction=reduction), x)


LAYERS = {
    "batch_norm": lambda F, x: F.batch_norm(x, None, None, training=True),
    "layer_norm": lambda F, x: F.layer_norm(x, (2, 2)),
    "group_norm": lambda F, x: F.group_norm(x, 1),
    "local_response_norm": lambda F, x: F.local_response_norm(x, 2),
    "max_pool2d": lambda F, x: F.max_pool2d(x, 2),
    "adaptive_max_pool2d": lambda F, x: F.adaptive_max_pool2d(x, 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_equal_values(name):
    for x in (np.zeros((2, 2, 2, 2)), np.ones((2, 2, 2, 2)), np.arange(4.0).repeat(4).reshape(2, 2, 2, 2)):
        compare(lambda t, x: LAYERS[name](t.nn.functional, x), x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_smoothed_labels_that_do_not_count(smoothing, reduction):
    for labels in ([-100, -100], [-100, 1]):
        compare(
            lambda t, x, labels=labels: t.nn.functional.cross_entropy(
                x, t.tensor(labels), reduction=reduction, label_smoothing=smoothing
            ),
            np.zeros((2, 3)),
        )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_weights_of_zero(reduction):
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        for x, y in product((0.0, 0.5, 1.0), (0.0, 1.0)):
            compare(
                lambda t, x, y=y, name=name: getattr(t.nn.functional, name)(
                    x, t.full((2,), y, dtype=x.dtype), t.zeros(2, dtype=x.dtype), reduction=reduction
                ),
                np.full(2, x),
            )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("scores", [[-INF, 0, 0], [-INF, -INF, -INF], [INF, 0, 0], [0, 0, 0]], ids=str)
def test_infinite_scores(scores, reduction):
    x = np.array([scores, [1.0, 2.0, 3.0]])
    for label in (0, 2, -100):
        compare(lambda t, x, k=label: t.nn.functional.cross_entropy(x, t.tensor([k, 1]), reduction=reduction), x)
        compare(lambda t, x, k=label: t.nn.functional.nll_loss(x, t.tensor([k, 1]), reduction=reduction), x)
    shares = np.array([[0.0, 0.5, 0.5], [1, 0, 0]])
    compare(lambda t, x: t.nn.functional.cross_entropy(x, t.tensor(shares), reduction=reduction), x)
