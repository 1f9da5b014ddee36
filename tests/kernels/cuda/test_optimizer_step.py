"""The optimizers' steps on a GPU, many parameters in one launch."""

import numpy as np
import pytest

from minitorch_kernels import optimizer_step_cuda, use
from minitorch_kernels.adadelta import adadelta_steps
from minitorch_kernels.adagrad import adagrad_steps
from minitorch_kernels.adam import adam_steps
from minitorch_kernels.arrays import on_cpu
from minitorch_kernels.cuda import graph
from minitorch_kernels.rmsprop import rmsprop_steps
from minitorch_kernels.sgd import sgd_steps

from .test_kernels import there

SIZES = [(3, 4), (), (0, 2), (optimizer_step_cuda.TASK + 5,), (2, 3)]


@pytest.fixture
def launches(monkeypatch):
    """The names of the kernels that run."""
    names = []

    def count(file, name, *args):
        names.append(name)
        original(file, name, *args)

    original = optimizer_step_cuda.launch
    monkeypatch.setattr(optimizer_step_cuda, "launch", count)
    return names


def arrays(rng, dtype, count):
    """For each of SIZES `count` arrays; those of the last size lie differently from one another."""
    made = [[np.array(rng.uniform(0.5, 2, size), dtype) for size in SIZES] for _ in range(count)]
    for i, of_kind in enumerate(made):
        of_kind[-1] = np.asfortranarray(of_kind[-1]) if i % 2 else np.repeat(of_kind[-1], 2, 1)[:, ::2]
    return made


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sgd_takes_all_parameters_in_one_launch(rng, dtype, launches):
    given = arrays(rng, dtype, 3)
    devices = [[there(array) for array in of_kind] for of_kind in given]
    devices[0][-1], devices[2][-1] = there(given[0][-1], lambda array: array.copy("F")), there(given[2][-1].T).T
    options = 0.1, 0.9, 0.0, True, 0.2, False
    sgd_steps(*devices, *options, [False] * len(SIZES))
    assert launches == ["sgd_step"]
    with use("reference"):
        sgd_steps(*given, *options, [False] * len(SIZES))
    for kind in (0, 1, 2):
        for got, want in zip(devices[kind], given[kind]):
            np.testing.assert_allclose(on_cpu(got), want, rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_parameters_that_start_later_have_a_launch_of_their_own(rng, launches):
    given = arrays(rng, np.float64, 3)
    devices = [[there(array, np.copy) for array in of_kind] for of_kind in given]
    first = [True, False, False, True, True]
    options = 0.1, 0.9, 0.5, False, 0.0, True
    sgd_steps(*devices, *options, first)
    assert launches == ["sgd_step"] * 2
    with use("reference"):
        sgd_steps(*given, *options, first)
    for got, want in zip(devices[0] + devices[2], given[0] + given[2]):
        np.testing.assert_allclose(on_cpu(got), want, rtol=1e-12)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_takes_all_parameters_of_one_step_in_one_launch(rng, amsgrad, launches):
    given = arrays(rng, np.float64, 5)
    devices = [[there(array, np.copy) for array in of_kind] for of_kind in given]
    if not amsgrad:
        given[4] = devices[4] = [None] * len(SIZES)
    options = 0.1, 0.9, 0.99, 1e-8, 0.1, True, False
    for steps, expected in (([3] * 5, 1), ([3, 4, 3, 4, 3], 3)):
        adam_steps(*devices, *options, steps)
        assert launches == ["adam_step"] * expected
        with use("reference"):
            adam_steps(*given, *options, steps)
    for kind in (0, 2, 3, *([4] if amsgrad else [])):
        for got, want in zip(devices[kind], given[kind]):
            np.testing.assert_allclose(on_cpu(got), want, rtol=1e-12)


STEPS = [
    ("rmsprop_step", rmsprop_steps, 5, (0.1, 0.9, 1e-3, 0.2, 0.8, True), 1),
    ("adadelta_step", adadelta_steps, 4, (0.7, 0.9, 1e-3, 0.2, True), 1),
    ("adagrad_step", adagrad_steps, 3, ([0.1, 0.1, 0.1, 0.2, 0.1], 1e-3, 0.2, True), 2),  # of two learning rates
]


@pytest.mark.parametrize(("name", "steps", "count", "options", "expected"), STEPS)
def test_the_others_take_all_parameters_in_one_launch(rng, launches, name, steps, count, options, expected):
    given = arrays(rng, np.float64, count)
    for square_avg in given[2]:
        square_avg += 10  # no variance is negative
    devices = [[there(array, np.copy) for array in of_kind] for of_kind in given]
    steps(*devices, *options)
    assert launches == [name] * expected
    with use("reference"):
        steps(*given, *options)
    for of_kind, wanted in zip(devices[:1] + devices[2:], given[:1] + given[2:]):
        for got, want in zip(of_kind, wanted):
            np.testing.assert_allclose(on_cpu(got), want, rtol=1e-12)


def test_parameters_of_two_types_are_refused(rng):
    params = [there(np.ones(3, np.float32)), there(np.ones(3))]
    with pytest.raises(TypeError, match="sgd_step: an array of float64 beside parameters of float32"):
        sgd_steps(params, params, [None, None], 0.1, 0.0, 0.0, False, 0.0, False, [False, False])


def test_a_table_is_kept(rng):
    params, grads = [there(np.ones(3))], [there(np.ones(3))]
    before = optimizer_step_cuda.task_table.cache_info().hits
    for _ in range(2):
        sgd_steps(params, grads, [None], 0.1, 0.0, 0.0, False, 0.0, False, [False])
    assert optimizer_step_cuda.task_table.cache_info().hits == before + 1
    np.testing.assert_allclose(on_cpu(params[0]), 0.8)


def test_numbers_are_refreshed_launch_by_launch(monkeypatch):
    """Parameters that start later have a launch of their own; nothing is launched by a refresh."""
    writes, original = [], graph.overwrite
    monkeypatch.setattr(graph, "overwrite", lambda array, values: (writes.append(1), original(array, values)))
    params, buffers = [there(np.ones(3)), there(np.ones(2))], [there(np.ones(3)), there(np.ones(2))]
    options = 0.9, 0.0, False, 0.0, False
    launches = []
    with optimizer_step_cuda.captured(launches):
        sgd_steps(params, params, buffers, 0.5, *options, [True, False])
    assert [(numbers.values[0], numbers.values[-1]) for numbers in launches] == [(0.5, True), (0.5, False)]
    before = [on_cpu(param) for param in params]
    with optimizer_step_cuda.refreshed(launches):
        sgd_steps(params, params, buffers, 0.25, *options, [False, True])
    assert [(on_cpu(numbers.array)[0], on_cpu(numbers.array)[-1]) for numbers in launches] == [(0.25, 0), (0.25, 1)]
    for param, values in zip(params, before):
        np.testing.assert_array_equal(on_cpu(param), values)
    with optimizer_step_cuda.refreshed(launches):
        sgd_steps(params, params, buffers, 0.25, *options, [False, True])
    assert len(writes) == 2
    with pytest.raises(RuntimeError, match="fewer"), optimizer_step_cuda.refreshed(launches):
        sgd_steps(params, params, buffers, 0.1, *options, [True, True])
    with pytest.raises(RuntimeError, match="more launches"), optimizer_step_cuda.refreshed(launches[:1]):
        sgd_steps(params, params, buffers, 0.1, *options, [True, False])
