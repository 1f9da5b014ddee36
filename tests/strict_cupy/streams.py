"""Streams and graphs: work is done at once, unless the current stream captures it; then only a launch does it."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import devices


class Graph:
    """What a stream captured."""

    def __init__(self, calls: list[Callable[[], Any]], number: int) -> None:
        self.calls, self.number = calls, number

    def launch(self, stream: Any = None) -> None:
        devices.refuse_other_devices([self.number])
        if get_current_stream().captured is not None:
            raise devices.CUDARuntimeError("cudaErrorStreamCaptureUnsupported: a graph inside of a graph")
        with np.errstate(all="ignore"):
            for call in self.calls:
                call()

    def upload(self, stream: Any = None) -> None:
        """It is there."""


class Stream:
    """Stands for cupy.cuda.Stream; a stream belongs to the GPU that was current when it was made."""

    null: Any

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None
    ) -> None:
        self.device_id = -1 if null or ptds else devices.get_device()
        self.ptr = 0 if null else 2 if ptds else id(self)
        self.captured: list[Callable[[], Any]] | None = None

    def __enter__(self) -> "Stream":
        self.refuse_other_device()
        number = devices.get_device()
        thread.before.append((number, thread.current.get(number, Stream.null)))
        thread.current[number] = self
        return self

    def __exit__(self, *_: Any) -> None:
        number, stream = thread.before.pop()
        thread.current[number] = stream

    def use(self) -> "Stream":
        self.refuse_other_device()
        thread.current[devices.get_device()] = self
        return self

    def refuse_other_device(self) -> None:
        if self.device_id not in (-1, devices.get_device()):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id}) does not match with the current device "
                f"({devices.get_device()})"
            )

    def begin_capture(self, mode: Any = None) -> None:
        if self.device_id == -1:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        self.captured = []

    def end_capture(self) -> Graph:
        captured, self.captured = self.captured, None
        if captured is None:
            raise devices.CUDARuntimeError("cudaErrorIllegalState: the stream does not capture")
        return Graph(captured, self.device_id)

    def is_capturing(self) -> bool:
        return self.captured is not None

    def synchronize(self) -> None:
        refuse_while_capturing("synchronous API calls")


Stream.null = Stream(null=True)
Stream.ptds = Stream(ptds=True)


class _Thread(threading.local):
    """The current stream of each GPU; the null stream where none was chosen."""

    def __init__(self) -> None:
        self.current: dict[int, Stream] = {}
        self.before: list[tuple[int, Stream]] = []


thread = _Thread()


def get_current_stream(device_id: int = -1) -> Stream:
    return thread.current.get(devices.get_device() if device_id < 0 else device_id, Stream.null)


def submit(work: Callable[[], Any]) -> None:
    """Do the work, or have the graph do it that the current stream captures."""
    captured = get_current_stream().captured
    if captured is None:
        work()
    else:
        captured.append(work)


def refuse_while_capturing(what: str) -> None:
    if get_current_stream().captured is not None:
        raise RuntimeError(f"the current stream is capturing, so {what} are disallowed")
