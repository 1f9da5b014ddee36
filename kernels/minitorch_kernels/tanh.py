"""The hyperbolic tangent and its gradient, one pass over memory each."""

from __future__ import annotations

import numpy as np

from .kernel import Kernel


def tanh_reference(x: np.ndarray) -> np.ndarray:
    """y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ), any shape; y in x's memory order."""
    return np.tanh(x)


def tanh_grad_reference(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy (1 - y²); dy and y of one shape, dx in y's memory order."""
    return dy * (1 - y * y)


tanh = Kernel("tanh", tanh_reference)
tanh_grad = Kernel("tanh_grad", tanh_grad_reference)
