"""A run that is stopped, saved, loaded into other objects and gone on with ends as if it had never stopped."""

import os
from contextlib import nullcontext

import numpy as np
import pytest

import minitorch_cv
from minitorch_cv.random import default_generator
from minitorch_cv.train import StopTraining

from .resumable import EPOCHS, Run

KINDS = ["lenet", "residual", "adam"]
BATCHES = 7
STEPS = sorted(np.random.default_rng(3).choice(EPOCHS * BATCHES, 10, replace=False) + 1)


@pytest.fixture(autouse=True, scope="module")
def quick_kernels():
    """NumPy's references where Numba does not compile: interpreted kernels would take minutes."""
    interpreted = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
    with minitorch_cv.use("reference") if interpreted else nullcontext():
        yield


@pytest.fixture(scope="module")
def uninterrupted(quick_kernels):
    """What each kind of run reaches without a stop or a save."""
    outcomes = {}
    for kind in KINDS:
        run = Run(kind, seed=1)
        run.go()
        outcomes[kind] = run.outcome(), default_generator.get_state()
    return outcomes


def stop_at(run, number, path):
    """Train until this many steps are done in all, and save there."""
    taken = []

    def save_and_stop(step):
        taken.append(step)
        if len(taken) == number:
            run.parts.save(path)
            raise StopTraining

    run.go(on_step=save_and_stop)
    assert len(taken) == number


def assert_the_same(run, expected):
    outcome, generator = expected
    for got, wanted in zip(run.outcome(), outcome):
        assert got == wanted
    assert default_generator.get_state() == generator


@pytest.mark.parametrize("number", STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_resumed_after_any_step_a_run_ends_in_the_same_bits(kind, number, tmp_path, uninterrupted):
    stop_at(Run(kind, seed=1), number, tmp_path / "c.safetensors")
    resumed = Run(kind, seed=50)
    resumed.parts.load(tmp_path / "c.safetensors")
    resumed.go()
    assert_the_same(resumed, uninterrupted[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_between_two_epochs(kind, tmp_path, uninterrupted):
    run = Run(kind, seed=1)
    run.go(epochs=1, on_epoch=lambda epoch: run.parts.save(tmp_path / "c.safetensors"))
    resumed = Run(kind, seed=50)
    resumed.parts.load(tmp_path / "c.safetensors")
    assert len(resumed.go()) == EPOCHS
    assert_the_same(resumed, uninterrupted[kind])


def test_resumed_again_and_again(tmp_path, uninterrupted):
    """A stop after every single step, each time into fresh objects."""
    path = tmp_path / "c.safetensors"
    Run("residual", seed=1).parts.save(path)
    for seed in range(EPOCHS * BATCHES):
        run = Run("residual", seed + 100)
        run.parts.load(path)
        stop_at(run, 1, path)
    last = Run("residual", 99)
    last.parts.load(path)
    last.go()
    assert_the_same(last, uninterrupted["residual"])


def test_saving_disturbs_nothing(tmp_path, uninterrupted):
    run = Run("residual", seed=1)
    run.go(on_step=lambda step: run.parts.save(tmp_path / "c.safetensors"))
    assert_the_same(run, uninterrupted["residual"])


def test_the_time_before_the_stop_counts(tmp_path):
    run = Run("residual", seed=1)
    stop_at(run, 3, tmp_path / "c.safetensors")
    run.parts.progress.seconds = 1000.0
    run.parts.save(tmp_path / "c.safetensors")
    resumed = Run("residual", seed=1)
    resumed.parts.load(tmp_path / "c.safetensors")
    first, second = resumed.go()
    assert first.seconds > 1000 > second.seconds
    assert first.images_per_second < 1
