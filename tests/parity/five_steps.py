"""One network built with minitorch_cv and with PyTorch: the same after each of five steps of SGD."""

import os
from contextlib import nullcontext

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import torch, values

STEPS = 5
RTOL = 1e-7
ATOL = 1e-9  # times the largest value of the tensor
FLOOR = 1e-12  # a bias in front of batch norm has no gradient: what it moves by is rounding
INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def five_steps(ours, theirs, image_shape, num_classes, *, batch=3, lr=0.01, names=None, loss=None, keep_dropout=False):
    """Train both for five steps in float64 on the same random batches, beginning with the weights of `ours`.

    Momentum 0.9 and weight decay 1e-3. After each step the loss and every parameter and buffer must agree, and in the
    end what both compute in eval mode.

    image_shape: (C, H, W) of one image. names: {our key of state_dict(): their key} where these differ, for instance
    `names=by_order(ours, theirs)`. loss: function(library, outputs, labels) for a network that does not simply return
    logits. Whatever drops at random is switched off in both, unless keep_dropout.
    """
    nets = {mt: ours.double(), torch: theirs.double()}
    names = {key: key for key in ours.state_dict()} if names is None else names
    copy_weights(ours, theirs, names)
    for net in nets.values():
        net.train()
        if not keep_dropout:
            switch_off_dropout(net)
    optimizers = {t: t.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=1e-3) for t, net in nets.items()}
    loss = cross_entropy if loss is None else loss
    rng = np.random.default_rng(0)
    # In pure Python the compiled kernels would take minutes; they have tests of their own.
    with mt.use("reference") if INTERPRETED else nullcontext():
        for step in range(STEPS):
            images = rng.standard_normal((batch, *image_shape))
            labels = rng.integers(0, num_classes, batch)
            losses = {}
            for t, net in nets.items():
                optimizers[t].zero_grad()
                value = loss(t, net(t.tensor(images)), t.tensor(labels))
                value.backward()
                optimizers[t].step()
                losses[t] = value.item()
            assert np.isfinite(losses[torch]), f"step {step}: PyTorch's loss is {losses[torch]}; take a smaller lr"
            assert losses[mt] == pytest.approx(losses[torch], rel=RTOL), f"loss of step {step}"
            assert_same_state(ours, theirs, names, f"after step {step}")
        for net in nets.values():
            net.eval()
        images = rng.standard_normal((batch, *image_shape))
        with mt.no_grad(), torch.no_grad():
            assert_close(ours(mt.tensor(images)), theirs(torch.tensor(images)), "outputs in eval mode")


def cross_entropy(t, logits, labels):
    """The loss of a network that returns logits (N, num_classes)."""
    return t.nn.functional.cross_entropy(logits, labels)


def by_order(ours, theirs):
    """{our key: their key} for two networks that have the same tensors in the same order under other names."""
    mine, yours = ours.state_dict(), theirs.state_dict()
    assert [tuple(v.shape) for v in mine.values()] == [tuple(v.shape) for v in yours.values()], (
        f"not the same shapes in the same order: {shapes_of(mine)} here, {shapes_of(yours)} in PyTorch"
    )
    return dict(zip(mine, yours))


def shapes_of(state):
    return {key: tuple(value.shape) for key, value in state.items()}


def copy_weights(ours, theirs, names):
    """Give every tensor of their state the value of the one with our name for it; none may be left over."""
    mine, yours = ours.state_dict(), theirs.state_dict()
    assert set(names) == set(mine)
    assert sorted(names.values()) == sorted(yours)
    theirs.load_state_dict({names[key]: torch.from_numpy(values(tensor).copy()) for key, tensor in mine.items()})


def switch_off_dropout(net):
    """Probability 0 for dropout, stochastic depth and their kin, told by their class names and `p`."""
    for module in net.modules():
        if hasattr(module, "p") and type(module).__name__.startswith(("Drop", "Stochastic")):
            module.p = 0.0


def assert_same_state(ours, theirs, names, when):
    """Every parameter and buffer agrees."""
    yours = theirs.state_dict()
    for name, tensor in ours.state_dict().items():
        assert_close(tensor, yours[names[name]], f"{name} {when}")


def assert_same_keys(ours, theirs):
    """The same names in the same order, with the same shapes and dtypes."""
    mine = {key: (tuple(v.shape), str(v.dtype)) for key, v in ours.state_dict().items()}
    yours = {key: (tuple(v.shape), str(v.dtype).split(".")[1]) for key, v in theirs.state_dict().items()}
    assert list(mine.items()) == list(yours.items())


def assert_close(ours, theirs, what):
    """Equal shapes and dtypes; floating-point values within RTOL, ATOL and FLOOR, integers exactly."""
    ours, theirs = values(ours), values(theirs)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} here, {theirs.shape} in PyTorch"
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype} here, {theirs.dtype} in PyTorch"
    if ours.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs, err_msg=what)
    else:
        atol = max(FLOOR, ATOL * np.abs(theirs).max(initial=0))
        np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=atol, err_msg=what)
