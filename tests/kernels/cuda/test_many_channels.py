"""The kernels of which a block takes a strip of channels, where there is more than one strip, warp or share of rows."""

import numpy as np
import pytest

from minitorch_kernels.cuda import simulator

from .. import cases_batch_norm, cases_channel_sum, cases_loss, cases_norms, cases_pool
from ..test_implementations import arguments, compare, run
from .test_kernels import run_cuda, there


def pooled(shape):
    """3 x 3 windows that overlap, with ties."""
    return cases_pool.max_grad_case(shape, (3, 3), (2, 2), (1, 1), (1, 1), False, values=cases_pool.few_values)


def joined(rng, dtype):
    return 1, *(rng.standard_normal((3, C, 2, 2)).astype(dtype) for C in (40, 1, 65))


def resampled(rng, dtype):
    """Rows of more weights than a warp has lanes, one of which has none."""
    rows = rng.standard_normal((3, 70)).astype(dtype) * (rng.random((3, 70)) < 0.1)
    rows[1] = 0
    return rng.standard_normal((2, 3, 70, 2)).astype(dtype), rows, np.eye(2, dtype=dtype)


GROUPS = [
    ((2, 48, 5), 16, True, True),
    ((2, 600), 1, True, True),
    ((2, 520, 3), 2, True, False),
    ((2, 70, 3), 70, True, True),
]
MATRICES = [(3, 70), (1100, 63), (700, 2), (2, 130, 3, 5), (90, 63), (2, 1, 50, 60)]

CASES = [
    *(("channel_sum", cases_channel_sum.images(*shape)) for shape in MATRICES),
    *(("batch_norm_train", cases_batch_norm.train_case(shape, True, True, relu=True)) for shape in MATRICES),
    *(
        ("batch_norm_train", cases_batch_norm.train_case(shape, True, True, cases_batch_norm.far_from_zero))
        for shape in MATRICES[1:]
    ),
    *(
        ("batch_norm_train_grad", cases_batch_norm.train_grad_case(shape, True, relu=relu))
        for shape in MATRICES
        for relu in ("line", "y")
    ),
    *(("batch_norm_inference", cases_batch_norm.inference_case(shape, True, True)) for shape in MATRICES),
    *(("batch_norm_inference_grad", cases_batch_norm.inference_grad_case(shape, True)) for shape in MATRICES),
    *(("group_norm", cases_norms.groups(*row)) for row in GROUPS),
    *(("group_norm", cases_norms.groups(*row, cases_norms.far_from_zero)) for row in GROUPS[:2]),
    *(("group_norm_grad", cases_norms.groups_grad(*row)) for row in GROUPS),
    ("local_response_norm", cases_norms.neighbours((2, 70, 3), 5, 0.5, 0.75, 1.0)),
    ("local_response_norm_grad", cases_norms.neighbours_grad((2, 70, 3), 4, 0.5, 0.75, 1.0)),
    *(("max_pool2d_grad", pooled((2, C, 7, 6))) for C in (33, 64, 70)),
    ("max_pool2d_grad", pooled((2, 5, 3, 1))),
    *(
        (
            "softmax_cross_entropy",
            lambda rng, dtype, options=options: cases_loss.cross_entropy(rng, dtype, 9, 70, **options),
        )
        for options in cases_loss.LOSS_OPTIONS[:3]
    ),
    *(
        (
            "softmax_cross_entropy_grad",
            lambda rng, dtype, options=options: cases_loss.cross_entropy_grad(rng, dtype, 9, 70, **options),
        )
        for options in cases_loss.LOSS_OPTIONS[:3]
    ),
    ("join", joined),
    ("join", lambda rng, dtype: (0, *rng.standard_normal((2, 3, 1000)).astype(dtype))),
    ("resample2d", resampled),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_matches_reference_in_any_order_of_threads(name, case, dtype, monkeypatch):
    outputs = []
    for seed in (0, 1):
        monkeypatch.setattr(simulator, "shuffle_seed", seed)
        outputs.append(run_cuda(name, [there(a) for a in arguments(case, dtype)]))
    compare(outputs[0], run(name, "reference", arguments(case, dtype)))
    for in_order, shuffled in zip(*outputs, strict=True):
        assert in_order.tobytes() == shuffled.tobytes()
