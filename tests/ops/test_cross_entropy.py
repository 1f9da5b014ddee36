import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last

SHAPES = [(4, 3), (3,), (2, 3, 2), (2, 3, 2, 1)]


def samples(shape):
    """The index of each sample in the target, and that of its scores in x."""
    sample_shape = shape[:1] + shape[2:] if len(shape) > 1 else ()
    for place in np.ndindex(sample_shape):
        yield place, ((place[0], slice(None), *place[1:]) if place else slice(None))


def losses_by_loops(x, target, weight=None, ignore_index=-100, smoothing=0.0):
    """Loss and weight of each sample, by the equation of `cross_entropy`; the target holds labels or probabilities."""
    K = x.shape[1] if x.ndim > 1 else x.shape[0]
    w = np.ones(K) if weight is None else weight
    soft = target.shape == x.shape and target.dtype.kind == "f"
    shape = x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()
    losses, weights = np.zeros(shape), np.zeros(shape)
    for place, scores in samples(x.shape):
        log_p = x[scores] - np.log(np.exp(x[scores]).sum())
        t = target[scores] if soft else np.eye(K)[max(target[place], 0)]
        t = (1 - smoothing) * t + smoothing / K
        if soft or target[place] != ignore_index:
            losses[place] = -(w * t * log_p).sum()
            weights[place] = 1 if soft else w[target[place]]
    return losses, weights


def reduce(losses, weights, reduction):
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / weights.sum()}[reduction]


def labels_for(rng, shape, ignored=None):
    target = np.asarray(rng.integers(0, 3, shape[:1] + shape[2:] if len(shape) > 1 else ()))
    if ignored is not None and target.size > 1:
        target.reshape(-1)[0] = ignored
    return target


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("ignored", [-100, 1])
def test_labels(rng, shape, reduction, smoothing, ignored):
    x, w, target = rng.normal(size=shape), np.array([0.5, 2, 3]), labels_for(rng, shape, ignored)
    if not shape[1:] and ignored == 1:
        target = np.asarray(2)
    y = F.cross_entropy(*map(mt.tensor, (x, target, w)), None, ignored, None, reduction, smoothing)
    np.testing.assert_allclose(
        y.numpy(), reduce(*losses_by_loops(x, target, w, ignored, smoothing), reduction), rtol=1e-12
    )
    y = F.cross_entropy(mt.tensor(x), mt.tensor(target), ignore_index=ignored, reduction=reduction)
    np.testing.assert_allclose(y.numpy(), reduce(*losses_by_loops(x, target, None, ignored), reduction), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_with_labels(rng, shape, reduction):
    target, w = mt.tensor(labels_for(rng, shape, -100)), mt.tensor([0.5, 2, 3], dtype=mt.float64)
    x = rng.normal(size=shape)
    assert_gradients(lambda x: F.cross_entropy(x, target, w, reduction=reduction, label_smoothing=0.2), x)
    assert_gradients(lambda x: F.cross_entropy(x, target, reduction=reduction), x)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities(rng, shape, reduction):
    x, t, w = rng.normal(size=shape), rng.random(shape), np.array([0.5, 2, 3])
    y = F.cross_entropy(*map(mt.tensor, (x, t, w)), reduction=reduction, label_smoothing=0.2)
    expected = reduce(*losses_by_loops(x, t, w, smoothing=0.2), reduction)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    assert_gradients(lambda x, t: F.cross_entropy(x, t, mt.tensor(w), reduction=reduction, label_smoothing=0.2), x, t)
    assert_gradients(lambda x, t: F.cross_entropy(x, t, reduction=reduction), x, t)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES)
def test_nll_is_cross_entropy_without_the_softmax(rng, shape, reduction):
    x, target, w = (
        rng.normal(size=shape),
        mt.tensor(labels_for(rng, shape, -100)),
        mt.tensor([0.5, 2, 3], dtype=mt.float64),
    )
    log_p = F.log_softmax(mt.tensor(x), 1 if len(shape) > 1 else 0)
    for weight in (None, w):
        y = F.nll_loss(log_p, target, weight, reduction=reduction)
        expected = losses_by_loops(x, target.numpy(), None if weight is None else w.numpy())
        np.testing.assert_allclose(y.numpy(), reduce(*expected, reduction), rtol=1e-12)
        assert_gradients(lambda x, weight=weight: F.nll_loss(x, target, weight, reduction=reduction), x)


def test_large_scores_do_not_overflow():
    x = mt.tensor([[1e4, 0.0], [0.0, 1e4]], requires_grad=True)
    y = F.cross_entropy(x, mt.tensor([0, 0]))
    y.backward()
    assert y.item() == 5000
    assert x.grad.tolist() == [[0, 0], [-0.5, 0.5]]


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_mean_of_nothing_is_nan(loss):
    for x, target in [(mt.zeros(2, 3), mt.tensor([-100, -100])), (mt.zeros(0, 3), mt.zeros(0, dtype=mt.int64))]:
        y = loss(x.requires_grad_(), target)
        y.backward()
        assert np.isnan(y.item())
        assert x.grad.shape == x.shape


