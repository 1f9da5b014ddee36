"""What NumPy did with arrays of the simulated GPU is done again by the tape, on what the arrays hold by then."""

import numpy as np
import pytest

from minitorch_kernels import tape
from minitorch_kernels.arrays import on_cpu, on_gpu
from minitorch_kernels.sim_arrays import SimArray, sim_module

X = np.arange(12.0).reshape(3, 4) - 5


def device_array(values):
    return np.array(values).view(SimArray)


@pytest.fixture
def recorded():
    """A tape that runs until the test ends."""
    tape.current.tape = tape.Tape()
    yield tape.current.tape
    tape.current.tape = None


def write_first_row(x):
    y = x.copy()
    y[0] = x[1] * 2
    y[0, 1:] += 1
    return y


def written_with_functions(x):
    y, z = sim_module.empty_like(x), sim_module.zeros(3)
    np.copyto(y, x)
    y.fill(x[0, 0])
    np.add(y, 1, out=y)
    z += x.sum(1)
    return y + z[:, None]


FUNCTIONS = {
    "ufunc": lambda x: np.exp(x) - x,
    "two results": lambda x: sum(np.divmod(x, 3)),
    "reduced": lambda x: x.sum() + x.max(axis=0) + np.add.reduce(x, 0) + x.mean(),
    "one element": lambda x: x[1, 2] * 2,
    "rows by number": lambda x: x[x.argmax(0)],
    "argsort": lambda x: x.argsort(1) + x.argmin(),
    "view of a copy": lambda x: x.T.reshape(-1)[::2].copy(),
    "ravel": lambda x: x.T.ravel() + x.T.flatten(),
    "type": lambda x: x.astype(np.float32) + x.T.astype(np.float32, copy=False).T,
    "cumulated": lambda x: x.cumsum(0) * x.cumprod(1) + x.clip(-1, 1).round(),
    "functions": lambda x: np.where(x > 0, x, 2) + np.concatenate([x[:1], x[1:]]),
    "copy or not": lambda x: sim_module.ascontiguousarray(x) + sim_module.ascontiguousarray(x.T).T,
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape) + np.moveaxis(x, 0, 1).T,
    "filled": lambda x: sim_module.full((3, 4), x[0, 0]) + sim_module.arange(4) + np.full_like(x, x.min()),
    "written": write_first_row,
    "written with functions": written_with_functions,
    "taken": lambda x: x.take([2, 0], axis=0) + x.repeat(2, axis=0)[:2] + x.std() + x.var(axis=0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_again_with_other_numbers(name, recorded):
    function, x = FUNCTIONS[name], device_array(X)
    result = function(x)
    tape.current.tape = None
    assert isinstance(result, SimArray)
    np.testing.assert_array_equal(on_cpu(result), on_cpu(function(device_array(X))))
    x[...] = device_array(X[::-1, ::-1] ** 2 - 3)
    expected = on_cpu(function(x))
    recorded.play()
    np.testing.assert_array_equal(on_cpu(result), expected)
    assert not np.array_equal(expected, on_cpu(function(device_array(X))))


def test_everything_that_an_array_can_do_is_noted_or_refused():
    """A method that computes unnoticed would leave its first result in every launch."""
    methods = {name for name in dir(np.ndarray) if callable(getattr(np.ndarray, name)) and name[0] != "_"}
    unnoticed = methods - vars(SimArray).keys()
    assert unnoticed == {"view", "setflags", "getfield", "setfield", "resize", "to_device"} & set(dir(np.ndarray))


READS = {
    "float": lambda x: float(x[0, 0]),
    "int": lambda x: int(x[0, 0]),
    "bool": lambda x: bool(x[0, 0]),
    "item": lambda x: x[0, 0].item(),
    "tolist": lambda x: x.tolist(),
    "get": lambda x: x.get(),
    "contains": lambda x: 2.0 in x,
}
UPLOADS = {
    "asarray": lambda x: sim_module.asarray([1.0, 2.0]),
    "a copy of an array": lambda x: on_gpu(np.ones(2), "cuda-sim"),
    "take": lambda x: x.take(np.array([0, 1])),
}


@pytest.mark.parametrize("name", [*READS, *UPLOADS])
def test_the_cpu_is_left_out(name, recorded):
    function, x = {**READS, **UPLOADS}[name], device_array(X)
    with pytest.raises(RuntimeError, match=rf"{name}.*a captured step leaves the CPU out"):
        function(x)
    tape.current.tape = None
    function(x)


def test_a_copy_to_the_cpu_is_refused(recorded):
    with pytest.raises(RuntimeError, match="get"):
        on_cpu(device_array(X))
