"""Programs of operations, views and in-place writes, drawn at random, in both libraries.

Either all values and gradients agree, or minitorch_cv refuses the program with a RuntimeError. It may be stricter than
PyTorch (what `expand` repeats is refused for writing as a whole here, and its rows there are not), never silently
different. What PyTorch refuses, minitorch_cv may run where it kept a copy, or where the view is one of several (split,
chunk); its gradient is then checked by differences.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minitorch_cv as mt

from .compare import torch, values

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:Use of index_put_ on expanded tensors:UserWarning"),
]

SIZE = 6
# Views of any tensor with at least two elements along its first axis.
VIEWS = {
    "head": lambda t, x: x[: x.shape[0] // 2],
    "tail": lambda t, x: x[x.shape[0] // 2 :],
    "even": lambda t, x: x[::2],
    "row": lambda t, x: x[0],
    "number": lambda t, x: x[t.tensor(1)],
    "new_axis": lambda t, x: x.unsqueeze(0),
    "transposed": lambda t, x: x.transpose(0, -1),
    "flat": lambda t, x: x.view(-1),
    "reshaped": lambda t, x: x.reshape(2, -1) if x.numel() % 2 == 0 else x.reshape(-1),
    "part": lambda t, x: x.split(1)[0],
    "chunk": lambda t, x: x.chunk(2)[-1],
    "detached": lambda t, x: x.detach(),
    "without_history": lambda t, x: without_history(t, x),
    "wide": lambda t, x: x[:1].expand(3, *x.shape[1:]),
    "turned_row": lambda t, x: x.transpose(0, -1)[0],
}
# Two tensors of any shapes; the second is made to fit by its mean.
WRITES = {
    "add_": lambda t, x, w: x.add_(w.mean()),
    "mul_": lambda t, x, w: x.mul_(w.mean()),
    "div_": lambda t, x, w: x.div_(w.mean() * w.mean() + 1),
    "square_": lambda t, x, w: x.pow_(2),
    "exp_": lambda t, x, w: x.exp_(),
    "tanh_": lambda t, x, w: x.tanh_(),
    "sigmoid_": lambda t, x, w: x.sigmoid_(),
    "relu_": lambda t, x, w: x.relu_(),
    "clamp_": lambda t, x, w: x.clamp_(-0.5, 0.5),
    "neg_": lambda t, x, w: x.neg_(),
    "zero_": lambda t, x, w: x.zero_(),
    "fill_": lambda t, x, w: x.fill_(0.3),
    "copy_": lambda t, x, w: x.copy_(w.mean()),
    "set_first": lambda t, x, w: x.__setitem__(0, w.sum()),
    "set_all": lambda t, x, w: x.__setitem__(slice(None), 0.5 * x),
    "set_rows": lambda t, x, w: x.__setitem__(t.tensor([0, -1]), w.mean() * 2),
    "set_mask": lambda t, x, w: x.__setitem__(x > 0, w.mean()),
    "add_twice": lambda t, x, w: x.add_(x),
    "mul_own": lambda t, x, w: x.mul_(x.clone()),
    "set_swapped": lambda t, x, w: x.__setitem__(0, x[-1].clone()),
    "without_grad": lambda t, x, w: add_without_grad(t, x),
    "row_mul": lambda t, x, w: x[0].mul_(w.mean()),
    "chained": lambda t, x, w: chained(x, w),
    "iadd_part": lambda t, x, w: iadd_part(x, w),
}
OPERATIONS = {
    "mul": lambda t, x, w: x * w.mean(),
    "square": lambda t, x, w: x * x,
    "exp": lambda t, x, w: x.exp(),
    "sigmoid": lambda t, x, w: x.sigmoid(),
    "sin": lambda t, x, w: x.sin(),
    "add": lambda t, x, w: x + w.sum(),
    "copy": lambda t, x, w: x.clone(),
    "index": lambda t, x, w: x[t.tensor([0, 0, -1])],
    "max": lambda t, x, w: x.max(0)[0].unsqueeze(0),
    "softmax": lambda t, x, w: x.softmax(0),
    "cat": lambda t, x, w: t.cat([x, x * 2]),
    "power": lambda t, x, w: (x * x + 1) ** 1.5,
    "fresh": lambda t, x, w: t.zeros(4, dtype=t.float64),
    "retained": lambda t, x, w: retained(x * 2),
}


def add_without_grad(t, x):
    with t.no_grad():
        x.add_(0.25)


def without_history(t, x):
    with t.no_grad():
        return x[:1]


def chained(x, w):
    x[1:][0] *= w.mean()


def iadd_part(x, w):
    x[1:] += w.mean()


def retained(x):
    if x.requires_grad:
        x.retain_grad()
    return x


STEPS = {**VIEWS, **OPERATIONS, **WRITES}
STEP = st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 7), st.integers(0, 7))


def run(t, program, start):
    """The loss, every tensor and every gradient of the program in the library t."""
    leaf = t.tensor(start, requires_grad=True)
    other = t.tensor(start[::-1] * 0.5, requires_grad=True)
    tensors = [leaf * 1, other * 2, leaf]
    for name, i, j in program:
        x, w = tensors[i % len(tensors)], tensors[j % len(tensors)]
        if x.ndim == 0 or x.shape[0] < 2:
            x = tensors[0]
        if x.ndim == 0 or x.shape[0] < 2 or x.numel() > 100:
            continue
        if name in VIEWS:
            tensors.append(VIEWS[name](t, x))
        elif name in OPERATIONS:
            tensors.append(OPERATIONS[name](t, x, w))
        else:
            WRITES[name](t, x, w)
    loss = sum((x * (k + 1)).sum() for k, x in enumerate(tensors))
    loss.backward()
    kept = [x.grad for x in tensors[3:] if x.grad_fn is not None and x.requires_grad and x.grad is not None]
    return [values(x) for x in (loss, leaf.grad, other.grad, *tensors, *kept)]


REFUSALS = (
    "changed in place",
    "in-place write on",
    "repeated or read-only memory",
    "a view of a tensor that was",
    "under no_grad",
)


def check_against_differences(program, start, ours):
    """The gradient of the loss along every element of `start`, by central differences of minitorch_cv itself."""
    loss, of_leaf, of_other = ours[:3]
    analytic = of_leaf + 0.5 * of_other[::-1]
    steps = 1e-6 * np.eye(SIZE)
    numeric = [(run(mt, program, start + h)[0] - run(mt, program, start - h)[0]) / 2e-6 for h in steps]
    rounding = 1e-9 * abs(loss)  # of the losses, 2e-16 of them, over the step
    np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-6 + rounding, err_msg=f"{program}")


def check(program):
    """ "same", "stricter", "both refuse" or "looser"; AssertionError where numbers differ or the message is unclear."""
    start = np.array([0.3, -0.7, 1.1, 0.45, -0.2, 0.9])
    try:
        theirs = run(torch, program, start)
    except RuntimeError:
        theirs = None
    try:
        ours = run(mt, program, start)
    except RuntimeError as error:
        if not any(text in str(error) for text in REFUSALS):
            raise
        return "both refuse" if theirs is None else "stricter"
    if theirs is None:
        if not {"detached", "without_history"} & {name for name, *_ in program}:  # differences move constants, too
            check_against_differences(program, start, ours)
        return "looser"
    assert len(ours) == len(theirs)
    for k, (here, there) in enumerate(zip(ours, theirs)):
        np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-12, err_msg=f"value {k} of {program}")
    return "same"


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=1, max_size=7))
def test_random_programs_agree_or_are_refused(program):
    check(program)


def test_most_random_programs_run():
    """A fuzz test that only ever sees refusals would prove nothing."""
    rng = np.random.default_rng(0)
    names = sorted(STEPS)
    outcomes = [
        check([(names[rng.integers(len(names))], int(rng.integers(8)), int(rng.integers(8))) for _ in range(4)])
        for _ in range(400)
    ]
    counts = {outcome: outcomes.count(outcome) for outcome in set(outcomes)}
    assert counts["same"] > 100, counts
    assert counts.get("stricter", 0) < 5, counts


FIXED = {
    "write_to_a_view_then_use_the_base": [("head", 0, 0), ("mul_", 3, 1), ("square", 0, 0)],
    "write_to_the_base_then_take_a_view": [("mul_", 0, 1), ("tail", 0, 0), ("exp", 3, 0)],
    "a_view_follows_its_base": [("head", 0, 0), ("mul_", 0, 1), ("exp", 3, 0)],
    "views_that_overlap": [("head", 0, 0), ("even", 0, 0), ("mul_", 3, 1), ("square_", 4, 1), ("sin", 3, 0)],
    "a_view_of_a_view_follows": [("tail", 0, 0), ("row", 3, 0), ("mul_", 0, 1), ("square_", 3, 0), ("exp", 4, 0)],
    "repeated_elements_follow": [("wide", 0, 0), ("mul_", 0, 1), ("square", 3, 0)],
    "view_of_a_view": [("head", 0, 0), ("tail", 3, 0), ("mul_", 4, 1), ("sin", 3, 0)],
    "fill_a_fresh_tensor": [("fresh", 0, 0), ("set_first", 3, 1), ("set_rows", 3, 0), ("square", 3, 0)],
    "overwritten_history": [("exp", 0, 0), ("zero_", 0, 0), ("add_", 0, 1)],
    "retain_then_write": [("retained", 0, 0), ("mul_", 3, 1), ("sin", 3, 0)],
}


@pytest.mark.parametrize("name", FIXED)
def test_fixed_programs(name):
    assert check(FIXED[name]) == "same"
