"""Every CUDA kernel, on the GPU of --device, against its reference: the cases of test_implementations."""

import numpy as np
import pytest

from minitorch_kernels import REGISTRY
from minitorch_kernels.arrays import is_on_gpu, on_cpu
from minitorch_kernels.cuda import simulator

from ...gpu import there
from ..test_implementations import (
    CASES,
    IN_PLACE,
    arguments,
    batch_last,
    compare,
    is_float_array,
    negative_strides,
    parameters,
    reversed_storage,
    run,
    with_gaps,
)

CUDA = {name: cases for name, cases in CASES.items() if REGISTRY[name].cuda is not None}


def run_cuda(name, args):
    """Call the CUDA implementation, check that it left its inputs alone -> its outputs and what it wrote in place."""
    in_place = IN_PLACE.get(name, ())
    before = [on_cpu(a) if is_on_gpu(a) else a for a in args]
    returned = REGISTRY[name](*args)
    for i, (now, then) in enumerate(zip(args, before)):
        if is_on_gpu(now) and i not in in_place:
            np.testing.assert_array_equal(on_cpu(now), then, f"argument {i} was changed")
    outputs = [out for out in (returned if isinstance(returned, tuple) else (returned,)) if out is not None]
    assert all(is_on_gpu(out) for out in outputs)
    return [on_cpu(a) for a in (*outputs, *(args[i] for i in in_place)) if a is not None]


@parameters(CUDA)
def test_cuda_matches_reference(name, case, dtype):
    compare(run_cuda(name, [there(a) for a in arguments(case, dtype)]), run(name, "reference", arguments(case, dtype)))


@pytest.mark.parametrize("storage", [reversed_storage, negative_strides, batch_last, with_gaps])
@parameters(CUDA)
def test_any_strides(name, case, dtype, storage):
    args = [there(a, storage) for a in arguments(case, dtype)]
    compare(run_cuda(name, args), run(name, "reference", arguments(case, dtype)))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@parameters(CUDA)
def test_special_values_reach_the_same_outputs(name, case, dtype, special):
    for position, array in enumerate(arguments(case, dtype)):
        if is_float_array(array) and array.size:
            args, same = arguments(case, dtype), arguments(case, dtype)
            for each in (args, same):
                each[position].flat[array.size // 2] = special
            with np.errstate(all="ignore"):
                compare(run_cuda(name, [there(a) for a in args]), run(name, "reference", same))


@parameters(CUDA)
def test_no_bit_depends_on_the_order_of_threads(name, case, dtype, monkeypatch):
    outputs = []
    for seed in (0, 1):
        monkeypatch.setattr(simulator, "shuffle_seed", seed)
        outputs.append(run_cuda(name, [there(a) for a in arguments(case, dtype)]))
    for in_order, shuffled in zip(*outputs, strict=True):
        assert in_order.tobytes() == shuffled.tobytes()
