"""gradcheck itself: it finds what is wrong, passes what is right, and says which is which."""

import subprocess
import sys

import numpy as np
import pytest

from minitorch_cv import nn, ops
from minitorch_cv.gradcheck import gradcheck
from minitorch_cv.ops.differentiable import differentiable, unbroadcast
from minitorch_cv.tensor import Tensor


@pytest.fixture(autouse=True)
def own_operations(monkeypatch):
    """Operations made up here leave no trace in the list of all operations."""
    monkeypatch.setattr(sys.modules["minitorch_cv.ops.differentiable"], "OPERATIONS", {})


def leaf(values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


def square_with(slope):
    """y = x² with this function of (x, dy) as its gradient."""

    @differentiable
    def square(x):
        return x * x, (lambda dy: slope(x, dy),)

    return square


def ramp_with(slope):
    """y = max(x, 0) with this function of (x, dy) as its gradient."""

    @differentiable
    def ramp(x):
        return np.maximum(x, 0), (lambda dy: slope(x, dy),)

    return ramp


def test_a_right_gradient_passes(rng):
    report = gradcheck(
        lambda x, w: (x @ w).tanh().sum(1), (leaf(rng.normal(size=(3, 4))), leaf(rng.normal(size=(4, 2))))
    )
    assert report
    assert (report.ok, report.checked, report.kinks, report.failures, report.problems) == (True, 20, 0, 0, [])
    assert report.worst.relative_error < 1e-7


def test_a_factor_wrong_by_a_millionth_is_found(rng):
    wrong = square_with(lambda x, dy: 2 * x * dy * (1 + 1e-6))
    report = gradcheck(wrong, leaf([1.0, 2.0, 3.0]))
    assert not report
    assert report.failures == 3


def test_one_wrong_sign_among_many_is_found_and_named(rng):
    def slope(x, dy):
        dx = 2 * x * dy
        dx[3, 5] *= -1
        return dx

    x = leaf(rng.uniform(1, 2, (6, 7)))
    report = gradcheck(square_with(slope), x)
    assert (report.checked, report.failures) == (42, 1)
    assert (report.worst.name, report.worst.index, report.worst.value) == ("x", (3, 5), x._array[3, 5])
    assert report.worst.analytic == pytest.approx(-report.worst.numeric)
    text = str(report)
    assert "FAILED" in text
    assert "x[3, 5]" in text
    assert f"analytic {report.worst.analytic:.10g}" in text
    assert f"numeric {report.worst.numeric:.10g}" in text


def test_a_gradient_wrong_only_under_broadcasting_is_found():
    @differentiable
    def add(x, z):
        x_shape, z_shape = x.shape, z.shape
        return x + z, (lambda dy: unbroadcast(dy, x_shape), lambda dy: np.broadcast_to(dy[:1], z_shape).copy())

    assert gradcheck(add, (leaf([[1.0, 2.0]]), leaf([[3.0, 4.0]])))
    report = gradcheck(add, (leaf([[1.0, 2.0], [5.0, 6.0]]), leaf([[3.0, 4.0]])))
    assert (report.failures, report.worst.name) == (2, "z")


def test_a_missing_gradient_is_found():
    report = gradcheck(lambda x, z: x * z.detach(), (leaf([2.0]), leaf([3.0])))
    assert (report.failures, report.worst.name, report.worst.analytic) == (1, "z", 0.0)


def test_a_small_wrong_gradient_beside_large_ones_is_found():
    wrong = square_with(lambda x, dy: np.where(x < 1e-3, 2.001 * x * dy, 2 * x * dy))
    assert gradcheck(wrong, leaf([1e-4, 1e4])).failures == 1


def test_nan_in_a_gradient_fails():
    report = gradcheck(square_with(lambda x, dy: np.where(x > 1, np.nan, 2 * x * dy)), leaf([0.5, 2.0]))
    assert (report.failures, report.worst.index) == (1, (1,))


@pytest.mark.parametrize("x", [0.0, -0.0, 1e-9, -1e-9])
def test_relu_at_its_corner_is_a_kink(x):
    report = gradcheck(ops.relu, leaf([x, 1.0]))
    assert report
    assert (report.checked, report.kinks) == (1, 1)
    assert "1 at kinks" in str(report)


def test_relu_beside_its_corner_is_checked():
    """Within the first step, 6e-6, but not within the smallest."""
    report = gradcheck(ops.relu, leaf([2e-7, -2e-7, 1e-6, 4e-6]))
    assert (report.checked, report.kinks, report.failures) == (4, 0, 0)


@pytest.mark.parametrize(
    "slope",
    [
        pytest.param(lambda x, dy: dy * (x <= 0), id="flipped"),
        pytest.param(lambda x, dy: dy * 1.01 * (x > 0), id="factor"),
        pytest.param(lambda x, dy: dy * (x > 3e-6), id="threshold moved by less than the first step"),
        pytest.param(lambda x, dy: dy + 0 * x, id="identity"),
    ],
)
def test_a_wrong_relu_is_not_excused_as_a_kink(slope):
    """Elements near the corner, on both sides, at distances around the steps."""
    x = leaf([1e-6, -1e-6, 2e-6, -2e-6, 0.1, -0.1, 2.0])
    report = gradcheck(ramp_with(slope), x)
    assert report.failures > 0
    assert report.kinks == 0


@pytest.mark.parametrize(("slope", "kinks"), [(0.0, 1), (0.5, 1), (1.0, 1), (1.1, 0), (-0.1, 0)])
def test_at_the_corner_only_slopes_between_those_of_the_two_sides_are_kinks(slope, kinks):
    report = gradcheck(ramp_with(lambda x, dy: np.where(x == 0, slope, x > 0) * dy), leaf([0.0, 1.0]))
    assert (report.kinks, report.failures) == (kinks, 1 - kinks)


def test_corners_that_cancel_in_the_sum_are_still_kinks():
    report = gradcheck(lambda x: (ops.relu(x), ops.relu(-x)), leaf([0.0]))
    assert (report.kinks, report.failures) == (1, 0)


@pytest.mark.parametrize("fn", [ops.sign, ops.floor, ops.round, lambda x: x.abs(), lambda x: x.clamp(0, 1)])
def test_jumps_and_corners_are_kinks(fn):
    at = 0.5 if fn is ops.round else 0.0
    report = gradcheck(fn, leaf([at, 0.3, -1.2]))
    assert (report.checked, report.kinks, report.failures) == (2, 1, 0)


def test_ties_of_a_pool_are_kinks():
    report = gradcheck(lambda x: nn.functional.max_pool2d(x, 2), leaf([[[[1.0, 1.0], [0.0, -1.0]]]]))
    assert (report.checked, report.kinks, report.failures) == (2, 2, 0)


@pytest.mark.parametrize("x", [1e-4, 1e-3, 30.0])
def test_a_sharp_bend_is_no_kink(x):
    """1/x and ln x bend within the step at 1e-4, e³ˣ grows to 1e39."""
    assert gradcheck(lambda x: (1 / x, x.log()), leaf([x])).checked == 1
    assert gradcheck(lambda x: (3 * x).exp(), leaf([x])).checked == 1


def test_a_wrong_gradient_at_a_sharp_bend_is_not_excused():
    @differentiable
    def inverse(x):
        return 1 / x, (lambda dy: -dy / (x * x) * (1 + 1e-5),)

    assert gradcheck(inverse, leaf([1e-4, 1e-3, 1.0])).failures == 3


def test_an_input_changed_by_forward_is_found():
    @differentiable
    def careless(x):
        x[0] = 1.0
        return x * 2, (lambda dy: 2 * dy,)

    report = gradcheck(careless, leaf([5.0, 2.0]))
    assert not report
    assert "x was changed by the forward pass" in str(report)


def test_an_input_changed_by_backward_is_found_even_if_it_needs_no_gradient():
    @differentiable
    def careless(x, z):
        def dx(dy):
            z[0] += 1
            return 2 * dy

        return x * 2, (dx, None)

    report = gradcheck(careless, (leaf([5.0]), Tensor(np.array([1.0]))))
    assert "z was changed by the backward pass" in str(report)


def test_a_backward_that_writes_dy_is_found():
    def slope(x, dy):
        dy *= 2 * x
        return dy

    assert "dy was changed" in str(gradcheck(square_with(slope), leaf([1.0, 3.0])))


def test_a_backward_that_spoils_what_it_saved_is_found():
    @differentiable
    def square(x):
        twice = 2 * x

        def dx(dy):
            gradient = twice * dy
            twice[0] = 7
            return gradient

        return x * x, (dx,)

    assert "a second backward through the same graph gave other bits" in str(gradcheck(square, leaf([1.0])))


def test_a_random_forward_is_found(rng):
    noisy = lambda x: x * float(rng.normal())  # noqa: E731
    assert "a second forward pass gave other bits" in str(gradcheck(noisy, leaf([1.0])))


def test_a_random_backward_is_found(rng):
    wrong = square_with(lambda x, dy: 2 * x * dy * (1 + 1e-15 * rng.integers(1, 100)))
    assert "other bits" in str(gradcheck(wrong, leaf([1.0, 2.0, 3.0])))


def test_a_gradient_drawn_at_random_by_the_forward_is_found(rng):
    @differentiable
    def doubled(x):
        factor = 2 * (1 + 1e-15 * rng.integers(1, 100))
        return 2 * x, (lambda dy: factor * dy,)

    assert "run a second time, gave other gradients" in str(gradcheck(doubled, leaf([1.0, 2.0, 3.0])))


def test_the_step_grows_with_the_value():
    """At 1e8 a step of 6e-6 would leave 3 digits, and a wrong fourth one would pass."""
    x = leaf([1e8, -1e8])
    assert gradcheck(lambda x: x * x, x)
    assert gradcheck(square_with(lambda x, dy: 2.0001 * x * dy), x).failures == 2


def test_a_sample_is_drawn_by_its_seed():

    def checked_elements(seed):
        x = leaf(np.arange(1.0, 101.0))
        before = x._array.copy()
        moved = set()

        def fn(x):
            moved.update(np.flatnonzero(x._array != before).tolist())
            return x * x

        report = gradcheck(fn, x, sample=7, seed=seed)
        assert report.checked == len(moved) == 7
        return moved

    seen = [checked_elements(seed) for seed in (0, 0, 1)]
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_a_sample_larger_than_an_input_takes_all_of_it():
    assert gradcheck(lambda x, z: x.sum() * z, (leaf([1.0, 2.0]), leaf(np.arange(9.0))), sample=5).checked == 7


def test_parameters_of_a_module_are_checked_through_a_closure(rng):
    net = nn.Linear(3, 2).double()
    x = Tensor(rng.normal(size=(4, 3)))
    names, parameters = zip(*net.named_parameters())
    report = gradcheck(lambda *_: net(x), parameters, names=names)
    assert report
    assert report.checked == 8
    assert report.worst.name in ("weight", "bias")


def test_everything_is_as_before_afterwards():
    x = leaf([1.0, 0.1, 3.0])
    x.grad = Tensor(np.array([7.0, 8.0, 9.0]))
    gradcheck(lambda x: x * x, x)
    assert x.tolist() == [1.0, 0.1, 3.0]
    assert x.grad.tolist() == [7.0, 8.0, 9.0]


def test_several_outputs_of_which_some_have_no_gradient():
    report = gradcheck(lambda x: (x.max(1).values, x.argmax(1), x * 3), leaf([[1.0, 2.0], [4.0, 3.0]]))
    assert (report.ok, report.checked) == (True, 4)


def test_a_non_contiguous_input_is_checked(rng):
    x = Tensor(rng.normal(size=(3, 4)).T[::2], requires_grad=True)
    assert gradcheck(lambda x: x * x, x).checked == 6


def test_an_empty_input_has_nothing_to_check():
    report = gradcheck(lambda x: x * 2, leaf(np.zeros((0, 3))))
    assert (report.ok, report.checked, report.worst) == (True, 0, None)


def test_a_failure_raises_where_asked():
    with pytest.raises(RuntimeError, match=r"gradcheck FAILED: 1 elements checked.*1 wrong"):
        gradcheck(square_with(lambda x, dy: dy), leaf([2.0]), raise_exception=True)
    assert gradcheck(lambda x: x * x, leaf([2.0]), raise_exception=True)


def test_torch_s_positional_arguments():
    """(fn, inputs, eps, atol, rtol, raise_exception): a loose tolerance lets a wrong factor pass."""
    wrong = square_with(lambda x, dy: 2.0001 * x * dy)
    assert gradcheck(wrong, (leaf([2.0]),), 1e-6, 1e-5, 1e-3)
    assert not gradcheck(wrong, (leaf([2.0]),), 1e-6, 1e-5, 1e-6)


def identity(x):
    return x * 1


@pytest.mark.parametrize(
    ("fn", "inputs", "error", "message"),
    [
        (
            identity,
            Tensor(np.ones(2, np.float32), requires_grad=True),
            ValueError,
            r"x is float32, too coarse.*\.double\(\)",
        ),
        (identity, Tensor(np.ones(2)), ValueError, "none of the inputs requires grad; call requires_grad_"),
        (identity, [np.ones(2)], TypeError, "x is a ndarray, not a Tensor"),
        (identity, leaf([1.0]) * 2, ValueError, "x was made by <mul>"),
        (lambda x: x.numpy(), Tensor(np.ones(2)), ValueError, "none of the inputs"),
        (lambda x: x._array, leaf([1.0]), TypeError, "fn returned a ndarray"),
        (lambda x: x.detach(), leaf([1.0]), ValueError, "no output of fn requires grad"),
        (lambda x: x.float(), leaf([1.0]), ValueError, "fn returned float32"),
        (
            identity,
            Tensor(np.broadcast_to(np.ones(1), 3), requires_grad=True),
            ValueError,
            "x shows repeated or read-only memory",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(fn, inputs, error, message):
    with pytest.raises(error, match=message):
        gradcheck(fn, inputs)


def test_the_number_of_names_must_fit():
    with pytest.raises(ValueError, match="2 names for 1 inputs"):
        gradcheck(identity, leaf([1.0]), names=["a", "b"])


@pytest.mark.parametrize(
    ("fn", "names"),
    [
        (lambda a, b: a * b, ("a", "b")),
        (lambda *xs: xs[0] * xs[1], ("input 0", "input 1")),
        (max, ("input 0", "input 1")),
    ],
)
def test_inputs_are_called_as_the_parameters_of_the_function(fn, names):
    from minitorch_cv.gradcheck.check import input_names

    assert tuple(input_names(fn, (leaf([1.0]), leaf([2.0])), None)) == names


def test_the_function_and_the_package_share_a_name():
    """After `import minitorch_cv` the attribute is the function, whatever is imported from the package later."""
    code = """
import sys, minitorch_cv
assert "rich" not in sys.modules, "importing gradcheck must be cheap"
from minitorch_cv.gradcheck import run, Report
import minitorch_cv.gradcheck.cases
assert callable(minitorch_cv.gradcheck) and minitorch_cv.gradcheck.__name__ == "gradcheck"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
