"""Ctrl-C, and the signals that end a process, wait for the end of the batch: what is saved then is not half a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from ..distributed.collectives import on_any_rank

# Ctrl-C; what docker stop, systemd and batch systems send; a terminal that was closed (not on Windows).
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupt:
    """In its `with` block a first signal is only noted, until `check` raises KeyboardInterrupt; a second one does so.

    Once it was raised, further signals are ignored, so that saving what was reached is not interrupted.
    """

    def __init__(self) -> None:
        self.number: int | None = None  # of the signal
        self.raised = False
        self.between_batches = False  # did the interruption come where everything is in a consistent state?
        self.previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers, or is interrupted
            for number in SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
                    self.previous[number] = signal.signal(number, self.note)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def note(self, number: int, frame: FrameType | None) -> None:
        """A signal came."""
        if self.raised:
            return
        if self.number is not None:
            self.raise_now()
        self.number = number

    def check(self) -> None:
        """KeyboardInterrupt if a signal came before; on all ranks at once, whichever noted it first."""
        noted = on_any_rank([self.number == number for number in SIGNALS])
        if any(noted):
            self.number = SIGNALS[noted.index(True)]
            self.between_batches = True
            self.raise_now()

    def raise_now(self) -> None:
        """End what is under way."""
        self.raised = True
        raise KeyboardInterrupt

    def ignore(self) -> None:
        """From here on, signals are ignored: what is saved should be saved whole."""
        self.raised = True

    @property
    def status(self) -> int:
        """The exit status of a process that the signal ended, as shells have it."""
        return 128 + (signal.SIGINT if self.number is None else self.number)

    @property
    def name(self) -> str:
        """What a user calls the signal."""
        return "Ctrl-C" if self.number in (None, signal.SIGINT) else signal.Signals(self.number).name


class Interruptible:
    """The batches of a loader, up to a signal: evaluating changes nothing, so it may end after any batch."""

    def __init__(self, loader: Any, interrupt: Interrupt):
        self.loader = loader
        self.interrupt = interrupt

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            self.interrupt.check()
            yield batch
