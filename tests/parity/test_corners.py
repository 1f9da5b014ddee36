"""Values and gradients at corners: zeros, equal values, infinities, labels that do not count, empty batches."""

import numpy as np
import pytest

import minitorch_cv as ours

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

inf = float("inf")
Z = [[0.0, 0.0], [0.0, 0.0]]
C = [[3.0, 3.0, 3.0], [3.0, 3.0, 3.0]]
S = [[0.0, 1.0, -1.0, 2.0]]
cases = {
    "std": (lambda l, F, x: x.std(), [C]),
    "std1": (lambda l, F, x: x.std(1), [C]),
    "std0b": (lambda l, F, x: x.std(dim=0, unbiased=False), [C]),
    "stdkeep": (lambda l, F, x: x.std(dim=(0, 1), keepdim=True), [C]),
    "var": (lambda l, F, x: x.var(1), [C]),
    "norm": (lambda l, F, x: x.norm(), [Z]),
    "norm1": (lambda l, F, x: x.norm(1), [Z]),
    "norm3": (lambda l, F, x: x.norm(3), [Z]),
    "normdim": (lambda l, F, x: x.norm(2, 1), [[[0.0, 0.0], [1.0, 2.0]]]),
    "norminf": (lambda l, F, x: x.norm(inf), [[1.0, -1.0, 0.5]]),
    "norm.5": (lambda l, F, x: x.norm(0.5), [[0.0, 1.0]]),
    "norm-1": (lambda l, F, x: x.norm(-1), [[0.5, 1.0]]),
    "normneginf": (lambda l, F, x: x.norm(-inf), [[1.0, -1.0, 2]]),
    "normalize": (lambda l, F, x: F.normalize(x, dim=1), [Z]),
    "cos": (lambda l, F, x, y: F.cosine_similarity(x, y), [Z, [[1.0, 2.0], [0.0, 0.0]]]),
    "pdist": (lambda l, F, x, y: F.pairwise_distance(x, y), [Z, Z]),
    "sqrt0": (lambda l, F, x: x.sqrt(), [[0.0, 4.0]]),
    "rsqrt": (lambda l, F, x: x.rsqrt(), [[0.0, 4.0]]),
    "lse": (lambda l, F, x: x.logsumexp(1), [[[-inf, -inf], [0.0, -inf]]]),
    "softmax": (lambda l, F, x: x.softmax(1), [[[-inf, 0.0], [0.0, 1.0]]]),
    "logsoftmax": (lambda l, F, x: x.log_softmax(1), [[[-inf, 0.0], [0.0, 1.0]]]),
    "pow2": (lambda l, F, x: x**2, [[0.0, 1.0]]),
    "pow0": (lambda l, F, x: x**0, [[0.0, 1.0]]),
    "pow1": (lambda l, F, x: x**1, [[0.0, 1.0]]),
    "pow.5": (lambda l, F, x: x**0.5, [[0.0, 1.0]]),
    "powneg": (lambda l, F, x: x**-1, [[0.0, 1.0]]),
    "powt": (lambda l, F, x, p: x**p, [[0.0, 0.0, 2.0, 0.0], [0.0, 2.0, 0.0, 1.0]]),
    "rpow": (lambda l, F, p: 0.0**p, [[0.0, 1.0, 2.0]]),
    "rpow2": (lambda l, F, p: 2.0**p, [[0.0, 1.0, 2.0]]),
    "prod": (lambda l, F, x: x.prod(), [[0.0, 2.0, 3.0]]),
    "prod00": (lambda l, F, x: x.prod(), [[0.0, 0.0, 3.0]]),
    "proddim": (lambda l, F, x: x.prod(1), [[[0.0, 2.0], [0.0, 0.0]]]),
    "max": (lambda l, F, x: x.max(), [[1.0, 1.0, 0.0]]),
    "amax": (lambda l, F, x: x.amax(0), [[1.0, 1.0, 0.0]]),
    "min": (lambda l, F, x: x.min(), [[1.0, 1.0, 2.0]]),
    "maxdim": (lambda l, F, x: x.max(0)[0], [[1.0, 1.0, 0.0]]),
    "maximum": (lambda l, F, x, y: l.maximum(x, y), [[1.0, 2.0], [1.0, 3.0]]),
    "minimum": (lambda l, F, x, y: l.minimum(x, y), [[1.0, 2.0], [1.0, 3.0]]),
    "abs": (lambda l, F, x: x.abs(), [S]),
    "sign": (lambda l, F, x: x.sign() if hasattr(x, "sign") else l.sign(x), [S]),
    "clamp": (lambda l, F, x: x.clamp(0, 1), [S]),
    "clampmin": (lambda l, F, x: x.clamp(min=0), [S]),
    "clampcross": (lambda l, F, x: x.clamp(1, 0), [S]),
    "relu": (lambda l, F, x: F.relu(x), [S]),
    "relu6": (lambda l, F, x: F.relu6(x), [[0.0, 6.0, 7.0]]),
    "hardtanh": (lambda l, F, x: F.hardtanh(x), [[-1.0, 1.0, 0.0]]),
    "leaky": (lambda l, F, x: F.leaky_relu(x, 0.1), [S]),
    "elu": (lambda l, F, x: F.elu(x, 0.5), [S]),
    "hardswish": (lambda l, F, x: F.hardswish(x), [[-3.0, 3.0, 0.0]]),
    "hardsigmoid": (lambda l, F, x: F.hardsigmoid(x), [[-3.0, 3.0, 0.0]]),
    "softplus": (lambda l, F, x: F.softplus(x, 1, 2), [[2.0, 3.0, -800.0]]),
    "logsigmoid": (lambda l, F, x: F.logsigmoid(x), [[-800.0, 800.0, 0.0]]),
    "silu": (lambda l, F, x: F.silu(x), [[-800.0, 800.0]]),
    "mish": (lambda l, F, x: F.mish(x), [[-800.0, 800.0]]),
    "gelu": (lambda l, F, x: F.gelu(x), [[-800.0, 800.0, 0.0]]),
    "sigmoid": (lambda l, F, x: l.sigmoid(x), [[-800.0, 800.0]]),
    "tanh": (lambda l, F, x: l.tanh(x), [[-800.0, 800.0]]),
    "huber": (lambda l, F, x, y: F.huber_loss(x, y, reduction="none"), [[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]),
    "smoothl1": (lambda l, F, x, y: F.smooth_l1_loss(x, y, reduction="none"), [[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]),
    "smoothl1b0": (
        lambda l, F, x, y: F.smooth_l1_loss(x, y, reduction="none", beta=0),
        [[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]],
    ),
    "l1": (lambda l, F, x, y: F.l1_loss(x, y, reduction="none"), [[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]),
    "bce": (
        lambda l, F, x: F.binary_cross_entropy(x, l.tensor([0.0, 1.0, 1.0, 0.0], dtype=l.float64), reduction="none"),
        [[0.0, 1.0, 0.0, 1.0]],
    ),
    "bcel": (
        lambda l, F, x: F.binary_cross_entropy_with_logits(
            x, l.tensor([0.0, 1.0, 1.0], dtype=l.float64), reduction="none"
        ),
        [[800.0, -800.0, 0.0]],
    ),
    "kl": (
        lambda l, F, x: F.kl_div(x, l.tensor([0.0, 1.0, 0.5], dtype=l.float64), reduction="none"),
        [[-1.0, 0.0, -2.0]],
    ),
    "log": (lambda l, F, x: x.log(), [[0.0, 1.0]]),
    "div": (lambda l, F, x, y: x / y, [[0.0, 1.0], [1.0, 2.0]]),
    "recip": (lambda l, F, x: x.reciprocal(), [[0.0, 1.0]]),
    "where": (lambda l, F, x: l.where(x > 0, x.log(), x), [[1.0, 2.0]]),
    "mean0": (lambda l, F, x: x.mean(), [[1.0, 2.0]]),
    "batchnormconst": (lambda l, F, x: F.batch_norm(x, None, None, training=True), [[[1.0, 2.0], [1.0, 3.0]]]),
    "layernormconst": (lambda l, F, x: F.layer_norm(x, (2,)), [[[1.0, 1.0], [1.0, 3.0]]]),
    "groupnormconst": (lambda l, F, x: F.group_norm(x, 1), [[[[1.0, 1.0]], [[1.0, 3.0]]]]),
    "lrn": (lambda l, F, x: F.local_response_norm(x, 2), [[[[0.0, 1.0]], [[0.0, 2.0]]]]),
    "maxpool": (lambda l, F, x: F.max_pool2d(x, 2), [[[[1.0, 1.0], [1.0, 1.0]]]]),
    "cumsum": (lambda l, F, x: x.cumsum(0), [[1.0, 2.0]]),
    "fmod": (lambda l, F, x: x % 2, [[0.0, 2.0, 3.0]]),
}


def labels(l, v):
    return l.tensor(v)


for red in ("mean", "sum", "none"):
    cases[f"nll {red} ign"] = (lambda l, F, x, red=red: F.nll_loss(x, labels(l, [-100, -100]), reduction=red), [Z])
    cases[f"nll {red} w0"] = (
        lambda l, F, x, red=red: F.nll_loss(
            x, labels(l, [0, 0]), weight=l.tensor([0.0, 1.0], dtype=l.float64), reduction=red
        ),
        [Z],
    )
    cases[f"nll {red} w0 mixed"] = (
        lambda l, F, x, red=red: F.nll_loss(
            x, labels(l, [0, -100]), weight=l.tensor([0.0, 1.0], dtype=l.float64), reduction=red
        ),
        [Z],
    )
    cases[f"nll {red} one"] = (lambda l, F, x, red=red: F.nll_loss(x, labels(l, [1, -100]), reduction=red), [Z])
    cases[f"ce {red} ign"] = (lambda l, F, x, red=red: F.cross_entropy(x, labels(l, [-100, -100]), reduction=red), [Z])
    cases[f"ce {red} w0"] = (
        lambda l, F, x, red=red: F.cross_entropy(
            x, labels(l, [0, 0]), weight=l.tensor([0.0, 1.0], dtype=l.float64), reduction=red
        ),
        [Z],
    )
    cases[f"ce {red} ls ign"] = (
        lambda l, F, x, red=red: F.cross_entropy(x, labels(l, [-100, -100]), reduction=red, label_smoothing=0.1),
        [Z],
    )
    cases[f"ce {red} inf"] = (
        lambda l, F, x, red=red: F.cross_entropy(x, labels(l, [0, 1]), reduction=red),
        [[[0.0, -inf], [0.0, -inf]]],
    )
    cases[f"ce {red} empty"] = (
        lambda l, F, x, red=red: F.cross_entropy(x, l.tensor(np.zeros(0, "i8")), reduction=red),
        [np.zeros((0, 2))],
    )
    cases[f"nll {red} empty"] = (
        lambda l, F, x, red=red: F.nll_loss(x, l.tensor(np.zeros(0, "i8")), reduction=red),
        [np.zeros((0, 2))],
    )
    cases[f"mse {red} empty"] = (lambda l, F, x, red=red: F.mse_loss(x, x.detach(), reduction=red), [np.zeros((0, 2))])
    cases[f"bce {red} w0"] = (
        lambda l, F, x, red=red: F.binary_cross_entropy(
            x, l.tensor([[1.0, 0.0]], dtype=l.float64), weight=l.tensor([[0.0, 0.0]], dtype=l.float64), reduction=red
        ),
        [[[0.0, 0.5]]],
    )


def values_and_gradients(lib, function, inputs):
    """What the function gives in float64, and the gradients under random weights; None for an input without one."""
    leaves = [lib.tensor(x, dtype=lib.float64, requires_grad=True) for x in inputs]
    y = function(lib, lib.nn.functional, *leaves)
    weights = np.random.default_rng(0).uniform(0.5, 2, tuple(y.shape))
    if y.requires_grad:
        (y * lib.tensor(weights, dtype=lib.float64)).sum().backward()
    return [y.detach().numpy(), *(None if x.grad is None else x.grad.numpy() for x in leaves)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", cases)
def test_corner(name):
    wanted, got = (values_and_gradients(lib, *cases[name]) for lib in (torch, ours))
    for want, value in zip(wanted, got, strict=True):
        assert (want is None) == (value is None)
        if want is not None:
            np.testing.assert_allclose(value, want, rtol=1e-7, atol=1e-12)
