"""What the simulated GPU was asked to do, noted in order so that it can be done again: its stand-in for a CUDA graph.

While a tape runs, each launch of a kernel and each function of NumPy on arrays of `cuda-sim` is carried out and noted,
with the very arrays it read and made. What a CUDA graph could not repeat is refused: numbers that are read to the host,
and arrays that come from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


class Tape:
    """Calls in the order in which they were made; what they work on stays alive with them."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], Any]] = []

    def note(self, function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any], made: Any) -> None:
        """`made`, the result of function(*args, **options), is to be computed anew into the same memory."""
        given = [*arrays_in(args), *arrays_in(tuple(options.values()))]
        results = list(arrays_in(made))
        if made is not None and not results:
            return  # a shape, a type: nothing that a GPU would hear of
        fresh = [not any(np.may_share_memory(result, array) for array in given) for result in results]

        def again() -> None:
            for result, value, is_fresh in zip(results, arrays_in(as_arrays(function(*args, **options))), fresh):
                if is_fresh:
                    result[...] = value

        self.calls.append(again)

    def play(self) -> None:
        """Do all of it once more."""
        for call in self.calls:
            call()


class _Current(threading.local):
    """The tape of this thread, while it runs."""

    tape: Tape | None = None


current = _Current()


def perform(function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """function(*args, **options), with arrays for the numbers that NumPy returns; noted while a tape runs."""
    made = as_arrays(function(*args, **options))
    if current.tape is not None:
        current.tape.note(function, args, options, made)
    return made


def refuse_while_capturing(what: str) -> None:
    """RuntimeError for what would wait for the GPU, or be the same in each launch of a graph."""
    if current.tape is not None:
        raise RuntimeError(f"{what}: a captured step leaves the CPU out, and cannot exchange numbers with it")


def as_arrays(value: Any) -> Any:
    """NumPy's numbers as arrays without axes; also within tuples and lists."""
    if isinstance(value, (tuple, list)):
        return [*map(as_arrays, value)] if isinstance(value, list) else tuple(map(as_arrays, value))
    return np.asarray(value) if isinstance(value, np.generic) else value


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """The arrays in nested tuples and lists."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from arrays_in(part)
    elif isinstance(value, np.ndarray):
        yield value
