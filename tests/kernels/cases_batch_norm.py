"""Arguments for the batch-norm kernels: `CASES[name]` lists functions (rng, dtype) -> arguments."""

import numpy as np

EPS = 1e-5

# shape of x, with weight, with bias; fewer than 4 channels are shared by the threads, more are not
SHAPES = [
    ((3, 4), True, True),
    ((17, 3, 5), True, True),
    ((5, 6, 3, 2), True, True),
    ((3, 2, 4, 5), True, True),
    ((17, 2, 3, 3), False, False),
    ((1, 2, 3, 2), True, False),  # one image: statistics over its places only
    ((2, 1, 1, 1), False, True),
    ((0, 3, 2, 2), True, True),
    ((0, 2), False, False),
]


def normal(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def far_from_zero(rng, shape, dtype):
    return (100 + rng.standard_normal(shape)).astype(dtype)


def with_nan(rng, shape, dtype):
    """NaN in channel 0 alone: the other channels must stay finite."""
    x = normal(rng, shape, dtype)
    x[:1, 0] = np.nan
    return x


def with_infinity(rng, shape, dtype):
    x = normal(rng, shape, dtype)
    x[:1, 0] = np.inf
    return x


def vector(rng, shape, dtype, given=True):
    return normal(rng, shape[1], dtype) if given else None


def positive(rng, shape, dtype):
    return rng.uniform(0.5, 2, shape[1]).astype(dtype)


def train_case(shape, weight, bias, values=normal, residual=False, relu=False):
    return lambda rng, dtype: (
        values(rng, shape, dtype),
        vector(rng, shape, dtype, weight),
        vector(rng, shape, dtype, bias),
        EPS,
        normal(rng, shape, dtype) if residual else None,
        relu,
    )


def train_grad_case(shape, weight, values=normal, relu=None, to_residual=False):
    """relu: how a ReLU is given, by "line" or "y"."""

    def arguments(rng, dtype):
        x = values(rng, shape, dtype)
        axes = (0, *range(2, x.ndim))
        count = max(1, x.size // x.shape[1])
        mean = x.sum(axes) / count
        eps = 0.1  # with a small one, dx of a channel of two values is all cancellation
        rstd = 1 / np.sqrt((x.astype(np.float64) ** 2).sum(axes) / count - mean.astype(np.float64) ** 2 + eps)
        return (
            normal(rng, shape, dtype),
            x,
            vector(rng, shape, dtype, weight),
            mean.astype(dtype),
            rstd.astype(dtype),
            normal(rng, (2, shape[1]), dtype) if relu == "line" else None,
            relu_output(rng, shape, dtype) if relu == "y" else None,
            to_residual,
        )

    return arguments


def relu_output(rng, shape, dtype):
    """About half zeros."""
    return np.maximum(normal(rng, shape, dtype), 0)


def inference_case(shape, weight, bias, values=normal, residual=False, relu=False):
    return lambda rng, dtype: (
        values(rng, shape, dtype),
        vector(rng, shape, dtype),
        positive(rng, shape, dtype),
        vector(rng, shape, dtype, weight),
        vector(rng, shape, dtype, bias),
        EPS,
        normal(rng, shape, dtype) if residual else None,
        relu,
    )


def inference_grad_case(shape, weight, values=normal, relu=False, to_residual=False):
    return lambda rng, dtype: (
        normal(rng, shape, dtype),
        values(rng, shape, dtype),
        vector(rng, shape, dtype, weight),
        vector(rng, shape, dtype),
        positive(rng, shape, dtype),
        EPS,
        relu_output(rng, shape, dtype) if relu else None,
        to_residual,
    )


FUSED = [(True, True), (False, True), (True, False)]  # with a residual, with a ReLU
GATED = [("line", False), ("y", True), ("y", False), ("line", True)]  # how the ReLU is given, with a residual
FEW_AND_MANY = ((17, 2, 3, 3), (5, 6, 3, 2), (0, 3, 2, 2))

CASES = {
    "batch_norm_train": [train_case(*shape) for shape in SHAPES]
    + [train_case(shape, True, True, normal, *form) for shape in FEW_AND_MANY for form in FUSED]
    + [train_case(*shape, values) for shape in SHAPES[2:4] for values in (far_from_zero, with_nan)],
    "batch_norm_train_grad": [train_grad_case(shape, weight) for shape, weight, _ in SHAPES]
    + [train_grad_case(shape, True, normal, *form) for shape in FEW_AND_MANY for form in GATED]
    + [train_grad_case(SHAPES[3][0], True, normal, None, True), train_grad_case(*SHAPES[3][:2], with_nan)],
    "batch_norm_inference": [inference_case(*shape) for shape in SHAPES]
    + [inference_case(shape, True, True, normal, *form) for shape in FEW_AND_MANY for form in FUSED]
    + [inference_case(*SHAPES[3], values) for values in (far_from_zero, with_nan, with_infinity)],
    "batch_norm_inference_grad": [inference_grad_case(shape, weight) for shape, weight, _ in SHAPES]
    + [inference_grad_case(shape, True, normal, True, given) for shape in FEW_AND_MANY for given in (True, False)]
    + [inference_grad_case(*SHAPES[3][:2], with_nan)],
}

LARGE = {  # rows of more than one part, of odd length
    "batch_norm_train": [train_case((7, 2, 63, 79), True, True, normal, True, True)],
    "batch_norm_train_grad": [train_grad_case((7, 2, 63, 79), True, normal, *form) for form in GATED[:2]],
    "batch_norm_inference": [inference_case((7, 2, 63, 79), True, True)],
    "batch_norm_inference_grad": [inference_grad_case((7, 1, 63, 79), True)],
}
