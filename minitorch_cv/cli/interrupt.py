"""Ctrl-C that waits for the end of the batch, so that what is saved afterwards is not half a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from ..distributed.collectives import on_any_rank


class Interrupt:
    """In its `with` block a first Ctrl-C is only noted, until `check` raises it; a second one interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self.between_batches = False  # did the interruption come where everything is in a consistent state?
        self.previous: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers, or is interrupted
            self.previous = signal.signal(signal.SIGINT, self.note)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)

    def note(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C was pressed."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self) -> None:
        """KeyboardInterrupt if Ctrl-C was pressed before; on all ranks at once, whichever noted it first."""
        (self.asked,) = on_any_rank([self.asked])
        if self.asked:
            self.between_batches = True
            raise KeyboardInterrupt


class Interruptible:
    """The batches of a loader, up to a Ctrl-C: evaluating changes nothing, so it may end after any batch."""

    def __init__(self, loader: Any, interrupt: Interrupt):
        self.loader = loader
        self.interrupt = interrupt

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            self.interrupt.check()
            yield batch
