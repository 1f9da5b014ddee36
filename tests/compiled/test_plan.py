"""The table of a recorded step."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv.nn import functional as F
from minitorch_kernels import memory


def linear_step():
    w = torch.ones(4, 3, requires_grad=True)

    @torch.compile
    def step(x):
        loss = F.relu(F.linear(x, w)).sum()
        loss.backward()
        return loss

    return step


def test_the_list_of_a_small_step():
    step = linear_step()
    for _ in range(3):
        step(torch.ones(2, 3))
    rows = step.plan.rows
    assert [row.name for row in rows] == [
        *("linear", "relu", "sum", "seed", "sum backward", "relu backward", "linear backward"),
        "gradients of the leaves",
    ]
    assert rows[0].shapes == [(2, 4)]
    assert rows[0].bytes == 2 * 4 * 4
    assert rows[0].multiply_adds == 2 * 4 * 3
    assert rows[6].shapes == [(4, 3)]
    assert rows[6].multiply_adds == 2 * 4 * 3  # dw alone: nobody wants dx
    assert step.plan.multiply_adds == 2 * 2 * 4 * 3


def test_convolutions_count_as_in_a_summary():
    w = torch.ones(4, 1, 3, 3)
    step = torch.compile(lambda x: F.conv2d(x, w, groups=2))
    for _ in range(2):
        step(torch.ones(2, 2, 5, 5))
    assert step.plan.multiply_adds == 2 * 4 * 3 * 3 * 9


def test_memory_is_known_after_the_first_replay(monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 16)
    step = linear_step()
    with pytest.raises(RuntimeError, match="nothing is recorded yet"):
        step.plan  # noqa: B018
    for _ in range(2):
        step(torch.ones(2, 3))
    assert step.plan.arena_bytes is None
    assert "third call" in str(step.plan)
    step(torch.ones(2, 3))
    plan = step.plan
    assert plan.requested_bytes == sum(b.size for b in step.latest.buffers.layout.planned) > 0
    assert plan.arena_bytes < plan.requested_bytes
    assert any(row.offsets for row in plan.rows)


def test_the_text():
    step = linear_step()
    for _ in range(3):
        step(torch.ones(2, 3))
    lines = str(step.plan).splitlines()
    assert lines[1].split() == [
        *("#", "Operation", "Output", "shape", "Bytes", "Mult-Adds", "Offset", "in", "memory"),
    ]
    assert lines[3].split() == ["0", "linear", "(2,4)", "32", "24"]
    assert lines[-4:-2] == ["Instructions: 8", "Total mult-adds: 48"]
    assert len({len(line) for line in lines if set(line) == {"="}}) == 1
    assert np.all([len(line) <= 160 for line in lines])