@pytest.mark.parametrize("kind", [mt.uint8, mt.int32, mt.int64])
def test_any_integers_are_labels(kind):
    x = mt.tensor([[1.0, 2.0, 3.0]])
    assert F.cross_entropy(x, mt.tensor([2], dtype=kind)).item() == F.cross_entropy(x, mt.tensor([2])).item()


def test_memory_order_does_not_matter(rng):
    x, target = rng.normal(size=(3, 4, 2)), rng.integers(0, 4, (3, 2))
    results = []
    for order in (np.ascontiguousarray, batch_last):
        tensor = mt.Tensor(order(x), requires_grad=True)
        y = F.cross_entropy(tensor, mt.Tensor(order(target)))
        y.backward()
        results.append((y.item(), tensor.grad.numpy()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-14)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12)


def test_loss_does_not_keep_the_scores():
    """The gradient needs the probabilities only, so the scores may be overwritten."""
    x = mt.zeros(2, 3, requires_grad=True)
    scores = x * 1
    y = F.cross_entropy(scores, mt.tensor([0, 1]))
    scores += 1
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), [[-1 / 3, 1 / 6, 1 / 6], [1 / 6, -1 / 3, 1 / 6]], rtol=1e-6)


X = mt.zeros(2, 3)
LABELS = mt.tensor([0, 1])

REFUSED = [
    (
        X,
        mt.tensor([0, 3]),
        {},
        IndexError,
        r"cross_entropy: label 3 at \(1,\) is out of range for 3 classes \(0..2\); correct",
    ),
    (
        X,
        mt.tensor([-1, 0]),
        {},
        IndexError,
        r"label -1 at \(0,\) is out of range .* or mark it with ignore_index \(-100\)",
    ),
    (
        mt.zeros(2, 3, 2),
        mt.tensor([[0, 0], [1, 5]]),
        {},
        IndexError,
        r"label 5 at \(1, 1\) is out of range for 3 classes",
    ),
    (mt.zeros(3), mt.tensor(4), {}, IndexError, r"label 4 at \(\) is out of range for 3 classes"),
    (
        X,
        mt.tensor([0, 1, 2]),
        {},
        RuntimeError,
        r"cross_entropy: target is int64 of shape \(3,\) but x of shape \(2, 3\) needs integer labels of shape \(2,\) "
        r"or class probabilities of the shape of x, floating point; integers come from .long\(\)",
    ),
    (
        X,
        mt.tensor([0.0, 1.0]),
        {},
        RuntimeError,
        r"target is float32 of shape \(2,\) but x of shape \(2, 3\) needs integer",
    ),
    (X, mt.zeros(2, 3, dtype=mt.int64), {}, RuntimeError, r"target is int64 of shape \(2, 3\) but x"),
    (X, LABELS, {"weight": mt.ones(2)}, RuntimeError, r"weight has shape \(2,\) but the 3 classes need shape \(3,\)"),
    (X, LABELS, {"weight": mt.ones(3).double()}, RuntimeError, r"mixed dtypes: x is float32, weight is float64"),
    (X, LABELS, {"label_smoothing": 1.5}, RuntimeError, r"label_smoothing=1.5 must be from 0 to 1"),
    (X, LABELS, {"reduction": "average"}, ValueError, r"reduction='average'; choose 'none', 'mean', 'sum'"),
    (X, X, {"ignore_index": 1}, RuntimeError, r"ignore_index=1 needs labels as target, not probabilities; drop it"),
    (X, X.double(), {}, RuntimeError, r"cross_entropy: mixed dtypes: x is float32, target is float64"),
    (
        X.long(),
        LABELS,
        {},
        RuntimeError,
        r"cross_entropy: x is int64 but must be floating point; convert with .float\(\)",
    ),
    (mt.tensor(1.0), LABELS, {}, RuntimeError, r"x has shape \(\) but must be \(N, K\), \(N, K, D, ...\) or \(K,\)"),
]


@pytest.mark.parametrize(("x", "target", "options", "kind", "text"), REFUSED)
def test_what_does_not_fit_is_refused(x, target, options, kind, text):
    with pytest.raises(kind, match=text):
        F.cross_entropy(x, target, **options)


def test_nll_refuses_the_same():
    with pytest.raises(IndexError, match=r"nll_loss: label 3 at \(0,\) is out of range for 3 classes"):
        F.nll_loss(X, mt.tensor([3, 0]))
    with pytest.raises(
        RuntimeError, match=r"nll_loss: target is float32 of shape \(2, 3\) .* labels of shape \(2,\); integers"
    ):
        F.nll_loss(X, X)
