"""Optimizers: how parameters follow their gradients."""

from .optimizer import Optimizer
from .sgd import SGD
