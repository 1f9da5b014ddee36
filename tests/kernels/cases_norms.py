"""Arguments for the kernels of group and local response normalisation."""

import numpy as np

EPS = 1e-5

# shape of x, groups, with weight, with bias
GROUPS = [
    ((3, 4, 2, 3), 2, True, True),
    ((2, 6, 4), 3, False, False),
    ((5, 3), 1, True, True),  # a layer norm of rows
    ((17, 3, 2, 2), 3, True, False),  # an instance norm
    ((1, 4, 3, 2), 1, False, True),
    ((2, 3, 1, 1), 3, True, True),  # groups of one value
    ((0, 4, 2, 2), 2, True, True),
    ((2, 4, 0), 2, True, True),
]

# shape of x, size, alpha, beta, k: windows of either parity, wider than all channels, of one
NEIGHBOURS = [
    ((3, 7, 2, 3), 5, 0.5, 0.75, 1.0),
    ((2, 4, 5), 4, 0.8, 0.75, 2.0),
    ((17, 3, 2, 2), 2, 1.5, 0.5, 1.0),
    ((2, 3, 2, 1), 9, 0.3, 1.3, 0.5),
    ((1, 1, 2, 2), 1, 1.0, 1.0, 1.0),
    ((2, 3, 2, 2), 3, 0.5, 0.0, 1.0),
    ((0, 3, 2, 2), 3, 0.5, 0.75, 1.0),
    ((2, 0, 2, 2), 3, 0.5, 0.75, 1.0),
]


def normal(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def far_from_zero(rng, shape, dtype):
    return (100 + rng.standard_normal(shape)).astype(dtype)


def with_nan(rng, shape, dtype):
    """NaN in one group of one image: the others must stay finite."""
    x = normal(rng, shape, dtype)
    x[0, 0] = np.nan
    return x


def vector(rng, shape, dtype, given):
    return normal(rng, shape[1], dtype) if given else None


def groups(shape, groups, weight, bias, values=normal):
    return lambda rng, dtype: (
        values(rng, shape, dtype),
        groups,
        vector(rng, shape, dtype, weight),
        vector(rng, shape, dtype, bias),
        EPS,
    )


def groups_grad(shape, groups, weight, bias, values=normal):
    def arguments(rng, dtype):
        mean, rstd = normal(rng, (shape[0], groups), dtype), rng.uniform(0.5, 2, (shape[0], groups)).astype(dtype)
        return (
            normal(rng, shape, dtype),
            values(rng, shape, dtype),
            groups,
            vector(rng, shape, dtype, weight),
            mean,
            rstd,
        )

    return arguments


def neighbours(shape, size, alpha, beta, k):
    return lambda rng, dtype: (normal(rng, shape, dtype), size, alpha, beta, k)


def neighbours_grad(shape, size, alpha, beta, k):
    def arguments(rng, dtype):
        s = rng.uniform(0.5, 3, shape).astype(dtype)
        return normal(rng, shape, dtype), normal(rng, shape, dtype), s, size, alpha, beta

    return arguments


CASES = {
    "group_norm": [groups(*row) for row in GROUPS]
    + [groups(*GROUPS[0], values) for values in (far_from_zero, with_nan)],
    "group_norm_grad": [groups_grad(*row) for row in GROUPS] + [groups_grad(*GROUPS[0], with_nan)],
    "local_response_norm": [neighbours(*row) for row in NEIGHBOURS],
    "local_response_norm_grad": [neighbours_grad(*row) for row in NEIGHBOURS],
}

LARGE = {
    "group_norm": [groups((150, 6, 3, 4), 2, True, True), groups((300, 20), 1, True, True)],
    "group_norm_grad": [groups_grad((150, 6, 3, 4), 2, True, True), groups_grad((300, 20), 1, True, True)],
    "local_response_norm": [neighbours((33, 6, 8, 9), 5, 0.5, 0.75, 1.0)],
    "local_response_norm_grad": [neighbours_grad((33, 6, 8, 9), 5, 0.5, 0.75, 1.0)],
}
