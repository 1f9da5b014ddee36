import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_normalize_gives_length_1(rng, p, dim):
    x = rng.normal(size=(2, 3, 4))
    expected = x / np.linalg.norm(x, p, dim, keepdims=True)
    np.testing.assert_allclose(F.normalize(mt.tensor(x), p, dim).numpy(), expected, rtol=1e-12)
    assert_gradients(lambda x: F.normalize(x, p, dim), x)


def test_normalize_leaves_zero_vectors_finite():
    assert F.normalize(mt.zeros(1, 3)).tolist() == [[0, 0, 0]]


def test_cosine_similarity_is_the_cosine(rng):
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    expected = [a[i] @ b[i] / np.linalg.norm(a[i]) / np.linalg.norm(b[i]) for i in range(3)]
    np.testing.assert_allclose(F.cosine_similarity(mt.tensor(a), mt.tensor(b)).numpy(), expected, rtol=1e-12)
    assert F.cosine_similarity(mt.tensor(a), mt.tensor(a), dim=0).tolist() == pytest.approx([1] * 4)
    assert_gradients(F.cosine_similarity, a, b[:1])


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_pairwise_distance(rng, p):
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    expected = [np.linalg.norm(a[i] - b[i] + 0.1, p) for i in range(3)]
    y = F.pairwise_distance(mt.tensor(a), mt.tensor(b), p, 0.1)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12)
    assert F.pairwise_distance(mt.tensor(a), mt.tensor(b), p, keepdim=True).shape == (3, 1)
    assert_gradients(lambda a, b: F.pairwise_distance(a, b, p), a, b)
