"""Who wants to hear what is carried out: exporters hear each operation, a recording each call besides.

An operation is a function on arrays with a gradient (`ops/differentiable.py`). Whatever else a recording has to repeat
is marked `@told`: what draws random numbers, makes a tensor, compares, writes to memory, or changes the state of an
optimizer. What such a function does inside is its own affair: a recording repeats the call as a whole.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from minitorch_kernels.arrays import on_gpu_of

Listener = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any], None]
Function = TypeVar("Function", bound=Callable[..., Any])


class Recorder(Protocol):
    """Who hears of everything that happens in a thread."""

    def operation(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any
    ) -> None:
        """An operation was carried out."""

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], result: Any) -> None:
        """A function marked `@told` was called."""

    def module(self, module: Any) -> None:
        """A module of a network is about to be called."""

    def refuse(self, what: str, instead: str, *read: Any) -> None:
        """Raise: something happens that a recording could not repeat; `read` are tensors that Python looks into."""


class _Current(threading.local):
    listener: Listener | None = None
    recorder: Recorder | None = None


current = _Current()


@contextmanager
def listening(listener: Listener | None, recorder: Recorder | None = None) -> Iterator[None]:
    """Inside the `with` block, call `listener(function, args, options, result)` after each operation of this thread.

    function is the one that was decorated with `@differentiable`, args and options are what it was called with, tensors
    as tensors, and result its tensor, or tuple of tensors. A recorder hears of more (`Recorder`).
    """
    before = current.listener, current.recorder
    current.listener, current.recorder = listener, recorder
    try:
        yield
    finally:
        current.listener, current.recorder = before


def told(function: Function) -> Function:
    """Let a recording repeat the calls of `function`, with the tensors and arrays among its arguments taken anew."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        recorder = current.recorder
        if recorder is None and "cupy" not in sys.modules:
            return function(*args, **options)
        with on_gpu_of(getattr(arg, "_array", arg) for arg in args):
            if recorder is None:
                return function(*args, **options)
            with listening(None):
                result = function(*args, **options)
        recorder.call(function, args, options, result)
        return result

    return call  # type: ignore[return-value]


def when_captured(how: str) -> Callable[[Function], Function]:
    """Mark, below `@told`, what a step that is captured on a GPU makes of a function; without it, none is captured.

    "device": it does nothing but work on arrays of the GPU. "host": it changes numbers that Python holds, and nothing
    else; it is called before each launch. "gradients": it sets the gradients of what it is called on to None or zero.
    "refreshed": it is the step of an optimizer. `compiled/capturing.py` does the rest.
    """

    def mark(function: Function) -> Function:
        function.when_captured = how  # type: ignore[attr-defined]
        return function

    return mark


def refuse_recording(what: str, instead: str, *read: Any) -> None:
    """In a recording, raise an error that says that `what` cannot be repeated, and what to do instead.

    `read` are the tensors whose numbers Python gets to see.
    """
    if current.recorder is not None:
        current.recorder.refuse(what, instead, *read)
