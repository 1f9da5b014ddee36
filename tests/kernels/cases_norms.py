"""Arguments for the kernels of local response normalisation: windows of either parity, wider than all channels."""

# shape of x, size, alpha, beta, k
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


def neighbours(shape, size, alpha, beta, k):
    return lambda rng, dtype: (normal(rng, shape, dtype), size, alpha, beta, k)


def neighbours_grad(shape, size, alpha, beta, k):
    def arguments(rng, dtype):
        s = rng.uniform(0.5, 3, shape).astype(dtype)
        return normal(rng, shape, dtype), normal(rng, shape, dtype), s, size, alpha, beta

    return arguments


CASES = {
    "local_response_norm": [neighbours(*row) for row in NEIGHBOURS],
    "local_response_norm_grad": [neighbours_grad(*row) for row in NEIGHBOURS],
}

LARGE = {
    "local_response_norm": [neighbours((33, 6, 8, 9), 5, 0.5, 0.75, 1.0)],
    "local_response_norm_grad": [neighbours_grad((33, 6, 8, 9), 5, 0.5, 0.75, 1.0)],
}
