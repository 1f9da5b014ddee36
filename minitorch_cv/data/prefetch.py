"""Work done ahead of the one who needs it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Any


def prefetched(work: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], ahead: int) -> Iterator[Any]:
    """work(*task) of every task in turn, done in one thread that is at most `ahead` tasks before the caller.

    The tasks themselves are drawn in the caller's thread. An exception of `work` is raised where its result is taken,
    with its traceback. The thread ends with the tasks, or after the task at hand once the iterator is closed or let go.
    RuntimeError where the process was forked in between: the new one has no such thread.
    """
    process = os.getpid()
    waiting = iter(tasks)
    # Entering the executor as a context would wait for its thread, and a loop that breaks off need not.
    executor = ThreadPoolExecutor(1, "minitorch-cv-prefetch")
    done: deque[Future[Any]] = deque()

    def submit(count: int) -> None:
        done.extend(executor.submit(copy_context().run, work, *task) for task in islice(waiting, count))

    try:
        submit(ahead)
        while done:
            if os.getpid() != process:
                raise RuntimeError(
                    "this process was forked in the middle of a loop over batches, which a thread of its parent "
                    "prepares; begin the loop in the new process"
                )
            result = done.popleft().result()
            submit(1)
            yield result
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
