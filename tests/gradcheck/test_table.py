"""The table of all cases and what it returns."""

import io

import numpy as np
import pytest
from rich.console import Console

from minitorch_cv.gradcheck import run, table
from minitorch_cv.gradcheck.case import Case, Setup, case, exactly
from minitorch_cv.ops import activation, pointwise
from minitorch_cv.tensor import Tensor

RIGHT = case("exp", "", pointwise.exp, (2, 3))
AT_KINK = case("relu", "at 0", activation.relu, exactly([0, 1]))
FAULTY = Case("broken", "", lambda rng: Setup(lambda x: 1 / 0, [Tensor(np.ones(1), requires_grad=True)]))
WRONG = case("wrong", "[detached]", lambda x: x * x.detach(), exactly([2.0]))


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=100)


def printed(console):
    return console.file.getvalue()


def test_a_pattern_runs_only_what_it_names(console):
    assert run("softplus", console)
    text = printed(console)
    assert "softplus beta and threshold" in text
    assert "relu" not in text
    assert "0 failed" in text


def test_a_pattern_that_names_nothing_fails(console):
    assert not run("no such thing", console)
    assert "no case contains 'no such thing'" in printed(console)


def test_what_passes_is_counted(console, monkeypatch):
    monkeypatch.setattr(table, "CASES", [RIGHT, AT_KINK])
    assert run("", console)
    assert "2 cases: 0 failed; 7 elements checked, 0 wrong, 1 at kinks" in printed(console)


@pytest.mark.parametrize(("bad", "reason"), [(FAULTY, "ZeroDivisionError"), (WRONG, "at x[0] = 2")])
def test_one_failure_fails_the_whole_and_is_explained(console, monkeypatch, bad, reason):
    monkeypatch.setattr(table, "CASES", [bad, RIGHT])
    assert not run("", console)
    text = printed(console)
    assert bad.name in text
    assert reason in text
    assert "2 cases: 1 failed" in text


def test_a_whole_run_that_leaves_operations_out_fails(console, monkeypatch):
    monkeypatch.setattr(table, "CASES", [RIGHT])
    monkeypatch.setattr(table, "left_out", lambda kernels: ["no case covers the operations tan"])
    assert not run(None, console)
    assert "no case covers the operations tan" in printed(console)


def test_whole_networks_have_a_table_of_their_own(console, monkeypatch):
    monkeypatch.setattr(table, "CASES", [WRONG])
    monkeypatch.setattr(table, "NETWORKS", [RIGHT])
    assert run(None, console, networks=True)
    assert "1 cases: 0 failed" in printed(console)
    assert "covered" not in printed(console)
