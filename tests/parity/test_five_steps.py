"""The comparison itself: it passes for equal networks and sees each small difference."""

import pytest

import minitorch_cv as mt

from .compare import torch
from .five_steps import assert_same_keys, by_order, five_steps

pytestmark = pytest.mark.parity


def network(t, padding=1, momentum=0.1, slope=0.01, dropout=0.5, eps=1e-5):
    return t.nn.Sequential(
        t.nn.Conv2d(2, 3, 3, padding=padding),
        t.nn.BatchNorm2d(3, eps=eps, momentum=momentum),
        t.nn.LeakyReLU(slope),
        t.nn.AdaptiveAvgPool2d(2),
        t.nn.Flatten(),
        t.nn.Dropout(dropout),
        t.nn.Linear(12, 4),
    )


def test_equal_networks_agree():
    five_steps(network(mt), network(torch), (2, 5, 5), 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"padding": 0}, "loss of step 0"),
        ({"slope": 0.01001}, "loss of step 0|after step 0"),
        ({"momentum": 0.1000002}, "running_mean after step 0"),
        ({"eps": 1.1e-5}, "loss of step 0|after step 0"),
    ],
)
def test_a_difference_is_found(change, message):
    with pytest.raises(AssertionError, match=message):
        five_steps(network(mt), network(torch, **change), (2, 5, 5), 4)


def test_dropout_that_stays_on_is_found():
    with pytest.raises(AssertionError, match="loss of step 0"):
        five_steps(network(mt), network(torch), (2, 5, 5), 4, keep_dropout=True)


def test_other_names_and_another_loss():
    class WithAuxiliary(torch.nn.Module):
        """Two outputs in training, one in eval mode, as GoogLeNet has them."""

        def __init__(self):
            super().__init__()
            self.body = network(torch)

        def forward(self, x):
            y = self.body(x)
            return (y, y) if self.training else y

    def loss(t, outputs, labels):
        logits = outputs[0] if t is torch else outputs
        return t.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)

    ours, theirs = network(mt), WithAuxiliary()
    five_steps(ours, theirs, (2, 5, 5), 4, names=by_order(ours, theirs), loss=loss)


def test_keys_are_compared_with_their_order_shape_and_dtype():
    assert_same_keys(network(mt), network(torch))
    with pytest.raises(AssertionError):
        assert_same_keys(network(mt).double(), network(torch))
    with pytest.raises(AssertionError, match="not the same shapes"):
        by_order(network(mt), torch.nn.Linear(12, 4))
