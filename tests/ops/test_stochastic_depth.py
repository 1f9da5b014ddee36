import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients


def test_a_row_survives_whole_and_grows_or_is_zero():
    y = F.stochastic_depth(mt.ones(2000, 2, 3), 0.2, "row", generator=mt.Generator().manual_seed(0)).numpy()
    rows = y.reshape(2000, 6)
    assert (rows == rows[:, :1]).all()
    assert set(np.unique(rows)) == {0, np.float32(1.25)}
    assert (rows[:, 0] == 0).mean() == pytest.approx(0.2, abs=0.04)


def test_a_batch_survives_whole_and_grows_or_is_zero():
    generator = mt.Generator().manual_seed(0)
    seen = [
        np.unique(F.stochastic_depth(mt.ones(3, 2), 0.75, "batch", generator=generator).numpy()) for _ in range(800)
    ]
    assert {tuple(values) for values in seen} == {(0,), (4,)}
    assert np.mean([values[0] == 0 for values in seen]) == pytest.approx(0.75, abs=0.06)


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_gradients(rng, mode):
    def dropped(x):
        return F.stochastic_depth(x, 0.4, mode, generator=mt.Generator().manual_seed(3))

    assert_gradients(dropped, rng.normal(size=(5, 2, 2)))


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_the_default_generator_decides_unless_one_is_given(mode):
    x = mt.ones(40, 1)
    mt.manual_seed(5)
    first = F.stochastic_depth(x, 0.5, mode)
    mt.manual_seed(5)
    assert first.equal(F.stochastic_depth(x, 0.5, mode))
    state = mt.random.default_generator.get_state()
    F.stochastic_depth(x, 0.5, mode, generator=mt.Generator())
    assert mt.random.default_generator.get_state() == state


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_ends_of_the_scale(mode):
    x = mt.ones(3, 2)
    assert F.stochastic_depth(x, 0.5, mode, False) is x
    assert F.stochastic_depth(x, 0.0, mode) is x
    assert not F.stochastic_depth(x, 1.0, mode).numpy().any()
    assert F.stochastic_depth(mt.ones(0, 2), 0.5, mode).shape == (0, 2)


def test_refusals():
    with pytest.raises(ValueError, match=r"stochastic_depth: p=1.5 is no probability; choose a number from 0 to 1"):
        F.stochastic_depth(mt.ones(3), 1.5, "row")
    with pytest.raises(ValueError, match="stochastic_depth: mode='column'; choose 'batch' or 'row'"):
        F.stochastic_depth(mt.ones(3), 0.5, "column")
    with pytest.raises(RuntimeError, match="stochastic_depth: x is int64 but must be floating point"):
        F.stochastic_depth(mt.arange(3), 0.5, "row")
