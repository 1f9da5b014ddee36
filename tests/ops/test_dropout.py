import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, reversed_memory


def dropped(x, p=0.5, seed=0, **options):
    mt.manual_seed(seed)
    return F.dropout(x, p, **options)


def test_kept_values_grow_by_what_was_dropped():
    x = mt.arange(1.0, 401).reshape(4, 100)
    y = dropped(x, 0.2).numpy()
    kept = y != 0
    np.testing.assert_allclose(y[kept], x.numpy()[kept] / 0.8, rtol=1e-6)
    assert 0.7 < kept.mean() < 0.9


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_p_is_the_share_of_zeros(p):
    zeros = (dropped(mt.ones(100, 200), p).numpy() == 0).mean()
    assert zeros == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 20_000))


def test_gradients(rng):
    assert_gradients(lambda x: dropped(x, 0.4), rng.normal(size=(3, 4)))


def test_gradient_passes_through_the_same_mask():
    x = mt.ones(5, 6, requires_grad=True)
    y = dropped(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


def test_a_seed_fixes_the_mask_and_the_next_one_differs():
    first, again = dropped(mt.ones(4, 30)), dropped(mt.ones(4, 30))
    other = F.dropout(mt.ones(4, 30))
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
def test_the_mask_depends_neither_on_memory_order_nor_on_dtype(memory):
    x = np.ones((4, 3, 5))
    expected = dropped(mt.tensor(x)).numpy()
    np.testing.assert_array_equal(dropped(mt.Tensor(memory(x))).numpy(), expected)
    np.testing.assert_array_equal(dropped(mt.tensor(x, dtype=mt.float32)).numpy(), expected)


def test_a_generator_of_its_own_leaves_the_default_one_alone():
    x = mt.ones(50)
    mt.manual_seed(1)
    expected = mt.rand(3)
    mt.manual_seed(1)
    first = F.dropout(x, generator=mt.Generator().manual_seed(7))
    assert mt.rand(3).equal(expected)
    assert first.equal(F.dropout(x, generator=mt.Generator().manual_seed(7)))


def test_nothing_happens_outside_training_or_without_chance():
    x = mt.ones(3)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0) is x
    assert F.dropout(x, 0.5, False, True) is x


def test_certain_dropout_gives_zeros():
    x = mt.ones(3, 2, requires_grad=True)
    y = F.dropout(x, 1.0)
    y.sum().backward()
    assert not y.detach().numpy().any()
    assert not x.grad.numpy().any()


def test_inplace_writes_into_the_input():
    x = mt.ones(4, 5)
    expected = dropped(x)
    assert dropped(x, inplace=True) is x
    assert x.equal(expected)
    leaf = mt.ones(4, 5, requires_grad=True)
    y = leaf * 1
    assert dropped(y, inplace=True) is y
    y.sum().backward()
    np.testing.assert_array_equal(leaf.grad.numpy(), expected.numpy())


def test_inplace_on_a_leaf_that_requires_grad_is_refused():
    with pytest.raises(RuntimeError, match="dropout_: in-place write on a leaf that requires grad"):
        F.dropout(mt.ones(3, requires_grad=True), inplace=True)


@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_odd_shapes(shape):
    assert F.dropout(mt.ones(shape)).shape == shape


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_p_outside_0_to_1_is_refused(p):
    with pytest.raises(ValueError, match=rf"dropout: p={p} is no probability; choose a number from 0 to 1"):
        F.dropout(mt.ones(3), p)


def test_integers_are_refused():
    with pytest.raises(RuntimeError, match=r"dropout: x is int64 but must be floating point; convert with .float\(\)"):
        F.dropout(mt.arange(3))


@pytest.mark.parametrize("shape", [(60, 50, 2, 3), (60, 50, 4)])
def test_dropout2d_drops_channels_whole(shape):
    channels = F.dropout2d(mt.ones(shape), 0.2, generator=mt.Generator().manual_seed(0)).numpy().reshape(3000, -1)
    assert (channels == channels[:, :1]).all()
    assert set(np.unique(channels)) == {0, np.float32(1.25)}
    assert (channels[:, 0] == 0).mean() == pytest.approx(0.2, abs=0.03)


def test_dropout2d_gradients(rng):
    def dropped(x):
        return F.dropout2d(x, 0.4, generator=mt.Generator().manual_seed(2))

    assert_gradients(dropped, rng.normal(size=(3, 4, 2, 2)))


def test_dropout2d_in_place_and_outside_training():
    x = mt.ones(4, 5, 2, 2)
    assert F.dropout2d(x, training=False) is x
    assert F.dropout2d(x, 0.0) is x
    assert F.dropout2d(x, 1.0, inplace=True) is x
    assert not x.numpy().any()


def test_dropout2d_refusals():
    with pytest.raises(ValueError, match=r"dropout2d: x has shape \(2, 3\) but must be \(N, C, H, W\) or \(N, C, L\)"):
        F.dropout2d(mt.ones(2, 3))
    with pytest.raises(ValueError, match="dropout2d: p=2 is no probability"):
        F.dropout2d(mt.ones(2, 3, 2, 2), 2)
    with pytest.raises(RuntimeError, match="dropout2d_: in-place write on a leaf that requires grad"):
        F.dropout2d(mt.ones(2, 3, 2, 2, requires_grad=True), inplace=True)
