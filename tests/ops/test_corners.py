"""Gradients where a formula would divide 0 by 0: the values are those of torch (tests/parity/test_corners.py)."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv.nn import functional as F


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 3)),
        ({"dim": 1}, (2, 3)),
        ({"dim": 0, "unbiased": False}, (2, 3)),
        ({"dim": (0, 2), "keepdim": True}, (2, 3, 2)),
        ({"correction": 0}, (4,)),
        ({"dim": -1}, (2, 2, 2)),
    ],
)
def test_std_of_equal_values_has_the_gradient_zero(options, shape):
    x = torch.full(shape, 3.0, requires_grad=True)
    y = x.std(**options)
    (y * torch.rand(*y.shape)).sum().backward()
    np.testing.assert_array_equal(y.detach().numpy(), 0)
    np.testing.assert_array_equal(x.grad.numpy(), 0)


def test_std_of_some_equal_rows():
    x = torch.tensor([[1.0, 1.0], [0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    (x.std(1) * torch.tensor([5.0, 3.0], dtype=torch.float64)).sum().backward()
    half = 3 / np.sqrt(2)  # y = |x1 - x0| / sqrt(2)
    np.testing.assert_allclose(x.grad.numpy(), [[0, 0], [-half, half]], rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
@pytest.mark.parametrize("weight", [None, [0.5, 2.0, 1.0]])
def test_labels_that_do_not_count_have_the_gradient_zero(loss, reduction, weight):
    x = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 5.0]], requires_grad=True)
    weight = None if weight is None else torch.tensor(weight)
    y = loss(x, torch.tensor([-100, -100]), weight=weight, reduction=reduction)
    (y * torch.rand(*y.shape)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 0)
    assert np.isnan(y.detach().numpy()).all() == (reduction == "mean")


def test_places_that_do_not_count_among_those_that_do():
    x = torch.zeros(1, 2, 3, requires_grad=True)
    loss = F.nll_loss(x, torch.tensor([[1, 7, 0]]), weight=torch.tensor([1.0, 3.0]), ignore_index=7)
    (loss * 2).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[[0, 0, -0.5], [-1.5, 0, 0]]])
