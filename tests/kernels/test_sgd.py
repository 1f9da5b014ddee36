"""SGD steps against the recursion written with Python numbers."""

import numpy as np
import pytest

from minitorch_kernels import use
from minitorch_kernels.sgd import sgd_step

pytestmark = pytest.mark.parametrize("implementation", ["reference", "cpu"])


@pytest.fixture(autouse=True)
def chosen(implementation):
    """Run the kernels of each test on one implementation."""
    with use(implementation):
        yield


def walk_by_hand(start, gradients, lr, momentum, dampening, nesterov, weight_decay, maximize):
    """torch.optim.SGD on one number -> where it stands after all gradients."""
    w, velocity = start, None
    for gradient in gradients:
        g = (-gradient if maximize else gradient) + weight_decay * w
        if momentum:
            velocity = g if velocity is None else momentum * velocity + (1 - dampening) * g
            g = g + momentum * velocity if nesterov else velocity
        w = w - lr * g
    return w


@pytest.mark.parametrize(
    ("momentum", "dampening", "nesterov", "weight_decay", "maximize"),
    [
        (0.0, 0.0, False, 0.0, False),
        (0.0, 0.0, False, 0.1, True),
        (0.9, 0.0, False, 0.0, False),
        (0.9, 0.25, False, 0.1, False),
        (0.9, 0.0, True, 0.1, True),
    ],
)
def test_three_steps_by_hand(rng, momentum, dampening, nesterov, weight_decay, maximize):
    start, gradients = rng.standard_normal(4), rng.standard_normal((3, 4))
    param, buffer = start.copy(), np.full(4, np.nan) if momentum else None
    for i, grad in enumerate(gradients):
        sgd_step(param, grad, buffer, 0.5, momentum, dampening, nesterov, weight_decay, maximize, i == 0)
    expected = [
        walk_by_hand(w, g, 0.5, momentum, dampening, nesterov, weight_decay, maximize)
        for w, g in zip(start.tolist(), gradients.T.tolist())
    ]
    np.testing.assert_allclose(param, expected, rtol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_every_mixture_of_storage_orders(rng, momentum):
    """The update reaches the caller's own memory, element by element, however the three arrays lie."""
    start, grad, velocity = rng.standard_normal((3, 4, 6))
    layouts = [np.copy, np.asfortranarray, lambda a: np.repeat(a, 2, 1)[:, ::2], lambda a: a[::-1].copy()[::-1]]
    velocity_after = momentum * velocity + grad if momentum else grad
    for of_param in layouts:
        for of_grad in layouts:
            for of_buffer in layouts if momentum else [lambda a: None]:
                param, buffer = of_param(start), of_buffer(velocity)
                sgd_step(param, of_grad(grad), buffer, 0.1, momentum, 0.0, False, 0.0, False, False)
                np.testing.assert_allclose(param, start - 0.1 * velocity_after, rtol=1e-12)
                if momentum:
                    np.testing.assert_allclose(buffer, velocity_after, rtol=1e-12)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"sgd_step: momentum_buffer has shape \(2,\) but the parameter \(3,\); was"):
        sgd_step(np.ones(3), np.ones(3), np.ones(2), 0.1, 0.9, 0.0, False, 0.0, False, False)
    with pytest.raises(ValueError, match=r"sgd_step: grad has shape \(1,\) but the parameter \(3,\)"):
        sgd_step(np.ones(3), np.ones(1), None, 0.1, 0.0, 0.0, False, 0.0, False, False)


def test_returns_nothing(rng):
    assert sgd_step(np.ones(2), np.ones(2), None, 0.1, 0.0, 0.0, False, 0.0, False, False) is None
