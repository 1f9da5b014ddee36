"""Planted mistakes: each is made on purpose, and one of two checks has to find it.

`gradcheck`   backward against differences of the forward: finds a gradient that does not belong to its forward
`reference`   fast kernels against the references: finds what differences cannot see, a tie that goes to another
              element (any slope between those of the two sides will do there), or a wrong forward with its own gradient

The table at the end lists each mistake, the case that is run, and the check that finds it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from minitorch_cv.gradcheck.cases import CASES
from minitorch_kernels.kernel import REGISTRY, use
from minitorch_kernels.pool_windows import strided_places

BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True)
class Mistake:
    """What is wrong, how to plant it, the case that shows it, and the check that finds it."""

    description: str
    plant: Callable[[pytest.MonkeyPatch], None]
    case: str
    found_by: str = "gradcheck"


def passes_gradcheck(case):
    return case.check().ok


def agrees_with_reference(case):
    """Outputs and gradients of the fast kernels are those of the references."""
    fast, slow = results(case), results(replace(case, implementation="reference"))
    return all(np.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(fast, slow, strict=True))


def results(case):
    """All outputs, and the gradients of all inputs for a fixed dy."""
    fn, inputs, _ = case.seeded()
    rng = np.random.default_rng(0)
    with use(case.implementation or "cpu"):
        y = fn(*inputs)
        y.backward(rng.normal(size=y.shape))
    return [y.detach().numpy(), *(x.grad.numpy() for x in inputs)]


CHECKS = {"gradcheck": passes_gradcheck, "reference": agrees_with_reference}


def in_kernel(name):
    """Plant a function in the place of the fast version of a kernel; its first argument is the right one."""

    def decorate(wrong):
        def plant(monkeypatch):
            kernel = REGISTRY[name]
            right = kernel.cpu
            monkeypatch.setattr(kernel, "cpu", lambda *args: wrong(right, *args))

        return plant

    return decorate


def in_backward(module, operation):
    """Plant a change of the gradients of an operation: `wrong(gradients, dy, *arguments of the operation)`."""

    def decorate(wrong):
        def plant(monkeypatch):
            home = sys.modules[f"minitorch_cv.ops.{module}"]
            right = getattr(home, operation)

            def tampered(*args, **options):
                y = right(*args, **options)
                if y.grad_fn is not None:
                    backward = y.grad_fn.backward
                    y.grad_fn.backward = lambda dy, needs: wrong(backward(dy, needs), dy, *args)
                return y

            monkeypatch.setattr(home, operation, tampered)

        return plant

    return decorate


def in_function(module, name):
    """Plant a function in the place of a helper of the operations; its first argument is the right one."""

    def decorate(wrong):
        def plant(monkeypatch):
            home = sys.modules[f"minitorch_cv.ops.{module}"]
            right = getattr(home, name)
            monkeypatch.setattr(home, name, lambda *args: wrong(right, *args))

        return plant

    return decorate


# Convolution


@in_kernel("col2im")
def col2im_forgets_padding(right, cols, size, kernel, stride, padding, dilation):
    """The padded image is cut at its corner, not at the padding."""
    padded = tuple(n + 2 * p for n, p in zip(size, padding))
    return right(cols, padded, kernel, stride, (0, 0), dilation)[:, :, : size[0], : size[1]]


@in_kernel("conv2d_weight_grad")
def weight_gradient_is_transposed(right, *args):
    return right(*args).swapaxes(2, 3)


@in_kernel("conv2d_weight_grad")
def groups_are_exchanged_in_the_weight_gradient(right, dy, x, kernel, stride, padding, dilation, groups):
    dw = right(dy, x, kernel, stride, padding, dilation, groups)
    return dw.reshape(groups, -1, *dw.shape[1:])[::-1].reshape(dw.shape)


@in_kernel("conv2d_input_grad")
def stride_is_forgotten_in_the_input_gradient(right, dy, w, size, stride, padding, dilation, groups):
    """The outputs are taken to lie side by side in the image."""
    places = tuple(n + 2 * p - d * (k - 1) for n, p, d, k in zip(size, padding, dilation, w.shape[2:]))
    side_by_side = np.zeros((*dy.shape[:2], *places))
    side_by_side[:, :, : dy.shape[2], : dy.shape[3]] = dy
    return right(side_by_side, w, size, (1, 1), padding, dilation, groups)


@in_kernel("conv2d_input_grad")
def filter_is_not_turned_in_the_input_gradient(right, dy, w, *args):
    return right(dy, w[:, :, ::-1, ::-1], *args)


@in_backward("conv", "convolution")
def bias_gradient_misses_the_sum_over_the_batch(gradients, dy, *args):
    dx, dw, _ = gradients
    return dx, dw, dy[0].sum(axis=(1, 2))


def filter_is_turned_everywhere(monkeypatch):
    """A true convolution in place of a cross-correlation, forward and backward alike."""
    for name, position in (("conv2d", 1), ("conv2d_input_grad", 1)):
        in_kernel(name)(turning(position))(monkeypatch)
    in_kernel("conv2d_weight_grad")(lambda right, *args: right(*args)[:, :, ::-1, ::-1])(monkeypatch)


def turning(position):
    def wrong(right, *args):
        return right(*args[:position], args[position][:, :, ::-1, ::-1], *args[position + 1 :])

    return wrong


# Pooling


@in_kernel("max_pool2d")
def last_of_equals_wins(right, x, *args):
    """A comparison with >= in place of >: the image is read from its end."""
    y, places = right(x[:, :, ::-1, ::-1], *args)
    KH, KW = args[0]
    return y[:, :, ::-1, ::-1], (KH * KW - 1 - places)[:, :, ::-1, ::-1]


@in_kernel("max_pool2d_grad")
def overlapping_windows_overwrite_each_other(right, dy, places, size, *geometry):
    indices = strided_places(size, dy.shape[2:], *geometry).positions(places, size[1])
    dx = np.zeros((*dy.shape[:2], size[0] * size[1]))
    np.put_along_axis(dx, indices.reshape(*dy.shape[:2], -1), dy.reshape(*dy.shape[:2], -1), axis=2)
    return dx.reshape(*dy.shape[:2], *size)


@in_kernel("max_pool2d")
def padding_is_chosen_as_the_maximum(right, x, kernel, stride, padding, dilation, ceil_mode):
    """The padding holds 0, not -inf: where it wins, the gradient goes nowhere, which is right for that forward."""
    y, places = right(x, kernel, stride, padding, dilation, ceil_mode)
    return np.maximum(y, 0), np.where(y < 0, np.uint8(255), places)


@in_kernel("avg_pool2d_grad")
def divisor_ignores_that_padding_does_not_count(right, *args):
    *args, count_include_pad, divisor = args
    return right(*args, not count_include_pad, divisor)


# Normalisation and dropout


@in_kernel("batch_norm_train_grad")
def mean_is_taken_for_a_constant(right, dy, x, weight, mean, rstd, *further):
    """dx without the term that comes through the mean of the batch."""
    dx, dw, db, g = right(dy, x, weight, mean, rstd, *further)
    through_mean = rstd * (1 if weight is None else weight) * db / (x.size / x.shape[1])
    return dx + through_mean.reshape(-1, *[1] * (x.ndim - 2)), dw, db, g


@in_kernel("batch_norm_train_grad")
def variance_is_taken_for_a_constant(right, dy, x, weight, mean, rstd, *further):
    """dx without the term that comes through the variance of the batch."""
    dx, dw, db, g = right(dy, x, weight, mean, rstd, *further)
    per_channel = (-1, *[1] * (x.ndim - 2))
    normalised = (x - mean.reshape(per_channel)) * rstd.reshape(per_channel)
    through_variance = rstd * (1 if weight is None else weight) * dw / (x.size / x.shape[1])
    return dx + normalised * through_variance.reshape(per_channel), dw, db, g


@in_backward("dropout", "masked_and_scaled")
def dropout_gradient_is_not_scaled(gradients, dy, x, mask, p):
    return (gradients[0] * (1 - p),)


# Losses


@in_kernel("softmax_cross_entropy_grad")
def ignored_labels_get_a_gradient(right, dlosses, p, target, weight, ignore_index, label_smoothing):
    return right(dlosses, p, np.where(target == ignore_index, 0, target), weight, -1, label_smoothing)


@in_backward("cross_entropy", "label_cross_entropy")
def mean_divides_by_samples_not_by_their_weights(gradients, dy, x, target, weight, *args):
    weights = weight.numpy()[target.numpy()]
    return (gradients[0] * weights.sum() / len(weights), *gradients[1:])


@in_kernel("softmax_cross_entropy_grad")
def smoothing_is_forgotten_in_the_gradient(right, *args):
    return right(*args[:-1], 0.0)


# Tensors


@in_function("arithmetic", "unbroadcast")
def unbroadcast_forgets_stretched_axes(right, dy, shape):
    """Leading axes are summed; along axes of size 1 the first element is taken."""
    dx = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    return dx[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


@in_backward("activation", "relu")
def relu_lets_the_negative_side_through(gradients, dy, x):
    return (dy * (x._array <= 0),)


@in_backward("matmul", "product")
def factors_are_not_transposed(gradients, dy, a, b):
    return dy @ b._array, a._array @ dy


@in_backward("indexing", "select")
def an_element_read_twice_gets_one_gradient(gradients, dy, x, index):
    dx = np.zeros(x.shape)
    dx[index] = dy
    return (dx,)


MISTAKES = [
    Mistake("col2im forgets the padding", col2im_forgets_padding, "unfold all options"),
    Mistake("weight gradient transposed", weight_gradient_is_transposed, "conv2d groups"),
    Mistake("groups exchanged in dw", groups_are_exchanged_in_the_weight_gradient, "conv2d groups"),
    Mistake("stride forgotten in dx", stride_is_forgotten_in_the_input_gradient, "conv2d stride, 16 images"),
    Mistake("filter not turned in dx", filter_is_not_turned_in_the_input_gradient, "conv2d padding"),
    Mistake("no sum over the batch in db", bias_gradient_misses_the_sum_over_the_batch, "conv2d"),
    Mistake("convolution for correlation", filter_is_turned_everywhere, "conv2d", "reference"),
    Mistake("ties go to the last maximum", last_of_equals_wins, "max_pool2d ties", "reference"),
    Mistake("overlaps overwrite in max pooling", overlapping_windows_overwrite_each_other, "max_pool2d overlapping"),
    Mistake("padding of 0 in max pooling", padding_is_chosen_as_the_maximum, "max_pool2d padding", "reference"),
    Mistake("divisor wrong at the padding", divisor_ignores_that_padding_does_not_count, "avg_pool2d padding"),
    Mistake("batch norm without the mean term", mean_is_taken_for_a_constant, "batch_norm training, images"),
    Mistake("batch norm without the variance term", variance_is_taken_for_a_constant, "batch_norm training, images"),
    Mistake("dropout gradient without scale", dropout_gradient_is_not_scaled, "dropout rows"),
    Mistake("ignore_index forgotten in the gradient", ignored_labels_get_a_gradient, "cross_entropy ignored labels"),
    Mistake(
        "mean over samples, not weights", mean_divides_by_samples_not_by_their_weights, "cross_entropy class weights"
    ),
    Mistake("smoothing forgotten in the gradient", smoothing_is_forgotten_in_the_gradient, "cross_entropy smoothing"),
    Mistake("unbroadcast forgets an axis", unbroadcast_forgets_stretched_axes, "mul row and column"),
    Mistake("ReLU gradient flipped", relu_lets_the_negative_side_through, "LeNet relu reference"),
    Mistake("matmul without transposes", factors_are_not_transposed, "matmul one tensor twice"),
    Mistake("an element read twice counts once", an_element_read_twice_gets_one_gradient, "getitem a row twice"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.description)
def test_a_planted_mistake_is_found(mistake, monkeypatch):
    case, check = BY_NAME[mistake.case], CHECKS[mistake.found_by]
    assert check(case), "the case must pass before the mistake is planted"
    mistake.plant(monkeypatch)
    assert not check(case)
    monkeypatch.undo()
    assert check(case)


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.found_by == "reference"], ids=lambda m: m.description)
def test_what_differences_cannot_see(mistake, monkeypatch):
    """Why the comparison with the references is needed: these pass the gradient check."""
    mistake.plant(monkeypatch)
    assert passes_gradcheck(BY_NAME[mistake.case])
