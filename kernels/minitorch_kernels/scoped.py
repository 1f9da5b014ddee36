"""Functions that run in a context: what a context manager does when it is used as a decorator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

Context = Callable[[], AbstractContextManager[Any]]


def scoped(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    """`function`, each call of it in a `with context():` block of its own.

    The body of a generator runs in the block as well, from each `next` to the `yield` after it, and its caller outside.
    TypeError for a class, and for a coroutine, in whose pauses other code would run in the block.
    """
    if isinstance(function, type):
        raise TypeError(f"class {function.__name__}: decorate its methods instead, such as forward()")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function.__name__} is a coroutine, in whose pauses other code runs: use a `with` block inside it, "
            "without an await"
        )
    if inspect.isgeneratorfunction(function):
        return generator_in(function, context)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        with context():
            return function(*args, **options)

    return call


def generator_in(function: Callable[..., Generator[Any, Any, Any]], context: Context) -> Callable[..., Any]:
    """A generator function whose body runs in the context and leaves it at each yield."""

    @functools.wraps(function)
    def generate(*args: Any, **options: Any) -> Generator[Any, Any, Any]:
        with context():
            body = function(*args, **options)
        resume: Callable[..., Any] = body.send
        message: Any = None
        try:
            while True:
                try:
                    with context():
                        value = resume(message)
                except StopIteration as end:
                    return end.value
                try:
                    message, resume = (yield value), body.send
                except GeneratorExit:
                    raise
                except BaseException as error:  # thrown in by the caller: the body may catch it
                    message, resume = error, body.throw
        finally:
            with context():
                body.close()

    return generate
