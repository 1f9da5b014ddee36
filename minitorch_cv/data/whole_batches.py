"""What data sets and transforms can do: make a whole batch at once, draw random numbers from a given generator."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np


def makes_whole_batches(cls: type, whole: str, single: str) -> bool:
    """True for a class whose method `whole` agrees with its method `single`.

    A subclass that overrides the single form alone, to augment samples say, inherits a whole form that ignores it.
    """
    for ancestor in cls.__mro__:
        if whole in vars(ancestor):
            return True
        if single in vars(ancestor):
            return False
    return False


def takes_generator(function: Callable[..., Any]) -> bool:
    """True for a function with an argument of the name `generator`."""
    return "generator" in inspect.signature(function).parameters


def transform_draws(transform: Any) -> bool:
    """Whether a transform, or one of the steps it is composed of, draws random numbers from a generator it is given.

    It does if its `batch(images, generator)` cannot do without one: transforms that draw nothing have generator=None.
    """
    steps = getattr(transform, "transforms", None)
    if steps is not None:
        return any(transform_draws(step) for step in steps)
    whole = inspect.signature(getattr(transform, "batch", len)).parameters.get("generator")
    return whole is not None and whole.default is whole.empty


def batch_generator(seed: int | None, number: int) -> np.random.Generator | None:
    """The generator of an epoch's batch of this number, None where the epoch needs no random numbers."""
    return None if seed is None else np.random.default_rng([seed, number])


def with_generator(transform: Any, generator: np.random.Generator | None) -> Any:
    """A transform like this one, for single images, whose random numbers come from `generator` where one is given."""
    if generator is None or not transform_draws(transform):
        return transform
    copied = copy.copy(transform)
    if hasattr(transform, "transforms"):
        copied.transforms = [with_generator(step, generator) for step in transform.transforms]
    else:
        copied.generator = generator
    return copied
