import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, reversed_memory

SHAPES = [(4, 3), (3, 3, 2), (2, 3, 2, 2)]


def normalised_by_loops(x, mean, var, w, b, eps):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = (x[:, c] - mean[c]) / np.sqrt(var[c] + eps) * w[c] + b[c]
    return y


def statistics(x):
    """Mean and biased variance of each channel."""
    channels = [x[:, c].ravel() for c in range(x.shape[1])]
    return np.array([c.mean() for c in channels]), np.array([((c - c.mean()) ** 2).mean() for c in channels])


@pytest.mark.parametrize("shape", SHAPES)
def test_training_normalises_by_the_batch(rng, shape):
    x, w, b = 5 + 2 * rng.normal(size=shape), rng.normal(size=3), rng.normal(size=3)
    y = F.batch_norm(mt.tensor(x), None, None, mt.tensor(w), mt.tensor(b), training=True, eps=1e-3)
    np.testing.assert_allclose(y.numpy(), normalised_by_loops(x, *statistics(x), w, b, 1e-3), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_inference_normalises_by_the_running_statistics(rng, shape):
    x, mean, var, w, b = rng.normal(size=shape), *rng.normal(size=(4, 3))
    var = var**2
    y = F.batch_norm(*map(mt.tensor, (x, mean, var, w, b)), False, 0.1, 1e-2)
    np.testing.assert_allclose(y.numpy(), normalised_by_loops(x, mean, var, w, b, 1e-2), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_in_training(rng, shape):
    x, w, b = rng.normal(size=shape), rng.normal(size=3), rng.normal(size=3)
    assert_gradients(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), x, w, b)
    assert_gradients(lambda x: F.batch_norm(x, None, None, training=True), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_in_inference(rng, shape):
    x, mean, var, w, b = rng.normal(size=shape), *rng.normal(size=(4, 3))
    mean, var = mt.tensor(mean), mt.tensor(var**2)
    assert_gradients(lambda x, w, b: F.batch_norm(x, mean, var, w, b), x, w, b)
    assert_gradients(lambda x: F.batch_norm(x, mean, var), x)


def test_running_statistics_move_in_place_with_the_unbiased_variance(rng):
    x = rng.normal(size=(2, 3, 2, 2))
    mean, var = mt.tensor([1.0, 2.0, 3.0], dtype=mt.float64), mt.tensor([4.0, 5.0, 6.0], dtype=mt.float64)
    memory = mean.numpy(), var.numpy()
    F.batch_norm(mt.tensor(x, requires_grad=True), mean, var, training=True, momentum=0.3)
    of_batch, biased = statistics(x)
    np.testing.assert_allclose(memory[0], 0.7 * np.array([1, 2, 3]) + 0.3 * of_batch, rtol=1e-12)
    np.testing.assert_allclose(memory[1], 0.7 * np.array([4, 5, 6]) + 0.3 * biased * 8 / 7, rtol=1e-12)
    assert not mean.requires_grad


def test_inference_leaves_the_running_statistics_alone(rng):
    mean, var = mt.zeros(3), mt.ones(3)
    F.batch_norm(mt.randn(4, 3), mean, var, training=False)
    assert (mean.tolist(), var.tolist()) == ([0, 0, 0], [1, 1, 1])


def test_statistics_changed_after_an_inference_are_noticed():
    mean, var = mt.zeros(3), mt.ones(3)
    y = F.batch_norm(mt.randn(4, 3, requires_grad=True), mean, var)
    F.batch_norm(mt.randn(4, 3), mean, var, training=True)
    with pytest.raises(
        RuntimeError, match=r"batch_norm_inference: its input 'mean' \(shape \(3,\)\) was changed in place"
    ):
        y.sum().backward()


def test_training_twice_before_backward_is_allowed():
    mean, var, x = mt.zeros(3), mt.ones(3), mt.randn(4, 3, requires_grad=True)
    y = F.batch_norm(x, mean, var, training=True) + F.batch_norm(2 * x, mean, var, training=True)
    y.sum().backward()
    assert x.grad.shape == (4, 3)


def test_empty_batch_changes_nothing():
    mean, var, x = mt.zeros(3), mt.ones(3), mt.zeros(0, 3, 2, 2, requires_grad=True)
    y = F.batch_norm(x, mean, var, training=True)
    y.sum().backward()
    assert (y.shape, x.grad.shape) == ((0, 3, 2, 2), (0, 3, 2, 2))
    assert (mean.tolist(), var.tolist()) == ([0, 0, 0], [1, 1, 1])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
def test_memory_order_does_not_matter(rng, memory, training):
    x, dy = rng.normal(size=(3, 2, 2, 2)), rng.normal(size=(3, 2, 2, 2))
    results = []
    for order in (np.ascontiguousarray, memory):
        tensor = mt.Tensor(order(x), requires_grad=True)
        y = F.batch_norm(tensor, mt.zeros(2, dtype=mt.float64), mt.ones(2, dtype=mt.float64), training=training)
        y.backward(mt.Tensor(order(dy)))
        results.append((y.detach().numpy(), tensor.grad.numpy()))
    for plain, other in zip(*results):
        np.testing.assert_allclose(other, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_one_value_per_channel_is_refused_in_training(shape):
    with pytest.raises(
        ValueError, match=r"training needs more than one value per channel, got shape \(1, 3.*larger batch"
    ):
        F.batch_norm(mt.zeros(shape), None, None, training=True)


REFUSED = [
    (lambda x: F.batch_norm(x, None, mt.ones(3)), r"training=False needs running_mean and running_var; give both"),
    (lambda x: F.batch_norm(x[0], mt.zeros(3), mt.ones(3)), r"x has shape \(3,\) but must be \(N, C\), \(N, C, L\) or"),
    (
        lambda x: F.batch_norm(x, mt.zeros(4), mt.ones(3)),
        r"running_mean has shape \(4,\) but x of shape \(4, 3\) has 3 channels: it must have shape \(3,\)",
    ),
    (lambda x: F.batch_norm(x, None, None, mt.ones(1), training=True), r"batch_norm: weight has shape \(1,\) but x"),
    (
        lambda x: F.batch_norm(x.double(), mt.zeros(3), mt.ones(3)),
        r"batch_norm: mixed dtypes: x is float64, running_mean",
    ),
    (lambda x: F.batch_norm(x.long(), None, None, training=True), r"batch_norm: x is int64 but must be floating point"),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(mt.zeros(4, 3))
