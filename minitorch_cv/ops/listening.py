"""Who wants to hear of each operation as it is carried out: exporters and other readers of a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Listener = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any], None]


class _Current(threading.local):
    listener: Listener | None = None


current = _Current()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Inside the `with` block, call `listener(function, args, options, result)` after each operation of this thread.

    function is the one that was decorated with `@differentiable`, args and options are what it was called with, tensors
    as tensors, and result its tensor, or tuple of tensors.
    """
    before, current.listener = current.listener, listener
    try:
        yield
    finally:
        current.listener = before
