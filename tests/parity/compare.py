"""One function, run with PyTorch and with minitorch_cv: the same outputs and the same gradients."""

import numpy as np
import pytest

import minitorch_cv as mt

torch = pytest.importorskip("torch")

TOLERANCE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 2e-4, "atol": 2e-5}}


def values(tensor):
    """The array behind a tensor of either library."""
    return tensor.detach().numpy()


def outputs_of(result):
    """The tensors of a result: one, or those in a tuple or list."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def assert_same(ours, theirs, what, tolerance=None):
    """Equal shapes and dtypes, and values within the tolerance (integers: exactly), NaN and Inf included."""
    ours, theirs = values(ours), values(theirs)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} here, {theirs.shape} in PyTorch"
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype} here, {theirs.dtype} in PyTorch"
    limits = {"rtol": 0} if ours.dtype.kind != "f" else TOLERANCE[ours.dtype.name] | (tolerance or {})
    np.testing.assert_allclose(ours, theirs, err_msg=what, **limits)


def compare(function, *arrays, **tolerance):
    """Run function(library, *tensors) in both, and compare all outputs and the gradients of all floating inputs.

    A random cotangent goes backward from every output that has a gradient. `tolerance`: rtol and atol where those of
    the dtype are too strict.
    """
    rng = np.random.default_rng(7)
    inputs, outputs, cotangents = {}, {}, {}
    for library in (torch, mt):
        inputs[library] = [library.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        outputs[library] = outputs_of(function(library, *inputs[library]))
    assert len(outputs[mt]) == len(outputs[torch])
    for i, (ours, theirs) in enumerate(zip(outputs[mt], outputs[torch])):
        assert_same(ours, theirs, f"output {i}", tolerance)
        assert ours.requires_grad == theirs.requires_grad, f"output {i}: requires_grad"
        cotangents[i] = rng.standard_normal(ours.shape)
    for library in (torch, mt):
        losses = [
            (y * library.tensor(cotangents[i].astype(values(y).dtype))).sum()
            for i, y in enumerate(outputs[library])
            if y.requires_grad
        ]
        if losses:
            sum(losses).backward()
    for i, (ours, theirs) in enumerate(zip(inputs[mt], inputs[torch])):
        if theirs.grad is None:
            assert ours.grad is None or not values(ours.grad).any(), f"input {i} has a gradient here, none in PyTorch"
        else:
            assert ours.grad is not None, f"input {i} has no gradient here"
            assert_same(ours.grad, theirs.grad, f"gradient of input {i}", tolerance)
