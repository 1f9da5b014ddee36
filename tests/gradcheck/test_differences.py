"""The slope along one element: how exact it is, and what counts as a corner."""

import numpy as np
import pytest

from minitorch_cv.gradcheck.differences import slope_along

STEP = 2.0**-17


def slope(fn, value, *cotangent):
    """The slope with the default step and tolerances of gradcheck."""
    return slope_along(
        lambda t: np.atleast_1d(fn(np.float64(t))), value, np.array(cotangent or [1.0]), STEP, 1e-9, 1e-7
    )


@pytest.mark.parametrize("x", [0.1, 0.3, 2.0])
def test_the_step_costs_nothing(x):
    """sin 20x bends so much that a central difference of this step is wrong by 4e-9; two steps together are not."""
    found = slope(lambda t: np.sin(20 * t), x)
    assert found.numeric == pytest.approx(20 * np.cos(20 * x), rel=1e-9)
    assert not found.kink


def test_outputs_are_weighted():
    found = slope(lambda t: np.array([t, t * t]), 3.0, 2.0, -1.0)
    assert found.numeric == pytest.approx(2 - 6, rel=1e-9)


@pytest.mark.parametrize("distance", [0, 1e-3, -1e-2])
def test_a_corner_within_a_64th_of_the_step_is_a_kink_between_its_slopes(distance):
    found = slope(lambda t: np.where(t > 0, 3 * t, -t), distance * STEP)
    assert found.kink
    assert found.low <= -1
    assert found.high >= 3 if distance >= 0 else found.high > -1
    assert found.high - found.low < 1.5 * 4  # the slopes differ by 4


@pytest.mark.parametrize("distance", [1 / 60, 0.042, 1 / 24, 1 / 12, 1 / 8, 0.3, 1 / 3, 0.34, 0.5, 0.9, 1.1])
@pytest.mark.parametrize("side", [1, -1])
def test_a_corner_beside_the_element_is_seen_past(distance, side):
    """Also at a third of a step, where bend(h) - 2 bend(h/2) is 0."""
    found = slope(lambda t: np.where(t > 0, 3 * t, -t), side * distance * STEP)
    assert not found.kink
    assert found.numeric == pytest.approx(3 if side > 0 else -1, rel=1e-7)


def test_distance_is_that_to_the_nearest_slope_of_a_kink():
    found = slope(lambda t: abs(t), 0.0)
    assert [round(found.distance(a), 6) for a in (-1.5, -1.0, 0.0, 1.0, 1.25)] == [0.5, 0.0, 0.0, 0.0, 0.25]
    assert np.isnan(found.distance(np.nan))


def test_a_corner_in_curvature_alone_is_no_kink():
    found = slope(lambda t: np.where(t > 0, t * t, 0.0), 0.0)
    assert not found.kink
    assert found.numeric == pytest.approx(0, abs=1e-7)


def test_outputs_that_do_not_move_add_no_rounding():
    alone = slope(lambda t: np.array([t]), 0.5)
    beside = slope(lambda t: np.array([t, 1e12]), 0.5, 1.0, 1.0)
    assert beside.rounding == alone.rounding


def test_a_value_that_is_nan_beside_the_element_passes_no_gradient():
    found = slope(lambda t: np.sqrt(t), 0.0)
    assert found.kink
    assert np.isnan(found.distance(1.0))
