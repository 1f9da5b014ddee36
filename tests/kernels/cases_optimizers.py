"""Arguments for the steps of the adaptive optimizers."""

from functools import partial

import numpy as np


def arrays(rng, dtype, shape, averages, variances):
    """A parameter and its gradient, running averages of any sign, and such as are never negative."""
    signed = [rng.standard_normal(shape).astype(dtype).reshape(shape) for _ in range(2 + averages)]
    return [np.array(a, dtype) for a in (*signed, *(rng.uniform(0.5, 2, shape) for _ in range(variances)))]


def adam(rng, dtype, shape=(3, 4, 2), amsgrad=False, weight_decay=0.0, decoupled=False, maximize=False, step=3):
    param, grad, exp_avg, exp_avg_sq, largest = arrays(rng, dtype, shape, averages=1, variances=2)
    largest = largest if amsgrad else None
    options = 0.1, 0.9, 0.99, 1e-8, weight_decay, decoupled, maximize, step
    return param, grad, exp_avg, exp_avg_sq, largest, *options


def rmsprop(rng, dtype, shape=(3, 4, 2), momentum=0.0, centered=False, weight_decay=0.0, maximize=False):
    param, grad, buffer, grad_avg, square_avg = arrays(rng, dtype, shape, averages=2, variances=1)
    square_avg += grad_avg**2  # a mean of squares is not below the square of the mean
    buffers = square_avg, buffer if momentum else None, grad_avg if centered else None
    return param, grad, *buffers, 0.1, 0.9, 1e-8, weight_decay, momentum, maximize


def adagrad(rng, dtype, shape=(3, 4, 2), weight_decay=0.0, maximize=False):
    param, grad, square_sum = arrays(rng, dtype, shape, averages=0, variances=1)
    return param, grad, square_sum, 0.1, 1e-10, weight_decay, maximize


def adadelta(rng, dtype, shape=(3, 4, 2), weight_decay=0.0, maximize=False):
    param, grad, square_avg, acc_delta = arrays(rng, dtype, shape, averages=0, variances=2)
    return param, grad, square_avg, acc_delta, 0.5, 0.9, 1e-6, weight_decay, maximize


def of_all(case, *more):
    """A step with no option, with those that all optimizers have, of one element, of none, and `more`."""
    common = [{}, {"weight_decay": 0.2}, {"maximize": True}, {"shape": (1, 1)}, {"shape": (0, 3)}]
    return [partial(case, **options) for options in (*common, *more)]


CASES = {
    "adam_step": of_all(
        adam,
        {"step": 1, "amsgrad": True, "weight_decay": 0.2},
        {"decoupled": True, "weight_decay": 0.2, "maximize": True},
        {"decoupled": True, "weight_decay": 0.2, "amsgrad": True},
    ),
    "rmsprop_step": of_all(
        rmsprop,
        {"momentum": 0.9},
        {"centered": True},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.2, "maximize": True},
    ),
    "adagrad_step": of_all(adagrad),
    "adadelta_step": of_all(adadelta),
}

LARGE = {
    "adam_step": [partial(adam, shape=(300, 333), amsgrad=True)],
    "rmsprop_step": [partial(rmsprop, shape=(300, 333), momentum=0.9, centered=True)],
    "adagrad_step": [partial(adagrad, shape=(99_999,))],
    "adadelta_step": [partial(adadelta, shape=(99_999,))],
}

IN_PLACE = {"adam_step": (0, 2, 3, 4), "rmsprop_step": (0, 2, 3, 4), "adagrad_step": (0, 2), "adadelta_step": (0, 2, 3)}
